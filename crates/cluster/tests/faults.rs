//! The faults of the test kit do what they say.

use crate::script::{Script, config_map, list};
use futures::{FutureExt, StreamExt};
use std::time::Duration;
use trueup_cluster::{
    Cluster, ClusterKey, ClusterOptions, ErrorClass, Form, Outcome, Scope, Session, WatchEvent,
    WatchSpec, WriteOptions,
};
use trueup_object::{GroupVersionKind, value};
use trueup_testkit::{Fault, FaultRates, Faults, Kill, WriteFate, virtual_time};

fn script() -> Script {
    let script = Script::new();
    script.on("POST", &config_map("a", "1", 1));
    script
}

fn session(script: &Script, faults: &Faults) -> Session {
    let options = ClusterOptions {
        seed: Some(1),
        attempts: 1,
        ..ClusterOptions::in_process()
    };
    Cluster::from_service(ClusterKey::local(), faults.wrap(script.clone()), options).session()
}

async fn create(session: &Session) -> Result<(), (ErrorClass, Outcome)> {
    let object = value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}});
    let created = session.create(&object, &WriteOptions::new("me")).await;
    created
        .map(|_| ())
        .map_err(|error| (error.class(), error.outcome()))
}

fn posts(script: &Script) -> usize {
    script
        .lines()
        .iter()
        .filter(|line| line.starts_with("POST"))
        .count()
}

#[test]
fn each_fault_fails_in_its_way() {
    virtual_time(async {
        for (fault, class, outcome, reaches, fate) in [
            (
                Fault::NotSent,
                ErrorClass::Unreachable,
                Outcome::NotDone,
                0,
                WriteFate::NotSent,
            ),
            (
                Fault::AnswerLost,
                ErrorClass::AnswerLost,
                Outcome::Unknown,
                1,
                WriteFate::AnswerLost(200),
            ),
            (
                Fault::Silence,
                ErrorClass::AnswerLost,
                Outcome::Unknown,
                0,
                WriteFate::NotSent,
            ),
            (
                Fault::SilenceAfter,
                ErrorClass::AnswerLost,
                Outcome::Unknown,
                1,
                WriteFate::AnswerLost(200),
            ),
            (
                Fault::Refused(409),
                ErrorClass::Conflict,
                Outcome::NotDone,
                0,
                WriteFate::NotSent,
            ),
            (
                Fault::Refused(429),
                ErrorClass::TooManyRequests,
                Outcome::NotDone,
                0,
                WriteFate::NotSent,
            ),
        ] {
            let (script, faults) = (script(), Faults::new(1));
            let session = session(&script, &faults);
            faults.fail_next_write(fault);
            assert_eq!(create(&session).await, Err((class, outcome)), "{fault:?}");
            assert_eq!(posts(&script), reaches, "{fault:?}");
            assert_eq!(faults.writes()[0].fate, fate);
            assert_eq!(create(&session).await, Ok(()));
            assert_eq!(faults.writes()[1].fate, WriteFate::Answered(200));
        }
    });
}

#[test]
fn a_kill_cuts_off_before_or_after_a_write_and_a_new_life_works() {
    virtual_time(async {
        for (kill, reaches) in [(Kill::BeforeWrite(2), 1), (Kill::AfterWrite(2), 2)] {
            let (script, faults) = (script(), Faults::new(1));
            let old = session(&script, &faults);
            faults.set_kill(kill);
            assert_eq!(create(&old).await, Ok(()));
            let hanging = tokio::spawn({
                let old = old.clone();
                async move { create(&old).await }
            });
            faults.killed().await;
            hanging.abort();
            assert_eq!(posts(&script), reaches);
            faults.revive();
            assert_eq!(create(&session(&script, &faults)).await, Ok(()));
            let late = tokio::time::timeout(Duration::from_secs(10), create(&old)).await;
            assert!(late.is_err(), "the dead stay dead");
        }
    });
}

#[test]
fn dropped_watches_resume() {
    virtual_time(async {
        let (script, faults) = (script(), Faults::new(1));
        script.on("GET /api/v1/configmaps?limit", &list(5, "", &[]));
        let (_first, second) = (
            script.watch("GET /api/v1/configmaps?watch"),
            script.watch("GET /api/v1/configmaps?watch"),
        );
        let mut watch = session(&script, &faults).watch(WatchSpec {
            kind: GroupVersionKind::new("v1", "ConfigMap"),
            scope: Scope::all(),
            form: Form::Full,
        });
        assert!(matches!(
            watch.next().await.unwrap(),
            WatchEvent::Synced { .. }
        ));
        assert!(watch.next().now_or_never().is_none());
        tokio::time::sleep(Duration::from_secs(2)).await;
        faults.drop_watches();
        second.event("ADDED", &config_map("a", "1", 6));
        assert!(matches!(
            watch.next().await.unwrap(),
            WatchEvent::Applied(_)
        ));
    });
}

#[test]
fn the_same_seed_draws_the_same_faults() {
    let run = |seed| {
        virtual_time(async move {
            let (script, faults) = (script(), Faults::new(seed));
            let session = session(&script, &faults);
            session.cluster().catalogue().await.unwrap();
            faults.set_rates(FaultRates {
                answer_lost: 300,
                refused: 300,
                ..FaultRates::ROUGH
            });
            for _ in 0..50 {
                let _ = create(&session).await;
            }
            faults
                .writes()
                .iter()
                .map(|write| write.fault)
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
    assert!(run(7).iter().flatten().count() > 15);
}
