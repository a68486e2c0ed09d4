//! Objects that are read by name when something is asked or told.

use super::references::API_VERSION;
use super::sights;
use crate::context::Context;
use crate::objects::decoded_data;
use trueup_kinds::canary::{AlertProvider, AlertProviderSpec, MetricTemplate, MetricTemplateSpec};
use trueup_kinds::outgoing::Credentials;
use trueup_object::{GroupVersionKind, ObjectRef, Value};

/// Reads an object, or says why it can't be read.
async fn read(
    context: &Context,
    kind: GroupVersionKind,
    namespace: &str,
    name: &str,
) -> Result<Value, String> {
    let reference = ObjectRef {
        kind,
        namespace: namespace.into(),
        name: name.into(),
    };
    match sights::find(context, &reference).await {
        Ok(Some(object)) => Ok(object.value().clone()),
        Ok(None) => Err(format!("{reference} not found")),
        Err(error) => Err(error.to_string()),
    }
}

/// The data of a Secret.
pub(super) async fn credentials(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<Credentials, String> {
    let secret = read(
        context,
        GroupVersionKind::new("v1", "Secret"),
        namespace,
        name,
    )
    .await?;
    let data = decoded_data(&secret).ok_or("its data is no base64")?;
    Ok(data
        .into_iter()
        .map(|(key, bytes)| (key.to_string(), bytes))
        .collect())
}

/// A template of queries.
pub(super) async fn metric_template(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<MetricTemplateSpec, String> {
    let kind = GroupVersionKind::new(API_VERSION, MetricTemplate::KIND);
    let object = read(context, kind, namespace, name).await?;
    let template = MetricTemplate::decode(&object).map_err(|errors| errors.to_string())?;
    Ok(template.spec)
}

/// Somebody who is told of alerts.
pub(super) async fn alert_provider(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<AlertProviderSpec, String> {
    let kind = GroupVersionKind::new(API_VERSION, AlertProvider::KIND);
    let object = read(context, kind, namespace, name).await?;
    let provider = AlertProvider::decode(&object).map_err(|errors| errors.to_string())?;
    Ok(provider.spec)
}
