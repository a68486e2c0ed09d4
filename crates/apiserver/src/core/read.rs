//! Reading: get, list, watch.

use super::outcome::{Answer, List, ObjectBody, Outcome};
use super::registry::Resource;
use super::request::{Operation, Query, is_true};
use super::selection::Selection;
use super::status::{ApiError, Cause};
use super::store::{OutOfRange, Snapshot, Store, Stored};
use super::versions;
use super::watch::{WatchEvent, Watcher};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{DecodeError, Engine as _};
use std::collections::VecDeque;
use std::num::IntErrorKind;
use std::sync::Arc;
use trueup_object::{Text, Value, value};

/// How many objects one page holds at most if the client names no limit
/// (none: the whole list).
const UNLIMITED: usize = usize::MAX;

/// One object.
pub(super) fn get(store: &Store, operation: &Operation) -> Result<Answer, ApiError> {
    if let Some(version) = operation.query.get("resourceVersion") {
        let version = parse_version(version).map_err(ApiError::internal)?;
        if version > store.revision() {
            return Err(too_large(version, store.revision()));
        }
    }
    let stored = find(store, operation)?;
    Ok(answer_with(200, &operation.resource, stored))
}

/// The object that an operation names, or 404.
pub(super) fn find(store: &Store, operation: &Operation) -> Result<Arc<Stored>, ApiError> {
    let resource = &operation.resource;
    store
        .get(
            &resource.group_resource(),
            &operation.namespace,
            &operation.name,
        )
        .ok_or_else(|| ApiError::not_found(&resource.group, &resource.plural, &operation.name))
}

/// A stored object as an answer.
pub(super) fn answer_with(code: u16, resource: &Arc<Resource>, stored: Arc<Stored>) -> Answer {
    let revision = stored.revision;
    let object = versions::body(stored, resource);
    Answer {
        code,
        warnings: Vec::new(),
        outcome: Outcome::Object {
            resource: resource.clone(),
            object,
        },
        revision,
    }
}

/// What a list or watch asks for, checked.
struct ListOptions {
    version: Option<u64>,
    exact: bool,
    send_initial_events: Option<bool>,
}

fn list_options(query: &Query, watching: bool) -> Result<ListOptions, ApiError> {
    number(query, "timeoutSeconds")?;
    number(query, "limit")?;
    let version = query.get("resourceVersion").unwrap_or("");
    let mut matching = query.get("resourceVersionMatch").unwrap_or("");
    let mut initial = query
        .get("sendInitialEvents")
        .map(|value| is_true(Some(value)));
    // A watch that says nothing of where to begin begins with what is there.
    if watching && initial.is_none() && matching.is_empty() && matches!(version, "" | "0") {
        (initial, matching) = (Some(true), NOT_OLDER_THAN);
    }
    let continues = !query.get("continue").unwrap_or("").is_empty();
    let causes = if watching {
        check_watch_options(matching, initial, continues)
    } else {
        check_list_options(matching, version, initial, continues)
    };
    if !causes.is_empty() {
        return Err(ApiError::invalid("meta.k8s.io", "ListOptions", "", causes));
    }
    let version = match version {
        "" => None,
        text => Some(parse_version(text).map_err(|message| {
            if watching {
                ApiError::internal(message)
            } else {
                ApiError::bad_request(format!("invalid resource version: {message}"))
            }
        })?),
    };
    Ok(ListOptions {
        version,
        exact: matching == "Exact",
        send_initial_events: initial,
    })
}

/// A parameter that is a whole number.
fn number(query: &Query, key: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = query.get(key) else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|error: std::num::ParseIntError| {
            let why = match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            ApiError::bad_request(format!("strconv.ParseInt: parsing {text:?}: {why}"))
        })
}

const VERSION_MATCH: &str = "resourceVersionMatch";
const NOT_OLDER_THAN: &str = "NotOlderThan";
const MATCH_AND_CONTINUE: &str = "resourceVersionMatch is forbidden when continue is provided";

