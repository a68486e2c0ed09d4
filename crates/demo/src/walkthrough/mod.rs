//! The tour: the demo as its own process, and a person's hands played by
//! real `git` and the Kubernetes API. Every step is checked.

mod child;
mod clone;
mod delivery;
mod steps;
mod view;

use crate::terminal::{Terminal, Tone, fold};
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a step may take before it has failed.
pub const STEP_DEADLINE: Duration = Duration::from_secs(30);

/// The same, of a step that tries a new version.
pub const DELIVERY_DEADLINE: Duration = Duration::from_secs(120);

/// The width that the tour is written for.
const COLUMNS: usize = 80;

/// How often a check is repeated until it holds.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// What a step found: the checks that held, or why it failed.
type StepResult = Result<Vec<String>, String>;
type StepFuture<'a> = Pin<Box<dyn Future<Output = StepResult> + 'a>>;

/// One step of the tour.
struct Step {
    name: &'static str,
    about: &'static str,
    deadline: Duration,
    play: for<'a> fn(&'a mut steps::Stage) -> StepFuture<'a>,
}

/// What the tour came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every check of every step held.
    AllHeld,
    /// A step failed; those after it were not played.
    Failed,
}

/// Plays the tour with `program` (this very binary) in a temporary folder.
/// Fails only where the tour can't begin; a failed step is a verdict.
pub async fn walkthrough<W: Write>(
    program: &Path,
    terminal: &mut Terminal<W>,
) -> std::io::Result<Verdict> {
    let folder = tempfile::Builder::new()
        .prefix("trueup-walkthrough-")
        .tempdir()?;
    let mut stage = steps::Stage::new(program.to_owned(), folder.path().to_owned());
    let started = Instant::now();
    let mut checks = 0;
    terminal.line(&[(
        Tone::Strong,
        "The tour: a real demo, real git, every step checked",
    )]);
    for (index, step) in steps::STEPS.iter().enumerate() {
        let step_started = Instant::now();
        let outcome = tokio::time::timeout(step.deadline, (step.play)(&mut stage))
            .await
            .unwrap_or_else(|_| Err(stage.overdue(step.deadline)));
        head(terminal, index + 1, step, step_started.elapsed());
        match outcome {
            Ok(held) => {
                checks += held.len();
                held.iter()
                    .for_each(|check| outcome_line(terminal, Tone::Good, "✓", check));
            }
            Err(reason) => {
                outcome_line(terminal, Tone::Bad, "✗", &reason);
                stage.last_words().iter().for_each(|line| {
                    terminal.line(&[(Tone::Faint, "       | "), (Tone::Faint, line)])
                });
                terminal.line(&[(
                    Tone::Bad,
                    &format!("Step {} of {} failed.", index + 1, steps::STEPS.len()),
                )]);
                return Ok(Verdict::Failed);
            }
        }
    }
    let summary = format!(
        "{} steps, {checks} checks, all held in {:.1} s.",
        steps::STEPS.len(),
        started.elapsed().as_secs_f64()
    );
    terminal.line(&[(Tone::Good, &summary)]);
    Ok(Verdict::AllHeld)
}

fn head<W: Write>(terminal: &mut Terminal<W>, number: usize, step: &Step, took: Duration) {
    let title = format!("{:<9}{:<52}", step.name, step.about);
    terminal.line(&[
        (Tone::Faint, &format!("{number:>3}  ")),
        (Tone::Strong, &title),
        (Tone::Faint, &format!("{:>8.2} s", took.as_secs_f64())),
    ]);
}

/// One check, folded so that it reads well at 80 columns.
fn outcome_line<W: Write>(terminal: &mut Terminal<W>, tone: Tone, mark: &str, text: &str) {
    for (index, part) in fold(text, COLUMNS - 7).iter().enumerate() {
        let head = if index == 0 {
            format!("     {mark} ")
        } else {
            " ".repeat(7)
        };
        terminal.line(&[(tone, &head), (Tone::Plain, part)]);
    }
}

/// Repeats a check until it holds, and says in `pending` why it does not yet.
async fn eventually<T, F: Future<Output = Result<T, String>>>(
    pending: &mut String,
    mut check: impl FnMut() -> F,
) -> T {
    loop {
        match check().await {
            Ok(value) => return value,
            Err(reason) => *pending = reason,
        }
        sleep(CHECK_INTERVAL).await;
    }
}
