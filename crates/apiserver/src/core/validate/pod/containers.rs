//! Containers of every kind.

use super::volumes::{Volumes, devices, mounts};
use super::{environment, image_whitespace, probes, resources, security};
use crate::core::validate::at::{At, Causes};
use crate::core::validate::text_rules::port_name_errors;
use std::collections::HashSet;

const MAX_RESTART_RULES: usize = 20;
const MAX_EXIT_CODES: usize = 255;

/// What the rules of a container need to know of its Pod.
pub(super) struct Surroundings<'s, 'a> {
    pub(super) spec: &'s At<'a>,
    pub(super) volumes: &'s Volumes<'a>,
}

/// All containers of a pod spec.
pub(super) fn all<'a>(causes: &mut Causes, spec: &At<'a>, volumes: &Volumes<'a>) {
    let around = Surroundings { spec, volumes };
    regular(causes, &around);
    init(causes, &around);
    ephemeral(causes, &around);
}

fn regular(causes: &mut Causes, around: &Surroundings<'_, '_>) {
    let containers = around.spec.get("containers");
    if containers.is_empty() {
        return containers.required(causes, "");
    }
    let mut seen = HashSet::new();
    for container in containers.items() {
        common(causes, &container, around);
        if !seen.insert(container.get("name").text()) {
            container.get("name").duplicate(causes);
        }
        probes::lifecycle(causes, &container, around.spec);
        probes::all(causes, &container, around.spec);
        restart_policy(causes, &container);
    }
    let ports = containers.items().map(|container| container.get("ports"));
    host_ports(causes, ports);
}

/// A port of the node is taken once.
fn host_ports<'a>(causes: &mut Causes, lists: impl Iterator<Item = At<'a>>) {
    let mut seen = HashSet::new();
    for port in lists.flat_map(|list| list.items()) {
        let number = port.get("hostPort").number().unwrap_or(0);
        let (protocol, address) = (port.get("protocol").text(), port.get("hostIP").text());
        let key = format!("{protocol}/{address}/{number}");
        if number == 0 || seen.insert(key.clone()) {
            continue;
        }
        let path = port.child("hostPort");
        causes.push(crate::core::status::Cause::duplicate(
            path,
            format!("{key:?}"),
        ));
    }
}

const NOT_A_SIDECAR: &str = "may not be set for init containers without restartPolicy=Always";

fn init(causes: &mut Causes, around: &Surroundings<'_, '_>) {
    let containers = around.spec.get("initContainers");
    let regular = around.spec.get("containers");
    let mut seen: HashSet<&str> = regular.items().map(|it| it.get("name").text()).collect();
    for container in containers.items() {
        common(causes, &container, around);
        restart_policy(causes, &container);
        let name = container.get("name");
        if !name.text().is_empty() && !seen.insert(name.text()) {
            name.duplicate(causes);
        }
        let alone = container
            .get("ports")
            .called(containers.path().to_owned() + "[0].ports");
        host_ports(causes, std::iter::once(alone));
        if container.get("restartPolicy").text() == "Always" {
            probes::lifecycle(causes, &container, around.spec);
            probes::all(causes, &container, around.spec);
            continue;
        }
        for key in [
            "lifecycle",
            "livenessProbe",
            "readinessProbe",
            "startupProbe",
        ] {
            if container.get(key).is_set() {
                container.get(key).forbidden(causes, NOT_A_SIDECAR);
            }
        }
        for policy in container.get("resizePolicy").items() {
            let restart = policy.get("restartPolicy");
            if restart.text() == "RestartContainer" {
                let detail = "must not be set to 'RestartContainer' for non-sidecar initContainers";
                restart.invalid(causes, detail);
            }
        }
    }
}

/// What an ephemeral container may not have.
const NOT_EPHEMERAL: [&str; 9] = [
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
];

