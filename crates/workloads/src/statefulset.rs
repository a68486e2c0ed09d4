//! What a StatefulSet wants of its Pods: numbered, one after the other.

use crate::action::{Action, Decision};
use crate::cache::{Cache, Kind};
use crate::conditions::changes;
use crate::decide::Setting;
use crate::pods::{hash_of, is_ready, pod_of, tally};
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value, value};

const REVISION_LABEL: &str = "controller-revision-hash";
const NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// Decides about one StatefulSet.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let spec = live.value().get("spec").cloned().unwrap_or_default();
    let template = spec.get("template").cloned().unwrap_or_default();
    let revision: Text = format!("{}-{}", live.name(), hash_of(&template, 0)).into();
    let mut pods: Vec<(i64, &LiveObject)> = cache
        .controlled_by(live.uid(), Kind::Pod)
        .filter_map(|pod| Some((ordinal(live, pod)?, pod)))
        .collect();
    pods.sort_by_key(|(ordinal, _)| *ordinal);
    let replicas = spec.i64_at(&["replicas"]).unwrap_or(1);
    let mut decision = Decision::nothing();
    if live.deletion_timestamp().is_none() {
        let parallel = spec.str_at(&["podManagementPolicy"]) == Some("Parallel");
        let steps = if parallel { usize::MAX } else { 1 };
        let next = Next {
            live,
            template: &template,
            revision: &revision,
            pods: &pods,
            setting,
        };
        decision.actions = next.actions(replicas, steps);
        if decision.actions.is_empty() && on_delete(&spec) {
            decision.actions = Vec::new();
        } else if decision.actions.is_empty() {
            decision.actions = next.update().into_iter().collect();
        }
    }
    let status = status_of(live, &pods, &revision, replicas, setting, &mut decision);
    if let Some(status) = changes(live.value().get("status"), &status) {
        decision.actions.push(Action::MergeStatus {
            reference: live.reference().clone(),
            resource_version: live.resource_version().clone(),
            status,
        });
    }
    decision
}

fn on_delete(spec: &Value) -> bool {
    spec.str_at(&["updateStrategy", "type"]) == Some("OnDelete")
}

fn ordinal(live: &LiveObject, pod: &LiveObject) -> Option<i64> {
    pod.name()
        .strip_prefix(live.name().as_str())?
        .strip_prefix('-')?
        .parse()
        .ok()
}

struct Next<'a> {
    live: &'a LiveObject,
    template: &'a Value,
    revision: &'a Text,
    pods: &'a [(i64, &'a LiveObject)],
    setting: &'a Setting,
}

