//! Makes load.

use crate::load::{Connections, Load, LoadError, Protocol, Redirects};
use crate::summary::{Answer, Summary};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use http::{HeaderMap, HeaderValue, header};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, Url};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use trueup_kinds::outgoing::Certificates;
use trueup_source::{Unanswered, check_outgoing, outgoing_cause, outgoing_client};

/// How many redirects of one request are followed.
pub const MAX_LOAD_REDIRECTS: usize = 10;

/// Why there was no load at all.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GenerateError {
    /// It is over a limit.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It must not be sent there, or no client can be set up.
    #[error(transparent)]
    Refused(#[from] Unanswered),
    /// A header can't be sent.
    #[error("the user of the address can't be sent")]
    User,
}

/// Makes a load, to its end or until `stop`: from then on no request is begun,
/// and those that are under way are awaited for as long as each of them may
/// take. Dropping the future ends it at once.
///
/// Certificates of the target are not verified, as with hey, wrk and ab.
/// Addresses of the link alone are refused.
///
/// # Errors
/// A load that is over a limit or must not be sent there. What goes wrong with
/// single requests is in the summary.
pub async fn generate(
    load: &Load,
    stop: impl Future<Output = ()> + Send,
) -> Result<Summary, GenerateError> {
    load.check()?;
    let sender = Sender::new(load)?;
    let begun = Instant::now();
    let (halt, halted) = watch::channel(false);
    let end = load.duration_ms.map(|it| begun + Duration::from_millis(it));
    let workers = (0..load.concurrency).map(|worker| {
        let pace = Pace::new(load, worker, begun, end);
        sender.work(pace, load.share(worker), halted.clone())
    });
    let mut work = Box::pin(join_all(workers));
    let parts = tokio::select! {
        parts = &mut work => parts,
        () = stop => {
            halt.send_replace(true);
            work.await
        }
    };
    let mut summary = Summary::default();
    parts.iter().for_each(|part| summary.merge(part));
    summary.elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(summary)
}

/// How far turns may lag behind and be made up for; at least one may. Timers
/// are no finer than a millisecond, so that high rates need it.
const MAX_LAG: Duration = Duration::from_millis(10);

/// When a worker's next request is due. The turns of all workers are spread
/// evenly. When answers are slower than the rate, turns are left out.
struct Pace {
    next: Instant,
    interval: Duration,
    end: Option<Instant>,
}

impl Pace {
    fn new(load: &Load, worker: u32, begun: Instant, end: Option<Instant>) -> Self {
        let interval = Duration::from_secs_f64(1.0 / load.paced_rate_per_worker());
        let offset = interval.mul_f64(f64::from(worker) / f64::from(load.concurrency));
        Self {
            next: begun + offset,
            interval,
            end,
        }
    }

    /// Waits for the next turn; `false` when there is none any more.
    async fn turn(&mut self, halted: &mut watch::Receiver<bool>) -> bool {
        let over = self
            .end
            .is_some_and(|end| self.next.max(Instant::now()) >= end);
        if over || *halted.borrow() {
            return false;
        }
        if self.next > Instant::now() {
            tokio::select! {
                () = tokio::time::sleep_until(self.next) => {}
                _ = halted.wait_for(|halted| *halted) => return false,
            }
        }
        let earliest = Instant::now() - self.interval.max(MAX_LAG);
        self.next = (self.next + self.interval).max(earliest);
        true
    }
}

/// A load as its client sends it.
struct Sender<'a> {
    load: &'a Load,
    client: Client,
    url: Url,
    headers: HeaderMap,
}

impl<'a> Sender<'a> {
    fn new(load: &'a Load) -> Result<Self, GenerateError> {
        let url = Url::parse(&load.address.to_url())
            .map_err(|_| Unanswered::Refused("the address cannot be read".to_owned()))?;
        check_outgoing(&url)?;
        Ok(Self {
            client: client(load)?,
            headers: headers(load)?,
            load,
            url,
        })
    }

    /// One worker's requests, one after the other.
    async fn work(
        &self,
        mut pace: Pace,
        share: Option<u64>,
        mut halted: watch::Receiver<bool>,
    ) -> Summary {
        let mut summary = Summary::default();
        while share.is_none_or(|share| summary.requests() < share) && pace.turn(&mut halted).await {
            match self.ask().await {
                Ok(answer) => summary.answered(answer),
                Err(cause) => summary.failed(&cause),
            }
        }
        summary
    }

    /// One request, up to the last byte of its answer.
    async fn ask(&self) -> Result<Answer, String> {
        let begun = Instant::now();
        let response = self
            .client
            .request(self.load.method.clone(), self.url.clone())
            .headers(self.headers.clone())
            .body(self.load.body.clone())
            .send()
            .await
            .map_err(cause)?;
        let status = response.status().as_u16();
        let tallied = self.tallied(&response);
        let body_bytes = drain(response).await?;
        Ok(Answer {
            status,
            tallied,
            body_bytes,
            micros: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
        })
    }

    fn tallied(&self, response: &Response) -> Option<String> {
        let name = self.load.tally.as_ref()?;
        let value = response.headers().get(name);
        let value = value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Some(value.unwrap_or_default())
    }
}

async fn drain(mut response: Response) -> Result<u64, String> {
    let mut bytes = 0_u64;
    while let Some(chunk) = response.chunk().await.map_err(cause)? {
        bytes += chunk.len() as u64;
    }
    Ok(bytes)
}

fn cause(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    outgoing_cause(error)
}

fn client(load: &Load) -> Result<Client, GenerateError> {
    let idle = match load.connections {
        Connections::Kept => load.concurrency as usize,
        Connections::Fresh => 0,
    };
    let mut builder = outgoing_client(Certificates::Unverified)?
        .timeout(Duration::from_millis(load.request_timeout_ms))
        .pool_max_idle_per_host(idle)
        .tcp_nodelay(true);
    if load.protocol == Protocol::Http1 {
        builder = builder.http1_only();
    }
    if load.redirects == Redirects::Followed {
        builder = builder.redirect(Policy::custom(follow));
    }
    if let Some(address) = load.connect_to {
        builder = builder.resolve(load.address.host(), address);
    }
    builder
        .build()
        .map_err(|error| Unanswered::Refused(outgoing_cause(error)).into())
}

/// Follows on the same host. Elsewhere the redirect itself is the answer: who
/// answers must not decide whom the load meets.
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let before = attempt.previous();
    let same = before
        .last()
        .is_some_and(|last| last.host_str() == attempt.url().host_str());
    if same && before.len() <= MAX_LOAD_REDIRECTS && check_outgoing(attempt.url()).is_ok() {
        return attempt.follow();
    }
    attempt.stop()
}

/// The load's own headers, with what its address and its connections add.
fn headers(load: &Load) -> Result<HeaderMap, GenerateError> {
    let mut headers = load.headers.clone();
    if let Some((user, password)) = load.address.user()
        && !headers.contains_key(header::AUTHORIZATION)
    {
        let login = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let mut login = HeaderValue::from_str(&login).map_err(|_| GenerateError::User)?;
        login.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, login);
    }
    if load.connections == Connections::Fresh {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(headers)
}

impl Load {
    /// The same load, made to connections with `address` whatever the host's
    /// name means. Not for what users name: it is not guarded.
    #[must_use]
    pub fn connected_to(self, address: SocketAddr) -> Self {
        Self {
            connect_to: Some(address),
            ..self
        }
    }
}
