//! All in one process, on one thread, in virtual time: the clock jumps to the
//! next moment at which anything happens, so hours of rest pass at once.

use super::cluster::{self, SEED, client};
use super::figures::{Part, Requests, Simulated};
use super::objects::Fleet;
use super::prometheus::Prometheus;
use super::standing::{Standing, Standings, steps_taken};
use crate::process::thread_cpu_s;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trueup_apiserver::core::CoreOptions;
use trueup_apiserver::edge::{Clock as ServerClock, ServerOptions};
use trueup_cluster::{Cluster, Session};
use trueup_controller::machine::MachineOptions;
use trueup_controller::{Clock, Controller, ControllerHandle, ControllerOptions, Rendering};
use trueup_source::SendRequest;
use trueup_source::memory::{MemoryRemote, MemoryStore};
use trueup_testkit::VirtualClock;

/// How often a Canary is analysed.
const INTERVAL: &str = "1m";
const HALF_INTERVAL: Duration = Duration::from_secs(30);
/// How long, in virtual time, anything may take before it is given up.
const DEADLINE: Duration = Duration::from_secs(2 * 3_600);
/// How long nothing is measured, so that what is under way comes to rest.
const SETTLING: Duration = Duration::from_secs(120);
/// How long is measured while all are analysed; a run has ten intervals.
const ANALYSIS: Duration = Duration::from_secs(5 * 60);

/// Measures Canaries, with so many minutes of rest.
pub async fn measure(fleet: Fleet, rest_min: u64) -> Result<Simulated, String> {
    let mut world = World::make(fleet).await?;
    let begin = world.begin().await?;
    let rest_time = Duration::from_secs(60 * rest_min).div_f64(2.0);
    let rest = world.look_on(rest_time).await;
    let pushed = world.now();
    world.push().await?;
    let (analysis, steps) = world.analysed().await?;
    world
        .reach("promoted", |it| it.phase == "Succeeded")
        .await?;
    let run = world.since(&pushed);
    let rest = rest.and(&world.look_on(rest_time).await);
    world.controllers.kill();
    Ok(Simulated {
        begin,
        rest,
        // One in a minute.
        rest_ticks: fleet.count * rest_min,
        analysis,
        steps,
        run,
    })
}

/// A cluster with controllers.
struct World {
    fleet: Fleet,
    /// Somebody who changes objects, and is not counted.
    person: Session,
    /// The client of Trueup's controllers.
    cluster: Cluster,
    controllers: ControllerHandle,
    prometheus: Arc<Prometheus>,
    standings: Standings,
}

/// How much there was of everything at a moment.
struct Moment {
    counted: trueup_cluster::CounterSnapshot,
    asked: u64,
    cpu_s: f64,
    at: Instant,
}

impl World {
    async fn make(fleet: Fleet) -> Result<Self, String> {
        let clock = VirtualClock::start();
        let options = ServerOptions {
            core: CoreOptions { seed: Some(SEED) },
            clock: ServerClock::new(move || clock.now()),
            ..ServerOptions::default()
        };
        let server = cluster::open(fleet, options).await?;
        let (cluster, prometheus) = (client(&server), Arc::<Prometheus>::default());
        let controllers = Controller::start(options_of(&cluster, &prometheus, clock));
        controllers.wait_until_ready().await;
        let person = client(&server).session();
        Ok(Self {
            fleet,
            standings: Standings::of(&person, DEADLINE),
            person,
            cluster,
            controllers,
            prometheus,
        })
    }

    /// Makes the Canaries and waits until all are initialized.
    async fn begin(&mut self) -> Result<Part, String> {
        let start = self.now();
        for number in 0..self.fleet.count {
            cluster::create(&self.person, &self.fleet.canary(number, INTERVAL)).await?;
        }
        self.reach("initialized", |it| it.phase == "Initialized")
            .await?;
        Ok(self.since(&start))
    }

    async fn push(&self) -> Result<(), String> {
        for number in 0..self.fleet.count {
            cluster::push(&self.person, self.fleet, number).await?;
        }
        Ok(())
    }

    /// Waits until all are analysed, and looks on for a while; also how many
    /// steps they take in it.
    async fn analysed(&mut self) -> Result<(Part, u64), String> {
        self.reach("analysed", Standing::is_analysed).await?;
        // Not at the same moment as any of their steps.
        sleep(HALF_INTERVAL).await;
        let before = steps_taken(&self.person).await?;
        let start = self.now();
        sleep(ANALYSIS).await;
        let part = self.since(&start);
        Ok((part, steps_taken(&self.person).await? - before))
    }

    /// Lets everything come to rest, and looks on for a while.
    async fn look_on(&self, time: Duration) -> Part {
        sleep(SETTLING).await;
        let start = self.now();
        sleep(time).await;
        self.since(&start)
    }

    async fn reach(&mut self, what: &str, holds: impl Fn(&Standing) -> bool) -> Result<(), String> {
        self.standings.reach(0..self.fleet.count, what, holds).await
    }

    fn now(&self) -> Moment {
        Moment {
            counted: self.cluster.counters(),
            asked: self.prometheus.asked(),
            cpu_s: thread_cpu_s(),
            at: Instant::now(),
        }
    }

    fn since(&self, start: &Moment) -> Part {
        Part {
            requests: Requests::of(&self.cluster.counters().since(&start.counted)),
            questions: self.prometheus.asked() - start.asked,
            cpu_s: thread_cpu_s() - start.cpu_s,
            took_s: start.at.elapsed().as_secs_f64(),
        }
    }
}

fn options_of(
    cluster: &Cluster,
    prometheus: &Arc<Prometheus>,
    clock: VirtualClock,
) -> ControllerOptions {
    let (remote, store) = (MemoryRemote::new(), MemoryStore::new());
    let mut options = ControllerOptions::new(cluster.session(), Arc::new(remote), Arc::new(store));
    options.clock = Clock::starting_at(clock.now());
    options.rendering = Rendering::Inline;
    options.machine = MachineOptions {
        seed: SEED,
        ..MachineOptions::default()
    };
    options.canaries.sender = Arc::clone(prometheus) as Arc<dyn SendRequest>;
    options
}