fn check_watch_options(matching: &str, initial: Option<bool>, continues: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut forbid = |why| causes.push(Cause::forbidden(VERSION_MATCH, why));
    if initial.is_some() && matching != NOT_OLDER_THAN {
        forbid("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    if matching.is_empty() {
        return causes;
    }
    if initial.is_none() {
        forbid("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    }
    if matching != NOT_OLDER_THAN {
        causes.push(Cause::unsupported(
            VERSION_MATCH,
            format!("{matching:?}"),
            &[NOT_OLDER_THAN],
        ));
    }
    if continues {
        causes.push(Cause::forbidden(VERSION_MATCH, MATCH_AND_CONTINUE));
    }
    causes
}

fn check_list_options(
    matching: &str,
    version: &str,
    initial: Option<bool>,
    continues: bool,
) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut forbid = |why| causes.push(Cause::forbidden(VERSION_MATCH, why));
    if !matching.is_empty() {
        if version.is_empty() {
            forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
        }
        if continues {
            forbid(MATCH_AND_CONTINUE);
        }
        if !["Exact", NOT_OLDER_THAN].contains(&matching) {
            let supported = ["Exact", NOT_OLDER_THAN, ""];
            causes.push(Cause::unsupported(
                VERSION_MATCH,
                format!("{matching:?}"),
                &supported,
            ));
        }
        if matching == "Exact" && version == "0" {
            let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            causes.push(Cause::forbidden(VERSION_MATCH, why));
        }
    }
    if initial.is_some() {
        causes.push(Cause::forbidden(
            "sendInitialEvents",
            "sendInitialEvents is forbidden for list",
        ));
    }
    causes
}

/// A resourceVersion as a number; the error is the API server's text.
pub(super) fn parse_version(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| {
        format!("resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax")
    })
}

fn too_large(wanted: u64, current: u64) -> ApiError {
    let mut error = ApiError::new(
        504,
        "Timeout",
        format!("Too large resource version: {wanted}, current: {current}"),
    );
    let cause = Cause::new("ResourceVersionTooLarge", "", "Too large resource version");
    error.details = Some(Box::new(super::status::Details {
        causes: vec![cause],
        retry_after_seconds: Some(1),
        ..Default::default()
    }));
    error
}

fn selection(operation: &Operation) -> Result<Selection, ApiError> {
    let query = &operation.query;
    let mut selection = Selection::read(
        &operation.resource,
        operation.namespace.clone(),
        query.get("labelSelector"),
        query.get("fieldSelector"),
    )?;
    if !operation.name.is_empty() {
        let selects = query.get("fieldSelector").is_some_and(|it| !it.is_empty());
        if selects && selection.name != operation.name {
            let message = "fieldSelector metadata.name doesn't match requested name";
            return Err(ApiError::bad_request(message));
        }
        selection.name = operation.name.clone();
    }
    Ok(selection)
}

/// Objects of a resource, whole or a page.
pub(super) fn list(store: &Store, operation: &Operation) -> Result<Answer, ApiError> {
    let options = list_options(&operation.query, false)?;
    let selection = selection(operation)?;
    let limit = match operation
        .query
        .get("limit")
        .and_then(|text| text.parse::<usize>().ok())
    {
        // What is read from any version comes from a cache, which has no pages.
        Some(_) if from_cache(operation) => UNLIMITED,
        Some(limit) if limit > 0 => limit,
        _ => UNLIMITED,
    };
    let token = read_token(operation.query.get("continue").unwrap_or(""))?;
    let snapshot = snapshot(store, operation, &selection, &options, token.as_ref())?;
    let list = page(
        &operation.resource,
        &selection,
        snapshot,
        token.as_ref(),
        limit,
    );
    let newest = list.items.iter().filter_map(|body| {
        if let ObjectBody::Stored(stored) = body {
            Some(stored.revision)
        } else {
            None
        }
    });
    let revision = newest.max().unwrap_or(0);
    Ok(Answer {
        code: 200,
        warnings: Vec::new(),
        outcome: Outcome::List(list),
        revision,
    })
}

/// Whether a list asks for the objects of any version.
fn from_cache(operation: &Operation) -> bool {
    let given = |key: &str| operation.query.get(key).unwrap_or("");
    given("resourceVersion") == "0" && given("continue").is_empty()
}

/// Where a page goes on: the revision of the first page, and the last object
/// shown.
struct Token {
    revision: u64,
    namespace: Text,
    name: Text,
}

fn read_token(text: &str) -> Result<Option<Token>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|error| {
        let place = match error {
            DecodeError::InvalidByte(place, _) | DecodeError::InvalidLastSymbol(place, _) => place,
            DecodeError::InvalidLength(length) => length.saturating_sub(1),
            DecodeError::InvalidPadding => text.len(),
        };
        ApiError::bad_request(format!(
            "invalid continue token: continue key is not valid: illegal base64 data at input byte {place}"
        ))
    })?;
    let parsed = trueup_object::from_json(&bytes).ok().and_then(|token| {
        Some(Token {
            revision: u64::try_from(token.i64_at(&["rv"])?).ok()?,
            namespace: token.str_at(&["namespace"])?.into(),
            name: token.str_at(&["name"])?.into(),
        })
    });
    parsed.map(Some).ok_or_else(|| {
        ApiError::bad_request("continue key is not valid: it was not given by this server")
    })
}

fn write_token(revision: u64, last: &Stored) -> Text {
    let revision = i64::try_from(revision).unwrap_or(i64::MAX);
    let token = value!({"rv": revision, "namespace": (last.key.namespace.clone()), "name": (last.key.name.clone())});
    URL_SAFE_NO_PAD
        .encode(trueup_object::to_json(&token))
        .into()
}

