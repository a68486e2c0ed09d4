//! A cluster, a Git and the controllers, on one thread in virtual time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use trueup_apiserver::core::{CoreOptions, Identity};
use trueup_apiserver::edge::{ApiServer, Clock as ServerClock, ServerOptions};
use trueup_apiserver::storage::MemoryStorage;
use trueup_artifact::MemoryTree;
use trueup_cluster::{
    ApplyOptions, Cluster, ClusterKey, ClusterOptions, Form, LeaseTimes, LiveObject, Patch,
    Session, WriteOptions,
};
use trueup_controller::machine::MachineOptions;
use trueup_controller::{
    Clock, Controller, ControllerHandle, ControllerOptions, LeaderElection, Numbered, Rendering,
};
use trueup_kinds::definitions;
use trueup_object::{GroupVersionKind, ObjectRef, Value, value};
use trueup_source::memory::{MemoryRemote, MemoryStore};
use trueup_testkit::{Faults, VirtualClock};

pub const URL: &str = "http://git.example/fleet";
pub const NAMESPACE: &str = "fleet";
/// How long, in virtual time, anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(600);

pub struct World {
    pub server: ApiServer,
    pub remote: MemoryRemote,
    pub store: MemoryStore,
    pub faults: Faults,
    pub clock: VirtualClock,
    /// The administrator, untouched by faults.
    pub admin: Session,
    pub controller: ControllerHandle,
    reports: Arc<Mutex<Vec<Numbered>>>,
    seed: u64,
    adjust: Adjust,
}

/// What a test wants otherwise of the controllers.
pub type Adjust = Arc<dyn Fn(&mut ControllerOptions) + Send + Sync>;

impl World {
    /// A world with our definitions, one namespace, and controllers.
    pub async fn new(seed: u64) -> Self {
        Self::with(seed, |_| {}).await
    }

    /// The same, with controllers that are started otherwise.
    pub async fn with(
        seed: u64,
        adjust: impl Fn(&mut ControllerOptions) + Send + Sync + 'static,
    ) -> Self {
        let adjust: Adjust = Arc::new(adjust);
        let clock = VirtualClock::start();
        let server = embedded(clock, seed);
        let faults = Faults::new(seed);
        let admin = cluster(server.service(Identity::admin()), seed).session();
        prepare(&admin).await;
        let (remote, store) = (MemoryRemote::new(), MemoryStore::new());
        remote.add_repository(URL);
        let controller = start(&server, &faults, &remote, &store, clock, seed, &adjust);
        let reports = Arc::default();
        listen(&controller, &reports);
        Self {
            server,
            remote,
            store,
            faults,
            clock,
            admin,
            controller,
            reports,
            seed,
            adjust,
        }
    }

    /// Ends the controllers as a crash would, and starts them anew.
    pub async fn restart(&mut self) {
        self.controller.kill();
        tokio::task::yield_now().await;
        self.faults.revive();
        self.controller = start(
            &self.server,
            &self.faults,
            &self.remote,
            &self.store,
            self.clock,
            self.seed,
            &self.adjust,
        );
        listen(&self.controller, &self.reports);
    }

    /// More controllers, that act only while they hold Flux's leases.
    pub fn elect(&self, identity: &str) -> ControllerHandle {
        let session = cluster(self.server.service(Identity::admin()), self.seed).session();
        let mut options = options(session, &self.remote, &self.store, self.clock, self.seed);
        (self.adjust)(&mut options);
        options.leader_election = Some(LeaderElection {
            namespace: NAMESPACE.into(),
            identity: identity.into(),
            times: LeaseTimes::FLUX,
        });
        Controller::start(options)
    }

    pub async fn holds_lease(&self, identity: &str) -> bool {
        let lease = ObjectRef {
            kind: GroupVersionKind::new("coordination.k8s.io/v1", "Lease"),
            namespace: NAMESPACE.into(),
            name: "kustomize-controller-leader-election".into(),
        };
        let found = self.admin.find(&lease, Form::Full).await.unwrap();
        found.is_some_and(|lease| {
            lease.value().str_at(&["spec", "holderIdentity"]) == Some(identity)
        })
    }

    /// Commits files and tells of the push.
    pub fn push(&self, subject: &str, files: &[(&str, &str)]) -> String {
        let commit = self.commit(subject, files);
        self.controller.notify_push(URL);
        commit
    }

    /// Commits files; nobody is told.
    pub fn commit(&self, subject: &str, files: &[(&str, &str)]) -> String {
        let tree: MemoryTree = tree(files);
        let id = self
            .remote
            .commit(URL, "main", tree, subject, self.clock.now());
        format!("main@sha1:{id}")
    }

    pub async fn apply(&self, object: &Value) -> LiveObject {
        self.admin
            .apply(object, &ApplyOptions::new("person").taking_over())
            .await
            .unwrap()
    }

