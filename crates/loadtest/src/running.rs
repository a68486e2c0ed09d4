//! Which tasks are under way.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use trueup_rollout::webhooks::loadtest::Task;

/// The most tasks that are under way at once, where nothing else is said.
pub const MAX_TASKS_AT_ONCE: usize = 64;

type Key = (String, String);

/// The tasks that are under way.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    places: Arc<Mutex<Places>>,
}

#[derive(Debug)]
struct Places {
    free: usize,
    keys: BTreeSet<Key>,
}

/// Whether a task may begin.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It may, and is under way until the place is dropped.
    Begun(Place),
    /// The same command of the same Canary is under way already.
    UnderWay,
    /// As many as may be are under way.
    Full,
}

/// A task that is under way.
#[derive(Debug)]
pub(crate) struct Place {
    running: Running,
    key: Option<Key>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.with(|places| {
            places.free += 1;
            if let Some(key) = &self.key {
                places.keys.remove(key);
            }
        });
    }
}

impl Running {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            places: Arc::new(Mutex::new(Places {
                free: most,
                keys: BTreeSet::new(),
            })),
        }
    }

    /// Begins a task, unless there are too many, or the same one that nobody
    /// waits for.
    pub(crate) fn begin(&self, task: &Task) -> Admission {
        let key = (!task.is_awaited()).then(|| (task.canary.clone(), task.command.clone()));
        let admitted = self.with(|places| {
            if key.as_ref().is_some_and(|key| places.keys.contains(key)) {
                return Err(Admission::UnderWay);
            }
            places.free = places.free.checked_sub(1).ok_or(Admission::Full)?;
            places.keys.extend(key.clone());
            Ok(())
        });
        match admitted {
            Ok(()) => Admission::Begun(Place {
                running: self.clone(),
                key,
            }),
            Err(refused) => refused,
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Places) -> T) -> T {
        act(&mut self.places.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_rollout::webhooks::loadtest::TaskKind;

    fn task(canary: &str, kind: TaskKind, command: &str) -> Task {
        Task {
            canary: canary.to_owned(),
            kind,
            command: command.to_owned(),
            logs_output: false,
            returns_output: false,
        }
    }

    #[test]
    fn a_command_of_a_canary_runs_once_at_a_time() {
        let running = Running::new(3);
        let load = task("a.test", TaskKind::Command, "hey http://a");
        let Admission::Begun(first) = running.begin(&load) else {
            panic!("nothing is under way");
        };
        assert!(matches!(running.begin(&load), Admission::UnderWay));
        let other = task("b.test", TaskKind::Command, "hey http://a");
        let _second = running.begin(&other);
        drop(first);
        assert!(matches!(running.begin(&load), Admission::Begun(_)));
    }

    #[test]
    fn only_so_many_run_at_once_and_awaited_ones_as_often_as_asked_for() {
        let running = Running::new(2);
        let awaited = task("a.test", TaskKind::Bash, "hey http://a");
        let (first, second) = (running.begin(&awaited), running.begin(&awaited));
        assert!(matches!(
            (&first, &second),
            (Admission::Begun(_), Admission::Begun(_))
        ));
        assert!(matches!(running.begin(&awaited), Admission::Full));
        drop(first);
        assert!(matches!(running.begin(&awaited), Admission::Begun(_)));
    }
}