fn snapshot(
    store: &Store,
    operation: &Operation,
    selection: &Selection,
    options: &ListOptions,
    token: Option<&Token>,
) -> Result<Snapshot, ApiError> {
    let key = operation.resource.group_resource();
    let at = match (token, options.version) {
        (Some(token), _) => Some(token.revision),
        (None, Some(version)) if options.exact => Some(version),
        (None, Some(version)) if version > store.revision() => {
            return Err(too_large(version, store.revision()));
        }
        _ => None,
    };
    let Some(revision) = at else {
        let whole = operation.resource.namespaced && operation.namespace.is_empty();
        return Ok(if selection.name.is_empty() || whole {
            store.list(&key, &operation.namespace)
        } else {
            store.list_one(&key, &operation.namespace, &selection.name)
        });
    };
    store.list_at(&key, &operation.namespace, revision).map_err(|error| match error {
        OutOfRange::TooNew(current) => too_large(revision, current),
        OutOfRange::TooOld(_) if token.is_some() => ApiError::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
        ),
        OutOfRange::TooOld(oldest) => ApiError::expired(format!("The resourceVersion for the provided list is too old: {revision} ({oldest})")),
    })
}

fn page(
    resource: &Arc<Resource>,
    selection: &Selection,
    snapshot: Snapshot,
    token: Option<&Token>,
    limit: usize,
) -> List {
    let after = |stored: &Arc<Stored>| {
        token.is_none_or(|token| {
            (&stored.key.namespace, &stored.key.name) > (&token.namespace, &token.name)
        })
    };
    let mut rest = snapshot
        .objects
        .into_iter()
        .filter(after)
        .filter(|stored| selection.matches(stored));
    let mut shown = Vec::new();
    while shown.len() < limit
        && let Some(stored) = rest.next()
    {
        shown.push(stored);
    }
    let left = rest.count();
    let more = left > 0;
    let continue_token = if more {
        shown
            .last()
            .map_or_else(Text::new, |last| write_token(snapshot.revision, last))
    } else {
        Text::new()
    };
    List {
        resource: resource.clone(),
        items: shown
            .into_iter()
            .map(|stored| versions::body(stored, resource))
            .collect(),
        revision: snapshot.revision,
        continue_token,
        remaining: (more && !selection.is_selective()).then_some(left as u64),
    }
}

/// Follows the changes of a resource.
pub(super) fn watch(store: &Store, operation: &Operation) -> Result<Answer, ApiError> {
    let options = list_options(&operation.query, true)?;
    let selection = selection(operation)?;
    let key = operation.resource.group_resource();
    let bookmarks = is_true(operation.query.get("allowWatchBookmarks"));
    let began = store.revision();
    let mut ready = VecDeque::new();
    let mut cursor = options.version.unwrap_or(0);
    if options.send_initial_events == Some(true) && cursor > began {
        let mut error = too_large(cursor, began);
        error.message.insert_str(0, "Timeout: ");
        ready.push_back(WatchEvent::Error(error));
    } else if options.send_initial_events == Some(true) {
        let snapshot = store.list(&key, &selection.namespace);
        cursor = snapshot.revision;
        let objects = snapshot
            .objects
            .into_iter()
            .filter(|stored| selection.matches(stored));
        ready.extend(objects.map(WatchEvent::Added));
        if bookmarks {
            ready.push_back(WatchEvent::Bookmark {
                revision: cursor,
                initial_events_end: true,
            });
        }
    } else if cursor == 0 {
        cursor = began;
    }
    let ends = matches!(ready.front(), Some(WatchEvent::Error(_)));
    let mut watcher = Watcher::new(
        store.shelf(&key),
        store.durable().clone(),
        selection,
        cursor,
        began,
        ready,
    );
    watcher.bookmarks = bookmarks;
    let seconds = number(&operation.query, "timeoutSeconds")?.filter(|seconds| *seconds != 0);
    watcher.timeout_seconds = if ends {
        Some(0)
    } else {
        seconds.map(|seconds| u64::try_from(seconds).unwrap_or(0))
    };
    let outcome = Outcome::Watch {
        resource: operation.resource.clone(),
        watcher: Box::new(watcher),
    };
    Ok(Answer {
        code: 200,
        warnings: Vec::new(),
        outcome,
        // What is yet to come is not waited for.
        revision: cursor.min(began),
    })
}

/// A `Status` of success for a finished deletion.
pub(super) fn success(resource: &Resource, object: &Value) -> Value {
    let mut details = value!({"name": (object.str_at(&["metadata", "name"]).unwrap_or("")), "kind": (resource.plural.clone())});
    if !resource.group.is_empty() {
        details.set_at(&["group"], resource.group.clone().into());
    }
    if let Some(uid) = object.str_at(&["metadata", "uid"]) {
        details.set_at(&["uid"], uid.into());
    }
    value!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
