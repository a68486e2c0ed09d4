//! Asking a container's process: HTTP, TCP, or a command beside it.

use super::child::Supervised;
use super::dial::Dial;
use super::environment::{Expanding, order_of};
use super::images::Program;
use super::machine::{Check, Hook, HttpGet, Invocation, Outcome};
use bytes::Bytes;
use http::header::{ACCEPT, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// What a probe or a hook needs to know of the container.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub dial: Arc<Dial>,
    pub supervisor: Program,
    pub environment: Arc<BTreeMap<String, String>>,
}

impl Surroundings {
    /// Asks a probe; no answer within its time is a failure.
    pub(super) async fn check(&self, check: &Check, limit: Duration) -> Outcome {
        let asked = async {
            match check {
                Check::Http(get) => self.get(get).await,
                Check::Tcp(port) => self.connect(*port).await.map(drop),
                Check::Exec(invocation) => self.execute(invocation).await,
            }
        };
        match timeout(limit, asked).await {
            Ok(outcome) => outcome_of(outcome),
            Err(_) => Outcome::Failed(format!("no answer within {limit:?}")),
        }
    }

    /// Runs a hook to its end, however long that takes.
    pub(super) async fn run_hook(&self, hook: &Hook) -> Outcome {
        outcome_of(match hook {
            Hook::Http(get) => self.get(get).await,
            Hook::Exec(invocation) => self.execute(invocation).await,
            Hook::Sleep(pause) => {
                sleep(Duration::try_from(*pause).unwrap_or_default()).await;
                Ok(())
            }
        })
    }

    async fn connect(&self, port: u16) -> Result<(TcpStream, SocketAddr), String> {
        let address = self.dial.address(port).ok_or("the Pod has no address")?;
        let stream = TcpStream::connect(address).await;
        let failed = |error| format!("dial tcp {address}: {error}");
        stream.map(|stream| (stream, address)).map_err(failed)
    }

    async fn get(&self, get: &HttpGet) -> Result<(), String> {
        let (stream, address) = self.connect(get.port).await?;
        let failed =
            |error: &dyn fmt::Display| format!("Get \"http://{address}{}\": {error}", get.path);
        let request = request(get, address).map_err(|error| failed(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(&error))?;
        // Goes with the end of this function.
        let mut connections = JoinSet::new();
        connections.spawn(connection);
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| failed(&error))?;
        let status = response.status();
        if status < StatusCode::OK || status >= StatusCode::BAD_REQUEST {
            return Err(format!(
                "HTTP probe failed with statuscode: {}",
                status.as_u16()
            ));
        }
        Ok(())
    }

    /// Runs a command beside the container's process, in its environment. Its
    /// output is not shown: there may be secrets in it.
    async fn execute(&self, invocation: &Invocation) -> Result<(), String> {
        let order = order_of(invocation, &self.environment, Expanding::Nothing)?;
        let process = Supervised::start(&self.supervisor, &order).await?;
        let (_controls, controlled) = mpsc::channel(1);
        match process.follow(controlled, |_| {}).await {
            0 => Ok(()),
            code => Err(format!("the command exited with code {code}")),
        }
    }
}

fn outcome_of(outcome: Result<(), String>) -> Outcome {
    outcome.map_or_else(Outcome::Failed, |()| Outcome::Passed)
}

/// The request of a probe, with the Pod's headers over the usual ones.
fn request(get: &HttpGet, address: SocketAddr) -> Result<Request<Empty<Bytes>>, http::Error> {
    let mut request = Request::get(&get.path).body(Empty::new())?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static("kube-probe/1.36"));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(HOST, HeaderValue::try_from(address.to_string())?);
    for (name, value) in &get.headers {
        let name = HeaderName::try_from(name.as_str())?;
        headers.insert(name, HeaderValue::try_from(value.as_str())?);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_pods_headers_and_nothing_can_be_smuggled_in() {
        let address = "127.64.0.1:80".parse().unwrap();
        let get = |path: &str, name: &str, value: &str| HttpGet {
            port: 80,
            path: path.into(),
            headers: vec![(name.into(), value.into())],
        };
        let built = request(&get("/ready?x=1", "host", "web.example"), address).unwrap();
        assert_eq!(built.headers()[HOST], "web.example");
        assert_eq!(built.uri().to_string(), "/ready?x=1");
        for (path, name, value) in [
            ("/", "a", "b\r\nc: d"),
            ("/", "a b", "c"),
            ("/", "", "c"),
            ("/ HTTP/1.1\r\nx: y", "a", "b"),
        ] {
            assert!(
                request(&get(path, name, value), address).is_err(),
                "{path} {name} {value}"
            );
        }
    }
}
