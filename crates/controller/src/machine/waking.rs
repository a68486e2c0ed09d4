//! Who is woken by what happens to others.

use super::{Cause, Command, Entry, Machine, ObjectKey};
use std::collections::BTreeSet;
use trueup_object::Text;

impl Machine {
    pub(super) fn push_arrived(&mut self, url: &Text, commands: &mut Vec<Command>) {
        for key in self.urls.get(url).cloned().unwrap_or_default() {
            self.add(&key, Cause::Push, commands);
        }
    }

    /// An expression may look at anything of what it is about: whoever waits
    /// for one asks again at every change.
    pub(super) fn wake_askers(&mut self, changed: &ObjectKey, commands: &mut Vec<Command>) {
        for key in self.dependencies.needed_by(changed) {
            let waits = self.entries.get(&key).is_some_and(|entry| {
                entry.waits_for_dependency && entry.facts.asks_about.contains(changed)
            });
            if waits {
                self.add(&key, Cause::Dependency, commands);
            }
        }
    }

    pub(super) fn wake_users(&mut self, source: &ObjectKey, commands: &mut Vec<Command>) {
        for user in self.sources.needed_by(source) {
            self.add(&user, Cause::Source, commands);
        }
    }

    pub(super) fn wake_dependents(&mut self, key: &ObjectKey, commands: &mut Vec<Command>) {
        for dependent in self.dependencies.needed_by(key) {
            let waits = |entry: &Entry| entry.waits_for_dependency || entry.run.is_some();
            if self.entries.get(&dependent).is_some_and(waits) {
                self.add(&dependent, Cause::Dependency, commands);
            }
        }
    }

    /// Whoever failed for want of a kind tries again. Who is worked on now may
    /// have missed one as well: that shows at its end.
    pub(super) fn discovery_changed(&mut self, commands: &mut Vec<Command>) {
        self.discovery += 1;
        let waiting: Vec<ObjectKey> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.waits_for_kind && entry.run.is_none())
            .map(|(key, _)| key.clone())
            .collect();
        for key in waiting {
            self.add(&key, Cause::Discovery, commands);
        }
    }

    /// An edge changed: whoever stood in a circle may be free now, and whoever
    /// stands in one now should say so.
    pub(super) fn wake_circles(&mut self, changed: &ObjectKey, commands: &mut Vec<Command>) {
        let mut members: BTreeSet<_> = self
            .dependencies
            .cycle(changed)
            .into_iter()
            .flatten()
            .collect();
        let freed = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.in_circle)
            .map(|(key, _)| key.clone());
        members.extend(freed);
        members.remove(changed);
        for key in members {
            self.add(&key, Cause::Dependency, commands);
        }
    }
}
