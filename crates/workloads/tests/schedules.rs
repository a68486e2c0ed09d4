//! Any schedule of changes, deaths, late news and restarts ends as wanted.

use crate::world::{Change, World, template};
use std::collections::VecDeque;
use trueup_cluster::LiveObject;
use trueup_object::{Value, value};
use trueup_workloads::Kind::{
    ControllerRevision, DaemonSet, Deployment, Pod, ReplicaSet, StatefulSet,
};
use trueup_workloads::{Action, Cache, Key, Kind, decide};

/// Events of a schedule before it is let come to rest.
const EVENTS: u32 = 60;

/// More steps than any schedule takes.
const MAX_STEPS: u32 = 4_000;

/// A server, and controllers that see it late.
struct Stage {
    world: World,
    view: Cache,
    late: VecDeque<Change>,
    seed: u64,
}

impl Stage {
    fn new(seed: u64) -> Self {
        let mut stage = Self {
            world: World::new(seed),
            view: Cache::default(),
            late: VecDeque::new(),
            seed,
        };
        for object in [node(), deployment(), stateful_set(), daemon_set()] {
            stage.world.put(object);
        }
        stage.overhear();
        stage
    }

    /// What others did becomes news that is yet to come.
    fn overhear(&mut self) {
        self.late.extend(self.world.changes.drain(..));
    }

    fn hear(&mut self, count: usize) {
        for change in self.late.drain(..count) {
            take(&mut self.view, change);
        }
    }

    /// New controllers have seen all that the server has.
    fn restart(&mut self) {
        self.late.clear();
        self.view = Cache::default();
        for kind in Kind::ALL {
            for object in self.world.all(kind) {
                self.view.put(object);
            }
        }
    }

    fn event(&mut self) {
        match self.world.random.u32(0..12) {
            0 => self.scale(),
            1 => self.retemplate(),
            2 => self.kill_pod(),
            3 => self.restart(),
            _ => {
                let count = self.world.random.usize(0..=self.late.len());
                self.hear(count);
                self.step();
            }
        }
        self.overhear();
    }

    fn scale(&mut self) {
        let replicas = self.world.random.i64(0..6);
        let (kind, name) = if self.world.random.bool() {
            (Deployment, "web")
        } else {
            (StatefulSet, "db")
        };
        self.world.change(kind, name, |object| {
            object.set_at(&["spec", "replicas"], replicas.into());
        });
    }

    fn retemplate(&mut self) {
        let tag = self.world.random.u32(1..4);
        let (kind, name) = [
            (Deployment, "web"),
            (StatefulSet, "db"),
            (DaemonSet, "agent"),
        ][self.world.random.usize(0..3)];
        self.world.change(kind, name, |object| {
            let image = format!("nginx:{tag}");
            object.set_at(
                &["spec", "template", "spec", "containers"],
                value!([{"name": "app", "image": image}]),
            );
        });
    }

    fn kill_pod(&mut self) {
        let pods = self.world.all(Pod);
        if !pods.is_empty() {
            let pod = &pods[self.world.random.usize(0..pods.len())];
            self.world.perform(Action::Delete {
                reference: pod.reference().clone(),
                uid: pod.uid().clone(),
            });
        }
    }

    /// One decision, made from what was seen; its answers are seen at once.
    /// Tells whether there was anything to do.
    fn step(&mut self) -> bool {
        let mut keys: Vec<Key> = self.view.keys().cloned().collect();
        self.world.random.shuffle(&mut keys);
        for key in keys {
            let decision = decide(&key, &self.view, &self.world.setting());
            if decision.actions.is_empty() {
                continue;
            }
            self.check(&key, &decision.actions);
            for action in decision.actions {
                self.world.perform(action);
            }
            for change in &self.world.changes {
                take(&mut self.view, change.clone());
            }
            self.overhear();
            return true;
        }
        false
    }

    fn check(&self, key: &Key, actions: &[Action]) {
        if key.kind == ReplicaSet {
            self.check_creations(key, actions);
        }
        if key.kind == Deployment {
            self.check_availability(key, actions);
        }
    }

    /// No Pod is made where the server has as many as anybody wanted.
    fn check_creations(&self, key: &Key, actions: &[Action]) {
        let creations = i64::try_from(count_creations(actions)).unwrap();
        let seen = self.view.get(key).unwrap();
        let there = self.world.cache.controlled_by(seen.uid(), Pod).count();
        let wanted = |set: &LiveObject| set.value().i64_at(&["spec", "replicas"]).unwrap();
        let now = self.world.cache.get(key).map_or(0, wanted);
        assert!(
            creations == 0 || i64::try_from(there).unwrap() + creations <= wanted(seen).max(now),
            "seed {}: {} makes {creations} Pods beside {there}",
            self.seed,
            key.name
        );
    }

