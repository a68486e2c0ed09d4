//! What we installed, found by its labels.

use trueup_cluster::{
    ApiError, DeleteOptions, ErrorClass, Form, LiveObject, Persist, Propagation, Scope, Session,
};
use trueup_kinds::names;
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value};

/// Kinds of the parts of an installation that lie in its namespace, in the
/// order in which they go: who acts first, then what it needs. Kinds stay in
/// this list after the last version that installed them.
const NAMESPACED: [(&str, &str); 7] = [
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "ResourceQuota"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("v1", "ServiceAccount"),
];

/// Those that lie in no namespace.
const CLUSTER_WIDE: [(&str, &str); 2] = [
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
];

/// An object that we installed.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Which.
    pub reference: ObjectRef,
    uid: Text,
}

impl Installed {
    /// How it is deleted: this one and no successor, with what hangs on it.
    pub fn deletion(&self, persist: Persist) -> DeleteOptions {
        DeleteOptions {
            persist,
            propagation: Propagation::Foreground,
            ..DeleteOptions::of_uid(&self.uid)
        }
    }
}

/// All parts of the installation in a namespace but definitions and namespace.
pub async fn components(session: &Session, namespace: &str) -> Result<Vec<Installed>, ApiError> {
    let selector = format!("{},{}={namespace}", ours(), names::INSTANCE);
    let mut all = Vec::new();
    for (api_version, kind) in NAMESPACED {
        let scope = Scope::namespace(namespace).labelled(&selector);
        all.extend(list(session, api_version, kind, &scope).await?);
    }
    for (api_version, kind) in CLUSTER_WIDE {
        let scope = Scope::all().labelled(&selector);
        all.extend(list(session, api_version, kind, &scope).await?);
    }
    Ok(all)
}

/// All definitions that we installed.
pub async fn definitions(session: &Session) -> Result<Vec<Installed>, ApiError> {
    let scope = Scope::all().labelled(&ours());
    list(
        session,
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        &scope,
    )
    .await
}

fn ours() -> String {
    format!(
        "{}={},{}={}",
        names::PART_OF,
        names::PART_OF_VALUE,
        names::MANAGED_BY,
        names::MANAGED_BY_VALUE
    )
}

async fn list(
    session: &Session,
    api_version: &str,
    kind: &str,
    scope: &Scope,
) -> Result<Vec<Installed>, ApiError> {
    let kind = GroupVersionKind::new(api_version, kind);
    match session.list(&kind, scope, Form::Metadata).await {
        Ok(list) => Ok(list
            .objects
            .iter()
            .map(|object| Installed {
                reference: object.reference().clone(),
                uid: object.uid().clone(),
            })
            .collect()),
        // A cluster that has no such kind has no such object.
        Err(error) if error.class() == ErrorClass::KindMissing => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The selector of all that belongs to an installation, as in Flux.
pub fn part_of_flux() -> String {
    format!("{}={}", names::PART_OF, names::PART_OF_VALUE)
}

/// The Deployments of an installation.
pub async fn deployments(session: &Session, namespace: &str) -> Result<Vec<LiveObject>, ApiError> {
    let scope = Scope::namespace(namespace).labelled(&part_of_flux());
    let kind = GroupVersionKind::new("apps/v1", "Deployment");
    Ok(session.list(&kind, &scope, Form::Full).await?.objects)
}

/// The images of a Deployment.
pub fn images(deployment: &LiveObject) -> Vec<String> {
    let path = ["spec", "template", "spec", "containers"];
    let containers = deployment.value().at(&path).and_then(Value::as_list);
    let image = |it: &Value| it.str_at(&["image"]).map(str::to_owned);
    containers
        .unwrap_or_default()
        .iter()
        .filter_map(image)
        .collect()
}

/// What is installed, by the labels of the definition of Git repositories.
pub struct Distribution {
    /// Such as `flux-v2.9.0`; empty if the labels don't tell.
    pub name: String,
    /// Whether a Kustomization applies it.
    pub is_bootstrapped: bool,
}

impl Distribution {
    /// `None` without the definition.
    pub async fn find(session: &Session) -> Result<Option<Self>, ApiError> {
        let source = |it: &Value| it.str_at(&["spec", "names", "kind"]) == Some("GitRepository");
        let definition = trueup_kinds::definitions().into_iter().find(source);
        let reference = definition.as_ref().and_then(ObjectRef::of);
        let reference = reference.expect("the definition of Git repositories is ours");
        let found = session.find(&reference, Form::Metadata).await?;
        Ok(found.map(|live| {
            let labels = [names::PART_OF, names::VERSION].map(|key| live.label(key));
            let owners = [names::OWNER_NAME, names::OWNER_NAMESPACE];
            Self {
                name: labels
                    .into_iter()
                    .flatten()
                    .filter(|label| !label.is_empty())
                    .collect::<Vec<_>>()
                    .join("-"),
                is_bootstrapped: owners.iter().any(|key| live.label(key).is_some()),
            }
        }))
    }
}
