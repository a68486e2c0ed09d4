//! The Helm chart: the same manifests with values in place of options.

use super::{Files, HEAD, RIGHTS, WORKLOAD, documents, is_kind, options};
use trueup_kinds::{InstallOptions, install_manifests, names};
use trueup_object::{ObjectRef, Value, value};

const VERSION: &str = env!("CARGO_PKG_VERSION");

const VALUES: &str = r#"image:
  # Where the image is; no registry is assumed.
  repository: trueup
  # The chart's application version with a leading v when empty.
  tag: ""
  pullPolicy: IfNotPresent
# Secrets to pull the image with, such as [{name: regcred}].
imagePullSecrets: []
# More than one stand by for the leases.
replicas: 1
# Whether the controllers may apply anything by themselves. Without it, objects
# are applied only as the service accounts that Kustomizations name.
clusterAdmin: true
# Serve the objects of all namespaces, or only those of the release's.
watchAllNamespaces: true
# Keep Pods of other namespaces away from the controllers.
networkPolicy: true
# debug, info or error.
logLevel: info
clusterDomain: cluster.local
# Further arguments of `trueup controller`, and variables of its environment.
extraArgs: []
env: []
# - name: SLACK_URL
#   valueFrom:
#     secretKeyRef:
#       name: slack
#       key: url
canaries:
  # False where Flagger serves them, or nobody wants them: they are left alone,
  # and neither defined nor anything allowed for them.
  enabled: true
  # What routes the traffic of Canaries that name no provider [istio].
  meshProvider: ""
  # The Prometheus of Canaries that name none [http://prometheus:9090].
  metricsServer: ""
  # Labels that may tell a target's Pods [app,name,app.kubernetes.io/name].
  selectorLabels: ""
  # Prefixes of labels that copies keep; * is all.
  includeLabelPrefix: ""
  # Prefix of annotations of NGINX's Ingresses [nginx.ingress.kubernetes.io].
  ingressAnnotationsPrefix: ""
  # Class of HTTPProxy objects.
  ingressClass: ""
  configTracking:
    # Copy and watch the ConfigMaps and Secrets of targets.
    enabled: true
  # Where events go; better as EVENT_WEBHOOK_URL in env, from a Secret.
  eventWebhook: ""
  # The name of the cluster in alerts.
  clusterName: ""
  slack:
    # Better as SLACK_URL and SLACK_TOKEN in env, from a Secret.
    url: ""
    token: ""
    user: ""
    channel: ""
    proxy: ""
  msteams:
    # Better as MSTEAMS_URL in env, from a Secret.
    url: ""
    proxy: ""
definitions:
  # False where another tool, such as Flux, has installed them.
  install: true
serviceAccount:
  annotations: {}
podAnnotations: {}
nodeSelector: {}
tolerations: []
affinity: {}
resources:
  limits:
    cpu: "1"
    memory: 1Gi
  requests:
    cpu: 50m
    memory: 64Mi
# Where artifacts and Git mirrors are kept: any kind of volume.
storage:
  emptyDir: {}
"#;

const NOTES: &str = r#"Trueup {{ .Chart.AppVersion }} is installed in the namespace {{ .Release.Namespace }}.
See whether it works:

  trueup check --namespace {{ .Release.Namespace }}
"#;

/// Flags of `trueup controller` and the values that they have, where there are
/// some.
const CANARY_FLAGS: [(&str, &str); 15] = [
    ("mesh-provider", "meshProvider"),
    ("metrics-server", "metricsServer"),
    ("selector-labels", "selectorLabels"),
    ("include-label-prefix", "includeLabelPrefix"),
    ("ingress-annotations-prefix", "ingressAnnotationsPrefix"),
    ("ingress-class", "ingressClass"),
    ("event-webhook", "eventWebhook"),
    ("cluster-name", "clusterName"),
    ("slack-url", "slack.url"),
    ("slack-token", "slack.token"),
    ("slack-user", "slack.user"),
    ("slack-channel", "slack.channel"),
    ("slack-proxy-url", "slack.proxy"),
    ("msteams-url", "msteams.url"),
    ("msteams-proxy-url", "msteams.proxy"),
];

/// Stands where a template comes in.
const SENTINEL: &str = "TEMPLATE";

