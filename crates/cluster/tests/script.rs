//! A server that answers by script.

use bytes::Bytes;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use http::{HeaderMap, Method, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tower::{BoxError, Service};
use trueup_cluster::{Cluster, ClusterKey, ClusterOptions, RequestBody};
use trueup_object::{Value, from_json};

/// What the script says to a request.
pub enum Reply {
    Json(u16, String),
    Header(u16, &'static str, &'static str, String),
    Stream(UnboundedReceiver<Piece>),
    Broken,
    Silence,
}

pub type Piece = Result<Bytes, BoxError>;

/// A request as the script saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

struct Rule {
    line: String,
    replies: VecDeque<Reply>,
}

/// Rules by the beginning of `METHOD /path?query`; the last reply of a rule
/// stays. What no rule fits is answered with 404.
#[derive(Clone, Default)]
pub struct Script {
    rules: Arc<Mutex<Vec<Rule>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    /// A script that serves discovery of a few kinds.
    pub fn new() -> Self {
        let script = Self::default();
        script.on("GET /apis", DISCOVERY_GROUPS);
        script.on("GET /api", DISCOVERY_CORE);
        script
    }

    pub fn on(&self, line: &str, json: &str) -> &Self {
        self.reply(line, Reply::Json(200, json.into()))
    }

    /// Adds a reply; longer rules win over shorter ones.
    pub fn reply(&self, line: &str, reply: Reply) -> &Self {
        let mut rules = self.rules.lock().unwrap();
        match rules.iter_mut().find(|rule| rule.line == line) {
            Some(rule) => rule.replies.push_back(reply),
            None => rules.push(Rule {
                line: line.into(),
                replies: [reply].into(),
            }),
        }
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.line.len()));
        drop(rules);
        self
    }

    /// Replaces what a rule says.
    pub fn instead(&self, line: &str, json: &str) {
        self.rules.lock().unwrap().retain(|rule| rule.line != line);
        self.on(line, json);
    }

    /// A watch whose lines the test sends.
    pub fn watch(&self, line: &str) -> Lines {
        let (sender, receiver) = unbounded();
        self.reply(line, Reply::Stream(receiver));
        Lines(sender)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The requests apart from discovery.
    pub fn lines(&self) -> Vec<String> {
        let discovery = |line: &String| line == "GET /api" || line == "GET /apis";
        self.seen()
            .iter()
            .map(Seen::line)
            .filter(|line| !discovery(line))
            .collect()
    }

    pub fn last(&self) -> Seen {
        self.seen().pop().unwrap()
    }

    pub fn cluster(&self) -> Cluster {
        self.cluster_with(ClusterOptions {
            seed: Some(1),
            ..ClusterOptions::in_process()
        })
    }

    pub fn cluster_with(&self, options: ClusterOptions) -> Cluster {
        Cluster::from_service(ClusterKey::local(), self.clone(), options)
    }

    fn answer(&self, line: &str) -> Reply {
        let mut rules = self.rules.lock().unwrap();
        let Some(rule) = rules.iter_mut().find(|rule| fits(&rule.line, line)) else {
            return Reply::Json(404, status(404, "NotFound", "no rule"));
        };
        if rule.replies.len() > 1 {
            return rule.replies.pop_front().unwrap();
        }
        match rule.replies.front() {
            Some(Reply::Json(code, body)) => Reply::Json(*code, body.clone()),
            Some(Reply::Header(code, name, value, body)) => {
                Reply::Header(*code, name, value, body.clone())
            }
            Some(Reply::Broken) => Reply::Broken,
            Some(Reply::Silence) => Reply::Silence,
            Some(Reply::Stream(_)) => rule.replies.pop_front().unwrap(),
            None => Reply::Silence,
        }
    }
}

/// The roots of discovery stand for themselves only.
fn fits(rule: &str, line: &str) -> bool {
    let root = matches!(rule, "GET /api" | "GET /apis");
    if root {
        rule == line
    } else {
        line.starts_with(rule)
    }
}

/// The sending end of a scripted watch; dropping it ends the stream.
pub struct Lines(UnboundedSender<Piece>);

