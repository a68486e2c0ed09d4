//! Pods and pod templates, in the order in which the API server looks at
//! them.

mod affinity;
mod containers;
mod environment;
mod network;
mod probes;
mod projected;
pub(super) mod resources;
mod scheduling;
mod security;
mod sources;
mod updates;
mod volumes;

pub(super) use affinity::{label_selector, node_selector};
pub(super) use scheduling::{taint_effect, tolerations};
pub(super) use sources::{common as common_source, csi_driver, host_path, nfs, secret_reference};
pub(super) use updates::{ephemeral_update, update};

use super::at::{At, Causes};
use super::text_rules::config_key_errors;
use crate::core::status::Cause;
use trueup_object::Value;
use volumes::Volumes;

/// What a pod spec belongs to: some rules are for Pods alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder<'a> {
    /// A Pod, with its name.
    Pod(&'a str),
    /// A template.
    Template,
}

/// A new Pod.
pub(super) fn created(object: &Value) -> Causes {
    let mut causes = pod(object);
    let spec = At::root(object).get("spec");
    if !spec.get("ephemeralContainers").is_empty() {
        spec.get("ephemeralContainers")
            .forbidden(&mut causes, "cannot be set on create");
    }
    if !spec.get("nodeName").text().is_empty() && !spec.get("schedulingGates").is_empty() {
        spec.get("nodeName").forbidden(
            &mut causes,
            "cannot be set until all schedulingGates have been cleared",
        );
    }
    causes
}

/// A Pod, new or changed.
pub(super) fn pod(object: &Value) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    let annotations = root.at(&["metadata", "annotations"]);
    pod_annotations(&mut causes, &annotations, &root.get("spec"));
    let name = root.at(&["metadata", "name"]);
    pod_spec(&mut causes, &root.get("spec"), Holder::Pod(name.text()));
    tokens_without_account(&mut causes, &root.get("spec"));
    for kind in ["containers", "initContainers"] {
        for container in root.get("spec").get(kind).items() {
            image_whitespace(&mut causes, &container);
        }
    }
    causes
}

/// A template of Pods that get a volume for each claim template beside their
/// own.
pub(super) fn template_with_claims(causes: &mut Causes, template: &At<'_>, claims: &At<'_>) {
    let claimed = claims
        .items()
        .map(|claim| claim.at(&["metadata", "name"]).text());
    template_with(causes, template, claimed.collect());
}

/// A template of Pods.
pub(super) fn template(causes: &mut Causes, template: &At<'_>) {
    template_with(causes, template, Vec::new());
}

fn template_with<'a>(causes: &mut Causes, template: &At<'a>, claimed: Vec<&'a str>) {
    let metadata = template.get("metadata");
    let labels = metadata.get("labels").called(template.child("labels"));
    labels.labels(causes);
    let annotations = metadata
        .get("annotations")
        .called(template.child("annotations"));
    annotations.annotations(causes);
    let spec = template.get("spec");
    pod_annotations(causes, &annotations, &spec);
    spec_with_claims(causes, &spec, Holder::Template, claimed);
    if !spec.get("ephemeralContainers").is_empty() {
        spec.get("ephemeralContainers")
            .forbidden(causes, "ephemeral containers not allowed in pod template");
    }
}

const MIRROR: &str = "kubernetes.io/config.mirror";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Annotations that mean something to Pods.
fn pod_annotations(causes: &mut Causes, annotations: &At<'_>, spec: &At<'_>) {
    for (key, annotation) in annotations.entries() {
        let no_node = spec.get("nodeName").text().is_empty();
        if key == MIRROR && no_node {
            annotation.invalid(
                causes,
                "must set spec.nodeName if mirror pod annotation is set",
            );
        }
        if key == DELETION_COST && !is_whole_number(annotation.text()) {
            annotation.invalid(causes, "must be a 32bit integer");
        }
    }
}

