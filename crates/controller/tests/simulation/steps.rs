//! What happens in a schedule, one step after the other.

use super::fleet::{ARENA, Folder, Kind, PEACE};
use super::ledger::{Election, Place};
use super::schedule::Schedule;
use crate::tests::elsewhere_world::Way;
use crate::tests::world::{URL, reference};
use std::time::Duration;
use trueup_cluster::{DeleteOptions, Form, LiveObject, Patch, Session, WriteOptions};
use trueup_object::value;
use trueup_source::FetchErrorKind;
use trueup_testkit::{FaultRates, Kill};

/// How often the other manager looks at what it fights over.
const LOOK: Duration = Duration::from_millis(700);

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A commit, of which the controllers are told or not.
    Push,
    /// Somebody changes a live object, in either cluster.
    ChangeByHand,
    /// Somebody deletes one.
    DeleteByHand,
    /// All watches of an instance break.
    DropWatches,
    /// A bad day begins or ends.
    Weather,
    /// An instance will be killed at one of its next writes.
    Kill,
    /// Git can't be reached for some fetches.
    GitFails,
    /// Artifacts can't be stored for once.
    StoreFails,
    /// Somebody annotates a Kustomization over and over, in the middle of a
    /// push: writes of its status meet conflicts.
    Annotate,
    /// The tenant loses its rights, or has them again.
    Rights,
    /// The tenant declares what it has no right to, or takes it back.
    Escape,
    /// The far cluster can't be reached, or never answers, for a while.
    FarAway,
    /// The token of the far cluster is replaced.
    Rotate,
    /// The definition of gadgets comes or goes, with a commit.
    Definition,
    /// Another manager fights over a field for a while.
    Fight,
    /// An instance has no network for a while.
    CutOff,
    /// An instance ends in order and begins anew.
    Replace,
    /// Somebody deletes a Kustomization, or makes it anew once it is gone.
    Remove,
}

/// Each step as often as it should come.
const DECK: [(Step, u8); 18] = [
    (Step::Push, 8),
    (Step::ChangeByHand, 6),
    (Step::DeleteByHand, 3),
    (Step::DropWatches, 2),
    (Step::Weather, 3),
    (Step::Kill, 6),
    (Step::GitFails, 2),
    (Step::StoreFails, 2),
    (Step::Annotate, 4),
    (Step::Rights, 3),
    (Step::Escape, 2),
    (Step::FarAway, 3),
    (Step::Rotate, 1),
    (Step::Definition, 3),
    (Step::Fight, 2),
    (Step::CutOff, 3),
    (Step::Replace, 2),
    (Step::Remove, 3),
];

