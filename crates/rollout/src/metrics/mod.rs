//! Checks: queries, what providers answer, and what is made of it.
//!
//! [`checks`] turns a Canary's metrics into checks in their order.
//! [`begin_check`] turns one of them into requests and at last a [`Verdict`];
//! whoever drives it stops at the first that didn't pass. Beside the providers
//! that are asked for a number stands [`pods`], which reads what the Pods
//! themselves measure, and [`statistics`], which compares canary and primary.

mod builtin;
mod check;
mod inquiry;
mod model;
mod provider;
mod render;
mod verdict;

pub mod exported;
pub mod pods;
pub mod statistics;

#[cfg(test)]
mod builtin_tests;
#[cfg(test)]
mod inquiry_tests;

pub use builtin::{
    BuiltinCheck, BuiltinQuery, Observer, TargetWorkload, builtin_query, metrics_provider,
};
pub use check::{Bounds, Check, CheckSource, MAX_METRICS, checks};
pub use inquiry::{CheckContext, Inquiry, TemplateInput, Turn, begin_check};
pub use model::{QueryRenderer, TemplateModel, collapse_whitespace, is_prometheus_duration};
pub use provider::{
    AwsCredentials, CloudWatch, Datadog, Graphite, InfluxDb, MAX_ANSWER_SERIES, MAX_QUERY_BYTES,
    NewRelic, PROVIDER_TIMEOUT_MS, Prometheus, Provider, ProviderError, QueryError, QueryErrorKind,
    sign_aws_request,
};
pub use render::render_query;
pub use verdict::{Answer, CheckSubject, Verdict, VerdictClass, judge, reading};