/// The files of `install/chart`.
pub(super) fn files() -> Files {
    let manifests = templated();
    let of = |kinds: &[&str]| -> String {
        let chosen = manifests.iter().filter(|it| is_kind(it, kinds));
        chosen.map(template).collect()
    };
    let workload = blocks(of(&WORKLOAD));
    let definitions = of(&["CustomResourceDefinition"]);
    [
        ("Chart.yaml", format!("{HEAD}{}", chart())),
        ("values.yaml", format!("{HEAD}{VALUES}")),
        ("templates/NOTES.txt", NOTES.to_owned()),
        (
            "templates/definitions.yaml",
            format!(
                "{HEAD}{{{{- if .Values.definitions.install }}}}\n{definitions}{{{{- end }}}}\n"
            ),
        ),
        (
            "templates/rights.yaml",
            format!("{HEAD}{}", blocks(of(&RIGHTS))),
        ),
        ("templates/workload.yaml", format!("{HEAD}{workload}")),
    ]
    .map(|(name, text)| (format!("chart/{name}"), text))
    .into()
}

fn chart() -> String {
    format!(
        "apiVersion: v2\n\
         name: trueup\n\
         description: GitOps for Kubernetes in one binary, with the API of Flux.\n\
         type: application\n\
         version: {VERSION}\n\
         appVersion: {VERSION}\n\
         kubeVersion: \"{}\"\n",
        trueup_kinds::KUBERNETES_RANGE
    )
}

/// The manifests with expressions where `trueup install` has options.
fn templated() -> Vec<Value> {
    let image = "{{ .Values.image.repository }}:\
                 {{ .Values.image.tag | default (printf \"v%s\" .Chart.AppVersion) }}";
    let options = InstallOptions {
        namespace: "{{ .Release.Namespace }}".into(),
        version: "v{{ .Chart.AppVersion }}".into(),
        image: image.into(),
        log_level: "{{ .Values.logLevel }}".into(),
        cluster_domain: "{{ .Values.clusterDomain }}".into(),
        ..options()
    };
    let mut manifests: Vec<Value> = install_manifests(&options).iter().cloned().collect();
    for manifest in &mut manifests {
        let labels = ["metadata", "labels", names::MANAGED_BY];
        manifest.set_at(&labels, "{{ .Release.Service }}".into());
        match manifest.str_at(&["kind"]).map(str::to_owned).as_deref() {
            Some("CustomResourceDefinition") => {
                // A chart's end must not take every object along.
                let keep = ["metadata", "annotations", "helm.sh/resource-policy"];
                manifest.set_at(&keep, "keep".into());
            }
            Some("ServiceAccount") => {
                manifest.set_at(&["metadata", "annotations"], SENTINEL.into());
            }
            Some("Deployment") => template_deployment(manifest),
            _ => {}
        }
    }
    manifests
}

fn template_deployment(deployment: &mut Value) {
    let pod = ["spec", "template", "spec"];
    deployment.set_at(&["spec", "replicas"], SENTINEL.into());
    for key in ["affinity", "imagePullSecrets", "tolerations"] {
        deployment.set_at(&[&pod[..], &[key]].concat(), SENTINEL.into());
    }
    let extra = [
        "spec",
        "template",
        "metadata",
        "annotations",
        "podAnnotations",
    ];
    deployment.set_at(&extra, SENTINEL.into());
    let selector = [&pod[..], &["nodeSelector", "nodeSelector"]].concat();
    deployment.set_at(&selector, SENTINEL.into());
    let volumes = value!([
        {"name": "data", "storage": SENTINEL},
        {"name": "temp", "emptyDir": {}},
    ]);
    deployment.set_at(&[&pod[..], &["volumes"]].concat(), volumes);
    let containers = [&pod[..], &["containers"]].concat();
    let mut container = deployment.at(&containers).and_then(Value::as_list).unwrap()[0].clone();
    container.set_at(&["resources"], SENTINEL.into());
    container.set_at(
        &["imagePullPolicy"],
        "{{ .Values.image.pullPolicy }}".into(),
    );
    let mut arguments = container
        .get("args")
        .and_then(Value::as_list)
        .unwrap()
        .to_vec();
    arguments.extend(["WATCH", "CANARIES", "EXTRA"].map(Value::string));
    container.set_at(&["args"], arguments.into());
    let mut environment = container
        .get("env")
        .and_then(Value::as_list)
        .unwrap()
        .to_vec();
    environment.push(Value::string("ENVIRONMENT"));
    container.set_at(&["env"], environment.into());
    deployment.set_at(&containers, vec![container].into());
}

