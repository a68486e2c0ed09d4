//! `trueup check`.

use super::installation::{Distribution, deployments, images, part_of_flux};
use super::{Failure, said};
use crate::arguments::CheckArguments;
use crate::{connect, progress};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trueup_cluster::{Form, LiveObject, Scope, Session};
use trueup_gocompat::{SemverRange, parse_version};
use trueup_health::assess;
use trueup_kinds::{
    INSTALL_NAME, KUBERNETES_RANGE, Widening, progressive_delivery_definitions, widen,
};
use trueup_object::{GroupVersionKind, ObjectRef, Value};

/// Whether a check went well; what went wrong has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
}

impl Verdict {
    fn and(self, other: Self) -> Self {
        if self == Self::Passed { other } else { self }
    }
}

/// Checks the cluster, the controllers and the definitions, in the words of
/// `flux check`. Exits with 1 if anything is not as it should be.
pub async fn run(arguments: CheckArguments) -> Result<ExitCode, Failure> {
    let deadline = Instant::now() + connect::timeout(&arguments.scope);
    progress::action("checking prerequisites");
    let session = connect::session(&arguments.scope).await?;
    let mut verdict = kubernetes(&session).await;
    if arguments.pre {
        return Ok(match verdict {
            Verdict::Passed => {
                progress::success("prerequisites checks passed");
                ExitCode::SUCCESS
            }
            Verdict::Failed => ExitCode::FAILURE,
        });
    }
    progress::action("checking version in cluster");
    verdict = verdict.and(distribution(&session).await?);
    progress::action("checking controllers");
    let namespace = arguments.scope.namespace.as_str();
    let checked = controllers(&session, namespace, arguments.poll_interval, deadline).await?;
    verdict = verdict.and(checked);
    progress::action("checking crds");
    verdict = verdict.and(custom_resources(&session).await?);
    if serves_canaries(&deployments(&session, namespace).await?) {
        verdict = verdict.and(canary_definitions(&session).await?);
    }
    match verdict {
        Verdict::Passed => {
            progress::success("all checks passed");
            Ok(ExitCode::SUCCESS)
        }
        Verdict::Failed => Err(said("check failed")),
    }
}

async fn kubernetes(session: &Session) -> Verdict {
    let version = match session.server_version().await {
        Ok(version) => version,
        Err(error) => return failed(&format!("Kubernetes API call failed: {error}")),
    };
    let Ok(parsed) = parse_version(version.trim_start_matches('v')) else {
        return failed("Kubernetes version can't be determined");
    };
    let range = SemverRange::parse(KUBERNETES_RANGE).expect("the range is a constant of ours");
    if !range.matches(&parsed) {
        return failed(&format!(
            "Kubernetes version {version} does not match {KUBERNETES_RANGE}"
        ));
    }
    let version = version.trim_start_matches('v');
    progress::success(&format!("Kubernetes {version} {KUBERNETES_RANGE}"));
    Verdict::Passed
}

async fn distribution(session: &Session) -> Result<Verdict, Failure> {
    let Some(installed) = Distribution::find(session).await? else {
        return Ok(failed(
            "checking failed: no definition of GitRepository found",
        ));
    };
    if !installed.name.is_empty() {
        progress::success(&format!("distribution: {}", installed.name));
    }
    progress::success(&format!("bootstrapped: {}", installed.is_bootstrapped));
    Ok(Verdict::Passed)
}

async fn controllers(
    session: &Session,
    namespace: &str,
    pause: Duration,
    deadline: Instant,
) -> Result<Verdict, Failure> {
    let listed = deployments(session, namespace).await?;
    if listed.is_empty() {
        let verdict = failed(&format!(
            "no controllers found in the '{namespace}' namespace with the label selector '{}'",
            part_of_flux()
        ));
        progress::hint(
            "looked for are those that run in the cluster; `trueup demo` and `trueup controller` \
             are processes outside of it",
        );
        return Ok(verdict);
    }
    let mut verdict = Verdict::Passed;
    for deployment in &listed {
        verdict = verdict.and(one_controller(session, deployment, pause, deadline).await?);
        images(deployment)
            .iter()
            .for_each(|image| progress::action(image));
    }
    Ok(verdict)
}

/// Waits for one Deployment, as `flux check` does.
async fn one_controller(
    session: &Session,
    deployment: &LiveObject,
    pause: Duration,
    deadline: Instant,
) -> Result<Verdict, Failure> {
    let name = deployment.name();
    loop {
        let Some(live) = session.find(deployment.reference(), Form::Full).await? else {
            return Ok(failed(&format!("{name}: deployment not found")));
        };
        let health = assess(live.value());
        if health.is_current() {
            progress::success(&format!("{name}: deployment ready"));
            return Ok(Verdict::Passed);
        }
        if Instant::now() >= deadline {
            let said = format!("{name}: deployment not ready: {}", health.message);
            return Ok(failed(&said));
        }
        sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
    }
}

async fn custom_resources(session: &Session) -> Result<Verdict, Failure> {
    let selector = part_of_flux();
    let kind = GroupVersionKind::new("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    let scope = Scope::all().labelled(&selector);
    let listed = session.list(&kind, &scope, Form::Full).await?.objects;
    if listed.is_empty() {
        return Ok(failed(&format!(
            "no crds found with the label selector '{selector}'"
        )));
    }
    let verdicts = listed.iter().map(|definition| {
        let stored = definition.value().at(&["status", "storedVersions"]);
        let newest = stored.and_then(Value::as_list).and_then(<[Value]>::last);
        match newest.and_then(Value::as_str) {
            Some(version) => {
                progress::success(&format!("{}/{version}", definition.name()));
                Verdict::Passed
            }
            None => failed(&format!("no stored versions for {}", definition.name())),
        }
    });
    Ok(verdicts.fold(Verdict::Passed, Verdict::and))
}

/// Whether ours is among the controllers, and Canaries are not left to others.
fn serves_canaries(deployments: &[LiveObject]) -> bool {
    let ours = deployments.iter().filter(|it| it.name() == INSTALL_NAME);
    ours.map(|it| arguments(it.value()))
        .any(|arguments| !arguments.contains(&"--canaries=false"))
}

fn arguments(deployment: &Value) -> Vec<&str> {
    let containers = deployment.at(&["spec", "template", "spec", "containers"]);
    let containers = containers.and_then(Value::as_list).unwrap_or_default();
    let lists = containers.iter().filter_map(|it| it.get("args")?.as_list());
    lists.flatten().filter_map(Value::as_str).collect()
}

/// Definitions that Flagger has installed lack fields in which our runs are
/// remembered.
async fn canary_definitions(session: &Session) -> Result<Verdict, Failure> {
    let mut verdict = Verdict::Passed;
    for ours in progressive_delivery_definitions() {
        let reference = ObjectRef::of(&ours).expect("our definitions have names");
        let Some(live) = session.find(&reference, Form::Full).await? else {
            continue;
        };
        let said = match widen(live.value(), &ours) {
            Widening::Enough => continue,
            Widening::Wider(_) => format!("{} lacks fields that runs need", live.name()),
            Widening::NoSuchVersion(version) => {
                format!("{} has no version {version}", live.name())
            }
        };
        verdict = failed(&said);
        progress::hint("`trueup install` adds what is missing, and takes nothing away");
    }
    Ok(verdict)
}

/// Tells what is wrong.
fn failed(text: &str) -> Verdict {
    progress::failure(text);
    Verdict::Failed
}
