//! Smart HTTP.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url};
use rustls::ClientConfig;
use trueup_kinds::outgoing::Certificates;

use super::tls;
use super::transport::{Body, PacketStream, ProtocolVersion};
use crate::error::{Failure, FetchErrorKind};
use crate::{Credentials, GitRequest, network};

const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const RESULT: &str = "application/x-git-upload-pack-result";
const REQUEST: &str = "application/x-git-upload-pack-request";
/// Some hosts serve Git only to clients whose name starts like this.
const USER_AGENT: &str = concat!("git/trueup-", env!("CARGO_PKG_VERSION"));
const OWN_USER_AGENT: &str = concat!("trueup/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// One remote over HTTP(S). After the first answer it stays with the address
/// to which the server redirected.
#[derive(Debug)]
pub(crate) struct HttpTransport {
    client: Client,
    base: Url,
    authorization: Option<HeaderValue>,
    max_redirects: u32,
}

/// Builds the client of a request: its certificates and proxy, nothing from
/// the environment. Costly enough to be kept for the next fetch.
pub(crate) fn client(request: &GitRequest) -> Result<Client, Failure> {
    let tls = tls::configuration(&request.credentials)?;
    finished(guarded(USER_AGENT, tls), request.proxy.as_ref())
}

/// A client that is yet to be finished, for requests to addresses that users
/// name: nothing from the environment, no redirects, link-local addresses not
/// found.
pub(crate) fn builder_with(certificates: Certificates) -> Result<ClientBuilder, Failure> {
    let tls = match certificates {
        Certificates::Verified => tls::configuration(&Credentials::default())?,
        Certificates::Unverified => tls::unverified()?,
    };
    Ok(guarded(OWN_USER_AGENT, tls))
}

/// The client of requests that are none of Git's.
pub(crate) fn client_with(
    certificates: Certificates,
    proxy: Option<&crate::Proxy>,
) -> Result<Client, Failure> {
    finished(builder_with(certificates)?, proxy)
}

fn guarded(user_agent: &str, tls: ClientConfig) -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .dns_resolver(Arc::new(network::Resolver))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(user_agent)
        .tls_backend_preconfigured(tls)
}

fn finished(builder: ClientBuilder, proxy: Option<&crate::Proxy>) -> Result<Client, Failure> {
    let builder = match proxy {
        Some(proxy) => builder.proxy(reqwest_proxy(proxy)?),
        None => builder,
    };
    builder.build().map_err(|error| {
        let cause = format!("the HTTP client cannot be set up: {error}");
        Failure::new(FetchErrorKind::Tls, cause)
    })
}

fn reqwest_proxy(proxy: &crate::Proxy) -> Result<reqwest::Proxy, Failure> {
    let made = reqwest::Proxy::all(&proxy.address).map_err(|_| {
        let field = "spec.proxySecretRef";
        Failure::new(
            FetchErrorKind::Invalid { field },
            "the proxy's address is malformed",
        )
    })?;
    Ok(match &proxy.login {
        Some((username, password)) => made.basic_auth(username, password),
        None => made,
    })
}

impl HttpTransport {
    /// A transport to `url`, which is free of credentials.
    pub(crate) fn new(
        client: Client,
        url: Url,
        credentials: &Credentials,
        max_redirects: u32,
    ) -> Result<Self, Failure> {
        network::check(&url)?;
        Ok(HttpTransport {
            client,
            base: url,
            authorization: authorization(credentials)?,
            max_redirects,
        })
    }

    pub(crate) async fn advertise(&mut self, max_bytes: u64) -> Result<PacketStream, Failure> {
        let mut base = self.base.clone();
        for _ in 0..=self.max_redirects {
            let url = endpoint(&base, "info/refs", Some("service=git-upload-pack"))?;
            let request = self.client.get(url.clone());
            let request = request.header("Git-Protocol", "version=2");
            let response = self.send(request).await?;
            if response.status().is_redirection() {
                base = redirected(&url, &response)?;
                self.follow(&base)?;
                continue;
            }
            let response = self.accept(response, ADVERTISEMENT)?;
            return Ok(PacketStream::new(Body::Http(response), max_bytes));
        }
        Err(Failure::limit(
            "the number of redirects",
            self.max_redirects,
        ))
    }