    /// Apart from a change of size, no Pods that serve are given up below what
    /// must be available.
    fn check_availability(&self, key: &Key, actions: &[Action]) {
        let live = self.view.get(key).unwrap();
        let replicas = live.value().i64_at(&["spec", "replicas"]).unwrap();
        let sets: Vec<&LiveObject> = self.view.controlled_by(live.uid(), ReplicaSet).collect();
        let desired = replicas.to_string();
        let resized = sets.iter().any(|set| {
            set.annotation("deployment.kubernetes.io/desired-replicas") != Some(&desired)
        });
        if resized {
            return;
        }
        let serving = |size_of: &dyn Fn(&LiveObject) -> i64| -> i64 {
            let available = |set: &&LiveObject| {
                let available = set.value().i64_at(&["status", "availableReplicas"]);
                available.unwrap_or(0).min(size_of(set))
            };
            sets.iter().map(available).sum()
        };
        let size = |set: &LiveObject| set.value().i64_at(&["spec", "replicas"]).unwrap();
        let before = serving(&size);
        let after = serving(&|set| new_size(set, actions).unwrap_or_else(|| size(set)));
        // At most a quarter may be missing, rounded down.
        let least = replicas - (replicas / 4);
        assert!(
            after >= before.min(least),
            "seed {}: from {before} to {after} of {replicas}",
            self.seed
        );
    }

    /// All news come, and everything is done that anybody wants.
    fn settle(&mut self) {
        for _ in 0..MAX_STEPS {
            self.hear(self.late.len());
            if !self.step() && self.late.is_empty() {
                return;
            }
        }
        panic!("seed {}: does not come to rest", self.seed);
    }
}

fn take(view: &mut Cache, change: Change) {
    match change {
        Change::Put(object) => {
            view.put(object);
        }
        Change::Gone(key, uid) => view.remove(&key, &uid),
    }
}

fn count_creations(actions: &[Action]) -> usize {
    let count = |action: &Action| match action {
        Action::Create(object) => usize::from(object.str_at(&["kind"]) == Some("Pod")),
        Action::InOrder(actions) | Action::SlowStart(actions) => count_creations(actions),
        Action::Told { write, .. } => count_creations(std::slice::from_ref(write)),
        _ => 0,
    };
    actions.iter().map(count).sum()
}

fn new_size(set: &LiveObject, actions: &[Action]) -> Option<i64> {
    actions.iter().find_map(|action| match action {
        Action::Merge {
            reference, patch, ..
        } if reference == set.reference() => patch.i64_at(&["spec", "replicas"]),
        Action::Told { write, .. } => new_size(set, std::slice::from_ref(write)),
        Action::InOrder(actions) => new_size(set, actions),
        _ => None,
    })
}

fn labelled(app: &str) -> Value {
    let mut template = template("nginx:1");
    template.set_at(&["metadata", "labels", "app"], app.into());
    template
}

fn node() -> Value {
    value!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "trueup"}})
}

fn deployment() -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {
            "replicas": 4, "selector": {"matchLabels": {"app": "web"}},
            "template": (labelled("web")), "progressDeadlineSeconds": 600, "revisionHistoryLimit": 2,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        },
    })
}

fn stateful_set() -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "n"},
        "spec": {
            "replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": (labelled("db")), "revisionHistoryLimit": 1, "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        },
    })
}

fn daemon_set() -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "agent", "namespace": "n"},
        "spec": {
            "selector": {"matchLabels": {"app": "agent"}}, "revisionHistoryLimit": 1,
            "template": (labelled("agent")),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
        },
    })
}

/// The Pods are those wanted, of the present templates, and each has an owner
/// that is there.
fn assert_as_wanted(stage: &Stage) {
    let world = &stage.world;
    let mut wanted = 0;
    for (kind, name) in [
        (Deployment, "web"),
        (StatefulSet, "db"),
        (DaemonSet, "agent"),
    ] {
        let owner = world.get(kind, name);
        let image = |object: &LiveObject, path: &[&str]| {
            let spec = object.value().at(path).unwrap();
            spec.at(&["containers"]).cloned()
        };
        let due = owner.value().i64_at(&["spec", "replicas"]).unwrap_or(1);
        wanted += due;
        let app = owner
            .value()
            .str_at(&["spec", "selector", "matchLabels", "app"]);
        let pods: Vec<LiveObject> = world
            .all(Pod)
            .into_iter()
            .filter(|pod| pod.label("app") == app)
            .collect();
        assert_eq!(
            i64::try_from(pods.len()).unwrap(),
            due,
            "seed {}: Pods of {name}",
            stage.seed
        );
        for pod in &pods {
            let template = image(&owner, &["spec", "template", "spec"]);
            assert_eq!(image(pod, &["spec"]), template, "seed {}", stage.seed);
        }
    }
    assert_eq!(i64::try_from(world.all(Pod).len()).unwrap(), wanted);
    for kind in [Pod, ReplicaSet, ControllerRevision] {
        for object in world.all(kind) {
            let owner = world.cache.controller_of(&object);
            assert!(
                owner.is_some(),
                "seed {}: {} is an orphan",
                stage.seed,
                object.name()
            );
        }
    }
}

#[test]
fn any_schedule_ends_with_exactly_the_wanted_pods() {
    for seed in 0..60 {
        let mut stage = Stage::new(seed);
        for _ in 0..EVENTS {
            stage.event();
        }
        stage.settle();
        assert_as_wanted(&stage);
    }
}
