//! Playing one scenario.

use super::compare::{Comparison, Escape, Order, sort_causes};
use super::json_path::find;
use super::raw;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::Service;
use trueup_apiserver::core::{CoreOptions, Identity};
use trueup_apiserver::edge::authentication::StaticToken;
use trueup_apiserver::edge::{ApiServer, ApiService, Clock, ServerOptions};
use trueup_apiserver::storage::MemoryStorage;
use trueup_cluster::{Cluster, ClusterKey, ClusterOptions};
use trueup_workloads::{Parts, WorkloadsOptions};

/// How a scenario went.
pub enum Outcome {
    Agrees,
    Differs(Vec<String>),
    Skipped,
}

const TOKEN: &str = "admintoken";
/// Controllers that the workloads crate has.
const RUN: &[&str] = &[
    "deployment-controller",
    "job-controller",
    "replicaset-controller",
    "statefulset-controller",
    "daemonset-controller",
    "ttl-after-finished-controller",
    "disruption-controller",
];
/// How often a request is repeated until its answer is as wanted.
const POLLS: usize = 100;
/// How long events of a watch may take.
const EVENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a watch must stay silent after its last event.
const SILENCE: Duration = Duration::from_millis(50);

/// Plays a scenario, unless it needs a controller that is not there.
pub fn play(text: &str, absent: &[&str]) -> Outcome {
    let scenario = &serde_json::from_str::<Value>(text).unwrap();
    let needs = scenario["needs"].as_array().cloned().unwrap_or_default();
    if needs
        .iter()
        .any(|need| absent.contains(&need.as_str().unwrap()))
    {
        return Outcome::Skipped;
    }
    // Time jumps to the next timer whenever nothing else can go on.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let differences = runtime.block_on(async {
        let player = Player::new(scenario, text);
        let workloads = needs
            .iter()
            .any(|need| RUN.contains(&need.as_str().unwrap()))
            .then(|| tokio::spawn(controllers(&player.server, player.clock)));
        let differences = player.run().await;
        if let Some(workloads) = workloads {
            workloads.abort();
        }
        differences
    });
    if differences.is_empty() {
        Outcome::Agrees
    } else {
        Outcome::Differs(differences)
    }
}

/// Our workload controllers, without the simulated node: the recorded cluster
/// had none.
fn controllers(server: &ApiServer, clock: PlayClock) -> impl Future<Output = ()> + 'static {
    let identity = Identity {
        user: "system:kube-controller-manager".into(),
        groups: vec!["system:masters".into(), "system:authenticated".into()],
        ..Identity::default()
    };
    let cluster = Cluster::from_service(
        ClusterKey::local(),
        server.service(identity),
        ClusterOptions::in_process(),
    );
    let options = WorkloadsOptions {
        parts: Parts::ControllersOnly,
        wall_clock: Arc::new(move || clock.now()),
        ..WorkloadsOptions::default()
    };
    trueup_workloads::run(cluster.session(), options)
}

/// The wall clock of a scenario: it follows the clock of the runtime.
#[derive(Clone, Copy)]
struct PlayClock {
    epoch: Timestamp,
    started: tokio::time::Instant,
}

impl PlayClock {
    fn now(self) -> Timestamp {
        let passed = SignedDuration::try_from(self.started.elapsed()).unwrap();
        self.epoch + passed
    }
}

struct Answer {
    status: u16,
    headers: http::HeaderMap,
    raw: Vec<u8>,
    body: Value,
}

/// The events of an open watch.
struct Watch {
    status: u16,
    events: Arc<Mutex<Vec<Value>>>,
    reader: tokio::task::JoinHandle<()>,
}

struct Player<'a> {
    scenario: &'a Value,
    text: &'a str,
    server: ApiServer,
    service: ApiService,
    clock: PlayClock,
    comparison: Comparison,
    bodies: HashMap<u64, Value>,
    watches: HashMap<usize, Watch>,
}

