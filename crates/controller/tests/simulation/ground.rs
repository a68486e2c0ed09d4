//! Two clusters, a Git, and two instances of the controllers of which one
//! acts; on one thread in virtual time.

use super::fleet::{TENANTS, Traits};
use super::ledger::{Election, Ledger, Place, Source, Witnessed};
use crate::tests::elsewhere_world::{
    ALL, Elsewhere, account, client_options, encoded, grant_in, kubeconfig,
};
use crate::tests::world::{
    self, NAMESPACE, URL, cluster, condition, embedded, prepare, reference, tree,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::ApiServer;
use trueup_cluster::{
    ApplyOptions, Cluster, ClusterKey, ConnectError, Connector, DeleteOptions, Form, LeaseTimes,
    LiveObject, RemoteConfig, Scope, Session,
};
use trueup_controller::{Controller, ControllerHandle, LeaderElection, Numbered};
use trueup_object::{GroupVersionKind, ObjectRef, Value, value};
use trueup_source::memory::{MemoryRemote, MemoryStore};
use trueup_testkit::{Faults, VirtualClock};

const SERVER: &str = "https://far.example:6443";

/// Short, so that several fit into a schedule.
const SHORT: LeaseTimes = LeaseTimes {
    lease_duration: Duration::from_secs(5),
    renew_deadline: Duration::from_secs(3),
    retry_period: Duration::from_secs(1),
};

/// One instance of the controllers over its lives.
pub struct Instance {
    pub name: &'static str,
    /// Between it and both clusters.
    pub faults: Faults,
    /// Its own; an artifact of the other's it must fetch anew.
    pub store: MemoryStore,
    lives: u32,
    /// While it runs.
    pub handle: Option<ControllerHandle>,
}

/// Everything that a schedule plays on.
pub struct Ground {
    server: ApiServer,
    pub far: Elsewhere,
    pub remote: MemoryRemote,
    pub clock: VirtualClock,
    /// The administrator of the near cluster, untouched by faults.
    pub admin: Session,
    pub ledger: Ledger,
    pub instances: [Instance; 2],
    lease_times: LeaseTimes,
    reports: Arc<Mutex<Vec<Numbered>>>,
    seed: u64,
    /// The token that opens the far cluster.
    token: String,
}

impl Ground {
    /// Both clusters, prepared; nobody runs yet.
    pub async fn new(seed: u64, traits: &Traits) -> Self {
        let clock = VirtualClock::start();
        let server = embedded(clock, seed);
        let admin = cluster(server.service(Identity::admin()), seed).session();
        prepare(&admin).await;
        let far = Elsewhere::new(clock, seed).await;
        let remote = MemoryRemote::new();
        remote.add_repository(URL);
        let instance = |name, salt| Instance {
            name,
            faults: Faults::new(seed ^ salt),
            store: MemoryStore::new(),
            lives: 0,
            handle: None,
        };
        let mut ground = Self {
            server,
            ledger: Ledger::new(clock, admin.clone(), far.admin.clone()),
            far,
            remote,
            clock,
            admin,
            instances: [instance("one", 0), instance("two", 1 << 40)],
            lease_times: if traits.long_leases {
                LeaseTimes::FLUX
            } else {
                SHORT
            },
            reports: Arc::default(),
            seed,
            token: String::new(),
        };
        ground.prepare_accounts().await;
        ground.rotate(1).await;
        ground
    }

    async fn prepare_accounts(&self) {
        let namespace =
            value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TENANTS}});
        apply(&self.admin, &namespace).await;
        for (session, name, namespace) in [
            (&self.admin, "tenant", TENANTS),
            (&self.far.admin, "guest", "apps"),
        ] {
            account(session, name).await;
            grant_in(session, name, namespace, &ALL).await;
        }
    }

    /// The administrator of a place, untouched by faults.
    pub fn admin_of(&self, place: Place) -> &Session {
        match place {
            Place::Near => &self.admin,
            Place::Far => &self.far.admin,
        }
    }

    /// The tenant has its rights (again).
    pub async fn give_rights(&self) {
        grant_in(&self.admin, "tenant", TENANTS, &ALL).await;
    }

    /// The tenant has no rights any more.
    pub async fn take_rights(&self) {
        let binding = ObjectRef {
            namespace: TENANTS.into(),
            ..reference("rbac.authorization.k8s.io/v1", "RoleBinding", "tenant")
        };
        // They may have been taken before.
        let _ = self.admin.delete(&binding, &DeleteOptions::default()).await;
    }

    /// The far cluster is opened by a new token, and by no old one.
    pub async fn rotate(&mut self, number: u32) {
        let token = format!("token-{number}");
        self.far.trust(&token, Identity::admin());
        let content = encoded(&kubeconfig(SERVER, &format!("token: {token}")));
        let secret = value!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "far", "namespace": NAMESPACE}, "data": {"value": content},
        });
        apply(&self.admin, &secret).await;
        self.far.distrust(&self.token);
        self.token = token;
    }

    pub async fn apply(&self, object: &Value) -> LiveObject {
        apply(&self.admin, object).await
    }

    /// Commits files; nobody is told.
    pub fn commit(&self, subject: &str, files: &[(String, String)]) -> String {
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let now = self.clock.now();
        let id = self.remote.commit(URL, "main", tree(&files), subject, now);
        format!("main@sha1:{id}")
    }

    /// Tells all who run of a push.
    pub fn tell_of_push(&self) {
        for handle in self.running() {
            handle.notify_push(URL);
        }
    }

    pub fn running(&self) -> impl Iterator<Item = &ControllerHandle> {
        self.instances
            .iter()
            .filter_map(|instance| instance.handle.as_ref())
    }

    /// Starts an instance that does not run, in a new life.
    pub fn start(&mut self, index: usize, election: Election) {
        let instance = &mut self.instances[index];
        instance.lives += 1;
        let process = format!("{}-{}", instance.name, instance.lives);
        let witness = Witness {
            faults: instance.faults.clone(),
            ledger: self.ledger.clone(),
            process: process.clone(),
            election,
            far: self.far.clone(),
        };
        let service = Witnessed {
            service: self.server.service(Identity::admin()),
            ledger: self.ledger.clone(),
            source: witness.source(Place::Near),
        };
        let session = cluster(instance.faults.wrap(service), self.seed).session();
        let mut options = world::options(
            session,
            &self.remote,
            &instance.store,
            self.clock,
            self.seed,
        );
        options.connector = Arc::new(witness);
        options.leader_election = (election == Election::Held).then(|| LeaderElection {
            namespace: NAMESPACE.into(),
            identity: process.into(),
            times: self.lease_times,
        });
        let handle = Controller::start(options);
        world::listen(&handle, &self.reports);
        instance.handle = Some(handle);
    }

    /// Ends an instance as a crash would.
    pub async fn kill(&mut self, index: usize) {
        if let Some(handle) = self.instances[index].handle.take() {
            handle.kill();
        }
        tokio::task::yield_now().await;
        self.instances[index].faults.revive();
    }

    /// Waits until an instance is cut off by its faults; answers which.
    pub async fn killed(&self) -> usize {
        let [one, two] = &self.instances;
        tokio::select! {
            biased;
            () = one.faults.killed() => 0,
            () = two.faults.killed() => 1,
        }
    }

    /// What a place holds of a kind, in all namespaces that content is in.
    /// Empty where nobody knows the kind.
    pub async fn objects(&self, place: Place, kind: &GroupVersionKind) -> Vec<LiveObject> {
        let mut found = Vec::new();
        let namespaces: &[&str] = match place {
            Place::Near => &["apps", TENANTS],
            Place::Far => &["apps"],
        };
        for namespace in namespaces {
            let scope = Scope::namespace(namespace);
            let admin = self.admin_of(place);
            let listed = match admin.list(kind, &scope, Form::Full).await {
                Ok(listed) => listed.objects,
                Err(error) if *kind == super::fleet::Kind::Gadget.group_version_kind() => {
                    tracing::debug!(%error, "gadgets");
                    Vec::new()
                }
                Err(error) => panic!("list {kind}: {error}"),
            };
            found.extend(listed);
        }
        found.retain(|it| it.name() != "kube-root-ca.crt");
        found
    }

    pub async fn status(&self, name: &str) -> Value {
        let reference = kustomization(name);
        let found = self.admin.find(&reference, Form::Full).await.unwrap();
        let object = found.map(|object| object.value().clone());
        object
            .and_then(|object| object.get("status").cloned())
            .unwrap_or_default()
    }

    /// Whether a Kustomization is there.
    pub async fn exists(&self, name: &str) -> bool {
        let found = self.admin.find(&kustomization(name), Form::Metadata).await;
        found.unwrap().is_some()
    }

    /// Deletes a Kustomization, which goes when it is let go.
    pub async fn delete(&self, name: &str) {
        let options = DeleteOptions::default();
        self.admin
            .delete(&kustomization(name), &options)
            .await
            .unwrap();
    }

    /// Whether a Kustomization is ready at a revision.
    pub async fn has_applied(&self, name: &str, revision: &str) -> bool {
        let status = self.status(name).await;
        condition(&status, "Ready").is_some_and(|it| it.0 == "True")
            && status.str_at(&["lastAppliedRevision"]) == Some(revision)
    }

    /// Reports of the last time and statuses, for who looks for a cause.
    pub async fn picture(&self) -> Vec<String> {
        const LINES: usize = 60;
        let mut lines: Vec<String> = {
            let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
            let told = reports.iter().map(|it| &it.report);
            told.map(|it| format!("{} {}: {}", it.object, it.reason, it.message))
                .collect()
        };
        lines.drain(..lines.len().saturating_sub(LINES));
        for folder in super::fleet::Folder::ALL {
            let status = self.status(folder.name()).await;
            let text = trueup_object::to_json(&status);
            lines.push(format!(
                "{}: {}",
                folder.name(),
                String::from_utf8_lossy(&text)
            ));
        }
        for handle in self.running() {
            lines.push(format!("{:?}", *handle.load().borrow()));
        }
        lines
    }
}

fn kustomization(name: &str) -> ObjectRef {
    reference("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name)
}

async fn apply(session: &Session, object: &Value) -> LiveObject {
    let options = ApplyOptions::new("person").taking_over();
    session.apply(object, &options).await.unwrap()
}

/// The network of one life of an instance: the far cluster, behind its faults.
#[derive(Clone, Debug)]
struct Witness {
    faults: Faults,
    ledger: Ledger,
    process: String,
    election: Election,
    far: Elsewhere,
}

impl Witness {
    fn source(&self, place: Place) -> Source {
        Source {
            process: self.process.clone(),
            place,
            election: self.election,
        }
    }
}

impl Connector for Witness {
    fn connect(
        &self,
        key: ClusterKey,
        config: RemoteConfig,
    ) -> BoxFuture<'static, Result<Cluster, ConnectError>> {
        assert_eq!(config.server(), SERVER);
        let service = Witnessed {
            service: self.far.door(&config),
            ledger: self.ledger.clone(),
            source: self.source(Place::Far),
        };
        let cluster = Cluster::from_service(key, self.faults.wrap(service), client_options());
        async move { Ok(cluster) }.boxed()
    }
}
