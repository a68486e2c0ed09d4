//! Graphite: its render API. The template's query is that of the address.

use super::super::{Answer, collapse_whitespace};
use super::{
    PROVIDER_TIMEOUT_MS, ProviderError, QueryError, address_of, certificates_of, decode_json,
    needed,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use trueup_gocompat::parse_float;
use trueup_kinds::canary::MetricProvider;
use trueup_kinds::outgoing::{
    Certificates, Credentials, HttpAddress, OutgoingRequest, ReceivedAnswer, percent_decode,
};

/// A Graphite.
#[derive(Clone, Debug, PartialEq)]
pub struct Graphite {
    address: HttpAddress,
    certificates: Certificates,
    login: Option<Login>,
    secret: Credentials,
}

#[derive(Clone, PartialEq)]
struct Login {
    username: String,
    password: String,
}

/// Nothing of it.
impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Login")
    }
}

impl Graphite {
    /// The Graphite of a template. With a Secret: its `username` and
    /// `password`.
    ///
    /// # Errors
    /// An address that is none, a Secret without what is needed.
    pub fn new(spec: &MetricProvider, secret: Option<&Credentials>) -> Result<Self, ProviderError> {
        let address = address_of(spec, &spec.address)?;
        let login = match spec.secret_ref {
            Some(_) => Some(Login {
                username: needed(secret, "username", ("graphite", "a username"))?,
                password: needed(secret, "password", ("graphite", "a password"))?,
            }),
            None => None,
        };
        Ok(Self {
            address,
            certificates: certificates_of(spec),
            login,
            secret: secret.cloned().unwrap_or_default(),
        })
    }

    /// The request with the pairs of the query, by name, and `format=json`.
    #[must_use]
    pub fn request(&self, query: &str) -> OutgoingRequest {
        let mut pairs = query_pairs(&collapse_whitespace(query));
        pairs.insert("format".to_owned(), vec!["json".to_owned()]);
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .flat_map(|(name, values)| values.iter().map(|value| (name.as_str(), value.as_str())))
            .collect();
        let address = self.address.join("render").with_query(&pairs);
        let mut request = OutgoingRequest::get(address, PROVIDER_TIMEOUT_MS);
        request.certificates = self.certificates;
        if let Some(login) = &self.login {
            request.set_basic_auth(&login.username, &login.password);
        }
        request
    }

    /// The last value of the last target that has one.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn value(&self, answer: &ReceivedAnswer) -> Result<Answer, QueryError> {
        if answer.status >= 400 {
            let message = format!("error response: {}", self.secret.quoted_body(answer));
            return Err(QueryError::refused(message));
        }
        let targets: Vec<Target> = decode_json(answer, &self.secret)?;
        let mut last = None;
        for point in targets.iter().flat_map(|target| &target.datapoints) {
            last = point.value()?.or(last);
        }
        match last {
            Some(value) if value.is_nan() => Err(QueryError::not_a_number()),
            Some(value) => Ok(Answer {
                value,
                series: targets.len(),
            }),
            None => Err(QueryError::no_values()),
        }
    }

    pub(super) fn availability(&self, answer: &ReceivedAnswer) -> Result<(), QueryError> {
        match self.value(answer) {
            Err(error) if !error.is_no_data() => {
                let message = format!("running query failed: {error}");
                Err(QueryError::failed(message))
            }
            _ => Ok(()),
        }
    }
}

/// The names and values of a form; a pair that can't be decoded, or that holds
/// a semicolon, is left out, as Go's `url.ParseQuery` does.
fn query_pairs(query: &str) -> BTreeMap<String, Vec<String>> {
    let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let given = query.trim().split('&');
    for pair in given.filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &str| percent_decode(&text.replace('+', " "));
        if let (Some(name), Some(value)) = (decode(name), decode(value)) {
            pairs.entry(name).or_default().push(value);
        }
    }
    pairs
}

#[derive(Deserialize)]
struct Target {
    #[serde(default)]
    datapoints: Vec<Point>,
}

/// A value and when it was.
#[derive(Deserialize)]
struct Point(PointValue, serde::de::IgnoredAny);

#[derive(Deserialize)]
#[serde(untagged)]
enum PointValue {
    Number(f64),
    Text(String),
    Null(()),
}

impl Point {
    fn value(&self) -> Result<Option<f64>, QueryError> {
        match &self.0 {
            PointValue::Number(value) => Ok(Some(*value)),
            PointValue::Null(()) => Ok(None),
            PointValue::Text(text) => match parse_float(text) {
                Some(value) => Ok(Some(value)),
                None => {
                    let shown = trueup_kinds::outgoing::quoted(text);
                    let message = format!("a datapoint is no number: {shown:?}");
                    Err(QueryError::malformed(message))
                }
            },
        }
    }
}
