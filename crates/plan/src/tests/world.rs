//! A cluster small enough for a test: objects, apply, edits, deletion.

use crate::*;
use std::collections::BTreeMap;
use trueup_kinds::{Inventory, names, object_id};
use trueup_object::{ObjectRef, Text, Value, value};
use trueup_schema::{
    ApplyInput, FieldSet, Force, SameShape, Schemas, Type, UpdateInput, apply, json_patch, update,
};

pub(super) fn owner() -> Owner {
    Owner {
        namespace: "flux-system".into(),
        name: "apps".into(),
    }
}

pub(super) fn config_map(name: &str, data: &[(&str, &str)]) -> Value {
    let data: Value = Value::Map(
        data.iter()
            .map(|(key, text)| (*key, Value::from(*text)))
            .collect(),
    );
    value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "prod"}, "data": data})
}

pub(super) fn deployment(name: &str, replicas: i64, image: &str) -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "prod"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    })
}

pub(super) fn namespace(name: &str) -> Value {
    value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

pub(super) fn desired(manifest: Value) -> Desired {
    Desired::new(manifest, &owner()).unwrap()
}

pub(super) fn type_of(object: &Value) -> Type {
    let kind = ObjectRef::of(object).unwrap().kind;
    Schemas::builtin()
        .type_for(&kind)
        .unwrap_or_else(Type::deduced)
}

#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub objects: BTreeMap<Text, Value>,
    pub clock: u32,
    pub writes: usize,
    pub dry_runs: usize,
}

impl World {
    fn now(&self) -> String {
        format!(
            "2026-01-01T{:02}:{:02}:{:02}Z",
            self.clock / 3600,
            self.clock / 60 % 60,
            self.clock % 60
        )
    }

    pub fn live(&self, object: &ObjectRef) -> Option<&Value> {
        self.objects.get(&object_id(object))
    }

    pub fn applied(&self, manifest: &Value) -> Value {
        self.applied_by(names::APPLY_MANAGER, manifest)
    }

    /// An apply of somebody else.
    pub fn apply_as(&mut self, manager: &str, manifest: &Value) {
        self.clock += 60;
        let object = self.applied_by(manager, manifest);
        self.store(object);
    }

    fn applied_by(&self, manager: &str, manifest: &Value) -> Value {
        let live = self.live(&ObjectRef::of(manifest).unwrap());
        let typ = type_of(manifest);
        let applied = apply(&ApplyInput {
            live,
            applied: manifest,
            typ: &typ,
            manager,
            api_version: manifest.str_at(&["apiVersion"]).unwrap(),
            subresource: "",
            force: Force::Yes,
            reset: &FieldSet::new(),
            now: &self.now(),
            versions: &SameShape(&typ),
        });
        applied.unwrap().object
    }

    fn store(&mut self, mut object: Value) -> Value {
        self.clock += 1;
        let reference = ObjectRef::of(&object).unwrap();
        let uid = self
            .live(&reference)
            .map(|live| live.str_at(&["metadata", "uid"]).unwrap().to_owned());
        let uid = uid.unwrap_or_else(|| format!("uid-{}", self.clock));
        object.set_at(&["metadata", "uid"], uid.into());
        object.set_at(
            &["metadata", "resourceVersion"],
            self.clock.to_string().into(),
        );
        self.objects.insert(object_id(&reference), object.clone());
        object
    }

    pub fn apply(&mut self, manifest: &Value) -> Value {
        self.writes += 1;
        let object = self.applied(manifest);
        self.store(object)
    }

    /// An edit of somebody else, through a subresource if one is named.
    pub fn edit(
        &mut self,
        object: &ObjectRef,
        manager: &str,
        subresource: &str,
        change: impl FnOnce(&mut Value),
    ) {
        self.clock += 60;
        let live = self.live(object).cloned();
        let mut new = live.clone().unwrap_or_else(Value::map);
        change(&mut new);
        let typ = type_of(&new);
        let api_version = new.str_at(&["apiVersion"]).unwrap().to_owned();
        let tracked = update(&UpdateInput {
            live: live.as_ref(),
            new: &new,
            typ: &typ,
            manager,
            api_version: &api_version,
            subresource,
            reset: &FieldSet::new(),
            now: &self.now(),
            versions: &SameShape(&typ),
        });
        self.store(tracked);
    }

