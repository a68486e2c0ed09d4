//! Events, the hooks that are told of them, and alerts.

use super::hooks::send_with_retries;
use super::look::Look;
use super::memory::{MAX_WAITING_NOTICES, Memory, lock};
use super::secrets;
use crate::context::Context;
use crate::machine::ObjectKey;
use std::sync::{Arc, Mutex};
use trueup_kinds::canary::CanaryAlert;
use trueup_kinds::outgoing::OutgoingRequest;
use trueup_kinds::{Canary, EventType, Severity};
use trueup_notify::{AlertError, AlertField, alert_fields, alert_request, is_wanted, judge_answer};
use trueup_rollout::machine::{Alert, AlertDetail, Event};
use trueup_rollout::webhooks::{
    EventHooks, HookEvent, HookOutcome, event_hooks, event_payload, hook_request,
};

/// The reason of all events, as in Flagger.
const REASON: &str = "Synced";

/// Something that is sent when its turn comes.
#[derive(Debug)]
pub(super) enum Notice {
    /// A call of a hook.
    Hook {
        /// The hook's name.
        name: String,
        /// How often it is tried again.
        retries: i64,
        /// The call.
        request: Box<OutgoingRequest>,
    },
    /// An alert for one provider.
    Alert {
        /// Who is told.
        to: Recipient,
        /// What.
        alert: Box<trueup_notify::Alert>,
    },
}

/// Who is told of an alert.
#[derive(Clone, Debug)]
pub(super) enum Recipient {
    /// One that the Canary names.
    Named(CanaryAlert),
    /// That of the installation.
    Default,
}

/// Publishes a report with Flagger's reason.
pub(super) fn publish(context: &Context, key: &ObjectKey, severity: Severity, text: &str) {
    let report = context.report_about(key, severity, REASON, text);
    context.publish(key, report);
}

/// Publishes a warning.
pub(super) fn warn(context: &Context, key: &ObjectKey, text: &str) {
    publish(context, key, Severity::Error, text);
}

/// Tells an event: the cluster, the log, and the hooks for events.
pub(super) fn event(look: &Look<'_>, memory: &Arc<Mutex<Memory>>, event: &Event) {
    let severity = match event.kind {
        EventType::Normal => Severity::Info,
        EventType::Warning => Severity::Error,
    };
    let (context, key) = (look.context, look.key);
    let mut report = context.report_about(key, severity, REASON, event.message.clone());
    let revision = &look.source_revision;
    report.revision = Some(revision.clone()).filter(|it| !it.is_empty());
    context.publish(key, report);
    for notice in event_notices(look, event) {
        enqueue(context, key, memory, notice);
    }
}

fn event_notices(look: &Look<'_>, event: &Event) -> Vec<Notice> {
    let mut canary = look.canary.clone();
    canary.status.phase = event.phase;
    let told = HookEvent {
        message: &event.message,
        kind: event.kind.as_str(),
        at: look.context.clock.now(),
    };
    let global = look.context.canaries.options.event_webhook.as_deref();
    let hooks = match event_hooks(&canary, global) {
        EventHooks::Own(hooks) => hooks.into_iter().cloned().collect(),
        EventHooks::Global(hook) => vec![hook],
        EventHooks::None => Vec::new(),
    };
    let calls = hooks.iter().filter_map(|hook| {
        let payload = event_payload(&canary, hook, told);
        match hook_request(hook, &payload) {
            Ok(request) => Some(Notice::Hook {
                name: hook.name.to_string(),
                retries: hook.retries,
                request: Box::new(request),
            }),
            Err(error) => {
                tracing::warn!(canary = %look.key, hook = %hook.name, %error, "event not sent");
                None
            }
        }
    });
    calls.collect()
}

/// Tells an alert to those who want it.
pub(super) fn alert(look: &Look<'_>, memory: &Arc<Mutex<Memory>>, alert: &Alert) {
    for to in recipients(look, alert) {
        let notice = Notice::Alert {
            to,
            alert: Box::new(worded(look, alert)),
        };
        enqueue(look.context, look.key, memory, notice);
    }
}

/// Those that the Canary names; where it names nobody, that of the
/// installation, which wants to know everything.
fn recipients(look: &Look<'_>, alert: &Alert) -> Vec<Recipient> {
    let named = &look.canary.spec.analysis.alerts;
    if named.is_empty() {
        let default = look.context.canaries.options.alerts.as_ref();
        return default.map(|_| Recipient::Default).into_iter().collect();
    }
    let wanted = named
        .iter()
        .filter(|to| is_wanted(to.severity, alert.severity));
    wanted.cloned().map(Recipient::Named).collect()
}

