//! What load is to be made, as a value.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use std::net::SocketAddr;
use trueup_kinds::outgoing::HttpAddress;

/// The most workers of one load.
pub const MAX_CONCURRENCY: u32 = 1_000;
/// The most requests that one load sends in a second, all workers together. A
/// load without a rate of its own is held to it.
pub const MAX_REQUESTS_PER_SECOND: u32 = 20_000;
/// The longest that one load lasts; a server may be told a shorter time.
pub const MAX_DURATION_MS: u64 = 24 * 3_600_000;
/// The most requests of one load.
pub const MAX_REQUESTS: u64 = 1_000_000_000;
/// The longest that one request may take; also where a command says that it
/// may take for ever.
pub const MAX_REQUEST_TIMEOUT_MS: u64 = 120_000;
/// The most bytes of the body of a request.
pub const MAX_REQUEST_BODY_BYTES: usize = 64 << 10;

/// Whether connections serve more than one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connections {
    /// They do.
    #[default]
    Kept,
    /// Each request has its own.
    Fresh,
}

/// What is done with a redirect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirects {
    /// It is followed on the same host, and elsewhere counted as it is.
    Followed,
    /// It is counted as it is.
    #[default]
    Counted,
}

/// Which versions of HTTP are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 where the server agrees to it within TLS, else HTTP/1.1.
    Http2,
}

/// Load: one request, again and again.
#[derive(Clone, PartialEq)]
pub struct Load {
    /// Where to; a user in it becomes basic authentication.
    pub address: HttpAddress,
    /// How.
    pub method: Method,
    /// What is sent along; a `Host` here takes the place of the address's.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Bytes,
    /// How many requests are sent; no end without it.
    pub max_requests: Option<u64>,
    /// How long requests are sent, in milliseconds; no end without it.
    pub duration_ms: Option<u64>,
    /// How many workers send, each one request after the other.
    pub concurrency: u32,
    /// Requests per second of each worker; as many as go without it.
    pub rate_per_worker: Option<f64>,
    /// How long one request may take as a whole, in milliseconds.
    pub request_timeout_ms: u64,
    /// Whether connections serve more than one request.
    pub connections: Connections,
    /// What is done with a redirect.
    pub redirects: Redirects,
    /// Which versions of HTTP are spoken.
    pub protocol: Protocol,
    /// Where connections are made to instead of what the host's name means.
    /// Not for what users name: it is not guarded.
    pub connect_to: Option<SocketAddr>,
    /// A header of answers whose values are counted, such as that of the
    /// version which answered.
    pub tally: Option<HeaderName>,
}

/// Neither headers nor body nor path: they may hold secrets.
impl std::fmt::Debug for Load {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Load")
            .field("method", &self.method)
            .field("address", &self.address)
            .field("concurrency", &self.concurrency)
            .field("rate_per_worker", &self.rate_per_worker)
            .field("duration_ms", &self.duration_ms)
            .field("max_requests", &self.max_requests)
            .finish_non_exhaustive()
    }
}

/// Why no such load is made.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// No worker, or more than [`MAX_CONCURRENCY`].
    #[error("{0} workers: between 1 and {MAX_CONCURRENCY} are possible")]
    Concurrency(u32),
    /// No request, or more than [`MAX_REQUESTS`].
    #[error("{0} requests: between 1 and {MAX_REQUESTS} are possible")]
    Requests(u64),
    /// Fewer requests than workers.
    #[error("{requests} requests are fewer than {workers} workers")]
    FewerThanWorkers {
        /// All requests.
        requests: u64,
        /// All workers.
        workers: u32,
    },
    /// No rate at all, or more than [`MAX_REQUESTS_PER_SECOND`] of all
    /// workers.
    #[error(
        "{0} requests per second: more than 0 and at most {MAX_REQUESTS_PER_SECOND} are possible"
    )]
    Rate(f64),
    /// No time, or more than [`MAX_DURATION_MS`].
    #[error("{0} ms: between 1 and {MAX_DURATION_MS} are possible")]
    Duration(u64),
    /// A time for a request that is none, or over
    /// [`MAX_REQUEST_TIMEOUT_MS`].
    #[error("a timeout of {0} ms: between 1 and {MAX_REQUEST_TIMEOUT_MS} are possible")]
    Timeout(u64),
    /// Over [`MAX_REQUEST_BODY_BYTES`].
    #[error("a body of {0} bytes: at most {MAX_REQUEST_BODY_BYTES} are possible")]
    Body(usize),
}

