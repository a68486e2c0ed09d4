//! The Pods of a StatefulSet: names, labels, volumes.

use super::View;
use super::revisions::REVISION_LABEL;
use crate::action::Action;
use crate::cache::Kind;
use crate::history;
use crate::pods::pod_of;
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value, value};

const NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// The number of a Pod among those of a set, by its name.
pub(super) fn ordinal_of(set: &str, pod: &LiveObject) -> Option<i64> {
    let (stem, number) = pod.name().rsplit_once('-')?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: i32 = number.parse().ok()?;
    (digits && stem == set).then(|| number.into())
}

/// The name of the Pod with a number.
pub(super) fn name_of(set: &LiveObject, number: i64) -> Text {
    format!("{}-{number}", set.name()).into()
}

impl View<'_> {
    /// The Pod with a number: below the partition of the current template,
    /// otherwise of the new one.
    pub(super) fn new_pod(&self, number: i64) -> Value {
        let revision = if self.stays_current(number) {
            self.revisions.current
        } else {
            self.revisions.update
        };
        let template = history::template_of(revision);
        let mut pod = pod_of(self.live, Kind::StatefulSet, &template, None);
        let name = name_of(self.live, number);
        pod.set_at(&["metadata", "name"], name.clone().into());
        let prefix = format!("{}-", self.live.name());
        pod.set_at(&["metadata", "generateName"], prefix.into());
        for (label, text) in [
            (REVISION_LABEL, revision.name().clone()),
            (NAME_LABEL, name.clone()),
            (INDEX_LABEL, number.to_string().into()),
        ] {
            pod.set_at(&["metadata", "labels", label], text.into());
        }
        pod.set_at(&["spec", "hostname"], name.into());
        let volumes = self.volumes(pod.at(&["spec", "volumes"]), number);
        if !volumes.is_empty() {
            pod.set_at(&["spec", "volumes"], volumes.into());
        }
        let service = self.spec.str_at(&["serviceName"]).unwrap_or_default();
        if !service.is_empty() {
            pod.set_at(&["spec", "subdomain"], service.into());
        }
        pod
    }

    fn stays_current(&self, number: i64) -> bool {
        let strategy = self.spec.get("updateStrategy");
        let rolling = strategy.and_then(|strategy| strategy.get("rollingUpdate"));
        match rolling {
            Some(rolling) => number < self.start + rolling.i64_at(&["partition"]).unwrap_or(0),
            None => {
                let kind = strategy.and_then(|strategy| strategy.str_at(&["type"]));
                let current = self.live.value().i64_at(&["status", "currentReplicas"]);
                kind == Some("RollingUpdate") && number < self.start + current.unwrap_or(0)
            }
        }
    }

    /// The volumes of a Pod: its claims hide those of the template that have
    /// their names.
    fn volumes(&self, own: Option<&Value>, number: i64) -> Vec<Value> {
        let templates = self.claim_templates();
        let named = |template: &Value| template.at(&["metadata", "name"]).cloned();
        let mut volumes: Vec<Value> = templates
            .iter()
            .map(|template| {
                value!({
                    "name": (named(template).unwrap_or_default()),
                    "persistentVolumeClaim": {"claimName": (self.claim_name(template, number))},
                })
            })
            .collect();
        let own = own.and_then(Value::as_list).unwrap_or_default();
        let hidden = |volume: &&Value| {
            templates
                .iter()
                .any(|it| named(it).as_ref() == volume.get("name"))
        };
        volumes.extend(own.iter().filter(|volume| !hidden(volume)).cloned());
        volumes
    }

    /// Gives a Pod back the labels that tell its identity, and its claims
    /// their owners.
    pub(super) fn repair(&self, number: i64, pod: &LiveObject) -> Vec<Action> {
        let mut actions = self.fix_claims(number, Some(pod));
        let name = pod.name();
        if pod.label(NAME_LABEL) != Some(name) {
            let labels: trueup_object::Map = [
                (NAME_LABEL, Value::from(name.clone())),
                (INDEX_LABEL, number.to_string().into()),
            ]
            .into_iter()
            .collect();
            let patch = value!({"metadata": {"labels": labels}});
            actions.push(self.told("Update", name, Action::merge(pod, patch)));
        }
        actions
    }
}