impl<'a> Player<'a> {
    fn new(scenario: &'a Value, text: &'a str) -> Self {
        let clock = PlayClock {
            epoch: Timestamp::now(),
            started: tokio::time::Instant::now(),
        };
        let admin = Identity {
            user: "admin".into(),
            uid: "admin".into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            ..Identity::default()
        };
        let options = ServerOptions {
            core: CoreOptions { seed: Some(1) },
            clock: Clock::new(move || clock.now()),
            tokens: vec![StaticToken {
                token: TOKEN.to_owned(),
                identity: admin,
            }],
            ..ServerOptions::default()
        };
        let server = ApiServer::open(MemoryStorage, options).unwrap();
        let service = server.authenticating_service();
        let (comparison, bodies, watches) = (Comparison::default(), HashMap::new(), HashMap::new());
        Self {
            scenario,
            text,
            server,
            service,
            clock,
            comparison,
            bodies,
            watches,
        }
    }

    fn differs(&mut self, what: String) {
        self.comparison.differences.push(what);
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn keep_house(&self) {
        self.server.housekeeping(self.server.clock().now());
    }

    async fn run(mut self) -> Vec<String> {
        if let Some(namespace) = self.scenario["namespace"].as_str() {
            let body =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            let request = json!({"method": "POST", "path": "/api/v1/namespaces", "body": body, "content_type": "application/json"});
            let made = self.send(&request, None).await;
            assert_eq!(made.status, 201, "{}", made.body);
            self.keep_house();
        }
        let steps = self.scenario["steps"].as_array().unwrap();
        for (index, step) in steps.iter().enumerate() {
            for (at, later) in steps.iter().enumerate() {
                if later["opened_before_step"] == json!(index) {
                    self.open_watch(at, &later["watch"]).await;
                }
            }
            if step.get("watch").is_some() {
                self.watched(index, step).await;
            } else if step.get("request").is_some() {
                self.asked(index, step).await;
            }
        }
        for watch in self.watches.values() {
            watch.reader.abort();
        }
        self.comparison.differences
    }

    fn http(&self, request: &Value) -> http::Request<Full<Bytes>> {
        let path = self
            .comparison
            .fill_text(request["path"].as_str().unwrap(), Escape::Query)
            // What no answer has shown, when one was not as recorded.
            .replace('<', "%3C")
            .replace('>', "%3E");
        let mut builder = http::Request::builder()
            .method(request["method"].as_str().unwrap())
            .uri(path);
        let mut header = |name: &str, value: &str| {
            let taken = std::mem::take(&mut builder);
            builder = taken.header(name, value);
        };
        for (name, key) in [("content-type", "content_type"), ("accept", "accept")] {
            if let Some(value) = request[key].as_str() {
                header(name, value);
            }
        }
        let further = request["headers"].as_object().cloned().unwrap_or_default();
        for (name, value) in &further {
            header(name, value.as_str().unwrap());
        }
        if !further.contains_key("User-Agent") {
            header("user-agent", self.scenario["user_agent"].as_str().unwrap());
        }
        let texts = |list: &Value| -> Vec<String> {
            list.as_array()
                .into_iter()
                .flatten()
                .map(|it| it.as_str().unwrap().to_owned())
                .collect()
        };
        if let Some(user) = request["as"]["user"].as_str() {
            header("impersonate-user", user);
        }
        for group in texts(&request["as"]["groups"]) {
            header("impersonate-group", &group);
        }
        for (key, values) in request["as"]["extra"].as_object().into_iter().flatten() {
            for value in texts(values) {
                header(&format!("impersonate-extra-{key}"), &value);
            }
        }
        if let Some(token) = self.token(request) {
            header("authorization", &format!("Bearer {token}"));
        }
        builder
            .body(Full::new(self.request_body(request).into()))
            .unwrap()
    }

    fn token(&self, request: &Value) -> Option<String> {
        let auth = &request["auth"];
        match (
            auth,
            auth["bearer"].as_str(),
            auth["bearer_from_step"].as_u64(),
        ) {
            (Value::Null, ..) => Some(TOKEN.to_owned()),
            (_, Some(token), _) => Some(token.to_owned()),
            (_, _, Some(step)) => Some(
                find(&self.bodies[&step], auth["at"].as_str().unwrap())
                    .as_str()
                    .unwrap()
                    .to_owned(),
            ),
            _ => None,
        }
    }

    fn request_body(&self, request: &Value) -> Vec<u8> {
        let json = |value: &Value| serde_json::to_vec(value).unwrap();
        if let Some(raw) = request["body_raw"].as_str() {
            return self.comparison.fill_text(raw, Escape::None).into_bytes();
        }
        if let Some(step) = request["body_from_step"].as_u64() {
            let mut body = self.bodies[&step].clone();
            merge(&mut body, &self.comparison.fill(&request["body_merge"]));
            return json(&body);
        }
        if let Some(repeat) = request.get("body_repeat") {
            let text = repeat["text"]
                .as_str()
                .unwrap()
                .repeat(usize::try_from(repeat["times"].as_u64().unwrap()).unwrap());
            let whole = String::from_utf8(json(&repeat["template"])).unwrap();
            let placeholder = serde_json::to_string(&repeat["placeholder"]).unwrap();
            return whole
                .replace(&placeholder, &serde_json::to_string(&text).unwrap())
                .into_bytes();
        }
        request
            .get("body")
            .map(|body| json(&self.comparison.fill(body)))
            .unwrap_or_default()
    }

    /// Sends a request; `body` is its body as it was sent, keys in order.
    async fn send(&mut self, request: &Value, body: Option<&str>) -> Answer {
        let mut http = self.http(request);
        if let Some(body) = body {
            *http.body_mut() = Full::new(self.comparison.fill_text(body, Escape::None).into());
        }
        let response = self.service.call(http).await.unwrap();
        let (parts, body) = response.into_parts();
        let raw = body.collect().await.unwrap().to_bytes().to_vec();
        let body = serde_json::from_slice(&raw).unwrap_or_default();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            raw,
            body,
        }
    }

