//! Sends the requests that pure crates have made as values.

use crate::error::Failure;
use crate::git::{builder_with, client_with};
use crate::{BoxFuture, network};
use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, Url};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use trueup_kinds::outgoing::{
    Certificates, HttpAddress, Method, OutgoingRequest, ReceivedAnswer, Redirect,
};

/// How many proxies have a client that is kept.
const MAX_KEPT_CLIENTS: usize = 16;

/// Why there is no answer; the words name no address and no header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// No connection, no whole answer in time: the same may succeed later.
    #[error("{0}")]
    Failed(String),
    /// It must not be sent, now or later: a redirect to elsewhere, an address
    /// that belongs to the machine.
    #[error("{0}")]
    Refused(String),
}

/// Somebody who sends requests.
pub trait SendRequest: fmt::Debug + Send + Sync {
    /// The answer of one attempt, redirects on the same host followed.
    /// Dropping the future cancels.
    fn send(&self, request: OutgoingRequest) -> BoxFuture<'_, Result<ReceivedAnswer, Unanswered>>;
}

/// A client that is yet to be finished, for many requests to one address that
/// a user names: names that mean link-local addresses are not found, proxies of
/// the environment not used, redirects not followed. Addresses that are written
/// as numbers are the caller's to check, by [`check_outgoing`].
///
/// # Errors
/// When TLS can't be set up.
pub fn outgoing_client(certificates: Certificates) -> Result<ClientBuilder, Unanswered> {
    builder_with(certificates).map_err(|it| refused(&it))
}

/// Refuses an address that is written as one of the link alone.
///
/// # Errors
/// That it is.
pub fn check_outgoing(url: &Url) -> Result<(), Unanswered> {
    network::check(url).map_err(|it| refused(&it))
}

/// What broke a connection, without the address, which may be a secret.
#[must_use]
pub fn outgoing_cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        words = inner.to_string();
        cause = inner.source();
    }
    words
}

/// Sends over HTTP: no cookies, no proxy but that of the request, never to
/// addresses of the link alone.
#[derive(Debug, Default)]
pub struct HttpSender {
    clients: Mutex<BTreeMap<ClientKey, Client>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ClientKey {
    unverified: bool,
    proxy: Option<ProxyKey>,
}

/// Where the proxy is, and its user and password.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ProxyKey {
    url: String,
    login: Option<(String, String)>,
}

/// Nothing: a proxy may have a password.
impl fmt::Debug for ProxyKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ProxyKey")
    }
}

impl HttpSender {
    fn client(&self, request: &OutgoingRequest) -> Result<Client, Unanswered> {
        let key = ClientKey {
            unverified: request.certificates == Certificates::Unverified,
            proxy: request.proxy.as_ref().map(proxy_key),
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let proxy = key.proxy.as_ref().map(|proxy| crate::Proxy {
            address: proxy.url.clone(),
            login: proxy.login.clone(),
        });
        let client =
            client_with(request.certificates, proxy.as_ref()).map_err(|it| refused(&it))?;
        if clients.len() >= MAX_KEPT_CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }

    async fn follow(&self, mut request: OutgoingRequest) -> Result<ReceivedAnswer, Unanswered> {
        let mut followed = 0;
        loop {
            let answer = self.send_once(&request).await?;
            match request.redirect(&answer, followed) {
                Redirect::None => return Ok(answer),
                Redirect::Refused(words) => return Err(Unanswered::Refused(words)),
                Redirect::Follow(next) => request = *next,
            }
            followed += 1;
        }
    }

    async fn send_once(&self, request: &OutgoingRequest) -> Result<ReceivedAnswer, Unanswered> {
        let url = Url::parse(&request.address.to_url())
            .map_err(|_| Unanswered::Refused("the address cannot be read".to_owned()))?;
        network::check(&url).map_err(|it| refused(&it))?;
        let client = self.client(request)?;
        let mut sent = match request.method {
            Method::Get => client.get(url),
            Method::Post => client.post(url).body(request.body.clone()),
        };
        for (name, value) in &request.headers {
            sent = sent.header(name, value);
        }
        let response = sent.send().await.map_err(failed)?;
        received(response, request.max_answer_bytes).await
    }
}

impl SendRequest for HttpSender {
    fn send(&self, request: OutgoingRequest) -> BoxFuture<'_, Result<ReceivedAnswer, Unanswered>> {
        Box::pin(async move {
            let limit = Duration::from_millis(request.timeout_ms);
            match tokio::time::timeout(limit, self.follow(request)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Unanswered::Failed(format!("no answer within {limit:?}"))),
            }
        })
    }
}

fn proxy_key(address: &HttpAddress) -> ProxyKey {
    let login = address.user();
    ProxyKey {
        url: address.to_url(),
        login: login.map(|(user, password)| (user.to_owned(), password.to_owned())),
    }
}

async fn received(mut response: Response, most: usize) -> Result<ReceivedAnswer, Unanswered> {
    let header = |name| {
        let value = response.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let mut answer = ReceivedAnswer {
        status: response.status().as_u16(),
        location: header(LOCATION),
        retry_after: header(RETRY_AFTER),
        body: Vec::new(),
    };
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if answer.body.len() + chunk.len() > most {
            let words = format!("the answer is longer than {most} bytes");
            return Err(Unanswered::Refused(words));
        }
        answer.body.extend_from_slice(&chunk);
    }
    Ok(answer)
}

fn refused(failure: &Failure) -> Unanswered {
    Unanswered::Refused(failure.cause.clone())
}

fn failed(error: reqwest::Error) -> Unanswered {
    Unanswered::Failed(outgoing_cause(error))
}
