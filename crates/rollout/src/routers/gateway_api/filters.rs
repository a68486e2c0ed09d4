//! What a rule changes of requests and responses.

use super::super::duration;
use std::collections::BTreeMap;
use trueup_kinds::canary::{
    CanaryService, CorsPolicy, HeaderOperations, HttpRewrite, MirrorFilter,
};
use trueup_object::{Map, Text, Value, encode, value};

/// The type of the filter that changes headers of responses.
pub(super) const RESPONSE_HEADERS: &str = "ResponseHeaderModifier";
/// The type of the filter that changes headers of requests.
const REQUEST_HEADERS: &str = "RequestHeaderModifier";
/// The type of a rewrite that keeps what follows the prefix.
const REPLACE_PREFIX: &str = "ReplacePrefixMatch";
/// The type of a rewrite of the whole path.
const REPLACE_PATH: &str = "ReplaceFullPath";

/// The filters that `spec.service` asks for, in Flagger's order.
pub(super) fn of(service: &CanaryService, with_cors: bool) -> Vec<Value> {
    let headers = service.headers.as_ref();
    let request = headers.and_then(|headers| headers.request.as_ref());
    let response = headers.and_then(|headers| headers.response.as_ref());
    let cors = service.cors_policy.as_ref().filter(|_| with_cors);
    let request = request.map(|changes| {
        value!({"type": REQUEST_HEADERS, "requestHeaderModifier": header_changes(changes)})
    });
    let response = response.map(|changes| {
        value!({"type": RESPONSE_HEADERS, "responseHeaderModifier": header_changes(changes)})
    });
    let before_mirrors = [request, response, service.rewrite.as_ref().map(rewrite)];
    before_mirrors
        .into_iter()
        .flatten()
        .chain(service.mirror.iter().map(mirror))
        .chain(cors.map(cross_origin))
        .collect()
}

/// Makes a rule add a header to responses; a rule has one filter at most that
/// changes those.
pub(super) fn add_response_header(rule: &mut Value, name: &str, value: Text) {
    let added = value!({"name": name, "value": value});
    let filters = rule.get("filters").and_then(Value::as_list);
    let mut filters: Vec<Value> = filters.unwrap_or_default().to_vec();
    let existing = filters
        .iter_mut()
        .find(|filter| filter.str_at(&["type"]) == Some(RESPONSE_HEADERS));
    match existing {
        Some(filter) => {
            let path = ["responseHeaderModifier", "add"];
            let before = filter
                .at(&path)
                .and_then(Value::as_list)
                .unwrap_or_default();
            let all: Value = before.iter().cloned().chain([added]).collect();
            filter.set_at(&path, all);
        }
        None => filters.push(value!({
            "type": RESPONSE_HEADERS,
            "responseHeaderModifier": {"add": [added]},
        })),
    }
    rule.set_at(&["filters"], filters.into());
}

fn header_changes(changes: &HeaderOperations) -> Value {
    let mut translated = Map::new();
    for (key, headers) in [("add", &changes.add), ("set", &changes.set)] {
        if !headers.is_empty() {
            translated.insert(key, header_list(headers));
        }
    }
    if !changes.remove.is_empty() {
        translated.insert("remove", texts(&changes.remove));
    }
    translated.into()
}

fn header_list(headers: &BTreeMap<Text, Text>) -> Value {
    let headers = headers.iter();
    headers
        .map(|(name, value)| value!({"name": name.clone(), "value": value.clone()}))
        .collect()
}

fn texts(texts: &[Text]) -> Value {
    texts.iter().cloned().map(Value::from).collect()
}

fn rewrite(rewrite: &HttpRewrite) -> Value {
    let mut changes = Value::map();
    if !rewrite.authority.is_empty() {
        changes.set_at(&["hostname"], rewrite.authority.clone().into());
    }
    if !rewrite.uri.is_empty() {
        let path = if rewrite.kind == REPLACE_PREFIX {
            value!({"type": REPLACE_PREFIX, "replacePrefixMatch": rewrite.uri.clone()})
        } else {
            value!({"type": REPLACE_PATH, "replaceFullPath": rewrite.uri.clone()})
        };
        changes.set_at(&["path"], path);
    }
    value!({"type": "URLRewrite", "urlRewrite": changes})
}

fn mirror(mirror: &MirrorFilter) -> Value {
    // A reference of texts and a number is always a tree.
    let backend = encode(&mirror.backend_ref).unwrap_or_default();
    value!({"type": super::REQUEST_MIRROR, "requestMirror": {"backendRef": backend}})
}

/// Patterns of origins have no counterpart; only origins given literally are
/// allowed.
fn cross_origin(policy: &CorsPolicy) -> Value {
    let mut translated = Map::new();
    for (key, given) in [
        ("allowOrigins", &policy.allow_origin),
        ("allowMethods", &policy.allow_methods),
        ("allowHeaders", &policy.allow_headers),
        ("exposeHeaders", &policy.expose_headers),
    ] {
        if !given.is_empty() {
            translated.insert(key, texts(given));
        }
    }
    if policy.allow_credentials == Some(true) {
        translated.insert("allowCredentials", true);
    }
    if let Some(seconds) = duration::seconds(&policy.max_age).filter(|seconds| *seconds > 0) {
        translated.insert("maxAge", seconds);
    }
    value!({"type": "CORS", "cors": translated})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_filter_changes_all_headers_of_responses() {
        let mut rule = value!({"filters": [
            {"type": "URLRewrite"},
            {"type": RESPONSE_HEADERS, "responseHeaderModifier": {"remove": ["token"]}},
        ]});
        add_response_header(&mut rule, "Set-Cookie", "a=b".into());
        let added = value!([{"name": "Set-Cookie", "value": "a=b"}]);
        let filters = rule.get("filters").and_then(Value::as_list).unwrap();
        assert_eq!(filters.len(), 2);
        let path = ["responseHeaderModifier", "add"];
        assert_eq!(filters[1].at(&path), Some(&added));

        let mut rule = Value::map();
        add_response_header(&mut rule, "Set-Cookie", "a=b".into());
        let filters = rule.get("filters").and_then(Value::as_list).unwrap();
        assert_eq!(filters[0].at(&path), Some(&added));
    }
}
