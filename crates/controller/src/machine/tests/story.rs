//! Random stories.

use super::*;
use proptest::prelude::*;

/// One step of a random story.
#[derive(Clone, Debug)]
enum Step {
    Observe(usize, i64, bool, Vec<usize>),
    Vanish(usize),
    Live(usize),
    Artifact(u8),
    Finish(usize, u8),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (
            0..6usize,
            0..4i64,
            any::<bool>(),
            proptest::collection::vec(0..6usize, 0..2)
        )
            .prop_map(|(name, generation, suspended, needs)| Step::Observe(
                name, generation, suspended, needs
            )),
        (0..6usize).prop_map(Step::Vanish),
        (0..6usize).prop_map(Step::Live),
        any::<u8>().prop_map(Step::Artifact),
        (0..6usize, 0..7u8).prop_map(|(index, next)| Step::Finish(index, next)),
        (0..100_000u64).prop_map(Step::Advance),
    ]
}

fn next_of(number: u8) -> Next {
    match number {
        0 => Next::Interval,
        1 => Next::Backoff,
        2 => Next::Deadline { delay_ms: 500 },
        3 => Next::Dependency { delay_ms: 30_000 },
        4 => Next::Trailing,
        5 => Next::Kind { delay_ms: 60_000 },
        _ => Next::Never,
    }
}

proptest! {
    /// Whatever happens, no object is worked on twice at once, the bound
    /// holds, and when every run ends nothing stays behind in the queue.
    #[test]
    fn no_object_is_worked_on_twice_at_once_and_none_is_forgotten(steps in proptest::collection::vec(step(), 1..120)) {
        let mut stage = Stage::new(2);
        let mut running: Vec<Start> = Vec::new();
        let take_in = |commands: Vec<Command>, running: &mut Vec<Start>| {
            for command in commands {
                if let Command::Start(start) = command {
                    assert!(running.iter().all(|other| other.key != start.key), "twice at once");
                    running.push(start);
                }
            }
        };
        for step in steps {
            let name = |index: usize| app(&format!("app-{index}"));
            let commands = match step {
                Step::Observe(index, generation, suspended, needs) => stage.observe(&name(index), Facts {
                    suspended, source: Some(source("fleet")),
                    depends_on: needs.into_iter().map(name).collect(), ..facts(generation)
                }),
                Step::Vanish(index) => stage.tell(Event::Vanished(name(index))),
                Step::Live(index) => stage.tell(Event::LiveChanged(name(index))),
                Step::Artifact(number) => stage.observe(&source("fleet"), Facts { artifact: Some(number.to_string().into()), ..facts(1) }),
                Step::Finish(index, next) if !running.is_empty() => {
                    let start = running.remove(index % running.len());
                    stage.finish(&start, next_of(next))
                }
                Step::Finish(..) => Vec::new(),
                Step::Advance(delay) => stage.advance(delay),
            };
            take_in(commands, &mut running);
            prop_assert!(stage.machine.running(Kind::Kustomization) <= 2);
        }
        let mut rounds = 0;
        while let Some(start) = running.pop() {
            let commands = stage.finish(&start, Next::Never);
            take_in(commands, &mut running);
            rounds += 1;
            prop_assert!(rounds < 1000, "never at rest");
        }
        prop_assert!(stage.machine.is_quiet());
    }
}
