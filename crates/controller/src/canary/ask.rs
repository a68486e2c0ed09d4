//! Asking questions beside the runs.

use super::look::Look;
use super::memory::{Memory, lock};
use super::query::Inquirer;
use super::{Stop, checks, hooks};
use crate::machine::Event;
use std::sync::{Arc, Mutex};
use trueup_rollout::machine::{Answer, Outcome, Question, Round};
use trueup_rollout::targets;

/// Begins to ask; the answer wakes the Canary.
pub(super) async fn ask(
    look: &mut Look<'_>,
    memory: &Arc<Mutex<Memory>>,
    question: Question,
    round: Round,
) -> Result<(), Stop> {
    if lock(memory).is_asked(question, &round) {
        return Ok(());
    }
    let discovery = look.decide(&targets::discover).await?;
    let inquirer = Inquirer {
        context: Arc::clone(look.context),
        key: look.key.clone(),
        canary: look.canary.clone(),
        discovery: discovery.unwrap_or_default(),
        memory: Arc::clone(memory),
    };
    let stop = lock(memory).begin_asking(question, round.clone());
    look.context.spawn(async move {
        tokio::select! {
            biased;
            // Nobody waits for the answer any more.
            () = stop.cancelled() => {}
            outcome = answer(&inquirer, question) => give(&inquirer, question, round, outcome),
        }
    });
    Ok(())
}

async fn answer(inquirer: &Inquirer, question: Question) -> Outcome {
    // Never closed.
    let _turn = inquirer.context.canaries.questions.acquire().await;
    match question {
        Question::Hooks { kind, phase } => {
            Outcome::Hooks(hooks::call_all(inquirer, kind, phase).await)
        }
        Question::Checks => {
            let found = checks::check_all(inquirer).await;
            Outcome::Checks {
                verdict: found.verdict,
                notes: found.notes,
                readings: found.readings,
            }
        }
        Question::Providers => Outcome::Providers(checks::availability(inquirer).await),
    }
}

fn give(inquirer: &Inquirer, question: Question, round: Round, outcome: Outcome) {
    let answer = Answer {
        question,
        round,
        outcome,
    };
    if lock(&inquirer.memory).answered(answer) {
        let key = inquirer.key.clone();
        inquirer.context.tell(Event::LiveChanged(key));
    }
}
