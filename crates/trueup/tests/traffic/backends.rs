//! The containers of Pods, as small servers in this process: what a kubelet
//! would start. A Pod says by its annotation where its server listens; its
//! image's tag is the version, and tests say how a version behaves.

use crate::ingress::DIAL;
use crate::tiny_http::{Answer, Server};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use trueup_cluster::{
    Form, LiveObject, Patch, Scope, Session, WatchEvent, WatchSpec, WriteOptions,
};
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value, value};
use trueup_workloads::FAIL_ANNOTATION;

/// Headers of answers: the Pod, its side, its version.
pub const POD: &str = "X-Pod";
pub const SIDE: &str = "X-Side";
pub const VERSION: &str = "X-Version";

/// How long a server goes on after its Pod was deleted, as a container does
/// whose hook `preStop` waits for gateways to take notice.
const DRAIN: Duration = Duration::from_secs(10);

/// How a version behaves.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// How many percent of the answers are errors.
    pub error_percent: u8,
    pub latency: Duration,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            error_percent: 0,
            latency: Duration::from_millis(5),
        }
    }
}

/// The servers of all Pods.
pub struct Backends {
    shared: Arc<Shared>,
    session: Session,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    behaviours: Mutex<BTreeMap<String, Behaviour>>,
    /// Workloads of which Pods of a version crash.
    crashing: Mutex<BTreeSet<(String, String)>>,
    servers: Mutex<BTreeMap<Text, Running>>,
}

struct Running {
    pod: Container,
    /// Dropping it cuts all connections.
    _server: Server,
}

/// What matters of a Pod.
#[derive(Clone, Debug)]
struct Container {
    reference: ObjectRef,
    workload: String,
    version: String,
}

impl Container {
    fn of(pod: &LiveObject) -> Option<Self> {
        let containers = pod.value().at(&["spec", "containers"])?.as_list()?;
        let image = containers.first()?.str_at(&["image"])?;
        Some(Self {
            reference: pod.reference().clone(),
            workload: pod.label("app")?.to_owned(),
            version: image.rsplit_once(':')?.1.to_owned(),
        })
    }

    fn side(&self) -> &'static str {
        if self.workload.ends_with("-primary") {
            "primary"
        } else {
            "canary"
        }
    }
}

impl Drop for Backends {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Backends {
    /// Starts a server for every Pod that comes, and ends it after the Pod.
    pub fn start(session: Session, namespace: &str) -> Self {
        let shared: Arc<Shared> = Arc::default();
        let mut events = session.watch(WatchSpec {
            kind: GroupVersionKind::new("v1", "Pod"),
            scope: Scope::namespace(namespace),
            form: Form::Full,
        });
        let (kept, writer) = (Arc::clone(&shared), session.clone());
        let task = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                match event {
                    WatchEvent::Applied(pod) => kept.seen(&writer, &pod).await,
                    WatchEvent::Deleted(gone) => drain(&kept, gone.uid),
                    _ => {}
                }
            }
        });
        Self {
            shared,
            session,
            task,
        }
    }

    /// From now on a version behaves so.
    pub fn behave(&self, version: &str, behaviour: Behaviour) {
        let mut behaviours = lock(&self.shared.behaviours);
        behaviours.insert(version.to_owned(), behaviour);
    }

    /// Pods of a version of a workload crash: those that run, and all that
    /// come.
    pub async fn crash(&self, workload: &str, version: &str) {
        let rule = (workload.to_owned(), version.to_owned());
        lock(&self.shared.crashing).insert(rule);
        let crashed: Vec<Running> = {
            let mut servers = lock(&self.shared.servers);
            let is_meant = |_: &Text, it: &mut Running| {
                it.pod.workload == workload && it.pod.version == version
            };
            let taken = servers.extract_if(.., is_meant);
            taken.map(|(_, running)| running).collect()
        };
        for running in crashed {
            let reference = running.pod.reference.clone();
            // Cut before anybody is told.
            drop(running);
            self.tell_of_crash(&reference).await;
        }
    }

    async fn tell_of_crash(&self, reference: &ObjectRef) {
        let Some(pod) = self.session.find(reference, Form::Full).await.unwrap() else {
            return;
        };
        let not_ready = |condition: &Value| {
            let mut condition = condition.clone();
            if matches!(
                condition.str_at(&["type"]),
                Some("Ready" | "ContainersReady")
            ) {
                condition.set_at(&["status"], "False".into());
                condition.set_at(&["reason"], "ContainersNotReady".into());
            }
            condition
        };
        let conditions = pod.value().at(&["status", "conditions"]);
        let conditions = conditions.and_then(Value::as_list).unwrap_or_default();
        let conditions: Value = conditions.iter().map(not_ready).collect();
        let status = value!({"conditions": conditions});
        let told = self
            .session
            .patch_status(reference, &status, None, "kubelet");
        told.await.unwrap();
    }
}

impl Shared {
    async fn seen(self: &Arc<Self>, session: &Session, pod: &LiveObject) {
        let is_known = lock(&self.servers).contains_key(pod.uid());
        let is_told = pod.annotation(DIAL).is_some() || pod.annotation(FAIL_ANNOTATION).is_some();
        let Some(container) = Container::of(pod).filter(|_| !is_known && !is_told) else {
            return;
        };
        let rule = (container.workload.clone(), container.version.clone());
        let annotations = if lock(&self.crashing).contains(&rule) {
            value!({FAIL_ANNOTATION: "CrashLoopBackOff"})
        } else {
            let address = self.run(pod.uid(), container).await;
            value!({DIAL: address})
        };
        let patch = Patch::Merge(value!({"metadata": {"annotations": annotations}}));
        let options = WriteOptions::new("kubelet");
        // A Pod that is gone already needs nothing.
        let _gone = session.patch(pod.reference(), &patch, &options).await;
    }

    async fn run(self: &Arc<Self>, uid: &Text, pod: Container) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (shared, container) = (Arc::clone(self), pod.clone());
        let server = Server::start(listener, move || {
            let (shared, container) = (Arc::clone(&shared), container.clone());
            async move { shared.answer(&container).await }
        });
        let running = Running {
            pod,
            _server: server,
        };
        lock(&self.servers).insert(uid.clone(), running);
        address
    }

    async fn answer(&self, pod: &Container) -> Answer {
        let behaviour = lock(&self.behaviours).get(&pod.version).copied();
        let behaviour = behaviour.unwrap_or_default();
        sleep(behaviour.latency).await;
        let is_error = fastrand::u8(0..100) < behaviour.error_percent;
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Answer {
            status: if is_error { 500 } else { 200 },
            headers: vec![
                header(POD, &pod.reference.name),
                header(SIDE, pod.side()),
                header(VERSION, &pod.version),
            ],
            body: format!("{}\n", pod.version),
        }
    }
}

fn drain(shared: &Arc<Shared>, uid: Text) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        sleep(DRAIN).await;
        lock(&shared.servers).remove(&uid);
    });
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
