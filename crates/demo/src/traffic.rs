//! Visitors for the web application while a new version is tried, and what
//! the terminal tells of them.

use crate::sample;
use crate::tally::Tally;
use crate::visitor::Visitor;
use futures::StreamExt;
use futures::future::join_all;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use trueup_cluster::{Form, Scope, Session, WatchEvent, WatchSpec};
use trueup_kinds::canary::{CanaryStatus, CheckRecord, Phase};
use trueup_kinds::{Canary, Report, Resource, Severity};
use trueup_object::ObjectRef;

/// How many visitors there are at once.
const VISITORS: u32 = 10;
/// How often each sends a request, at most.
const VISIT_INTERVAL: Duration = Duration::from_millis(200);
/// The reason of what is told here.
const REASON: &str = "Traffic";
/// Signs in the picture of a weight.
const BAR_SIGNS: i64 = 10;
/// The greatest weight.
const FULL_WEIGHT: i64 = 100;

/// Sends visitors while a run is on, and tells what they met at each check.
pub(crate) async fn accompany(
    session: Session,
    gateway: SocketAddr,
    reports: mpsc::Sender<Report>,
) {
    let (running, is_running) = watch::channel(false);
    let tally: Arc<Mutex<Tally>> = Arc::default();
    let visiting = (0..VISITORS).map(|_| visit(gateway, is_running.clone(), Arc::clone(&tally)));
    tokio::join!(
        join_all(visiting),
        follow(session, gateway, running, &tally, reports)
    );
}

/// One visitor, who rests while no run is on.
async fn visit(
    gateway: SocketAddr,
    mut is_running: watch::Receiver<bool>,
    tally: Arc<Mutex<Tally>>,
) {
    let mut visitor = Visitor::of(gateway);
    let mut turns = interval(VISIT_INTERVAL);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if !*is_running.borrow() {
            visitor.leave();
        }
        if is_running.wait_for(|running| *running).await.is_err() {
            return;
        }
        turns.tick().await;
        let outcome = visitor.visit().await;
        tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count(outcome);
    }
}

/// Follows the application's Canary.
async fn follow(
    session: Session,
    gateway: SocketAddr,
    running: watch::Sender<bool>,
    tally: &Mutex<Tally>,
    reports: mpsc::Sender<Report>,
) {
    let mut events = session.watch(WatchSpec {
        kind: Canary::group_version_kind(),
        scope: Scope::object(sample::SHOP, sample::SHOP),
        form: Form::Full,
    });
    let mut told = Told::default();
    while let Some(event) = events.next().await {
        let WatchEvent::Applied(object) = event else {
            continue;
        };
        let Ok(canary) = Canary::read(object.value()) else {
            continue;
        };
        let is_running = is_tried(canary.status.phase);
        let began = running.send_replace(is_running) != is_running && is_running;
        let take = || std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner));
        let mut news = Vec::new();
        if began {
            drop(take());
            news.push((Severity::Trace, arrival(gateway)));
        }
        for check in told.news(&canary.status) {
            let severity = match check.verdict.as_str() {
                "Passed" => Severity::Info,
                _ => Severity::Error,
            };
            news.push((severity, words(check, &take())));
        }
        let weight = canary.status.canary_weight;
        if std::mem::replace(&mut told.weight, weight) != weight {
            // Those who came before met other shares.
            drop(take());
        }
        for (severity, text) in news {
            let report = told_of(object.reference().clone(), severity, text);
            if reports.send(report).await.is_err() {
                return;
            }
        }
    }
}

fn told_of(about: ObjectRef, severity: Severity, text: String) -> Report {
    Report::new(about, severity, REASON, text, Timestamp::now())
}

/// Whether a new version gets traffic, or is about to.
fn is_tried(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::Progressing | Phase::WaitingPromotion | Phase::Promoting | Phase::Finalising
    )
}

fn arrival(gateway: SocketAddr) -> String {
    let each_second = u128::from(VISITORS) * 1_000 / VISIT_INTERVAL.as_millis();
    format!("{each_second} visitors a second come to http://{gateway} while it is tried")
}

/// What was told already.
#[derive(Debug, Default)]
struct Told {
    last: Option<CheckRecord>,
    weight: i64,
}

impl Told {
    /// The checks of a status that came after the last one told.
    fn news<'s>(&mut self, status: &'s CanaryStatus) -> &'s [CheckRecord] {
        let checks = &status.checks;
        let is_last = |it: &CheckRecord| self.last.as_ref().is_some_and(|last| is_same(last, it));
        let known = checks.iter().rposition(is_last);
        let news = &checks[known.map_or(0, |place| place + 1)..];
        self.last = checks.last().cloned();
        news
    }
}

/// Whether two records are of one check: readings go when there are newer ones.
fn is_same(one: &CheckRecord, other: &CheckRecord) -> bool {
    let facts = |it: &CheckRecord| (it.time, it.weight, it.verdict.clone(), it.message.clone());
    facts(one) == facts(other)
}

/// `weight  20 ██········  1.0.0 ×80  1.1.0 ×20  passed`.
fn words(check: &CheckRecord, tally: &Tally) -> String {
    let verdict = match check.verdict.as_str() {
        "Passed" => "passed",
        "Failed" => "failed",
        "NoData" => "no data",
        _ => "not checked",
    };
    let (weight, bar) = (check.weight, bar(check.weight));
    format!("weight {weight:>3} {bar}  {}  {verdict}", tally.words())
}

/// A weight as a picture.
fn bar(weight: i64) -> String {
    let full = (weight.clamp(0, FULL_WEIGHT) * BAR_SIGNS + FULL_WEIGHT / 2) / FULL_WEIGHT;
    (0..BAR_SIGNS)
        .map(|sign| if sign < full { '█' } else { '·' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_kinds::canary::MetricReading;

    fn check(second: i64, weight: i64, verdict: &str) -> CheckRecord {
        CheckRecord {
            time: Timestamp::from_second(second).unwrap(),
            weight,
            verdict: verdict.into(),
            message: "".into(),
            readings: vec![MetricReading {
                metric: "request-success-rate".into(),
                value: "100.00%".into(),
                threshold: "at least 99%".into(),
                interval: "1m".into(),
            }],
        }
    }

    #[test]
    fn each_check_is_told_once_also_when_the_oldest_are_forgotten() {
        let mut status = CanaryStatus::default();
        let mut told = Told::default();
        let mut weights = Vec::new();
        for second in 0..30 {
            status.record(check(second, second, "Passed"));
            if second % 3 == 0 {
                weights.extend(told.news(&status).iter().map(|check| check.weight));
            }
        }
        weights.extend(told.news(&status).iter().map(|check| check.weight));
        assert_eq!(weights, (0..30).collect::<Vec<_>>());
        assert!(told.news(&status).is_empty());
        status.checks.clear();
        assert!(told.news(&status).is_empty());
        status.record(check(31, 20, "Passed"));
        assert_eq!(told.news(&status).len(), 1);
    }

    #[test]
    fn a_check_is_a_line_with_weight_and_answers() {
        let mut tally = Tally::default();
        tally.versions.insert("1.0.0".into(), 80);
        tally.versions.insert("1.1.0".into(), 20);
        assert_eq!(
            words(&check(0, 20, "Passed"), &tally),
            "weight  20 ██········  1.0.0 ×80  1.1.0 ×20  passed"
        );
        for (weight, signs) in [
            (0, 0),
            (4, 0),
            (5, 1),
            (50, 5),
            (100, 10),
            (900, 10),
            (-1, 0),
        ] {
            assert_eq!(bar(weight).matches('█').count(), signs, "{weight}");
        }
    }
}
