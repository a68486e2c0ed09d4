//! A step is judged from the object as the server had it before; what the
//! server adds by itself (defaults, identity, times) is taken from its answer.

use super::{Target, scenarios, split};
use crate::{
    ApplyError, ApplyInput, FieldSet, Force, SameShape, Schemas, Structural, Type, UpdateInput,
    apply, decode_managed, json_patch, merge_patch, project, strategic_merge, update,
};
use std::collections::BTreeMap;
use trueup_object::{FieldPath, GroupVersionKind, Value, from_json};

struct Kind {
    typ: Type,
    status: bool,
}

#[derive(Default)]
struct World {
    live: BTreeMap<Target, Value>,
    custom: BTreeMap<(String, String, String), (Structural, bool)>,
    answers: BTreeMap<usize, Value>,
    judged: usize,
    complaints: Vec<String>,
}

impl World {
    fn kind(&self, target: &Target) -> Option<Kind> {
        let key = (
            target.group.clone(),
            target.version.clone(),
            target.resource.clone(),
        );
        if let Some((schema, status)) = self.custom.get(&key) {
            return Some(Kind {
                typ: Type::from_structural(schema),
                status: *status,
            });
        }
        let schemas = Schemas::builtin();
        let row = schemas.resources().iter().find(|row| {
            row.group == target.group
                && row.version == target.version
                && row.plural == target.resource
        })?;
        Some(Kind {
            typ: schemas.type_for(&row.gvk())?,
            status: row.subresource("status").is_some(),
        })
    }

    fn learn_definition(&mut self, definition: &Value) {
        let group = definition.str_at(&["spec", "group"]).unwrap_or("");
        let plural = definition
            .str_at(&["spec", "names", "plural"])
            .unwrap_or("");
        for version in definition
            .at(&["spec", "versions"])
            .and_then(Value::as_list)
            .unwrap_or_default()
        {
            let Some(schema) = version.at(&["schema", "openAPIV3Schema"]) else {
                continue;
            };
            let name = version.str_at(&["name"]).unwrap_or("");
            let status = version.at(&["subresources", "status"]).is_some();
            let key = (group.to_owned(), name.to_owned(), plural.to_owned());
            self.custom
                .insert(key, (Structural::parse_accepted(schema), status));
        }
    }

    fn body(&self, request: &Value) -> Option<Value> {
        if let Some(body) = request.get("body") {
            return Some(body.clone());
        }
        if let Some(text) = request.str_at(&["body_raw"]) {
            return from_json(text.as_bytes()).ok();
        }
        let step = usize::try_from(request.i64_at(&["body_from_step"])?).ok()?;
        let merge = request
            .get("body_merge")
            .cloned()
            .unwrap_or_else(Value::map);
        Some(merge_patch(self.answers.get(&step)?, &merge))
    }

