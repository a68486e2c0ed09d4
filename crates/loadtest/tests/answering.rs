//! A small web server that counts.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// What was asked: method, path, and some of the headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub host: String,
    pub cookie: String,
    pub authorization: String,
    pub body: String,
}

/// A server on a free port of loopback, until it is dropped.
pub struct WebServer {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl WebServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().fallback(answer).with_state(asked.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            asked,
            task,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// `/status/N` has that status, every second `/half` fails, `/silent` never
/// answers, `/here` and `/away` redirect on this host and to another.
async fn answer(State(asked): State<Arc<Mutex<Vec<Asked>>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let number = note(&asked, request).await;
    let version = [(
        "x-version",
        if number.is_multiple_of(4) { "2" } else { "1" },
    )];
    match path.as_str() {
        "/half" if number.is_multiple_of(2) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "/silent" => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            StatusCode::OK.into_response()
        }
        "/here" => redirect("/there"),
        "/away" => redirect("http://localhost:1/there"),
        "/link" => redirect("http://169.254.169.254/latest/meta-data"),
        "/round" => redirect("/round"),
        _ => match path.strip_prefix("/status/") {
            Some(status) => StatusCode::from_u16(status.parse().unwrap())
                .unwrap()
                .into_response(),
            None => (version, "hello").into_response(),
        },
    }
}

fn redirect(location: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

/// Notes a request, and says how many there are.
async fn note(asked: &Mutex<Vec<Asked>>, request: Request) -> usize {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let text = |name| {
        let value = head.headers.get(name).map(|it| it.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    };
    let noted = Asked {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        host: text(header::HOST),
        cookie: text(header::COOKIE),
        authorization: text(header::AUTHORIZATION),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let mut asked = asked.lock().unwrap();
    asked.push(noted);
    asked.len()
}