/// A 32-bit number in its plain form: no sign but minus, no leading zeros.
fn is_whole_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.len() == 1 || !digits.starts_with('0');
    plain && !text.starts_with('+') && text.parse::<i32>().is_ok()
}

fn image_whitespace(causes: &mut Causes, container: &At<'_>) {
    let image = container.get("image");
    if image.text().trim() != image.text() {
        image.invalid(causes, "must not have leading or trailing whitespace");
    }
}

fn tokens_without_account(causes: &mut Causes, spec: &At<'_>) {
    if !spec.get("serviceAccountName").text().is_empty() {
        return;
    }
    for volume in spec.get("volumes").items() {
        for source in volume.at(&["projected", "sources"]).items() {
            let token = source.get("serviceAccountToken");
            if token.is_set() {
                token.forbidden(
                    causes,
                    "must not be specified when serviceAccountName is not set",
                );
            }
        }
    }
}

fn pod_spec(causes: &mut Causes, spec: &At<'_>, holder: Holder<'_>) {
    spec_with_claims(causes, spec, holder, Vec::new());
}

fn spec_with_claims<'a>(
    causes: &mut Causes,
    spec: &At<'a>,
    holder: Holder<'_>,
    claimed: Vec<&'a str>,
) {
    let grace = spec.get("terminationGracePeriodSeconds");
    if !grace.is_set() {
        grace.required(causes, "");
    }
    let volumes = Volumes::check(causes, &spec.get("volumes"), holder, claimed);
    resources::pod_claims(causes, &spec.get("resourceClaims"));
    containers::all(causes, spec, &volumes);
    resources::pod_level(causes, spec);
    network::host_ports(causes, spec, holder);
    spec.get("restartPolicy")
        .required_one_of(causes, &["Always", "OnFailure", "Never"]);
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    spec.get("dnsPolicy").required_one_of(causes, &policies);
    spec.get("nodeSelector").labels(causes);
    security::pod(causes, spec);
    affinity::all(causes, &spec.get("affinity"));
    network::dns_config(causes, spec);
    scheduling::gates(causes, spec);
    scheduling::spread(causes, &spec.get("topologySpreadConstraints"));
    security::host_users(causes, spec);
    network::hostname_override(causes, spec);
    names(causes, spec);
    tolerations(causes, &spec.get("tolerations"));
    network::host_aliases(causes, &spec.get("hostAliases"));
    scheduling::classes(causes, spec);
    resources::overhead(causes, &spec.get("overhead"));
    security::operating_system(causes, spec);
    environment::file_volumes(causes, spec);
}

fn names(causes: &mut Causes, spec: &At<'_>) {
    spec.get("serviceAccountName").optional_subdomain(causes);
    spec.get("nodeName").optional_subdomain(causes);
    spec.get("activeDeadlineSeconds")
        .within(causes, 1, i64::from(i32::MAX));
    for key in ["hostname", "subdomain"] {
        if !spec.get(key).text().is_empty() {
            spec.get(key).dns_label(causes);
        }
    }
}

/// The containers of every kind, in the order in which they are visited.
fn every_container<'a>(spec: &At<'a>) -> impl Iterator<Item = At<'a>> + use<'a> {
    let lists = ["initContainers", "containers", "ephemeralContainers"].map(|kind| spec.get(kind));
    lists.into_iter().flat_map(|list| list.items())
}

/// A reference to a key of a ConfigMap or Secret.
fn key_selector(causes: &mut Causes, reference: &At<'_>) {
    reference.get("name").dns_subdomain(causes);
    let key = reference.get("key");
    if key.text().is_empty() {
        key.required(causes, "");
    } else {
        key.rules(causes, config_key_errors(key.text()));
    }
}

/// A cause whose value is not the one at its field.
fn invalid(causes: &mut Causes, path: impl Into<String>, value: &str, detail: &str) {
    causes.push(Cause::invalid(path, format!("{value:?}"), detail));
}
