//! Requests that are made as values, over real sockets.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use trueup_kinds::outgoing::{HttpAddress, OutgoingRequest};
use trueup_source::{HttpSender, SendRequest as _, Unanswered};

/// A server that gives one answer to everything, and what it was asked.
struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn answering(answer: impl Fn(&str) -> Option<String> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let hears = Arc::clone(&heard);
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = [0; 8192];
                let count = stream.read(&mut bytes).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&bytes[..count]).into_owned();
                let answer = answer(&request);
                hears.lock().unwrap().push(request);
                match answer {
                    Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                    // Kept open, and never answered.
                    None => silent.push(stream),
                }
            }
        });
        Self { address, heard }
    }

    fn request(&self, path: &str, timeout_ms: u64) -> OutgoingRequest {
        let address = format!("http://{}{path}", self.address);
        let address = HttpAddress::parse(&address).unwrap();
        let body = b"{}".to_vec();
        let mut request = OutgoingRequest::post(address, "application/json", body, timeout_ms);
        request.set_header("Authorization", "Bearer secret-token");
        request
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn answer(status: &str, header: &str, body: &str) -> Option<String> {
    Some(format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\n{header}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// Long enough for every machine.
const PATIENCE_MS: u64 = 60_000;

#[tokio::test]
async fn a_request_is_sent_as_it_is_and_answered_as_it_came() {
    let server = Server::answering(|_| answer("418 Odd", "Retry-After: 7\r\n", "short")).await;
    let sender = HttpSender::default();
    let answer = sender.send(server.request("/a?b=c", PATIENCE_MS)).await;
    let answer = answer.unwrap();
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (418, &b"short"[..])
    );
    assert_eq!(answer.retry_after.as_deref(), Some("7"));
    let heard = server.heard();
    assert!(
        heard[0].starts_with("POST /a?b=c HTTP/1.1\r\n"),
        "{heard:?}"
    );
    assert!(heard[0].contains("Bearer secret-token"));
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let there = Server::answering(|_| answer("200 OK", "", "stolen")).await;
    let location = format!("Location: http://{}/secret-path\r\n", there.address);
    let here = Server::answering(move |_| answer("307 Temporary Redirect", &location, "")).await;
    let sender = HttpSender::default();
    let refused = sender.send(here.request("/hook", PATIENCE_MS)).await;
    let Err(Unanswered::Refused(words)) = refused else {
        panic!("{refused:?}");
    };
    assert!(words.contains("is not followed"), "{words}");
    assert!(!words.contains("secret"), "{words}");
    assert!(there.heard().is_empty());
}

#[tokio::test]
async fn a_redirect_on_the_same_host_is_followed_with_its_body() {
    let server = Server::answering(|request| {
        if request.starts_with("POST /old ") {
            return answer("308 Permanent Redirect", "Location: /new\r\n", "");
        }
        answer("200 OK", "", "new")
    })
    .await;
    let sender = HttpSender::default();
    let answer = sender.send(server.request("/old", PATIENCE_MS)).await;
    assert_eq!(answer.unwrap().body, b"new");
    assert!(server.heard()[1].starts_with("POST /new "));
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let server = Server::answering(|_| answer("307 Again", "Location: /again\r\n", "")).await;
    let sender = HttpSender::default();
    let refused = sender.send(server.request("/again", PATIENCE_MS)).await;
    assert!(
        matches!(refused, Err(Unanswered::Refused(_))),
        "{refused:?}"
    );
    assert!(server.heard().len() < 20);
}

#[tokio::test]
async fn who_never_answers_is_given_up() {
    let server = Server::answering(|_| None).await;
    let sender = HttpSender::default();
    let failed = sender.send(server.request("/hook", 100)).await;
    let words = "no answer within 100ms".to_owned();
    assert_eq!(failed.unwrap_err(), Unanswered::Failed(words));
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let body = "x".repeat(4096);
    let server = Server::answering(move |_| answer("200 OK", "", &body)).await;
    let sender = HttpSender::default();
    let mut request = server.request("/", PATIENCE_MS);
    request.max_answer_bytes = 1024;
    let refused = sender.send(request).await;
    let words = "the answer is longer than 1024 bytes".to_owned();
    assert_eq!(refused.unwrap_err(), Unanswered::Refused(words));
}

#[tokio::test]
async fn a_connection_that_fails_is_told_without_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let address = HttpAddress::parse(&format!("http://{address}/secret-path")).unwrap();
    let request = OutgoingRequest::get(address, PATIENCE_MS);
    let failed = HttpSender::default().send(request).await;
    let Err(Unanswered::Failed(words)) = failed else {
        panic!("{failed:?}");
    };
    assert!(!words.contains("secret-path"), "{words}");
}
