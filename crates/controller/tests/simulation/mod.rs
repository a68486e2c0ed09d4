//! Seeded schedules: random pushes, changes by hand, faults and kills, on one
//! thread in virtual time. When it gets quiet the cluster is what Git says,
//! and nothing foreign was touched.
//!
//! `TRUEUP_SIMULATION_SCHEDULES` sets how many schedules run,
//! `TRUEUP_SIMULATION_SEED` replays one.

use super::world::{NAMESPACE, World, condition, map};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use trueup_cluster::{DeleteOptions, Form, LiveObject, Patch, Scope, WriteOptions};
use trueup_object::{GroupVersionKind, Value, value};
use trueup_source::FetchErrorKind;
use trueup_testkit::{FaultRates, Kill, virtual_time};

/// How many schedules run unless the environment says otherwise.
const SCHEDULES: u64 = 50;
/// The schedules that are played twice.
const REPLAYED: [u64; 5] = [3, 7, 11, 19, 42];
/// The Kustomizations, each of the folder of its name.
const FOLDERS: [&str; 3] = ["a", "b", "c"];
/// How long, in virtual time, quiet may take: longer than every interval, so
/// that what the brake left alone is put right as well.
const QUIET: Duration = Duration::from_secs(45 * 60);

/// What every folder should hold: name of an object → its data.
type Wanted = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn at_quiet_the_cluster_is_what_git_says_whatever_happened() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let seeds: Vec<u64> = match number("TRUEUP_SIMULATION_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("TRUEUP_SIMULATION_SCHEDULES").unwrap_or(SCHEDULES)).collect(),
    };
    let mut failed = Vec::new();
    for seed in &seeds {
        if std::panic::catch_unwind(AssertUnwindSafe(|| virtual_time(schedule(*seed)))).is_err() {
            eprintln!(
                "schedule {seed} failed; replay it with\n  TRUEUP_SIMULATION_SEED={seed} \
                 cargo test -p trueup-controller simulation"
            );
            failed.push(*seed);
        }
    }
    assert!(
        failed.is_empty(),
        "of {} schedules these failed: {failed:?}",
        seeds.len()
    );
}

#[test]
fn a_schedule_replays_from_its_seed() {
    for seed in REPLAYED {
        let (first, second) = (writes_of(seed), writes_of(seed));
        let differs = first.iter().zip(&second).position(|(a, b)| a != b);
        assert!(
            first == second,
            "schedule {seed} differs at write {differs:?} of {} and {}: {:?}",
            first.len(),
            second.len(),
            differs.map(|at| (&first[at], &second[at]))
        );
    }
}

/// What a schedule wrote, in order, and what became of it.
fn writes_of(seed: u64) -> Vec<String> {
    virtual_time(async move {
        let simulation = Simulation::new(seed).await.run().await;
        let writes = simulation.world.faults.writes();
        writes
            .iter()
            .map(|it| format!("{} {} {:?}", it.method, it.path, it.fate))
            .collect()
    })
}

async fn schedule(seed: u64) {
    Simulation::new(seed).await.run().await.check().await;
}

struct Simulation {
    world: World,
    random: Rng,
    wanted: BTreeMap<&'static str, Wanted>,
    revision: String,
    commits: u32,
    /// Objects that are not ours, as they were made.
    foreign: Vec<LiveObject>,
}

impl Simulation {
    async fn new(seed: u64) -> Self {
        let world = World::new(seed).await;
        let mut simulation = Self {
            world,
            random: Rng::with_seed(seed),
            wanted: FOLDERS.map(|folder| (folder, Wanted::new())).into(),
            revision: String::new(),
            commits: 0,
            foreign: Vec::new(),
        };
        simulation.make_foreign().await;
        simulation.push();
        simulation.make_objects().await;
        simulation
    }

    /// An object of nobody, and one that only looks as if it were ours.
    async fn make_foreign(&mut self) {
        for (name, labels) in [
            ("foreign", value!({"app": "theirs"})),
            (
                "impostor",
                value!({"kustomize.toolkit.fluxcd.io/name": "a", "kustomize.toolkit.fluxcd.io/namespace": NAMESPACE}),
            ),
        ] {
            let object = value!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": "apps", "labels": labels}, "data": {"by": "hand"}});
            self.foreign.push(self.world.apply(&object).await);
        }
    }

    async fn make_objects(&self) {
        self.world.repository().await;
        self.world
            .patch(
                "source.toolkit.fluxcd.io/v1",
                "GitRepository",
                "fleet",
                "person",
                value!({"spec": {"interval": "5m"}}),
            )
            .await;
        for folder in FOLDERS {
            let more = match folder {
                "c" => value!({"interval": "10m", "dependsOn": [{"name": "a"}]}),
                _ => value!({"interval": "10m"}),
            };
            self.world
                .kustomization(folder, &format!("./{folder}"), more)
                .await;
        }
    }

