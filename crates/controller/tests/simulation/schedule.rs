//! One schedule: what is there at the beginning, what happens, and how it
//! gets quiet.

use super::fleet::{Fleet, Folder, TENANTS, Traits, specification};
use super::ground::Ground;
use super::ledger::{Election, Place};
use super::steps::Step;
use super::tally::{Diary, Tally};
use crate::tests::elsewhere_world::Way;
use crate::tests::world::{NAMESPACE, URL};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use trueup_cluster::{ApplyOptions, LiveObject};
use trueup_object::{Value, value};

/// How long, in virtual time, all may take to be ready once nothing fails any
/// more.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long the other manager goes on when all else is quiet.
const FIGHT: Duration = Duration::from_secs(6 * 60);
/// How long quiet lasts before it is looked at: longer than every interval,
/// so that what the brake left alone is put right as well.
const QUIET: Duration = Duration::from_secs(15 * 60);

pub struct Schedule {
    pub ground: Ground,
    pub random: Rng,
    pub fleet: Fleet,
    pub traits: Traits,
    /// The newest commit.
    pub revision: String,
    /// Objects that are not ours, as they were made.
    pub foreign: Vec<(Place, LiveObject)>,
    /// Objects that somebody took the owner from.
    pub stripped: BTreeSet<(Place, String)>,
    /// Whether the tenant has its rights.
    pub has_rights: bool,
    /// How many tokens the far cluster had.
    pub tokens: u32,
    /// The numbers of all commits, by revision.
    pub numbers: BTreeMap<String, u32>,
    /// A Kustomization that somebody deleted and that is not made anew yet.
    pub away: Option<Folder>,
    /// All that were deleted once.
    pub removed: BTreeSet<Folder>,
    /// From which write on the other manager fought in peace, if it did.
    pub fought_from: Option<usize>,
    pub violations: Vec<String>,
    pub tally: Tally,
    diary: Diary,
    began: tokio::time::Instant,
}

impl Schedule {
    /// Everything is there and both instances run.
    pub async fn new(seed: u64, diary: Diary) -> Self {
        let mut random = Rng::with_seed(seed);
        let traits = Traits::draw(&mut random);
        let mut schedule = Self {
            ground: Ground::new(seed, &traits).await,
            random,
            fleet: Fleet::new(),
            traits,
            revision: String::new(),
            foreign: Vec::new(),
            stripped: BTreeSet::new(),
            has_rights: true,
            tokens: 1,
            numbers: BTreeMap::new(),
            away: None,
            removed: BTreeSet::new(),
            fought_from: None,
            violations: Vec::new(),
            tally: Tally::default(),
            diary,
            began: tokio::time::Instant::now(),
        };
        schedule.tell(&format!("{traits:?}"));
        for index in 0..2 {
            schedule.ground.start(index, Election::Held);
        }
        let first = schedule.push();
        schedule.tell(&format!("first commit {first}"));
        schedule.make_foreign().await;
        schedule.make_objects().await;
        schedule
    }

