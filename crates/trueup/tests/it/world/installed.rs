//! The controllers as the account that an installation makes for them.

use super::World;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tokio::process::Child;
use trueup_cluster::DeleteOptions;
use trueup_object::{ObjectRef, Value, from_json, to_json};

/// The account, and the name of the process.
const ACCOUNT: &str = "trueup";

impl World {
    /// Starts `trueup controller` as the account `trueup` of the namespace,
    /// with a token that the cluster gives out and more flags; in a shared
    /// cluster it serves this namespace alone.
    pub async fn spawn_installed(&self, flags: &[&str]) -> Child {
        let token = self.kubectl(&["create", "token", ACCOUNT]).await;
        let mut kubeconfig = self.own_kubeconfig().await;
        let mut user = Value::map();
        user.set_at(&["token"], token.trim().into());
        let mut entry = first(&kubeconfig, "users");
        entry.set_at(&["user"], user);
        kubeconfig.set_at(&["users"], [entry].into_iter().collect());
        let path = self.folder.path().join(ACCOUNT);
        std::fs::write(path, to_json(&kubeconfig)).unwrap();
        let mut command = self.elected(ACCOUNT);
        // All that an installation may be told to do: all rights are used.
        command.arg("--feature-gates=ExternalArtifact=true");
        command.args(flags);
        if self.is_shared() {
            command.arg("--watch-all-namespaces=false");
            command.env("RUNTIME_NAMESPACE", &self.namespace);
        }
        command.spawn().unwrap()
    }

    /// Address of the cluster, certificates of its authority (PEM), and for
    /// whom its own tokens are meant.
    pub async fn address_of_cluster(&self) -> (String, String, String) {
        let cluster = first(&self.own_kubeconfig().await, "clusters");
        let text = |key| cluster.str_at(&["cluster", key]).unwrap_or_default();
        let authority = STANDARD.decode(text("certificate-authority-data")).unwrap();
        let token = self.kubectl(&["create", "token", ACCOUNT]).await;
        let claims = token.split('.').nth(1).unwrap();
        let claims = from_json(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let audience = claims.at(&["aud"]).and_then(Value::as_list).unwrap()[0].clone();
        (
            text("server").to_owned(),
            String::from_utf8(authority).unwrap(),
            audience.as_str().unwrap().to_owned(),
        )
    }

    /// Deletes what a test made outside of its namespace, where that outlives
    /// the test.
    pub async fn take_down(&self, manifests: &[Value]) {
        let shared = manifests.iter().filter(|_| self.is_shared());
        for manifest in shared.filter(|it| it.at(&["metadata", "namespace"]).is_none()) {
            let reference = ObjectRef::of(manifest).unwrap();
            let options = DeleteOptions::default();
            let _gone = self.session.delete(&reference, &options).await;
        }
    }

    async fn own_kubeconfig(&self) -> Value {
        let view = [
            "config",
            "view",
            "--raw",
            "--minify",
            "--flatten",
            "-o",
            "json",
        ];
        let out = self.kubectl(&view).await;
        from_json(out.as_bytes()).unwrap()
    }
}

fn first(kubeconfig: &Value, list: &str) -> Value {
    kubeconfig.get(list).and_then(Value::as_list).unwrap()[0].clone()
}
