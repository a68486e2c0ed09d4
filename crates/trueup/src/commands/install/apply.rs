//! Applying one manifest after the other, and saying what changed.

use super::MANAGER;
use crate::commands::{Failure, said};
use crate::{document, progress};
use std::collections::BTreeSet;
use trueup_cluster::{ApplyOptions, Form, Patch, Persist, Session, WriteOptions};
use trueup_kinds::{Widening, widen};
use trueup_object::{ObjectRef, Text, Value, value};

/// Applies manifests by server-side apply. Fields that others hold are taken:
/// whoever installs decides.
pub struct Applier<'a> {
    session: &'a Session,
    persist: Persist,
    /// In a dry run: namespaces that would have been made by now.
    imagined: BTreeSet<Text>,
}

impl<'a> Applier<'a> {
    /// Writes, or only asks.
    pub fn new(session: &'a Session, persist: Persist) -> Self {
        Self {
            session,
            persist,
            imagined: BTreeSet::new(),
        }
    }

    /// Applies one manifest and prints `KIND/NAMESPACE/NAME created`,
    /// `configured` or `unchanged`.
    pub async fn apply(&mut self, manifest: &Value) -> Result<(), Failure> {
        let Some(reference) = ObjectRef::of(manifest) else {
            return Err(said("a manifest without a name"));
        };
        let mark = super::super::dry_run_mark(self.persist);
        if self.imagined.contains(&reference.namespace) {
            return document::print(&format!("{reference} created{mark}\n"));
        }
        let before = self.session.find(&reference, Form::Metadata).await?;
        let mut options = ApplyOptions::new(MANAGER).taking_over();
        options.persist = self.persist;
        let after = self.session.apply(manifest, &options).await?;
        let change = match &before {
            None => "created",
            Some(before) if before.resource_version() == after.resource_version() => "unchanged",
            Some(_) => "configured",
        };
        document::print(&format!("{reference} {change}{mark}\n"))?;
        if before.is_none() && self.persist == Persist::DryRun && reference.kind.kind == "Namespace"
        {
            self.imagined.insert(reference.name);
        }
        Ok(())
    }
}

impl Applier<'_> {
    /// Adds to a definition of somebody else what ours knows beyond it, and
    /// prints `widened` or `unchanged`. It stays theirs.
    pub async fn widen(&self, manifest: &Value) -> Result<(), Failure> {
        let reference = ObjectRef::of(manifest).ok_or_else(|| said("a manifest without a name"))?;
        let live = self.session.get(&reference, Form::Full).await?;
        let change = match widen(live.value(), manifest) {
            Widening::Enough => "unchanged",
            Widening::Wider(versions) => {
                let patch = value!({
                    "metadata": {"resourceVersion": (live.resource_version().clone())},
                    "spec": {"versions": versions},
                });
                let mut options = WriteOptions::new(MANAGER);
                options.persist = self.persist;
                let patch = Patch::Merge(patch);
                self.session.patch(&reference, &patch, &options).await?;
                "widened"
            }
            Widening::NoSuchVersion(version) => {
                return Err(said(format!(
                    "{reference} has no version {version}: it is of a Flagger that is too old"
                ))
                .hinted(
                    "--canaries=false leaves Canaries alone, --force replaces the definition",
                ));
            }
        };
        let mark = super::super::dry_run_mark(self.persist);
        document::print(&format!("{reference} {change}{mark}\n"))
    }
}

/// Says that an object stays as somebody else made it.
pub fn tell_kept(manifest: &Value, keeper: &str) -> Result<(), Failure> {
    if let Some(reference) = ObjectRef::of(manifest) {
        document::print(&format!("{reference} kept\n"))?;
        progress::waiting(&format!(
            "{reference} is {keeper}'s and stays as it is; --force takes it over"
        ));
    }
    Ok(())
}
