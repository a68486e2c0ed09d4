//! What changes when all is at rest is answered at once: nobody waits for the
//! next interval.

use super::fleet::{ARENA, Folder, Kind};
use super::ledger::Place;
use super::schedule::Schedule;
use std::time::Duration;
use trueup_cluster::{DeleteOptions, Patch, WriteOptions};
use trueup_object::{ObjectRef, Text, value};

/// How soon, in virtual time: much sooner than at any interval.
const AT_ONCE: Duration = Duration::from_secs(10);

impl Schedule {
    /// A field that somebody changes, an object that somebody deletes, and a
    /// token that is replaced.
    pub async fn changes_at_rest_are_answered_at_once(&mut self) {
        let ours = self.one_of_each_folder();
        for (place, object) in &ours {
            let patch = Patch::Merge(value!({"data": {"k0": "by hand"}}));
            let options = WriteOptions::new("late-person");
            let admin = self.ground.admin_of(*place);
            admin.patch(object, &patch, &options).await.unwrap();
        }
        self.soon_all_is_as_declared().await;
        for (place, object) in &ours {
            let admin = self.ground.admin_of(*place);
            let options = DeleteOptions::default();
            admin.delete(object, &options).await.unwrap();
        }
        self.soon_all_is_as_declared().await;
        self.a_new_token_is_used_at_once().await;
    }

    /// A map of each folder that declares one, but for the one that was fought
    /// over.
    fn one_of_each_folder(&self) -> Vec<(Place, ObjectRef)> {
        let one_of = |folder: Folder| {
            let wanted = self.fleet.wanted(folder.place(), Kind::Map);
            let own = |(name, (of, _)): &(&&str, &(Folder, _))| **name != ARENA && *of == folder;
            let (name, _) = wanted.iter().find(own)?;
            let object = ObjectRef {
                kind: Kind::Map.group_version_kind(),
                namespace: folder.namespace().into(),
                name: Text::from(*name),
            };
            Some((folder.place(), object))
        };
        Folder::ALL.into_iter().filter_map(one_of).collect()
    }

    async fn soon_all_is_as_declared(&mut self) {
        tokio::time::sleep(AT_ONCE).await;
        for place in [Place::Near, Place::Far] {
            self.holds_what_is_declared(place, Kind::Map).await;
        }
    }

    async fn a_new_token_is_used_at_once(&mut self) {
        let before = self.ground.ledger.asked(Place::Far);
        self.tokens += 1;
        self.ground.rotate(self.tokens).await;
        tokio::time::sleep(AT_ONCE).await;
        let is_used = self.ground.ledger.asked(Place::Far) > before;
        self.must(is_used, || "a new token was not used at once".to_owned());
    }
}
