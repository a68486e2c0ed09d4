//! The fence of a leader.

use crate::script::{Reply, Script, status};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use trueup_cluster::{Leadership, LeaseElection, LeaseTimes, is_within};
use trueup_testkit::{VirtualClock, virtual_time};

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/flux-system/leases";
const LEASE: &str = r#"{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l","namespace":"flux-system","uid":"u","resourceVersion":"1"},
    "spec":{"holderIdentity":"me","leaseDurationSeconds":35,"leaseTransitions":0,"acquireTime":"x","renewTime":"t"}}"#;

fn election(script: &Script) -> LeaseElection {
    let clock = VirtualClock::start();
    LeaseElection::new(
        script.cluster().session(),
        "flux-system",
        "l",
        "me",
        LeaseTimes::FLUX,
        Arc::new(move || clock.now()),
    )
}

#[test]
fn what_a_leader_may_do_ends_with_its_tenure_to_the_instant() {
    virtual_time(async {
        let now = Instant::now();
        assert!(!is_within(None, now));
        assert!(!is_within(Some(now), now));
        assert!(is_within(Some(now + Duration::from_millis(1)), now));
    });
}

#[test]
fn a_leader_that_can_not_renew_is_stopped_at_the_deadline_between_two_attempts() {
    virtual_time(async {
        let script = Script::new();
        script.on("POST", LEASE);
        let broken = || Reply::Json(500, status(500, "InternalError", "x"));
        script.reply("PUT", broken());
        let election = election(&script);
        let mut tenure = election.tenure();
        let (tell, _told) = watch::channel(Leadership::unknown());
        let task = tokio::spawn(election.run(tell, std::future::pending()));
        tenure.begun().await;
        script.reply(&format!("GET {PATH}"), broken());
        let begun = Instant::now();
        let steps = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&steps);
        let work = async move {
            loop {
                sleep(Duration::from_millis(700)).await;
                counted.fetch_add(1, Ordering::SeqCst);
            }
        };
        assert_eq!(tenure.while_it_lasts::<()>(work).await, None);
        assert_eq!(begun.elapsed(), LeaseTimes::FLUX.renew_deadline);
        let done = steps.load(Ordering::SeqCst);
        assert_eq!(done, 42);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(steps.load(Ordering::SeqCst), done);
        task.abort();
    });
}

#[test]
fn work_that_ends_in_time_gives_its_result() {
    virtual_time(async {
        let script = Script::new();
        script.on("POST", LEASE);
        let mut election = election(&script);
        let tenure = election.tenure();
        assert_eq!(tenure.while_it_lasts(async { 1 }).await, None);
        assert_eq!(election.try_once().await, Leadership::Leading);
        assert_eq!(tenure.while_it_lasts(async { 1 }).await, Some(1));
    });
}

#[test]
fn whoever_gives_the_lease_up_has_stopped_before_others_read_so() {
    virtual_time(async {
        let script = Script::new();
        script.on("POST", LEASE);
        script.on("PUT", LEASE);
        let mut election = election(&script);
        let tenure = election.tenure();
        election.try_once().await;
        assert!(tenure.holds());
        election.release().await;
        assert!(!tenure.holds());
        assert_eq!(
            script.last().body.str_at(&["spec", "holderIdentity"]),
            Some("")
        );
    });
}

#[test]
fn times_that_would_let_two_lead_are_told_from_good_ones() {
    let seconds = Duration::from_secs;
    let times = |lease, renew, retry| LeaseTimes {
        lease_duration: lease,
        renew_deadline: renew,
        retry_period: retry,
    };
    assert!(LeaseTimes::FLUX.are_consistent());
    assert!(times(seconds(3), seconds(2), seconds(1)).are_consistent());
    for bad in [
        times(seconds(30), seconds(30), seconds(5)),
        times(seconds(35), seconds(6), seconds(5)),
        times(seconds(35), seconds(30), seconds(0)),
        times(Duration::from_millis(35_500), seconds(30), seconds(5)),
    ] {
        assert!(!bad.are_consistent(), "{bad:?}");
    }
}