    /// The body of a step as it stands in the file: the order of its keys
    /// shows in some answers. A node port is a number on the wire.
    fn body_text(&self, index: usize, step: &Value) -> Option<String> {
        step["request"].get("body")?;
        let steps = raw::member(self.text, "steps")?;
        let request = raw::member(raw::item(steps, index)?, "request")?;
        let body = raw::member(request, "body")?;
        (!body.contains("<nodePort:")).then(|| raw::compact(body))
    }

    async fn asked(&mut self, index: usize, step: &Value) {
        if let Some(seconds) = step["sleep_before_s"].as_f64() {
            self.pass(Duration::from_secs_f64(seconds)).await;
        }
        let until = self.comparison.fill(&step["poll"]["until"]);
        let body = self.body_text(index, step);
        let mut answer = None;
        for _ in 0..POLLS {
            self.pass(Duration::from_millis(1)).await;
            let got = self.send(&step["request"], body.as_deref()).await;
            self.keep_house();
            let holds = until
                .as_object()
                .into_iter()
                .flatten()
                .all(|(path, wanted)| match path.as_str() {
                    "@status" => json!(got.status) == *wanted,
                    path => find(&got.body, path) == *wanted,
                });
            if holds {
                answer = Some(got);
                break;
            }
            self.pass(Duration::from_millis(150)).await;
        }
        match answer {
            None => self.differs(format!("step {index}: never became {until}")),
            Some(answer) => {
                self.bodies.insert(index as u64, answer.body.clone());
                self.check(index, step, answer);
            }
        }
    }

