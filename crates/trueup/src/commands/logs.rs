//! `trueup logs`: the lines of the controllers, in a form for people.

mod line;

use super::installation::deployments;
use super::{Failure, said};
use crate::arguments::LogsArguments;
use crate::{connect, document, progress};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use line::Filter;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use trueup_cluster::{Follow, Form, LiveObject, PodLogOptions, Scope, Session};
use trueup_object::{GroupVersionKind, Value};

/// The container that is read where a Pod has several, as in Flux.
const CONTAINER: &str = "manager";

/// Prints the lines that were asked for.
pub async fn run(arguments: LogsArguments) -> Result<ExitCode, Failure> {
    let filter = Filter::of(&arguments);
    if let Some(path) = &arguments.file {
        let text = text_of(path)?;
        for line in text.lines().filter_map(|line| filter.shown(line)) {
            document::print(&line)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let options = options(&arguments)?;
    let session = connect::session(&arguments.scope).await?;
    let pods = pods(&session, &arguments.flux_namespace).await?;
    let mut reading: FuturesUnordered<_> = pods
        .iter()
        .map(|pod| read(&session, pod, &options, &filter))
        .collect();
    let mut code = ExitCode::SUCCESS;
    while let Some(read) = reading.next().await {
        if let Err(failure) = read {
            code = failure.tell();
        }
    }
    Ok(code)
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ())
    } else {
        std::fs::read(path).map(|read| bytes = read)
    };
    read.map_err(|error| said(format!("read log lines from {}: {error}", path.display())))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn options(arguments: &LogsArguments) -> Result<PodLogOptions, Failure> {
    if let Some(time) = &arguments.since_time {
        time.parse::<jiff::Timestamp>()
            .map_err(|_| said(format!("{time} is not a valid (RFC3339) time")))?;
    }
    Ok(PodLogOptions {
        container: None,
        follow: if arguments.follow {
            Follow::UntilClosed
        } else {
            Follow::No
        },
        tail_lines: arguments.tail.and_then(|lines| u64::try_from(lines).ok()),
        // The API takes no part of a second, and no zero.
        since_seconds: arguments.since.map(|it| it.div_ceil(1000).max(1)),
        since_time: arguments.since_time.as_deref().map(Into::into),
    })
}

/// A Pod of each Deployment that belongs to an installation, running ones
/// first.
async fn pods(session: &Session, namespace: &str) -> Result<Vec<LiveObject>, Failure> {
    let mut pods = Vec::new();
    for deployment in &deployments(session, namespace).await? {
        let selector = selector(deployment.value());
        let scope = Scope::namespace(namespace).labelled(&selector);
        let kind = GroupVersionKind::new("v1", "Pod");
        let found = session.list(&kind, &scope, Form::Full).await?;
        pods.extend(found.objects.into_iter().min_by_key(is_idle));
    }
    if pods.is_empty() {
        return Err(
            said(format!("no Flux pods found in namespace {namespace:?}")).hinted(
                "--flux-namespace names another; `trueup demo` and `trueup controller` print their \
             lines themselves: `trueup logs --file FILE` reads them",
            ),
        );
    }
    Ok(pods)
}

fn is_idle(pod: &LiveObject) -> bool {
    pod.value().str_at(&["status", "phase"]) != Some("Running")
}

/// The labels of a Deployment's Pods as a selector.
fn selector(deployment: &Value) -> String {
    let labels = deployment.at(&["spec", "selector", "matchLabels"]);
    let labels = labels
        .and_then(Value::as_map)
        .into_iter()
        .flat_map(|map| map.iter());
    let pairs: Vec<String> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.join(",")
}

async fn read(
    session: &Session,
    pod: &LiveObject,
    options: &PodLogOptions,
    filter: &Filter,
) -> Result<(), Failure> {
    let containers = pod
        .value()
        .at(&["spec", "containers"])
        .and_then(Value::as_list);
    let options = PodLogOptions {
        container: containers
            .is_some_and(|list| list.len() > 1)
            .then(|| CONTAINER.into()),
        ..options.clone()
    };
    let mut lines = session
        .pod_log(pod.reference(), &options)
        .await
        .map_err(|error| not_read(pod, &error))?;
    while document::is_read()
        && let Some(line) = lines.next().await
    {
        let line = line.map_err(|error| not_read(pod, &error))?;
        if let Some(shown) = filter.shown(&String::from_utf8_lossy(&line)) {
            document::print(&shown)?;
        }
    }
    if options.follow == Follow::UntilClosed && document::is_read() {
        progress::warning(&format!("the log of {} ended", pod.reference()));
    }
    Ok(())
}

fn not_read(pod: &LiveObject, error: &trueup_cluster::ApiError) -> Failure {
    let failure = said(format!(
        "failed getting logs of {}: {error}",
        pod.reference()
    ));
    match error.code() {
        404 | 501 => failure.hinted(
            "an embedded or simulated cluster keeps no logs of Pods: read the program's own \
             output with `trueup logs --file FILE`",
        ),
        _ => failure,
    }
}
