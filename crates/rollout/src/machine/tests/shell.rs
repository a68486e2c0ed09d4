//! A shell: it takes steps and does what they ask for.

use super::workload::Workload;
use super::world::World;
use crate::machine::{Answer, Command, LiveRoutes, Part, Routing, step};
use jiff::{SignedDuration, Timestamp};
use trueup_kinds::EventType;
use trueup_kinds::names::FLAGGER_FINALIZER;

/// How many steps are taken at one time before the machine must be at rest.
const MAX_STEPS_AT_ONCE: usize = 60;

/// What becomes of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is done.
    Done,
    /// It fails; the rest of the step is left.
    Fails,
    /// It is done, but the shell is not told.
    AnswerLost,
    /// It is done twice.
    Twice,
    /// The shell is killed before it, and another one goes on at once.
    Killed,
    /// The shell is killed before it, and nobody goes on before something
    /// happens.
    Down,
}

/// Decides what becomes of commands, and watches them.
pub(super) trait Overseer {
    fn fate(&mut self, command: &Command) -> Fate;
    fn done(&mut self, world: &World, command: &Command);
    /// The machine finds nothing to do.
    fn rests(&mut self, _: &World) {}
    /// The machine finds something to do for ever.
    fn restless(&self, world: &World) {
        panic!("the machine does not come to rest: {:?}", world.status);
    }
}

/// Takes steps until nothing is left to do; the time of the next look.
pub(super) fn run_until_rest(world: &mut World, overseer: &mut impl Overseer) -> Option<Timestamp> {
    for _ in 0..MAX_STEPS_AT_ONCE {
        world.settle();
        if world.is_gone {
            return None;
        }
        let taken = step(&world.status, &world.observe(), world.now);
        if taken.commands.is_empty() {
            overseer.rests(world);
            return taken.wake_at.filter(|wake| *wake > world.now);
        }
        if let Shell::Down = obey(world, overseer, taken.commands) {
            return None;
        }
    }
    overseer.restless(world);
    None
}

/// Whether there is still somebody who takes steps.
enum Shell {
    Up,
    Down,
}

fn obey(world: &mut World, overseer: &mut impl Overseer, commands: Vec<Command>) -> Shell {
    for command in commands {
        if is_refused(world, &command) {
            break;
        }
        match overseer.fate(&command) {
            Fate::Done => {
                execute(world, &command);
                overseer.done(world, &command);
            }
            Fate::Twice => {
                execute(world, &command);
                execute(world, &command);
                overseer.done(world, &command);
            }
            Fate::Fails => break,
            Fate::AnswerLost => {
                execute(world, &command);
                overseer.done(world, &command);
                break;
            }
            Fate::Killed => {
                world.answers.clear();
                break;
            }
            Fate::Down => {
                world.answers.clear();
                return Shell::Down;
            }
        }
    }
    Shell::Up
}

/// Whether a copy would be of another revision than the one decided upon.
fn is_refused(world: &World, command: &Command) -> bool {
    let target = world.target.as_ref().map(|it| it.template.as_str());
    match command {
        Command::CopyToPrimary { revision } => target != Some(revision.as_str()),
        _ => false,
    }
}

fn execute(world: &mut World, command: &Command) {
    let (now, delay) = (world.now, world.pod_delay);
    match command {
        Command::Ensure(part) => ensure(world, *part),
        Command::SetRouting(routing) => set_routing(world, routing),
        Command::ScaleToZero => scale_target(world, 0),
        Command::ScaleFromZero | Command::RestoreTarget => scale_target(world, 1),
        Command::CopyToPrimary { revision } => {
            if let Some(primary) = &mut world.primary {
                primary.set_template(revision, now, delay);
            }
        }
        Command::Ask { question, round } => {
            let outcome = world.answer(*question, round);
            world.answers.push(Answer {
                question: *question,
                round: round.clone(),
                outcome,
            });
        }
        Command::WriteStatus(status) => world.status = (**status).clone(),
        Command::AddFinalizer => world.metadata.finalizers = vec![FLAGGER_FINALIZER.into()],
        Command::RemoveFinalizer => {
            world.metadata.finalizers.clear();
            world.is_gone = world.metadata.is_deleting();
        }
        Command::HoldPrimaryScaler => world.is_held = true,
        Command::ReleasePrimaryScaler => world.is_held = false,
        Command::RestoreServices => world.apex_leads_to_primary = false,
        Command::RestoreRoutes
        | Command::PauseTargetScaler
        | Command::ResumeTargetScaler
        | Command::Event(_)
        | Command::Alert(_)
        | Command::Count(_) => {}
    }
}

