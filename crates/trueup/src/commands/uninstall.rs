//! `trueup uninstall`.

use super::confirm::confirmed;
use super::install::found::{self, Found, Owner};
use super::installation::{self, Installed};
use super::{Failure, dry_run_mark, said};
use crate::arguments::UninstallArguments;
use crate::{connect, progress};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trueup_cluster::{
    ApiError, DeleteOptions, ErrorClass, Form, LiveObject, Patch, Persist, Propagation, Scope,
    Session, WriteOptions,
};
use trueup_kinds::{Canary, Resource, definitions, names};
use trueup_object::{GroupVersionKind, ObjectRef, Value, value};

const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The finalizers of the kinds that we serve.
const FINALIZERS: [&str; 2] = [names::FINALIZER, names::FLAGGER_FINALIZER];
/// How often a finalizer is taken off an object that changes meanwhile.
const ATTEMPTS: u32 = 5;

/// Takes our parts, the finalizers, the definitions and the namespace away, in
/// this order. What was applied stays as it is.
pub async fn run(arguments: UninstallArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let namespace = arguments.scope.namespace.as_str();
    let question = "Are you sure you want to delete Trueup and its custom resource definitions";
    if !arguments.dry_run && !arguments.silent && !confirmed(question)? {
        return Err(said("aborting"));
    }
    let mut removal = Removal {
        session,
        persist: if arguments.dry_run {
            Persist::DryRun
        } else {
            Persist::Commit
        },
        deadline: Instant::now() + connect::timeout(&arguments.scope),
        failures: 0,
    };
    let found = found::look(&removal.session, namespace).await?;
    progress::action(&format!("deleting components in {namespace} namespace"));
    removal.components(namespace).await?;
    match users_of_definitions(&found, namespace) {
        Some(user) => progress::waiting(&format!(
            "custom resource definitions and finalizers stay: {} uses them",
            user.reference()
        )),
        None => removal.definitions(&found).await?,
    }
    if !arguments.keep_namespace {
        removal.namespace(&found, namespace).await?;
    }
    removal.finish()
}

/// Who else reconciles our kinds: without definitions it would lose them.
fn users_of_definitions<'a>(found: &'a Found, namespace: &'a str) -> Option<&'a LiveObject> {
    found
        .rivals(namespace)
        .chain(found.others_in(namespace))
        .next()
}

/// A removal under way; what fails is told and counted, and the rest goes on.
struct Removal {
    session: Session,
    persist: Persist,
    deadline: Instant,
    failures: usize,
}

impl Removal {
    /// The controllers first, and everything else when they have ended: they
    /// give their leases up, and put no finalizer back.
    async fn components(&mut self, namespace: &str) -> Result<(), Failure> {
        let components = installation::components(&self.session, namespace).await?;
        if components.is_empty() {
            progress::waiting(&format!(
                "nothing of Trueup is in the {namespace} namespace"
            ));
        }
        for component in &components {
            self.delete(component).await;
            if component.reference.kind.kind == "Deployment" {
                self.gone(&component.reference).await?;
            }
        }
        Ok(())
    }

    async fn definitions(&mut self, found: &Found) -> Result<(), Failure> {
        let mut installed = installation::definitions(&self.session).await?;
        if let Some(flagger) = found.flagger() {
            progress::waiting(&format!(
                "definitions of Canaries stay: {} uses them",
                flagger.reference()
            ));
            installed.retain(|it| !it.reference.name.ends_with(names::FLAGGER_GROUP));
        }
        progress::action("deleting toolkit.fluxcd.io finalizers in all namespaces");
        for definition in definitions() {
            let name = definition.str_at(&["metadata", "name"]);
            if installed
                .iter()
                .any(|it| Some(it.reference.name.as_str()) == name)
            {
                self.finalizers(&definition).await?;
                if kind_of(&definition).kind == Canary::KIND {
                    self.canaries(&definition).await?;
                }
            }
        }
        progress::action("deleting toolkit.fluxcd.io custom resource definitions");
        for definition in &installed {
            self.delete(definition).await;
        }
        for definition in &installed {
            self.gone(&definition.reference).await?;
        }
        Ok(())
    }

    /// A namespace that we did not make, or in which others' controllers live,
    /// stays.
    async fn namespace(&mut self, found: &Found, namespace: &str) -> Result<(), Failure> {
        let home =
            value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        let reference = ObjectRef::of(&home).expect("a namespace has kind and name");
        let Some(live) = found.ground(&reference) else {
            return Ok(());
        };
        if found::owner(live) != Owner::Us || found.others_in(namespace).next().is_some() {
            progress::waiting(&format!("{reference} stays: it is not Trueup's own"));
            return Ok(());
        }
        let options = DeleteOptions {
            persist: self.persist,
            ..DeleteOptions::of_uid(live.uid())
        };
        let outcome = self.session.delete(&reference, &options).await;
        self.tell(&reference, "deleted", "deletion", outcome.map(|_| ()));
        self.gone(&reference).await
    }

