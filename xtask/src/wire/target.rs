//! A server to put load on.

use crate::kubeconfig::{self, Reached};
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use trueup_cluster::{DeleteOptions, Session, WriteOptions};
use trueup_object::{GroupVersionKind, ObjectRef, value};

/// A server, and where in it the objects are.
pub struct Target {
    /// Where it listens.
    pub url: String,
    /// The administrator's token.
    pub token: String,
    namespace: String,
    session: Session,
    processes: Vec<u32>,
    /// The server that ends with this value, and its files.
    own: Option<(Child, TempDir)>,
}

impl Target {
    /// Builds and starts `trueup apiserver` with a data folder, not synced.
    pub async fn start() -> Result<Self, String> {
        let program = crate::program::build().await?;
        let folder = tempfile::tempdir().map_err(|error| format!("make a folder: {error}"))?;
        let kubeconfig = folder.path().join("kubeconfig");
        let child = Command::new(&program)
            .args(["apiserver", "--listen", "127.0.0.1:0", "--no-sync"])
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .arg("--write-kubeconfig")
            .arg(&kubeconfig)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("start {}: {error}", program.display()))?;
        let processes = child.id().into_iter().collect();
        let mut target = Self::reach(&kubeconfig, processes).await?;
        target.own = Some((child, folder));
        Ok(target)
    }

    /// A server that runs already.
    pub async fn outside(kubeconfig: &Path, processes: &[u32]) -> Result<Self, String> {
        Self::reach(kubeconfig, processes.to_vec()).await
    }

    /// Waits until the server of a kubeconfig answers, and makes a namespace.
    async fn reach(kubeconfig: &Path, processes: Vec<u32>) -> Result<Self, String> {
        let namespace = format!("bench-{}", std::process::id());
        let object = value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": (namespace.as_str())}});
        let Reached {
            url,
            token,
            session,
        } = kubeconfig::reach(kubeconfig).await?;
        let made = session.create(&object, &WriteOptions::new("bench")).await;
        made.map_err(|error| format!("make a namespace on {url}: {error}"))?;
        Ok(Self {
            url,
            token,
            namespace,
            session,
            processes,
            own: None,
        })
    }

    /// The path of the ConfigMaps.
    pub fn collection(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps", self.namespace)
    }

    /// Makes the ConfigMaps that are read and applied.
    pub async fn hold(&self, count: usize) -> Result<(), String> {
        for number in 0..count {
            let object = value!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {
                    "name": (format!("held-{number}")), "namespace": (self.namespace.as_str()),
                    "labels": {"app": "bench"}
                },
                "data": {"colour": "blue", "size": "3"}
            });
            let options = WriteOptions::new("bench");
            let made = self.session.create(&object, &options).await;
            made.map_err(|error| format!("make ConfigMap {number}: {error}"))?;
        }
        Ok(())
    }

    /// The resident memory of its processes; 0 where it can't be told.
    pub fn resident_mib(&self) -> f64 {
        self.processes
            .iter()
            .filter_map(|&process| crate::process::resident_mib(process))
            .sum()
    }

    /// Deletes what was made; ends a server of our own.
    pub async fn end(self) -> Result<(), String> {
        if let Some((mut child, _folder)) = self.own {
            return child
                .kill()
                .await
                .map_err(|error| format!("end the server: {error}"));
        }
        let reference = ObjectRef {
            kind: GroupVersionKind::new("v1", "Namespace"),
            namespace: "".into(),
            name: self.namespace.as_str().into(),
        };
        let options = DeleteOptions::default();
        let deleted = self.session.delete(&reference, &options).await;
        deleted
            .map(drop)
            .map_err(|error| format!("delete namespace {}: {error}", self.namespace))
    }
}