    /// A repository that is looked at once an hour, and pushes in between.
    pub async fn repository(&self) {
        self.apply(&value!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "fleet", "namespace": NAMESPACE},
            "spec": {"url": URL, "interval": "1h", "ref": {"branch": "main"}},
        }))
        .await;
    }

    /// A Kustomization of a folder, with more fields of its specification.
    pub async fn kustomization(&self, name: &str, path: &str, more: Value) {
        let mut object = value!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"path": path, "prune": true, "interval": "1h", "retryInterval": "1m",
                "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
        });
        if let Value::Map(more) = more {
            for (key, value) in more.iter() {
                object.set_at(&["spec", key], value.clone());
            }
        }
        self.apply(&object).await;
    }

    pub async fn get(&self, api_version: &str, kind: &str, name: &str) -> Option<Value> {
        let reference = reference(api_version, kind, name);
        let found = self.admin.find(&reference, Form::Full).await.unwrap();
        found.map(|object| object.value().clone())
    }

    pub async fn config_map(&self, name: &str) -> Option<Value> {
        self.get("v1", "ConfigMap", name).await
    }

    pub async fn patch(
        &self,
        api_version: &str,
        kind: &str,
        name: &str,
        manager: &str,
        patch: Value,
    ) {
        let reference = reference(api_version, kind, name);
        self.admin
            .patch(
                &reference,
                &Patch::Merge(patch),
                &WriteOptions::new(manager),
            )
            .await
            .unwrap();
    }

    pub async fn patch_kustomization(&self, name: &str, patch: Value) {
        self.patch(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            name,
            "person",
            patch,
        )
        .await;
    }

    pub async fn delete(&self, api_version: &str, kind: &str, name: &str) {
        self.admin
            .delete(&reference(api_version, kind, name), &Default::default())
            .await
            .unwrap();
    }

    /// Deletes a Kustomization and waits until it is gone.
    pub async fn delete_kustomization(&self, name: &str) {
        let api = "kustomize.toolkit.fluxcd.io/v1";
        self.delete(api, "Kustomization", name).await;
        self.until(&format!("the Kustomization {name} is gone"), async || {
            self.get(api, "Kustomization", name).await.is_none()
        })
        .await;
    }

    /// How often a Kustomization was worked on.
    pub fn runs(&self, name: &str) -> u64 {
        let text = self.controller.metrics_text();
        let counted = format!(
            "gotk_reconcile_duration_seconds_count{{kind=\"Kustomization\",name=\"{name}\""
        );
        let line = text.lines().find(|line| line.starts_with(&counted));
        let count = line.and_then(|line| line.rsplit_once(' '));
        count.expect("it was worked on").1.parse().unwrap()
    }

    pub async fn kustomization_status(&self, name: &str) -> Value {
        let object = self
            .get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name)
            .await;
        object
            .and_then(|object| object.get("status").cloned())
            .unwrap_or_default()
    }

    pub async fn repository_status(&self) -> Value {
        let object = self
            .get("source.toolkit.fluxcd.io/v1", "GitRepository", "fleet")
            .await;
        object
            .and_then(|object| object.get("status").cloned())
            .unwrap_or_default()
    }

    /// Waits until a Kustomization is ready at a revision.
    pub async fn applied(&self, name: &str, revision: &str) {
        self.until(&format!("{name} applied {revision}"), async || {
            let status = self.kustomization_status(name).await;
            condition(&status, "Ready").is_some_and(|it| it.0 == "True")
                && status.str_at(&["lastAppliedRevision"]) == Some(revision)
        })
        .await;
    }

    /// Waits until `Ready` of a Kustomization is not true for a reason;
    /// answers its message.
    pub async fn fails(&self, name: &str, reason: &str) -> String {
        let mut message = String::new();
        self.until(&format!("{name} fails with {reason}"), async || {
            let status = self.kustomization_status(name).await;
            let found = condition(&status, "Ready").filter(|it| it.0 != "True" && it.1 == reason);
            message = found.clone().map(|it| it.2).unwrap_or_default();
            found.is_some()
        })
        .await;
        message
    }

    /// Waits for something, and shows where everything stands if it does not
    /// come.
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let began = tokio::time::Instant::now();
        while !holds().await {
            if began.elapsed() > PATIENCE {
                panic!("waited in vain for: {what}\n{}", self.picture());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Lets everything that is under way come to rest.
    pub async fn rest(&self) {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    /// The reports so far as terminal lines.
    pub fn lines(&self) -> Vec<String> {
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports
            .iter()
            .map(|it| {
                format!(
                    "{} {}: {}",
                    it.report.object, it.report.reason, it.report.message
                )
            })
            .collect()
    }

    /// Whether a report contains a text.
    pub fn told(&self, text: &str) -> bool {
        self.lines().iter().any(|line| line.contains(text))
    }

    pub fn picture(&self) -> String {
        let mut lines = self.lines();
        for (key, snapshot) in self.controller.snapshot().objects {
            let status = snapshot.object.get("status").cloned().unwrap_or_default();
            lines.push(format!(
                "{key}: {}",
                String::from_utf8_lossy(&trueup_object::to_json(&status))
            ));
        }
        lines.push(format!("{:?}", *self.controller.load().borrow()));
        lines.join("\n")
    }
}

/// A client of an API server in this process.
pub fn cluster<S, B>(service: S, seed: u64) -> Cluster
where
    S: tower::Service<http::Request<trueup_cluster::RequestBody>, Response = http::Response<B>>
        + Send
        + 'static,
    S::Future: Send + 'static,
    S::Error: Into<tower::BoxError>,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    let options = ClusterOptions {
        seed: Some(seed),
        ..ClusterOptions::in_process()
    };
    Cluster::from_service(ClusterKey::local(), service, options)
}

/// The definitions of the kinds that each world has, and the namespaces `fleet`
/// and `apps`; tests of canaries bring theirs.
pub async fn prepare(admin: &Session) {
    let options = ApplyOptions::new("person");
    let is_flux = |definition: &Value| definition.str_at(&["spec", "group"]) != Some("flagger.app");
    for definition in definitions().into_iter().filter(is_flux) {
        admin.apply(&definition, &options).await.unwrap();
    }
    for name in [NAMESPACE, "apps"] {
        let namespace =
            value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        admin.apply(&namespace, &options).await.unwrap();
    }
    // Definitions are served a moment after they are stored.
    tokio::time::sleep(Duration::from_secs(1)).await;
    admin.cluster().invalidate_discovery();
}

fn start(
    server: &ApiServer,
    faults: &Faults,
    remote: &MemoryRemote,
    store: &MemoryStore,
    clock: VirtualClock,
    seed: u64,
    adjust: &Adjust,
) -> ControllerHandle {
    let session = cluster(faults.wrap(server.service(Identity::admin())), seed).session();
    let mut options = options(session, remote, store, clock, seed);
    adjust(&mut options);
    Controller::start(options)
}

/// Controllers in virtual time.
pub fn options(
    session: Session,
    remote: &MemoryRemote,
    store: &MemoryStore,
    clock: VirtualClock,
    seed: u64,
) -> ControllerOptions {
    let mut options =
        ControllerOptions::new(session, Arc::new(remote.clone()), Arc::new(store.clone()));
    options.clock = Clock::starting_at(clock.now());
    options.rendering = Rendering::Inline;
    options.machine = MachineOptions {
        seed,
        ..MachineOptions::default()
    };
    options
}

/// Keeps every report.
pub fn listen(controller: &ControllerHandle, reports: &Arc<Mutex<Vec<Numbered>>>) {
    let (mut feed, reports) = (controller.subscribe(), Arc::clone(reports));
    tokio::spawn(async move {
        while let Ok(report) = feed.recv().await {
            reports
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(report);
        }
    });
}

pub fn tree(files: &[(&str, &str)]) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for (path, content) in files {
        let path = trueup_artifact::TreePath::parse(path).unwrap();
        tree.add_file(&path, content.as_bytes().to_vec().into())
            .unwrap();
    }
    tree
}

