//! Starting and ending the controllers.

use crate::canary::{Canaries, CanaryOptions};
use crate::clock::Clock;
use crate::clusters::{Clusters, tell_of_discovery};
use crate::context::{Context, CrossNamespace, Elections, Rendering, Settings};
use crate::elsewhere::RemoteBases;
use crate::external_artifact::{Downloads, ExternalArtifacts};
use crate::kustomization::Memories;
use crate::live::LiveSet;
use crate::machine::{Event, Kind, Machine, MachineOptions, ObjectKey};
use crate::metrics::Metrics;
use crate::model::{Model, Numbered, Snapshot};
use crate::objects::{Objects, normalised_url};
use crate::reports::{LogSink, NoLog, Reports};
use crate::resources;
use crate::runtime::{Driver, Load};
use crate::turns::Turns;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use trueup_cluster::{
    Connector, KubeconfigPolicy, LeaseTimes, Network, Session, keep_discovery_fresh,
};
use trueup_object::{Text, Value};
use trueup_plan::DependencyCheck;
use trueup_render::Strictness;
use trueup_source::{ArtifactStorage, GitFetch};

/// How long an orderly end waits for runs to reach a safe point.
pub const SHUTDOWN_GRACE_MS: u64 = 10_000;
/// How often an orderly end looks whether all events are written.
const DELIVERY_POLL_MS: u64 = 20;
/// How many renders may be made at once for one namespace, however few
/// processors there are: one or two that take long must not hold it up.
const MIN_RENDERS_OF_NAMESPACE: usize = 3;
/// How many renders may be made beside those of a namespace that makes as many
/// as it may.
const RENDERS_LEFT_TO_OTHERS: usize = 1;
/// How soon a waiting dependent looks again at the latest: Flux's
/// `--requeue-dependency`.
pub const REQUEUE_DEPENDENCY_MS: u64 = 30_000;

/// How to take part in the election of a leader.
#[derive(Clone, Debug)]
pub struct LeaderElection {
    /// The namespace of the leases.
    pub namespace: Text,
    /// Who we are; unique for each process.
    pub identity: Text,
    /// How long a lease lasts and how often it is renewed.
    pub times: LeaseTimes,
}

/// What the controllers are started with.
pub struct ControllerOptions {
    /// The cluster that holds the custom resources, and as whom.
    pub session: Session,
    /// Where Git content comes from.
    pub fetch: Arc<dyn GitFetch>,
    /// Where artifacts are kept.
    pub storage: Arc<dyn ArtifactStorage>,
    /// Namespaces that are looked at; all without any.
    pub namespaces: Vec<Text>,
    /// Bounds, jitter, pauses.
    pub machine: MachineOptions,
    /// Flux's leases; without, acts at once.
    pub leader_election: Option<LeaderElection>,
    /// What time it is.
    pub clock: Clock,
    /// Where log lines go.
    pub log: Arc<dyn LogSink>,
    /// The name of this process in events.
    pub instance: Text,
    /// Where renders are made.
    pub rendering: Rendering,
    /// Whether references may cross namespaces.
    pub cross_namespace: CrossNamespace,
    /// The account that Kustomizations without `spec.serviceAccountName` are
    /// applied as, in their own namespace; the controller's own without it.
    pub default_service_account: Option<Text>,
    /// The account whose token opens the cluster of a
    /// `spec.kubeConfig.configMapRef` that names none.
    pub default_kubeconfig_account: Option<Text>,
    /// What kubeconfigs out of Secrets may ask for.
    pub kubeconfig_policy: KubeconfigPolicy,
    /// The way to other clusters.
    pub connector: Arc<dyn Connector>,
    /// What builds may take from elsewhere: repositories, with `fetch`, unless
    /// it is replaced.
    pub remote_bases: RemoteBases,
    /// Whether `ExternalArtifact`s may be sources, and how they are fetched:
    /// Flux's gate `ExternalArtifact`.
    pub external_artifacts: ExternalArtifacts,
    /// What `readyExpr` of a dependency stands for.
    pub dependency_check: DependencyCheck,
    /// Managers whose fields are taken over beside the usual ones, by prefix:
    /// Flux's `--override-manager`.
    pub override_managers: Vec<Text>,
    /// What a variable is that nothing sets: Flux's
    /// `StrictPostBuildSubstitutions`.
    pub substitutions: Strictness,
    /// How Canaries are served, where there are any.
    pub canaries: CanaryOptions,
}

impl ControllerOptions {
    /// Defaults for everything but the outside world. Must be called inside
    /// a tokio runtime.
    #[must_use]
    pub fn new(
        session: Session,
        fetch: Arc<dyn GitFetch>,
        storage: Arc<dyn ArtifactStorage>,
    ) -> Self {
        Self {
            remote_bases: RemoteBases::new(Arc::clone(&fetch)),
            session,
            fetch,
            storage,
            namespaces: Vec::new(),
            machine: MachineOptions::default(),
            leader_election: None,
            clock: Clock::system(),
            log: Arc::new(NoLog),
            instance: "trueup".into(),
            rendering: Rendering::default(),
            cross_namespace: CrossNamespace::default(),
            default_service_account: None,
            default_kubeconfig_account: None,
            kubeconfig_policy: KubeconfigPolicy::default(),
            connector: Arc::new(Network::default()),
            external_artifacts: ExternalArtifacts::default(),
            dependency_check: DependencyCheck::default(),
            override_managers: Vec::new(),
            substitutions: Strictness::default(),
            canaries: CanaryOptions::default(),
        }
    }
}

