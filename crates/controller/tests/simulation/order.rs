//! What must hold of the writes in the order in which they arrived.

use super::check::inventory;
use super::fleet::{Folder, id_of};
use super::ledger::Write;
use super::schedule::Schedule;
use http::Method;
use std::collections::BTreeMap;

impl Schedule {
    /// What a commit says of a dependent is written only once what it depends
    /// on has applied that commit, or is the same as of one that it has.
    pub fn dependents_waited(&mut self) {
        let writes = self.ground.ledger.writes();
        let early = writes.iter().filter_map(|write| {
            let ahead = self.ran_ahead_of(write)?;
            let applied = write.applied.get(ahead.name());
            let number = applied.and_then(|it| self.numbers.get(it));
            Some(format!(
                "written at commit {:?} while {} had applied {number:?}: {write}",
                write.commit(),
                ahead.name()
            ))
        });
        let early: Vec<String> = early.collect();
        self.violations.extend(early);
    }

    /// What an object that was written depends on and did not wait for.
    fn ran_ahead_of(&self, write: &Write) -> Option<Folder> {
        if write.method == Method::DELETE || write.is_dry_run || !write.is_content() {
            return None;
        }
        let folder = folder_named(write.written_for()?)?;
        let wanted = write.commit().unwrap_or_default();
        let needs = self.traits.dependencies(folder).iter().copied();
        needs.into_iter().find(|needed| {
            let applied = write.applied.get(needed.name());
            let commit = applied.and_then(|it| self.numbers.get(it));
            !commit.is_some_and(|commit| self.fleet.is_recent(*needed, *commit, wanted))
        })
    }

    /// No process goes back to a revision before the one that it has applied.
    pub fn no_revision_was_undone(&mut self) {
        let mut last: BTreeMap<(String, String), u32> = BTreeMap::new();
        let mut wrong = Vec::new();
        for write in self.ground.ledger.writes() {
            let Some(status) = write.status().filter(|_| write.took_effect()) else {
                continue;
            };
            let Some(revision) = status.str_at(&["lastAppliedRevision"]) else {
                continue;
            };
            let number = self.numbers.get(revision).copied().unwrap_or_default();
            let by = (write.process.clone(), write.target.name.clone());
            let before = last.insert(by, number).unwrap_or_default();
            if number < before {
                wrong.push(format!(
                    "went from commit {before} back to {number}: {write}"
                ));
            }
        }
        self.violations.extend(wrong);
    }

    /// An inventory never names what its Kustomization had not to apply: who
    /// leads it would look for it, and might delete it.
    pub fn inventories_list_what_was_declared(&mut self) {
        let mut wrong = Vec::new();
        for write in self.ground.ledger.writes() {
            let folder = folder_named(&write.target.name);
            let (Some(status), Some(folder)) = (write.status(), folder) else {
                continue;
            };
            let ids = inventory(status).into_iter();
            let strange = ids.filter(|id| !self.fleet.ever_declared(folder, id));
            wrong.extend(strange.map(|id| format!("{id} is in the inventory: {write}")));
        }
        self.violations.extend(wrong);
    }

    /// The status names an object before the cluster has it.
    pub fn what_was_applied_was_listed(&mut self) {
        let writes = self.ground.ledger.writes();
        let unlisted = writes
            .iter()
            .filter(|write| write.was_listed == Some(false));
        let wrong: Vec<String> = unlisted
            .map(|write| format!("applied before it was in the inventory: {write}"))
            .collect();
        self.violations.extend(wrong);
    }

    /// A Kustomization is let go when nothing is left of it. One that asks for
    /// it by an old picture, and is refused, lets nothing go.
    pub fn what_was_let_go_had_nothing_left(&mut self) {
        let mut wrong = Vec::new();
        let writes = self.ground.ledger.writes();
        for write in writes.into_iter().filter(Write::took_effect) {
            for (place, reference) in &write.remains {
                let is_foreign = |(at, it): &(_, trueup_cluster::LiveObject)| {
                    at == place && it.reference() == reference
                };
                if !self.foreign.iter().any(is_foreign) {
                    let id = id_of(reference);
                    wrong.push(format!("let go with {id} {place}: {write}"));
                }
            }
        }
        self.violations.extend(wrong);
    }
}

fn folder_named(name: &str) -> Option<Folder> {
    Folder::ALL.into_iter().find(|folder| folder.name() == name)
}
