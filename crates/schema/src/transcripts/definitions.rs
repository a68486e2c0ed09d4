//! Definitions and custom resources that were accepted or refused.

use super::scenarios;
use crate::Structural;
use std::collections::BTreeMap;
use trueup_object::{GroupVersionKind, Value};

/// The causes of a refusal, sorted.
fn causes(answer: &Value) -> Vec<String> {
    let causes = answer
        .at(&["details", "causes"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let text = |cause: &Value, key: &str| cause.str_at(&[key]).unwrap_or("").to_owned();
    let mut causes: Vec<String> = causes
        .iter()
        .map(|cause| {
            format!(
                "{} {}: {}",
                text(cause, "reason"),
                text(cause, "field"),
                text(cause, "message")
            )
        })
        .collect();
    causes.sort();
    causes
}

fn our_causes(errors: &[crate::FieldError]) -> Vec<String> {
    let mut causes: Vec<String> = errors
        .iter()
        .map(|error| format!("{} {}: {}", error.reason.cause(), error.path, error.message))
        .collect();
    causes.sort();
    causes
}

fn learn(schemas: &mut BTreeMap<(String, String), Structural>, definition: &Value) {
    let group = definition
        .str_at(&["spec", "group"])
        .unwrap_or("")
        .to_owned();
    for version in definition
        .at(&["spec", "versions"])
        .and_then(Value::as_list)
        .unwrap_or_default()
    {
        let Some(schema) = version.at(&["schema", "openAPIV3Schema"]) else {
            continue;
        };
        let name = version.str_at(&["name"]).unwrap_or("").to_owned();
        schemas.insert((group.clone(), name), Structural::parse_accepted(schema));
    }
}

/// One step with a definition or a custom resource; `None` if it is neither.
fn judge_custom(
    schemas: &mut BTreeMap<(String, String), Structural>,
    step: &Value,
) -> Option<Result<(), String>> {
    let (request, response) = (step.get("request")?, step.get("response")?);
    let body = request.get("body")?;
    let status = response.i64_at(&["status"])?;
    if status == 201 && body.str_at(&["kind"]) == Some("CustomResourceDefinition") {
        learn(schemas, body);
    }
    let answer = response.get("body")?;
    if request.str_at(&["method"]) != Some("POST") {
        return None;
    }
    if body.str_at(&["kind"]) == Some("CustomResourceDefinition") {
        let versions = body.at(&["spec", "versions"])?.as_list()?;
        let schema = versions.first()?.at(&["schema", "openAPIV3Schema"])?;
        let prefix = "spec.validation.openAPIV3Schema";
        let theirs = causes(answer);
        if status == 422 && !theirs.iter().all(|cause| cause.contains(prefix)) {
            return None;
        }
        let ours = Structural::parse(schema, prefix)
            .map_or_else(|errors| our_causes(&errors), |_| Vec::new());
        return Some(if ours == theirs {
            Ok(())
        } else {
            Err(format!("ours {ours:#?}\ntheirs {theirs:#?}"))
        });
    }
    let gvk = GroupVersionKind::of(body)?;
    let schema = schemas.get(&(gvk.group.to_string(), gvk.version.to_string()))?;
    let mut object = body.clone();
    schema.prune(&mut object);
    schema.drop_nulls(&mut object);
    schema.apply_defaults(&mut object);
    let (ours, theirs) = (our_causes(&schema.validate(&object)), causes(answer));
    match status {
        422 if theirs.iter().any(|cause| cause.contains("metadata.labels")) => None,
        422 if ours != theirs => Some(Err(format!("ours {ours:#?}\ntheirs {theirs:#?}"))),
        201 if !ours.is_empty() => Some(Err(format!("should pass, but {ours:#?}"))),
        201 => {
            let spec = answer.get("spec")?;
            let ours = object.get("spec").unwrap_or(&Value::Null);
            Some(if ours.same_number(spec) {
                Ok(())
            } else {
                Err(format!("ours {ours:?}\ntheirs {spec:?}"))
            })
        }
        422 => Some(Ok(())),
        _ => None,
    }
}

/// Scenarios about CEL rules, names, and definitions that change on the way.
const BEYOND_THE_SCHEMA: [&str; 3] = ["crd-cel-basic", "crd-update", "crd-wrong-objects"];

#[test]
fn definitions_and_custom_resources_are_judged_as_the_genuine_server_judged_them() {
    let (mut judged, mut complaints) = (0, Vec::new());
    for scenario in scenarios("crd") {
        let title = scenario.str_at(&["name"]).unwrap_or("").to_owned();
        if BEYOND_THE_SCHEMA.contains(&title.as_str()) {
            continue;
        }
        let mut schemas = BTreeMap::new();
        for (index, step) in scenario
            .get("steps")
            .and_then(Value::as_list)
            .unwrap()
            .iter()
            .enumerate()
        {
            let Some(result) = judge_custom(&mut schemas, step) else {
                continue;
            };
            judged += 1;
            complaints.extend(
                result
                    .err()
                    .map(|text| format!("{title} step {index}: {text}")),
            );
        }
    }
    println!("{judged} recorded steps judged");
    assert!(
        complaints.is_empty(),
        "{} complaints\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}
