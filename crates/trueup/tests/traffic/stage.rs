//! All that a scenario needs: a cluster, the controllers, NGINX, Prometheus,
//! and requests from outside.

use crate::backends::{Backends, POD};
use crate::cluster::TestCluster;
use crate::controllers::{Controllers, Where};
use crate::exporter;
use crate::gateway::Gateway;
use crate::load::{HOST, Kind, Load};
use crate::objects::{self, NAMESPACE, TARGET};
use crate::patience::until;
use crate::programs::find;
use crate::prometheus::Prometheus;
use crate::tally::{Answered, Tally};
use crate::tiny_http::{self, Server};
use futures::FutureExt;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use trueup_cluster::{Form, Patch, Scope, WriteOptions};
use trueup_object::{GroupVersionKind, ObjectRef, Value, value};

/// How many scenarios are played at once.
const MAX_AT_ONCE: usize = 3;
static ROOM: Semaphore = Semaphore::const_new(MAX_AT_ONCE);
/// How often a second somebody asks.
pub const REQUESTS_PER_SECOND: u32 = 150;
/// How many answers in a row show that something has come to rest.
const ENOUGH_ANSWERS: usize = 200;
/// How many answers in a row show that no worker of NGINX is left that knows of
/// no endpoint.
const ENOUGH_FIRST_ANSWERS: u32 = 10;

/// What a scenario is played on. What is dropped first comes first.
pub struct Stage {
    load: Option<Load>,
    /// Of a load that has ended.
    tally: Tally,
    pub controllers: Controllers,
    pub gateway: Gateway,
    pub prometheus: Prometheus,
    pub backends: Backends,
    cluster: TestCluster,
    place: Where,
    _exporter: Server,
    folder: TempDir,
}

/// Plays a scenario with controllers at a place; without NGINX or Prometheus
/// it is skipped. Whatever a scenario is about, no request is lost, and at
/// each weight the canary gets its share.
pub async fn on_stage(name: &str, place: Where, scenario: impl AsyncFnOnce(&mut Stage)) {
    let (nginx, prometheus) = match (find("nginx"), find("prometheus")) {
        (Some(nginx), Some(prometheus)) => (nginx, prometheus),
        (None, _) => return println!("skipped: traffic {name}: nginx is not installed"),
        (_, None) => return println!("skipped: traffic {name}: prometheus is not installed"),
    };
    let _room = ROOM.acquire().await;
    let began = Instant::now();
    let mut stage = Box::pin(Stage::build(place, &nginx, &prometheus)).await;
    let played = AssertUnwindSafe(scenario(&mut stage)).catch_unwind().await;
    if let Err(panic) = played {
        stage.tell().await;
        resume_unwind(panic);
    }
    stage.end_load().await;
    println!(
        "traffic: {name} | {} | {} s",
        stage.summary(),
        began.elapsed().as_secs()
    );
    stage.check();
}

impl Stage {
    async fn build(place: Where, nginx: &Path, prometheus: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = TestCluster::start(folder.path(), NAMESPACE).await;
        let backends = Backends::start(cluster.session.clone(), NAMESPACE);
        let gateway = Gateway::start(nginx, room(&folder, "nginx"), &cluster.session).await;
        let (exporter, numbers) = exporter::serve(gateway.log.clone()).await;
        let prometheus = Prometheus::start(prometheus, room(&folder, "prometheus"), &numbers).await;
        let (own_room, url) = (room(&folder, "controllers"), prometheus.url());
        let controllers = Controllers::start(place, &cluster.kubeconfig, own_room, &url).await;
        Self {
            load: None,
            tally: Tally::default(),
            controllers,
            gateway,
            prometheus,
            backends,
            cluster,
            place,
            _exporter: exporter,
            folder,
        }
    }

    /// A workload at `v1` with a Canary that has taken it over; `more` is the
    /// rest of its analysis.
    pub async fn initialize(&self, more: Value) {
        self.cluster.apply(&objects::deployment("v1")).await;
        self.cluster.apply(&objects::ingress()).await;
        let mut canary = objects::canary(more);
        if self.place == Where::Process {
            canary.set_at(&["spec", "metricsServer"], self.prometheus.url().into());
        }
        self.cluster.apply(&canary).await;
        self.reaches("Initialized").await;
        self.is_routed_by("0").await;
    }

    /// Begins to ask, by each kind of request in turn, once there is somebody
    /// who answers.
    pub async fn start_load(&mut self, kinds: &'static [Kind]) {
        let address = self.gateway.address.clone();
        until("NGINX knows the primary's endpoints", async || {
            for _ in 0..ENOUGH_FIRST_ANSWERS {
                let answer = tiny_http::get(&address, HOST, "/", &[]).await;
                let answer = answer.map_err(|error| error.to_string())?;
                answer.header(POD).ok_or(format!("{answer:?}"))?;
            }
            Ok(())
        })
        .await;
        self.load = Some(Load::start(address, kinds, REQUESTS_PER_SECOND));
        self.answers("somebody answers", |_| true).await;
    }

    /// Asks no more.
    pub async fn end_load(&mut self) {
        if let Some(load) = self.load.take() {
            self.tally = load.end().await;
        }
    }

    /// What has become of the requests so far.
    pub fn tally(&self) -> Tally {
        self.load
            .as_ref()
            .map_or_else(|| self.tally.clone(), Load::tally)
    }

    /// Changes the target to a version.
    pub async fn push(&self, version: &str) {
        let patch = objects::image_patch(version);
        self.patch("apps/v1", "Deployment", TARGET, patch).await;
    }

