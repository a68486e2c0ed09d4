//! From flags to a session.

use crate::arguments::{Connection, Scope};
use std::path::PathBuf;
use std::time::Duration;
use trueup_cluster::{Cluster, ClusterKey, ClusterOptions, ConnectError, Identity, Session};

/// The cluster that the flags name: the kubeconfig given, else the cluster
/// this runs in, else `~/.kube/config`.
pub async fn cluster(
    connection: &Connection,
    options: ClusterOptions,
) -> Result<Cluster, ConnectError> {
    let context = connection.context.as_deref();
    let in_cluster = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    match &connection.kubeconfig {
        Some(path) => Cluster::from_kubeconfig(ClusterKey::local(), path, context, options).await,
        None if in_cluster && context.is_none() => {
            Cluster::in_cluster(ClusterKey::local(), options)
        }
        None => {
            Cluster::from_kubeconfig(ClusterKey::local(), &home_kubeconfig(), context, options)
                .await
        }
    }
}

/// A session for a command of a person, as whom the flags say.
pub async fn session(scope: &Scope) -> Result<Session, ConnectError> {
    let cluster = cluster(&scope.connection, ClusterOptions::default()).await?;
    let Some(user) = &scope.acting_as else {
        return Ok(cluster.session());
    };
    let groups = scope
        .acting_groups
        .iter()
        .map(|group| group.as_str().into());
    Ok(cluster.session_as(Identity::Impersonate {
        user: user.as_str().into(),
        groups: groups.collect(),
    }))
}

/// How long the person wants to wait.
pub fn timeout(scope: &Scope) -> Duration {
    Duration::from_millis(scope.timeout)
}

fn home_kubeconfig() -> PathBuf {
    PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".kube/config")
}
