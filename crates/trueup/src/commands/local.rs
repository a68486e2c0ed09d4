//! A Kustomization built from files on this machine, as the controllers build
//! it from its source.

mod file;
mod ignore;

use super::build::{Place, Shell};
use super::{Failure, said, variables};
use crate::arguments::LocalBuild;
use crate::words::KUSTOMIZATION;
use ignore::IgnoringTree;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use trueup_artifact::{FileTree, TreePath};
use trueup_cluster::{Form, Session};
use trueup_kinds::{Kustomization, Resource};
use trueup_object::{ObjectRef, Value};
use trueup_render::{Encrypted, RenderRequest, Rendered, Strictness, Substitution, render_tracked};
use trueup_source::FolderTree;

/// What a Kustomization that the cluster lacks is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// A failure.
    Refused,
    /// A new one, as the file has it.
    New,
}

/// Builds with what flags say; without a session no cluster is asked.
pub struct Builder<'a> {
    /// The cluster.
    pub session: Option<&'a Session>,
    /// The flags.
    pub local: &'a LocalBuild,
    /// The namespace of the Kustomization.
    pub namespace: &'a str,
    /// What a missing one is.
    pub absent: Absent,
}

/// A Kustomization and what it makes.
pub struct Built {
    /// The Kustomization, its status from the cluster.
    pub kustomization: Kustomization,
    /// The objects, in the order in which they were named.
    pub objects: Vec<Value>,
    /// Texts that came from Secrets: not to be shown.
    pub secrets: BTreeSet<Vec<u8>>,
}

impl Builder<'_> {
    /// The Kustomization of the flags, built.
    pub async fn root(&self) -> Result<Built, Failure> {
        let object = self
            .resolve()
            .await
            .map_err(|failure| failure.during("failed to get kustomization object"))?;
        self.build(&object, &self.local.path).await
    }

    /// The Kustomization: from the file, else from the cluster; the status
    /// is always the cluster's.
    async fn resolve(&self) -> Result<Value, Failure> {
        let name = &self.local.name;
        let live = match self.session {
            Some(session) => {
                let object = KUSTOMIZATION.object(self.namespace, name);
                match session.get(&object, Form::Full).await {
                    Ok(live) => Some(live.value().clone()),
                    Err(error) if error.is_not_found() && self.absent == Absent::New => None,
                    Err(error) => return Err(error.into()),
                }
            }
            None => None,
        };
        let Some(path) = &self.local.kustomization_file else {
            return live.ok_or_else(|| said("no cluster was asked and no file was given"));
        };
        let written = file::find(path, self.namespace, name)?;
        Ok(with_status(written, live.as_ref()))
    }

    /// A Kustomization built from a folder that stands for its `spec.path`.
    pub async fn build(&self, object: &Value, folder: &Path) -> Result<Built, Failure> {
        let kustomization = Kustomization::read(object).map_err(said)?;
        let place = Place::of(folder)?;
        let request = RenderRequest {
            path: place.root().as_str().into(),
            encrypted: Encrypted::Masked,
            ..RenderRequest::of(&kustomization)
        };
        let request = request.with_substitution(self.substitution(&kustomization).await?);
        let tree = self.tree(&place)?;
        let rendered = rendered(tree.as_ref(), &request, &place).await?;
        let objects = rendered.manifests.into_iter().map(|it| it.value).collect();
        Ok(Built {
            kustomization,
            objects,
            secrets: rendered.secrets,
        })
    }

    async fn substitution(
        &self,
        kustomization: &Kustomization,
    ) -> Result<Option<Substitution>, Failure> {
        let Some(post_build) = &kustomization.spec.post_build else {
            return Ok(None);
        };
        let referenced = match self.session {
            Some(session) => variables::referenced(session, kustomization).await?,
            None => Vec::new(),
        };
        let strictness = if self.local.strict_substitute {
            Strictness::Strict
        } else {
            Strictness::Lenient
        };
        Substitution::of(post_build, &referenced, strictness)
            .map(Some)
            .map_err(said)
    }

    fn tree(&self, place: &Place) -> Result<Box<dyn FileTree>, Failure> {
        let all = FolderTree::new("/");
        if self.local.ignore_paths.is_empty() {
            return Ok(Box::new(all));
        }
        let tree = IgnoringTree::new(all, place.root(), &self.local.ignore_paths);
        Ok(Box::new(tree.map_err(|error| place.said(&error))?))
    }

    /// The folder on this machine that a Kustomization among the objects is
    /// built from.
    pub fn folder_of(&self, kustomization: &Kustomization) -> Result<PathBuf, Failure> {
        let source = &kustomization.spec.source_ref;
        let own = &kustomization.metadata.namespace;
        let namespace = source.namespace.as_ref().unwrap_or(own);
        let key = format!("{}/{namespace}/{}", source.kind, source.name);
        let known = self.local.local_sources.iter();
        let Some((_, folder)) = known.into_iter().find(|(source, _)| *source == key) else {
            return Err(said(format!(
                "cannot get local path for {key} of kustomization {}",
                kustomization.metadata.name
            ))
            .hinted(format!("--local-sources {key}=DIR names it")));
        };
        Ok(folder.join(source_path(kustomization)?.as_str()))
    }

    /// The Kustomizations among objects, but for the one that made them.
    pub fn inner<'b>(
        &self,
        built: &'b Built,
    ) -> impl Iterator<Item = (ObjectRef, &'b Value)> + use<'b> {
        let own = built.kustomization.reference();
        built.objects.iter().filter_map(move |object| {
            let reference = ObjectRef::of(object)?;
            let is_kustomization = reference.kind.group_kind() == own.kind.group_kind();
            let is_own = reference.name == own.name && reference.namespace == own.namespace;
            (is_kustomization && !is_own).then_some((reference, object))
        })
    }
}

