//! Who is asked for a number: requests as values, and what their answers mean.
//!
//! Nothing is sent here. A provider makes a request of a query; whoever sent
//! it gives the answer back, and gets a number or an error.

mod cloudwatch;
mod datadog;
mod error;
mod graphite;
mod influxdb;
mod newrelic;
mod prometheus;
mod signature;
#[cfg(test)]
mod tests;

pub use cloudwatch::CloudWatch;
pub use datadog::Datadog;
pub use error::{QueryError, QueryErrorKind};
pub use graphite::Graphite;
pub use influxdb::InfluxDb;
pub use newrelic::NewRelic;
pub use prometheus::Prometheus;
pub use signature::{AwsCredentials, sign_aws_request};

use super::Answer;
use jiff::Timestamp;
use trueup_gocompat::parse_duration;
use trueup_kinds::canary::MetricProvider;
use trueup_kinds::outgoing::{
    Certificates, Credentials, HttpAddress, OutgoingRequest, ReceivedAnswer,
};

/// How long a provider may take to answer.
pub const PROVIDER_TIMEOUT_MS: u64 = 5_000;
/// The longest query, its template executed.
pub const MAX_QUERY_BYTES: usize = 64 << 10;
/// The most series of one answer.
pub const MAX_ANSWER_SERIES: usize = 10_000;
/// How many windows back the providers look whose numbers come late.
const LATE_WINDOWS: i64 = 10;

/// The types that Flagger has and that are not served yet.
const LATER: [&str; 5] = [
    "stackdriver",
    "dynatrace",
    "splunk",
    "keptn",
    "externalmetrics",
];

/// Whom a `MetricTemplate` asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Provider {
    /// Prometheus, and whatever speaks its API.
    Prometheus(Prometheus),
    /// Datadog.
    Datadog(Datadog),
    /// Amazon CloudWatch.
    CloudWatch(CloudWatch),
    /// New Relic Insights.
    NewRelic(NewRelic),
    /// Graphite.
    Graphite(Graphite),
    /// InfluxDB.
    InfluxDb(InfluxDb),
}

/// Why there is no such provider, in Flagger's words where it has some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Pods, which are asked by scraping, see [`super::pods`].
    #[error("Pods are scraped and can't be asked")]
    Pods,
    /// A type that is not served yet.
    #[error("the provider type {0} is not served yet")]
    NotServed(String),
    /// An address that is none.
    #[error("{kind} address {address} is not a valid URL")]
    Address {
        /// The provider's type.
        kind: String,
        /// Where it should have been: without user, path and query.
        address: String,
    },
    /// A Secret without a key that is needed.
    #[error("{kind} credentials does not contain {what}")]
    Credentials {
        /// The provider's type.
        kind: &'static str,
        /// What is missing.
        what: &'static str,
    },
    /// No region.
    #[error("region not specified")]
    Region,
    /// A window that is no duration.
    #[error("error parsing metric interval: {0}")]
    Interval(#[from] trueup_gocompat::DurationError),
}

impl Provider {
    /// The provider of a template. `credentials` are the data of the Secret
    /// that it refers to (for CloudWatch, whose account the process has, see
    /// [`CloudWatch`]); `interval` is the metric's.
    ///
    /// # Errors
    /// A type that is not served, an address that is none, missing
    /// credentials, an interval that is no duration.
    pub fn new(
        spec: &MetricProvider,
        credentials: Option<&Credentials>,
        interval: &str,
    ) -> Result<Self, ProviderError> {
        let secret = credentials.filter(|_| spec.secret_ref.is_some());
        match spec.kind.as_str() {
            "datadog" => Datadog::new(spec, secret, interval).map(Self::Datadog),
            "cloudwatch" => CloudWatch::new(spec, credentials, interval).map(Self::CloudWatch),
            "newrelic" => NewRelic::new(spec, secret, interval).map(Self::NewRelic),
            "graphite" => Graphite::new(spec, secret).map(Self::Graphite),
            "influxdb" => InfluxDb::new(spec, secret).map(Self::InfluxDb),
            super::pods::PODS => Err(ProviderError::Pods),
            later if LATER.contains(&later) => Err(ProviderError::NotServed(later.to_owned())),
            _ => Prometheus::new(spec, secret).map(Self::Prometheus),
        }
    }

