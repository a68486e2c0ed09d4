//! Amazon CloudWatch: `GetMetricData` over its JSON protocol.

use super::super::Answer;
use super::{
    AwsCredentials, LATE_WINDOWS, PROVIDER_TIMEOUT_MS, ProviderError, QueryError, address_of,
    decode_json, needed, sign_aws_request, status_words,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trueup_gocompat::parse_duration;
use trueup_kinds::canary::MetricProvider;
use trueup_kinds::outgoing::{Credentials, HttpAddress, OutgoingRequest, ReceivedAnswer};

const MAX_DATAPOINTS: u32 = 20;
const TARGET: &str = "GraniteServiceVersion20100801.GetMetricData";
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const SERVICE: &str = "monitoring";

/// CloudWatch in a region.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudWatch {
    address: HttpAddress,
    region: String,
    account: AwsCredentials,
    secret: Credentials,
    window_seconds: i64,
}

impl CloudWatch {
    /// CloudWatch of a template's region. Flagger takes the account from its
    /// environment; here whoever calls does, and gives it as `credentials`
    /// with the keys `aws_access_key_id`, `aws_secret_access_key` and perhaps
    /// `aws_session_token`, which may also be those of the template's Secret.
    ///
    /// # Errors
    /// No region or one that can be none, no account, an interval that is no
    /// duration.
    pub fn new(
        spec: &MetricProvider,
        credentials: Option<&Credentials>,
        interval: &str,
    ) -> Result<Self, ProviderError> {
        let region = spec.region.as_str();
        let possible = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        if region.is_empty() || !region.chars().all(possible) {
            return Err(ProviderError::Region);
        }
        let key = |key| needed(credentials, key, ("cloudwatch", key));
        let account = AwsCredentials {
            access_key_id: key("aws_access_key_id")?,
            secret_access_key: key("aws_secret_access_key")?,
            session_token: key("aws_session_token").ok(),
        };
        let address = match spec.address.as_str() {
            "" => default_address(region),
            given => given.to_owned(),
        };
        let window_ms = parse_duration(interval)?
            .milliseconds()
            .saturating_mul(LATE_WINDOWS);
        Ok(Self {
            address: address_of(spec, &address)?,
            region: region.to_owned(),
            account,
            secret: credentials.cloned().unwrap_or_default(),
            window_seconds: window_ms / 1000,
        })
    }

    /// The request for a query, a JSON list of `MetricDataQuery`, over the
    /// last ten intervals, signed.
    ///
    /// # Errors
    /// A query that is no JSON list.
    pub fn request(&self, query: &str, now: Timestamp) -> Result<OutgoingRequest, QueryError> {
        let unreadable = |error: serde_json::Error| {
            QueryError::failed(format!("error unmarshaling query: {error}"))
        };
        let end = now.as_second();
        let input = Input {
            end_time: end,
            max_datapoints: MAX_DATAPOINTS,
            metric_data_queries: serde_json::from_str(query).map_err(unreadable)?,
            start_time: end.saturating_sub(self.window_seconds),
        };
        let body = serde_json::to_vec(&input).map_err(unreadable)?;
        let mut request = OutgoingRequest::post(
            self.address.clone(),
            CONTENT_TYPE,
            body,
            PROVIDER_TIMEOUT_MS,
        );
        request.set_header("X-Amz-Target", TARGET);
        sign_aws_request(&mut request, &self.account, &self.region, SERVICE, now);
        Ok(request)
    }

    /// The first value of the first result.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn value(&self, answer: &ReceivedAnswer) -> Result<Answer, QueryError> {
        if answer.status >= 300 {
            return Err(QueryError::refused(format!(
                "error requesting cloudwatch: {}: {}",
                status_words(answer.status),
                self.secret.quoted_body(answer)
            )));
        }
        let output: Output = decode_json(answer, &self.secret)?;
        let first = output.metric_data_results.first();
        match first.and_then(|result| result.values.first()) {
            Some(value) => Ok(Answer {
                value: *value,
                series: output.metric_data_results.len(),
            }),
            None => Err(QueryError::no_values_in(&self.secret.quoted_body(answer))),
        }
    }

    /// A request without queries is refused as bad by who may ask, and as
    /// forbidden otherwise.
    pub(super) fn availability(&self, answer: &ReceivedAnswer) -> Result<(), QueryError> {
        if matches!(answer.status, 200 | 400) {
            return Ok(());
        }
        let words = status_words(answer.status);
        let message = format!(
            "unexpected status code: {words}: {}",
            self.secret.quoted_body(answer)
        );
        Err(QueryError::refused(message))
    }
}

fn default_address(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://{SERVICE}.{region}.amazonaws.com{suffix}/")
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    end_time: i64,
    max_datapoints: u32,
    metric_data_queries: Vec<serde_json::Map<String, serde_json::Value>>,
    start_time: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    #[serde(default)]
    metric_data_results: Vec<MetricDataResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDataResult {
    #[serde(default)]
    values: Vec<f64>,
}
