//! Decisions about targets against a small store that does as an API server
//! does. Expected values are those of Flagger's own tests where it has some.

mod configs;
mod discovery;
mod edges;
mod primary;
mod properties;
mod readiness;
mod scaling;
mod service_target;
mod services;
mod tracking;

use super::{Observed, TargetError, TargetOptions, View, Write};
use trueup_kinds::{Canary, Resource};
use trueup_object::{GroupVersionKind, ObjectRef, Value, from_yaml};

type Step<'s> = &'s dyn Fn(&View<'_>) -> Result<Vec<Write>, TargetError>;

/// A namespace with what was read of it.
struct World {
    canary: Canary,
    options: TargetOptions,
    observed: Observed,
}

fn yaml(text: &str) -> Value {
    from_yaml(text).expect("fixtures are YAML")
}

fn reference(kind: &str, name: &str) -> ObjectRef {
    let api_version = match kind {
        "Deployment" | "DaemonSet" => "apps/v1",
        "HorizontalPodAutoscaler" => "autoscaling/v2",
        "ScaledObject" => "keda.sh/v1alpha1",
        _ => "v1",
    };
    ObjectRef {
        kind: GroupVersionKind::new(api_version, kind),
        namespace: "default".into(),
        name: name.into(),
    }
}

fn config(entry: &Value) -> Value {
    let text = |key: &str| entry.str_at(&[key]);
    let kind = text("kind").expect("a kind");
    let mut object = yaml("{apiVersion: v1}");
    object.set_at(&["kind"], kind.into());
    object.set_at(&["metadata", "name"], text("name").into_value());
    object.set_at(&["metadata", "namespace"], "default".into());
    if let Some(tracking) = text("tracking") {
        object.set_at(
            &["metadata", "annotations", "flagger.app/config-tracking"],
            tracking.into(),
        );
    }
    if kind == "Secret" {
        object.set_at(&["type"], text("type").unwrap_or("Opaque").into());
        object.set_at(&["data", "apiKey"], "dGVzdA==".into());
    } else {
        object.set_at(&["data", "color"], "red".into());
    }
    object
}

trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for Option<&str> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, Value::from)
    }
}

impl World {
    fn empty() -> Self {
        let canary = Canary::read(&yaml(include_str!("data/canary.yaml")));
        let options = TargetOptions {
            selector_labels: vec!["app".into(), "name".into()],
            include_label_prefixes: vec!["app.kubernetes.io".into()],
            ..TargetOptions::default()
        };
        Self {
            canary: canary.expect("the fixture is a Canary"),
            options,
            observed: Observed::new(),
        }
    }

    /// Flagger's Deployment with its ConfigMaps and Secrets.
    fn deployment() -> Self {
        let mut world = Self::empty();
        world
            .observed
            .found(yaml(include_str!("data/deployment.yaml")));
        for entry in yaml(include_str!("data/configs.yaml")).as_list().unwrap() {
            world.observed.found(config(entry));
        }
        world
    }

    fn daemon_set() -> Self {
        let mut world = Self::empty();
        world.canary.spec.target_ref.kind = "DaemonSet".into();
        world
            .observed
            .found(yaml(include_str!("data/daemonset.yaml")));
        world
    }

    fn view(&self) -> View<'_> {
        View {
            canary: &self.canary,
            options: &self.options,
            observed: &self.observed,
        }
    }

    /// Takes a step as often as it asks for more; what nobody has put there is
    /// absent.
    fn decide(&mut self, step: Step<'_>) -> Result<Vec<Write>, String> {
        loop {
            match step(&self.view()) {
                Ok(writes) => return Ok(writes),
                Err(TargetError::NeedsRead(unread)) => {
                    assert!(!unread.is_empty());
                    for object in unread {
                        self.observed.absent(object);
                    }
                }
                Err(TargetError::Refused(message)) => return Err(message),
            }
        }
    }

    /// Takes a step, does what it says, and takes it again: then there must be
    /// nothing left to do.
    fn settle(&mut self, step: Step<'_>) -> Vec<Write> {
        let writes = self.decide(step).expect("the step is possible");
        for write in &writes {
            self.write(write);
        }
        assert_eq!(self.decide(step), Ok(Vec::new()), "not settled");
        writes
    }

    fn write(&mut self, write: &Write) {
        let object = write.object().expect("written objects have names");
        match write {
            Write::Create(new) => {
                assert!(self.observed.get(&object).is_none(), "{object} is there");
                self.observed.found(stored(new.clone()));
            }
            Write::Replace(new) => {
                assert!(
                    self.observed.get(&object).is_some(),
                    "{object} is not there"
                );
                self.observed.found(stored(new.clone()));
            }
            Write::MergePatch { patch, .. } => {
                let mut patched = self.get(&object.kind.kind, &object.name).clone();
                merge(&mut patched, patch);
                self.observed.found(stored(patched));
            }
            Write::Delete(object) => self.observed.absent(object.clone()),
        }
    }

    fn get(&self, kind: &str, name: &str) -> &Value {
        self.observed
            .get(&reference(kind, name))
            .unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    fn has(&self, kind: &str, name: &str) -> bool {
        self.observed.get(&reference(kind, name)).is_some()
    }

    /// Changes one field of an object, as somebody else would.
    fn change(&mut self, kind: &str, name: &str, path: &[&str], new: impl Into<Value>) {
        let mut object = self.get(kind, name).clone();
        object.set_at(path, new.into());
        self.observed.found(object);
    }

    fn remove(&mut self, kind: &str, name: &str, path: &[&str]) {
        let mut object = self.get(kind, name).clone();
        object.remove_at(path);
        self.observed.found(object);
    }
}

/// What an API server makes of what it is given.
fn stored(mut object: Value) -> Value {
    let fill = |object: &mut Value, path: &[&str], new: Value| {
        if object.at(path).is_none() {
            object.set_at(path, new);
        }
    };
    let name = object.str_at(&["metadata", "name"]).unwrap_or_default();
    let uid = format!("uid-of-{name}");
    fill(&mut object, &["metadata", "uid"], uid.into());
    match object.str_at(&["kind"]) {
        Some("Service") if object.str_at(&["spec", "type"]) != Some("ExternalName") => {
            fill(&mut object, &["spec", "clusterIP"], "10.0.0.1".into());
            fill(&mut object, &["spec", "sessionAffinity"], "None".into());
            fill(
                &mut object,
                &["spec", "internalTrafficPolicy"],
                "Cluster".into(),
            );
        }
        Some("Deployment") => {
            fill(&mut object, &["spec", "revisionHistoryLimit"], 10.into());
        }
        _ => {}
    }
    object
}

/// RFC 7396.
fn merge(value: &mut Value, patch: &Value) {
    let Some(members) = patch.as_map() else {
        *value = patch.clone();
        return;
    };
    if value.as_map().is_none() {
        *value = Value::map();
    }
    for (key, member) in members {
        let map = value.as_map_mut().expect("made a map");
        if member.is_null() {
            map.remove(key);
        } else {
            merge(map.entry(key), member);
        }
    }
}

fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    object
        .str_at(path)
        .unwrap_or_else(|| panic!("no text at {path:?} in {object:?}"))
}
