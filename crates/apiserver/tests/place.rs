//! Where clients of other houses are tried: the embedded server over TLS, or
//! the cluster that `TRUEUP_TEST_KUBECONFIG` names; a namespace in it, a
//! folder, and a kubeconfig that points to both.

use crate::support::{TOKEN, options, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::{ApiServer, Certificates, Limits, ServeOptions, write_kubeconfig};
use trueup_apiserver::storage::MemoryStorage;
use trueup_cluster::{Cluster, ClusterKey, ClusterOptions};
use trueup_workloads::WorkloadsOptions;

/// Names a kubeconfig of a cluster to test against instead.
const KUBECONFIG_VARIABLE: &str = "TRUEUP_TEST_KUBECONFIG";
/// How long one command may take.
const COMMAND_SECONDS: &str = "90";

/// What a test needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// The API alone.
    Api,
    /// Controllers of workloads as well.
    Controllers,
    /// Controllers, and Pods that become ready by themselves.
    ReadyPods,
}

/// Where a test is.
pub struct Place {
    folder: TempDir,
    namespace: String,
    server: String,
}

impl Place {
    /// Runs a test, in a thread that may block, in a place of its own that is
    /// cleaned up after.
    pub fn with(name: &str, wants: Wants, test: impl FnOnce(&Self) + Send + 'static) {
        match std::env::var_os(KUBECONFIG_VARIABLE).map(PathBuf::from) {
            None => run(Self::embedded(name, wants, test)),
            Some(_) if wants == Wants::ReadyPods => {
                println!("skipped: {name}: needs Pods that become ready");
            }
            Some(kubeconfig) => Self::outside(&kubeconfig, name, test),
        }
    }

    async fn embedded(name: &str, wants: Wants, test: impl FnOnce(&Self) + Send + 'static) {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::kept_in(&folder.path().join("certificates"), &[]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let kubeconfig = folder.path().join("kubeconfig");
        write_kubeconfig(&kubeconfig, &url, certificates.authority_pem(), TOKEN).unwrap();
        let server = ApiServer::open(MemoryStorage, options()).unwrap();
        let keeping = server.clone();
        let keeper = tokio::spawn(async move { keeping.keep_house().await });
        let controllers = (wants != Wants::Api).then(|| tokio::spawn(workloads(&server)));
        let (end, ended) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let options = ServeOptions {
                certificates,
                limits: Limits::default(),
            };
            let ended = async { drop(ended.await) };
            server.serve_tls(listener, options, ended).await.unwrap();
        });
        let namespace = namespace_name(name);
        let place = Self {
            folder,
            namespace,
            server: url,
        };
        tokio::task::spawn_blocking(move || place.enter(test))
            .await
            .unwrap();
        drop(end);
        serving.await.unwrap();
        keeper.abort();
        if let Some(controllers) = controllers {
            controllers.abort();
        }
    }

    fn outside(kubeconfig: &Path, name: &str, test: impl FnOnce(&Self)) {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(kubeconfig, folder.path().join("kubeconfig")).unwrap();
        let mut place = Self {
            folder,
            namespace: format!("{}-{}", namespace_name(name), std::process::id()),
            server: String::new(),
        };
        let url =
            place.shell("kubectl config view --minify -o jsonpath={.clusters[0].cluster.server}");
        place.server = String::from_utf8(url.stdout).unwrap();
        let cleaner = Cleaner(&place);
        place.enter(test);
        drop(cleaner);
    }

    /// Makes the namespace and lets the kubeconfig point to it.
    fn enter(&self, test: impl FnOnce(&Self)) {
        let made = self.shell(
            "kubectl create namespace $NS &&
             kubectl config set-context --current --namespace=$NS &&
             kubectl wait serviceaccount/default --for=create --timeout=30s",
        );
        assert!(made.status.success(), "{made:?}");
        test(self);
    }

    /// The folder that commands run in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command of the shell in the folder, with the kubeconfig and the
    /// name of the namespace in `NS`.
    pub fn shell(&self, command: &str) -> Output {
        Command::new("timeout")
            .args(["--kill-after=5", COMMAND_SECONDS, "sh", "-c", command])
            .env("KUBECONFIG", self.folder().join("kubeconfig"))
            .env("HOME", self.folder())
            .env("NS", &self.namespace)
            .env("TZ", "UTC")
            .env("TMPDIR", self.folder())
            .env_remove("KUBE_EDITOR")
            .env_remove("EDITOR")
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What to call things that have another name in each place.
    pub fn placeholders(&self) -> Vec<(String, &'static str)> {
        vec![
            (self.server.clone(), "<server>"),
            (self.folder().display().to_string(), "<folder>"),
            (self.namespace.clone(), "<namespace>"),
        ]
    }
}

/// Deletes the namespace when the test is over, however it ended.
struct Cleaner<'a>(&'a Place);

impl Drop for Cleaner<'_> {
    fn drop(&mut self) {
        let deleted = self.0.shell(
            "kubectl delete namespace $NS --wait=false
             kubectl delete clusterrole,clusterrolebinding,crd,priorityclass,node -l session=$NS",
        );
        println!("{}", String::from_utf8_lossy(&deleted.stderr));
    }
}

fn namespace_name(name: &str) -> String {
    name.replace([' ', '_'], "-")
}

fn workloads(server: &ApiServer) -> impl Future<Output = ()> + use<> {
    let service = server.service(Identity::admin());
    let cluster = Cluster::from_service(ClusterKey::local(), service, ClusterOptions::in_process());
    let session = cluster.session();
    async move {
        trueup_workloads::run(session, WorkloadsOptions::default()).await;
    }
}
