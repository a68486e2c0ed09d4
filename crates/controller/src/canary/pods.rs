//! Asking the Pods themselves.

use super::checks::{Prepared, Template};
use super::memory::{Scrapes, lock};
use super::query::Inquirer;
use futures::StreamExt;
use futures::stream::iter;
use std::time::Duration;
use trueup_cluster::{Form, Scope};
use trueup_object::{GroupVersionKind, Value};
use trueup_rollout::metrics::pods::{
    MAX_SCRAPED_PODS, PodScrape, PodsContext, PodsQuery, PodsSettings, ScrapeTarget, Window,
    builtin_checks_want, judge_pods, pods_query, scrape_request, scrape_target, scraped,
};
use trueup_rollout::metrics::{TemplateModel, Verdict, render_query};

/// How many Pods are asked at once.
const MAX_SCRAPES_AT_ONCE: usize = 8;
/// How long the first window is, where no look came before.
const FIRST_WINDOW_MS: u64 = 5_000;

/// What the Pods of both sides did since the look before.
#[derive(Default)]
pub(super) struct Windows {
    canary: Window,
    primary: Window,
    /// Why no Pod of the canary could be asked.
    problem: Option<String>,
}

/// Looks at the Pods of both sides.
pub(super) async fn look(
    inquirer: &Inquirer,
    settings: &PodsSettings,
    prepared: &[Prepared],
) -> Windows {
    let queries: Vec<PodsQuery> = prepared
        .iter()
        .filter_map(|one| query(inquirer, one)?.ok())
        .collect();
    let keep = move |name: &str, settings: &PodsSettings| {
        builtin_checks_want(name, settings) || queries.iter().any(|query| query.wants(name))
    };
    let known = lock(&inquirer.memory).scrapes.take();
    let known = known.filter(|it| it.run == inquirer.canary.status.run_started_time);
    let before = match known {
        Some(before) => before,
        None => {
            let (before, _) = scrape(inquirer, settings, &keep).await;
            tokio::time::sleep(Duration::from_millis(FIRST_WINDOW_MS)).await;
            before
        }
    };
    let (now, problem) = scrape(inquirer, settings, &keep).await;
    let windows = Windows {
        canary: Window::between(&before.canary, &now.canary),
        primary: Window::between(&before.primary, &now.primary),
        problem,
    };
    lock(&inquirer.memory).scrapes = Some(now);
    windows
}

/// The verdict of a check.
pub(super) fn judge(
    inquirer: &Inquirer,
    settings: &PodsSettings,
    one: &Prepared,
    windows: &Windows,
) -> Verdict {
    let query = match query(inquirer, one).transpose() {
        Ok(query) => query,
        Err(verdict) => return verdict,
    };
    let context = PodsContext {
        model: &TemplateModel::of(&inquirer.canary),
        settings,
        canary: &windows.canary,
        primary: &windows.primary,
        problem: windows.problem.as_deref(),
    };
    judge_pods(&one.check, context, query.as_ref())
}

/// The query of a check with a template.
fn query(inquirer: &Inquirer, one: &Prepared) -> Option<Result<PodsQuery, Verdict>> {
    let spec = one.template.as_ref().and_then(Template::spec)?;
    let model = TemplateModel::of(&inquirer.canary);
    Some(pods_query(&one.check, &model, spec, &render_query))
}

/// Which metrics are kept, by name.
type Keep = dyn Fn(&str, &PodsSettings) -> bool + Send + Sync;

async fn scrape(
    inquirer: &Inquirer,
    settings: &PodsSettings,
    keep: &Keep,
) -> (Scrapes, Option<String>) {
    let Some(discovery) = &inquirer.discovery else {
        return (
            Scrapes::default(),
            Some("the target has no Pods".to_owned()),
        );
    };
    let label = |value: &str| format!("{}={value}", discovery.label);
    let canary = side(inquirer, settings, &label(&discovery.value), keep).await;
    let primary = side(inquirer, settings, &label(&discovery.primary_value), keep).await;
    let (canary, problem) = match canary {
        Ok(canary) => (canary, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let scrapes = Scrapes {
        run: inquirer.canary.status.run_started_time,
        canary,
        primary: primary.unwrap_or_default(),
    };
    (scrapes, problem)
}

/// What the Pods of one side tell; an error if none can be asked.
async fn side(
    inquirer: &Inquirer,
    settings: &PodsSettings,
    selector: &str,
    keep: &Keep,
) -> Result<Vec<PodScrape>, String> {
    let targets = targets(inquirer, settings, selector).await?;
    let calls = targets
        .iter()
        .map(|target| scrape_one(inquirer, settings, target, keep));
    let calls: Vec<_> = calls.collect();
    let outcomes: Vec<Result<PodScrape, String>> = iter(calls)
        .buffer_unordered(MAX_SCRAPES_AT_ONCE)
        .collect()
        .await;
    let mut found = Vec::new();
    let mut problem = "no Pod runs and says where it tells of itself".to_owned();
    for outcome in outcomes {
        match outcome {
            Ok(scrape) => found.push(scrape),
            Err(why) => problem = why,
        }
    }
    if found.is_empty() {
        return Err(problem);
    }
    Ok(found)
}

async fn targets(
    inquirer: &Inquirer,
    settings: &PodsSettings,
    selector: &str,
) -> Result<Vec<ScrapeTarget>, String> {
    let scope = Scope::namespace(&inquirer.canary.metadata.namespace).labelled(selector);
    let kind = GroupVersionKind::new("v1", "Pod");
    let list = inquirer
        .context
        .session
        .list(&kind, &scope, Form::Full)
        .await
        .map_err(|error| error.to_string())?;
    let pods = list.objects.iter().map(|pod| pod.value());
    let targets = pods.filter_map(|pod: &Value| scrape_target(pod, settings));
    Ok(targets.take(MAX_SCRAPED_PODS).collect())
}

async fn scrape_one(
    inquirer: &Inquirer,
    settings: &PodsSettings,
    target: &ScrapeTarget,
    keep: &Keep,
) -> Result<PodScrape, String> {
    let answer = inquirer.send(scrape_request(target)).await;
    let answer = answer.map_err(|error| format!("Pod {}: {error}", target.name))?;
    let at_ms = inquirer.context.clock.now().as_millisecond();
    scraped(target, &answer, at_ms, |name| keep(name, settings))
}
