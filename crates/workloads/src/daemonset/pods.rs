//! The Pods of a DaemonSet: for which node, what they tolerate.

use super::View;
use super::revisions::{GENERATION_LABEL, HASH_LABEL};
use crate::cache::Kind;
use crate::pods::pod_of;
use trueup_object::{Text, Value, value};

const REQUIRED: [&str; 3] = [
    "affinity",
    "nodeAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
];

/// What every Pod of a DaemonSet tolerates, besides what its template says.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// What Pods on the host's network tolerate besides.
const TOLERATED_ON_HOST: (&str, &str) = ("node.kubernetes.io/network-unavailable", "NoSchedule");

/// The specification of a DaemonSet's Pods, with what they tolerate.
pub(super) fn spec_of(set: &Value) -> Value {
    let spec = set.at(&["template", "spec"]).cloned();
    let mut spec = spec.unwrap_or_else(Value::map);
    let tolerations = spec.get("tolerations").and_then(Value::as_list);
    let mut tolerations = tolerations.map(<[Value]>::to_vec).unwrap_or_default();
    let on_host = spec.get("hostNetwork").and_then(Value::as_bool) == Some(true);
    let more = on_host.then_some(TOLERATED_ON_HOST);
    for (key, effect) in TOLERATED.into_iter().chain(more) {
        let toleration = value!({"key": key, "operator": "Exists", "effect": effect});
        let same = |other: &&mut Value| {
            ["key", "effect", "operator", "value"]
                .iter()
                .all(|key| other.get(key) == toleration.get(key))
        };
        match tolerations.iter_mut().find(same) {
            Some(known) => *known = toleration,
            None => tolerations.push(toleration),
        }
    }
    spec.set_at(&["tolerations"], tolerations.into());
    spec
}

/// The node that a Pod is on, or is made for.
pub(super) fn target_node(pod: &Value) -> Option<&str> {
    let node = pod.str_at(&["spec", "nodeName"]).unwrap_or_default();
    if !node.is_empty() {
        return Some(node);
    }
    let terms = pod
        .at(&["spec"])?
        .at(&REQUIRED)?
        .get("nodeSelectorTerms")?
        .as_list()?;
    let fields = terms
        .iter()
        .filter_map(|term| term.get("matchFields")?.as_list())
        .flatten();
    let mut named = fields.filter(|field| {
        field.str_at(&["key"]) == Some("metadata.name") && field.str_at(&["operator"]) == Some("In")
    });
    match named.next()?.get("values")?.as_list()? {
        [node] => node.as_str(),
        _ => None,
    }
}

impl View<'_> {
    /// The Pod for a node. It is bound by affinity, so that a scheduler binds
    /// it as any other.
    pub(super) fn new_pod(&self, node: &Text) -> Value {
        let mut template = self.spec.get("template").cloned().unwrap_or_default();
        let mut spec = self.pod_spec.clone();
        let terms = value!([{
            "matchFields": [{"key": "metadata.name", "operator": "In", "values": [(node.clone())]}],
        }]);
        let [affinity, of_node, required] = REQUIRED;
        spec.set_at(&[affinity, of_node, required, "nodeSelectorTerms"], terms);
        template.set_at(&["spec"], spec);
        let mut pod = pod_of(self.live, Kind::DaemonSet, &template, None);
        let prefix = format!("{}-", self.live.name());
        pod.set_at(&["metadata", "generateName"], prefix.into());
        let labels = [
            (GENERATION_LABEL, self.revisions.generation.clone()),
            (HASH_LABEL, Some(self.revisions.hash.clone())),
        ];
        for (label, text) in labels {
            if let Some(text) = text {
                pod.set_at(&["metadata", "labels", label], text.into());
            }
        }
        pod
    }
}
