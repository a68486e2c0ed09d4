//! The steps that try new versions of the shop: real visitors, whose answers
//! are counted by the weights that held while they came.

use super::steps::Stage;
use super::{StepResult, eventually, view};
use crate::folder::ports_of;
use crate::sample;
use crate::tally::Tally;
use crate::visitor::Visitor;
use futures::future::join_all;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use trueup_cluster::Session;
use trueup_kinds::canary::Phase;
use trueup_kinds::{Canary, Resource};
use trueup_object::{ObjectRef, Value};

/// Visitors at once.
const VISITORS: usize = 4;
/// Requests of each between two looks at the weights.
const VISITS: usize = 5;
/// Requests after a run is over.
const VISITS_AFTERWARDS: usize = 50;
/// How many standard deviations a share may be off.
const DEVIATIONS: f64 = 4.0;
/// The weights of the sample's Canary while it is tried.
const WEIGHTS: [i64; 3] = [20, 40, 60];
/// The file that says which version runs.
const SHOP_FILE: &str = "shop/shop.yaml";

/// What visitors met during a run.
#[derive(Debug, Default)]
struct Met {
    /// By weight, where that held from the first to the last request.
    by_weight: BTreeMap<i64, Tally>,
    all: Tally,
}

/// Where requests go, as long as nothing of it changes.
#[derive(Clone, Debug, PartialEq)]
struct Sharing {
    weight: i64,
    generation: i64,
}

impl Stage {
    /// A good version is promoted.
    pub(super) async fn promote(&mut self) -> StepResult {
        self.fleet()?.edit(SHOP_FILE, "\"1.0.0\"", "\"1.1.0\"")?;
        self.fleet()?.commit_and_push("Shop 1.1.0").await?;
        let met = self.watch_run("1.1.0", Phase::Succeeded).await?;
        check_nothing_lost(&met.all)?;
        if let Some((version, errors)) = met.all.errors.iter().next() {
            return Err(format!("{errors} answers of {version} were errors"));
        }
        let mut held = WEIGHTS
            .iter()
            .map(|weight| check_share(&met, *weight, "1.1.0"))
            .collect::<Result<Vec<_>, _>>()?;
        held.push(format!(
            "{} visitors during the run: none lost, no errors",
            met.all.answers()
        ));
        held.push(self.check_afterwards("1.1.0").await?);
        Ok(held)
    }

    /// A bad version is rolled back.
    pub(super) async fn roll_back(&mut self) -> StepResult {
        self.fleet()?.edit(SHOP_FILE, "\"1.1.0\"", "\"1.2.0\"")?;
        self.fleet()?
            .edit(SHOP_FILE, "value: \"0\"", "value: \"0.5\"")?;
        self.fleet()?.commit_and_push("Shop 1.2.0").await?;
        let met = self.watch_run("1.2.0", Phase::Failed).await?;
        let share = check_held_back(&met, "1.2.0")?;
        let errors = met.all.errors.get("1.2.0").copied().unwrap_or(0);
        let told = format!(
            "{} visitors during the run: {errors} met an error of 1.2.0, all others were served",
            met.all.answers()
        );
        Ok(vec![
            share,
            told,
            self.check_blamed("success rate").await?,
            self.check_afterwards("1.1.0").await?,
        ])
    }

    /// A slow version without errors is rolled back, too.
    pub(super) async fn roll_back_slow(&mut self) -> StepResult {
        let fleet = self.fleet()?;
        fleet.edit(SHOP_FILE, "\"1.2.0\"", "\"1.3.0\"")?;
        fleet.edit(SHOP_FILE, "value: \"0.5\"", "value: \"0\"")?;
        fleet.edit(SHOP_FILE, "value: \"5\"", "value: \"500\"")?;
        fleet.commit_and_push("Shop 1.3.0").await?;
        let met = self.watch_run("1.3.0", Phase::Failed).await?;
        let share = check_held_back(&met, "1.3.0")?;
        if met.all.errors.contains_key("1.3.0") {
            return Err("the slow version answered with errors".to_owned());
        }
        Ok(vec![
            share,
            self.check_blamed("request duration").await?,
            self.check_afterwards("1.1.0").await?,
        ])
    }

