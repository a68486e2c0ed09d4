//! Several processes, one of which acts: Flux's leases, real processes, real
//! signals. The embedded API writes down who asked for what.

use crate::world::{World, in_a_world, object, until, with};
use std::time::Duration;
use tokio::process::Child;
use trueup_object::{ObjectRef, Value};

const LEASES: [&str; 2] = [
    "kustomize-controller-leader-election",
    "source-controller-leader-election",
];

/// Two processes with users of their own; neither has started.
const PROCESSES: [&str; 2] = ["first", "second"];

impl World {
    fn lease(&self, name: &str) -> ObjectRef {
        self.reference("coordination.k8s.io/v1", "Lease", name)
    }

    /// Waits until a process has both leases.
    async fn leads(&self, process: &Child) {
        let id = process.id().unwrap();
        for lease in LEASES {
            self.becomes(&self.lease(lease), |it| {
                let holder = it.str_at(&["spec", "holderIdentity"]).unwrap_or_default();
                holder.ends_with(&format!("-{id}"))
            })
            .await;
        }
    }

    /// Who wrote, one entry for each stretch of one writer.
    fn writers(&self) -> Vec<String> {
        let asked = self.audit().asked();
        let mut writers: Vec<String> = asked
            .iter()
            .filter(|asked| asked.is_write() && PROCESSES.contains(&asked.user.as_str()))
            .map(|asked| asked.user.clone())
            .collect();
        writers.dedup();
        writers
    }

    /// Changes the number of replicas in Git; returns the commit.
    async fn scale(&self, from: u32, to: u32) -> String {
        let (from, to) = (format!("replicas: {from}"), format!("replicas: {to}"));
        self.fleet.edit("web/deployment.yaml", &from, &to);
        self.fleet.push(&to).await
    }

    /// Makes the source look for new commits often: nobody tells of pushes.
    async fn look_often(&self) {
        let patch = r#"{"spec":{"interval":"1s"}}"#;
        self.kubectl(&[
            "patch",
            "gitrepository",
            "fleet",
            "--type=merge",
            "-p",
            patch,
        ])
        .await;
    }
}

fn signal(process: &Child, name: &str) {
    let id = process.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args([name, &id])
        .status();
    assert!(sent.unwrap().success());
}

/// A world in which only spawned processes act, unless it is shared.
async fn with_processes(name: &str, test: impl AsyncFnOnce(&mut World)) {
    in_a_world(name, async |world| {
        if world.is_shared() {
            println!("skipped: {name}: the requests of an outside cluster can't be told apart");
            return;
        }
        world.kill_controllers();
        test(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_leader_is_killed_the_other_takes_over_and_they_never_write_at_once() {
    with_processes("takeover", async |world| {
        let mut first = world.spawn_elected("first");
        world.leads(&first).await;
        let second = world.spawn_elected("second");
        world.deploy("web").await;
        world.look_often().await;
        world.applied("web", &world.fleet.head().await).await;
        first.kill().await.unwrap();
        let commit = world.scale(2, 3).await;
        world.leads(&second).await;
        world.applied("web", &commit).await;
        assert_eq!(world.writers(), PROCESSES);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_ends_in_order_gives_the_leases_up() {
    with_processes("release", async |world| {
        let mut first = world.spawn_elected("first");
        world.leads(&first).await;
        world.deploy("web").await;
        world.look_often().await;
        world.applied("web", &world.fleet.head().await).await;
        signal(&first, "-TERM");
        assert!(first.wait().await.unwrap().success());
        for lease in LEASES {
            let lease = world.live(&world.lease(lease)).await;
            assert_eq!(lease.str_at(&["spec", "holderIdentity"]), Some(""));
        }
        let second = world.spawn_elected("second");
        world.leads(&second).await;
        let commit = world.scale(2, 3).await;
        world.applied("web", &commit).await;
        assert_eq!(world.writers(), PROCESSES);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_frozen_writes_nothing_when_it_wakes() {
    with_processes("frozen", async |world| {
        let first = world.spawn_elected("first");
        world.leads(&first).await;
        let second = world.spawn_elected("second");
        world.deploy("web").await;
        world.look_often().await;
        world.applied("web", &world.fleet.head().await).await;
        signal(&first, "-STOP");
        world.leads(&second).await;
        let commit = world.scale(2, 3).await;
        world.applied("web", &commit).await;
        signal(&first, "-CONT");
        world
            .says(
                "first",
                "standing by: lease",
                &format!("-{}", second.id().unwrap()),
            )
            .await;
        let commit = world.scale(3, 4).await;
        world.applied("web", &commit).await;
        assert_eq!(world.writers(), PROCESSES);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_genuine_flux_holds_the_leases_we_stand_by_and_say_so() {
    with_processes("foreign", async |world| {
        let foreign = |name: &str, turn: i64, duration_s: i64| -> Value {
            let mut lease = with(
                object("coordination.k8s.io/v1", "Lease", name),
                &["spec", "holderIdentity"],
                "kustomize-controller-0_someone-else",
            );
            lease.set_at(&["metadata", "namespace"], world.namespace.as_str().into());
            lease.set_at(&["spec", "leaseDurationSeconds"], duration_s.into());
            lease.set_at(&["spec", "leaseTransitions"], turn.into());
            lease
        };
        for lease in LEASES {
            world.apply(&foreign(lease, 0, 600)).await;
        }
        let mut process = world.spawn_elected("first");
        world.deploy("web").await;
        for lease in LEASES {
            world
                .says(
                    "first",
                    &format!("standing by: lease {}/{lease}", world.namespace),
                    "someone-else",
                )
                .await;
        }
        assert!(world.is_process_ready("first").await);
        for turn in 1..=10 {
            for lease in LEASES {
                world.apply(&foreign(lease, turn, 600)).await;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        assert_eq!(world.writers(), [""; 0]);
        // It renews for a last time, for a second, and falls silent.
        for lease in LEASES {
            world.apply(&foreign(lease, 11, 1)).await;
        }
        world.leads(&process).await;
        world.applied("web", &world.fleet.head().await).await;
        process.kill().await.unwrap();
    })
    .await;
}

impl World {
    /// Waits until a process has written a log line that holds two texts.
    async fn says(&self, process: &str, first: &str, second: &str) {
        until(async || {
            let log = self.log_of(process);
            let found = log
                .lines()
                .any(|line| line.contains(first) && line.contains(second));
            found.then_some(()).ok_or(log)
        })
        .await;
    }
}
