//! Waiting until what was applied works.

use crate::commands::{Failure, said};
use crate::progress;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trueup_cluster::{Form, LiveObject, Scope, Session};
use trueup_health::{Health, HealthStatus, assess};
use trueup_kinds::INSTALL_NAME;
use trueup_object::{GroupVersionKind, ObjectRef, Value};

const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Waits until every definition is established, so that objects of its kind
/// can be made.
pub async fn definitions(
    session: &Session,
    ground: &[Value],
    deadline: Instant,
) -> Result<(), Failure> {
    let definitions = ground
        .iter()
        .filter_map(ObjectRef::of)
        .filter(|it| it.kind.kind == "CustomResourceDefinition");
    for reference in definitions {
        loop {
            let live = session.get(&reference, Form::Full).await?;
            let health = assess(live.value());
            if health.is_current() {
                break;
            }
            if Instant::now() >= deadline {
                return Err(said(format!(
                    "{reference} is not established: {}",
                    health.message
                )));
            }
            sleep(POLL_INTERVAL).await;
        }
    }
    session.cluster().invalidate_discovery();
    Ok(())
}

/// Waits until the Deployment is what it should be, and says what it waits
/// for whenever that changes.
pub async fn workload(
    session: &Session,
    namespace: &str,
    deadline: Instant,
) -> Result<(), Failure> {
    let reference = ObjectRef {
        kind: GroupVersionKind::new("apps/v1", "Deployment"),
        namespace: namespace.into(),
        name: INSTALL_NAME.into(),
    };
    let mut told = Health::new(HealthStatus::Unknown, "");
    loop {
        let health = match session.find(&reference, Form::Full).await? {
            Some(live) => assess(live.value()),
            None => Health::not_found(),
        };
        if health.is_current() {
            progress::success(&format!("{INSTALL_NAME}: deployment ready"));
            return Ok(());
        }
        if health != told {
            progress::waiting(&format!("{INSTALL_NAME}: {}", health.message));
            told = health.clone();
        }
        if health.status == HealthStatus::Failed || Instant::now() >= deadline {
            progress::failure(&format!("{INSTALL_NAME}: deployment not ready"));
            for trouble in troubles(session, namespace).await? {
                progress::failure(&trouble);
            }
            return Err(said("install failed"));
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// Why Pods of the Deployment do not run, in the kubelet's and the
/// scheduler's words.
async fn troubles(session: &Session, namespace: &str) -> Result<Vec<String>, Failure> {
    let scope = Scope::namespace(namespace).labelled(&format!("app={INSTALL_NAME}"));
    let pods = session
        .list(&GroupVersionKind::new("v1", "Pod"), &scope, Form::Full)
        .await?;
    Ok(pods.objects.iter().flat_map(troubles_of).collect())
}

fn troubles_of(pod: &LiveObject) -> Vec<String> {
    let list = |path: &[&str]| {
        pod.value()
            .at(path)
            .and_then(Value::as_list)
            .unwrap_or_default()
    };
    let told = |state: &Value| {
        let text = |key| state.str_at(&[key]).unwrap_or_default();
        let sentence = format!("{} {}", text("reason"), text("message"));
        format!("{}: {}", pod.reference(), sentence.trim_end())
    };
    let unscheduled = list(&["status", "conditions"]).iter().filter(|condition| {
        condition.str_at(&["type"]) == Some("PodScheduled")
            && condition.str_at(&["status"]) == Some("False")
    });
    let containers = list(&["status", "containerStatuses"]).iter();
    let states = containers.flat_map(|container| {
        [&["state", "waiting"], &["lastState", "terminated"]]
            .into_iter()
            .filter_map(|path| container.at(path))
    });
    unscheduled.chain(states).map(told).collect()
}