    /// What was rolled back must have failed its checks for this reason.
    async fn check_blamed(&self, reason: &str) -> Result<String, String> {
        let checks = canary(&self.session()?).await?.status.checks;
        let failed = checks.iter().filter(|check| check.verdict == "Failed");
        let failed: Vec<_> = failed.collect();
        let Some(last) = failed.last() else {
            return Err("it was rolled back without a failed check".to_owned());
        };
        match last.message.split_once("advancement ") {
            Some((_, why)) if why.starts_with(reason) => Ok(format!(
                "rolled back after {} failed checks, the last: {why}",
                failed.len()
            )),
            _ => Err(format!("it was rolled back because: {}", last.message)),
        }
    }

    /// Visits until the run of a version has ended as it should.
    async fn watch_run(&mut self, version: &str, end: Phase) -> Result<Met, String> {
        let (session, gateway) = (self.session()?, self.gateway()?);
        eventually(&mut self.pending, || async {
            match canary(&session).await?.status.phase {
                Phase::Progressing => Ok(()),
                phase => Err(format!("the Canary of the shop is {}", phase.as_str())),
            }
        })
        .await;
        let mut visitors: Vec<Visitor> = (0..VISITORS).map(|_| Visitor::of(gateway)).collect();
        let mut met = Met::default();
        loop {
            let before = sharing(&session).await?;
            let batch = visit(&mut visitors, VISITS).await;
            if before.is_some() && before == sharing(&session).await? {
                let weight = before.map_or(0, |sharing| sharing.weight);
                met.by_weight.entry(weight).or_default().add(batch.clone());
            }
            met.all.add(batch);
            let phase = canary(&session).await?.status.phase;
            self.pending = format!(
                "the run of {version} is {}: {}",
                phase.as_str(),
                met.all.words()
            );
            if phase == end {
                return Ok(met);
            }
            if matches!(phase, Phase::Succeeded | Phase::Failed) {
                return Err(format!(
                    "the run of {version} has ended as {}",
                    phase.as_str()
                ));
            }
        }
    }

    /// Everybody who comes afterwards must meet one version.
    async fn check_afterwards(&self, version: &str) -> Result<String, String> {
        let mut visitors: Vec<Visitor> = (0..VISITORS)
            .map(|_| self.gateway().map(Visitor::of))
            .collect::<Result<_, _>>()?;
        let met = visit(&mut visitors, VISITS_AFTERWARDS).await;
        check_nothing_lost(&met)?;
        if met.of(version) != met.answers() || !met.errors.is_empty() {
            return Err(format!(
                "afterwards not all answers are of {version}: {}",
                met.words()
            ));
        }
        Ok(format!(
            "afterwards all of {} answers are of {version}",
            met.answers()
        ))
    }

    fn gateway(&self) -> Result<SocketAddr, String> {
        let ports = ports_of(&self.data()).map_err(|error| error.to_string())?;
        Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, ports.gateway)))
    }
}

/// Each visitor sends so many requests.
async fn visit(visitors: &mut [Visitor], visits: usize) -> Tally {
    let visiting = visitors.iter_mut().map(|visitor| async move {
        let mut tally = Tally::default();
        for _ in 0..visits {
            tally.count(visitor.visit().await);
        }
        tally
    });
    let mut all = Tally::default();
    for tally in join_all(visiting).await {
        all.add(tally);
    }
    all
}

fn reference(api_version: &str, kind: &str) -> ObjectRef {
    view::object(api_version, kind, sample::SHOP, sample::SHOP)
}

