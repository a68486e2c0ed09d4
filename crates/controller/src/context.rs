//! What every shell works with.

use crate::canary::{self, Canaries};
use crate::clock::Clock;
use crate::clusters::Clusters;
use crate::elsewhere::RemoteBases;
use crate::external_artifact::{self, Downloads};
use crate::kustomization::Memories;
use crate::live::LiveSet;
use crate::machine::{Event, Kind, ObjectKey};
use crate::metrics::Metrics;
use crate::model::Model;
use crate::objects::{Objects, facts_of};
use crate::reports::Reports;
use crate::turns::Turns;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use trueup_cluster::{Cluster, ClusterKey, KubeconfigPolicy, LiveObject, Session, Tenure};
use trueup_kinds::{Report, Severity};
use trueup_object::Text;
use trueup_plan::DependencyCheck;
use trueup_render::Strictness;
use trueup_source::{ArtifactStorage, GitFetch};

/// Where renders are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rendering {
    /// On tokio's threads for blocking work.
    #[default]
    Blocking,
    /// In the task that needs it: for tests in virtual time.
    Inline,
}

/// Settings of all shells.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub rendering: Rendering,
    pub requeue_dependency_ms: u64,
    pub cross_namespace: CrossNamespace,
    /// The account that Kustomizations without one are applied as.
    pub default_service_account: Option<Text>,
    /// The account whose token opens other clusters, where a ConfigMap names
    /// none.
    pub default_kubeconfig_account: Option<Text>,
    /// What kubeconfigs out of Secrets may ask for.
    pub kubeconfig_policy: KubeconfigPolicy,
    pub dependency_check: DependencyCheck,
    pub override_managers: Arc<[Text]>,
    pub substitutions: Strictness,
}

/// Whether objects may refer to sources and dependencies in other namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrossNamespace {
    /// They may.
    #[default]
    Allowed,
    /// They may not: Flux's `--no-cross-namespace-refs`.
    Refused,
}

/// Everything that shells share.
pub(crate) struct Context {
    pub session: Session,
    pub fetch: Arc<dyn GitFetch>,
    pub remote_bases: RemoteBases,
    pub storage: Arc<dyn ArtifactStorage>,
    /// Turns at making renders.
    pub renders: Turns,
    pub clock: Clock,
    pub settings: Settings,
    pub objects: Objects,
    /// Held while something new of an object is taken in and told.
    pub news: Mutex<()>,
    pub memories: Memories,
    pub canaries: Canaries,
    pub live: LiveSet,
    pub clusters: Clusters,
    pub downloads: Downloads,
    pub model: Model,
    pub metrics: Metrics,
    pub reports: Reports,
    pub events: mpsc::UnboundedSender<Event>,
    /// Ends every task of the controller where it stands.
    pub stop: CancellationToken,
    /// What goes on after that: giving leases up.
    pub elections: Elections,
}

/// The elections under way: their tasks, and until when we lead.
#[derive(Debug, Default)]
pub(crate) struct Elections {
    tasks: Mutex<Vec<JoinHandle<()>>>,
    tenures: Mutex<BTreeMap<Kind, Tenure>>,
}

impl Elections {
    pub(crate) fn add(&self, kind: Kind, tenure: Tenure, task: JoinHandle<()>) {
        self.tenures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(kind, tenure);
        self.tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(task);
    }

    /// Until when we may act on a kind; `None` where no lease is needed.
    pub(crate) fn tenure(&self, kind: Kind) -> Option<Tenure> {
        self.tenures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&kind)
            .cloned()
    }

    /// Waits until every election has ended.
    pub(crate) async fn ended(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // One that panicked has ended as well; its lease runs out.
            let _ = task.await;
        }
    }
}

impl Context {
    /// Tells the machine. Nobody listening means that everything is ending.
    pub(crate) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Runs a task that ends with the controller.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// The cluster of a key, as long as anybody works on it.
    pub(crate) fn cluster(&self, key: &ClusterKey) -> Option<Cluster> {
        let home = self.session.cluster();
        if home.key() == key {
            return Some(home.clone());
        }
        self.clusters.get(key)
    }

    /// Takes in what a watch saw of a custom resource.
    pub(crate) fn seen(&self, key: &ObjectKey, object: &LiveObject) {
        let _in_order = self.one_after_another();
        if let Some(object) = self.objects.seen(key, object) {
            self.observe(key, &object);
        }
    }

    /// Takes in the answer to a read or write of our own, so that whatever
    /// comes next stands on it, however late the watch is.
    pub(crate) fn answered(&self, key: &ObjectKey, object: &LiveObject) {
        let _in_order = self.one_after_another();
        if let Some(object) = self.objects.answered(key, object) {
            self.observe(key, &object);
        }
    }

    fn observe(&self, key: &ObjectKey, object: &LiveObject) {
        self.model.set_object(key, object.value());
        canary::seen(self, key, Some(object.value()));
        let facts = facts_of(&key.cluster, key.kind, object.value());
        self.tell(Event::Observed {
            key: key.clone(),
            facts: Box::new(facts),
        });
    }

    /// Takes in that a custom resource is gone.
    pub(crate) fn vanished(&self, key: &ObjectKey) {
        let in_order = self.one_after_another();
        self.objects.remove(key);
        canary::seen(self, key, None);
        self.model.remove(key);
        self.tell(Event::Vanished(key.clone()));
        drop(in_order);
        self.forget(key);
        if key.kind == Kind::ExternalArtifact {
            external_artifact::forget(self, key);
        }
    }

    /// Forgets what a run has left of an object that went meanwhile. One that
    /// goes later than this looks is forgotten by whoever takes that in.
    pub(crate) fn forget_if_gone(&self, key: &ObjectKey) {
        if self.objects.get(key).is_none() {
            self.forget(key);
        }
    }

    fn forget(&self, key: &ObjectKey) {
        self.memories.forget(key);
        self.canaries.forget(key);
        self.live.release(key);
        self.clusters.leave(key, None);
        self.metrics.forget(key);
    }

    /// What is known, published and told of an object changes in one order:
    /// else what is gone could stay, and what is old be taken for new.
    fn one_after_another(&self) -> MutexGuard<'_, ()> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A report about an object, as it stands.
    pub(crate) fn report_about(
        &self,
        key: &ObjectKey,
        severity: Severity,
        reason: &str,
        message: impl Into<Text>,
    ) -> Report {
        let mut report = Report::new(key.reference(), severity, reason, message, self.clock.now());
        if let Some(run) = self.model.run_of(key) {
            report.reconcile_id = format!("{run:08x}").into();
        }
        if let Some(object) = self.objects.get(key) {
            report.uid = object.uid().clone();
            report.resource_version = object.resource_version().clone();
            report.metadata = event_annotations(&object);
        }
        report
    }

    /// Publishes a report to all its readers.
    pub(crate) fn publish(&self, key: &ObjectKey, report: Report) {
        self.reports.publish(&self.model, key, report);
    }
}

/// Annotations that a user wants in the metadata of an object's events.
fn event_annotations(object: &LiveObject) -> BTreeMap<Text, Text> {
    let texts = object.annotations().iter();
    let annotations = texts
        .filter_map(|(key, text)| Some((key.clone(), text.as_str()?.into())))
        .collect();
    trueup_kinds::requested_event_metadata(&annotations)
}