fn ensure(world: &mut World, part: Part) {
    match part {
        Part::Services => world.services = true,
        Part::Apex => world.apex_leads_to_primary = true,
        Part::Primary => {
            if let (Some(target), None) = (&world.target, &world.primary) {
                let template = target.template.clone();
                let primary =
                    Workload::new("podinfo-primary", &template, world.now, world.pod_delay);
                world.primary = Some(primary);
            }
        }
        Part::PrimaryScaler | Part::Routes => {}
    }
}

fn set_routing(world: &mut World, routing: &Routing) {
    world.routes = Some(LiveRoutes {
        canary_weight: routing.canary_weight,
        mirrored: Some(routing.mirrored),
    });
}

fn scale_target(world: &mut World, replicas: u32) {
    let (now, delay) = (world.now, world.pod_delay);
    if let Some(target) = &mut world.target {
        target.scale(replicas, now, delay);
    }
}

/// An overseer that lets everything happen and writes a diary: one line for
/// each status that differs in what people look at, and one for each event and
/// alert.
#[derive(Default)]
pub(super) struct Diary {
    pub(super) lines: Vec<String>,
    last: String,
}

impl Overseer for Diary {
    fn fate(&mut self, _: &Command) -> Fate {
        Fate::Done
    }

    fn done(&mut self, world: &World, command: &Command) {
        match command {
            Command::Event(event) => {
                let sign = match event.kind {
                    EventType::Normal => 'I',
                    EventType::Warning => 'W',
                };
                self.lines.push(format!("      {sign} {}", event.message));
            }
            Command::Alert(alert) => self
                .lines
                .push(format!("      ! {:?}: {}", alert.severity, alert.message)),
            Command::Count(result) => self
                .lines
                .push(format!("      # {} {:?}", result.strategy, result.analysis)),
            Command::WriteStatus(_) => self.write(world),
            _ => {}
        }
    }
}

impl Diary {
    fn write(&mut self, world: &World) {
        let status = &world.status;
        let routes = match world.routes {
            None => String::new(),
            Some(live) => {
                let copies = if live.mirrored == Some(true) { "m" } else { "" };
                let weight = live.canary_weight;
                format!(" routes {}/{weight}{copies}", 100 - weight)
            }
        };
        let version = |workload: &Option<Workload>| match workload {
            None => "-".to_owned(),
            Some(workload) => format!("{}x{}", workload.template, workload.replicas),
        };
        let cookie = |name: &str, cookie: &str| match cookie {
            "" => String::new(),
            cookie => format!(" {name} {cookie}"),
        };
        let line = format!(
            "{} weight {} iterations {} failed {}{routes}{}{} primary {}",
            status.phase,
            status.canary_weight,
            status.iterations,
            status.failed_checks,
            cookie("cookie", &status.session_affinity_cookie),
            cookie("forgets", &status.previous_session_affinity_cookie),
            version(&world.primary),
        );
        if line != self.last {
            let target = version(&world.target);
            self.lines
                .push(format!("{:>4}s {line} target {target}", world.seconds()));
            self.last = line;
        }
    }
}

/// Lets time pass until `end`, and everything in it happen.
pub(super) fn live_until(world: &mut World, overseer: &mut impl Overseer, end: Timestamp) {
    loop {
        let wake = run_until_rest(world, overseer);
        let next = wake.into_iter().chain(world.next_change()).min();
        match next {
            Some(next) if next < end && !world.is_gone => world.now = next,
            _ => break,
        }
    }
    world.now = end;
    world.settle();
}

/// So many seconds after the beginning of a world.
pub(super) fn after(world: &World, seconds: i64) -> Timestamp {
    world.now + SignedDuration::from_secs(seconds - world.seconds())
}
