//! Files that show the Pod itself, and volumes put together from several
//! sources.

use super::environment::{Container, field_reference, resource_reference};
use super::volumes::{file_mode, key_to_path};
use crate::core::validate::at::{At, Causes};
use crate::core::validate::text_rules::file_path_errors;
use std::collections::HashSet;

/// What a file may show of its Pod.
const FILE_FIELDS: [&str; 5] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];
const MIN_TOKEN_SECONDS: i64 = 10 * 60;
const MAX_TOKEN_SECONDS: i64 = 1 << 32;

/// The path of a file within its volume.
pub(super) fn file_path(causes: &mut Causes, path: &At<'_>) {
    path.rules(causes, file_path_errors(path.text()));
}

/// Files of the downward API. Messages name the source, not the item.
pub(super) fn downward(causes: &mut Causes, at: &At<'_>) {
    file_mode(causes, &at.get("defaultMode"));
    for item in at.get("items").items() {
        downward_file(causes, &item.called(at.path().to_owned()));
    }
}

fn downward_file(causes: &mut Causes, file: &At<'_>) {
    file.get("path").required_text(causes);
    file_path(causes, &file.get("path"));
    let (field, resource) = (file.get("fieldRef"), file.get("resourceFieldRef"));
    if field.is_set() {
        field_reference(causes, &field, &FILE_FIELDS);
        if resource.is_set() {
            let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
            super::invalid(causes, file.path(), "resource", detail);
        }
    } else if resource.is_set() {
        resource_reference(causes, &resource, Container::Named);
    } else {
        file.required(causes, "one of fieldRef and resourceFieldRef is required");
    }
    file_mode(causes, &file.get("mode"));
}

/// A volume put together.
pub(super) fn all(causes: &mut Causes, at: &At<'_>) {
    file_mode(causes, &at.get("defaultMode"));
    let mut paths = HashSet::new();
    for source in at.get("sources").items() {
        one_source(causes, &source, at, &mut paths);
    }
}

fn one_source<'a>(
    causes: &mut Causes,
    source: &At<'a>,
    whole: &At<'_>,
    paths: &mut HashSet<&'a str>,
) {
    let mut count = 0;
    for kind in ["secret", "configMap"] {
        let at = source.get(kind);
        if at.is_set() {
            count += 1;
            named_files(causes, &at, whole, paths);
        }
    }
    let downward = source.get("downwardAPI");
    if downward.is_set() {
        count += 1;
        for item in downward.get("items").items() {
            downward_file(causes, &item.called(downward.path().to_owned()));
            let path = item.get("path").text();
            taken(causes, whole, path, path, paths);
        }
    }
    let token = source.get("serviceAccountToken");
    if token.is_set() {
        count += 1;
        account_token(causes, &token, whole);
    }
    let bundle = source.get("clusterTrustBundle");
    if bundle.is_set() {
        count += 1;
        trust_bundle(causes, &bundle, whole, paths);
    }
    if count > 1 {
        let detail = "may not specify more than 1 volume type per source";
        source.forbidden(causes, detail);
    }
}

fn named_files<'a>(causes: &mut Causes, at: &At<'a>, whole: &At<'_>, paths: &mut HashSet<&'a str>) {
    let name = at.get("name");
    name.required_text(causes);
    for item in at.get("items").items() {
        key_to_path(causes, &item);
        taken(causes, whole, item.get("path").text(), name.text(), paths);
    }
}

/// A path that another source has taken.
fn taken<'a>(
    causes: &mut Causes,
    whole: &At<'_>,
    path: &'a str,
    shown: &str,
    paths: &mut HashSet<&'a str>,
) {
    if !path.is_empty() && !paths.insert(path) {
        super::invalid(causes, whole.path(), shown, "conflicting duplicate paths");
    }
}

fn account_token(causes: &mut Causes, token: &At<'_>, whole: &At<'_>) {
    let seconds = token.get("expirationSeconds");
    let number = seconds.number().unwrap_or(0);
    if number < MIN_TOKEN_SECONDS {
        seconds.invalid(causes, "may not specify a duration less than 10 minutes");
    }
    if number > MAX_TOKEN_SECONDS {
        seconds.invalid(
            causes,
            "may not specify a duration larger than 2^32 seconds",
        );
    }
    let path = token.get("path").called(whole.child("path"));
    if path.text().is_empty() {
        path.required(causes, "");
    } else {
        file_path(causes, &path);
    }
}

fn trust_bundle<'a>(
    causes: &mut Causes,
    bundle: &At<'a>,
    whole: &At<'_>,
    paths: &mut HashSet<&'a str>,
) {
    let (name, signer) = (bundle.get("name"), bundle.get("signerName"));
    match (name.is_set(), signer.is_set()) {
        (true, true) => {
            bundle.invalid(causes, "only one of name and signerName may be used");
        }
        (true, false) if name.text().is_empty() => {
            name.required(causes, "must be a valid object name");
        }
        (false, true) if signer.text().is_empty() => {
            signer.required(causes, "must be a valid signer name");
        }
        (false, false) => {
            bundle.required(causes, "either name or signerName must be specified");
        }
        _ => {}
    }
    let selector = bundle.get("labelSelector");
    if name.is_set() && selector.is_set() {
        selector.invalid(causes, "labelSelector must be unset if name is specified");
    }
    let path = bundle.get("path");
    path.required_text(causes);
    file_path(causes, &path);
    taken(causes, whole, path.text(), path.text(), paths);
}
