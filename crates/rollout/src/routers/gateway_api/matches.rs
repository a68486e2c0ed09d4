//! Conditions on requests in the words of Gateway API.

use super::super::RouterError;
use super::super::requests::narrowed;
use super::super::subject::Subject;
use std::collections::BTreeMap;
use trueup_kinds::canary::{HttpMatch, StringMatch};
use trueup_object::{Text, Value, value};

/// The requests that the route is for: all, where nothing is said.
pub(super) fn base(subject: &Subject<'_>) -> Result<Value, RouterError> {
    translated(&base_or_all(subject)?)
}

/// The requests of the route that `analysis.match` picks.
pub(super) fn matched(subject: &Subject<'_>) -> Result<Value, RouterError> {
    let matches = &subject.analysis().matches;
    for requests in matches {
        if requests_of(requests)?.is_none() {
            return Err(invalid(
                "spec.analysis.match: an item asks for nothing that Gateway API can tell requests apart by",
            ));
        }
    }
    translated(&narrowed(matches, &base_or_all(subject)?)?)
}

/// The requests of the route that also fit `requests`.
pub(super) fn narrowed_by(
    subject: &Subject<'_>,
    requests: HttpMatch,
) -> Result<Value, RouterError> {
    translated(&narrowed(&[requests], &base_given(subject)?)?)
}

/// What `service.match` says that Gateway API knows.
fn base_given(subject: &Subject<'_>) -> Result<Vec<HttpMatch>, RouterError> {
    let mut given = Vec::new();
    for requests in &subject.service().matches {
        if requests_of(requests)?.is_some() {
            given.push(requests.clone());
        }
    }
    Ok(given)
}

fn base_or_all(subject: &Subject<'_>) -> Result<Vec<HttpMatch>, RouterError> {
    let given = base_given(subject)?;
    if !given.is_empty() {
        return Ok(given);
    }
    let all = StringMatch {
        prefix: "/".into(),
        ..StringMatch::default()
    };
    Ok(vec![HttpMatch {
        uri: Some(all),
        ..HttpMatch::default()
    }])
}

fn translated(matches: &[HttpMatch]) -> Result<Value, RouterError> {
    let translated = matches.iter().map(requests_of);
    translated.filter_map(Result::transpose).collect()
}

/// One condition; `None` if nothing of it is known here.
fn requests_of(requests: &HttpMatch) -> Result<Option<Value>, RouterError> {
    let mut translated = Value::map();
    if let Some(uri) = &requests.uri {
        translated.set_at(&["path"], path(uri)?);
    }
    if let Some(method) = &requests.method {
        if method.exact.is_empty() {
            return Err(unsupported("method", "exact"));
        }
        translated.set_at(&["method"], method.exact.clone().into());
    }
    for (key, what, texts) in [
        ("headers", "header", &requests.headers),
        ("queryParams", "query", &requests.query_params),
    ] {
        if !texts.is_empty() {
            translated.set_at(&[key], named(what, texts)?);
        }
    }
    Ok((translated != Value::map()).then_some(translated))
}

fn path(uri: &StringMatch) -> Result<Value, RouterError> {
    for (kind, text) in [
        ("RegularExpression", &uri.regex),
        ("Exact", &uri.exact),
        ("PathPrefix", &uri.prefix),
    ] {
        if !text.is_empty() {
            return Ok(value!({"type": kind, "value": text.clone()}));
        }
    }
    Err(unsupported("path", "exact, prefix or regex"))
}

fn named(what: &str, texts: &BTreeMap<Text, StringMatch>) -> Result<Value, RouterError> {
    let items = texts.iter().map(|(name, text)| {
        let (kind, text) = match (text.exact.is_empty(), text.regex.is_empty()) {
            (false, _) => ("Exact", &text.exact),
            (true, false) => ("RegularExpression", &text.regex),
            (true, true) => return Err(unsupported(&format!("{what} {name}"), "exact or regex")),
        };
        Ok(value!({"type": kind, "name": name.clone(), "value": text.clone()}))
    });
    items.collect()
}

fn unsupported(what: &str, supported: &str) -> RouterError {
    invalid(&format!(
        "Gateway API doesn't support the specified {what} matching selector: only {supported}"
    ))
}

fn invalid(cause: &str) -> RouterError {
    RouterError::invalid(format!("Invalid request matching selectors: {cause}"))
}
