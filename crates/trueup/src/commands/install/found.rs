//! What is installed in the cluster already, and by whom.

use crate::commands::installation::part_of_flux;
use crate::commands::{Failure, said};
use crate::progress;
use trueup_cluster::{ApiError, Form, LiveObject, Scope, Session};
use trueup_kinds::{CanarySupport, InstallOptions, WatchedNamespaces, definitions, names};
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value, value};

/// The selectors of the Deployment of a genuine Flagger: its chart's labels, and
/// those of its manifests.
const FLAGGER: [&str; 2] = ["app.kubernetes.io/name=flagger", "app=flagger"];

/// Everything that calls itself part of Flux or Flagger, by labels.
#[derive(Debug, Default)]
pub struct Found {
    /// The definitions that we would install, and the namespace.
    ground: Vec<LiveObject>,
    /// Deployments, of all namespaces.
    deployments: Vec<LiveObject>,
    /// Those of Flagger that have Pods.
    flaggers: Vec<LiveObject>,
}

/// Whose an object is, by its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// We installed it.
    Us,
    /// Nobody says that it is theirs.
    Nobody,
    /// `Flux` or the tool that its labels name, and the version.
    Other(String),
}

/// Looks at the definitions, the namespace and the controllers.
pub async fn look(session: &Session, namespace: &str) -> Result<Found, ApiError> {
    let mut found = Found::default();
    let home = value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    for manifest in definitions().iter().chain([&home]) {
        let reference = ObjectRef::of(manifest).expect("what we install has kind and name");
        found
            .ground
            .extend(session.find(&reference, Form::Metadata).await?);
    }
    let scope = Scope::all().labelled(&part_of_flux());
    let deployment = GroupVersionKind::new("apps/v1", "Deployment");
    found.deployments = session
        .list(&deployment, &scope, Form::Metadata)
        .await?
        .objects;
    for selector in FLAGGER {
        let scope = Scope::all().labelled(selector);
        let listed = session.list(&deployment, &scope, Form::Full).await?.objects;
        found.flaggers.extend(listed.into_iter().filter(has_pods));
    }
    Ok(found)
}

fn has_pods(deployment: &LiveObject) -> bool {
    deployment.value().i64_at(&["spec", "replicas"]) != Some(0)
}

/// Whose an object is.
pub fn owner(object: &LiveObject) -> Owner {
    let version = object.label(names::VERSION).unwrap_or_default();
    // Our definitions say by themselves that they are part of Flux; what an
    // installation applied has a version too.
    let is_flux = object.label(names::PART_OF) == Some(names::PART_OF_VALUE) && !version.is_empty();
    match object.label(names::MANAGED_BY) {
        Some(names::MANAGED_BY_VALUE) => Owner::Us,
        Some(tool) if is_flux && tool != "flux" => Owner::Other(format!("{tool} {version}")),
        _ if is_flux => Owner::Other(format!("Flux {version}")),
        _ => Owner::Nobody,
    }
}

impl Found {
    /// Who has an object of the ground, if it is somebody else: it is kept as
    /// it is then, so that a Flux beside us finds what it installed. Existing
    /// namespaces that we did not make are somebody's.
    pub fn keeper_of(&self, manifest: &Value) -> Option<String> {
        let wanted = ObjectRef::of(manifest)?;
        let live = self.ground.iter().find(|it| *it.reference() == wanted)?;
        match owner(live) {
            Owner::Us => None,
            Owner::Other(who) => Some(who.trim_end().to_owned()),
            Owner::Nobody if wanted.kind.kind == "Namespace" => Some("somebody else".to_owned()),
            Owner::Nobody => None,
        }
    }

    /// Whether a definition of Flagger's kinds is there, and not ours: it is
    /// widened then, so that a Flagger whose version knows more than we do, or
    /// who comes back, finds all of its own.
    pub fn has_flaggers(&self, manifest: &Value) -> bool {
        let wanted = ObjectRef::of(manifest);
        let live = self
            .ground
            .iter()
            .find(|it| Some(it.reference()) == wanted.as_ref());
        manifest.str_at(&["spec", "group"]) == Some(names::FLAGGER_GROUP)
            && live.is_some_and(|live| owner(live) != Owner::Us)
    }

    /// Controllers of the same kinds don't see our leases if they are in another
    /// namespace, and a Flagger mostly looks for none: both would act.
    pub fn refuse_rivals(&self, options: &InstallOptions) -> Result<(), Failure> {
        self.refuse_flagger(options)?;
        if options.watch == WatchedNamespaces::Own {
            return Ok(());
        }
        match self.rivals(&options.namespace).next() {
            None => Ok(()),
            Some(rival) => Err(said(format!(
                "{} serves the same kinds: both would act, since leases are shared only within a \
                 namespace; use --namespace {}, or --force",
                rival.reference(),
                rival.namespace(),
            ))),
        }
    }

    fn refuse_flagger(&self, options: &InstallOptions) -> Result<(), Failure> {
        let flagger = match options.canaries {
            CanarySupport::Included => self.flagger(),
            CanarySupport::LeftOut => None,
        };
        match flagger {
            None => Ok(()),
            Some(flagger) => {
                let (name, namespace) = (flagger.name(), flagger.namespace());
                Err(said(format!(
                    "{} serves Canaries: both would act; leave them to it by --canaries=false, \
                     or hand over",
                    flagger.reference()
                ))
                .hinted(format!(
                    "`kubectl scale deployment {name} -n {namespace} --replicas=0` stops it \
                     where it is, and runs go on from there"
                )))
            }
        }
    }

    /// Deployments of other namespaces that reconcile Kustomizations or sources.
    pub fn rivals(&self, namespace: &str) -> impl Iterator<Item = &LiveObject> {
        let rivals = ["trueup", "kustomize-controller", "source-controller"];
        self.deployments
            .iter()
            .filter(move |it| it.namespace() != namespace && rivals.contains(&it.name().as_str()))
    }

    /// A Flagger that runs.
    pub fn flagger(&self) -> Option<&LiveObject> {
        self.flaggers.first()
    }

    /// Controllers in a namespace that are not ours.
    pub fn others_in(&self, namespace: &str) -> impl Iterator<Item = &LiveObject> {
        self.deployments
            .iter()
            .filter(move |it| it.namespace() == namespace && owner(it) != Owner::Us)
    }

    /// The object of the ground, as found.
    pub fn ground(&self, reference: &ObjectRef) -> Option<&LiveObject> {
        self.ground.iter().find(|it| it.reference() == reference)
    }

    /// Says from which version to which, if they differ.
    pub fn tell_of_upgrade(&self, version: &Text) {
        let versions = self.deployments.iter().filter(|it| owner(it) == Owner::Us);
        let old = versions.filter_map(|it| it.label(names::VERSION)).next();
        if let Some(old) = old.filter(|old| *old != version.as_str()) {
            progress::action(&format!("replacing {old} by {version}"));
        }
    }
}
