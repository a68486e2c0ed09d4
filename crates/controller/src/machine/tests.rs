use super::*;
use proptest::prelude::*;
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
fn a_new_artifact_wakes_exactly_its_users() {
    let mut stage = Stage::new(4);
    let with_source = |name: &str| Facts {
        source: Some(source(name)),
        ..facts(1)
    };
    stage.settle(&source("fleet"), facts(1), Next::Interval);
    stage.settle(&app("one"), with_source("fleet"), Next::Interval);
    stage.settle(&app("two"), with_source("other"), Next::Interval);
    stage.settle(&app("three"), with_source("fleet"), Next::Interval);
    let commands = stage.observe(
        &source("fleet"),
        Facts {
            artifact: Some("main@1".into()),
            ..facts(1)
        },
    );
    assert_eq!(starts(&commands), ["one", "three"]);
    let again = stage.observe(
        &source("fleet"),
        Facts {
            artifact: Some("main@1".into()),
            ..facts(1)
        },
    );
    assert_eq!(again, []);
}

#[test]
fn a_push_reaches_dependents_after_what_they_depend_on() {
    let mut stage = Stage::new(4);
    let user = |needs: &[&str]| Facts {
        source: Some(source("fleet")),
        depends_on: needs.iter().map(|name| app(name)).collect(),
        ..facts(1)
    };
    stage.settle(&app("c"), user(&[]), Next::Interval);
    stage.settle(&app("b"), user(&["c"]), Next::Interval);
    stage.settle(&app("a"), user(&["b"]), Next::Interval);
    stage.settle(&source("fleet"), facts(1), Next::Interval);
    let pushed = Facts {
        artifact: Some("main@1".into()),
        ..facts(1)
    };
    let c = only_start(stage.observe(&source("fleet"), pushed));
    assert_eq!(c.key, app("c"));
    let b = only_start(
        stage
            .finish(&c, Next::Trailing)
            .into_iter()
            .filter(|c| starts(std::slice::from_ref(c)) == ["b"])
            .collect(),
    );
    assert_eq!(b.key, app("b"));
}

#[test]
fn readiness_wakes_those_that_wait_for_it_at_once() {
    let mut stage = Stage::new(4);
    let dependent = Facts {
        depends_on: vec![app("base")],
        ..facts(1)
    };
    stage.settle(&app("base"), facts(1), Next::Interval);
    stage.settle(
        &app("waits"),
        dependent.clone(),
        Next::Dependency { delay_ms: 30_000 },
    );
    stage.settle(&app("ready"), dependent, Next::Interval);
    let ready = Facts {
        ready_at: Some("main@1".into()),
        ..facts(1)
    };
    let woken = only_start(stage.observe(&app("base"), ready));
    assert_eq!(
        (woken.key, woken.causes),
        (app("waits"), [Cause::Dependency].into())
    );
}

#[test]
fn a_change_of_discovery_wakes_exactly_those_that_missed_a_kind() {
    let mut stage = Stage::new(4);
    let missing = || Next::Kind { delay_ms: 60_000 };
    stage.settle(&app("misses"), facts(1), missing());
    stage.settle(&app("rests"), facts(1), Next::Interval);
    let woken = only_start(stage.tell(Event::DiscoveryChanged));
    assert_eq!(
        (&woken.key, &woken.causes),
        (&app("misses"), &[Cause::Discovery].into())
    );
    // One that came meanwhile is not missed either, and none is counted twice.
    stage.tell(Event::DiscoveryChanged);
    let again = only_start(stage.finish(&woken, missing()));
    assert_eq!(again.causes, [Cause::Discovery].into());
    assert_eq!(stage.finish(&again, missing()), []);
}

#[test]
fn a_circle_is_named_and_left_by_whoever_stood_in_it_when_it_opens() {
    let mut stage = Stage::new(4);
    let needs = |name: &str| Facts {
        depends_on: vec![app(name)],
        ..facts(1)
    };
    stage.settle(&app("a"), needs("b"), Next::Dependency { delay_ms: 30_000 });
    let b = only_start(
        stage
            .observe(&app("b"), needs("a"))
            .into_iter()
            .filter(|c| starts(std::slice::from_ref(c)) == ["b"])
            .collect(),
    );
    assert_eq!(b.cycle, Some(vec![app("b"), app("a"), app("b")]));
    stage.finish(&b, Next::Dependency { delay_ms: 30_000 });
    let commands = stage.observe(&app("b"), facts(2));
    assert!(!starts(&commands).is_empty());
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
