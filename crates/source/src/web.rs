//! Single files of web servers.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, LOCATION};
use reqwest::{Client, Response, StatusCode, Url};

use crate::error::{Failure, FetchErrorKind};
use crate::git::{broken, client, redacted};
use crate::{BoxFuture, FetchError, GitRequest, MAX_REDIRECTS, network};

const OPERATION: &str = "fetch the file";
/// How long one file from a web server may be.
pub const MAX_WEB_FILE_BYTES: u64 = 16 << 20;
/// How long fetching one file may take.
pub const WEB_FILE_TIMEOUT_MS: u64 = 30_000;

/// How long the archive of an artifact that others serve may be.
pub const MAX_ARTIFACT_BYTES: u64 = 64 << 20;
/// How long fetching one may take.
pub const ARTIFACT_TIMEOUT_MS: u64 = 60_000;

/// Somewhere that files of web servers come from.
pub trait WebFetch: fmt::Debug + Send + Sync {
    /// The bytes at a URL. Dropping the future cancels.
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Bytes, FetchError>>;
}

/// Fetches files with plain GET requests: no credentials, no cookies, no
/// proxy from the environment; certificates are checked against the system's
/// authorities.
#[derive(Debug, Clone)]
pub struct WebFetcher {
    client: Client,
    max_bytes: u64,
    timeout_ms: u64,
}

impl WebFetcher {
    /// A fetcher with the limits above.
    pub fn new() -> Result<Self, FetchError> {
        let client = client(&GitRequest::new("")).map_err(|failure| named(failure, ""))?;
        Ok(WebFetcher {
            client,
            max_bytes: MAX_WEB_FILE_BYTES,
            timeout_ms: WEB_FILE_TIMEOUT_MS,
        })
    }

    /// A fetcher of the archives of artifacts that others serve, with their
    /// limits.
    pub fn of_artifacts() -> Result<Self, FetchError> {
        Ok(Self::new()?.with_limits(MAX_ARTIFACT_BYTES, ARTIFACT_TIMEOUT_MS))
    }

    /// The same with other limits.
    pub fn with_limits(self, max_bytes: u64, timeout_ms: u64) -> Self {
        WebFetcher {
            max_bytes,
            timeout_ms,
            ..self
        }
    }

    async fn fetch_within_time(&self, url: &str) -> Result<Bytes, Failure> {
        let limit = Duration::from_millis(self.timeout_ms);
        match tokio::time::timeout(limit, self.fetch_any(url)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let cause = format!("it took longer than the timeout of {limit:?}");
                Err(Failure::new(FetchErrorKind::Timeout, cause))
            }
        }
    }

    async fn fetch_any(&self, url: &str) -> Result<Bytes, Failure> {
        let mut url = Url::parse(url).map_err(|error| {
            let cause = format!("the URL cannot be read: {error}");
            Failure::new(FetchErrorKind::Invalid { field: "url" }, cause)
        })?;
        for _ in 0..=MAX_REDIRECTS {
            network::check(&url)?;
            let request = self.client.get(url.clone()).header(ACCEPT, "*/*");
            let response = request.send().await.map_err(broken)?;
            if !response.status().is_redirection() {
                return self.body(response).await;
            }
            url = redirected(&url, &response)?;
        }
        Err(Failure::limit("the number of redirects", MAX_REDIRECTS))
    }

    async fn body(&self, mut response: Response) -> Result<Bytes, Failure> {
        let status = response.status();
        if !status.is_success() {
            let cause = format!("HTTP status {status}");
            return Err(Failure::new(class_of(status), cause));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if (body.len() + chunk.len()) as u64 > self.max_bytes {
                let limit = format_args!("{} bytes", self.max_bytes);
                return Err(Failure::limit("the file", limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

impl WebFetch for WebFetcher {
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        Box::pin(async move {
            let outcome = self.fetch_within_time(url).await;
            outcome.map_err(|failure| named(failure, url))
        })
    }
}

/// What a status that is no success means for whoever asked.
fn class_of(status: StatusCode) -> FetchErrorKind {
    match status.as_u16() {
        401 | 403 => FetchErrorKind::Authentication,
        404 | 410 => FetchErrorKind::NotFound,
        408 | 425 | 429 | 500..=599 => FetchErrorKind::Unreachable,
        _ => FetchErrorKind::Protocol,
    }
}

fn named(failure: Failure, url: &str) -> FetchError {
    FetchError {
        kind: failure.kind,
        url: redacted(url),
        operation: OPERATION,
        cause: failure.cause,
    }
}

/// Where a redirect leads: to the web, never from HTTPS to HTTP, and with
/// nothing that the first URL or the redirect says of a user, unless the host
/// stays the same.
fn redirected(from: &Url, response: &Response) -> Result<Url, Failure> {
    let location = response.headers().get(LOCATION);
    let mut target = location
        .and_then(|value| value.to_str().ok())
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| Failure::protocol("the server redirects to nowhere"))?;
    if !matches!(target.scheme(), "http" | "https") {
        return Err(Failure::protocol("the server redirects to another scheme"));
    }
    if from.scheme() == "https" && target.scheme() != "https" {
        return Err(Failure::protocol(
            "the server redirects from HTTPS to an unprotected address",
        ));
    }
    let (username, password) = match from.origin() == target.origin() {
        true => (from.username(), from.password()),
        false => ("", None),
    };
    let _ = target.set_username(username);
    let _ = target.set_password(password);
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(from: &str, to: &str) -> Result<String, String> {
        let response = http::Response::builder().header(LOCATION, to).body("");
        let target = redirected(&Url::parse(from).unwrap(), &response.unwrap().into());
        target
            .map(|url| url.to_string())
            .map_err(|failure| failure.cause)
    }

    #[test]
    fn a_redirect_leads_to_the_web_and_never_from_https_to_http() {
        let open = led("https://h/a", "http://h/b").unwrap_err();
        assert!(open.contains("from HTTPS to an unprotected"), "{open}");
        for elsewhere in ["file:///etc/passwd", "ftp://h/b", "gopher://h/b"] {
            let refused = led("https://h/a", elsewhere).unwrap_err();
            assert!(refused.contains("to another scheme"), "{refused}");
        }
        assert_eq!(led("http://h/a", "https://h/b").unwrap(), "https://h/b");
        assert_eq!(led("https://u:p@h/a", "/b").unwrap(), "https://u:p@h/b");
        assert_eq!(
            led("https://u:p@h/a", "https://g/b").unwrap(),
            "https://g/b"
        );
    }
}