/// The controllers of all kinds.
#[derive(Debug)]
pub struct Controller;

/// Running controllers. Cheap to clone; they run on when it is dropped.
#[derive(Clone)]
pub struct ControllerHandle {
    context: Arc<Context>,
    load: watch::Receiver<Load>,
    ready: watch::Receiver<BTreeMap<Kind, resources::Standing>>,
}

impl Controller {
    /// Starts watching and, once all objects are known and the leases are
    /// held, acting. Must be called inside a tokio runtime.
    #[must_use]
    pub fn start(options: ControllerOptions) -> ControllerHandle {
        let (events_in, events) = mpsc::unbounded_channel();
        let (reports, event_worker) =
            Reports::new(options.session.clone(), options.log, &options.instance);
        let context = Arc::new(Context {
            session: options.session,
            fetch: options.fetch,
            remote_bases: options.remote_bases,
            storage: options.storage,
            renders: render_turns(),
            clock: options.clock,
            settings: Settings {
                rendering: options.rendering,
                requeue_dependency_ms: REQUEUE_DEPENDENCY_MS,
                cross_namespace: options.cross_namespace,
                default_service_account: options.default_service_account,
                default_kubeconfig_account: options.default_kubeconfig_account,
                kubeconfig_policy: options.kubeconfig_policy,
                dependency_check: options.dependency_check,
                override_managers: options.override_managers.into(),
                substitutions: options.substitutions,
            },
            objects: Objects::default(),
            news: Mutex::default(),
            memories: Memories::default(),
            canaries: Canaries::new(options.canaries),
            live: LiveSet::default(),
            clusters: Clusters::new(options.connector),
            downloads: Downloads::new(options.external_artifacts),
            model: Model::new(),
            metrics: Metrics::new(),
            reports,
            events: events_in,
            stop: CancellationToken::new(),
            elections: Elections::default(),
        });
        let (load_sender, load) = watch::channel(Load::STARTING);
        let machine = Machine::new(options.machine);
        let driver = Driver {
            context: Arc::clone(&context),
            machine,
            events,
            load: load_sender,
            runs: BTreeMap::new(),
        };
        context.spawn(keep_discovery_fresh(context.session.cluster().clone()));
        context.spawn(tell_of_discovery(&context, context.session.cluster()));
        context.spawn(event_worker);
        context.spawn(driver.run());
        let ready = resources::start(&context, &options.namespaces, options.leader_election);
        ControllerHandle {
            context,
            load,
            ready,
        }
    }
}

/// As many for a namespace as there are processors: more would only spread over
/// more threads, each with memory of its own. And always some beside that.
fn render_turns() -> Turns {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let of_one_namespace = processors.max(MIN_RENDERS_OF_NAMESPACE);
    Turns::new(of_one_namespace + RENDERS_LEFT_TO_OTHERS, of_one_namespace)
}

impl ControllerHandle {
    /// The feed of reports from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Numbered> {
        self.context.model.subscribe()
    }

    /// All objects at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.context.model.snapshot()
    }

    /// Says that somebody pushed to the repository at an address: whoever
    /// follows it is woken at once. Addresses are compared without
    /// credentials, trailing slash and `.git`.
    pub fn notify_push(&self, url: &str) {
        self.context.tell(Event::Pushed {
            url: normalised_url(url),
        });
    }

    /// Whether every kind has been listed once.
    #[must_use]
    pub fn ready(&self) -> bool {
        resources::all_listed(&self.ready.borrow())
    }

    /// Waits until every kind has been listed once.
    pub async fn wait_until_ready(&self) {
        let mut ready = self.ready.clone();
        // The sender lives as long as the watches; when they end, so does
        // the wait.
        let _ = ready.wait_for(resources::all_listed).await;
    }

    /// How much there is to do now; changes as it changes.
    #[must_use]
    pub fn load(&self) -> watch::Receiver<Load> {
        self.load.clone()
    }

    /// One custom resource as last seen or written.
    #[must_use]
    pub fn object(&self, key: &ObjectKey) -> Option<Value> {
        self.context
            .objects
            .get(key)
            .map(|object| object.value().clone())
    }

    /// How many other clusters Kustomizations are applied to now.
    #[must_use]
    pub fn other_clusters(&self) -> usize {
        self.context.clusters.len()
    }

    /// All metrics in OpenMetrics' text form.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        self.context.metrics.text()
    }

    /// Stops in order: starts nothing more, lets what runs reach a safe
    /// point, gives the leases up, ends.
    pub async fn shutdown(&self) {
        for kind in Kind::RECONCILED {
            self.context.tell(Event::StandingBy(kind));
        }
        let mut load = self.load.clone();
        // Objects that wait stay in the queue; what counts is that none runs.
        let at_rest = load.wait_for(|load| load.running == 0 && load.events == 0);
        let grace = Duration::from_millis(SHUTDOWN_GRACE_MS);
        let _ = tokio::time::timeout(grace, at_rest).await;
        let _ = tokio::time::timeout(grace, self.reports_delivered()).await;
        self.context.stop.cancel();
        // What is told by the elections' end is that the leases are free.
        let _ = tokio::time::timeout(grace, self.context.elections.ended()).await;
    }

    async fn reports_delivered(&self) {
        while !self.context.reports.are_delivered() {
            tokio::time::sleep(Duration::from_millis(DELIVERY_POLL_MS)).await;
        }
    }

    /// Stops where it stands, as a crash would: every task ends at its next
    /// pause, and nothing is tidied up.
    pub fn kill(&self) {
        self.context.stop.cancel();
    }
}