impl Next<'_> {
    /// Makes what is missing, lowest first, each once those before are ready;
    /// deletes what is too many, highest first.
    fn actions(&self, replicas: i64, steps: usize) -> Vec<Action> {
        let find = |number: i64| self.pods.iter().find(|(ordinal, _)| *ordinal == number);
        let (mut actions, mut made) = (Vec::new(), 0);
        for number in 0..replicas {
            match find(number) {
                None => {
                    actions.extend(self.claims(number).map(Action::Create));
                    actions.push(Action::Create(self.pod(number)));
                    made += 1;
                }
                Some((_, pod)) if steps == 1 && !is_ready(pod.value()) => return actions,
                Some(_) => {}
            }
            if made >= steps {
                return actions;
            }
        }
        let surplus = self
            .pods
            .iter()
            .rev()
            .filter(|(ordinal, _)| *ordinal >= replicas);
        for (_, pod) in surplus {
            if pod.deletion_timestamp().is_none() {
                actions.push(delete(pod));
            }
            if actions.len() >= steps || steps == 1 {
                return actions;
            }
        }
        actions
    }

    /// Deletes the highest Pod of an older template, when all are ready.
    fn update(&self) -> Option<Action> {
        if !self
            .pods
            .iter()
            .all(|(_, pod)| is_ready(pod.value()) && pod.deletion_timestamp().is_none())
        {
            // A Pod that can't become ready may be of the older template: that one goes first.
            let stuck = self.pods.iter().rev().find(|(_, pod)| {
                !is_ready(pod.value())
                    && pod.deletion_timestamp().is_none()
                    && pod.label(REVISION_LABEL) != Some(self.revision)
            });
            return stuck.map(|(_, pod)| delete(pod));
        }
        let old = self
            .pods
            .iter()
            .rev()
            .find(|(_, pod)| pod.label(REVISION_LABEL) != Some(self.revision));
        old.map(|(_, pod)| delete(pod))
    }

    fn claim_templates(&self) -> &[Value] {
        let templates = self.live.value().at(&["spec", "volumeClaimTemplates"]);
        templates.and_then(Value::as_list).unwrap_or_default()
    }

    fn claim_name(&self, template: &Value, number: i64) -> String {
        let volume = template.str_at(&["metadata", "name"]).unwrap_or_default();
        format!("{volume}-{}-{number}", self.live.name())
    }

    /// The claims of a Pod. They stay when it goes.
    fn claims(&self, number: i64) -> impl Iterator<Item = Value> {
        let labels = self.live.value().at(&["spec", "selector", "matchLabels"]);
        self.claim_templates().iter().map(move |template| {
            let mut claim = template.clone();
            claim.remove_at(&["status"]);
            claim.set_at(&["apiVersion"], "v1".into());
            claim.set_at(&["kind"], "PersistentVolumeClaim".into());
            let name = self.claim_name(template, number);
            claim.set_at(&["metadata", "name"], name.into());
            claim.set_at(
                &["metadata", "namespace"],
                self.live.namespace().clone().into(),
            );
            for (key, text) in labels.and_then(Value::as_map).into_iter().flatten() {
                claim.set_at(&["metadata", "labels", key], text.clone());
            }
            claim
        })
    }

    /// The volumes of a Pod: its claims hide those of the template that have
    /// their names.
    fn volumes(&self, number: i64) -> Vec<Value> {
        let claims = self.claim_templates();
        let named = |template: &Value| template.at(&["metadata", "name"]).cloned();
        let mut volumes: Vec<Value> = claims
            .iter()
            .map(|template| {
                value!({
                    "name": (named(template).unwrap_or_default()),
                    "persistentVolumeClaim": {"claimName": (self.claim_name(template, number))},
                })
            })
            .collect();
        let own = self.template.at(&["spec", "volumes"]);
        let own = own.and_then(Value::as_list).unwrap_or_default();
        let hidden = |volume: &&Value| {
            claims
                .iter()
                .any(|it| named(it).as_ref() == volume.get("name"))
        };
        volumes.extend(own.iter().filter(|volume| !hidden(volume)).cloned());
        volumes
    }

    fn pod(&self, number: i64) -> Value {
        let name = format!("{}-{number}", self.live.name());
        let mut pod = pod_of(
            self.live,
            Kind::StatefulSet,
            self.template,
            self.setting.node_for_new_pods(),
        );
        pod.set_at(&["metadata", "name"], name.clone().into());
        let prefix = format!("{}-", self.live.name());
        pod.set_at(&["metadata", "generateName"], prefix.into());
        for (label, text) in [
            (REVISION_LABEL, self.revision.clone()),
            (NAME_LABEL, name.clone().into()),
            (INDEX_LABEL, number.to_string().into()),
        ] {
            pod.set_at(&["metadata", "labels", label], text.into());
        }
        pod.set_at(&["spec", "hostname"], name.into());
        if !self.claim_templates().is_empty() {
            pod.set_at(&["spec", "volumes"], self.volumes(number).into());
        }
        if let Some(service) = self.live.value().at(&["spec", "serviceName"]) {
            pod.set_at(&["spec", "subdomain"], service.clone());
        }
        pod
    }
}

fn delete(pod: &LiveObject) -> Action {
    Action::Delete {
        reference: pod.reference().clone(),
        uid: pod.uid().clone(),
    }
}

fn status_of(
    live: &LiveObject,
    pods: &[(i64, &LiveObject)],
    revision: &Text,
    replicas: i64,
    setting: &Setting,
    decision: &mut Decision,
) -> Value {
    let min_ready_s = live
        .value()
        .i64_at(&["spec", "minReadySeconds"])
        .unwrap_or(0);
    let counts = tally(pods.iter().map(|(_, pod)| *pod), min_ready_s, setting.now);
    decision.wake(counts.next);
    let of_revision = |revision: &str| {
        let count = pods
            .iter()
            .filter(|(_, pod)| pod.label(REVISION_LABEL) == Some(revision))
            .count();
        i64::try_from(count).unwrap_or(i64::MAX)
    };
    let updated = of_revision(revision);
    let before = live
        .value()
        .str_at(&["status", "currentRevision"])
        .map(Text::from);
    // The update is over when every Pod is of the new revision and ready.
    let over = updated == replicas && counts.ready == replicas && counts.total == replicas;
    let current = before
        .filter(|before| !over && !before.is_empty())
        .unwrap_or_else(|| revision.clone());
    value!({
        "observedGeneration": (live.generation()),
        "replicas": (counts.total),
        "readyReplicas": (counts.ready),
        "availableReplicas": (counts.available),
        "currentReplicas": (of_revision(&current)),
        "updatedReplicas": updated,
        "currentRevision": current,
        "updateRevision": (revision.clone()),
        "collisionCount": 0,
    })
}
