//! `trueup canary`.

mod describe;
mod pause;
mod request;

use super::{Failure, get, said};
use crate::arguments::{CanaryArguments, CanaryWhat, GetArguments, GetWhat};
use crate::connect;
use std::process::ExitCode;
use trueup_cluster::LiveObject;
use trueup_kinds::{Canary, names};
use trueup_rollout::machine::RequestVerb;

/// Shows Canaries, or asks their controller for something.
pub async fn run(arguments: CanaryArguments) -> Result<ExitCode, Failure> {
    let scope = arguments.scope;
    let asked = |verb| (connect::timeout(&scope), verb);
    let (target, (timeout, verb)) = match arguments.what {
        CanaryWhat::Get(wanted) => {
            let what = GetWhat::Canaries { name: wanted.name };
            let list = wanted.list;
            return get::run(GetArguments { scope, list, what }).await;
        }
        CanaryWhat::Describe { name } => return describe::run(&scope, &name).await,
        CanaryWhat::Pause(wanted) => return pause::pause(&scope, &wanted).await,
        CanaryWhat::Resume(wanted) => return pause::resume(&scope, &wanted).await,
        CanaryWhat::Promote(target) => (target, asked(RequestVerb::Promote)),
        CanaryWhat::Abort(target) => (target, asked(RequestVerb::Abort)),
        CanaryWhat::Approve(target) => (target, asked(RequestVerb::Approve)),
        CanaryWhat::Retry(target) => (target, asked(RequestVerb::Retry)),
    };
    let session = connect::session(&scope).await?;
    request::run(&session, &scope.namespace, &target, verb, timeout).await
}

/// Reads a live object, or says in its own words why it can't be read.
fn read(live: &LiveObject) -> Result<Canary, Failure> {
    Canary::decode(live.value()).map_err(|errors| said(format!("{}: {errors}", live.reference())))
}

/// Whether nothing is done with a Canary until somebody resumes it.
fn is_paused(canary: &Canary) -> bool {
    let paused = canary.metadata.annotations.get(names::CANARY_PAUSED);
    canary.spec.suspend || paused.is_some_and(|it| it.eq_ignore_ascii_case("true"))
}
