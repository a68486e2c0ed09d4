//! Pods and templates.

use super::super::validate::at::At;
use super::volumes::{claim_spec, node_term, whole_bytes};
use super::{addresses, old_label};
use std::collections::{HashMap, HashSet};

/// Annotations that do nothing any more.
const OLD_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
];
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_RULE: &str = "non-functional in v1.27+; use the \"seccompProfile\" field instead";

/// The warnings for a Pod, whose path is empty, or a template.
pub(super) fn template(at: &At<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let (spec, annotations) = (at.get("spec"), at.at(&["metadata", "annotations"]));
    nodes(&mut warnings, &spec);
    for (key, message) in OLD_ANNOTATIONS {
        if annotations.get(key).is_set() {
            warnings.push(format!("{}[{key}]: {message}", annotations.path()));
        }
    }
    for volume in spec.get("volumes").items() {
        old_source(&mut warnings, &volume);
    }
    for volume in spec.get("volumes").items() {
        overlapping_paths(&mut warnings, &volume);
    }
    repeated(&mut warnings, &spec);
    for resource in ["memory", "ephemeral-storage"] {
        let amount = spec.get("overhead").get(resource);
        let path = format!("{}[{resource}]", spec.child("overhead"));
        whole_bytes(&mut warnings, &amount, &path);
    }
    let has_profile = spec.at(&["securityContext", "seccompProfile"]).is_set();
    if !has_profile && annotations.get(SECCOMP_POD).is_set() {
        warnings.push(format!(
            "{}[{SECCOMP_POD}]: {SECCOMP_RULE}",
            annotations.path()
        ));
    }
    for container in containers(&spec) {
        one_container(&mut warnings, &container, at, &annotations);
    }
    ports(&mut warnings, &spec);
    let grace = spec.get("terminationGracePeriodSeconds");
    if grace.number().is_some_and(|seconds| seconds < 0) {
        warnings.push(format!(
            "{}: must be >= 0; negative values are invalid and will be treated as 1",
            grace.path()
        ));
    }
    affinities(&mut warnings, &spec);
    for server in spec.at(&["dnsConfig", "nameservers"]).items() {
        addresses::address(&mut warnings, server.path(), server.text());
    }
    for alias in spec.get("hostAliases").items() {
        let ip = alias.get("ip");
        addresses::address(&mut warnings, ip.path(), ip.text());
    }
    warnings
}

fn containers<'a>(spec: &At<'a>) -> impl Iterator<Item = At<'a>> + use<'a> {
    let lists = ["initContainers", "containers", "ephemeralContainers"].map(|kind| spec.get(kind));
    lists.into_iter().flat_map(|list| list.items())
}

/// Old labels in the choice of nodes, and spread constraints that choose
/// nothing.
fn nodes(warnings: &mut Vec<String>, spec: &At<'_>) {
    for (key, entry) in spec.get("nodeSelector").entries() {
        if let Some(message) = old_label(key) {
            warnings.push(format!("{}: {message}", entry.path()));
        }
    }
    let affinity = spec.at(&["affinity", "nodeAffinity"]);
    let required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution");
    for term in required.get("nodeSelectorTerms").items() {
        node_term(warnings, &term);
    }
    let preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution");
    for term in preferred.items() {
        preferred_term(warnings, &term.get("preference"));
    }
    for constraint in spec.get("topologySpreadConstraints").items() {
        let key = constraint.get("topologyKey");
        if let Some(message) = old_label(key.text()) {
            warnings.push(format!("{}: {} is {message}", key.path(), key.text()));
        }
        no_selector(warnings, &constraint.get("labelSelector"));
    }
}

fn preferred_term(warnings: &mut Vec<String>, term: &At<'_>) {
    for expression in term.get("matchExpressions").items() {
        let key = expression.get("key");
        if let Some(message) = old_label(key.text()) {
            warnings.push(format!("{}: {} is {message}", key.path(), key.text()));
        }
        for value in expression.get("values").items() {
            for error in trueup_object::names::label_value_errors(value.text()) {
                warnings.push(format!(
                    "{}: {} is invalid, {error}",
                    value.path(),
                    value.text()
                ));
            }
        }
    }
}

fn no_selector(warnings: &mut Vec<String>, selector: &At<'_>) {
    if !selector.is_set() {
        let path = selector.path();
        warnings.push(format!(
            "{path}: a null labelSelector results in matching no pod"
        ));
    }
}

fn affinities(warnings: &mut Vec<String>, spec: &At<'_>) {
    for kind in ["podAffinity", "podAntiAffinity"] {
        let affinity = spec.at(&["affinity", kind]);
        let required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution");
        for term in required.items() {
            no_selector(warnings, &term.get("labelSelector"));
        }
        let preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution");
        for term in preferred.items() {
            no_selector(warnings, &term.at(&["podAffinityTerm", "labelSelector"]));
        }
    }
}

