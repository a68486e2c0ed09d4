//! Prometheus: an instant query of its HTTP API.

use super::super::{Answer, collapse_whitespace};
use super::{
    MAX_ANSWER_SERIES, PROVIDER_TIMEOUT_MS, ProviderError, QueryError, address_of, certificates_of,
    decode_json, needed, status_words,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use trueup_gocompat::parse_float;
use trueup_kinds::canary::MetricProvider;
use trueup_kinds::outgoing::{
    Certificates, Credentials, HttpAddress, OutgoingRequest, ReceivedAnswer,
};
use trueup_object::Text;

/// What is 1 wherever Prometheus works.
pub(super) const ONLINE_QUERY: &str = "vector(1)";
const QUERY_PATH: &str = "api/v1/query";

/// A Prometheus.
#[derive(Clone, Debug, PartialEq)]
pub struct Prometheus {
    address: HttpAddress,
    headers: BTreeMap<Text, Vec<Text>>,
    certificates: Certificates,
    login: Login,
    secret: Credentials,
}

#[derive(Clone, PartialEq)]
enum Login {
    None,
    Bearer(String),
    Basic(String, String),
}

/// The way only.
impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer",
            Self::Basic(..) => "Basic",
        })
    }
}

impl Prometheus {
    /// The Prometheus of a template. With a Secret: its `token`, or its
    /// `username` and `password`.
    ///
    /// # Errors
    /// An address that is none, a Secret without what is needed.
    pub fn new(spec: &MetricProvider, secret: Option<&Credentials>) -> Result<Self, ProviderError> {
        Ok(Self {
            address: address_of(spec, &spec.address)?,
            headers: spec.headers.clone(),
            certificates: certificates_of(spec),
            login: login(spec, secret)?,
            secret: secret.cloned().unwrap_or_default(),
        })
    }

    /// The Prometheus of builtin and inline queries: `spec.metricsServer`, or
    /// the controller's.
    ///
    /// # Errors
    /// An address that is none.
    pub fn of_metrics_server(address: &str) -> Result<Self, ProviderError> {
        let spec = MetricProvider {
            kind: "prometheus".into(),
            address: address.into(),
            ..MetricProvider::default()
        };
        Self::new(&spec, None)
    }

    /// The request that asks a query now, blanks collapsed.
    #[must_use]
    pub fn request(&self, query: &str) -> OutgoingRequest {
        let address = self
            .address
            .join(QUERY_PATH)
            .with_query(&[("query", &collapse_whitespace(query))]);
        let mut request = OutgoingRequest::get(address, PROVIDER_TIMEOUT_MS);
        request.certificates = self.certificates;
        for (name, values) in &self.headers {
            for value in values {
                request.headers.push((name.to_string(), value.to_string()));
            }
        }
        match &self.login {
            Login::None => {}
            Login::Bearer(token) => request.set_bearer(token),
            Login::Basic(user, password) => request.set_basic_auth(user, password),
        }
        request
    }

    /// The value of the last series of a vector, or of a scalar.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn value(&self, answer: &ReceivedAnswer) -> Result<Answer, QueryError> {
        if answer.status >= 400 {
            let words = status_words(answer.status);
            return Err(QueryError::refused(format!(
                "error response: Status {words}: {}",
                self.secret.quoted_body(answer)
            )));
        }
        let kind: Response<Kind> = decode_json(answer, &self.secret)?;
        match kind.data.and_then(|data| data.result_type).as_deref() {
            Some("scalar") => {
                let response: Response<Data<(IgnoredAny, String)>> =
                    decode_json(answer, &self.secret)?;
                match response.data.and_then(|data| data.result) {
                    Some((_, text)) => number(&text, 1),
                    None => Err(QueryError::no_values()),
                }
            }
            _ => {
                let response: Response<Data<Vec<Series>>> = decode_json(answer, &self.secret)?;
                let series = response.data.and_then(|data| data.result);
                last_value(&series.unwrap_or_default())
            }
        }
    }

    pub(super) fn availability(&self, answer: &ReceivedAnswer) -> Result<(), QueryError> {
        let found = self
            .value(answer)
            .map_err(|error| QueryError::failed(format!("running query failed: {error}")))?;
        if found.value.to_bits() == 1.0_f64.to_bits() {
            return Ok(());
        }
        Err(QueryError::failed(format!(
            "value is not 1 for query: {ONLINE_QUERY}"
        )))
    }
}

fn login(spec: &MetricProvider, secret: Option<&Credentials>) -> Result<Login, ProviderError> {
    if spec.secret_ref.is_none() {
        return Ok(Login::None);
    }
    let kind = "prometheus";
    if let Ok(token) = needed(secret, "token", (kind, "a token")) {
        return Ok(Login::Bearer(token));
    }
    Ok(Login::Basic(
        needed(secret, "username", (kind, "a username"))?,
        needed(secret, "password", (kind, "a password"))?,
    ))
}

#[derive(Deserialize)]
struct Response<T> {
    data: Option<T>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "resultType")]
    result_type: Option<String>,
}

#[derive(Deserialize)]
struct Data<T> {
    result: Option<T>,
}

/// A series of a vector (`value`) or of a matrix (`values`).
#[derive(Deserialize)]
struct Series {
    value: Option<(IgnoredAny, Sample)>,
    values: Option<IgnoredAny>,
}

/// Prometheus writes numbers as texts, so that there can be `NaN`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Sample {
    Text(String),
    Other(IgnoredAny),
}

fn last_value(series: &[Series]) -> Result<Answer, QueryError> {
    if series.len() > MAX_ANSWER_SERIES {
        return Err(QueryError::too_much(format!(
            "query returned {} series, more than {MAX_ANSWER_SERIES}",
            series.len()
        )));
    }
    if series.iter().any(|it| it.values.is_some()) {
        return Err(QueryError::many_values());
    }
    let Some(last) = series.last() else {
        return Err(QueryError::no_values());
    };
    match &last.value {
        Some((_, Sample::Text(text))) => number(text, series.len()),
        Some((_, Sample::Other(_))) | None => {
            Err(QueryError::malformed("the value of a series is no text"))
        }
    }
}

fn number(text: &str, series: usize) -> Result<Answer, QueryError> {
    let shown = trueup_kinds::outgoing::quoted(text);
    let value = parse_float(text).ok_or_else(|| {
        QueryError::malformed(format!(
            "strconv.ParseFloat: parsing {shown:?}: invalid syntax"
        ))
    })?;
    if value.is_nan() {
        return Err(QueryError::not_a_number());
    }
    Ok(Answer { value, series })
}
