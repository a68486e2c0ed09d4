//! `buildMetadata`: where resources came from and what changed them.

use crate::id::Gvk;
use crate::node::{Mapping, Node, Scalar};
use crate::remote::{RemoteRepository, RemoteRoot};
use crate::resource::{Origin, Resource};
use crate::resources::Resources;
use std::sync::Arc;
use trueup_artifact::TreePath;
use trueup_object::{Position, Text};

/// The word that asks for origins.
pub(crate) const ORIGINS: &str = "originAnnotations";
const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// What kustomize writes where it is a library, as in Flux.
const MANAGER: &str = "kustomize-(devel)";

/// What paths are told from.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    /// The outermost root of the source, or the top of a repository elsewhere.
    pub folder: TreePath,
    /// That repository.
    pub repository: Option<RemoteRepository>,
}

impl Base {
    fn origin(&self) -> Origin {
        let repository = self.repository.as_ref();
        let reference = repository.and_then(|it| it.reference.clone());
        Origin {
            repository: repository.map(|it| it.url.clone()).unwrap_or_default(),
            reference: reference.unwrap_or_default(),
            ..Origin::default()
        }
    }
}

/// Marks resources as read from a file; a mark that is there stays.
pub(crate) fn mark_read(resources: &mut [Resource], path: &TreePath, base: &Base) {
    let origin = Arc::new(Origin {
        path: relative(&base.folder, path).into(),
        ..base.origin()
    });
    mark(resources, &origin);
}

/// Marks resources as read from a web server. As in kustomize, a URL that
/// could name a repository is taken apart like one.
pub(crate) fn mark_fetched(resources: &mut [Resource], url: &str, base: &Base) {
    let origin = match RemoteRoot::parse(url) {
        Ok(root) => {
            let top = Base {
                folder: TreePath::root(),
                repository: Some(root.repository),
            };
            Origin {
                path: root.path.as_str().into(),
                ..top.origin()
            }
        }
        Err(_) => Origin {
            path: url.into(),
            ..base.origin()
        },
    };
    mark(resources, &Arc::new(origin));
}

/// Marks resources that have no mark yet.
pub(crate) fn mark(resources: &mut [Resource], origin: &Arc<Origin>) {
    for resource in resources {
        if resource.origin.is_none() {
            resource.origin = Some(Arc::clone(origin));
        }
    }
}

/// The origin of what a field of a kustomization file makes or changes.
pub(crate) fn of_field(plugin: &str, file: &Position, base: &Base) -> Arc<Origin> {
    let path = TreePath::parse(&file.file).unwrap_or_else(|_| TreePath::root());
    Arc::new(Origin {
        configured_in: relative(&base.folder, &path).into(),
        configured_by: Some(by("builtin", plugin, "", "")),
        ..base.origin()
    })
}

/// The origin of what a plugin with a configuration of its own makes or
/// changes.
pub(crate) fn of_plugin(configuration: &Resource) -> Arc<Origin> {
    let origin = configuration.origin.clone().unwrap_or_default();
    let gvk = configuration.gvk();
    Arc::new(Origin {
        path: Text::new(),
        repository: origin.repository.clone(),
        reference: origin.reference.clone(),
        configured_in: origin.path.clone(),
        configured_by: Some(by(
            &gvk.api_version(),
            &gvk.kind,
            configuration.name(),
            configuration.namespace(),
        )),
    })
}

fn by(api_version: &str, kind: &str, name: &str, namespace: &str) -> crate::id::ResourceId {
    crate::id::ResourceId {
        gvk: Gvk::parse(api_version, kind),
        name: name.into(),
        namespace: namespace.into(),
    }
}

/// Notes a transformer at every resource; one without an origin was made by
/// it.
pub(crate) fn mark_transformed(resources: &mut Resources, origin: &Arc<Origin>) {
    for resource in resources.iter_mut() {
        match resource.origin {
            Some(_) => resource.transformed_by.push(Arc::clone(origin)),
            None => resource.origin = Some(Arc::clone(origin)),
        }
    }
}

/// Writes the annotations and labels that are asked for.
pub(crate) fn write(resources: &mut Resources, metadata: &[Text], labels: bool) {
    resources.iter_mut().for_each(quote_annotations);
    let asks = |word: &str| metadata.iter().any(|it| it == word);
    let (origins, transformers) = (asks(ORIGINS), asks("transformerAnnotations"));
    for resource in resources.iter_mut() {
        if labels || asks("managedByLabel") {
            resource.set_metadata_text("labels", MANAGED_BY, MANAGER);
        }
        if let (true, Some(origin)) = (origins, resource.origin.clone()) {
            let text = Node::Map(members(&origin)).to_source();
            resource.set_metadata_text("annotations", ORIGIN, &text);
        }
        if transformers && !resource.transformed_by.is_empty() {
            let all = resource.transformed_by.iter();
            let text = Node::List(all.map(|it| Node::Map(members(it))).collect()).to_source();
            resource.set_metadata_text("annotations", TRANSFORMATIONS, &text);
        }
    }
}

/// Annotations are texts, whatever was written; a map without any is left out.
fn quote_annotations(resource: &mut Resource) {
    let Some(annotations) = resource.node.at_mut(&["metadata", "annotations"]) else {
        return;
    };
    let Node::Map(map) = annotations else {
        if annotations.is_null() {
            resource.node.remove_at(&["metadata", "annotations"]);
        }
        return;
    };
    for (_, value) in map.iter_mut() {
        *value = Node::string(match value {
            Node::Scalar(scalar) => scalar.text.clone(),
            _ => Text::new(),
        });
    }
    if map.is_empty() {
        resource.node.remove_at(&["metadata", "annotations"]);
    }
}

fn members(origin: &Origin) -> Mapping {
    let mut map = texts(&[
        ("path", &origin.path),
        ("repo", &origin.repository),
        ("ref", &origin.reference),
        ("configuredIn", &origin.configured_in),
    ]);
    if let Some(id) = &origin.configured_by {
        let by = texts(&[
            ("apiVersion", &id.gvk.api_version().into()),
            ("kind", &id.gvk.kind),
            ("name", &id.name),
            ("namespace", &id.namespace),
        ]);
        map.push(Scalar::string("configuredBy"), Node::Map(by));
    }
    map
}

fn texts(members: &[(&str, &Text)]) -> Mapping {
    let mut map = Mapping::default();
    for (key, text) in members.iter().filter(|(_, text)| !text.is_empty()) {
        map.push(Scalar::string(*key), Node::string((*text).clone()));
    }
    map
}

/// A path as seen from a folder.
fn relative(folder: &TreePath, path: &TreePath) -> String {
    let (from, to): (Vec<_>, Vec<_>) = (folder.segments().collect(), path.segments().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - common);
    let down = to[common..].iter().copied();
    up.chain(down).collect::<Vec<_>>().join("/")
}