impl Load {
    /// `GET` of an address by one worker, as fast as it goes and until it is
    /// stopped.
    #[must_use]
    pub fn get(address: HttpAddress) -> Self {
        Self {
            address,
            method: Method::GET,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            max_requests: None,
            duration_ms: None,
            concurrency: 1,
            rate_per_worker: None,
            request_timeout_ms: 20_000,
            connections: Connections::Kept,
            redirects: Redirects::Counted,
            protocol: Protocol::Http1,
            connect_to: None,
            tally: None,
        }
    }

    /// Whether it is within the limits.
    ///
    /// # Errors
    /// The first limit that it is not within.
    pub fn check(&self) -> Result<(), LoadError> {
        let workers = self.concurrency;
        if !(1..=MAX_CONCURRENCY).contains(&workers) {
            return Err(LoadError::Concurrency(workers));
        }
        if let Some(requests) = self.max_requests {
            if !(1..=MAX_REQUESTS).contains(&requests) {
                return Err(LoadError::Requests(requests));
            }
            if requests < u64::from(workers) {
                return Err(LoadError::FewerThanWorkers { requests, workers });
            }
        }
        if let Some(rate) = self.rate_per_worker {
            let total = rate * f64::from(workers);
            if !(total > 0.0 && total <= f64::from(MAX_REQUESTS_PER_SECOND)) {
                return Err(LoadError::Rate(total));
            }
        }
        match self.duration_ms {
            Some(it) if !(1..=MAX_DURATION_MS).contains(&it) => {
                return Err(LoadError::Duration(it));
            }
            _ => {}
        }
        if !(1..=MAX_REQUEST_TIMEOUT_MS).contains(&self.request_timeout_ms) {
            return Err(LoadError::Timeout(self.request_timeout_ms));
        }
        if self.body.len() > MAX_REQUEST_BODY_BYTES {
            return Err(LoadError::Body(self.body.len()));
        }
        Ok(())
    }

    /// Requests per second of each worker, the limit of all included.
    #[must_use]
    pub fn paced_rate_per_worker(&self) -> f64 {
        self.rate_per_worker
            .unwrap_or(f64::from(MAX_REQUESTS_PER_SECOND) / f64::from(self.concurrency.max(1)))
    }

    /// How many requests a worker sends: all together as many as are wanted.
    /// No end without a number.
    #[must_use]
    pub fn share(&self, worker: u32) -> Option<u64> {
        let all = self.max_requests?;
        let workers = u64::from(self.concurrency.max(1));
        Some(all / workers + u64::from(u64::from(worker) < all % workers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load() -> Load {
        Load::get(HttpAddress::parse("http://user:secret@a/?token=secret").unwrap())
    }

    #[test]
    fn each_limit_has_a_name() {
        type Change = fn(&mut Load);
        load().check().unwrap();
        let limits: [(Change, LoadError); 11] = [
            (|it| it.concurrency = 0, LoadError::Concurrency(0)),
            (|it| it.concurrency = 1_001, LoadError::Concurrency(1_001)),
            (|it| it.max_requests = Some(0), LoadError::Requests(0)),
            (
                |it| it.max_requests = Some(u64::MAX),
                LoadError::Requests(u64::MAX),
            ),
            (
                |it| (it.concurrency, it.max_requests) = (3, Some(2)),
                LoadError::FewerThanWorkers {
                    requests: 2,
                    workers: 3,
                },
            ),
            (|it| it.rate_per_worker = Some(0.0), LoadError::Rate(0.0)),
            (
                |it| (it.concurrency, it.rate_per_worker) = (10, Some(2_001.0)),
                LoadError::Rate(20_010.0),
            ),
            (|it| it.duration_ms = Some(0), LoadError::Duration(0)),
            (
                |it| it.duration_ms = Some(MAX_DURATION_MS + 1),
                LoadError::Duration(MAX_DURATION_MS + 1),
            ),
            (|it| it.request_timeout_ms = 0, LoadError::Timeout(0)),
            (
                |it| it.body = vec![0; MAX_REQUEST_BODY_BYTES + 1].into(),
                LoadError::Body(MAX_REQUEST_BODY_BYTES + 1),
            ),
        ];
        for (change, error) in limits {
            let mut changed = load();
            change(&mut changed);
            assert_eq!(changed.check(), Err(error));
        }
        let mut endless = load();
        endless.rate_per_worker = Some(f64::NAN);
        assert!(matches!(endless.check(), Err(LoadError::Rate(_))));
    }

    #[test]
    fn shares_add_up() {
        let mut load = load();
        assert_eq!(load.share(0), None);
        (load.concurrency, load.max_requests) = (3, Some(11));
        let shares: Vec<_> = (0..3).map(|it| load.share(it).unwrap()).collect();
        assert_eq!(shares, [4, 4, 3]);
    }

    #[test]
    fn nothing_that_may_be_secret_is_printed() {
        assert!(!format!("{:?}", load()).contains("secret"));
    }
}