    async fn run(mut self) -> Self {
        for _ in 0..self.random.u32(8..25) {
            self.step().await;
            let pause = Duration::from_millis(self.random.u64(0..4000));
            let killed = tokio::time::timeout(pause, self.world.faults.killed())
                .await
                .is_ok();
            if killed {
                self.come_back().await;
            }
        }
        self.world.faults.calm();
        self.world.remote.heal();
        self.come_back().await;
        tokio::time::sleep(QUIET).await;
        self
    }

    async fn step(&mut self) {
        match self.random.u8(0..14) {
            0..=2 => self.push(),
            3..=4 => self.change_by_hand().await,
            5 => self.delete_by_hand().await,
            6 => self.world.faults.drop_watches(),
            7 => self.world.faults.set_rates(if self.random.bool() {
                FaultRates::ROUGH
            } else {
                FaultRates::NONE
            }),
            8..=9 => self.arm_kill(),
            10 => self.world.remote.fail(
                super::world::URL,
                FetchErrorKind::Unreachable,
                self.random.u32(1..4),
            ),
            11 => self.world.store.fail(1),
            _ => self.annotate(),
        }
    }

    /// A commit that changes some objects of some folders.
    fn push(&mut self) {
        self.commits += 1;
        for objects in self.wanted.values_mut() {
            if self.random.u8(0..3) > 0 {
                change(objects, &mut self.random, self.commits);
            }
        }
        let files: Vec<(String, String)> = self.files();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        self.revision = self
            .world
            .commit(&format!("commit {}", self.commits), &files);
        if self.random.u8(0..4) > 0 {
            self.world.controller.notify_push(super::world::URL);
        }
    }

    fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        for (folder, objects) in &self.wanted {
            files.push((format!("{folder}/readme.txt"), String::new()));
            for (name, data) in objects {
                let data: Vec<(&str, &str)> = data
                    .iter()
                    .map(|(key, text)| (key.as_str(), text.as_str()))
                    .collect();
                files.push((format!("{folder}/{name}.yaml"), map(name, &data)));
            }
        }
        files
    }

    fn arm_kill(&mut self) {
        let number = self.world.faults.write_count() + self.random.u64(1..12);
        let kill = if self.random.bool() {
            Kill::BeforeWrite(number)
        } else {
            Kill::AfterWrite(number)
        };
        self.world.faults.set_kill(kill);
    }

    /// Whatever was killed is started anew. Before that, everything that the
    /// cluster has of us must stand in an inventory.
    async fn come_back(&mut self) {
        self.world.controller.kill();
        tokio::task::yield_now().await;
        self.nothing_is_forgotten().await;
        self.world.restart().await;
    }

    async fn nothing_is_forgotten(&self) {
        for object in self.maps().await {
            if object.name() == "impostor" {
                continue;
            }
            let Some(owner) = object.label("kustomize.toolkit.fluxcd.io/name") else {
                continue;
            };
            let status = self.world.kustomization_status(owner).await;
            let id = format!("apps_{}__ConfigMap", object.name());
            assert!(
                inventory(&status).contains(id.as_str()),
                "{id} is in no inventory:\n{}",
                self.world.picture()
            );
        }
    }

    async fn maps(&self) -> Vec<LiveObject> {
        let kind = GroupVersionKind::new("v1", "ConfigMap");
        let list = self
            .world
            .admin
            .list(&kind, &Scope::namespace("apps"), Form::Full)
            .await
            .unwrap();
        let ours = list
            .objects
            .into_iter()
            .filter(|it| it.name() != "kube-root-ca.crt");
        ours.collect()
    }

    /// A person annotates a Kustomization over and over, also while its
    /// status is being written: those writes meet conflicts. Some of the
    /// annotations ask for a reconciliation.
    fn annotate(&mut self) {
        let folder = self.random.choice(FOLDERS).unwrap_or("a");
        let asks = self.random.bool();
        let pauses_ms: Vec<u64> = (0..self.random.u64(1..12))
            .map(|_| self.random.u64(0..60))
            .collect();
        let (admin, commits) = (self.world.admin.clone(), self.commits);
        tokio::spawn(async move {
            let kind = "kustomize.toolkit.fluxcd.io/v1";
            let reference = super::world::reference(kind, "Kustomization", folder);
            for (number, pause_ms) in pauses_ms.into_iter().enumerate() {
                let text = format!("{commits} {number}");
                let key = match asks {
                    true => "reconcile.fluxcd.io/requestedAt",
                    false => "example.com/note",
                };
                let mut patch = value!({});
                patch.set_at(&["metadata", "annotations", key], text.into());
                let options = WriteOptions::new("person");
                let patch = Patch::Merge(patch);
                let patched = admin.patch(&reference, &patch, &options);
                patched.await.unwrap();
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
        });
        self.push();
    }

    /// Somebody changes a live object of ours.
    async fn change_by_hand(&mut self) {
        let ours: Vec<LiveObject> = self.ours().await;
        let Some(object) = self.random.choice(ours) else {
            return;
        };
        let manager = self
            .random
            .choice(["kubectl-edit", "scaler", "person"])
            .unwrap();
        let patch = match self.random.u8(0..3) {
            0 => value!({"data": {"k0": "by hand"}}),
            1 => value!({"data": {"extra": "by hand"}}),
            _ => value!({"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": null}}}),
        };
        // It may have gone meanwhile.
        let options = WriteOptions::new(manager);
        let _ = self
            .world
            .admin
            .patch(object.reference(), &Patch::Merge(patch), &options)
            .await;
    }

    async fn delete_by_hand(&mut self) {
        let ours = self.ours().await;
        let Some(object) = self.random.choice(ours) else {
            return;
        };
        // It may have gone meanwhile.
        let _ = self
            .world
            .admin
            .delete(object.reference(), &DeleteOptions::default())
            .await;
    }

    async fn ours(&self) -> Vec<LiveObject> {
        let foreign =
            |object: &LiveObject| self.foreign.iter().any(|it| it.name() == object.name());
        self.maps()
            .await
            .into_iter()
            .filter(|object| !foreign(object))
            .collect()
    }

    /// Everything is as Git says, and nothing else was touched.
    async fn check(&self) {
        self.foreign_is_untouched().await;
        let live: BTreeMap<String, LiveObject> = self
            .maps()
            .await
            .into_iter()
            .map(|object| (object.name().to_string(), object))
            .collect();
        for (folder, objects) in &self.wanted {
            self.is_ready(folder, objects).await;
            for (name, data) in objects {
                let object = live
                    .get(name)
                    .unwrap_or_else(|| panic!("{name} is missing\n{}", self.world.picture()));
                for (key, text) in data {
                    let found = object.value().str_at(&["data", key]);
                    assert_eq!(
                        found,
                        Some(text.as_str()),
                        "{name} {key}\n{}",
                        self.world.picture()
                    );
                }
                assert_eq!(
                    object.label("kustomize.toolkit.fluxcd.io/name"),
                    Some(*folder),
                    "{name}"
                );
            }
        }
        let wanted: BTreeSet<&str> = self
            .wanted
            .values()
            .flat_map(|it| it.keys().map(String::as_str))
            .collect();
        let foreign: BTreeSet<&str> = self.foreign.iter().map(|it| it.name().as_str()).collect();
        let extra: Vec<&String> = live
            .keys()
            .filter(|name| !wanted.contains(name.as_str()) && !foreign.contains(name.as_str()))
            .collect();
        // Objects that lost their labels before they left the source are no
        // longer ours to delete.
        let extra: Vec<_> = extra
            .into_iter()
            .filter(|name| {
                live[*name]
                    .label("kustomize.toolkit.fluxcd.io/name")
                    .is_some()
            })
            .collect();
        assert!(
            extra.is_empty(),
            "not pruned: {extra:?}\n{}",
            self.world.picture()
        );
    }

    async fn is_ready(&self, folder: &str, objects: &Wanted) {
        let status = self.world.kustomization_status(folder).await;
        let ready = condition(&status, "Ready").map(|it| it.0);
        assert_eq!(
            ready.as_deref(),
            Some("True"),
            "{folder}\n{}",
            self.world.picture()
        );
        let applied = status.str_at(&["lastAppliedRevision"]);
        assert_eq!(
            applied,
            Some(self.revision.as_str()),
            "{folder}\n{}",
            self.world.picture()
        );
        let ids: BTreeSet<String> = objects
            .keys()
            .map(|name| format!("apps_{name}__ConfigMap"))
            .collect();
        let found: BTreeSet<String> = inventory(&status).into_iter().map(str::to_owned).collect();
        assert_eq!(found, ids, "{folder}\n{}", self.world.picture());
    }

    async fn foreign_is_untouched(&self) {
        for object in &self.foreign {
            let now = self
                .world
                .admin
                .get(object.reference(), Form::Full)
                .await
                .unwrap();
            assert_eq!(
                now.resource_version(),
                object.resource_version(),
                "{} was touched",
                object.name()
            );
        }
    }
}

fn inventory(status: &Value) -> BTreeSet<&str> {
    let entries = status
        .at(&["inventory", "entries"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| entry.str_at(&["id"]))
        .collect()
}

/// Adds, changes or removes one object; names are unique over all folders.
fn change(objects: &mut Wanted, random: &mut Rng, commit: u32) {
    let names: Vec<String> = objects.keys().cloned().collect();
    match (random.u8(0..4), random.choice(names)) {
        (0, Some(name)) => {
            objects.remove(&name);
        }
        (1..=2, Some(name)) => {
            let data = objects.entry(name).or_default();
            data.insert(format!("k{}", random.u8(0..3)), format!("v{commit}"));
        }
        _ => {
            let name = format!("m{}", random.u32(..));
            objects.insert(
                name,
                BTreeMap::from([("k0".to_owned(), format!("v{commit}"))]),
            );
        }
    }
}
