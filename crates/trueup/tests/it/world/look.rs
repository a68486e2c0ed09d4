//! Looking at the cluster until it is as it should be.

use super::World;
use std::panic::Location;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trueup_cluster::{Form, Scope};
use trueup_object::{GroupVersionKind, ObjectRef, Value};

/// After this a test gives up. Nothing asserts how long something took.
const DEADLINE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(50);

/// Looks again and again until it is as wanted; panics with what was seen
/// last at the deadline.
#[track_caller]
pub fn until<T>(mut look: impl AsyncFnMut() -> Result<T, String>) -> impl Future<Output = T> {
    let caller = Location::caller();
    async move {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match look().await {
                Ok(found) => return found,
                Err(seen) if Instant::now() > deadline => {
                    panic!("{caller}: not within {} s: {seen}", DEADLINE.as_secs());
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

impl World {
    /// An object as it is now.
    pub async fn find(&self, reference: &ObjectRef) -> Option<Value> {
        let found = self.session.find(reference, Form::Full).await.unwrap();
        found.map(|object| object.value().clone())
    }

    /// An object that must be there.
    pub async fn live(&self, reference: &ObjectRef) -> Value {
        self.find(reference)
            .await
            .unwrap_or_else(|| panic!("{reference} is not there"))
    }

    /// Waits until an object is there and as wanted.
    pub async fn becomes(
        &self,
        reference: &ObjectRef,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        until(async || match self.find(reference).await {
            Some(object) if is_wanted(&object) => Ok(object),
            Some(object) => Err(format!("{reference} is\n{}", shown(object))),
            None => Err(format!("{reference} is not there")),
        })
        .await
    }

    /// Waits until an object is gone.
    pub async fn is_gone(&self, reference: &ObjectRef) {
        until(async || match self.find(reference).await {
            None => Ok(()),
            Some(_) => Err(format!("{reference} is still there")),
        })
        .await;
    }

    /// A Kustomization of this test.
    pub fn kustomization_reference(&self, name: &str) -> ObjectRef {
        self.reference("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name)
    }

    /// The GitRepository of this test.
    pub fn repository_reference(&self) -> ObjectRef {
        self.reference("source.toolkit.fluxcd.io/v1", "GitRepository", "fleet")
    }

    /// Waits until a Kustomization is ready at a commit.
    pub async fn applied(&self, name: &str, commit: &str) -> Value {
        let reference = self.kustomization_reference(name);
        self.becomes(&reference, |it| {
            is_ready(it) && applied_revision(it).ends_with(commit)
        })
        .await
    }

    /// Waits until an object is ready by its own word.
    pub async fn is_ready(&self, reference: &ObjectRef) -> Value {
        self.becomes(reference, is_ready).await
    }

    /// Waits until an object says that it is not ready, for a reason and in
    /// these words, and that an event says the same.
    pub async fn fails(&self, reference: &ObjectRef, reason: &str, words: &[&str]) {
        self.fails_without_event(reference, reason, words).await;
        self.event(reference, reason, words).await;
    }

    /// Waits until an object says that it is not ready, for a reason and in
    /// these words.
    pub async fn fails_without_event(&self, reference: &ObjectRef, reason: &str, words: &[&str]) {
        let says_so = |it: &Value| {
            let text = |key| {
                condition(it, "Ready")
                    .and_then(|ready| ready.str_at(&[key]))
                    .unwrap_or_default()
            };
            is_observed(it)
                && text("status") == "False"
                && text("reason") == reason
                && words.iter().all(|word| text("message").contains(word))
        };
        self.becomes(reference, says_so).await;
    }

    /// Waits for an event about an object; returns it.
    pub async fn event(&self, reference: &ObjectRef, reason: &str, words: &[&str]) -> Value {
        until(async || {
            let events = self.events(reference).await;
            let found = events.iter().find(|event| {
                let message = event.str_at(&["message"]).unwrap_or_default();
                event.str_at(&["reason"]) == Some(reason)
                    && words.iter().all(|word| message.contains(word))
            });
            found
                .cloned()
                .ok_or_else(|| format!("no event {reason} with {words:?} among {}", lines(&events)))
        })
        .await
    }

    /// The events about an object.
    pub async fn events(&self, reference: &ObjectRef) -> Vec<Value> {
        let scope = Scope::namespace(&self.namespace);
        let listed = self
            .session
            .list(&GroupVersionKind::new("v1", "Event"), &scope, Form::Full)
            .await
            .unwrap();
        let events = listed.objects.iter().map(|event| event.value().clone());
        events
            .filter(|event| {
                event.str_at(&["involvedObject", "kind"]) == Some(&reference.kind.kind)
                    && event.str_at(&["involvedObject", "name"]) == Some(&reference.name)
            })
            .collect()
    }

    /// Waits until a Deployment wants and has so many Pods.
    pub async fn has_replicas(&self, name: &str, count: i64) -> Value {
        let reference = self.reference("apps/v1", "Deployment", name);
        self.becomes(&reference, |it| {
            it.i64_at(&["spec", "replicas"]) == Some(count)
                && it.i64_at(&["status", "readyReplicas"]) == Some(count)
        })
        .await
    }

    /// Prints what a person would look at after a failure.
    pub async fn tell(&self) {
        for what in ["gitrepositories,kustomizations,deployments,pods", "events"] {
            let answer = self.try_kubectl(&["get", what, "-o", "wide"]).await;
            println!("{}{}", answer.out, answer.err);
        }
    }
}

/// An object for people.
fn shown(mut object: Value) -> String {
    object.remove_at(&["metadata", "managedFields"]);
    trueup_object::to_yaml(&object)
}

fn lines(events: &[Value]) -> String {
    let line = |event: &Value| {
        let text = |key| event.str_at(&[key]).unwrap_or_default();
        format!("\n  {}: {}", text("reason"), text("message"))
    };
    events.iter().map(line).collect()
}

/// A condition of an object.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object.at(&["status", "conditions"])?.as_list()?;
    conditions
        .iter()
        .find(|condition| condition.str_at(&["type"]) == Some(kind))
}

fn is_observed(object: &Value) -> bool {
    object.i64_at(&["status", "observedGeneration"]) == object.i64_at(&["metadata", "generation"])
}

fn is_ready(object: &Value) -> bool {
    let status = condition(object, "Ready").and_then(|ready| ready.str_at(&["status"]));
    is_observed(object) && status == Some("True")
}

fn applied_revision(kustomization: &Value) -> &str {
    kustomization
        .str_at(&["status", "lastAppliedRevision"])
        .unwrap_or_default()
}
