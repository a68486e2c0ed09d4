//! `Canary`, `MetricTemplate` and `AlertProvider` of `flagger.app/v1beta1`.
//!
//! Every field of Flagger's API is read, whether it is served or not. An
//! absent text is an empty one and an absent number 0, as Flagger's own types
//! have it. Numbers are `number` in the definitions, so that the API accepts
//! `0.5` where only a whole number makes sense: such a value is an error of
//! that one object, with the path of the field ([`FieldErrors`]).

mod affinity;
mod alert_provider;
mod analysis;
mod condition;
mod decode;
mod metric_template;
mod number;
mod phase;
mod reference;
mod routing;
mod service;
mod spec;
mod status;
mod strategy;
mod validation;
mod weights;

pub use affinity::{DEFAULT_COOKIE_MAX_AGE_SECONDS, SessionAffinity};
pub use alert_provider::{AlertProvider, AlertProviderSpec};
pub use analysis::{
    AlertSeverity, CanaryAlert, CanaryAnalysis, CanaryMetric, CanaryWebhook,
    DEFAULT_ANALYSIS_INTERVAL, DEFAULT_METRIC_INTERVAL, DEFAULT_WEBHOOK_TIMEOUT,
    MIN_ANALYSIS_INTERVAL, ThresholdRange, WebhookType,
};
pub use condition::{
    PROMOTED, change_conditions, change_promoted, promoted_message, promoted_status,
};
pub use decode::{FieldError, FieldErrors, MAX_FIELD_ERRORS};
pub use metric_template::{MetricProvider, MetricTemplate, MetricTemplateSpec};
pub use phase::Phase;
pub use reference::{
    AutoscalerReference, CrossNamespaceReference, ScalerReplicas, TargetReference,
};
pub use routing::{
    CorsPolicy, HeaderOperations, Headers, HttpMatch, HttpRetry, HttpRewrite, MirrorBackend,
    MirrorFilter, ParentReference, StringMatch,
};
pub use service::{CanaryService, CustomMetadata, TargetPort, UnmanagedMetadata};
pub use spec::{Canary, CanarySpec, DEFAULT_PROGRESS_DEADLINE_SECONDS, ServiceNames};
pub use status::{CanaryStatus, CheckRecord, MAX_CHECK_RECORDS, MetricReading, PendingStep};
pub use strategy::Strategy;
pub use validation::KUBERNETES_PROVIDER;
pub use weights::TOTAL_WEIGHT;

#[cfg(test)]
mod tests;