    fn step(&mut self, scenario: &str, index: usize, step: &Value, agent: &str) {
        let (Some(request), Some(response)) = (step.get("request"), step.get("response")) else {
            return;
        };
        let (Some(mut target), query) = split(request.str_at(&["path"]).unwrap_or("")) else {
            return;
        };
        let status = response.i64_at(&["status"]).unwrap_or(0);
        let answer = response
            .get("body")
            .filter(|body| body.str_at(&["metadata", "name"]).is_some());
        let method = request.str_at(&["method"]).unwrap_or("");
        if method == "DELETE" {
            self.live.remove(&target);
            return;
        }
        let body = self.body(request);
        if target.name.is_empty() {
            let named = answer
                .or(body.as_ref())
                .and_then(|object| object.str_at(&["metadata", "name"]));
            target.name = named.unwrap_or("").into();
        }
        if let Some(body) = &body
            && target.resource == "customresourcedefinitions"
            && status < 300
        {
            self.learn_definition(body);
        }
        let subresource = std::mem::take(&mut target.subresource);
        if ["", "status"].contains(&subresource.as_str())
            && let Some(body) = &body
        {
            let complaint = self.judge(
                &target,
                &subresource,
                &query,
                request,
                response,
                body,
                agent,
            );
            self.complaints
                .extend(complaint.map(|text| format!("{scenario} step {index}: {text}")));
        }
        if let Some(answer) = answer {
            self.answers.insert(index, answer.clone());
        }
        if status < 300
            && !query.contains_key("dryRun")
            && ["", "status"].contains(&subresource.as_str())
        {
            match answer.filter(|answer| answer.str_at(&["kind"]) != Some("PartialObjectMetadata"))
            {
                Some(answer) => drop(self.live.insert(target, answer.clone())),
                None if method != "GET" => drop(self.live.remove(&target)),
                None => {}
            }
        } else if status < 300 && method != "GET" && !query.contains_key("dryRun") {
            self.live.remove(&target);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one recorded step")]
    fn judge(
        &mut self,
        target: &Target,
        subresource: &str,
        query: &BTreeMap<String, String>,
        request: &Value,
        response: &Value,
        body: &Value,
        agent: &str,
    ) -> Option<String> {
        let kind = self.kind(target)?;
        let status = response.i64_at(&["status"])?;
        let answer = response.get("body")?;
        let live = self.live.get(target);
        let method = request.str_at(&["method"])?;
        if live.is_none() && status != 201 {
            return None;
        }
        let api_version = GroupVersionKind {
            group: target.group.as_str().into(),
            version: target.version.as_str().into(),
            kind: "".into(),
        }
        .api_version();
        let reset: FieldSet = match subresource {
            "" if kind.status => [FieldPath::of_keys(&["status"])].into_iter().collect(),
            "" => FieldSet::new(),
            _ => [FieldPath::of_keys(&["spec"])].into_iter().collect(),
        };
        let agent = request
            .str_at(&["headers", "User-Agent"])
            .unwrap_or(agent)
            .split('/')
            .next()
            .unwrap_or("");
        let manager = query
            .get("fieldManager")
            .map(String::as_str)
            .filter(|name| !name.is_empty())
            .unwrap_or(agent);
        let versions = SameShape(&kind.typ);
        let content_type = request.str_at(&["content_type"]).unwrap_or("");
        if content_type.starts_with("application/apply-patch") {
            let force = if query.get("force").is_some_and(|force| force == "true") {
                Force::Yes
            } else {
                Force::No
            };
            let result = apply(&ApplyInput {
                live,
                applied: body,
                typ: &kind.typ,
                manager,
                api_version: &api_version,
                subresource,
                force,
                reset: &reset,
                now: "<time>",
                versions: &versions,
            });
            self.judged += 1;
            return match (status, result) {
                (200 | 201, Ok(applied)) => differs(&applied.object, answer, &kind.typ, &reset),
                (409 | 500, Err(error @ (ApplyError::Conflicts(_) | ApplyError::Internal(_)))) => {
                    let (ours, theirs) =
                        (error.to_string(), answer.str_at(&["message"]).unwrap_or(""));
                    (ours != theirs).then(|| format!("message\n  ours   {ours}\n  theirs {theirs}"))
                }
                (409 | 500, Ok(_)) => {
                    Some(format!("should fail: {:?}", answer.str_at(&["message"])))
                }
                (200 | 201, Err(error)) => Some(format!("should succeed, but: {error}")),
                _ => None,
            };
        }
        if status > 201 || answer.str_at(&["metadata", "name"]).is_none() {
            return None;
        }
        let patched = match (method, content_type) {
            ("POST" | "PUT", _) => body.clone(),
            ("PATCH", "application/merge-patch+json") => merge_patch(live?, body),
            ("PATCH", "application/json-patch+json") => match json_patch(live?, body) {
                Ok(patched) => patched,
                Err(error) => return Some(format!("json patch: {error}")),
            },
            ("PATCH", "application/strategic-merge-patch+json") => {
                match strategic_merge(live?, body, &kind.typ) {
                    Ok(patched) => patched,
                    Err(error) => return Some(format!("strategic merge: {error}")),
                }
            }
            _ => return None,
        };
        self.judged += 1;
        let mut new = answer.clone();
        new.remove_at(&["metadata", "managedFields"]);
        if let Some(sent) = patched.at(&["metadata", "managedFields"]) {
            new.set_at(&["metadata", "managedFields"], sent.clone());
        }
        let tracked = update(&UpdateInput {
            live,
            new: &new,
            typ: &kind.typ,
            manager,
            api_version: &api_version,
            subresource,
            reset: &reset,
            now: "<time>",
            versions: &versions,
        });
        owners_differ(&tracked, answer).or_else(|| {
            if method == "PATCH" {
                values_differ(&patched, answer, &kind.typ, &reset)
            } else {
                None
            }
        })
    }
}

/// Owners, and the values under them.
fn differs(ours: &Value, theirs: &Value, typ: &Type, reset: &FieldSet) -> Option<String> {
    owners_differ(ours, theirs).or_else(|| values_differ(ours, theirs, typ, reset))
}

/// Everything owned that we say must be in the answer, in the same order; the
/// answer may have defaults besides.
fn values_differ(ours: &Value, theirs: &Value, typ: &Type, reset: &FieldSet) -> Option<String> {
    let owned = decode_managed(theirs)
        .unwrap()
        .iter()
        .fold(FieldSet::new(), |all, entry| all.union(&entry.fields));
    let owned = owned.recursive_difference(reset);
    let (a, b) = (project(ours, &owned, typ), project(theirs, &owned, typ));
    let text = |value: &Value| String::from_utf8(trueup_object::to_json(value)).unwrap();
    (!within(&a, &b)).then(|| format!("values\n  ours   {}\n  theirs {}", text(&a), text(&b)))
}

pub(super) fn within(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Null, _) => true,
        (Value::Map(a), Value::Map(b)) => a.iter().all(|(key, value)| {
            b.get(key).map_or(
                value.is_null() || *value == Value::from("") || *value == Value::map(),
                |other| within(value, other),
            )
        }),
        (Value::Map(a), Value::Null) => a.is_empty(),
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| within(a, b))
        }
        _ => ours.same_number(theirs),
    }
}

