//! Where, and as whom, the objects of a Kustomization are read and written.

use super::failure::{Cure, Failure, Stop};
use super::kubeconfig;
use super::memory::Memory;
use crate::clusters::{self, Reach};
use crate::context::Context;
use crate::live::{Subject, Viewer};
use crate::machine::ObjectKey;
use std::sync::{Arc, Mutex};
use trueup_cluster::{Cluster, ClusterKey, Form, Identity, Session};
use trueup_kinds::{Kustomization, reason};
use trueup_object::{GroupVersionKind, ObjectRef, Text};

/// A cluster and an identity, for the sake of one Kustomization. Every
/// request about its objects goes through the session; none falls back to
/// the controller's own.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Makes every request.
    pub session: Session,
    /// What may be told of what the watches show.
    pub viewer: Viewer,
    /// The watch of the object that leads here, if one does.
    pub led_by: Option<Subject>,
    /// The service account that is impersonated, if any.
    account: Option<ObjectRef>,
}

impl Target {
    fn new(context: &Context, key: &ObjectKey, at: &Kustomization, cluster: &Cluster) -> Self {
        let default = context.settings.default_service_account.as_ref();
        let account = account(at, default);
        let identity = account.as_ref().map_or(Identity::Controller, |account| {
            Identity::service_account(&account.namespace, &account.name)
        });
        let session = cluster.session_as(identity);
        Self {
            viewer: Viewer::new(&session, key),
            session,
            led_by: None,
            account,
        }
    }

    /// The cluster.
    pub(super) fn cluster(&self) -> &ClusterKey {
        &self.viewer.cluster
    }

    /// The service account that is to be impersonated and does not exist.
    /// `None` where nobody can tell.
    pub(super) async fn missing_account(&self) -> Option<&ObjectRef> {
        let account = self.account.as_ref()?;
        let session = self.session.cluster().session();
        match session.find(account, Form::Metadata).await {
            Ok(None) => Some(account),
            Ok(Some(_)) => None,
            Err(error) => {
                tracing::debug!(%account, %error, "looked for the account to impersonate");
                None
            }
        }
    }
}

/// The target of a Kustomization as it asks now. Another cluster must be
/// known to answer.
pub(super) async fn of(
    context: &Arc<Context>,
    key: &ObjectKey,
    kustomization: &Kustomization,
    memory: &Mutex<Memory>,
) -> Result<Target, Stop> {
    let Some(reference) = &kustomization.spec.kube_config else {
        context.clusters.leave(key, None);
        return Ok(Target::new(
            context,
            key,
            kustomization,
            context.session.cluster(),
        ));
    };
    let origin = kubeconfig::Origin::of(key, reference)?;
    let (origin, way) = kubeconfig::way(context, key, origin, memory).await?;
    let server = way.config.server().to_owned();
    match clusters::reach(context, key, &way).await {
        Reach::Open(cluster) => Ok(Target {
            led_by: Some(origin.subject(context)),
            ..Target::new(context, key, kustomization, &cluster)
        }),
        Reach::Closed(why) => {
            let text = format!("the cluster {server} of the {origin} can't be reached: {why}");
            Err(Failure::new(reason::RECONCILIATION_FAILED, text, Cure::Retry).into())
        }
        Reach::Unknown => Err(Stop::AwaitsCluster),
    }
}

/// The account to act as: the one that is asked for, else the one that the
/// controller is told to use, else the controller's own. It lives in the
/// namespace of the Kustomization, in the cluster that is applied to.
fn account(kustomization: &Kustomization, default: Option<&Text>) -> Option<ObjectRef> {
    let named = kustomization.spec.service_account_name.as_ref();
    let name = named
        .filter(|name| !name.is_empty())
        .or(default)
        .filter(|name| !name.is_empty())?;
    Some(ObjectRef {
        kind: GroupVersionKind::new("v1", "ServiceAccount"),
        namespace: kustomization.metadata.namespace.clone(),
        name: name.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(asked: Option<&str>, default: Option<&str>) -> Option<String> {
        let mut kustomization = Kustomization::default();
        kustomization.metadata.namespace = "apps".into();
        kustomization.spec.service_account_name = asked.map(Text::from);
        let default = default.map(Text::from);
        account(&kustomization, default.as_ref()).map(|it| format!("{}/{}", it.namespace, it.name))
    }

    #[test]
    fn the_account_asked_for_goes_before_the_default() {
        assert_eq!(
            name(Some("tenant"), Some("weak")).as_deref(),
            Some("apps/tenant")
        );
        assert_eq!(name(None, Some("weak")).as_deref(), Some("apps/weak"));
        assert_eq!(name(Some(""), Some("weak")).as_deref(), Some("apps/weak"));
        assert_eq!(name(Some(""), Some("")), None);
        assert_eq!(name(None, None), None);
    }
}