    /// Objects of nobody, and some that only look as if they were ours: by
    /// their labels, or by a name that is ours in the other cluster.
    async fn make_foreign(&mut self) {
        let theirs = value!({"app": "theirs"});
        let owned = |folder: Folder| {
            value!({"kustomize.toolkit.fluxcd.io/name": (folder.name()),
                "kustomize.toolkit.fluxcd.io/namespace": NAMESPACE})
        };
        let mut made = vec![
            (Place::Near, "apps", "foreign".to_owned(), theirs.clone()),
            (Place::Near, TENANTS, "foreign".to_owned(), theirs.clone()),
            (Place::Far, "apps", "foreign".to_owned(), theirs),
            (
                Place::Near,
                "apps",
                "impostor".to_owned(),
                owned(Folder::Base),
            ),
            (
                Place::Near,
                "apps",
                "tenant-impostor".to_owned(),
                owned(Folder::Tenant),
            ),
            (
                Place::Far,
                "apps",
                "impostor".to_owned(),
                owned(Folder::Far),
            ),
        ];
        for (folder, objects) in &self.fleet.folders {
            let (elsewhere, owner) = match folder.place() {
                Place::Near => (Place::Far, Folder::Far),
                Place::Far => (Place::Near, Folder::Base),
            };
            for name in objects.keys() {
                made.push((elsewhere, "apps", name.clone(), owned(owner)));
            }
        }
        for (place, namespace, name, labels) in made {
            let object = value!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": namespace, "labels": labels},
                "data": {"by": "hand"}});
            let options = ApplyOptions::new("person");
            let admin = self.ground.admin_of(place);
            let live = admin.apply(&object, &options).await.unwrap();
            self.foreign.push((place, live));
        }
    }

    async fn make_objects(&self) {
        let repository = value!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "fleet", "namespace": NAMESPACE},
            "spec": {"url": URL, "interval": "2m", "ref": {"branch": "main"}},
        });
        self.ground.apply(&repository).await;
        for folder in Folder::ALL {
            self.make_kustomization(folder).await;
        }
    }

    /// Makes the Kustomization of a folder.
    pub async fn make_kustomization(&self, folder: Folder) {
        let mut object = value!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": (folder.name()), "namespace": NAMESPACE},
            "spec": {"path": (format!("./{}", folder.name())), "prune": true,
                "retryInterval": "1m",
                "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
        });
        if let Value::Map(more) = specification(folder, &self.traits) {
            for (key, value) in more.iter() {
                object.set_at(&["spec", key], value.clone());
            }
        }
        self.ground.apply(&object).await;
    }

    pub fn is_foreign(&self, place: Place, object: &LiveObject) -> bool {
        self.foreign
            .iter()
            .any(|(at, it)| *at == place && it.reference() == object.reference())
    }

    /// All that happens, until it has been quiet for long.
    pub async fn play(mut self) -> Self {
        for _ in 0..self.random.u32(8..25) {
            let step = Step::draw(&mut self.random);
            let told = self.step(step).await;
            self.tally.did(step);
            self.tell(&format!("{}: {told}", step.name()));
            let pause = Duration::from_millis(self.random.u64(0..4000));
            self.pass(pause).await;
        }
        self.calm_down().await;
        self.converge().await;
        self.be_quiet().await;
        let (writes, ground) = (self.ground.ledger.writes(), &self.ground);
        self.tally.wrote(&writes, ground.ledger.transitions());
        for instance in &ground.instances {
            self.tally.injected(&instance.faults.injected());
        }
        self.tally.lasted(self.began.elapsed());
        self
    }

    /// Lets time pass; whoever is killed meanwhile comes back now or later.
    async fn pass(&mut self, pause: Duration) {
        let until = tokio::time::Instant::now() + pause;
        while let Ok(index) = tokio::time::timeout_at(until, self.ground.killed()).await {
            self.kill(index).await;
            let instance = &self.ground.instances[index];
            if self.random.u8(0..4) == 0 {
                instance.store.lose_everything();
            }
            self.tell(&format!("{} is dead", instance.name));
            if self.random.u8(0..3) > 0 {
                self.start(index);
            }
        }
        for index in 0..2 {
            if self.random.bool() {
                self.start(index);
            }
        }
    }

    fn start(&mut self, index: usize) {
        if self.ground.instances[index].handle.is_none() {
            self.ground.start(index, Election::Held);
        }
    }

    async fn kill(&mut self, index: usize) {
        self.ground.kill(index).await;
        self.tally.killed();
        self.nothing_is_forgotten().await;
    }

    /// Nothing fails any more, and the newest commit can be applied.
    async fn calm_down(&mut self) {
        for instance in &self.ground.instances {
            instance.faults.calm();
        }
        self.ground.remote.heal();
        self.ground.far.set(Way::Open);
        if !self.has_rights {
            self.ground.give_rights().await;
        }
        self.fleet.escapes = false;
        self.fleet.define();
        let last = self.push();
        self.tell(&format!("calm; last commit {last}"));
        for index in 0..2 {
            self.start(index);
        }
    }

    /// Waits until all is ready at the newest revision.
    async fn converge(&mut self) {
        let began = tokio::time::Instant::now();
        if let Some(folder) = self.away {
            while self.ground.exists(folder.name()).await {
                if began.elapsed() > PATIENCE {
                    let text = format!("{} is not gone in time", folder.name());
                    self.violations.push(text);
                    return;
                }
                tokio::time::sleep(LOOK).await;
            }
            self.bring_back(folder).await;
        }
        for folder in Folder::ALL {
            while !self.ground.has_applied(folder.name(), &self.revision).await {
                if began.elapsed() > PATIENCE {
                    let text = format!("{} is not ready in time", folder.name());
                    self.violations.push(text);
                    return;
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        self.tell("all is ready");
    }

    /// One instance goes on alone: one of the two as it is, or a new one that
    /// knows nothing and needs no lease.
    async fn be_quiet(&mut self) {
        if self.random.bool() {
            self.kill(0).await;
            self.kill(1).await;
            self.ground.start(0, Election::None);
            self.tell("a new one alone");
        } else {
            let index = self.random.usize(0..2);
            self.kill(index).await;
            self.tell(&format!("without {}", self.ground.instances[index].name));
        }
        if self.random.u8(0..3) == 0 {
            self.fought_from = Some(self.ground.ledger.writes().len());
            self.fight(FIGHT);
            self.tell("fight");
        }
        tokio::time::sleep(QUIET).await;
    }

    pub fn tell(&self, line: &str) {
        let at_ms = self.began.elapsed().as_millis();
        self.diary.write(format!("{at_ms:>9} ms  {line}"));
    }
}
