//! The real `kubectl` over TLS.

use crate::support::{TOKEN, options, run};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use trueup_apiserver::edge::{ApiServer, Certificates, Limits, ServeOptions, write_kubeconfig};
use trueup_apiserver::storage::MemoryStorage;

const WEB: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: 'nginx:1', ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
";

struct Cluster {
    folder: TempDir,
}

impl Cluster {
    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    fn start(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new("kubectl")
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.folder.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    /// Runs a command that must succeed; gives what it printed.
    fn ok(&self, arguments: &[&str]) -> String {
        self.ok_with(arguments, "")
    }

    fn ok_with(&self, arguments: &[&str], input: &str) -> String {
        let output = self.start(arguments, input);
        let (text, errors) = texts(&output);
        assert!(
            output.status.success(),
            "kubectl {arguments:?}: {text}{errors}"
        );
        text
    }

    /// Runs a command that must fail; gives what it complained.
    fn refused(&self, arguments: &[&str], input: &str) -> String {
        let output = self.start(arguments, input);
        let (text, errors) = texts(&output);
        assert!(
            !output.status.success(),
            "kubectl {arguments:?} succeeded: {text}"
        );
        errors
    }
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn is_here() -> bool {
    Command::new("kubectl")
        .args(["version", "--client"])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Runs a test against a server of its own; skipped where there is no
/// `kubectl`.
fn with_cluster(name: &str, test: impl FnOnce(&Cluster) + Send + 'static) {
    if !is_here() {
        println!("skipped: {name}: no kubectl on PATH");
        return;
    }
    run(async move {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::kept_in(&folder.path().join("certificates"), &[]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let cluster = Cluster { folder };
        write_kubeconfig(
            &cluster.kubeconfig(),
            &url,
            certificates.authority_pem(),
            TOKEN,
        )
        .unwrap();
        let server = ApiServer::open(MemoryStorage, options()).unwrap();
        let keeping = server.clone();
        let keeper = tokio::spawn(async move { keeping.keep_house().await });
        let (end, ended) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let options = ServeOptions {
                certificates,
                limits: Limits::default(),
            };
            let ended = async { drop(ended.await) };
            server.serve_tls(listener, options, ended).await.unwrap();
        });
        tokio::task::spawn_blocking(move || test(&cluster))
            .await
            .unwrap();
        drop(end);
        serving.await.unwrap();
        keeper.abort();
    });
}

fn file(cluster: &Cluster, name: &str, text: &str) -> String {
    fs::write(cluster.folder.path().join(name), text).unwrap();
    name.to_owned()
}

#[test]
fn apply_get_describe_scale_wait_and_delete() {
    with_cluster("apply_get_describe_scale_wait_and_delete", |cluster| {
        let web = file(cluster, "web.yaml", WEB);
        assert!(
            cluster
                .ok(&["apply", "-f", &web])
                .contains("deployment.apps/web created")
        );
        assert!(
            cluster
                .ok(&["apply", "-f", &web])
                .contains("deployment.apps/web unchanged")
        );
        let table = cluster.ok(&["get", "deploy,svc", "-o", "wide"]);
        assert!(
            table.contains("CONTAINERS   IMAGES") && table.contains("0/2"),
            "{table}"
        );
        assert_eq!(
            cluster.ok(&["get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"]),
            "2"
        );
        assert!(
            cluster
                .ok(&["get", "deploy", "web", "-o", "yaml"])
                .contains("progressDeadlineSeconds: 600")
        );
        assert!(
            cluster
                .ok(&["describe", "deploy", "web"])
                .contains("2 desired")
        );
        assert!(
            cluster
                .ok(&["scale", "deploy", "web", "--replicas=3"])
                .contains("scaled")
        );
        cluster.ok(&[
            "wait",
            "--for=jsonpath={.spec.replicas}=3",
            "deploy/web",
            "--timeout=10s",
        ]);
        assert!(
            cluster
                .ok(&["label", "deploy", "web", "tier=front"])
                .contains("labeled")
        );
        assert_eq!(
            cluster.ok(&["get", "deploy", "-l", "tier=front", "-o", "name"]),
            "deployment.apps/web\n"
        );
        assert!(
            cluster
                .ok(&[
                    "patch",
                    "deploy",
                    "web",
                    "-p",
                    r#"{"spec":{"paused":true}}"#
                ])
                .contains("patched")
        );
        let difference = cluster.start(&["diff", "-f", &web], "");
        assert!(
            texts(&difference).0.contains("-  replicas: 3"),
            "{difference:?}"
        );
        cluster.ok(&["delete", "-f", &web, "--wait", "--timeout=10s"]);
        assert!(
            cluster
                .refused(&["get", "deploy", "web"], "")
                .contains("NotFound")
        );
    });
}

#[test]
fn server_side_apply_tells_of_conflicts() {
    with_cluster("server_side_apply_tells_of_conflicts", |cluster| {
        let web = file(cluster, "web.yaml", WEB);
        cluster.ok(&["apply", "--server-side", "-f", &web]);
        cluster.ok(&["scale", "deploy", "web", "--replicas=5"]);
        let errors = cluster.refused(&["apply", "--server-side", "-f", &web], "");
        assert!(errors.contains(".spec.replicas"), "{errors}");
        cluster.ok(&["apply", "--server-side", "--force-conflicts", "-f", &web]);
        assert_eq!(
            cluster.ok(&["get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"]),
            "2"
        );
    });
}

#[test]
fn an_edit_is_written_and_a_mistake_is_refused() {
    with_cluster("an_edit_is_written_and_a_mistake_is_refused", |cluster| {
        cluster.ok(&[
            "create",
            "configmap",
            "settings",
            "--from-literal=color=red",
        ]);
        let editor = cluster.folder.path().join("editor");
        fs::write(&editor, "#!/bin/sh\nsed -i s/red/blue/ \"$1\"\n").unwrap();
        make_executable(&editor);
        let output = Command::new("kubectl")
            .args(["edit", "configmap", "settings"])
            .env("KUBECONFIG", cluster.kubeconfig())
            .env("KUBE_EDITOR", &editor)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(
            cluster.ok(&["get", "cm", "settings", "-o", "jsonpath={.data.color}"]),
            "blue"
        );
        let wrong = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nbogus: 1\n";
        let errors = cluster.refused(&["create", "--validate=strict", "-f", "-"], wrong);
        assert!(errors.contains("unknown field \"bogus\""), "{errors}");
    });
}

#[cfg(unix)]
fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn explanations_resources_and_rights() {
    with_cluster("explanations_resources_and_rights", |cluster| {
        let explained = cluster.ok(&["explain", "deployment.spec.strategy.rollingUpdate"]);
        assert!(explained.contains("maxSurge"), "{explained}");
        let resources = cluster.ok(&["api-resources"]);
        assert!(
            resources.contains("deployments") && resources.contains("apps/v1"),
            "{resources}"
        );
        assert_eq!(cluster.ok(&["auth", "can-i", "delete", "pods"]), "yes\n");
        cluster.ok(&["create", "serviceaccount", "robot"]);
        cluster.ok(&[
            "create",
            "role",
            "reader",
            "--verb=get,list",
            "--resource=pods",
        ]);
        cluster.ok(&[
            "create",
            "rolebinding",
            "reader",
            "--role=reader",
            "--serviceaccount=default:robot",
        ]);
        let robot = "--as=system:serviceaccount:default:robot";
        assert_eq!(
            cluster.ok(&["auth", "can-i", "list", "pods", robot]),
            "yes\n"
        );
        assert_eq!(
            texts(&cluster.start(&["auth", "can-i", "delete", "pods", robot], "")).0,
            "no\n"
        );
        let token = cluster.ok(&["create", "token", "robot"]);
        let token = format!("--token={}", token.trim());
        // The client certificate of no one: the token alone says who asks.
        let kubeconfig = fs::read_to_string(cluster.kubeconfig())
            .unwrap()
            .replace(TOKEN, token.trim_start_matches("--token="));
        let robot_config = file(cluster, "robot", &kubeconfig);
        let robot_config = format!("--kubeconfig={robot_config}");
        cluster.ok(&[&robot_config, "get", "pods"]);
        assert!(
            cluster
                .refused(&[&robot_config, "get", "secrets"], "")
                .contains("Forbidden")
        );
        assert!(
            cluster
                .ok(&[&robot_config, "auth", "whoami"])
                .contains("system:serviceaccount:default:robot")
        );
    });
}

#[test]
fn a_custom_resource_has_its_columns_and_its_explanation() {
    with_cluster(
        "a_custom_resource_has_its_columns_and_its_explanation",
        |cluster| {
            let definition = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns:
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    - {name: Size, type: integer, jsonPath: .spec.size}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties: {size: {type: integer, minimum: 1, description: How large it is.}}
          status:
            type: object
            x-kubernetes-preserve-unknown-fields: true
"#;
            cluster.ok_with(&["apply", "-f", "-"], definition);
            cluster.ok(&[
                "wait",
                "--for=condition=Established",
                "crd/widgets.example.com",
                "--timeout=10s",
            ]);
            let widget =
                "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n";
            cluster.ok_with(&["apply", "-f", "-"], widget);
            let status = r#"{"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#;
            cluster.ok(&[
                "patch",
                "wd",
                "w",
                "--subresource=status",
                "--type=merge",
                "-p",
                status,
            ]);
            cluster.ok(&["wait", "--for=condition=Ready", "widget/w", "--timeout=10s"]);
            let table = cluster.ok(&["get", "wd"]);
            let words: Vec<&str> = table.split_whitespace().collect();
            assert_eq!(
                words,
                ["NAME", "READY", "SIZE", "w", "True", "3"],
                "{table}"
            );
            assert!(
                cluster
                    .ok(&["explain", "widget.spec"])
                    .contains("How large it is.")
            );
            let wrong = widget.replace("size: 3", "size: 0");
            let errors = cluster.refused(&["apply", "-f", "-"], &wrong);
            assert!(errors.contains("spec.size"), "{errors}");
            cluster.ok(&["delete", "crd", "widgets.example.com", "--timeout=10s"]);
        },
    );
}
