mod story;
mod waking;

use super::*;
use trueup_cluster::ClusterKey;

fn key(kind: Kind, name: &str) -> ObjectKey {
    ObjectKey {
        cluster: ClusterKey::local(),
        kind,
        namespace: "fleet".into(),
        name: name.into(),
    }
}

fn source(name: &str) -> ObjectKey {
    key(Kind::GitRepository, name)
}

fn app(name: &str) -> ObjectKey {
    key(Kind::Kustomization, name)
}

fn facts(generation: i64) -> Facts {
    Facts {
        generation,
        interval_ms: 60_000,
        ..Facts::default()
    }
}

/// A machine that acts on every kind, with helpers that read as a story.
struct Stage {
    machine: Machine,
    now_ms: u64,
}

impl Stage {
    fn new(concurrency: usize) -> Self {
        let concurrency = Kind::ALL.map(|kind| (kind, concurrency)).into();
        let mut stage = Self {
            machine: Machine::new(MachineOptions {
                concurrency,
                ..Default::default()
            }),
            now_ms: 0,
        };
        for kind in Kind::ALL {
            assert_eq!(stage.tell(Event::Acting(kind)), []);
        }
        stage
    }

    fn tell(&mut self, event: Event) -> Vec<Command> {
        self.machine.handle(event, self.now_ms)
    }

    fn observe(&mut self, key: &ObjectKey, facts: Facts) -> Vec<Command> {
        self.tell(Event::Observed {
            key: key.clone(),
            facts: Box::new(facts),
        })
    }

    fn finish(&mut self, start: &Start, next: Next) -> Vec<Command> {
        self.tell(Event::Finished {
            key: start.key.clone(),
            run: start.run,
            next,
        })
    }

    /// Observes an object and finishes its first run.
    fn settle(&mut self, key: &ObjectKey, facts: Facts, next: Next) {
        let start = only_start(self.observe(key, facts));
        assert_eq!(self.finish(&start, next), []);
    }

    fn advance(&mut self, delay_ms: u64) -> Vec<Command> {
        self.now_ms += delay_ms;
        self.tell(Event::Tick)
    }
}

fn only_start(commands: Vec<Command>) -> Start {
    match &commands[..] {
        [Command::Start(start)] => start.clone(),
        other => panic!("expected one start, not {other:?}"),
    }
}

fn starts(commands: &[Command]) -> Vec<String> {
    let start = |command: &Command| match command {
        Command::Start(start) => Some(start.key.name.to_string()),
        Command::Cancel { .. } => None,
    };
    commands.iter().filter_map(start).collect()
}

#[test]
fn nothing_starts_before_the_machine_may_act() {
    let mut machine = Machine::new(MachineOptions::default());
    assert_eq!(
        machine.handle(
            Event::Observed {
                key: app("a"),
                facts: Box::new(facts(1))
            },
            0
        ),
        []
    );
    let start = only_start(machine.handle(Event::Acting(Kind::Kustomization), 0));
    assert_eq!(start.causes, [Cause::Start].into());
}

#[test]
fn a_kind_that_others_acted_on_meanwhile_is_worked_on_anew() {
    let mut stage = Stage::new(2);
    stage.settle(&app("resting"), facts(1), Next::Interval);
    let running = only_start(stage.observe(&app("running"), facts(1)));
    let cancel = Command::Cancel {
        key: app("running"),
        run: running.run,
    };
    assert_eq!(stage.tell(Event::StandingBy(Kind::Kustomization)), [cancel]);
    assert_eq!(stage.finish(&running, Next::Again), []);
    let commands = stage.tell(Event::Acting(Kind::Kustomization));
    assert_eq!(starts(&commands), ["resting", "running"]);
}

#[test]
fn a_change_meanwhile_cancels_the_run_and_is_worked_on_afterwards() {
    let mut stage = Stage::new(2);
    let first = only_start(stage.observe(&app("a"), facts(1)));
    assert_eq!(
        stage.observe(&app("a"), facts(2)),
        [Command::Cancel {
            key: app("a"),
            run: first.run
        }]
    );
    assert_eq!(stage.observe(&app("a"), facts(3)), [], "cancelled once");
    let second = only_start(stage.finish(&first, Next::Interval));
    assert_eq!(second.causes, [Cause::Spec].into());
    assert_eq!(
        stage.finish(&first, Next::Interval),
        [],
        "an old run has no say"
    );
    assert_eq!(stage.finish(&second, Next::Interval), []);
    assert!(stage.machine.is_quiet());
}

#[test]
fn a_live_change_meanwhile_does_not_cancel() {
    let mut stage = Stage::new(2);
    let first = only_start(stage.observe(&app("a"), facts(1)));
    assert_eq!(stage.tell(Event::LiveChanged(app("a"))), []);
    assert_eq!(
        only_start(stage.finish(&first, Next::Interval)).causes,
        [Cause::Live].into()
    );
}

