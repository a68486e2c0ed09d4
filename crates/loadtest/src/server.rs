//! The HTTP server.

use crate::gate::{Gate, GateError};
use crate::gate_store::{GateStore, GateStoreError};
use crate::metrics::{CONTENT_TYPE, Metrics};
use crate::permission::Permissions;
use crate::running::{MAX_TASKS_AT_ONCE, Running};
use crate::task;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use trueup_gocompat::regexp::Regexp;
use trueup_rollout::webhooks::loadtest::{
    GateAction, LoadtestReply, LoadtestRequest, MAX_LOADTEST_BODY_BYTES, gate_reply, read_request,
};

/// How long the body of a request may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a task may take, where nothing else is said.
pub const DEFAULT_TASK_TIMEOUT_MS: u64 = 3_600_000;

/// What a server does, for whom, and what it allows.
#[derive(Debug)]
pub struct LoadtestOptions {
    /// Where the gates are kept.
    pub gates: GateStore,
    /// The namespaces of the Canaries that are served, as a pattern that
    /// matches anywhere in a name; all without it.
    pub namespaces: Option<Regexp>,
    /// What may be run besides the generator that is built in.
    pub permissions: Permissions,
    /// How long a task may take, in milliseconds; then a load ends, and a
    /// program is killed.
    pub task_timeout_ms: u64,
    /// How many tasks may be under way at once.
    pub max_tasks: usize,
}

impl LoadtestOptions {
    /// The gates, all namespaces, no programs but the generator.
    #[must_use]
    pub fn new(gates: GateStore) -> Self {
        Self {
            gates,
            namespaces: None,
            permissions: Permissions::default(),
            task_timeout_ms: DEFAULT_TASK_TIMEOUT_MS,
            max_tasks: MAX_TASKS_AT_ONCE,
        }
    }
}

/// A server that is running.
#[derive(Debug)]
pub(crate) struct Server {
    pub options: LoadtestOptions,
    pub running: Running,
    pub metrics: Metrics,
}

/// Serves until `shutdown`, then lets the requests end that are under way.
/// Tasks that nobody awaits end with the runtime.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    options: LoadtestOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(options))
        .with_graceful_shutdown(shutdown)
        .await
}

/// Every path: those of gates and health, `/metrics`, `/readyz`, and on all
/// others tasks, as with Flagger's load tester.
pub fn router(options: LoadtestOptions) -> Router {
    let server = Arc::new(Server {
        running: Running::new(options.max_tasks),
        metrics: Metrics::new(),
        options,
    });
    Router::new().fallback(answer).with_state(server)
}

async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if is_of_a_web_page(&head.headers) {
        let words = "requests of web pages are not answered";
        return (StatusCode::FORBIDDEN, words).into_response();
    }
    match head.uri.path() {
        "/metrics" => return metrics(&server),
        "/readyz" => return ready(&server).await,
        _ => {}
    }
    let reply = match read_body(body).await {
        Ok(body) => reply(server, head.uri.path(), &body).await,
        Err(reply) => reply,
    };
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if reply.body.is_empty() {
        return status.into_response();
    }
    (status, reply.body).into_response()
}

/// Browsers say so; a page that a developer looks at must not open gates on
/// their machine.
fn is_of_a_web_page(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site")
}

async fn read_body(body: Body) -> Result<Vec<u8>, LoadtestReply> {
    let refused = |status, body: &str| LoadtestReply {
        status,
        body: body.to_owned(),
    };
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_LOADTEST_BODY_BYTES)).await {
        Ok(Ok(body)) => Ok(body.into()),
        Ok(Err(_)) => Err(refused(413, "the body is too long, or was broken off")),
        Err(_) => Err(refused(408, "the body did not come in time")),
    }
}

async fn reply(server: Arc<Server>, path: &str, body: &[u8]) -> LoadtestReply {
    match read_request(path, body, server.options.namespaces.as_ref()) {
        Err(reply) | Ok(LoadtestRequest::Answered(reply)) => reply,
        Ok(LoadtestRequest::Task(task)) => task::start(&server, task).await,
        Ok(LoadtestRequest::Gate {
            action,
            kind,
            name,
            namespace,
        }) => {
            let outcome = match Gate::new(kind, &namespace, &name) {
                Ok(gate) => use_gate(&server.options.gates, action, &gate).await,
                Err(error) => Err(error.into()),
            };
            let canary = format!("{name}.{namespace}");
            tell(action, &canary, &outcome);
            match outcome {
                Ok(open) => gate_reply(action, open),
                Err(error) => LoadtestReply {
                    status: status_of(&error),
                    body: format!("gate of {canary}: {error}"),
                },
            }
        }
    }
}

/// Does what is wanted, and says whether the gate is open.
async fn use_gate(
    gates: &GateStore,
    action: GateAction,
    gate: &Gate,
) -> Result<bool, GateStoreError> {
    match action {
        GateAction::Check => gates.is_open(gate).await,
        GateAction::Open => gates.open(gate).await.map(|()| true),
        GateAction::Close => gates.close(gate).await.map(|()| false),
    }
}

fn tell(action: GateAction, canary: &str, outcome: &Result<bool, GateStoreError>) {
    match outcome {
        Ok(open) => tracing::info!(canary, ?action, open, "gate asked"),
        Err(error) => tracing::error!(canary, ?action, %error, "gate not asked"),
    }
}

/// Neither lets a canary on: only up to 202 does.
fn status_of(error: &GateStoreError) -> u16 {
    match error {
        GateStoreError::Gate(GateError::Name) => 400,
        GateStoreError::Gate(GateError::TooMany) => 507,
        GateStoreError::Cluster(_) => 503,
    }
}

fn metrics(server: &Server) -> Response {
    let content_type = HeaderValue::from_static(CONTENT_TYPE);
    (
        [(header::CONTENT_TYPE, content_type)],
        server.metrics.text(),
    )
        .into_response()
}

/// Ready when gates can be read: rights and ways are there.
async fn ready(server: &Server) -> Response {
    match server.options.gates.check().await {
        Ok(()) => "OK".into_response(),
        Err(error) => {
            let words = format!("the gates can't be read: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
        }
    }
}