pub fn reference(api_version: &str, kind: &str, name: &str) -> ObjectRef {
    let namespace = match kind {
        "Kustomization" | "GitRepository" => NAMESPACE,
        "Namespace" | "CustomResourceDefinition" | "ClusterRole" => "",
        _ => "apps",
    };
    ObjectRef {
        kind: GroupVersionKind::new(api_version, kind),
        namespace: namespace.into(),
        name: name.into(),
    }
}

/// Status, reason and message of a condition.
pub fn condition(status: &Value, kind: &str) -> Option<(String, String, String)> {
    let list = status.get("conditions")?.as_list()?;
    let found = list.iter().find(|it| it.str_at(&["type"]) == Some(kind))?;
    let text = |key| found.str_at(&[key]).unwrap_or_default().to_owned();
    Some((text("status"), text("reason"), text("message")))
}

/// An embedded API on the clock of a test.
pub fn embedded(clock: VirtualClock, seed: u64) -> ApiServer {
    let options = ServerOptions {
        core: CoreOptions { seed: Some(seed) },
        clock: ServerClock::new(move || clock.now()),
        ..ServerOptions::default()
    };
    let server = ApiServer::open(MemoryStorage, options).unwrap();
    let house = server.clone();
    tokio::spawn(async move { house.keep_house().await });
    server
}

/// A manifest of a ConfigMap in the namespace `apps`.
pub fn map(name: &str, data: &[(&str, &str)]) -> String {
    let data: BTreeMap<_, _> = data.iter().copied().collect();
    let lines: String = data
        .iter()
        .map(|(key, text)| format!("  {key}: \"{text}\"\n"))
        .collect();
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: apps\ndata:\n{lines}"
    )
}
