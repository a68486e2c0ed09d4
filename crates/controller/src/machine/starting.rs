//! What is begun now, and what has to wait.

use super::{Causes, Command, Kind, Machine, ObjectKey, Run, Shell, Start};

impl Machine {
    pub(super) fn dispatch(&mut self, commands: &mut Vec<Command>) {
        for shell in Shell::ALL {
            let kind = shell.kind();
            while self.acting.contains(&kind) && self.running(kind) < self.limit(kind) {
                let Some((key, causes)) = self.pop(kind) else {
                    break;
                };
                commands.push(Command::Start(self.start(key, shell, causes)));
            }
        }
    }

    /// How many objects of a kind are worked on at once at most.
    #[must_use]
    pub fn limit(&self, kind: Kind) -> usize {
        self.options
            .concurrency
            .get(&kind)
            .copied()
            .unwrap_or(1)
            .max(1)
    }

    fn pop(&mut self, kind: Kind) -> Option<(ObjectKey, Causes)> {
        let (entries, dependencies) = (&self.entries, &self.dependencies);
        let (lanes, limit) = (&self.lanes, self.limit(kind));
        self.queue.pop(kind, |queue, key| {
            let busy = |needed: &ObjectKey| {
                queue.holds_urgent(needed)
                    || entries.get(needed).is_some_and(|entry| entry.run.is_some())
            };
            let lane = entries.get(key).and_then(|it| it.facts.elsewhere.as_ref());
            lanes.has_room(lane, limit)
                && (!dependencies.needs(key).any(busy) || dependencies.cycle(key).is_some())
        })
    }

    fn start(&mut self, key: ObjectKey, shell: Shell, causes: Causes) -> Start {
        self.runs += 1;
        self.timers.clear(&key);
        *self.running.entry(key.kind).or_default() += 1;
        let cycle = self.dependencies.cycle(&key);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.in_circle = cycle.is_some();
            let lane = entry.facts.elsewhere.clone();
            if let Some(lane) = &lane {
                self.lanes.enter(lane);
            }
            entry.run = Some(Run {
                number: self.runs,
                lane,
                since: Causes::new(),
                cancelled: false,
                discovery: self.discovery,
            });
        }
        Start {
            key,
            shell,
            run: self.runs,
            causes,
            cycle,
        }
    }
}
