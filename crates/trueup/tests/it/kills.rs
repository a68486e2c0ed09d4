//! `kill -9` at random moments, while pushes add, change and remove objects:
//! after the last restart nothing is lost and nothing is left over.

use crate::world::{World, in_a_world, object, until, with};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::process::Child;
use tokio::time::{Instant, sleep};
use trueup_cluster::{Form, LiveObject, Scope};
use trueup_object::{GroupVersionKind, Value, value};

/// How many times the controllers are killed.
const KILLS: &str = "TRUEUP_CONTROLLER_KILLS";
const DEFAULT_KILLS: u64 = 6;
/// The seed of the commits and of the moments.
const SEED: &str = "TRUEUP_CONTROLLER_SEED";

/// Two Kustomizations; the second depends on the first.
const FOLDERS: [&str; 2] = ["one", "two"];
/// How many objects a folder has at the beginning; each commit concerns about
/// half of them.
const OBJECTS: usize = 24;
/// The latest moment of a kill that waits for nothing.
const LONGEST_LIFE_MS: u64 = 1500;
/// How long a kill waits for the first change, and how long after it.
const LONGEST_START: Duration = Duration::from_secs(10);
const LONGEST_WORK_MS: u64 = 120;
const OWNER: &str = "kustomize.toolkit.fluxcd.io/name";

/// Folder → name of an object → what it says.
type Declared = BTreeMap<&'static str, BTreeMap<String, String>>;

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn controllers_killed_at_random_moments_lose_nothing_and_leave_nothing_over() {
    let (kills, seed) = (number(KILLS, DEFAULT_KILLS), number(SEED, 1));
    in_a_world("kills", async |world| {
        world.kill_controllers();
        let mut run = Run::begin(world, seed).await;
        for _ in 0..kills {
            run.kill_once().await;
        }
        run.end().await;
        println!(
            "{kills} kills, seed {seed}: {} in the middle of a sync, {} before and {} after one",
            run.partly, run.before, run.after
        );
        assert!(
            run.partly > 0 || kills < DEFAULT_KILLS,
            "no kill met a sync: the moments must be chosen anew"
        );
    })
    .await;
}

/// The kills so far.
struct Run<'a> {
    world: &'a World,
    random: fastrand::Rng,
    declared: Declared,
    /// Objects that were declared from the first commit to now, and the uid
    /// that they had in the cluster at first.
    constant: BTreeMap<String, String>,
    commits: u32,
    before: u64,
    partly: u64,
    after: u64,
}

impl<'a> Run<'a> {
    /// Everything is applied once, and an object of somebody else is there.
    async fn begin(world: &'a World, seed: u64) -> Self {
        let mut run = Self {
            world,
            random: fastrand::Rng::with_seed(seed),
            declared: FOLDERS.map(|folder| (folder, BTreeMap::new())).into(),
            constant: BTreeMap::new(),
            commits: 0,
            before: 0,
            partly: 0,
            after: 0,
        };
        for folder in FOLDERS {
            for number in 0..OBJECTS {
                run.declare(folder, format!("{folder}-{number}"));
            }
        }
        let commit = run.push().await;
        world.apply(&foreign()).await;
        world.follow_fleet().await;
        let often = r#"{"spec":{"interval":"1s"}}"#;
        let patch = [
            "patch",
            "gitrepository",
            "fleet",
            "--type=merge",
            "-p",
            often,
        ];
        world.kubectl(&patch).await;
        for folder in FOLDERS {
            world.apply(&kustomization(world, folder)).await;
        }
        let mut process = world.spawn_controller_here();
        for folder in FOLDERS {
            world.applied(folder, &commit).await;
        }
        for live in run.live().await {
            run.constant
                .insert(live.name().to_string(), live.uid().to_string());
        }
        process.kill().await.unwrap();
        run
    }

    /// A commit, and a kill at some moment of what follows from it.
    async fn kill_once(&mut self) {
        let before = self.picture().await;
        self.change();
        self.push().await;
        let mut process = self.world.spawn_controller_here();
        self.wait_for_the_moment(&mut process, &before).await;
        // SIGKILL.
        process.kill().await.unwrap();
        let now = self.picture().await;
        if now == self.wanted() {
            self.after += 1;
        } else if now == before {
            self.before += 1;
        } else {
            self.partly += 1;
        }
    }

    /// One kill in four comes at any time, the others soon after the first
    /// object has changed.
    async fn wait_for_the_moment(&mut self, process: &mut Child, before: &Picture) {
        if self.random.u8(0..4) == 0 {
            sleep(Duration::from_millis(self.random.u64(0..LONGEST_LIFE_MS))).await;
            return;
        }
        let deadline = Instant::now() + LONGEST_START;
        while self.picture().await == *before && Instant::now() < deadline {
            let ended = process.try_wait().unwrap();
            assert_eq!(ended, None, "the controllers ended by themselves");
            sleep(Duration::from_millis(2)).await;
        }
        sleep(Duration::from_millis(self.random.u64(0..LONGEST_WORK_MS))).await;
    }

