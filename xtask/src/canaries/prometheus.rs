//! A Prometheus that is content with everything: every query has one series
//! with the value 100, be it percent or milliseconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trueup_kinds::outgoing::{OutgoingRequest, ReceivedAnswer};
use trueup_source::{BoxFuture, SendRequest, Unanswered};

/// How long an answer in virtual time takes.
const ANSWER_TIME: Duration = Duration::from_millis(20);
/// The answer to every query.
const GOOD: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"100"]}]}}"#;
/// The end of the head of a request; a query has no body.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
/// The longest request that is read.
const MAX_REQUEST_BYTES: usize = 64 << 10;

/// One without sockets, which counts what it is asked.
#[derive(Debug, Default)]
pub struct Prometheus {
    asked: AtomicU64,
}

impl Prometheus {
    /// How many questions there were.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

impl SendRequest for Prometheus {
    fn send(&self, _: OutgoingRequest) -> BoxFuture<'_, Result<ReceivedAnswer, Unanswered>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(ANSWER_TIME).await;
            Ok(ReceivedAnswer::new(200, GOOD))
        })
    }
}

/// Serves one over HTTP on a free port of this machine; its address.
pub async fn serve() -> Result<String, String> {
    let text = |error: std::io::Error| format!("serve Prometheus: {error}");
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // Who goes away in the middle has had enough.
            tokio::spawn(async move { drop(converse(connection).await) });
        }
    });
    Ok(format!("http://{address}"))
}

/// Answers all requests of a connection.
async fn converse(mut connection: TcpStream) -> std::io::Result<()> {
    let mut received = Vec::new();
    while received.len() < MAX_REQUEST_BYTES && connection.read_buf(&mut received).await? > 0 {
        while let Some(end) = end_of_head(&received) {
            received.drain(..end);
            connection.write_all(answer().as_bytes()).await?;
        }
    }
    Ok(())
}

fn end_of_head(received: &[u8]) -> Option<usize> {
    let mut windows = received.windows(END_OF_HEAD.len());
    let start = windows.position(|window| window == END_OF_HEAD)?;
    Some(start + END_OF_HEAD.len())
}

fn answer() -> String {
    let length = GOOD.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{GOOD}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_query_of_a_connection_is_answered() {
        let address = serve().await.unwrap();
        let mut connection = TcpStream::connect(&address["http://".len()..])
            .await
            .unwrap();
        for _ in 0..2 {
            let request = b"GET /api/v1/query?query=up HTTP/1.1\r\nHost: here\r\n\r\n";
            connection.write_all(request).await.unwrap();
            let mut received = vec![0; answer().len()];
            connection.read_exact(&mut received).await.unwrap();
            assert!(String::from_utf8(received).unwrap().ends_with(GOOD));
        }
    }
}
