//! Templates of queries, providers of alerts and their Secrets: watched, so that
//! they are known when something is asked or told, and read once.

use super::look::Look;
use std::collections::BTreeSet;
use trueup_kinds::canary::{AlertProvider, Canary, CrossNamespaceReference, MetricTemplate};
use trueup_object::{GroupVersionKind, ObjectRef, Value};
use trueup_rollout::machine::References;

/// The API of both kinds.
pub(super) const API_VERSION: &str = "flagger.app/v1beta1";
/// Where a template names its Secret.
const TEMPLATE_SECRET: [&str; 4] = ["spec", "provider", "secretRef", "name"];
/// Where a provider names its Secret.
const PROVIDER_SECRET: [&str; 3] = ["spec", "secretRef", "name"];

/// Looks at everything that is referred to. What can't be read now is read when
/// it is needed, and its trouble is told then.
pub(super) async fn read_all(look: &mut Look<'_>) {
    let own_namespace_only =
        look.context.canaries.options.references == References::OwnNamespaceOnly;
    for reference in references(&look.canary) {
        if own_namespace_only && reference.namespace != look.canary.metadata.namespace {
            continue;
        }
        if let Some(secret) = read(look, &reference).await.as_ref().and_then(secret_of) {
            read(look, &secret).await;
        }
    }
}

async fn read(look: &mut Look<'_>, reference: &ObjectRef) -> Option<Value> {
    match look.read(reference).await {
        Ok(found) => found.map(|object| object.value().clone()),
        Err(error) => {
            tracing::debug!(canary = %look.key, %reference, %error, "not read yet");
            None
        }
    }
}

/// The templates and providers that a Canary names.
fn references(canary: &Canary) -> BTreeSet<ObjectRef> {
    let analysis = &canary.spec.analysis;
    let templates = analysis.metrics.iter();
    let templates = templates.filter_map(|metric| metric.template_ref.as_ref());
    let providers = analysis.alerts.iter().map(|alert| &alert.provider_ref);
    let named = |kind: &'static str| {
        move |it: &CrossNamespaceReference| ObjectRef {
            kind: GroupVersionKind::new(API_VERSION, kind),
            namespace: it.namespace_or(&canary.metadata.namespace).into(),
            name: it.name.clone(),
        }
    };
    templates
        .map(named(MetricTemplate::KIND))
        .chain(providers.map(named(AlertProvider::KIND)))
        .collect()
}

/// The Secret that an object names, which is in its own namespace.
fn secret_of(object: &Value) -> Option<ObjectRef> {
    let name = object
        .str_at(&TEMPLATE_SECRET)
        .or_else(|| object.str_at(&PROVIDER_SECRET))?;
    Some(ObjectRef {
        kind: GroupVersionKind::new("v1", "Secret"),
        namespace: object.str_at(&["metadata", "namespace"])?.into(),
        name: name.into(),
    })
}
