//! `trueup logs` of Pods: on the embedded API, which keeps none, behind a front
//! that has some.

use super::world::{Answer, object, run};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tower::ServiceExt;
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::{ApiServer, ServerOptions};
use trueup_apiserver::storage::MemoryStorage;
use trueup_cluster::{ApplyOptions, Cluster, ClusterKey, ClusterOptions, Session};
use trueup_object::{ObjectRef, Value, from_yaml, value};

const NAMESPACE: &str = "flux-system";

/// The API as clients find it.
#[derive(Clone)]
struct Front {
    api: ApiServer,
    /// Pods and their lines.
    logs: Arc<Vec<(&'static str, String)>>,
    /// The queries of those who asked for a log, after the name of the Pod.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Front {
    /// The log of a Pod that has one; everything else is the API's to answer.
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let folder = format!("/api/v1/namespaces/{NAMESPACE}/pods/");
        let pod = request.uri().path().strip_prefix(&folder);
        if let Some(pod) = pod.and_then(|rest| rest.strip_suffix("/log")) {
            let query = request.uri().query().unwrap_or_default();
            self.asked.lock().unwrap().push(format!("{pod} {query}"));
            if let Some((_, lines)) = self.logs.iter().find(|(name, _)| *name == pod) {
                return Ok(Response::new(Full::from(lines.clone())));
            }
        }
        let service = self.api.service(Identity::admin());
        let (head, body) = service.oneshot(request).await?.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Ok(Response::from_parts(head, Full::from(body)))
    }
}

/// A cluster with an installation in it.
struct Place {
    folder: TempDir,
    admin: Session,
    front: Front,
}

impl Place {
    async fn with_logs(logs: Vec<(&'static str, String)>) -> Self {
        // Whoever comes first installs it; all install the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let api = ApiServer::open(MemoryStorage, ServerOptions::default()).unwrap();
        let service = api.service(Identity::admin());
        let options = ClusterOptions::in_process();
        let admin = Cluster::from_service(ClusterKey::local(), service, options).session();
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
            admin,
            front: Front {
                api,
                logs: Arc::new(logs),
                asked: Arc::default(),
            },
        };
        place.open().await;
        place.apply(&object("v1", "Namespace", NAMESPACE)).await;
        place
    }

    async fn open(&self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'http://{}'}}}}]\n\
             users: [{{name: u, user: {{}}}}]\n",
            listener.local_addr().unwrap()
        );
        std::fs::write(self.folder.path().join("kubeconfig"), kubeconfig).unwrap();
        let front = self.front.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let front = front.clone();
                let service = service_fn(move |request| front.clone().answer(request));
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
    }

    async fn apply(&self, object: &Value) {
        let options = ApplyOptions::new("person");
        self.admin.apply(object, &options).await.unwrap();
    }

    /// A Deployment of the installation.
    async fn deployment(&self, name: &str) {
        let text = format!(
            "{{apiVersion: apps/v1, kind: Deployment, \
             metadata: {{name: {name}, namespace: {NAMESPACE}, labels: {{app.kubernetes.io/part-of: flux}}}}, \
             spec: {{selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, \
             spec: {{containers: [{{name: manager, image: i}}]}}}}}}}}"
        );
        self.apply(&from_yaml(&text).unwrap()).await;
    }

    /// A Pod of a Deployment, in a phase.
    async fn pod(&self, deployment: &str, name: &str, phase: &str, containers: &[&str]) {
        let containers = containers
            .iter()
            .map(|name| value!({"name": (*name), "image": "i"}));
        let pod = value!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": deployment}},
            "spec": {"containers": (containers.collect::<Value>())},
        });
        self.apply(&pod).await;
        let reference = ObjectRef::of(&pod).unwrap();
        let status = value!({"phase": phase});
        let patched = self.admin.patch_status(&reference, &status, None, "node");
        patched.await.unwrap();
    }

    async fn logs(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
        command.arg("logs").args(arguments).arg("--kubeconfig");
        command.arg(self.folder.path().join("kubeconfig"));
        run(command.env("HOME", self.folder.path()), None).await
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.front.asked.lock().unwrap());
        asked.sort();
        asked
    }
}

