//! Somebody who visits the web application, over and over.

use crate::app::VERSION_HEADER;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer is waited for.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

/// What an answer was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    /// Its status.
    pub status: u16,
    /// The version that gave it; empty where none did.
    pub version: String,
}

/// Sends one request after the other, on one connection as long as it lasts.
#[derive(Debug)]
pub(crate) struct Visitor {
    address: SocketAddr,
    connection: Option<SendRequest<Empty<Bytes>>>,
}

impl Visitor {
    /// A visitor of what is at an address.
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    /// Sends a request; the error says why there was no answer.
    pub(crate) async fn visit(&mut self) -> Result<Visit, String> {
        let visit = timeout(ANSWER_PATIENCE, self.exchange()).await;
        let visit = visit.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        if visit.is_err() {
            self.connection = None;
        }
        visit
    }

    /// Closes the connection.
    pub(crate) fn leave(&mut self) {
        self.connection = None;
    }

    async fn exchange(&mut self) -> Result<Visit, String> {
        let mut sender = match self.connection.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.connect().await?,
        };
        sender.ready().await.map_err(told)?;
        let request = http::Request::get("/")
            .header("host", self.address.to_string())
            .body(Empty::new())
            .map_err(told)?;
        let response = sender.send_request(request).await.map_err(told)?;
        let (head, body) = response.into_parts();
        body.collect().await.map_err(told)?;
        self.connection = Some(sender);
        let version = head.headers.get(VERSION_HEADER);
        let version = version.and_then(|version| version.to_str().ok());
        Ok(Visit {
            status: head.status.as_u16(),
            version: version.unwrap_or_default().to_owned(),
        })
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>, String> {
        let stream = TcpStream::connect(self.address).await.map_err(told)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(told)?;
        // How it ends is told by the request that is on it.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{AppSettings, serve_app};
    use crate::tally::Tally;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn the_application_is_as_good_and_as_bad_as_it_was_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let settings = AppSettings {
            version: "1.2.0".into(),
            latency_ms: 1,
            error_rate: "0.5".parse().unwrap(),
        };
        tokio::spawn(serve_app(listener, settings, std::future::pending()));
        let (mut visitor, mut tally) = (Visitor::of(address), Tally::default());
        for _ in 0..10 {
            tally.count(visitor.visit().await);
        }
        assert_eq!(tally.words(), "1.2.0 ×10 (5 errors)");
        let metrics = text_of(address, "/metrics").await;
        for line in [
            "http_requests_total{status=\"200\"} 5",
            "http_requests_total{status=\"500\"} 5",
            "http_request_duration_seconds_count{status=\"500\"} 5",
        ] {
            assert!(metrics.contains(line), "{metrics}");
        }
        assert_eq!(text_of(address, "/healthz").await, "ok\n");
    }

    async fn text_of(address: SocketAddr, path: &str) -> String {
        let mut sender = Visitor::of(address).connect().await.unwrap();
        let request = http::Request::get(path).header("host", "shop");
        let request = request.body(Empty::new()).unwrap();
        let body = sender.send_request(request).await.unwrap().into_body();
        let bytes = body.collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}