    pub(crate) async fn request(
        &self,
        body: Vec<u8>,
        version: ProtocolVersion,
        max_bytes: u64,
    ) -> Result<PacketStream, Failure> {
        let url = endpoint(&self.base, "git-upload-pack", None)?;
        let request = self.client.post(url).header(CONTENT_TYPE, REQUEST);
        let request = match version {
            ProtocolVersion::Two => request.header("Git-Protocol", "version=2"),
            ProtocolVersion::Zero => request,
        };
        let response = self.send(request.body(body)).await?;
        let response = self.accept(response, RESULT)?;
        Ok(PacketStream::new(Body::Http(response), max_bytes))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let request = match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        };
        request.send().await.map_err(broken)
    }

    /// Takes the redirect's target for the rest of the conversation. What is
    /// secret goes to no other host and never from HTTPS to HTTP, and nobody is
    /// sent to the machine's own link.
    fn follow(&mut self, target: &Url) -> Result<(), Failure> {
        network::check(target)?;
        if self.base.scheme() == "https" && target.scheme() != "https" {
            return Err(Failure::protocol(
                "the server redirects from HTTPS to an unprotected address",
            ));
        }
        if self.base.origin() != target.origin() && !upgrades(&self.base, target) {
            self.authorization = None;
        }
        self.base = target.clone();
        Ok(())
    }

    fn accept(&self, response: Response, content_type: &str) -> Result<Response, Failure> {
        if let Some(failure) = status_failure(response.status(), self.authorization.is_some()) {
            return Err(failure);
        }
        let given = response.headers().get(CONTENT_TYPE);
        let given = given.and_then(|value| value.to_str().ok()).unwrap_or("");
        let essence = given.split(';').next().unwrap_or("").trim();
        if essence != content_type {
            return Err(Failure::protocol(format!(
                "there is no Git repository at this address: the server answered with content type {essence:?}"
            )));
        }
        Ok(response)
    }
}

fn authorization(credentials: &Credentials) -> Result<Option<HeaderValue>, Failure> {
    let text = match (&credentials.bearer_token, &credentials.login) {
        (Some(token), _) => format!("Bearer {}", token.trim()),
        (None, Some((username, password))) => {
            let joined = format!("{username}:{password}");
            let encoded = base64::engine::general_purpose::STANDARD.encode(joined);
            format!("Basic {encoded}")
        }
        (None, None) => return Ok(None),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        let field = "spec.secretRef";
        Failure::new(
            FetchErrorKind::Invalid { field },
            "the Secret's credentials hold characters that cannot be sent",
        )
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn endpoint(base: &Url, tail: &str, query: Option<&str>) -> Result<Url, Failure> {
    let mut url = base.clone();
    let path = format!("{}/{tail}", base.path().trim_end_matches('/'));
    url.set_path(&path);
    url.set_query(query);
    Ok(url)
}

/// The repository's address after a redirect of its `info/refs`.
fn redirected(from: &Url, response: &Response) -> Result<Url, Failure> {
    let location = response.headers().get(LOCATION);
    let target = location
        .and_then(|value| value.to_str().ok())
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| Failure::protocol("the server redirects to nowhere"))?;
    let path = target.path().strip_suffix("/info/refs").ok_or_else(|| {
        Failure::protocol("the server redirects to an address that is no Git repository")
    })?;
    if !matches!(target.scheme(), "http" | "https") {
        return Err(Failure::protocol("the server redirects to another scheme"));
    }
    let mut base = target.clone();
    base.set_path(path);
    base.set_query(None);
    base.set_fragment(None);
    // Credentials in a redirect are somebody else's.
    let _ = base.set_username("");
    let _ = base.set_password(None);
    Ok(base)
}

/// The same host's protected side.
fn upgrades(from: &Url, to: &Url) -> bool {
    from.host_str() == to.host_str()
        && from.scheme() == "http"
        && to.scheme() == "https"
        && from.port().is_none()
        && to.port().is_none()
}

fn status_failure(status: StatusCode, with_login: bool) -> Option<Failure> {
    if status.is_success() {
        return None;
    }
    let (kind, meaning) = match status.as_u16() {
        401 | 403 if with_login => (
            FetchErrorKind::Authentication,
            "authentication failed, the server refused the credentials",
        ),
        401 | 403 => (
            FetchErrorKind::Authentication,
            "authentication required, and no credentials were given",
        ),
        404 | 410 => (FetchErrorKind::NotFound, "repository not found"),
        408 | 425 | 429 | 500..=599 => (
            FetchErrorKind::Unreachable,
            "the server cannot answer at the moment",
        ),
        _ => (FetchErrorKind::Protocol, "unexpected answer"),
    };
    let cause = format!("{meaning} (HTTP status {status})");
    Some(Failure::new(kind, cause))
}

/// Names what broke a connection, without the URL that reqwest adds.
pub(crate) fn broken(error: reqwest::Error) -> Failure {
    let timed_out = error.is_timeout();
    let error = error.without_url();
    let causes = causes(&error);
    let tls = causes.iter().any(|cause| cause.is::<rustls::Error>());
    let root = causes
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string);
    if tls {
        let cause = format!("no trusted connection: {root}");
        return Failure::new(FetchErrorKind::Tls, cause);
    }
    let kind = if timed_out {
        FetchErrorKind::Timeout
    } else {
        FetchErrorKind::Unreachable
    };
    Failure::new(kind, format!("the server cannot be reached: {root}"))
}

/// What an error wraps, the root last. An `io::Error` shows only the source of
/// what it wraps, so it is opened by hand.
fn causes(error: &reqwest::Error) -> Vec<&(dyn std::error::Error + 'static)> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause);
        let wrapped = cause.downcast_ref::<std::io::Error>();
        next = match wrapped.and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn std::error::Error + 'static)),
            None => cause.source(),
        };
    }
    causes
}
