//! Asking metrics.

use super::pods::{self, Windows};
use super::query::Inquirer;
use super::secrets;
use trueup_kinds::canary::{MetricReading, MetricTemplateSpec};
use trueup_kinds::outgoing::Credentials;
use trueup_object::Text;
use trueup_rollout::machine::Verdict;
use trueup_rollout::metrics::pods::{PodsSettings, asks_pods};
use trueup_rollout::metrics::{
    self, Check, CheckContext, CheckSource, Prometheus, Provider, TargetWorkload, TemplateInput,
    TemplateModel, Turn, begin_check, checks, metrics_provider, render_query,
};
use trueup_rollout::targets::TargetKind;

/// A check, and what was found of the template that it names.
pub(super) struct Prepared {
    pub(super) check: Check,
    pub(super) template: Option<Template>,
}

/// What was found of a template.
pub(super) enum Template {
    /// All of it.
    Found(MetricTemplateSpec, Option<Credentials>),
    /// It can't be read, and why.
    Unreadable(String),
    /// Its Secret can't be read: the name, and why.
    SecretUnreadable(String, String),
}

impl Template {
    pub(super) fn spec(&self) -> Option<&MetricTemplateSpec> {
        match self {
            Self::Found(spec, _) => Some(spec),
            Self::Unreadable(_) | Self::SecretUnreadable(..) => None,
        }
    }

    fn input(&self) -> TemplateInput<'_> {
        match self {
            Self::Found(spec, credentials) => TemplateInput::Found {
                spec,
                credentials: credentials.as_ref(),
            },
            Self::Unreadable(why) => TemplateInput::Unreadable(why),
            Self::SecretUnreadable(secret, error) => {
                TemplateInput::SecretUnreadable { secret, error }
            }
        }
    }
}

/// What was found at one look.
pub(super) struct Findings {
    /// What is made of the metrics.
    pub(super) verdict: Verdict,
    /// What is to be known of those that have passed.
    pub(super) notes: Vec<Text>,
    /// What they said.
    pub(super) readings: Vec<MetricReading>,
}

/// Asks the metrics one after the other, up to the first that does not pass.
pub(super) async fn check_all(inquirer: &Inquirer) -> Findings {
    let mut findings = Findings {
        verdict: Verdict::Passed,
        notes: Vec::new(),
        readings: Vec::new(),
    };
    let settings = match PodsSettings::of(&inquirer.canary) {
        Ok(settings) => settings,
        Err(error) => {
            findings.verdict = Verdict::Error(error.to_string().into());
            return findings;
        }
    };
    let prepared = prepare(inquirer).await;
    let mut windows = None;
    for one in &prepared {
        let spec = one.template.as_ref().and_then(Template::spec);
        let verdict = if asks_pods(&one.check, &settings, spec) {
            if windows.is_none() {
                windows = Some(pods::look(inquirer, &settings, &prepared).await);
            }
            ask_pods(inquirer, &settings, one, windows.as_ref())
        } else {
            ask(inquirer, one).await
        };
        if let Some(value) = verdict.value() {
            findings.readings.push(metrics::reading(&one.check, value));
            let exported = one.check.exported_value(value);
            let numbers = inquirer.context.metrics.canaries();
            numbers.analysed(&inquirer.key, &inquirer.canary, &one.check.name, exported);
        }
        if let metrics::Verdict::Passed {
            note: Some(note), ..
        } = &verdict
        {
            findings.notes.push(note.as_str().into());
        }
        findings.verdict = outcome(verdict);
        if findings.verdict != Verdict::Passed {
            break;
        }
    }
    findings
}

fn ask_pods(
    inquirer: &Inquirer,
    settings: &PodsSettings,
    one: &Prepared,
    windows: Option<&Windows>,
) -> metrics::Verdict {
    let none = Windows::default();
    pods::judge(inquirer, settings, one, windows.unwrap_or(&none))
}

/// The verdict as the machine knows it.
fn outcome(verdict: metrics::Verdict) -> Verdict {
    match verdict {
        metrics::Verdict::Passed { .. } => Verdict::Passed,
        metrics::Verdict::Failed { message, .. } => Verdict::Failed(message.into()),
        metrics::Verdict::NoData { message } => Verdict::NoData(message.into()),
        metrics::Verdict::Error { message } => Verdict::Error(message.into()),
    }
}

async fn prepare(inquirer: &Inquirer) -> Vec<Prepared> {
    let canary = &inquirer.canary;
    let mut prepared = Vec::new();
    for check in checks(&canary.spec.analysis.metrics, &canary.metadata.namespace) {
        let template = match &check.source {
            CheckSource::Template { name, namespace } => {
                Some(template(inquirer, namespace, name).await)
            }
            _ => None,
        };
        prepared.push(Prepared { check, template });
    }
    prepared
}

