//! Datadog: a query over a window of time.

use super::super::Answer;
use super::{
    LATE_WINDOWS, PROVIDER_TIMEOUT_MS, ProviderError, QueryError, address_of, certificates_of,
    decode_json, needed, status_words,
};
use jiff::Timestamp;
use serde::Deserialize;
use trueup_gocompat::parse_duration;
use trueup_kinds::canary::MetricProvider;
use trueup_kinds::outgoing::{
    Certificates, Credentials, HttpAddress, OutgoingRequest, ReceivedAnswer,
};

const DEFAULT_ADDRESS: &str = "https://api.datadoghq.com";
const QUERY_PATH: &str = "api/v1/query";
const VALIDATION_PATH: &str = "api/v1/validate";

/// An account of Datadog.
#[derive(Clone, Debug, PartialEq)]
pub struct Datadog {
    address: HttpAddress,
    certificates: Certificates,
    secret: Credentials,
    window_seconds: i64,
}

impl Datadog {
    /// The account of a template; the Secret has `datadog_api_key` and
    /// `datadog_application_key`.
    ///
    /// # Errors
    /// An address that is none, a Secret without a key, an interval that is
    /// no duration.
    pub fn new(
        spec: &MetricProvider,
        secret: Option<&Credentials>,
        interval: &str,
    ) -> Result<Self, ProviderError> {
        let address = match spec.address.as_str() {
            "" => DEFAULT_ADDRESS,
            given => given,
        };
        for key in ["datadog_api_key", "datadog_application_key"] {
            needed(secret, key, ("datadog", key))?;
        }
        let window_ms = parse_duration(interval)?
            .milliseconds()
            .saturating_mul(LATE_WINDOWS);
        Ok(Self {
            address: address_of(spec, address)?,
            certificates: certificates_of(spec),
            secret: secret.cloned().unwrap_or_default(),
            window_seconds: window_ms / 1000,
        })
    }

    /// The request that asks a query over the last ten intervals.
    #[must_use]
    pub fn request(&self, query: &str, now: Timestamp) -> OutgoingRequest {
        let to = now.as_second();
        let from = to.saturating_sub(self.window_seconds);
        self.get(self.address.join(QUERY_PATH).with_query(&[
            ("from", &from.to_string()),
            ("query", query),
            ("to", &to.to_string()),
        ]))
    }

    pub(super) fn availability_request(&self) -> OutgoingRequest {
        self.get(self.address.join(VALIDATION_PATH))
    }

    fn get(&self, address: HttpAddress) -> OutgoingRequest {
        let mut request = OutgoingRequest::get(address, PROVIDER_TIMEOUT_MS);
        request.certificates = self.certificates;
        for (header, key) in [
            ("DD-API-KEY", "datadog_api_key"),
            ("DD-APPLICATION-KEY", "datadog_application_key"),
        ] {
            let value = self.secret.text(key).unwrap_or_default();
            request.set_header(header, value.trim());
        }
        request
    }

    /// The oldest point of the first series: the newest is often half a bucket.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn value(&self, answer: &ReceivedAnswer) -> Result<Answer, QueryError> {
        if answer.status != 200 {
            let words = status_words(answer.status);
            return Err(QueryError::refused(format!(
                "error response: {}: {words}",
                self.secret.quoted_body(answer)
            )));
        }
        let response: Response = decode_json(answer, &self.secret)?;
        let points = response.series.first().map(|it| it.pointlist.as_slice());
        let oldest = points.and_then(|points| points.first());
        match oldest.and_then(|point| point.get(1).copied().flatten()) {
            Some(value) => Ok(Answer {
                value,
                series: response.series.len(),
            }),
            None => Err(QueryError::no_values_in(&self.secret.quoted_body(answer))),
        }
    }

    pub(super) fn availability(&self, answer: &ReceivedAnswer) -> Result<(), QueryError> {
        if answer.status == 200 {
            return Ok(());
        }
        let message = format!("error response: {}", self.secret.quoted_body(answer));
        Err(QueryError::refused(message))
    }
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    series: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    pointlist: Vec<Vec<Option<f64>>>,
}