    pub fn create_by(&mut self, manager: &str, object: &Value) {
        let reference = ObjectRef::of(object).unwrap();
        self.edit(&reference, manager, "", |new| *new = object.clone());
    }

    pub fn patch(&mut self, object: &ObjectRef, patch: &Value) {
        let patched = json_patch(self.live(object).unwrap(), patch).unwrap();
        self.store(patched);
    }

    pub fn delete(&mut self, object: &ObjectRef) {
        self.writes += 1;
        self.objects.remove(&object_id(object));
    }

    pub fn observe(&self, objects: impl IntoIterator<Item = ObjectRef>) -> Observed {
        let seen = |object: ObjectRef| {
            let observation = self
                .live(&object)
                .cloned()
                .map_or(Observation::Absent, Observation::Live);
            (object, observation)
        };
        objects.into_iter().map(seen).collect()
    }
}

/// One Kustomization at work on a world.
#[derive(Clone, Debug, Default)]
pub(super) struct Applier {
    pub world: World,
    pub inventory: Inventory,
    pub records: Records,
    pub options: PlanOptions,
}

impl Applier {
    pub fn pruning() -> Self {
        Self {
            options: PlanOptions {
                prune: Pruning::On,
                ..PlanOptions::default()
            },
            ..Self::default()
        }
    }

    pub fn planned(&self, wanted: &[Desired]) -> Planned {
        let objects = wanted
            .iter()
            .map(|it| it.reference().clone())
            .chain(self.inventory.objects());
        let observed = self.world.observe(objects);
        plan(&PlanInput {
            owner: &owner(),
            desired: wanted,
            observed: &observed,
            inventory: &self.inventory,
            records: &self.records,
            options: self.options,
        })
    }

    pub fn plan(&self, wanted: &[Desired]) -> Plan {
        match self.planned(wanted) {
            Planned::Plan(plan) => plan,
            other => panic!("{other:?}"),
        }
    }

    /// Carries a plan out; stops after `budget` steps as if it were killed.
    /// Answers whether it came to its end.
    pub fn run(&mut self, wanted: &[Desired], mut budget: usize) -> bool {
        let mut step = || {
            let left = budget > 0;
            budget = budget.saturating_sub(1);
            left
        };
        let plan = self.plan(wanted);
        if let Some(union) = plan.inventory_before(plan.actions()) {
            if !step() {
                return false;
            }
            self.inventory = union;
        }
        for action in plan.actions() {
            if !step() {
                return false;
            }
            self.act(action, wanted);
        }
        let mut gone = Vec::new();
        for removal in plan
            .prune
            .iter()
            .filter(|removal| removal.verb == RemovalVerb::Delete)
        {
            if !step() {
                return false;
            }
            self.world.delete(&removal.object);
            gone.push(removal.object.clone());
        }
        if !step() {
            return false;
        }
        self.inventory = plan.inventory_after(&gone);
        true
    }

    fn act(&mut self, action: &Action, wanted: &[Desired]) {
        let wanted = wanted
            .iter()
            .find(|it| *it.reference() == action.object)
            .unwrap();
        let live = self.world.live(&action.object).cloned();
        let action = match action.check {
            Check::None => action.clone(),
            Check::DryRun => {
                self.world.dry_runs += 1;
                let answer = DryRun::Accepted(self.world.applied(&action.manifest));
                settle(action, live.as_ref(), &answer, self.options.force).unwrap()
            }
        };
        let now = match action.verb {
            Verb::Skip => return,
            Verb::Unchanged => live.unwrap(),
            Verb::Create | Verb::Apply | Verb::Recreate => {
                if let Some(patch) = &action.take_over {
                    self.world.patch(&action.object, patch);
                }
                self.world.apply(&action.manifest)
            }
        };
        self.records
            .insert(&action.object, Record::of(wanted, &now));
    }
}
