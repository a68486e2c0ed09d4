//! A cluster with a process node, and what a user does there.

use crate::{SERVE, SUPERVISE};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use trueup_cluster::{ApplyOptions, DeleteOptions, Form, LiveObject, Scope, Session};
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value, value};
use trueup_testkit::TestCluster;
use trueup_workloads::process::{
    Image, ImageMap, LogKey, ProcessLogs, ProcessOptions, Program, RestartBackoff, dial_address,
};
use trueup_workloads::{WorkloadsOptions, run};

/// Far longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub fn this_program(mode: &str) -> Program {
    Program::new(std::env::current_exe().unwrap()).with_arguments([mode])
}

/// `web` is this program's server, `sh` the machine's shell; both may run
/// `sh` in probes and hooks.
pub fn options() -> ProcessOptions {
    let sh = || Program::new("/bin/sh");
    let missing = Program::new(PathBuf::from("/no/such/program"));
    let images = ImageMap::default()
        .with(
            "web",
            Image::new(this_program(SERVE)).with_command("sh", sh()),
        )
        .with("sh", Image::new(sh()).with_command("sh", sh()))
        .with("missing", Image::new(missing));
    let mut options = ProcessOptions::new(this_program(SUPERVISE), images);
    options.restart_backoff = RestartBackoff {
        first: Duration::from_millis(200),
        longest: Duration::from_millis(800),
    };
    options
}

pub struct Place {
    cluster: TestCluster,
    pub user: Session,
    pub namespace: Text,
    pub logs: ProcessLogs,
    pub workloads: JoinHandle<()>,
    options: WorkloadsOptions,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.workloads.abort();
    }
}

/// Uids are drawn from the seed and addresses from uids: tests that run beside
/// each other have other ones.
fn seed() -> u64 {
    static PLACES: AtomicU64 = AtomicU64::new(0);
    (u64::from(std::process::id()) << 32) + PLACES.fetch_add(1, Ordering::Relaxed)
}

pub async fn place() -> Place {
    place_with(options()).await
}

pub async fn place_with(options: ProcessOptions) -> Place {
    let cluster = TestCluster::embedded(seed());
    let namespace = cluster.namespace("p").await.unwrap();
    let logs = options.logs.clone();
    let options = WorkloadsOptions {
        ready_delay: Duration::from_millis(10),
        wall_clock: cluster.wall_clock(),
        processes: Some(Arc::new(options)),
        ..WorkloadsOptions::default()
    };
    let workloads = tokio::spawn(run(cluster.session(), options.clone()));
    Place {
        user: cluster.undisturbed().session(),
        cluster,
        namespace,
        logs,
        workloads,
        options,
    }
}

/// Waits until something is so.
pub async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

impl Place {
    /// Stops the node with all its processes, and starts another one.
    pub async fn restart_node(&mut self) {
        self.workloads.abort();
        // An aborted task answers with an error.
        let _ = (&mut self.workloads).await;
        let running = run(self.cluster.session(), self.options.clone());
        self.workloads = tokio::spawn(running);
    }

    pub fn reference(&self, kind: &str, name: &str) -> ObjectRef {
        let api_version = match kind {
            "Deployment" => "apps/v1",
            _ => "v1",
        };
        ObjectRef {
            kind: GroupVersionKind::new(api_version, kind),
            namespace: self.namespace.clone(),
            name: name.into(),
        }
    }

    pub async fn apply(&self, mut manifest: Value) {
        manifest.set_at(&["metadata", "namespace"], self.namespace.clone().into());
        self.user
            .apply(&manifest, &ApplyOptions::new("user"))
            .await
            .unwrap();
    }

