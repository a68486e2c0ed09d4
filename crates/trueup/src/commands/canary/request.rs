//! What a person asks the controller for, once, by annotation: promotion, the
//! end of a run, consent, another try.

use super::{is_paused, read};
use crate::arguments::CanaryRequestArguments;
use crate::canary_facts::weight;
use crate::commands::{COMMAND_MANAGER, Failure, said};
use crate::progress;
use crate::words::CANARY;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trueup_cluster::{Form, Patch, Session, WriteOptions};
use trueup_kinds::canary::{Phase, WebhookType};
use trueup_kinds::{Canary, condition_type, names};
use trueup_object::{ObjectRef, Value, value};
use trueup_rollout::machine::RequestVerb;

/// How often the status is read while waiting.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The hooks that keep a run waiting until somebody consents.
const GATES: [WebhookType; 3] = [
    WebhookType::ConfirmRollout,
    WebhookType::ConfirmTrafficIncrease,
    WebhookType::ConfirmPromotion,
];

/// Asks, and waits until it is done where that is wanted.
pub async fn run(
    session: &Session,
    namespace: &str,
    target: &CanaryRequestArguments,
    verb: RequestVerb,
    timeout: Duration,
) -> Result<ExitCode, Failure> {
    let object = CANARY.object(namespace, &target.name);
    let canary = read(&session.get(&object, Form::Full).await?)?;
    if let Some(refusal) = refusal(&canary, verb) {
        return Err(refusal);
    }
    let request = ask(session, &object, verb).await?;
    if verb == RequestVerb::Approve && canary.status.phase == Phase::Progressing {
        progress::success("approved: the next gate opens when the run comes to it");
    } else if target.wait {
        Waiting {
            session,
            object: &object,
            verb,
            request,
            told: None,
        }
        .until_done(Instant::now() + timeout)
        .await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn ask(session: &Session, object: &ObjectRef, verb: RequestVerb) -> Result<String, Failure> {
    let (word, name, namespace) = (verb.as_str(), &object.name, &object.namespace);
    progress::action(&format!(
        "asking to {word} canary {name} in {namespace} namespace"
    ));
    // The time makes it another request than the last.
    let request = format!("{word}/{}", jiff::Timestamp::now());
    let mut patch = value!({});
    let annotation = ["metadata", "annotations", names::CANARY_REQUEST];
    patch.set_at(&annotation, Value::string(request.as_str()));
    let options = WriteOptions::new(COMMAND_MANAGER);
    session
        .patch(object, &Patch::Merge(patch), &options)
        .await?;
    progress::success("canary annotated");
    Ok(request)
}

/// Why the controller could not do what is asked for.
fn refusal(canary: &Canary, verb: RequestVerb) -> Option<Failure> {
    let (name, namespace) = (&canary.metadata.name, &canary.metadata.namespace);
    let command = |word: &str| format!("`trueup canary {word} {name} -n {namespace}`");
    if is_paused(canary) {
        let resume = format!("{} goes on with it", command("resume"));
        return Some(said(format!("canary {name} is paused")).hinted(resume));
    }
    let phase = canary.status.phase;
    let nothing = said(format!(
        "nothing to {} for canary {name} in phase {phase}",
        verb.as_str()
    ));
    let is_possible = match verb {
        RequestVerb::Promote => matches!(phase, Phase::Progressing | Phase::WaitingPromotion),
        RequestVerb::Abort => matches!(
            phase,
            Phase::Waiting | Phase::Progressing | Phase::WaitingPromotion
        ),
        RequestVerb::Approve => has_gate_ahead(canary),
        RequestVerb::Retry => phase == Phase::Failed,
    };
    let hint = match (verb, phase) {
        _ if is_possible => return None,
        (RequestVerb::Promote, Phase::Waiting) => {
            format!("{} lets the run begin", command("approve"))
        }
        (RequestVerb::Promote, Phase::Failed) => {
            format!("{} starts another run of the revision", command("retry"))
        }
        _ => format!("{} shows how far it is", command("describe")),
    };
    Some(nothing.hinted(hint))
}

/// Whether a run waits at a gate, or may come to one.
fn has_gate_ahead(canary: &Canary) -> bool {
    let has = |kind| canary.spec.analysis.webhooks_of(kind).next().is_some();
    match canary.status.phase {
        Phase::Waiting | Phase::WaitingPromotion => true,
        Phase::Progressing => GATES[1..].iter().any(|kind| has(*kind)),
        _ => false,
    }
}

/// A request that was made.
struct Waiting<'a> {
    session: &'a Session,
    object: &'a ObjectRef,
    verb: RequestVerb,
    request: String,
    /// What the Canary has said last.
    told: Option<String>,
}

/// What has become of a request.
enum Outcome {
    Done(String),
    Failed(String),
    Pending,
}

impl Waiting<'_> {
    async fn until_done(&mut self, deadline: Instant) -> Result<(), Failure> {
        let name = &self.object.name;
        progress::waiting(&format!("waiting for canary {name}"));
        loop {
            let canary = read(&self.session.get(self.object, Form::Full).await?)?;
            match self.outcome(&canary) {
                Outcome::Done(text) => {
                    progress::success(&format!("canary {name} {text}"));
                    return Ok(());
                }
                Outcome::Failed(text) => {
                    return Err(said(format!("canary {name} {text}")).hinted(self.advice()));
                }
                Outcome::Pending if Instant::now() >= deadline => {
                    let said_last = self.told.as_deref().unwrap_or("nothing was said");
                    return Err(said(format!(
                        "canary {name} is not there after the timeout: {said_last}"
                    ))
                    .hinted(self.advice()));
                }
                Outcome::Pending => {
                    self.tell(&canary);
                    sleep(POLL_INTERVAL).await;
                }
            }
        }
    }

    fn outcome(&self, canary: &Canary) -> Outcome {
        if canary.status.last_handled_request != self.request.as_str() {
            return Outcome::Pending;
        }
        let phase = canary.status.phase;
        let message = || message(canary);
        match (self.verb, phase) {
            (RequestVerb::Promote, Phase::Succeeded) => Outcome::Done("is promoted".to_owned()),
            (RequestVerb::Promote, Phase::Failed) => {
                Outcome::Failed(format!("has failed: {}", message()))
            }
            (RequestVerb::Promote, _) if phase.is_under_way() => Outcome::Pending,
            (RequestVerb::Abort, Phase::Failed) => Outcome::Done(match weight(&canary.status) {
                0 => "is rolled back".to_owned(),
                weight => format!(
                    "has ended, and keeps {weight} % of the traffic: {}",
                    message()
                ),
            }),
            (RequestVerb::Abort, Phase::Progressing | Phase::WaitingPromotion) => Outcome::Pending,
            (RequestVerb::Approve, _) => Outcome::Done(format!("is approved: {phase}")),
            (RequestVerb::Retry, _) if phase != Phase::Failed => {
                Outcome::Done(format!("is tried again: {phase}"))
            }
            _ => Outcome::Failed(format!("is in phase {phase}: {}", message())),
        }
    }

    fn tell(&mut self, canary: &Canary) {
        let said = format!("{}: {}", canary.status.phase, message(canary));
        if self.told.as_deref() != Some(said.as_str()) {
            progress::waiting(&format!("canary {} {said}", self.object.name));
            self.told = Some(said);
        }
    }

    fn advice(&self) -> String {
        let (name, namespace) = (&self.object.name, &self.object.namespace);
        format!("`trueup canary describe {name} -n {namespace}` tells what happened")
    }
}