fn ephemeral(causes: &mut Causes, around: &Surroundings<'_, '_>) {
    const RULE: &str = "cannot be set for an Ephemeral Container";
    let others = ["containers", "initContainers"].map(|kind| around.spec.get(kind));
    let others: HashSet<&str> = others
        .iter()
        .flat_map(At::items)
        .map(|container| container.get("name").text())
        .collect();
    let mut seen = others.clone();
    for container in around.spec.get("ephemeralContainers").items() {
        common(causes, &container, around);
        image_whitespace(causes, &container);
        if !seen.insert(container.get("name").text()) {
            container.get("name").duplicate(causes);
        }
        let target = container.get("targetContainerName");
        if !target.text().is_empty() && !others.contains(target.text()) {
            target.not_found(causes, "");
        }
        for key in NOT_EPHEMERAL {
            if container.get(key).is_set() && container.get(key).shown() != "{}" {
                container.get(key).forbidden(causes, RULE);
            }
        }
        for mount in container.get("volumeMounts").items() {
            for key in ["subPath", "subPathExpr"] {
                if !mount.get(key).text().is_empty() {
                    mount.get(key).forbidden(causes, RULE);
                }
            }
        }
    }
}

fn common(causes: &mut Causes, container: &At<'_>, around: &Surroundings<'_, '_>) {
    container.get("name").required_label(causes);
    container.get("image").required_text(causes);
    container
        .get("terminationMessagePolicy")
        .required_one_of(causes, &["File", "FallbackToLogsOnError"]);
    ports(causes, &container.get("ports"));
    environment::variables(causes, &container.get("env"));
    environment::sources(causes, &container.get("envFrom"));
    mounts(causes, container, around.volumes);
    devices(causes, container, around.volumes);
    container
        .get("imagePullPolicy")
        .required_one_of(causes, &["Always", "IfNotPresent", "Never"]);
    let claims = around.spec.get("resourceClaims");
    resources::container(causes, &container.get("resources"), &claims);
    resize_policy(causes, container, around.spec.get("restartPolicy").text());
    security::container(causes, container, around.spec);
}

fn ports(causes: &mut Causes, ports: &At<'_>) {
    let mut names = HashSet::new();
    for port in ports.items() {
        let name = port.get("name");
        if !name.text().is_empty() {
            let errors = port_name_errors(name.text());
            if errors.is_empty() && !names.insert(name.text()) {
                name.duplicate(causes);
            }
            name.rules(causes, errors);
        }
        let number = port.get("containerPort");
        if number.number().unwrap_or(0) == 0 {
            number.required(causes, "");
        } else {
            number.port_number(causes);
        }
        if port.get("hostPort").number().unwrap_or(0) != 0 {
            port.get("hostPort").port_number(causes);
        }
        port.get("protocol")
            .required_one_of(causes, &["SCTP", "TCP", "UDP"]);
    }
}

fn resize_policy(causes: &mut Causes, container: &At<'_>, pod_policy: &str) {
    let policies = container.get("resizePolicy");
    let mut seen = HashSet::new();
    for policy in policies.items() {
        let name = policy.get("resourceName");
        if !seen.insert(name.text()) {
            name.called(policy.path().to_owned()).duplicate(causes);
        }
        let list = policies.path().to_owned();
        name.called(list.clone())
            .required_one_of(causes, &["cpu", "memory"]);
        let restart = policy.get("restartPolicy").called(list);
        restart.required_one_of(causes, &["NotRequired", "RestartContainer"]);
        if pod_policy == "Never" && restart.text() != "NotRequired" {
            let detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
            restart.invalid(causes, detail);
        }
    }
}

/// When a container of its own restarts, and after which exit codes.
fn restart_policy(causes: &mut Causes, container: &At<'_>) {
    let (policy, rules) = (
        container.get("restartPolicy"),
        container.get("restartPolicyRules"),
    );
    if !policy.is_set() {
        if rules.is_empty() {
            return;
        }
        policy.required(
            causes,
            "must specify restartPolicy when restart rules are used",
        );
    } else {
        policy.one_of(causes, &["Always", "Never", "OnFailure"]);
    }
    if rules.list().len() > MAX_RESTART_RULES {
        rules.too_many(causes, MAX_RESTART_RULES);
    }
    for rule in rules.items() {
        rule.get("action")
            .one_of(causes, &["Restart", "RestartAllContainers"]);
        let codes = rule.get("exitCodes");
        if !codes.is_set() {
            codes.required(causes, "must be specified");
            continue;
        }
        codes.get("operator").one_of(causes, &["In", "NotIn"]);
        if codes.get("values").list().len() > MAX_EXIT_CODES {
            codes.get("values").too_many(causes, MAX_EXIT_CODES);
        }
    }
}
