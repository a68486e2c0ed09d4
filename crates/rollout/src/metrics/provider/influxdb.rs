//! InfluxDB: a Flux query of its version 2 API, answered as annotated CSV.

use super::super::Answer;
use super::{ProviderError, QueryError, address_of, certificates_of, needed, status_words};
use serde::{Deserialize, Serialize};
use trueup_gocompat::parse_float;
use trueup_kinds::canary::MetricProvider;
use trueup_kinds::outgoing::{
    Certificates, Credentials, HttpAddress, OutgoingRequest, ReceivedAnswer, quoted,
};

/// How long an answer may take: Flux queries are slower than others'.
pub const INFLUXDB_TIMEOUT_MS: u64 = 15_000;
pub(super) const ONLINE_QUERY: &str = "from(bucket: \"default\") |> range(start: -2h)";

/// An InfluxDB.
#[derive(Clone, Debug, PartialEq)]
pub struct InfluxDb {
    address: HttpAddress,
    certificates: Certificates,
    secret: Credentials,
}

impl InfluxDb {
    /// The InfluxDB of a template. With a Secret: its `token` and `org`.
    ///
    /// # Errors
    /// An address that is none, a Secret without what is needed.
    pub fn new(spec: &MetricProvider, secret: Option<&Credentials>) -> Result<Self, ProviderError> {
        let address = address_of(spec, &spec.address)?;
        if spec.secret_ref.is_some() {
            needed(secret, "token", ("influxdb", "an authentication token"))?;
            needed(secret, "org", ("influxdb", "an organisation"))?;
        }
        Ok(Self {
            address,
            certificates: certificates_of(spec),
            secret: secret.cloned().unwrap_or_default(),
        })
    }

    /// The request of a Flux query.
    #[must_use]
    pub fn request(&self, query: &str) -> OutgoingRequest {
        let text = |key| self.secret.text(key).map(|it| it.trim().to_owned());
        let organisation = text("org").unwrap_or_default();
        let address = self
            .address
            .join("api/v2/query")
            .with_query(&[("org", &organisation)]);
        let body =
            serde_json::to_vec(&FluxQuery::new(query)).expect("texts and booleans are always JSON");
        let mut request =
            OutgoingRequest::post(address, "application/json", body, INFLUXDB_TIMEOUT_MS);
        request.certificates = self.certificates;
        request.set_header("Accept", "application/csv");
        if let Some(token) = text("token") {
            request.set_header("Authorization", &format!("Token {token}"));
        }
        request
    }

    /// The value of the first record.
    ///
    /// # Errors
    /// See [`QueryError`]; an answer without records has no values, where
    /// Flagger takes a 0.
    pub fn value(&self, answer: &ReceivedAnswer) -> Result<Answer, QueryError> {
        self.accepted(answer)?;
        let text = std::str::from_utf8(&answer.body)
            .map_err(|_| QueryError::malformed("the answer is no UTF-8"))?;
        first_record(text, &|part| self.shown(part))
    }

    pub(super) fn availability(&self, answer: &ReceivedAnswer) -> Result<(), QueryError> {
        self.accepted(answer)
    }

    fn accepted(&self, answer: &ReceivedAnswer) -> Result<(), QueryError> {
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        let refusal: Option<Refusal> = serde_json::from_slice(&answer.body).ok();
        let words = match refusal {
            Some(refusal) => format!(
                "{}: {}",
                self.shown(&refusal.code),
                self.shown(&refusal.message)
            ),
            None => format!(
                "{}: {}",
                status_words(answer.status),
                self.secret.quoted_body(answer)
            ),
        };
        let message = format!("error accessing influxdb query api: {words}");
        Err(QueryError::refused(message))
    }

    /// Somebody else's words as a message may quote them.
    fn shown(&self, text: &str) -> String {
        quoted(&self.secret.hide_in(text))
    }
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    message: String,
}

#[derive(Serialize)]
struct FluxQuery<'a> {
    dialect: Dialect,
    query: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Dialect {
    annotations: [&'static str; 3],
    delimiter: &'static str,
    header: bool,
}

impl<'a> FluxQuery<'a> {
    const fn new(query: &'a str) -> Self {
        Self {
            dialect: Dialect {
                annotations: ["datatype", "group", "default"],
                delimiter: ",",
                header: true,
            },
            query,
            kind: "flux",
        }
    }
}

/// The first record of annotated CSV: rows with `#datatype`, `#default`, then
/// names of columns, then records; an empty line ends a table.
fn first_record(text: &str, shown: &dyn Fn(&str) -> String) -> Result<Answer, QueryError> {
    let mut table = Table::default();
    for line in text.lines() {
        let fields = csv_fields(line)?;
        match fields.first().map(String::as_str) {
            None => table = Table::default(),
            Some("#datatype") => {
                table = Table {
                    types: fields,
                    ..Table::default()
                }
            }
            Some("#default") => table.defaults = fields,
            Some(annotation) if annotation.starts_with('#') => {}
            Some(_) if table.names.is_empty() => table.names = fields,
            Some(_) => return table.value(&fields, &shown(line), shown),
        }
    }
    Err(QueryError::no_values())
}

#[derive(Default)]
struct Table {
    types: Vec<String>,
    defaults: Vec<String>,
    names: Vec<String>,
}

impl Table {
    fn value(
        &self,
        record: &[String],
        line: &str,
        shown: &dyn Fn(&str) -> String,
    ) -> Result<Answer, QueryError> {
        let column = |name: &str| self.names.iter().position(|it| it == name);
        if let Some(error) = column("error").and_then(|at| record.get(at)) {
            let message = format!("query error: {}", shown(error));
            return Err(QueryError::refused(message));
        }
        let invalid = || QueryError::malformed(format!("invalid response: {line}"));
        let at = column("_value").ok_or_else(invalid)?;
        let given = record.get(at).filter(|text| !text.is_empty());
        let default = self.defaults.get(at).filter(|text| !text.is_empty());
        let Some(text) = given.or(default) else {
            return Err(QueryError::no_values_in(line));
        };
        if self.types.get(at).map(String::as_str) != Some("double") {
            return Err(invalid());
        }
        match parse_float(text) {
            Some(value) if value.is_nan() => Err(QueryError::not_a_number()),
            Some(value) => Ok(Answer::only(value)),
            None => Err(invalid()),
        }
    }
}

/// The fields of one line of RFC 4180's CSV; none of an empty line. A field
/// with a line break in quotes is not read further: no record that matters
/// has one in front of its value.
fn csv_fields(line: &str) -> Result<Vec<String>, QueryError> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let mut fields = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        fields.push(field);
        rest = match after.strip_prefix(',') {
            Some("") => {
                fields.push(String::new());
                ""
            }
            Some(next) => next,
            None if after.is_empty() => "",
            None => {
                return Err(QueryError::malformed(
                    "a quoted field of CSV goes on behind its end",
                ));
            }
        };
    }
    Ok(fields)
}

fn quoted_field(text: &str) -> Result<(String, &str), QueryError> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let Some(end) = rest.find('"') else {
            return Err(QueryError::malformed("a quoted field of CSV has no end"));
        };
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Ok((field, rest)),
        }
    }
}
