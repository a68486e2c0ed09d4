//! What must hold after a schedule, and at times within it.

use super::fleet::{ARENA, Folder, Kind, id_of};
use super::ledger::{Place, Write};
use super::schedule::Schedule;
use crate::tests::world::condition;
use http::Method;
use std::collections::BTreeSet;
use std::time::Duration;
use trueup_cluster::{Form, LiveObject};
use trueup_object::Value;

const OWNER: &str = "kustomize.toolkit.fluxcd.io/name";
/// How long nothing may be asked for at rest: longer than every interval.
const REST: Duration = Duration::from_secs(4 * 60);
/// How often a field is corrected while another manager fights over it for
/// six minutes: three times until the brake holds, then at the interval, and
/// once more by a process that has just begun.
const CORRECTIONS: usize = 9;

impl Schedule {
    /// Everything is as Git says, nothing else was touched, and nobody did
    /// what was not theirs to do. Answers what does not hold.
    pub async fn check(mut self) -> Self {
        for folder in Folder::ALL {
            self.is_ready(folder).await;
        }
        for (place, kind) in [
            (Place::Near, Kind::Map),
            (Place::Near, Kind::Gadget),
            (Place::Far, Kind::Map),
        ] {
            self.holds_what_is_declared(place, kind).await;
        }
        self.foreign_is_untouched().await;
        self.writes_are_lawful();
        self.dependents_waited();
        self.no_revision_was_undone();
        self.inventories_list_what_was_declared();
        self.what_was_let_go_had_nothing_left();
        self.what_was_applied_was_listed();
        self.the_brake_held();
        self.at_rest_nothing_is_asked().await;
        self.changes_at_rest_are_answered_at_once().await;
        self
    }