impl Lines {
    pub fn event(&self, kind: &str, object: &str) {
        self.raw(&format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"));
    }

    pub fn raw(&self, text: &str) {
        let _ = self
            .0
            .unbounded_send(Ok(Bytes::copy_from_slice(text.as_bytes())));
    }

    pub fn fail(self) {
        let _ = self.0.unbounded_send(Err("connection reset".into()));
    }
}

pub type Body = UnsyncBoxBody<Bytes, BoxError>;

impl Service<Request<RequestBody>> for Script {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let script = self.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let seen = Seen {
                method: head.method,
                target: head.uri.to_string(),
                headers: head.headers,
                body: from_json(&body).unwrap_or_default(),
            };
            let line = seen.line();
            script.seen.lock().unwrap().push(seen);
            match script.answer(&line) {
                Reply::Json(code, body) => Ok(full(code, body)),
                Reply::Header(code, name, value, body) => {
                    let mut response = full(code, body);
                    response.headers_mut().insert(name, value.parse().unwrap());
                    Ok(response)
                }
                Reply::Stream(pieces) => Ok(Response::new(
                    StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync(),
                )),
                Reply::Broken => Err("connection reset".into()),
                Reply::Silence => std::future::pending().await,
            }
        }
        .boxed()
    }
}

fn full(code: u16, body: String) -> Response<Body> {
    let body = Full::new(Bytes::from(body))
        .map_err(|never: Infallible| match never {})
        .boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = code.try_into().unwrap();
    response
}

pub fn status(code: u16, reason: &str, message: &str) -> String {
    format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{message}","reason":"{reason}","code":{code}}}"#
    )
}

/// A ConfigMap in namespace `n`.
pub fn config_map(name: &str, uid: &str, version: u32) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"n","uid":"{uid}","resourceVersion":"{version}"}}}}"#
    )
}

/// A list, whose items lack their type as in genuine answers.
pub fn list(version: u32, token: &str, items: &[String]) -> String {
    let items: Vec<String> = items
        .iter()
        .map(|item| item.replace(r#""apiVersion":"v1","kind":"ConfigMap","#, ""))
        .collect();
    format!(
        r#"{{"kind":"ConfigMapList","apiVersion":"v1","metadata":{{"resourceVersion":"{version}","continue":"{token}"}},"items":[{}]}}"#,
        items.join(",")
    )
}

pub const DISCOVERY_CORE: &str = r#"{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},"items":[
{"metadata":{},"versions":[{"version":"v1","resources":[
{"resource":"configmaps","responseKind":{"group":"","version":"","kind":"ConfigMap"},"scope":"Namespaced","singularResource":"configmap","verbs":["get","list","watch"],"shortNames":["cm"]},
{"resource":"secrets","responseKind":{"group":"","version":"","kind":"Secret"},"scope":"Namespaced","singularResource":"secret","verbs":["get"]},
{"resource":"namespaces","responseKind":{"group":"","version":"","kind":"Namespace"},"scope":"Cluster","singularResource":"namespace","verbs":["get"],"subresources":[{"subresource":"status","responseKind":{"group":"","version":"","kind":"Namespace"},"verbs":["get"]}]}]}]}]}"#;

pub const DISCOVERY_GROUPS: &str = r#"{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},"items":[
{"metadata":{"name":"apps"},"versions":[{"version":"v1","freshness":"Current","resources":[
{"resource":"deployments","responseKind":{"group":"","version":"","kind":"Deployment"},"scope":"Namespaced","singularResource":"deployment","verbs":["get","patch"],"shortNames":["deploy"],
"subresources":[{"subresource":"scale","responseKind":{"group":"autoscaling","version":"v1","kind":"Scale"},"verbs":["get"]},{"subresource":"status","responseKind":{"group":"","version":"","kind":"Deployment"},"verbs":["get"]}]}]}]},
{"metadata":{"name":"coordination.k8s.io"},"versions":[{"version":"v1","resources":[
{"resource":"leases","responseKind":{"group":"","version":"","kind":"Lease"},"scope":"Namespaced","verbs":["get"]}]}]}]}"#;
