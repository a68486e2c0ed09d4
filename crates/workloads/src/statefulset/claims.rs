//! The PersistentVolumeClaims of a StatefulSet's Pods.

use super::{COMPONENT, View, pods};
use crate::action::Action;
use crate::cache::{Key, Kind};
use crate::claim::owners_of;
use crate::note::{ERROR, Note};
use crate::pods::owner_reference;
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value, value};

impl<'a> View<'a> {
    pub(super) fn claim_templates(&self) -> &'a [Value] {
        let templates = self.spec.get("volumeClaimTemplates");
        templates.and_then(Value::as_list).unwrap_or_default()
    }

    pub(super) fn claim_name(&self, template: &Value, number: i64) -> Text {
        let volume = template.str_at(&["metadata", "name"]).unwrap_or_default();
        format!("{volume}-{}-{number}", self.live.name()).into()
    }

    fn claim(&self, template: &Value, number: i64) -> Option<&'a LiveObject> {
        self.cache.get(&Key {
            kind: Kind::PersistentVolumeClaim,
            namespace: self.live.namespace().clone(),
            name: self.claim_name(template, number),
        })
    }

    fn claims(&self, number: i64) -> impl Iterator<Item = &'a LiveObject> {
        let templates = self.claim_templates().iter();
        templates.filter_map(move |template| self.claim(template, number))
    }

    /// Creates the claims of a number that are not there.
    pub(super) fn missing_claims(&self, number: i64) -> Vec<Action> {
        self.claim_templates()
            .iter()
            .filter(|template| self.claim(template, number).is_none())
            .map(|template| self.claim_creation(template, number))
            .collect()
    }

    /// Whether a claim of a number is about to go; its Pod waits.
    pub(super) fn has_ending_claim(&self, number: i64) -> bool {
        let mut claims = self.claims(number);
        claims.any(|claim| claim.deletion_timestamp().is_some())
    }

    /// Whether a claim still belongs to an earlier Pod of this number and goes
    /// with that.
    pub(super) fn has_stale_claim(&self, number: i64) -> bool {
        let pod = pods::name_of(self.live, number);
        self.goes("whenScaled")
            && self.claims(number).any(|claim| {
                owners_of(claim)
                    .iter()
                    .any(|owner| is_named(owner, "v1", "Pod", &pod))
            })
    }

    fn claim_creation(&self, template: &Value, number: i64) -> Action {
        let mut claim = template.clone();
        claim.remove_at(&["status"]);
        let name = self.claim_name(template, number);
        claim.set_at(&["apiVersion"], "v1".into());
        claim.set_at(&["kind"], "PersistentVolumeClaim".into());
        claim.set_at(&["metadata", "name"], name.clone().into());
        let namespace = self.live.namespace().clone();
        claim.set_at(&["metadata", "namespace"], namespace.into());
        let labels = self.spec.at(&["selector", "matchLabels"]);
        for (key, text) in labels.and_then(Value::as_map).into_iter().flatten() {
            claim.set_at(&["metadata", "labels", key], text.clone());
        }
        let owners = self.due_owners(number, None);
        if !owners.is_empty() {
            claim.set_at(&["metadata", "ownerReferences"], owners.into());
        }
        let (pod, set) = (pods::name_of(self.live, number), self.live.name());
        let done = format!("Create Claim {name} Pod {pod} in StatefulSet {set} success");
        let failed =
            format!("Create Claim {name} for Pod {pod} in StatefulSet {set} failed error: {ERROR}");
        Action::Create(claim).told_either(
            Note::normal(COMPONENT, self.live, "SuccessfulCreate", done),
            Note::warning(COMPONENT, self.live, "FailedCreate", failed),
        )
    }

    /// Whether claims go on this occasion rather than stay.
    fn goes(&self, occasion: &str) -> bool {
        let path = ["persistentVolumeClaimRetentionPolicy", occasion];
        self.spec.str_at(&path) == Some("Delete")
    }

    /// The owners with which the claims of a number go: the Pod once it is
    /// beyond the set's size, the set otherwise.
    fn due_owners(&self, number: i64, pod: Option<&LiveObject>) -> Vec<Value> {
        let condemned = self.is_condemned(number);
        let set = owner_reference(self.live, Kind::StatefulSet);
        match (self.goes("whenScaled"), self.goes("whenDeleted")) {
            (true, _) if condemned => pod
                .map(|pod| owner_reference(pod, Kind::Pod))
                .into_iter()
                .collect(),
            (_, true) => vec![set],
            _ => Vec::new(),
        }
    }

    /// Gives the claims of Pods that should not be there their owners.
    pub(super) fn fix_condemned_claims(&self) -> Vec<Action> {
        self.condemned()
            .flat_map(|(number, pod)| self.fix_claims(*number, Some(pod)))
            .collect()
    }

    /// Gives the claims of a number the owners that the retention policy
    /// wants. Claims of an earlier owner of the same name, or of another
    /// controller, are left alone.
    pub(super) fn fix_claims(&self, number: i64, pod: Option<&LiveObject>) -> Vec<Action> {
        let due = self.due_owners(number, pod);
        let pod_name = pods::name_of(self.live, number);
        let ours = |owner: &Value| {
            is_named(owner, "apps/v1", "StatefulSet", self.live.name())
                || is_named(owner, "v1", "Pod", &pod_name)
        };
        let uids = [Some(self.live.uid()), pod.map(LiveObject::uid)];
        let is_known = |owner: &Value| {
            let uid = owner.str_at(&["uid"]);
            uids.iter()
                .flatten()
                .any(|known| Some(known.as_str()) == uid)
        };
        self.claims(number)
            .filter_map(|claim| {
                let (mine, others): (Vec<Value>, Vec<Value>) =
                    owners_of(claim).iter().cloned().partition(ours);
                let stale = mine.iter().any(|owner| !is_known(owner));
                let controlled = others
                    .iter()
                    .any(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true));
                if stale || controlled || mine == due {
                    return None;
                }
                let owners: Vec<Value> = others.into_iter().chain(due.clone()).collect();
                let patch = value!({"metadata": {"ownerReferences": owners}});
                Some(Action::merge(claim, patch))
            })
            .collect()
    }
}

fn is_named(owner: &Value, api_version: &str, kind: &str, name: &str) -> bool {
    owner.str_at(&["apiVersion"]) == Some(api_version)
        && owner.str_at(&["kind"]) == Some(kind)
        && owner.str_at(&["name"]) == Some(name)
}