fn worded(look: &Look<'_>, alert: &Alert) -> trueup_notify::Alert {
    let canary: &Canary = &look.canary;
    let cluster = look.context.canaries.options.cluster_name.as_deref();
    let cluster = cluster.map(|name| AlertField::new("Cluster", name));
    let mut fields: Vec<AlertField> = cluster.into_iter().collect();
    if alert.detail == AlertDetail::Settings {
        fields.extend(alert_fields(canary));
    }
    let revision = &look.source_revision;
    if !revision.is_empty() {
        fields.push(AlertField::new("Revision", revision.to_string()));
    }
    trueup_notify::Alert {
        name: canary.metadata.name.clone(),
        namespace: canary.metadata.namespace.clone(),
        message: alert.message.to_string(),
        severity: alert.severity,
        fields,
    }
}

/// Sends what waits, in order, beside the runs.
fn enqueue(context: &Arc<Context>, key: &ObjectKey, memory: &Arc<Mutex<Memory>>, notice: Notice) {
    let mut queue = lock(memory);
    if queue.notices.len() >= MAX_WAITING_NOTICES {
        tracing::warn!(canary = %key, "a notice was dropped: {MAX_WAITING_NOTICES} others wait");
        return;
    }
    queue.notices.push_back(notice);
    if std::mem::replace(&mut queue.is_sending, true) {
        return;
    }
    drop(queue);
    let weak = Arc::downgrade(context);
    let (key, memory) = (key.clone(), Arc::clone(memory));
    context.spawn(async move {
        loop {
            let Some(notice) = next(&memory) else { return };
            let Some(context) = weak.upgrade() else {
                return;
            };
            if let Err(trouble) = send(&context, &key, notice).await {
                warn(&context, &key, &trouble);
            }
        }
    });
}

/// The next notice; without any, the sender ends.
fn next(memory: &Mutex<Memory>) -> Option<Notice> {
    let mut queue = lock(memory);
    let notice = queue.notices.pop_front();
    queue.is_sending = notice.is_some();
    notice
}

async fn send(context: &Context, key: &ObjectKey, notice: Notice) -> Result<(), String> {
    match notice {
        Notice::Hook {
            name,
            retries,
            request,
        } => {
            let sender = &*context.canaries.options.sender;
            let outcome = send_with_retries(sender, &request, retries).await;
            if let HookOutcome::Failed { reason } = outcome {
                // For the log only: an event would be told to the same hook.
                tracing::warn!(canary = %key, hook = %name, reason, "event not taken");
            }
            Ok(())
        }
        Notice::Alert {
            to: Recipient::Named(to),
            alert,
        } => send_alert(context, key, &to, &alert)
            .await
            .map_err(|why| format!("alert {} could not be sent: {why}", to.name)),
        Notice::Alert {
            to: Recipient::Default,
            alert,
        } => send_default(context, &alert)
            .await
            .map_err(|why| format!("alert could not be sent: {why}")),
    }
}

async fn send_alert(
    context: &Context,
    key: &ObjectKey,
    to: &CanaryAlert,
    alert: &trueup_notify::Alert,
) -> Result<(), String> {
    let namespace = to.provider_ref.namespace_or(&key.namespace);
    let provider = secrets::alert_provider(context, namespace, &to.provider_ref.name).await?;
    let secret = match &provider.secret_ref {
        Some(secret) => Some(secrets::credentials(context, namespace, &secret.name).await?),
        None => None,
    };
    post(context, alert_request(&provider, secret.as_ref(), alert)).await
}

async fn send_default(context: &Context, alert: &trueup_notify::Alert) -> Result<(), String> {
    let Some(default) = &context.canaries.options.alerts else {
        return Ok(());
    };
    let (provider, credentials) = (&default.provider, &default.credentials);
    let request = alert_request(provider, Some(credentials), alert);
    let posted = post(context, request).await;
    posted.map_err(|why| credentials.hide_in(&why))
}

async fn post(
    context: &Context,
    request: Result<Option<OutgoingRequest>, AlertError>,
) -> Result<(), String> {
    let Some(request) = request.map_err(|error| error.to_string())? else {
        return Ok(());
    };
    let sender = &context.canaries.options.sender;
    let answer = sender.send(request).await;
    let answer = answer.map_err(|error| error.to_string())?;
    judge_answer(&answer).map_err(|error| error.to_string())
}