impl Step {
    pub fn draw(random: &mut fastrand::Rng) -> Self {
        let all: u8 = DECK.iter().map(|(_, weight)| weight).sum();
        let mut point = random.u8(0..all);
        for (step, weight) in DECK {
            if point < weight {
                return step;
            }
            point -= weight;
        }
        Self::Push
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::ChangeByHand => "change by hand",
            Self::DeleteByHand => "delete by hand",
            Self::DropWatches => "drop watches",
            Self::Weather => "weather",
            Self::Kill => "kill",
            Self::GitFails => "git fails",
            Self::StoreFails => "store fails",
            Self::Annotate => "annotate",
            Self::Rights => "rights",
            Self::Escape => "escape",
            Self::FarAway => "far away",
            Self::Rotate => "rotate",
            Self::Definition => "definition",
            Self::Fight => "fight",
            Self::CutOff => "cut off",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

impl Schedule {
    /// Does a step; says what it came to.
    pub async fn step(&mut self, step: Step) -> String {
        match step {
            Step::Push => self.push(),
            Step::ChangeByHand => self.change_by_hand().await,
            Step::DeleteByHand => self.delete_by_hand().await,
            Step::DropWatches => {
                let faults = &self.ground.instances[self.any_instance()].faults;
                faults.drop_watches();
                String::new()
            }
            Step::Weather => self.weather(),
            Step::Kill => self.arm_kill(),
            Step::GitFails => {
                let times = self.random.u32(1..4);
                let remote = &self.ground.remote;
                remote.fail(URL, FetchErrorKind::Unreachable, times);
                format!("{times} times")
            }
            Step::StoreFails => {
                let index = self.any_instance();
                self.ground.instances[index].store.fail(1);
                self.ground.instances[index].name.to_owned()
            }
            Step::Annotate => self.annotate(),
            Step::Rights => self.change_rights().await,
            Step::Escape => {
                self.fleet.escapes = !self.fleet.escapes;
                let pushed = self.push();
                format!("{} {pushed}", self.fleet.escapes)
            }
            Step::FarAway => self.send_far_away(),
            Step::Rotate => {
                self.tokens += 1;
                self.ground.rotate(self.tokens).await;
                format!("token {}", self.tokens)
            }
            Step::Definition => self.change_definition(),
            Step::Fight => {
                let length = Duration::from_secs(self.random.u64(2..40));
                self.fight(length);
                format!("for {} s", length.as_secs())
            }
            Step::CutOff => self.cut_off(),
            Step::Replace => self.replace().await,
            Step::Remove => self.remove().await,
        }
    }

    fn any_instance(&mut self) -> usize {
        self.random.usize(0..self.ground.instances.len())
    }

    /// A commit that changes some objects of some folders.
    pub fn push(&mut self) -> String {
        let changes = self.fleet.change(&mut self.random);
        self.commit();
        let told = self.random.u8(0..4) > 0;
        if told {
            self.ground.tell_of_push();
        }
        let told = if told { "" } else { " (untold)" };
        format!("{}{told} {changes}", self.revision)
    }

    /// Commits what is declared.
    pub fn commit(&mut self) {
        let subject = format!("commit {}", self.fleet.commits);
        self.revision = self.ground.commit(&subject, &self.fleet.files());
        let number = self.fleet.commits;
        self.numbers.insert(self.revision.clone(), number);
        self.fleet.note_commit();
    }

    fn weather(&mut self) -> String {
        let rough = self.random.bool();
        let rates = if rough {
            FaultRates::ROUGH
        } else {
            FaultRates::NONE
        };
        for instance in &self.ground.instances {
            instance.faults.set_rates(rates);
        }
        if rough { "rough" } else { "fair" }.to_owned()
    }

    fn arm_kill(&mut self) -> String {
        let index = self.any_instance();
        let instance = &self.ground.instances[index];
        let number = instance.faults.write_count() + self.random.u64(1..12);
        let kill = if self.random.bool() {
            Kill::BeforeWrite(number)
        } else {
            Kill::AfterWrite(number)
        };
        instance.faults.set_kill(kill);
        format!("{} {kill:?}", instance.name)
    }

    /// Some of the annotations ask for a reconciliation.
    fn annotate(&mut self) -> String {
        let folder = self.random.choice(Folder::ALL).unwrap();
        let asks = self.random.bool();
        let pauses_ms: Vec<u64> = (0..self.random.u64(1..12))
            .map(|_| self.random.u64(0..60))
            .collect();
        let text = format!("{} {} times, ", folder.name(), pauses_ms.len());
        let (admin, commits) = (self.ground.admin.clone(), self.fleet.commits);
        tokio::spawn(async move {
            let kind = "kustomize.toolkit.fluxcd.io/v1";
            let reference = reference(kind, "Kustomization", folder.name());
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
                // It may have been deleted.
                let _ = patched.await;
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
        });
        text + &self.push()
    }

    async fn change_rights(&mut self) -> String {
        self.has_rights = !self.has_rights;
        if self.has_rights {
            self.ground.give_rights().await;
            "given back".to_owned()
        } else {
            self.ground.take_rights().await;
            "taken away".to_owned()
        }
    }

    fn send_far_away(&mut self) -> String {
        let way = if self.random.bool() {
            Way::Refused
        } else {
            Way::Silent
        };
        let length = Duration::from_millis(self.random.u64(500..20_000));
        self.ground.far.set(way);
        let faults = self.ground.instances.each_ref().map(|it| it.faults.clone());
        faults.iter().for_each(trueup_testkit::Faults::drop_watches);
        let far = self.ground.far.clone();
        tokio::spawn(async move {
            tokio::time::sleep(length).await;
            far.set(Way::Open);
        });
        format!("{way:?} for {} ms", length.as_millis())
    }

    /// The definition may go only with all that is defined by it.
    fn change_definition(&mut self) -> String {
        if self.fleet.is_defined {
            self.fleet.undefine();
        } else {
            self.fleet.define();
        }
        let pushed = self.push();
        format!("{} {pushed}", self.fleet.is_defined)
    }

    /// Another manager wants a field otherwise, and says so whenever it finds
    /// what Git says.
    pub fn fight(&mut self, length: Duration) {
        let admin = self.ground.admin.clone();
        tokio::spawn(async move {
            let until = tokio::time::Instant::now() + length;
            while tokio::time::Instant::now() < until {
                tokio::time::sleep(LOOK).await;
                insist(&admin).await;
            }
        });
    }

    fn cut_off(&mut self) -> String {
        let index = self.any_instance();
        let instance = &self.ground.instances[index];
        let length = Duration::from_millis(self.random.u64(500..15_000));
        let faults = instance.faults.clone();
        faults.set_rates(FaultRates::CUT_OFF);
        faults.drop_watches();
        tokio::spawn(async move {
            tokio::time::sleep(length).await;
            faults.set_rates(FaultRates::NONE);
        });
        format!("{} for {} ms", instance.name, length.as_millis())
    }

    async fn replace(&mut self) -> String {
        let index = self.any_instance();
        let Some(handle) = self.ground.instances[index].handle.clone() else {
            return "nobody".to_owned();
        };
        handle.shutdown().await;
        self.ground.kill(index).await;
        self.ground.start(index, Election::Held);
        self.ground.instances[index].name.to_owned()
    }

    /// Only those that no other one depends on for its definitions.
    async fn remove(&mut self) -> String {
        if let Some(folder) = self.away {
            if self.ground.exists(folder.name()).await {
                return format!("{} is still there", folder.name());
            }
            self.bring_back(folder).await;
            return format!("{} is back", folder.name());
        }
        let leaves = [Folder::Tenant, Folder::Far, Folder::Top];
        let folder = self.random.choice(leaves).unwrap();
        self.away = Some(folder);
        self.removed.insert(folder);
        self.ground.delete(folder.name()).await;
        folder.name().to_owned()
    }

    /// Makes a Kustomization anew that is gone.
    pub async fn bring_back(&mut self, folder: Folder) {
        self.nothing_is_forgotten().await;
        self.make_kustomization(folder).await;
        self.away = None;
    }

    /// Somebody changes a live object of ours.
    async fn change_by_hand(&mut self) -> String {
        let Some((place, kind, object)) = self.any_of_ours().await else {
            return "nothing".to_owned();
        };
        let manager = self
            .random
            .choice(["kubectl-edit", "scaler", "person"])
            .unwrap();
        let fields = kind.fields();
        let (what, patch) = match self.random.u8(0..3) {
            0 => ("k0", value!({fields: {"k0": "by hand"}})),
            1 => ("extra", value!({fields: {"extra": "by hand"}})),
            _ => {
                self.stripped.insert((place, object.name().to_string()));
                let label = "kustomize.toolkit.fluxcd.io/name";
                ("label", value!({"metadata": {"labels": {label: null}}}))
            }
        };
        let options = WriteOptions::new(manager);
        let admin = self.ground.admin_of(place);
        let patch = Patch::Merge(patch);
        // It may have gone meanwhile.
        let done = admin.patch(object.reference(), &patch, &options).await;
        let done = if done.is_ok() { "" } else { ", gone" };
        format!("{what} of {} {place} by {manager}{done}", object.name())
    }

    async fn delete_by_hand(&mut self) -> String {
        let Some((place, _, object)) = self.any_of_ours().await else {
            return "nothing".to_owned();
        };
        let admin = self.ground.admin_of(place);
        // It may have gone meanwhile.
        let _ = admin
            .delete(object.reference(), &DeleteOptions::default())
            .await;
        format!("{} {place}", object.name())
    }

    async fn any_of_ours(&mut self) -> Option<(Place, Kind, LiveObject)> {
        let mut ours = Vec::new();
        for (place, kind) in [
            (Place::Near, Kind::Map),
            (Place::Near, Kind::Gadget),
            (Place::Far, Kind::Map),
        ] {
            let kind_of = kind.group_version_kind();
            let live = self.ground.objects(place, &kind_of).await;
            let live = live.into_iter().filter(|it| !self.is_foreign(place, it));
            ours.extend(live.map(|object| (place, kind, object)));
        }
        self.random.choice(ours)
    }
}

/// Writes what Git does not say, where what Git says is found.
async fn insist(admin: &Session) {
    let arena = reference("v1", "ConfigMap", ARENA);
    let Ok(Some(live)) = admin.find(&arena, Form::Full).await else {
        return;
    };
    if live.value().str_at(&["data", "k0"]) != Some(PEACE) {
        return;
    }
    let patch = Patch::Merge(value!({"data": {"k0": "war"}}));
    // Somebody may have deleted it.
    let _ = admin
        .patch(&arena, &patch, &WriteOptions::new("rival"))
        .await;
}