/// One document, with the condition under which it is there.
fn template(manifest: &Value) -> String {
    let text = documents([manifest]);
    let name = ObjectRef::of(manifest).unwrap().name;
    let condition = match manifest.str_at(&["kind"]) {
        Some("ClusterRoleBinding") if name.contains("cluster-admin") => ".Values.clusterAdmin",
        Some("ClusterRole" | "ClusterRoleBinding") if name.contains("canaries") => {
            ".Values.canaries.enabled"
        }
        Some("CustomResourceDefinition") if name.ends_with(names::FLAGGER_GROUP) => {
            ".Values.canaries.enabled"
        }
        Some("NetworkPolicy") => ".Values.networkPolicy",
        _ => return text,
    };
    format!("{{{{- if {condition} }}}}\n{text}{{{{- end }}}}\n")
}

/// Puts whole blocks of values where a line stands for them.
fn blocks(text: String) -> String {
    text.lines().map(|line| block(line) + "\n").collect()
}

fn block(line: &str) -> String {
    let content = line.trim_start();
    let indent = line.len() - content.len();
    let pad = " ".repeat(indent);
    let section = |key: &str, value: &str| {
        format!(
            "{pad}{{{{- with .Values.{value} }}}}\n{pad}{key}:\n{pad}  {{{{- toYaml . | nindent {} }}}}\n{pad}{{{{- end }}}}",
            indent + 2
        )
    };
    let merged = |value: &str| {
        format!(
            "{pad}{{{{- with .Values.{value} }}}}\n{pad}{{{{- toYaml . | nindent {indent} }}}}\n{pad}{{{{- end }}}}"
        )
    };
    match content {
        "affinity: TEMPLATE" => section("affinity", "affinity"),
        "imagePullSecrets: TEMPLATE" => section("imagePullSecrets", "imagePullSecrets"),
        "tolerations: TEMPLATE" => section("tolerations", "tolerations"),
        "resources: TEMPLATE" => section("resources", "resources"),
        "annotations: TEMPLATE" => section("annotations", "serviceAccount.annotations"),
        "replicas: TEMPLATE" => format!("{pad}replicas: {{{{ .Values.replicas }}}}"),
        "storage: TEMPLATE" => merged("storage"),
        "- WATCH" => format!(
            "{pad}{{{{- if not .Values.watchAllNamespaces }}}}\n{pad}- --watch-all-namespaces=false\n{pad}{{{{- end }}}}"
        ),
        "- CANARIES" => canary_flags(&pad),
        "- ENVIRONMENT" => merged("env"),
        "- EXTRA" => format!(
            "{pad}{{{{- range .Values.extraArgs }}}}\n{pad}- {{{{ . | quote }}}}\n{pad}{{{{- end }}}}"
        ),
        "podAnnotations: TEMPLATE" => merged("podAnnotations"),
        "nodeSelector: TEMPLATE" => merged("nodeSelector"),
        _ => line.to_owned(),
    }
}

/// The flags about Canaries; none where all values are as they come.
fn canary_flags(pad: &str) -> String {
    let switches = [
        ("canaries.enabled", "canaries"),
        ("canaries.configTracking.enabled", "enable-config-tracking"),
    ];
    let switches = switches.iter().map(|(value, flag)| {
        format!("{{{{- if not .Values.{value} }}}}\n- --{flag}=false\n{{{{- end }}}}")
    });
    let texts = CANARY_FLAGS.iter().map(|(flag, value)| {
        format!(
            "{{{{- with .Values.canaries.{value} }}}}\n- {{{{ printf \"--{flag}=%s\" . | quote }}}}\n{{{{- end }}}}"
        )
    });
    let lines: Vec<String> = switches.chain(texts).collect();
    let indented = lines.join("\n").replace('\n', &format!("\n{pad}"));
    format!("{pad}{indented}")
}

#[test]
fn no_line_stands_for_a_block_that_is_not_there() {
    for (path, text) in files() {
        assert!(!text.contains(SENTINEL), "{path} has a gap left");
        for line in ["- WATCH", "- CANARIES", "- EXTRA", "- ENVIRONMENT"] {
            assert!(!text.contains(line), "{path}");
        }
    }
}

#[test]
fn definitions_hold_nothing_that_a_template_would_take_for_its_own() {
    for definition in trueup_kinds::definitions() {
        assert!(!documents([&definition]).contains("{{"));
    }
}