    pub fn must(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(otherwise());
        }
    }

    async fn is_ready(&mut self, folder: Folder) {
        let name = folder.name();
        let status = self.ground.status(name).await;
        let ready = condition(&status, "Ready").map(|it| it.0);
        self.must(ready.as_deref() == Some("True"), || {
            format!("{name} is not ready: {ready:?}")
        });
        let applied = status.str_at(&["lastAppliedRevision"]).unwrap_or_default();
        let newest = self.revision.clone();
        self.must(applied == newest, || {
            format!("{name} has applied {applied}, not {newest}")
        });
        let (found, wanted) = (inventory(&status), self.fleet.inventory(folder));
        self.must(found == wanted, || {
            format!("the inventory of {name} is {found:?}, not {wanted:?}")
        });
    }

    /// Nothing is lost, nothing is left over, nothing differs.
    pub async fn holds_what_is_declared(&mut self, place: Place, kind: Kind) {
        let live = self.ground.objects(place, &kind.group_version_kind()).await;
        let mut wrong = Vec::new();
        let wanted = self.fleet.wanted(place, kind);
        for (name, (folder, fields)) in &wanted {
            let found = live
                .iter()
                .find(|it| it.name() == *name && it.reference().namespace == folder.namespace());
            let Some(found) = found else {
                wrong.push(format!("{name} is missing {place}"));
                continue;
            };
            if found.label(OWNER) != Some(folder.name()) {
                wrong.push(format!("{name} belongs to {:?}", found.label(OWNER)));
            }
            let is = texts(found.value().get(kind.fields()));
            let should: BTreeSet<_> = fields.iter().map(|(a, b)| (a.clone(), b.clone())).collect();
            if is != should {
                wrong.push(format!("{name} {place} holds {is:?}, not {should:?}"));
            }
        }
        for object in &live {
            let is_wanted = wanted.contains_key(object.name().as_str());
            if !is_wanted && !self.is_foreign(place, object) && !self.is_let_go(place, object) {
                wrong.push(format!("{} is left over {place}", object.name()));
            }
        }
        self.violations.extend(wrong);
    }

    /// Objects that lost their owner before they left the source are no
    /// longer ours to delete.
    fn is_let_go(&self, place: Place, object: &LiveObject) -> bool {
        let name = object.name().to_string();
        object.label(OWNER).is_none() && self.stripped.contains(&(place, name))
    }

    async fn foreign_is_untouched(&mut self) {
        let mut wrong = Vec::new();
        for (place, object) in &self.foreign {
            let admin = self.ground.admin_of(*place);
            let now = admin.find(object.reference(), Form::Full).await.unwrap();
            let version = now.as_ref().map(LiveObject::resource_version);
            if version != Some(object.resource_version()) {
                wrong.push(format!("{} {place} was touched", object.name()));
            }
        }
        self.violations.extend(wrong);
    }

    /// Whatever the cluster has of us stands in an inventory, at any moment.
    pub async fn nothing_is_forgotten(&mut self) {
        let mut seen = Vec::new();
        for (place, kind) in [
            (Place::Near, Kind::Map),
            (Place::Near, Kind::Gadget),
            (Place::Far, Kind::Map),
        ] {
            let live = self.ground.objects(place, &kind.group_version_kind()).await;
            seen.extend(live.into_iter().map(|object| (place, object)));
        }
        for (place, object) in seen {
            if self.is_foreign(place, &object) {
                continue;
            }
            let Some(owner) = object.label(OWNER).map(str::to_owned) else {
                continue;
            };
            let status = self.ground.status(&owner).await;
            if inventory(&status).contains(&id_of(object.reference())) {
                continue;
            }
            // Whoever still runs may have deleted it, or given it to another.
            let admin = self.ground.admin_of(place);
            let now = admin.find(object.reference(), Form::Full).await.unwrap();
            let stays = now.is_some_and(|now| {
                now.uid() == object.uid()
                    && now.label(OWNER) == Some(&owner)
                    && now.deletion_timestamp().is_none()
            });
            self.must(!stays, || {
                format!(
                    "{} {place} is not in the inventory of {owner}",
                    object.name()
                )
            });
        }
    }

    /// Every write was by who led, as whom it should be, and of what Git
    /// declares or declared.
    fn writes_are_lawful(&mut self) {
        let writes = self.ground.ledger.writes();
        let wrong: Vec<String> = writes
            .iter()
            .filter_map(|write| Some(format!("{}: {write}", self.offence(write)?)))
            .collect();
        self.violations.extend(wrong);
    }

    fn offence(&self, write: &Write) -> Option<&'static str> {
        if write.led == Some(false) {
            return Some("written without the lease");
        }
        if !write.is_content() {
            return None;
        }
        let (place, name) = (write.place, write.target.name.clone());
        let was_left =
            self.fleet.left.contains(&(place, name.clone())) || self.is_of_removed(write);
        if write.method == Method::DELETE && !was_left {
            return Some("deleted although it was always declared");
        }
        if Self::is_nobodys(write) {
            return Some("deleted although it belongs to nobody");
        }
        if self.is_anothers(write) {
            return Some("deleted although it belongs to another that declares it");
        }
        let folder = folder_of(&name);
        let account = folder.and_then(|folder| self.traits.account(folder));
        if folder.is_some() && write.impersonated != account {
            return Some("written as somebody else");
        }
        if !write.took_effect() {
            return None;
        }
        if !self.fleet.known.contains(&(place, name)) {
            return Some("written although it never was declared there");
        }
        let is_elsewhere =
            folder.is_some_and(|folder| folder.namespace() != write.target.namespace);
        is_elsewhere.then_some("written outside of the tenant's rights")
    }

    /// Whether a map is deleted that somebody has taken the owner from. Where
    /// nobody got an answer it may have gone before; whose a gadget is, nobody
    /// can read while its definition comes or goes.
    fn is_nobodys(write: &Write) -> bool {
        let is_map = write.target.resource == "configmaps";
        let is_deleted =
            write.method == Method::DELETE && write.code.is_some_and(|code| code.is_success());
        is_deleted && is_map && write.owner.is_none()
    }

    /// Whether an object is deleted that belongs, by its labels, to a
    /// Kustomization that has wanted it ever since it first did: then it is
    /// deleted by one that does not own it any more.
    fn is_anothers(&self, write: &Write) -> bool {
        let owner = write.owner.as_deref();
        let owner = Folder::ALL.into_iter().find(|it| Some(it.name()) == owner);
        write.method == Method::DELETE
            && write.took_effect()
            && !self.is_of_removed(write)
            && owner.is_some_and(|owner| self.fleet.always_declared(owner, &write.target.name))
    }

    /// Whether an object belongs to a Kustomization that was deleted once.
    fn is_of_removed(&self, write: &Write) -> bool {
        let owner = match &write.owner {
            Some(owner) => owner,
            None => write.target.name.split('-').next().unwrap_or_default(),
        };
        self.removed.iter().any(|folder| folder.name() == owner)
    }

    /// A fight over one field is not fought all day.
    fn the_brake_held(&mut self) {
        let Some(from) = self.fought_from else {
            return;
        };
        let writes = self.ground.ledger.writes();
        let corrections = writes[from..]
            .iter()
            .filter(|it| it.target.name == ARENA && it.place == Place::Near && it.took_effect())
            .count();
        self.must(corrections <= CORRECTIONS, || {
            format!("{ARENA} was corrected {corrections} times in one fight")
        });
    }

    async fn at_rest_nothing_is_asked(&mut self) {
        for place in [Place::Near, Place::Far] {
            let before = self.ground.ledger.asked(place);
            let writes = self.ground.ledger.writes().len();
            tokio::time::sleep(REST).await;
            let asked = self.ground.ledger.asked(place) - before;
            let more: Vec<String> = self.ground.ledger.writes()[writes..]
                .iter()
                .filter(|write| write.target.resource != "leases")
                .map(ToString::to_string)
                .collect();
            self.must(asked == 0 && more.is_empty(), || {
                format!("at rest {asked} requests {place}, of them writes: {more:#?}")
            });
        }
    }
}

/// The folder of an object that is written as an account. Others may move
/// between folders.
fn folder_of(name: &str) -> Option<Folder> {
    [Folder::Tenant, Folder::Far]
        .into_iter()
        .find(|folder| name.split('-').next() == Some(folder.name()))
}

pub fn inventory(status: &Value) -> BTreeSet<String> {
    let entries = status
        .at(&["inventory", "entries"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| entry.str_at(&["id"]))
        .map(str::to_owned)
        .collect()
}

/// A map of texts, but for what somebody added by hand.
fn texts(value: Option<&Value>) -> BTreeSet<(String, String)> {
    let Some(Value::Map(map)) = value else {
        return BTreeSet::new();
    };
    map.iter()
        .filter(|(key, _)| key.as_str() != "extra")
        .map(|(key, value)| {
            let text = value.as_str().unwrap_or_default();
            (key.to_string(), text.to_owned())
        })
        .collect()
}