    /// A Pod with one container, called `app`.
    pub async fn pod(&self, name: &str, container: Value, spec: Value) {
        let mut pod = value!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name}}, "spec": spec,
        });
        let mut container = container;
        container.set_at(&["name"], "app".into());
        pod.set_at(&["spec", "containers"], vec![container].into());
        self.apply(pod).await;
    }

    pub async fn find(&self, name: &str) -> Option<LiveObject> {
        self.user
            .find(&self.reference("Pod", name), Form::Full)
            .await
            .unwrap()
    }

    pub async fn get(&self, name: &str) -> LiveObject {
        self.find(name).await.unwrap()
    }

    pub async fn list(&self, kind: &GroupVersionKind) -> Vec<LiveObject> {
        let scope = Scope::namespace(&self.namespace);
        self.user
            .list(kind, &scope, Form::Full)
            .await
            .unwrap()
            .objects
    }

    pub async fn pods(&self) -> Vec<LiveObject> {
        self.list(&GroupVersionKind::new("v1", "Pod")).await
    }

    pub async fn delete(&self, name: &str, grace_s: Option<u32>) {
        let options = DeleteOptions {
            grace_period_s: grace_s,
            ..DeleteOptions::default()
        };
        self.user
            .delete(&self.reference("Pod", name), &options)
            .await
            .unwrap();
    }

    /// Waits until a Pod is so.
    pub async fn until(&self, name: &str, what: &str, test: impl Fn(&Value) -> bool) -> LiveObject {
        until(&format!("Pod {name} {what}"), async || {
            self.find(name).await.filter(|pod| test(pod.value()))
        })
        .await
    }

    pub async fn until_ready(&self, name: &str) -> LiveObject {
        self.until(name, "is ready", is_ready).await
    }

    pub async fn until_gone(&self, name: &str) {
        until(&format!("Pod {name} is gone"), async || {
            self.find(name).await.is_none().then_some(())
        })
        .await;
    }

    pub fn log(&self, pod: &str) -> String {
        let key = LogKey {
            namespace: self.namespace.clone(),
            pod: pod.into(),
            container: "app".into(),
        };
        self.logs.read(&key).unwrap_or_default().text
    }

    /// Waits until a container has printed a line that begins so, and returns
    /// what follows.
    pub async fn until_printed(&self, pod: &str, begin: &str) -> String {
        until(&format!("Pod {pod} prints {begin}"), async || {
            let log = self.log(pod);
            let mut lines = log
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            lines.find_map(|line| line.trim_end().strip_prefix(begin).map(str::to_owned))
        })
        .await
    }

    /// Events about a Pod: `REASON: MESSAGE`.
    pub async fn events(&self, pod: &str) -> Vec<String> {
        let events = self.list(&GroupVersionKind::new("v1", "Event")).await;
        let text = |event: &LiveObject, path: &[&str]| {
            event.value().str_at(path).unwrap_or_default().to_owned()
        };
        let about = |event: &&LiveObject| text(event, &["involvedObject", "name"]) == pod;
        let said = |event| {
            format!(
                "{}: {}",
                text(event, &["reason"]),
                text(event, &["message"])
            )
        };
        events.iter().filter(about).map(said).collect()
    }

    pub async fn until_told(&self, pod: &str, words: &str) {
        until(&format!("an event of {pod} says {words}"), async || {
            let events = self.events(pod).await;
            events
                .iter()
                .any(|event| event.contains(words))
                .then_some(())
        })
        .await;
    }

    pub fn cluster(&self) -> &TestCluster {
        &self.cluster
    }
}

pub fn is_ready(pod: &Value) -> bool {
    let conditions = pod
        .at(&["status", "conditions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let mut ready = conditions
        .iter()
        .filter(|it| it.str_at(&["type"]) == Some("Ready"));
    ready.any(|it| it.str_at(&["status"]) == Some("True"))
}

/// The status of the only container.
pub fn container(pod: &Value) -> Value {
    let statuses = pod
        .at(&["status", "containerStatuses"])
        .and_then(Value::as_list);
    statuses
        .and_then(<[Value]>::first)
        .cloned()
        .unwrap_or_default()
}

pub fn restarts(pod: &Value) -> i64 {
    container(pod).i64_at(&["restartCount"]).unwrap_or_default()
}

pub fn waits_for(pod: &Value) -> String {
    container(pod)
        .str_at(&["state", "waiting", "reason"])
        .unwrap_or_default()
        .to_owned()
}

pub fn dial(pod: &LiveObject) -> SocketAddr {
    dial_address(pod.annotations(), None).unwrap()
}

/// The body of an answer, or why there is none.
pub async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned());
    body.ok_or_else(|| std::io::Error::other("no body"))
}

/// Whether a process is there and no zombie that nobody waits for.
pub fn is_alive(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
    !matches!(state, None | Some(None | Some('Z' | 'X')))
}

/// Waits until processes, given by their numbers with blanks between, ended.
pub async fn until_ended(processes: &str) {
    until(&format!("processes {processes} have ended"), async || {
        let alive = processes.split_whitespace().any(is_alive);
        (!alive).then_some(())
    })
    .await;
}
