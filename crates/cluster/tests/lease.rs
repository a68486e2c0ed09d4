//! One leader at a time.

use crate::script::{Reply, Script, status};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use trueup_cluster::{
    Leadership, LeaseDecision, LeaseElection, LeaseRecord, LeaseTimes, LeaseView, Reach,
    decide_lease,
};
use trueup_testkit::{VirtualClock, virtual_time};

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/flux-system/leases";

fn view(holder: &str, unchanged_since_ms: u64) -> LeaseView {
    let record = LeaseRecord {
        holder: holder.into(),
        duration_s: 35,
        ..LeaseRecord::default()
    };
    LeaseView {
        record,
        unchanged_since_ms,
    }
}

fn lease(holder: &str, renewed: &str) -> String {
    format!(
        r#"{{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{{"name":"l","namespace":"flux-system","uid":"u","resourceVersion":"1"}},
        "spec":{{"holderIdentity":"{holder}","leaseDurationSeconds":35,"leaseTransitions":2,"acquireTime":"x","renewTime":"{renewed}"}}}}"#
    )
}

fn election(script: &Script) -> LeaseElection {
    let clock = VirtualClock::start();
    LeaseElection::new(
        script.cluster().session(),
        "flux-system",
        "kustomize-controller-leader-election",
        "me",
        LeaseTimes::FLUX,
        Arc::new(move || clock.now()),
    )
}

#[test]
fn a_lease_is_taken_only_when_nobody_has_renewed_it_under_our_eyes() {
    assert_eq!(decide_lease(None, "me", 0), LeaseDecision::Create);
    assert_eq!(
        decide_lease(Some(&view("me", 0)), "me", 0),
        LeaseDecision::Renew
    );
    assert_eq!(
        decide_lease(Some(&view("", 0)), "me", 0),
        LeaseDecision::Take
    );
    assert_eq!(
        decide_lease(Some(&view("you", 1_000)), "me", 35_999),
        LeaseDecision::Wait { until_ms: 36_000 }
    );
    assert_eq!(
        decide_lease(Some(&view("you", 1_000)), "me", 36_000),
        LeaseDecision::Take
    );
}

proptest! {
    #[test]
    fn a_fresh_lease_of_another_is_never_taken(since in 0u64..1_000_000, later in 0u64..35_000) {
        let decision = decide_lease(Some(&view("you", since)), "me", since + later);
        prop_assert_eq!(decision, LeaseDecision::Wait { until_ms: since + 35_000 });
    }
}

#[test]
fn a_missing_lease_is_made_and_we_lead() {
    virtual_time(async {
        let script = Script::new();
        script.on("POST", &lease("me", "t"));
        let mut election = election(&script);
        assert_eq!(election.try_once().await, Leadership::Leading);
        let body = script.last().body;
        assert_eq!(body.str_at(&["spec", "holderIdentity"]), Some("me"));
        assert_eq!(
            body.str_at(&["spec", "renewTime"]),
            Some("2026-01-01T00:00:00.000000Z")
        );
        assert_eq!(body.i64_at(&["spec", "leaseDurationSeconds"]), Some(35));
    });
}

#[test]
fn we_stand_by_while_another_renews_and_take_over_when_it_falls_silent() {
    virtual_time(async {
        let script = Script::new();
        let get = format!("GET {PATH}");
        script.on(&get, &lease("flux", "1"));
        script.on(&get, &lease("flux", "2"));
        script.on("PUT", &lease("me", "t"));
        let mut election = election(&script);
        let begun = tokio::time::Instant::now();
        while election.try_once().await != Leadership::Leading {
            assert_eq!(
                election.leadership(),
                Leadership::Standby {
                    holder: "flux".into(),
                    reach: Reach::ThisOne,
                }
            );
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        // Seen to change once, after five seconds; then 35 s of silence.
        assert_eq!(begun.elapsed().as_secs(), 40);
        assert_eq!(
            script.last().body.i64_at(&["spec", "leaseTransitions"]),
            Some(3)
        );
    });
}

#[test]
fn a_leader_that_can_not_renew_stops_leading_before_others_may_take_over() {
    virtual_time(async {
        let script = Script::new();
        script.on("POST", &lease("me", "t"));
        script.reply("PUT", Reply::Json(500, status(500, "InternalError", "x")));
        let mut election = election(&script);
        assert_eq!(election.try_once().await, Leadership::Leading);
        let begun = tokio::time::Instant::now();
        script.reply(
            &format!("GET {PATH}"),
            Reply::Json(500, status(500, "InternalError", "x")),
        );
        while election.try_once().await == Leadership::Leading {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        let lost = begun.elapsed().as_secs();
        assert!((25..35).contains(&lost), "{lost}");
    });
}

#[test]
fn at_the_end_the_lease_is_given_up() {
    virtual_time(async {
        let script = Script::new();
        script.on("POST", &lease("me", "t"));
        script.on("PUT", &lease("", "t"));
        let (tell, mut told) = watch::channel(Leadership::unknown());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(election(&script).run(tell, async {
            let _ = stopped.await;
        }));
        told.wait_for(|leadership| *leadership == Leadership::Leading)
            .await
            .unwrap();
        stop.send(()).unwrap();
        task.await.unwrap();
        let body = script.last().body;
        assert_eq!(body.str_at(&["spec", "holderIdentity"]), Some(""));
        assert_eq!(body.i64_at(&["spec", "leaseDurationSeconds"]), Some(1));
    });
}
