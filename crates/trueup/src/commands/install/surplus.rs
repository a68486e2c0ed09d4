//! What an earlier version of an installation had, and this one has not.

use super::super::installation::{self, Installed};
use crate::commands::Failure;
use crate::{document, progress};
use std::collections::BTreeSet;
use trueup_cluster::{Deletion, Form, Persist, Scope, Session};
use trueup_kinds::InstallManifests;
use trueup_object::{GroupVersionKind, ObjectRef};

/// Deletes it: found by our labels, not by what we remember. A definition goes
/// only when nothing of its kind is left, since its objects would go with it.
pub async fn delete(
    session: &Session,
    manifests: &InstallManifests,
    namespace: &str,
    persist: Persist,
) -> Result<(), Failure> {
    let wanted: BTreeSet<ObjectRef> = manifests.iter().filter_map(ObjectRef::of).collect();
    for object in installation::components(session, namespace).await? {
        if !wanted.contains(&object.reference) {
            delete_one(session, &object, persist).await?;
        }
    }
    for object in installation::definitions(session).await? {
        if wanted.contains(&object.reference) {
            continue;
        }
        match objects_left(session, &object).await? {
            0 => delete_one(session, &object, persist).await?,
            left => progress::waiting(&format!(
                "{} is not part of this version; it stays because {left} objects of its kind exist",
                object.reference
            )),
        }
    }
    Ok(())
}

async fn delete_one(
    session: &Session,
    object: &Installed,
    persist: Persist,
) -> Result<(), Failure> {
    let deletion = session
        .delete(&object.reference, &object.deletion(persist))
        .await;
    match deletion {
        Ok(Deletion::Gone | Deletion::Pending(_)) => {
            let mark = super::super::dry_run_mark(persist);
            document::print(&format!("{} deleted{mark}\n", object.reference))
        }
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// How many objects of a definition's kind there are.
async fn objects_left(session: &Session, definition: &Installed) -> Result<usize, Failure> {
    let live = session.get(&definition.reference, Form::Full).await?;
    let text = |path: &[&str]| live.value().str_at(path).unwrap_or_default().to_owned();
    let versions = live.value().at(&["spec", "versions"]);
    let served = versions
        .and_then(trueup_object::Value::as_list)
        .unwrap_or_default()
        .iter()
        .find(|version| {
            version
                .get("served")
                .and_then(trueup_object::Value::as_bool)
                == Some(true)
        });
    let Some(version) = served.and_then(|version| version.str_at(&["name"])) else {
        return Ok(0);
    };
    let api_version = format!("{}/{version}", text(&["spec", "group"]));
    let kind = GroupVersionKind::new(&api_version, &text(&["spec", "names", "kind"]));
    Ok(session
        .list(&kind, &Scope::all(), Form::Metadata)
        .await?
        .objects
        .len())
}