    /// Adds, changes and removes objects.
    fn change(&mut self) {
        for folder in FOLDERS {
            let names: Vec<String> = self.declared[folder].keys().cloned().collect();
            for name in names {
                match self.random.u8(0..10) {
                    0 => self.retract(folder, &name),
                    1..=4 => self.declare(folder, name),
                    _ => {}
                }
            }
            for _ in 0..self.random.u8(0..5) {
                let name = format!("{folder}-x{}", self.random.u32(..));
                self.declare(folder, name);
            }
        }
    }

    fn declare(&mut self, folder: &'static str, name: String) {
        let text = format!("v{}", self.commits + 1);
        let path = format!("{folder}/{name}.yaml");
        self.world.fleet.write(&path, &manifest(&name, &text));
        let objects = self.declared.entry(folder).or_default();
        objects.insert(name, text);
    }

    fn retract(&mut self, folder: &'static str, name: &str) {
        self.world.fleet.remove(&format!("{folder}/{name}.yaml"));
        self.declared.entry(folder).or_default().remove(name);
        self.constant.remove(name);
    }

    async fn push(&mut self) -> String {
        self.commits += 1;
        let message = format!("Commit {}", self.commits);
        self.world.fleet.push(&message).await
    }

    /// Started for a last time, they bring all to rest; then everything is
    /// looked at.
    async fn end(&mut self) {
        let commit = self.world.fleet.head().await;
        let mut process = self.world.spawn_controller_here();
        for folder in FOLDERS {
            let status = self.world.applied(folder, &commit).await;
            let ids: BTreeSet<String> = self.declared[folder]
                .keys()
                .map(|name| format!("{}_{name}__ConfigMap", self.world.namespace))
                .collect();
            assert_eq!(inventory(&status), ids, "the inventory of {folder}");
        }
        let wanted = self.wanted();
        until(async || {
            let now = self.picture().await;
            let differs = || format!("{now:?} is not {wanted:?}");
            (now == wanted).then_some(()).ok_or_else(differs)
        })
        .await;
        for live in self.live().await {
            if let Some(uid) = self.constant.get(live.name().as_str()) {
                assert_eq!(live.uid(), uid, "{} was deleted on the way", live.name());
            }
        }
        let reference = self.world.reference("v1", "ConfigMap", "foreign");
        let live = self.world.live(&reference).await;
        assert_eq!(live.str_at(&["data", "text"]), Some("theirs"));
        process.kill().await.unwrap();
    }

    /// All that the cluster has of us.
    async fn live(&self) -> Vec<LiveObject> {
        let scope = Scope::namespace(&self.world.namespace);
        let kind = GroupVersionKind::new("v1", "ConfigMap");
        let listed = self.world.session.list(&kind, &scope, Form::Full).await;
        let mut objects = listed.unwrap().objects;
        objects.retain(|it| it.label(OWNER).is_some());
        objects
    }

    async fn picture(&self) -> Picture {
        let live = self.live().await;
        live.iter()
            .map(|it| {
                let text = it.value().str_at(&["data", "text"]);
                let owner = it.label(OWNER).unwrap_or_default();
                let name = it.name().to_string();
                (
                    name,
                    (owner.to_owned(), text.unwrap_or_default().to_owned()),
                )
            })
            .collect()
    }

    fn wanted(&self) -> Picture {
        let folders = self.declared.iter();
        folders
            .flat_map(|(folder, objects)| {
                objects
                    .iter()
                    .map(|(name, text)| (name.clone(), ((*folder).to_owned(), text.clone())))
            })
            .collect()
    }
}

/// Name of an object → its owner and what it says.
type Picture = BTreeMap<String, (String, String)>;

fn manifest(name: &str, text: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{text: {text}}}\n")
}

/// It has no owner, and a name as ours have.
fn foreign() -> Value {
    let object = object("v1", "ConfigMap", "foreign");
    with(object, &["data", "text"], "theirs")
}

fn kustomization(world: &World, folder: &str) -> Value {
    let mut object = world.kustomization(folder);
    object.set_at(&["spec", "wait"], false.into());
    if folder == "two" {
        object.set_at(&["spec", "dependsOn"], value!([{"name": "one"}]));
    }
    object
}

fn inventory(kustomization: &Value) -> BTreeSet<String> {
    let entries = kustomization.at(&["status", "inventory", "entries"]);
    let entries = entries.and_then(Value::as_list).unwrap_or_default();
    let ids = entries.iter().filter_map(|entry| entry.str_at(&["id"]));
    ids.map(str::to_owned).collect()
}