    fn check(&mut self, index: usize, step: &Value, mut answer: Answer) {
        let (want, at) = (&step["response"], format!("step {index}"));
        if want["status"] != json!(answer.status) {
            let got = String::from_utf8_lossy(&answer.raw).into_owned();
            let got: String = got.chars().take(400).collect();
            return self.differs(format!(
                "{at}: want status {}, got {} {got}",
                want["status"], answer.status
            ));
        }
        let header = |name: &str| {
            answer
                .headers
                .get(name)
                .and_then(|it| it.to_str().ok())
                .map(str::to_owned)
        };
        let content_type = json!(header("content-type"));
        self.comparison.value(
            &want["content_type"],
            &content_type,
            &format!("{at} content type"),
            Order::Free,
        );
        for (name, wanted) in want["headers"].as_object().into_iter().flatten() {
            let all: Vec<&str> = answer
                .headers
                .get_all(name.as_str())
                .iter()
                .map(|it| it.to_str().unwrap())
                .collect();
            let got = if wanted.is_array() {
                json!(all)
            } else {
                json!(all.first())
            };
            self.comparison
                .value(wanted, &got, &format!("{at} header {name}"), Order::Free);
        }
        let strict = [step, self.scenario]
            .iter()
            .any(|it| it["ordered_managed_fields"] == json!(true));
        let order = if strict { Order::Strict } else { Order::Free };
        if want["unordered_causes"] == json!(true) {
            sort_causes(&mut answer.body);
        }
        if let Some(body) = want.get("body") {
            self.comparison.value(body, &answer.body, &at, order);
        }
        for (path, wanted) in want["body_select"].as_object().into_iter().flatten() {
            self.comparison.value(
                wanted,
                &find(&answer.body, path),
                &format!("{at} {path}"),
                order,
            );
        }
        if let Some(text) = want["body_text"].as_str() {
            self.comparison.text(
                text,
                &String::from_utf8_lossy(&answer.raw),
                &format!("{at} text"),
            );
        }
    }

    async fn open_watch(&mut self, at: usize, watch: &Value) {
        let request = json!({"method": "GET", "path": watch["path"], "accept": watch["accept"]});
        let response = self.service.call(self.http(&request)).await.unwrap();
        let status = response.status().as_u16();
        let events: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (kept, mut body) = (events.clone(), response.into_body());
        let bookmarks = watch.get("plain_bookmarks").is_some();
        let reader = tokio::spawn(async move {
            while let Some(Ok(frame)) = body.frame().await {
                let chunk = frame.into_data().unwrap_or_default();
                for line in chunk
                    .split(|byte| *byte == b'\n')
                    .filter(|line| !line.is_empty())
                {
                    keep_event(
                        &mut kept.lock().unwrap(),
                        serde_json::from_slice(line).unwrap(),
                        bookmarks,
                    );
                }
            }
        });
        // What is there at the start comes before what happens next.
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.watches.insert(
            at,
            Watch {
                status,
                events,
                reader,
            },
        );
    }

    async fn watched(&mut self, index: usize, step: &Value) {
        let watch = self.watches.remove(&index).expect("opened before");
        let wanted = step["events"].as_array().unwrap();
        let collect = async {
            if step["ended_by"] == "server" {
                drop(watch.reader.await);
                return;
            }
            while watch.events.lock().unwrap().len() < wanted.len() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(SILENCE).await;
            watch.reader.abort();
        };
        drop(tokio::time::timeout(EVENT_TIMEOUT, collect).await);
        // A refusal is one line too, and no event.
        let got = if watch.status == 200 {
            watch.events.lock().unwrap().clone()
        } else {
            Vec::new()
        };
        let at = format!("step {index}");
        self.comparison.value(
            &step["response"]["status"],
            &json!(watch.status),
            &format!("{at} status"),
            Order::Free,
        );
        if got.len() != wanted.len() {
            self.differs(format!(
                "{at}: want {} events, got {}",
                wanted.len(),
                json!(got)
            ));
        }
        for (number, (want, got)) in wanted.iter().zip(&got).enumerate() {
            self.comparison
                .value(want, got, &format!("{at} event {number}"), Order::Free);
        }
    }
}

/// Bookmarks without annotations come when a server likes: they are left out,
/// or a run of them counts as one.
fn keep_event(events: &mut Vec<Value>, event: Value, bookmarks: bool) {
    let plain =
        event["type"] == "BOOKMARK" && event["object"]["metadata"].get("annotations").is_none();
    let again = events.last().is_some_and(|last| last["type"] == "BOOKMARK");
    if !plain || (bookmarks && !again) {
        events.push(event);
    }
}

fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (key, part) in patch {
        match (part, value.as_object_mut().unwrap()) {
            (Value::Null, map) => drop(map.remove(key)),
            (part, map) => merge(map.entry(key.clone()).or_insert(Value::Null), part),
        }
    }
}