    /// Changes the Canary.
    pub async fn patch_canary(&self, patch: Value) {
        self.patch("flagger.app/v1beta1", "Canary", TARGET, patch)
            .await;
    }

    async fn patch(&self, api_version: &str, kind: &str, name: &str, patch: Value) {
        let reference = objects::reference(api_version, kind, name);
        let (patch, options) = (Patch::Merge(patch), WriteOptions::new("person"));
        let patched = self.cluster.session.patch(&reference, &patch, &options);
        patched.await.unwrap();
    }

    pub async fn find(&self, reference: &ObjectRef) -> Option<Value> {
        let found = self.cluster.session.find(reference, Form::Full).await;
        found.unwrap().map(|object| object.value().clone())
    }

    /// The status of the Canary.
    pub async fn status(&self) -> Value {
        let reference = objects::reference("flagger.app/v1beta1", "Canary", TARGET);
        let canary = self.find(&reference).await;
        let status = canary.and_then(|canary| canary.get("status").cloned());
        status.unwrap_or_default()
    }

    /// Waits for a phase of the Canary.
    pub async fn reaches(&self, phase: &str) {
        self.reaches_one_of(&[phase]).await;
    }

    /// Waits for a phase that may be over soon, or one of those that follow.
    pub async fn reaches_one_of(&self, phases: &[&str]) {
        until(&format!("one of the phases {phases:?}"), async || {
            let status = self.status().await;
            let phase = status.str_at(&["phase"]).unwrap_or_default();
            let is_there = phases.contains(&phase);
            is_there
                .then_some(())
                .ok_or_else(|| objects::shown(&status))
        })
        .await;
    }

    /// Waits until requests have been routed by a rule: a weight, or `match`.
    pub async fn is_routed_by(&self, rule: &str) {
        until(&format!("rule {rule}"), async || {
            let story = self.gateway.story();
            let is_there = story.rules.iter().any(|it| it == rule);
            is_there.then_some(()).ok_or_else(|| format!("{story:?}"))
        })
        .await;
    }

    /// Waits until something holds of the last answers, one like the other.
    pub async fn answers(&self, what: &str, holds: impl Fn(&Answered) -> bool) {
        until(what, async || {
            let tally = self.tally();
            let is_so = tally.is_now(ENOUGH_ANSWERS, &holds);
            is_so.then_some(()).ok_or_else(|| format!("{tally:?}"))
        })
        .await;
    }

    /// Waits for an event of the Canary that contains a text.
    pub async fn is_told(&self, text: &str) {
        until(&format!("an event: {text}"), async || {
            let told = self.events().await;
            let found = told.iter().any(|message| message.contains(text));
            found.then_some(()).ok_or_else(|| told.join("\n"))
        })
        .await;
    }

    /// The messages of the Canary's events.
    pub async fn events(&self) -> Vec<String> {
        let kind = GroupVersionKind::new("v1", "Event");
        let scope = Scope::namespace(NAMESPACE);
        let listed = self.cluster.session.list(&kind, &scope, Form::Full).await;
        let objects = listed.unwrap().objects;
        let events = objects.iter().map(|event| event.value());
        events
            .filter(|event| event.str_at(&["involvedObject", "kind"]) == Some("Canary"))
            .filter_map(|event| event.str_at(&["message"]).map(str::to_owned))
            .collect()
    }

    /// Which rules requests were routed by, in order.
    pub fn rules(&self) -> Vec<String> {
        self.gateway.story().rules
    }

    /// Requests, the canary's shares, and what was lost.
    fn summary(&self) -> String {
        let tally = &self.tally;
        let weighted = tally.shares().into_iter().filter(|share| share.weight > 0);
        let mut shares: Vec<String> = weighted
            .map(|share| {
                format!(
                    "{}: {:.1} of {}",
                    share.weight,
                    share.percent(),
                    share.requests
                )
            })
            .collect();
        let matched = tally.count(|answer| answer.rule == "match");
        if matched > 0 {
            shares.push(format!("match: {matched}"));
        }
        let (requests, lost) = (tally.requests(), tally.lost);
        format!("{requests} | {} | {lost}", shares.join(", "))
    }

    fn check(&self) {
        let story = self.gateway.story();
        assert_eq!(story.trouble, None, "NGINX took every configuration");
        assert_eq!(self.tally.lost, 0, "lost: {:#?}", self.tally.losses);
        for share in self.tally.shares() {
            assert!(share.is_fair(), "{share:?} is {:.2} %", share.percent());
        }
    }

    /// Prints what a person would look at after a failure.
    async fn tell(&self) {
        println!("{}", objects::shown(&self.status().await));
        println!("{}", self.events().await.join("\n"));
        println!("{:?}\n{:?}", self.gateway.story(), self.tally());
        for file in [
            "nginx/error.log",
            "nginx/nginx.conf",
            "prometheus/log",
            "controllers/log",
        ] {
            if let Ok(text) = std::fs::read_to_string(self.folder.path().join(file)) {
                println!("== {file}\n{text}");
            }
        }
    }
}

/// A folder of its own for a program.
fn room(folder: &TempDir, name: &str) -> PathBuf {
    let room = folder.path().join(name);
    std::fs::create_dir(&room).unwrap();
    room
}

/// Fields of an analysis that rises by steps.
pub fn steps(step_weight: i64, max_weight: i64) -> Value {
    value!({"stepWeight": step_weight, "maxWeight": max_weight})
}