    /// The request that asks a query, whose template is executed already.
    ///
    /// # Errors
    /// A query that can't be asked of this provider.
    pub fn request(&self, query: &str, now: Timestamp) -> Result<OutgoingRequest, QueryError> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(QueryError::failed(format!(
                "the query is longer than {MAX_QUERY_BYTES} bytes"
            )));
        }
        match self {
            Self::Prometheus(it) => Ok(it.request(query)),
            Self::Datadog(it) => Ok(it.request(query, now)),
            Self::CloudWatch(it) => it.request(query, now),
            Self::NewRelic(it) => Ok(it.request(query)),
            Self::Graphite(it) => Ok(it.request(query)),
            Self::InfluxDb(it) => Ok(it.request(query)),
        }
    }

    /// The number of an answer.
    ///
    /// # Errors
    /// No number, or something that is no answer; never with the value of a
    /// Secret in its words.
    pub fn value(&self, answer: &ReceivedAnswer) -> Result<Answer, QueryError> {
        match self {
            Self::Prometheus(it) => it.value(answer),
            Self::Datadog(it) => it.value(answer),
            Self::CloudWatch(it) => it.value(answer),
            Self::NewRelic(it) => it.value(answer),
            Self::Graphite(it) => it.value(answer),
            Self::InfluxDb(it) => it.value(answer),
        }
    }

    /// The request that finds out whether the provider is there.
    ///
    /// # Errors
    /// As [`Provider::request`].
    pub fn availability_request(&self, now: Timestamp) -> Result<OutgoingRequest, QueryError> {
        match self {
            Self::Prometheus(it) => Ok(it.request(prometheus::ONLINE_QUERY)),
            Self::Datadog(it) => Ok(it.availability_request()),
            Self::CloudWatch(it) => it.request("[]", now),
            Self::NewRelic(it) => Ok(it.request("SELECT * FROM Metric")),
            Self::Graphite(it) => Ok(it.request("target=test")),
            Self::InfluxDb(it) => Ok(it.request(influxdb::ONLINE_QUERY)),
        }
    }

    /// Whether an answer to [`Provider::availability_request`] means that the
    /// provider is there.
    ///
    /// # Errors
    /// Why it doesn't.
    pub fn availability(&self, answer: &ReceivedAnswer) -> Result<(), QueryError> {
        match self {
            Self::Prometheus(it) => it.availability(answer),
            Self::Datadog(it) => it.availability(answer),
            Self::CloudWatch(it) => it.availability(answer),
            Self::NewRelic(it) => it.availability(answer),
            Self::Graphite(it) => it.availability(answer),
            Self::InfluxDb(it) => it.availability(answer),
        }
    }
}

fn address_of(spec: &MetricProvider, text: &str) -> Result<HttpAddress, ProviderError> {
    HttpAddress::parse(text).map_err(|_| ProviderError::Address {
        kind: spec.kind.to_string(),
        address: shown_address(text),
    })
}

/// An address that is none, without what could be a secret in it.
fn shown_address(text: &str) -> String {
    let hidden = text.contains(['@', '?']);
    if hidden {
        "***".to_owned()
    } else {
        trueup_kinds::outgoing::quoted(text)
    }
}

fn certificates_of(spec: &MetricProvider) -> Certificates {
    if spec.insecure_skip_verify {
        Certificates::Unverified
    } else {
        Certificates::Verified
    }
}

fn needed(
    credentials: Option<&Credentials>,
    key: &str,
    missing: (&'static str, &'static str),
) -> Result<String, ProviderError> {
    let (kind, what) = missing;
    credentials
        .and_then(|it| it.text(key))
        .map(|value| value.trim().to_owned())
        .ok_or(ProviderError::Credentials { kind, what })
}

/// An interval in whole seconds, rounded towards zero.
fn seconds_of(interval: &str) -> Result<i64, ProviderError> {
    Ok(parse_duration(interval)?.milliseconds() / 1000)
}

/// The body of an answer as JSON.
fn decode_json<'a, T: serde::Deserialize<'a>>(
    answer: &'a ReceivedAnswer,
    secret: &Credentials,
) -> Result<T, QueryError> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        let error = secret.hide_in(&error.to_string());
        let body = secret.quoted_body(answer);
        QueryError::malformed(format!("error unmarshaling result: {error}, '{body}'"))
    })
}

/// The words for a status: `400 Bad Request`.
fn status_words(status: u16) -> String {
    let reason = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    match reason {
        Some(reason) => format!("{status} {reason}"),
        None => status.to_string(),
    }
}