fn old_source(warnings: &mut Vec<String>, volume: &At<'_>) {
    for (source, called, message) in [
        (
            "photonPersistentDisk",
            "photonPersistentDisk",
            "deprecated in v1.11, non-functional in v1.16+",
        ),
        (
            "gitRepo",
            "gitRepo",
            "deprecated in v1.11, and disabled by default in v1.33+",
        ),
        (
            "scaleIO",
            "scaleIO",
            "deprecated in v1.16, non-functional in v1.22+",
        ),
        (
            "flocker",
            "flocker",
            "deprecated in v1.22, non-functional in v1.25+",
        ),
        (
            "storageos",
            "storageOS",
            "deprecated in v1.22, non-functional in v1.25+",
        ),
        (
            "quobyte",
            "quobyte",
            "deprecated in v1.22, non-functional in v1.25+",
        ),
        (
            "glusterfs",
            "glusterfs",
            "deprecated in v1.25, non-functional in v1.26+",
        ),
    ] {
        if volume.get(source).is_set() {
            warnings.push(format!("{}: {message}", volume.child(called)));
        }
    }
    let claim = volume.at(&["ephemeral", "volumeClaimTemplate", "spec"]);
    claim_spec(warnings, &claim);
    for source in ["cephfs", "rbd"] {
        if volume.get(source).is_set() {
            let path = volume.child(source);
            warnings.push(format!(
                "{path}: deprecated in v1.28, non-functional in v1.31+"
            ));
        }
    }
}

/// A file of a volume, and the source that it comes from where there are
/// several.
#[derive(Clone, PartialEq, Eq)]
struct File {
    path: String,
    source: String,
}

impl File {
    fn shown(&self) -> String {
        if self.source.is_empty() {
            format!("{:?}", self.path)
        } else {
            format!("{:?} ({})", self.path, self.source)
        }
    }

    /// Whether one lies at or below the other.
    fn overlaps(&self, other: &Self) -> bool {
        let (one, two) = (format!("{}/", self.path), format!("{}/", other.path));
        !self.path.is_empty()
            && !other.path.is_empty()
            && (one.starts_with(&two) || two.starts_with(&one))
    }
}

fn overlapping_paths(warnings: &mut Vec<String>, volume: &At<'_>) {
    let mut say = |what: &str, files: Vec<File>| {
        let name = volume.get("name").text();
        let mut before: Vec<File> = Vec::new();
        for file in files {
            for other in before.iter().filter(|other| file.overlaps(other)) {
                let (file, other) = (file.shown(), other.shown());
                warnings.push(format!(
                    "volume {name:?} ({what}): overlapping paths: {file} with {other}"
                ));
            }
            before.push(file);
        }
    };
    let (config, secret) = (volume.get("configMap"), volume.get("secret"));
    let config_name = config.get("name").text();
    say(&format!("ConfigMap {config_name:?}"), files(&config, ""));
    let secret_name = secret.get("secretName").text();
    say(&format!("Secret {secret_name:?}"), files(&secret, ""));
    say("DownwardAPI", files(&volume.get("downwardAPI"), ""));
    let sources = volume.at(&["projected", "sources"]);
    let name = volume.get("name").text();
    let empty = sources.items().filter(At::is_empty);
    let empty = empty.map(|_| format!("volume {name:?} (Projected) has no sources provided"));
    let empty: Vec<String> = empty.collect();
    say(
        "Projected",
        sources.items().flat_map(|it| projected(&it)).collect(),
    );
    warnings.extend(empty);
}

fn files(source: &At<'_>, called: &str) -> Vec<File> {
    let paths = source.get("items").items();
    paths
        .map(|item| File {
            path: item.get("path").text().trim_end_matches('/').to_owned(),
            source: called.to_owned(),
        })
        .collect()
}

fn projected(source: &At<'_>) -> Vec<File> {
    for (key, kind) in [("configMap", "ConfigMap"), ("secret", "Secret")] {
        let at = source.get(key);
        if !at.get("items").is_empty() {
            let name = at.get("name").text();
            return files(&at, &format!("{kind} {name:?}"));
        }
    }
    let downward = source.get("downwardAPI");
    if !downward.get("items").is_empty() {
        return files(&downward, "DownwardAPI");
    }
    let token = source.get("serviceAccountToken");
    let bundle = source.get("clusterTrustBundle");
    let (at, called) = if token.is_set() {
        (token, "ServiceAccountToken".to_owned())
    } else if bundle.is_set() {
        let name = bundle.get("name");
        let name = if name.is_set() {
            name
        } else {
            bundle.get("signerName")
        };
        let called = format!("ClusterTrustBundle {:?}", name.text());
        (bundle, called)
    } else {
        return Vec::new();
    };
    vec![File {
        path: at.get("path").text().trim_end_matches('/').to_owned(),
        source: called,
    }]
}