async fn canary(session: &Session) -> Result<Canary, String> {
    let live = view::live(session, &reference("flagger.app/v1beta1", "Canary")).await?;
    Canary::read(live.value()).map_err(|error| error.to_string())
}

/// How requests are shared between two versions; `None` while that is about
/// to change, or the primary is no longer the old version.
async fn sharing(session: &Session) -> Result<Option<Sharing>, String> {
    let status = canary(session).await?.status;
    let route = reference("gateway.networking.k8s.io/v1", "HTTPRoute");
    let live = view::live(session, &route).await?;
    let is_tried = status.phase == Phase::Progressing && status.pending_step.is_none();
    let generation = live.generation();
    let is_followed = is_followed(live.value(), generation);
    let weight = canary_weight(live.value()).filter(|_| is_tried && is_followed);
    Ok(weight.map(|weight| Sharing { weight, generation }))
}

/// Whether the gateway says that it follows the route as it is now.
fn is_followed(route: &Value, generation: i64) -> bool {
    let parents = route.at(&["status", "parents"]).and_then(Value::as_list);
    let conditions = parents.and_then(|parents| parents.first()?.get("conditions")?.as_list());
    conditions.unwrap_or_default().iter().any(|condition| {
        condition.str_at(&["type"]) == Some("Accepted")
            && condition.str_at(&["status"]) == Some("True")
            && condition.i64_at(&["observedGeneration"]) == Some(generation)
    })
}

fn canary_weight(route: &Value) -> Option<i64> {
    let rules = route.at(&["spec", "rules"])?.as_list()?;
    let mut backends = rules.first()?.get("backendRefs")?.as_list()?.iter();
    let name = format!("{}-canary", sample::SHOP);
    let canary = backends.find(|backend| backend.str_at(&["name"]) == Some(&name))?;
    canary.i64_at(&["weight"])
}

/// A bad version must have had the first weight only, and have harmed nobody
/// who came to the old one.
fn check_held_back(met: &Met, version: &str) -> Result<String, String> {
    check_nothing_lost(&met.all)?;
    if let Some(weight) = met.by_weight.keys().find(|weight| **weight > WEIGHTS[0]) {
        return Err(format!("the bad version got a weight of {weight}"));
    }
    if met.all.errors.contains_key("1.1.0") {
        return Err("the old version answered with errors".to_owned());
    }
    check_share(met, WEIGHTS[0], version)
}

fn check_nothing_lost(tally: &Tally) -> Result<(), String> {
    match tally.lost.first() {
        None => Ok(()),
        Some(why) => Err(format!("{} requests were lost: {why}", tally.lost.len())),
    }
}

/// The share of a version at a weight must be as near as chance allows.
fn check_share(met: &Met, weight: i64, version: &str) -> Result<String, String> {
    let nobody = || format!("nobody came at a weight of {weight}");
    let tally = met.by_weight.get(&weight).ok_or_else(nobody)?;
    let (count, all) = (tally.of(version), tally.answers());
    let told = format!("weight {weight}: {count} of {all} answers are of {version}");
    if is_share(count, all, weight) {
        Ok(told)
    } else {
        Err(format!(
            "{told}, which is more than {DEVIATIONS} standard deviations off"
        ))
    }
}

fn is_share(count: usize, all: usize, weight: i64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "counts and weights are small")]
    let (count, all, share) = (count as f64, all as f64, weight as f64 / 100.0);
    let deviation = (all * share * (1.0 - share)).sqrt();
    all > 0.0 && (count - all * share).abs() <= DEVIATIONS * deviation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_may_be_off_by_chance_but_no_more() {
        for (count, all, weight, expected) in [
            (20, 100, 20, true),
            (36, 100, 20, true),
            (37, 100, 20, false),
            (4, 100, 20, true),
            (3, 100, 20, false),
            (0, 0, 20, false),
        ] {
            assert_eq!(is_share(count, all, weight), expected, "{count} of {all}");
        }
    }
}