/// A template and its Secret, which is in its own namespace.
async fn template(inquirer: &Inquirer, namespace: &str, name: &str) -> Template {
    let context = &inquirer.context;
    let spec = match secrets::metric_template(context, namespace, name).await {
        Ok(spec) => spec,
        Err(why) => return Template::Unreadable(why),
    };
    let Some(secret) = &spec.provider.secret_ref else {
        return Template::Found(spec, None);
    };
    match secrets::credentials(context, namespace, &secret.name).await {
        Ok(credentials) => Template::Found(spec, Some(credentials)),
        Err(why) => Template::SecretUnreadable(secret.name.to_string(), why),
    }
}

async fn ask(inquirer: &Inquirer, one: &Prepared) -> metrics::Verdict {
    let mut turn = begin(inquirer, one);
    loop {
        match turn {
            Turn::Done(verdict) => return verdict,
            Turn::Send { request, inquiry } => {
                let answer = inquirer.send(*request).await;
                turn = inquiry.answer(answer.map_err(|error| error.to_string()));
            }
        }
    }
}

fn begin(inquirer: &Inquirer, one: &Prepared) -> Turn {
    let workload = workload(inquirer);
    let model = TemplateModel::of(&inquirer.canary);
    let context = CheckContext {
        model: &model,
        metrics_provider: &provider_name(inquirer, workload),
        workload,
        metrics_server: metrics_server(inquirer),
        render: &render_query,
        now: inquirer.context.clock.now(),
    };
    begin_check(
        &one.check,
        context,
        one.template.as_ref().map(Template::input),
    )
}

fn workload(inquirer: &Inquirer) -> TargetWorkload {
    match TargetKind::of(&inquirer.canary.spec.target_ref) {
        Ok(TargetKind::DaemonSet) => TargetWorkload::DaemonSet,
        Ok(TargetKind::Service) => TargetWorkload::Service,
        Ok(TargetKind::Deployment) | Err(_) => TargetWorkload::Deployment,
    }
}

fn provider_name(inquirer: &Inquirer, workload: TargetWorkload) -> String {
    let mesh = &inquirer.context.canaries.options.router.default_provider;
    metrics_provider(mesh, Some(&inquirer.canary.spec.provider), workload)
}

fn metrics_server(inquirer: &Inquirer) -> &str {
    match inquirer.canary.spec.metrics_server.as_str() {
        "" => &inquirer.context.canaries.options.metrics_server,
        own => own,
    }
}

/// Why not everybody answers who will be asked; `None` if everybody does.
pub(super) async fn availability(inquirer: &Inquirer) -> Option<Text> {
    let settings = PodsSettings::of(&inquirer.canary).unwrap_or_default();
    for one in prepare(inquirer).await {
        let spec = one.template.as_ref().and_then(Template::spec);
        if asks_pods(&one.check, &settings, spec) {
            continue;
        }
        if let Err(trouble) = available(inquirer, &one).await {
            return Some(trouble.into());
        }
    }
    None
}

async fn available(inquirer: &Inquirer, one: &Prepared) -> Result<(), String> {
    let provider = match (&one.check.source, &one.template) {
        (CheckSource::Missing, _) => return Ok(()),
        (CheckSource::Template { name, namespace }, Some(template)) => {
            provider_of(template, &one.check)
                .map_err(|why| format!("Metric template {name}.{namespace} {why}"))?
        }
        _ => Prometheus::of_metrics_server(metrics_server(inquirer))
            .map(Provider::Prometheus)
            .map_err(|error| format!("Error building Prometheus client: {error}"))?,
    };
    let now = inquirer.context.clock.now();
    let request = provider
        .availability_request(now)
        .map_err(|error| error.to_string())?;
    let answer = inquirer.send(request).await;
    let answer = answer.map_err(|error| format!("request failed: {error}"))?;
    provider
        .availability(&answer)
        .map_err(|error| error.to_string())
}

fn provider_of(template: &Template, check: &Check) -> Result<Provider, String> {
    match template {
        Template::Found(spec, credentials) => {
            Provider::new(&spec.provider, credentials.as_ref(), &check.interval)
                .map_err(|error| format!("provider {} error: {error}", spec.provider.kind))
        }
        Template::Unreadable(why) => Err(format!("error: {why}")),
        Template::SecretUnreadable(secret, why) => Err(format!("secret {secret} error: {why}")),
    }
}