/// What a Canary says of itself.
fn message(canary: &Canary) -> String {
    let ready = canary.status.conditions.get(condition_type::READY);
    ready.map_or_else(String::new, |it| it.message.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary(phase: &str, hook: &str) -> Canary {
        let mut object = value!({
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {"targetRef": {"kind": "Deployment", "name": "web"}},
            "status": {"phase": phase},
        });
        if !hook.is_empty() {
            let hooks = value!([{"name": "gate", "type": hook, "url": "http://gate"}]);
            object.set_at(&["spec", "analysis", "webhooks"], hooks);
        }
        Canary::decode(&object).unwrap()
    }

    #[test]
    fn what_the_controller_could_not_do_is_refused_before_it_is_asked() {
        use RequestVerb::{Abort, Approve, Promote, Retry};
        for (verb, phase, hook, is_possible) in [
            (Promote, "Progressing", "", true),
            (Promote, "Waiting", "confirm-rollout", false),
            (Promote, "Promoting", "", false),
            (Promote, "Succeeded", "", false),
            (Abort, "Waiting", "confirm-rollout", true),
            (Abort, "WaitingPromotion", "confirm-promotion", true),
            (Abort, "Finalising", "", false),
            (Approve, "WaitingPromotion", "confirm-promotion", true),
            (Approve, "Progressing", "confirm-promotion", true),
            (Approve, "Progressing", "confirm-rollout", false),
            (Approve, "Progressing", "", false),
            (Approve, "Initialized", "confirm-rollout", false),
            (Retry, "Failed", "", true),
            (Retry, "Succeeded", "", false),
        ] {
            let refused = refusal(&canary(phase, hook), verb);
            assert_eq!(
                refused.is_none(),
                is_possible,
                "{verb:?} in {phase}: {refused:?}"
            );
        }
    }

    #[test]
    fn nothing_is_asked_of_a_canary_that_is_paused() {
        let mut paused = canary("Progressing", "");
        paused.spec.suspend = true;
        let refused = refusal(&paused, RequestVerb::Abort).unwrap();
        assert_eq!(refused.to_string(), "canary web is paused");
        let mut paused = canary("Progressing", "");
        let annotations = &mut paused.metadata.annotations;
        annotations.insert(names::CANARY_PAUSED.into(), "True".into());
        assert!(refusal(&paused, RequestVerb::Promote).is_some());
    }
}
