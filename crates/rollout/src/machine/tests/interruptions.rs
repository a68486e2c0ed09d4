//! Every case with one kill, before each of its writes in turn: the run takes
//! the same steps at the same times.

use super::cases::{CASES, script_of};
use super::shell::{Diary, Fate, Overseer};
use super::world::World;
use crate::machine::Command;

/// Kills the shell once, before a write, and keeps a diary of the statuses.
struct Killer {
    diary: Diary,
    /// How many writes are done before the kill.
    left: usize,
}

impl Killer {
    fn new(left: usize) -> Self {
        Self {
            diary: Diary::default(),
            left,
        }
    }

    fn statuses(&self) -> Vec<&String> {
        let lines = self.diary.lines.iter();
        lines.filter(|line| !line.starts_with("      ")).collect()
    }
}

impl Overseer for Killer {
    fn fate(&mut self, command: &Command) -> Fate {
        if matches!(
            command,
            Command::Event(_) | Command::Alert(_) | Command::Count(_)
        ) {
            return Fate::Done;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Fate::Done
            }
            None => {
                self.left = usize::MAX;
                Fate::Killed
            }
        }
    }

    fn done(&mut self, world: &World, command: &Command) {
        self.diary.done(world, command);
    }
}

#[test]
fn a_kill_before_any_write_loses_no_step() {
    let mut kills = 0;
    for (name, file) in CASES {
        let script = script_of(file);
        let mut whole = Killer::new(usize::MAX);
        script.play(&mut whole);
        let writes = usize::MAX - whole.left;
        for before in 0..writes {
            let mut killed = Killer::new(before);
            script.play(&mut killed);
            assert_eq!(
                killed.statuses(),
                whole.statuses(),
                "{name}, write {before}"
            );
            kills += 1;
        }
    }
    assert!(kills > 1000, "{kills}");
}