/// Addresses and secrets given twice.
fn repeated(warnings: &mut Vec<String>, spec: &At<'_>) {
    for (list, key) in [("hostAliases", "ip"), ("imagePullSecrets", "name")] {
        let mut seen = HashSet::new();
        for item in spec.get(list).items() {
            let value = item.get(key);
            if !seen.insert(value.text()) {
                let (path, text) = (value.path(), value.text());
                warnings.push(format!("{path}: duplicate {key} {text:?}"));
            }
        }
    }
    for secret in spec.get("imagePullSecrets").items() {
        let name = secret.get("name");
        if name.text().is_empty() {
            warnings.push(format!("{}: invalid empty name \"\"", name.path()));
        }
    }
}

fn one_container(
    warnings: &mut Vec<String>,
    container: &At<'_>,
    template: &At<'_>,
    annotations: &At<'_>,
) {
    let name = container.get("name").text();
    let context = container.get("securityContext");
    let seccomp = format!("{SECCOMP_CONTAINER}{name}");
    if !context.get("seccompProfile").is_set() && annotations.get(&seccomp).is_set() {
        let path = annotations.path();
        warnings.push(format!("{path}[{seccomp}]: {SECCOMP_RULE}"));
    }
    let app_armor = format!("{APP_ARMOR}{name}");
    let of_pod = template.at(&["spec", "securityContext", "appArmorProfile"]);
    let told = context.get("appArmorProfile").is_set() || of_pod.is_set();
    if !template.path().is_empty() && !told && annotations.get(&app_armor).is_set() {
        warnings.push(format!(
            "{}[{app_armor}]: deprecated since v1.30; use the \"appArmorProfile\" field instead",
            annotations.path()
        ));
    }
    for resource in ["memory", "ephemeral-storage"] {
        for kind in ["limits", "requests"] {
            let amount = container.at(&["resources", kind, resource]);
            let path = format!("{}.resources.{kind}[{resource}]", container.path());
            whole_bytes(warnings, &amount, &path);
        }
    }
    hidden_variables(warnings, container);
}

/// A variable given twice hides the first one, unless it is made of it.
fn hidden_variables(warnings: &mut Vec<String>, container: &At<'_>) {
    let mut seen = HashSet::new();
    for variable in container.get("env").items() {
        let name = variable.get("name").text();
        if seen.insert(name) {
            continue;
        }
        let reference = format!("$({name})");
        let value = variable.get("value").text();
        let extends = value != reference && value.contains(&reference);
        if variable.get("valueFrom").is_set() || !extends {
            warnings.push(format!(
                "{}: hides previous definition of {name:?}, which may be dropped when using apply",
                variable.path()
            ));
        }
    }
}

fn ports(warnings: &mut Vec<String>, spec: &At<'_>) {
    let mut same_port: HashMap<(i64, &str), Vec<At<'_>>> = HashMap::new();
    for port in containers(spec).flat_map(|container| container.get("ports").items()) {
        let (address, host) = host_port(&port);
        if !address.is_empty() && host == 0 {
            warnings.push(format!(
                "{}: hostIP set without hostPort: {{Name:{} HostPort:0 ContainerPort:{} Protocol:{} HostIP:{address}}}",
                port.path(),
                port.get("name").text(),
                port.get("containerPort").number().unwrap_or(0),
                port.get("protocol").text(),
            ));
        }
        let number = port.get("containerPort").number().unwrap_or(0);
        let others = same_port
            .entry((number, port.get("protocol").text()))
            .or_default();
        for other in others.iter() {
            if let Some(how) = clash(&port, other) {
                let (path, other) = (port.path(), other.path());
                warnings.push(format!("{path}: {how} port definition with {other}"));
            }
        }
        others.push(port);
    }
    port_names(warnings, spec);
}

fn host_port<'a>(port: &At<'a>) -> (&'a str, i64) {
    (
        port.get("hostIP").text(),
        port.get("hostPort").number().unwrap_or(0),
    )
}

/// How two definitions of one port of the Pod get in each other's way.
fn clash(port: &At<'_>, other: &At<'_>) -> Option<&'static str> {
    let (address, host) = host_port(port);
    let (other_address, other_host) = host_port(other);
    if address == other_address && host == other_host {
        Some("duplicate")
    } else if host == 0 || other_host == 0 {
        Some("overlapping")
    } else if host == other_host && (address.is_empty() != other_address.is_empty()) {
        Some("dangerously ambiguous")
    } else {
        None
    }
}

fn port_names(warnings: &mut Vec<String>, spec: &At<'_>) {
    let mut seen: HashMap<&str, String> = HashMap::new();
    for port in containers(spec).flat_map(|container| container.get("ports").items()) {
        let name = port.get("name").text();
        if name.is_empty() {
            continue;
        }
        match seen.get(name) {
            Some(other) => warnings.push(format!(
                "{}: duplicate port name {name:?} with {other}, services and probes that select ports by name will use {other}",
                port.path()
            )),
            None => {
                seen.insert(name, port.path().to_owned());
            }
        }
    }
}
