//! New Relic: a query of its Insights API.

use super::super::Answer;
use super::{
    PROVIDER_TIMEOUT_MS, ProviderError, QueryError, address_of, certificates_of, decode_json,
    needed, seconds_of, status_words,
};
use serde::Deserialize;
use trueup_kinds::canary::MetricProvider;
use trueup_kinds::outgoing::{
    Certificates, Credentials, HttpAddress, OutgoingRequest, ReceivedAnswer, percent_encode,
};

const DEFAULT_ADDRESS: &str = "https://insights-api.newrelic.com";

/// An account of New Relic.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRelic {
    address: HttpAddress,
    certificates: Certificates,
    secret: Credentials,
    window_seconds: i64,
}

impl NewRelic {
    /// The account of a template; the Secret has `newrelic_account_id` and
    /// `newrelic_query_key`.
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
        let key = |key, what| needed(secret, key, ("newrelic", what));
        let account = key("newrelic_account_id", "the key 'newrelic_account_id'")?;
        key("newrelic_query_key", "the key 'newrelic_query_key'")?;
        let path = format!("v1/accounts/{}/query", percent_encode(&account));
        Ok(Self {
            address: address_of(spec, address)?.join(&path),
            certificates: certificates_of(spec),
            secret: secret.cloned().unwrap_or_default(),
            window_seconds: seconds_of(interval)?,
        })
    }

    /// The request that asks a query over the last interval.
    #[must_use]
    pub fn request(&self, query: &str) -> OutgoingRequest {
        let nrql = format!("{query} SINCE {} seconds ago", self.window_seconds);
        let address = self.address.with_query(&[("nrql", &nrql)]);
        let mut request = OutgoingRequest::get(address, PROVIDER_TIMEOUT_MS);
        request.certificates = self.certificates;
        let key = self.secret.text("newrelic_query_key").unwrap_or_default();
        request.set_header("X-Query-Key", key.trim());
        request
    }

    /// The one number of the answer.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn value(&self, answer: &ReceivedAnswer) -> Result<Answer, QueryError> {
        if answer.status != 200 {
            return Err(QueryError::refused(format!(
                "error response: {}: {}",
                self.secret.quoted_body(answer),
                status_words(answer.status)
            )));
        }
        let response: Response = decode_json(answer, &self.secret)?;
        match response.results.as_slice() {
            [
                Outcome {
                    result: Some(value),
                },
            ] => Ok(Answer::only(*value)),
            _ => Err(QueryError::no_values_in(&self.secret.quoted_body(answer))),
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
    results: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    result: Option<f64>,
}