    async fn delete(&mut self, object: &Installed) {
        let options = object.deletion(self.persist);
        let outcome = self.session.delete(&object.reference, &options).await;
        self.tell(
            &object.reference,
            "deleted",
            "deletion",
            outcome.map(|_| ()),
        );
    }

    /// Takes our finalizers off every object of a kind, so that the definition
    /// can go without anything applied going with it.
    async fn finalizers(&mut self, definition: &Value) -> Result<(), Failure> {
        for object in self.objects(definition).await? {
            let reference = object.reference().clone();
            let outcome = self.strip(object).await;
            self.tell(
                &reference,
                "finalizers deleted",
                "removing finalizers",
                outcome,
            );
        }
        Ok(())
    }

    /// Deletes the Canaries before their definition goes, each without what was
    /// made for it: primaries serve on, and routes go on to lead to them.
    async fn canaries(&mut self, definition: &Value) -> Result<(), Failure> {
        for canary in self.objects(definition).await? {
            let options = DeleteOptions {
                persist: self.persist,
                propagation: Propagation::Orphan,
                ..DeleteOptions::of_uid(canary.uid())
            };
            let outcome = self.session.delete(canary.reference(), &options).await;
            self.tell(
                canary.reference(),
                "deleted, what was made for it stays",
                "deletion",
                outcome.map(|_| ()),
            );
            self.gone(canary.reference()).await?;
        }
        Ok(())
    }

    /// All objects of a definition's kind.
    async fn objects(&self, definition: &Value) -> Result<Vec<LiveObject>, Failure> {
        let (kind, scope) = (kind_of(definition), Scope::all());
        match self.session.list(&kind, &scope, Form::Metadata).await {
            Ok(list) => Ok(list.objects),
            Err(error) if error.class() == ErrorClass::KindMissing => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    async fn strip(&self, mut object: LiveObject) -> Result<(), ApiError> {
        let mut attempts = ATTEMPTS;
        loop {
            let Some(patch) = without_finalizer(&object) else {
                return Ok(());
            };
            let mut options = WriteOptions::new(super::install::MANAGER);
            options.persist = self.persist;
            let reference = object.reference().clone();
            match self.session.patch(&reference, &patch, &options).await {
                Ok(_) => return Ok(()),
                Err(error) if error.class() == ErrorClass::Conflict && attempts > 1 => {
                    attempts -= 1
                }
                Err(error) => return Err(error),
            }
            match self.session.find(&reference, Form::Metadata).await? {
                Some(now) => object = now,
                None => return Ok(()),
            }
        }
    }

    /// Waits until an object is gone; not in a dry run.
    async fn gone(&mut self, reference: &ObjectRef) -> Result<(), Failure> {
        if self.persist == Persist::DryRun {
            return Ok(());
        }
        loop {
            match self.session.find(reference, Form::Metadata).await {
                Ok(None) => return Ok(()),
                Ok(Some(_)) if Instant::now() >= self.deadline => {
                    return Err(said(format!(
                        "{reference} is marked for deletion, and not gone after the timeout"
                    )));
                }
                Ok(Some(_)) => sleep(POLL_INTERVAL).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn tell(&mut self, object: &ObjectRef, done: &str, act: &str, outcome: Result<(), ApiError>) {
        let mark = dry_run_mark(self.persist);
        match outcome {
            Ok(()) => progress::success(&format!("{object} {done}{mark}")),
            Err(error) if error.is_not_found() => {
                progress::success(&format!("{object} is gone already{mark}"));
            }
            Err(error) => {
                self.failures += 1;
                progress::failure(&format!("{object} {act} failed: {error}"));
            }
        }
    }

    fn finish(self) -> Result<ExitCode, Failure> {
        match self.failures {
            0 => {
                progress::success("uninstall finished");
                Ok(ExitCode::SUCCESS)
            }
            failures => Err(said(format!("uninstall left {failures} objects behind"))),
        }
    }
}

/// The kind that a definition of ours defines.
fn kind_of(definition: &Value) -> GroupVersionKind {
    let text = |path: &[&str]| definition.str_at(path).unwrap_or_default();
    let versions = definition
        .at(&["spec", "versions"])
        .and_then(Value::as_list);
    let version = versions.unwrap_or_default().first();
    let version = version
        .and_then(|it| it.str_at(&["name"]))
        .unwrap_or_default();
    let api_version = format!("{}/{version}", text(&["spec", "group"]));
    GroupVersionKind::new(&api_version, text(&["spec", "names", "kind"]))
}

/// The patch that takes our finalizers off this version of an object; `None`
/// where there is none.
fn without_finalizer(object: &LiveObject) -> Option<Patch> {
    let finalizers = object.value().at(&["metadata", "finalizers"])?.as_list()?;
    let others: Vec<Value> = finalizers
        .iter()
        .filter(|it| !FINALIZERS.map(Some).contains(&it.as_str()))
        .cloned()
        .collect();
    if others.len() == finalizers.len() {
        return None;
    }
    Some(Patch::Merge(value!({"metadata": {
        "finalizers": others,
        "resourceVersion": (object.resource_version().clone()),
    }})))
}