fn owners_differ(ours: &Value, theirs: &Value) -> Option<String> {
    let entries = |object: &Value| {
        let mut entries = decode_managed(object).unwrap();
        entries.sort_by(|a, b| {
            (a.operation, &a.manager, &a.api_version, &a.subresource).cmp(&(
                b.operation,
                &b.manager,
                &b.api_version,
                &b.subresource,
            ))
        });
        entries
    };
    let (ours, theirs) = (entries(ours), entries(theirs));
    if ours == theirs {
        return None;
    }
    let lines = |entries: &[crate::ManagedEntry]| {
        entries
            .iter()
            .map(|entry| {
                let paths: Vec<String> = entry
                    .fields
                    .paths()
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                format!(
                    "    {} {:?} {}",
                    entry.printed(),
                    entry.time,
                    paths.join(" ")
                )
            })
            .collect::<Vec<_>>()
            .join("\n")
    };
    Some(format!(
        "owners\n  ours\n{}\n  theirs\n{}",
        lines(&ours),
        lines(&theirs)
    ))
}

/// Plays an area; returns how many steps were judged and what differed.
pub(crate) fn play(name: &str, left_out: &[&str]) -> (usize, Vec<String>) {
    let (mut judged, mut complaints) = (0, Vec::new());
    for scenario in scenarios(name) {
        let title = scenario.str_at(&["name"]).unwrap_or("").to_owned();
        if left_out.contains(&title.as_str()) {
            continue;
        }
        let agent = scenario
            .str_at(&["user_agent"])
            .unwrap_or("recorder/1")
            .split('/')
            .next()
            .unwrap_or("")
            .to_owned();
        let mut world = World::default();
        for (index, step) in scenario
            .get("steps")
            .and_then(Value::as_list)
            .unwrap()
            .iter()
            .enumerate()
        {
            world.step(&title, index, step, &agent);
        }
        judged += world.judged;
        complaints.extend(world.complaints);
    }
    (judged, complaints)
}

/// Scenarios whose answers hold what an apiserver does beyond merging.
const BEYOND_THE_MERGE: [&str; 14] = [
    "apply-empty-collections",    // what Go leaves out when it writes
    "apply-empty-string",         // the same
    "apply-null-values",          // the same
    "apply-table-and-partial",    // answers are tables
    "cr-status",                  // the status path resets metadata too
    "deployment-default-owned",   // a controller writes between the steps
    "apply-conflict-with-status", // admission sets fields after owners are tracked
    "value-int-or-string",        // a number that Go can not hold there
    "hpa-versions",               // conversion between versions
    "secret-data",                // stringData becomes data
    "secret-string-data",         // the same
    "secret-type",                // the same
    "service-type-change",        // ports are placeholders
    "value-quantity",             // canonical quantities
];

#[test]
fn applies_end_as_the_genuine_server_ended_them() {
    let (judged, complaints) = play("apply", &BEYOND_THE_MERGE);
    println!("{judged} recorded steps judged");
    assert!(
        complaints.is_empty(),
        "{} complaints\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[test]
fn patches_end_as_the_genuine_server_ended_them() {
    let (judged, complaints) = play("patch", &["scale-subresource-patch"]);
    println!("{judged} recorded steps judged");
    assert!(
        complaints.is_empty(),
        "{} complaints\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

/// Scenarios in which the server sets fields after it tracked owners, or
/// stores something else than it was sent.
const BEYOND_TRACKING: [&str; 12] = [
    "defaults",
    "get-versions",
    "immutable-service",
    "pod-status-flow",
    "put-creates",
    "service-explicit-ip",
    "service-types",
    "watch-basic",
    "watch-noop",
    "watch-partial-metadata",
    "watch-single-path",
    "scale-subresource-patch",
];

#[test]
fn owners_of_other_writes_are_those_that_the_genuine_server_tracked() {
    let mut all = 0;
    for area in ["crud", "workloads", "gc", "list", "watch", "crd"] {
        let (judged, complaints) = play(area, &BEYOND_TRACKING);
        all += judged;
        assert!(complaints.is_empty(), "{area}: {}", complaints.join("\n"));
    }
    println!("{all} recorded steps judged");
}
