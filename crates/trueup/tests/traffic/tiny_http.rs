//! As much of HTTP as the tests need: one request a connection.

use std::future::Future;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The longest head and body that are read.
const MAX_MESSAGE_BYTES: u64 = 1 << 20;

/// What is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }
}

/// A server; connections that are open when it is dropped are cut.
pub struct Server {
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers every request to a listener.
    pub fn start<F, A>(listener: TcpListener, answer: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Answer> + Send + 'static,
    {
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    Ok((stream, _)) = listener.accept() => {
                        let answer = Arc::clone(&answer);
                        connections.spawn(async move {
                            // A client that is gone needs no answer.
                            let _gone = serve(stream, &*answer).await;
                        });
                    }
                    Some(_) = connections.join_next(), if !connections.is_empty() => {}
                }
            }
        });
        Self { task }
    }
}

async fn serve<A>(mut stream: TcpStream, answer: &(impl Fn() -> A + Sync)) -> io::Result<()>
where
    A: Future<Output = Answer>,
{
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let answer = answer().await;
    let mut text = format!("HTTP/1.1 {} As-Told\r\n", answer.status);
    for (name, value) in &answer.headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!(
        "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
        answer.body.len(),
        answer.body
    );
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

/// Asks for a path of a host at an address.
pub async fn get(
    address: &str,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let mut text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{text}\r\n").as_bytes()).await?;
    let mut bytes = Vec::new();
    stream
        .take(MAX_MESSAGE_BYTES)
        .read_to_end(&mut bytes)
        .await?;
    read(&String::from_utf8_lossy(&bytes)).ok_or_else(|| {
        let what = format!("no whole answer: {} bytes", bytes.len());
        io::Error::new(io::ErrorKind::UnexpectedEof, what)
    })
}

/// Reads an answer; `None` if it is cut off.
fn read(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let answer = Answer {
        status,
        headers,
        body: body.to_owned(),
    };
    let length = answer.header("Content-Length");
    let is_whole = length.is_none_or(|length| length.parse() == Ok(body.len()));
    is_whole.then_some(answer)
}

#[test]
fn an_answer_that_is_cut_off_is_none() {
    let whole = read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Pod: a\r\n\r\nok").unwrap();
    assert_eq!((whole.status, whole.header("x-pod")), (200, Some("a")));
    assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"), None);
    assert_eq!(read("HTTP/1.1 200 OK\r\n"), None);
}