/// The path of a Kustomization as the controllers read it: from the root of
/// its source, and never out of it.
fn source_path(kustomization: &Kustomization) -> Result<TreePath, Failure> {
    let path = kustomization.spec.path.as_deref().unwrap_or_default();
    TreePath::parse(path.trim_start_matches('/')).map_err(|error| {
        said(format!(
            "spec.path of {}: {error}",
            kustomization.reference()
        ))
    })
}

/// Renders, and fetches what lies elsewhere.
async fn rendered(
    tree: &dyn FileTree,
    request: &RenderRequest,
    place: &Place,
) -> Result<Rendered, Failure> {
    let mut shell = Shell::default();
    loop {
        match render_tracked(tree, request, shell.answers()).result {
            Ok(rendered) => return Ok(rendered),
            Err(error) if error.needs().is_empty() => return Err(place.said(&error)),
            Err(error) => shell.fetch(error.needs()).await?,
        }
    }
}

/// That a Kustomization stands too deep in others.
pub fn too_deep(kustomization: &ObjectRef, levels: usize) -> Failure {
    said(format!(
        "{kustomization} stands in more than {levels} Kustomizations"
    ))
    .hinted("without --recursive only the outermost is built")
}

/// An object with the status of another.
pub fn with_status(mut object: Value, live: Option<&Value>) -> Value {
    if let Some(status) = live.and_then(|live| live.get("status")) {
        object.set_at(&["status"], status.clone());
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_kustomization_leads_out_of_no_folder() {
        let read = |path: &str| {
            let mut kustomization = Kustomization::default();
            kustomization.spec.path = Some(path.into());
            source_path(&kustomization).map(|path| path.as_str().to_owned())
        };
        for (path, expected) in [
            ("./apps/web", "apps/web"),
            ("/apps//web/", "apps/web"),
            (".hidden", ".hidden"),
            ("apps/../web", "web"),
            ("", ""),
        ] {
            assert_eq!(read(path).unwrap(), expected, "{path}");
        }
        let refused = read("../../etc").unwrap_err().to_string();
        assert!(refused.contains("../../etc"), "{refused}");
    }
}
