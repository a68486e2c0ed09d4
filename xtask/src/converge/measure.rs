//! The phases, each measured by what a person would see in the cluster.

use super::fleet;
use super::world::{LOOK_INTERVAL, World};
use crate::process::{Usage, usage};
use futures::StreamExt;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use trueup_cluster::{
    CounterSnapshot, Form, Patch, Scope, Session, Verb, WatchEvent, WatchSpec, WriteOptions,
};
use trueup_object::{GroupVersionKind, ObjectRef, Value, value};

/// How long a phase may take before the benchmark gives up.
const PHASE_DEADLINE: Duration = Duration::from_secs(900);

/// How long nothing may be asked of the API before it counts as rest.
const QUIET: Duration = Duration::from_secs(2);

/// From nothing to all Ready.
pub struct Converge {
    pub ready_ms: f64,
    pub requests: CounterSnapshot,
    pub used: Usage,
}

/// A time without any change.
pub struct Rest {
    pub seconds: u64,
    pub requests: CounterSnapshot,
    pub cpu_s: f64,
}

/// Pushes that touch one folder of N each, one after the other.
pub struct Push {
    pub count: usize,
    pub applied_ms: Spread,
    pub all_moved_ms: Spread,
    /// Renders and requests are those of the first.
    pub renders: u64,
    pub requests: CounterSnapshot,
}

/// The middle and the worst of several times.
pub struct Spread {
    pub median: f64,
    pub worst: f64,
}

impl Spread {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self {
            median: times.get(times.len() / 2).copied().unwrap_or(0.0),
            worst: times.last().copied().unwrap_or(0.0),
        }
    }
}

/// Changes by hand, one after the other.
pub struct Drift {
    pub count: usize,
    pub corrected_ms: Spread,
    pub requests: CounterSnapshot,
}

/// New controllers on a converged cluster.
pub struct Restart {
    pub rest_ms: f64,
    pub requests: CounterSnapshot,
}

/// Creates the objects and waits until every Kustomization is Ready.
pub async fn converge(world: &mut World, count: usize) -> Result<Converge, String> {
    let (before, counted) = (usage(), world.cluster.counters());
    let started = Instant::now();
    create(
        &world.person,
        world.url(),
        (0..count).map(fleet::kustomization),
    )
    .await?;
    wait_for_all(&world.person, count, is_ready).await?;
    let ready_ms = started.elapsed().as_secs_f64() * 1e3;
    settle(world).await;
    let after = usage();
    Ok(Converge {
        ready_ms,
        requests: world.cluster.counters().since(&counted),
        used: Usage {
            cpu_s: after.cpu_s - before.cpu_s,
            peak_mib: after.peak_mib,
        },
    })
}

/// Creates the repository and Kustomizations of it.
pub async fn create(
    person: &Session,
    url: &str,
    kustomizations: impl Iterator<Item = Value>,
) -> Result<(), String> {
    let options = WriteOptions::new("bench");
    for object in std::iter::once(fleet::git_repository(url)).chain(kustomizations) {
        person.create(&object, &options).await.map_err(text)?;
    }
    Ok(())
}

/// Looks on while nothing happens.
pub async fn rest(world: &World, seconds: u64) -> Rest {
    let (before, counted) = (usage(), world.cluster.counters());
    sleep(Duration::from_secs(seconds)).await;
    Rest {
        seconds,
        requests: world.cluster.counters().since(&counted),
        cpu_s: usage().cpu_s - before.cpu_s,
    }
}

/// Pushes a new version of one Deployment, and then of others, and waits each
/// time until all have moved to the new revision.
pub async fn push(world: &World, pushes: usize, count: usize) -> Result<Push, String> {
    let (counted, rendered) = (world.cluster.counters(), renders(world));
    let mut times = vec![one_push(world, 0, count).await?];
    let renders = renders(world) - rendered;
    let requests = world.cluster.counters().since(&counted);
    for push in 1..pushes {
        times.push(one_push(world, push, count).await?);
    }
    let (applied_ms, all_moved_ms) = times.into_iter().unzip();
    Ok(Push {
        count: pushes.max(1),
        applied_ms: Spread::of(applied_ms),
        all_moved_ms: Spread::of(all_moved_ms),
        renders,
        requests,
    })
}

/// Milliseconds from the end of `git push` until the version is applied, and
/// until all Kustomizations are at its revision.
async fn one_push(world: &World, push: usize, count: usize) -> Result<(f64, f64), String> {
    let name = fleet::name(push % count);
    let version = format!("1.{}.0", push + 1);
    let path = format!("apps/{name}/deployment.yaml");
    let content = fleet::deployment(&name, &version);
    let commit = tokio::task::block_in_place(|| world.push(&path, &content))?;
    let pushed = Instant::now();
    let (deployment, image) = (deployment(&name), format!("example/app:{version}"));
    while !to_text(&world.live(&deployment).await?).contains(&image) {
        overdue(pushed, "the pushed version is not applied")?;
        sleep(LOOK_INTERVAL).await;
    }
    let applied_ms = pushed.elapsed().as_secs_f64() * 1e3;
    wait_for_all(&world.person, 0, |object| {
        is_ready(object) && is_at(object, &commit)
    })
    .await?;
    let all_moved_ms = pushed.elapsed().as_secs_f64() * 1e3;
    settle(world).await;
    Ok((applied_ms, all_moved_ms))
}