#[test]
fn a_person_goes_before_a_push_before_an_interval() {
    let mut stage = Stage::new(1);
    let url = Text::from("http://git/fleet");
    for name in ["interval", "pushed", "asked"] {
        let url = (name == "pushed").then(|| url.clone());
        stage.settle(
            &source(name),
            Facts { url, ..facts(1) },
            Next::After { delay_ms: 10 },
        );
    }
    let blocker = only_start(stage.observe(&source("blocker"), facts(1)));
    assert_eq!(stage.advance(10), []);
    assert_eq!(stage.tell(Event::Pushed { url: url.clone() }), []);
    let asked = Facts {
        request: Some("now".into()),
        ..facts(1)
    };
    assert_eq!(stage.observe(&source("asked"), asked), []);
    let mut order = Vec::new();
    let mut running = blocker;
    while let Some(Command::Start(start)) = stage.finish(&running, Next::Never).pop() {
        order.push(start.key.name.to_string());
        running = start;
    }
    assert_eq!(order, ["asked", "pushed", "interval"]);
}

#[test]
fn a_suspended_object_is_left_alone_until_it_is_resumed_or_deleted() {
    let mut stage = Stage::new(4);
    let suspended = Facts {
        suspended: true,
        source: Some(source("fleet")),
        ..facts(1)
    };
    stage.settle(&app("a"), suspended.clone(), Next::Never);
    let pushed = Facts {
        artifact: Some("main@1".into()),
        ..facts(1)
    };
    stage.settle(&source("fleet"), pushed, Next::Interval);
    assert_eq!(stage.tell(Event::LiveChanged(app("a"))), []);
    let asked = Facts {
        request: Some("now".into()),
        ..suspended.clone()
    };
    assert_eq!(stage.observe(&app("a"), asked), []);
    let deleted = Facts {
        deleting: true,
        ..suspended
    };
    assert_eq!(
        only_start(stage.observe(&app("a"), deleted)).causes,
        [Cause::Deletion].into()
    );
}

#[test]
fn pauses_grow_with_each_failure_and_start_over_after_a_success() {
    let mut stage = Stage::new(1);
    let mut running = only_start(stage.observe(&source("a"), facts(1)));
    let mut pauses = Vec::new();
    for _ in 0..12 {
        assert_eq!(stage.finish(&running, Next::Backoff), []);
        let pause = stage.machine.next_wake_ms().unwrap() - stage.now_ms;
        pauses.push(pause);
        running = only_start(stage.advance(pause));
    }
    for (index, pause) in pauses.iter().enumerate() {
        let whole = (750_u64 << index).min(900_000);
        assert!((whole / 2..=whole).contains(pause), "{pauses:?}");
    }
    assert_eq!(
        stage.finish(&running, Next::Again),
        stage.machine_starts_again()
    );
}

impl Stage {
    /// What a fresh run of the one object looks like; for comparison only.
    fn machine_starts_again(&self) -> Vec<Command> {
        let number = self.machine.runs;
        vec![Command::Start(Start {
            key: source("a"),
            shell: Shell::GitRepository,
            run: number,
            causes: [Cause::Retry].into(),
            cycle: None,
        })]
    }
}

#[test]
fn an_interval_is_scattered_by_ten_percent() {
    let mut stage = Stage::new(4);
    for index in 0..50 {
        stage.settle(&app(&format!("app-{index}")), facts(1), Next::Interval);
    }
    assert_eq!(stage.advance(53_999), []);
    let first = stage.machine.next_wake_ms().unwrap();
    assert!((54_000..=66_000).contains(&first));
}

#[test]
fn a_vanished_object_is_forgotten_even_while_it_is_worked_on() {
    let mut stage = Stage::new(1);
    let run = only_start(stage.observe(&app("a"), facts(1)));
    assert_eq!(
        stage.tell(Event::Vanished(app("a"))),
        [Command::Cancel {
            key: app("a"),
            run: run.run
        }]
    );
    assert_eq!(stage.finish(&run, Next::Interval), []);
    assert!(stage.machine.is_quiet());
    assert_eq!(stage.machine.next_wake_ms(), None);
    assert!(stage.machine.entries.is_empty());
}

#[test]
fn an_object_made_again_while_its_namesake_is_worked_on_starts_afterwards() {
    let mut stage = Stage::new(1);
    let run = only_start(stage.observe(&app("a"), facts(1)));
    stage.tell(Event::Vanished(app("a")));
    assert_eq!(stage.observe(&app("a"), facts(1)), []);
    assert_eq!(
        only_start(stage.finish(&run, Next::Never)).causes,
        [Cause::Start].into()
    );
}

#[test]
fn the_bound_of_a_kind_holds() {
    let mut stage = Stage::new(2);
    let commands: Vec<_> = ["a", "b", "c"]
        .iter()
        .flat_map(|name| stage.observe(&app(name), facts(1)))
        .collect();
    assert_eq!(starts(&commands), ["a", "b"]);
    assert_eq!(
        (
            stage.machine.running(Kind::Kustomization),
            stage.machine.depth(Kind::Kustomization)
        ),
        (2, 1)
    );
}