/// A line of a controller about a Kustomization of the namespace `apps`.
fn line(name: &str, level: &str, message: &str) -> String {
    format!(
        r#"{{"level":"{level}","ts":"2026-01-31T12:00:00Z","msg":"{message}","controllerKind":"Kustomization","name":"{name}","namespace":"apps"}}"#
    ) + "\n"
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// Two controllers, one of them with a Pod that has ended and a sidecar.
async fn installation() -> Place {
    let of_one = line("web", "info", "applied") + "no json\n" + &line("web", "error", "failed");
    let logs = vec![
        ("one-running", of_one),
        ("two", line("db", "info", "waits")),
        ("other", line("no", "info", "of nobody's")),
    ];
    let place = Place::with_logs(logs).await;
    place.deployment("one").await;
    place
        .pod("one", "one-ended", "Succeeded", &["manager"])
        .await;
    let both = ["sidecar", "manager"];
    place.pod("one", "one-running", "Running", &both).await;
    place.deployment("two").await;
    place.pod("two", "two", "Running", &["manager"]).await;
    place.pod("third", "other", "Running", &["manager"]).await;
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_of_one_running_pod_of_each_controller_are_set_out_for_people() {
    let place = installation().await;
    let answer = place.logs(&["-A"]).await;
    assert!(answer.success, "{}", answer.err);
    let expected = [
        "2026-01-31T12:00:00Z error Kustomization/web.apps - failed ",
        "2026-01-31T12:00:00Z info Kustomization/db.apps - waits ",
        "2026-01-31T12:00:00Z info Kustomization/web.apps - applied ",
    ];
    assert_eq!(sorted(&answer.out), expected);
    assert_eq!(place.asked(), ["one-running container=manager", "two "]);
    let errors = place.logs(&["-n", "apps", "--level", "error"]).await;
    assert_eq!(sorted(&errors.out), expected[..1], "{}", errors.err);
    let elsewhere = place.logs(&["-n", "fleet"]).await;
    assert_eq!((elsewhere.code, elsewhere.out.as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn which_lines_are_read_is_asked_of_the_api() {
    let place = installation().await;
    place.logs(&["-A", "--tail", "5", "--since", "90s"]).await;
    let of_both = "tailLines=5&sinceSeconds=90";
    let expected = [
        format!("one-running container=manager&{of_both}"),
        format!("two {of_both}"),
    ];
    assert_eq!(place.asked(), expected);
    let time = ["-A", "--since-time", "2026-01-31T12:00:00Z"];
    place.logs(&time).await;
    let asked = place.asked();
    let with_time = |it: &String| it.contains("sinceTime=2026-01-31T12") && it.ends_with("00Z");
    assert!(asked.len() == 2 && asked.iter().all(with_time), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_followed_is_told_to_have_ended() {
    let place = installation().await;
    let answer = place.logs(&["-A", "--follow", "--kind", "ks"]).await;
    assert_eq!((answer.code, answer.out.lines().count()), (Some(0), 3));
    for pod in ["one-running", "two"] {
        let told = format!("the log of Pod/{NAMESPACE}/{pod} ended");
        assert!(answer.err.contains(&told), "{told} in {}", answer.err);
    }
    let asked = place.asked();
    assert!(
        asked.iter().all(|it| it.contains("follow=true")),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_whose_log_cannot_be_read_holds_no_other_back() {
    let place = installation().await;
    place.deployment("mute").await;
    place.pod("mute", "mute", "Running", &["manager"]).await;
    let answer = place.logs(&["-A"]).await;
    assert_eq!((answer.code, answer.out.lines().count()), (Some(1), 3));
    let told = format!("failed getting logs of Pod/{NAMESPACE}/mute");
    assert!(answer.err.contains(&told), "{}", answer.err);
    assert!(
        answer.err.contains("keeps no logs of Pods"),
        "{}",
        answer.err
    );
}
