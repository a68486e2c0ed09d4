//! Keeping the statuses of ResourceQuotas: anew when what they limit changes,
//! and when something that they count may have gone.

use super::actor::{Actor, path};
use super::follow::{Seen, What};
use crate::core::admission::quota::recount;
use crate::core::{GroupResource, Stored};
use trueup_object::Text;

/// The namespace whose quotas are to be counted anew, if what was seen may
/// have changed their counts. What is made was counted when it was admitted.
pub fn concerned(seen: &Seen) -> Option<Text> {
    let object = seen.object()?;
    let gone = matches!(seen.what, What::Gone(_));
    let counts_anew = match (seen.resource.group.as_str(), seen.resource.plural.as_str()) {
        ("", "resourcequotas") => {
            let limits = |part| object.value().at(&[part, "hard"]);
            gone || limits("spec") != limits("status")
                || object.value().at(&["status", "used"]).is_none()
        }
        ("", "pods") => gone || has_ended(object),
        ("", "services" | "persistentvolumeclaims") => true,
        _ => gone,
    };
    let namespace = &object.key.namespace;
    (counts_anew && !namespace.is_empty()).then(|| namespace.clone())
}

fn has_ended(pod: &Stored) -> bool {
    matches!(
        pod.value().str_at(&["status", "phase"]),
        Some("Succeeded" | "Failed")
    )
}

/// Counts the quotas of a namespace.
pub fn count(actor: &Actor<'_>, namespace: &str) {
    let resource = GroupResource {
        group: Text::new(),
        plural: "resourcequotas".into(),
    };
    for quota in actor.core.store().list(&resource, namespace).objects {
        let Some(status) = recount(actor.core, &quota, actor.now) else {
            continue;
        };
        let Some(row) = actor.row(&resource) else {
            continue;
        };
        let mut object = quota.value().clone();
        object.set_at(&["status"], status);
        let target = format!("{}/status", path(&row, namespace, &quota.key.name));
        let answer = actor.send("PUT", &target, Some(("application/json", &object)));
        actor.done("count", &target, answer);
    }
}