/// Scales Deployments by hand and waits until each is as Git says again.
/// Every change is of another Deployment as long as there are enough, so that
/// the brake on repeated corrections has no part in it.
pub async fn drift(world: &World, drifts: usize, count: usize) -> Result<Drift, String> {
    let counted = world.cluster.counters();
    let mut times = Vec::with_capacity(drifts);
    for change in 0..drifts {
        times.push(one_drift(world, change, count).await?);
    }
    settle(world).await;
    Ok(Drift {
        count: times.len(),
        corrected_ms: Spread::of(times),
        requests: world.cluster.counters().since(&counted),
    })
}

async fn one_drift(world: &World, change: usize, count: usize) -> Result<f64, String> {
    // Two fields by turns: with few Deployments each is changed often.
    let object = deployment(&fleet::name(change % count));
    let manager = format!("hand-{}", change / count);
    let patch = Patch::Merge(value!({"spec": {"revisionHistoryLimit": 7}}));
    world
        .person
        .patch(&object, &patch, &WriteOptions::new(&manager))
        .await
        .map_err(text)?;
    let changed = Instant::now();
    while world
        .live(&object)
        .await?
        .i64_at(&["spec", "revisionHistoryLimit"])
        != Some(5)
    {
        overdue(changed, "a change by hand is not corrected")?;
        tokio::task::yield_now().await;
    }
    Ok(changed.elapsed().as_secs_f64() * 1e3)
}

/// Kills the controllers, starts new ones, and waits until they ask no more.
pub async fn restart(world: &mut World, count: usize) -> Result<Restart, String> {
    let started = Instant::now();
    world.restart().await?;
    let counted = CounterSnapshot::default();
    wait_for_all(&world.person, count, is_ready).await?;
    let last = settle(world).await;
    Ok(Restart {
        rest_ms: last.duration_since(started).as_secs_f64() * 1e3,
        requests: world.cluster.counters().since(&counted),
    })
}

/// Waits until no request was made for a while; returns when the last was.
async fn settle(world: &World) -> Instant {
    let (mut last, mut total) = (Instant::now(), world.cluster.counters().total());
    while last.elapsed() < QUIET {
        sleep(Duration::from_millis(5)).await;
        let now = world.cluster.counters().total();
        if now != total {
            (last, total) = (Instant::now(), now);
        }
    }
    last
}

/// Watches the Kustomizations until a condition holds for all of them (for
/// as many as there are when `count` is 0).
pub async fn wait_for_all(
    person: &Session,
    count: usize,
    holds: impl Fn(&Value) -> bool,
) -> Result<(), String> {
    let kind = GroupVersionKind::new("kustomize.toolkit.fluxcd.io/v1", "Kustomization");
    let spec = WatchSpec {
        kind,
        scope: Scope::namespace(fleet::NAMESPACE),
        form: Form::Full,
    };
    let mut events = person.watch(spec);
    let (mut all, mut done, mut listed) = (HashSet::new(), HashSet::new(), false);
    let wait = async {
        while let Some(event) = events.next().await {
            match event {
                WatchEvent::Applied(object) => {
                    all.insert(object.name().clone());
                    if holds(object.value()) {
                        done.insert(object.name().clone());
                    } else {
                        done.remove(object.name());
                    }
                }
                WatchEvent::Synced { .. } => listed = true,
                _ => {}
            }
            if listed && done.len() == all.len() && all.len() >= count {
                return;
            }
        }
    };
    let outcome = timeout(PHASE_DEADLINE, wait).await;
    outcome.map_err(|_| {
        format!(
            "{} of {} Kustomizations not there after {PHASE_DEADLINE:?}",
            all.len() - done.len(),
            all.len()
        )
    })
}

/// Whether the condition Ready is true.
pub fn is_ready(object: &Value) -> bool {
    let conditions = object
        .at(&["status", "conditions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    conditions.iter().any(|condition| {
        condition.str_at(&["type"]) == Some("Ready")
            && condition.str_at(&["status"]) == Some("True")
    })
}

fn is_at(object: &Value, commit: &str) -> bool {
    object
        .str_at(&["status", "lastAppliedRevision"])
        .is_some_and(|revision| revision.ends_with(commit))
}

/// Renders so far: what the render cache did not have.
fn renders(world: &World) -> u64 {
    let text = world.controllers.metrics_text();
    text.lines()
        .filter(|line| line.starts_with("gotk_cache_events_total") && line.contains("cache_miss"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

fn deployment(name: &str) -> ObjectRef {
    ObjectRef {
        kind: GroupVersionKind::new("apps/v1", "Deployment"),
        namespace: fleet::NAMESPACE.into(),
        name: name.into(),
    }
}

fn overdue(since: Instant, what: &str) -> Result<(), String> {
    if since.elapsed() > PHASE_DEADLINE {
        Err(format!("{what} after {PHASE_DEADLINE:?}"))
    } else {
        Ok(())
    }
}

/// Requests that are about one applied object, not about Flux objects, events or discovery.
pub fn object_requests(requests: &CounterSnapshot) -> u64 {
    requests
        .iter()
        .filter(|(verb, resource, _)| {
            *verb != Verb::Discover
                && !resource.contains("toolkit.fluxcd.io")
                && !resource.starts_with("events")
        })
        .map(|(_, _, count)| count.requests)
        .sum()
}

fn to_text(object: &Value) -> String {
    String::from_utf8_lossy(&trueup_object::to_json(object)).into_owned()
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
