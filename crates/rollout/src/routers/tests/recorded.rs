//! Recorded cases. A case is a folder `cases/PROVIDER/CASE` with
//!
//! - `in.yaml`: the `Canary`, the live objects, and what is asked of the router;
//! - `out.yaml`: its answer, written anew by
//!   `UPDATE_GENERATED=1 cargo test -p trueup-rollout`;
//! - `flagger.yaml`, written by hand: what Flagger's own tests, or its router
//!   for the same input, say about the answer. It is never written anew.

#![expect(
    clippy::disallowed_methods,
    reason = "recorded cases are files, and a variable asks to write them anew"
)]

use super::super::provider::PROVIDERS;
use super::super::{
    Cookies, FreshCookieValues, Observed, Router, RouterError, RouterSettings, Weights, Write,
};
use std::fs;
use std::path::{Path, PathBuf};
use trueup_kinds::Canary;
use trueup_object::{ObjectRef, Value, from_yaml, to_yaml, value};

/// What each provider must have a case of.
const REQUIRED: [&str; 5] = ["create", "shift", "drift", "read-back", "finalize"];

fn folder(provider: &str) -> PathBuf {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/routers/cases");
    cases.join(provider.replace(':', "-"))
}

pub(super) fn cases(provider: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(provider)).into_iter().flatten();
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

pub(super) fn yaml(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    Some(from_yaml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

#[test]
fn every_registered_provider_has_the_required_cases() {
    for entry in PROVIDERS {
        for required in REQUIRED {
            let case = folder(entry.name).join(required);
            assert!(
                case.join("in.yaml").is_file() && case.join("out.yaml").is_file(),
                "the provider {} has no recorded case {required}",
                entry.name
            );
        }
    }
}

#[test]
fn every_folder_of_cases_belongs_to_a_registered_provider() {
    let root = folder("istio").parent().unwrap().to_owned();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let is_known = PROVIDERS.iter().any(|entry| folder(entry.name) == path);
        assert!(is_known, "{} belongs to no provider", path.display());
    }
}

#[test]
fn recorded_cases_come_out_as_recorded() {
    let rewrites = std::env::var_os("UPDATE_GENERATED").is_some();
    let (mut played, mut claims) = (0, 0);
    for case in PROVIDERS.iter().flat_map(|entry| cases(entry.name)) {
        let input = yaml(&case.join("in.yaml")).expect("a case has an in.yaml");
        let answer = answer(&input);
        let out = case.join("out.yaml");
        if rewrites {
            fs::write(&out, to_yaml(&answer)).unwrap();
        }
        let recorded = yaml(&out).unwrap_or_default();
        assert!(
            recorded.same_number(&answer),
            "{} comes out as\n{}",
            case.display(),
            to_yaml(&answer)
        );
        if let Some(flagger) = yaml(&case.join("flagger.yaml")) {
            claims += check_claims(&case, &answer, &flagger);
        }
        played += 1;
    }
    println!("recorded router cases: {played} played, {claims} claims of Flagger's held");
    assert!(played >= PROVIDERS.len() * REQUIRED.len());
}

/// Whether what Flagger says about an answer holds; how much it says.
fn check_claims(case: &Path, answer: &Value, flagger: &Value) -> usize {
    let claims = flagger.as_list().expect("flagger.yaml is a list");
    for claim in claims {
        let path = claim.str_at(&["path"]).expect("a claim has a path");
        let found = find(answer, path);
        let expected = claim.get("is").cloned().unwrap_or_default();
        assert!(
            found.same_number(&expected),
            "{}: Flagger has {} at {path}, we have {}",
            case.display(),
            to_yaml(&expected).trim(),
            to_yaml(&found).trim()
        );
    }
    claims.len()
}

/// The value at `writes/VirtualService podinfo/spec/http/0`; what a write is
/// about may be named instead of its place. `null` where there is none;
/// `length` of a list is how long it is.
fn find(answer: &Value, path: &str) -> Value {
    let found = path.split('/').try_fold(answer.clone(), |value, step| {
        let step = step.replace('~', "/");
        match &value {
            Value::List(list) if step == "length" => {
                Some(Value::from(i64::try_from(list.len()).ok()?))
            }
            Value::List(list) => match step.parse::<usize>() {
                Ok(place) => list.get(place).cloned(),
                Err(_) => list.iter().find_map(|write| written(write, &step)),
            },
            _ => value.get(&step).cloned(),
        }
    });
    found.unwrap_or_default()
}

/// The object of a write, if it is about `Kind name`.
fn written(write: &Value, name: &str) -> Option<Value> {
    let object = write.get("create").or_else(|| write.get("replace"))?;
    let reference = ObjectRef::of(object)?;
    (format!("{} {}", reference.kind.kind, reference.name) == name).then(|| object.clone())
}

/// What the router answers to a case.
pub(super) fn answer(input: &Value) -> Value {
    let canary = match Canary::decode(input.get("canary").unwrap()) {
        Ok(canary) => canary,
        Err(errors) => return value!({"error": errors.to_string()}),
    };
    let settings = settings(input);
    asked(input, &canary, &settings).unwrap_or_else(|error| value!({"error": error.to_string()}))
}

fn asked(input: &Value, canary: &Canary, settings: &RouterSettings) -> Result<Value, RouterError> {
    let router = Router::of(canary, settings)?;
    let observed = observed(input, &router);
    match input.str_at(&["operation"]).unwrap() {
        "reconcile" => Ok(value!({"writes": writes(&router.reconcile(&observed)?)})),
        "shift" => {
            let shift = router.shift(&observed, weights(input)?, &fresh())?;
            let mut answer = value!({"writes": writes(&shift.writes)});
            if shift.cookies != Cookies::default() {
                answer.set_at(&["cookies"], cookies(&shift.cookies));
            }
            Ok(answer)
        }
        "routes" => {
            let routes = router.routes(&observed)?;
            Ok(value!({"routes": {
                "primary": i64::from(routes.primary()),
                "canary": i64::from(routes.canary()),
                "mirrored": routes.is_mirrored(),
            }}))
        }
        "finalize" => Ok(value!({"writes": writes(&router.finalize(&observed)?)})),
        other => panic!("no operation {other}"),
    }
}

/// Of the live objects those that the router asks for.
fn observed(input: &Value, router: &Router<'_>) -> Observed {
    let live = input
        .get("live")
        .and_then(Value::as_list)
        .unwrap_or_default();
    let needs = router.needs();
    let named = live.iter().map(|object| {
        let reference = ObjectRef::of(object).expect("a live object names itself");
        (reference, object.clone())
    });
    named
        .inspect(|(reference, _)| {
            assert!(needs.contains(reference), "{reference} is not asked for");
        })
        .collect()
}

fn weights(input: &Value) -> Result<Weights, RouterError> {
    let asked = input.get("weights").expect("a shift says to what");
    let canary = asked.i64_at(&["canary"]).unwrap();
    let primary = asked.i64_at(&["primary"]).unwrap_or(100 - canary);
    let weights = Weights::new(primary, canary)?;
    let mirrored = asked.at(&["mirrored"]).and_then(Value::as_bool);
    Ok(if mirrored == Some(true) {
        weights.with_mirror()
    } else {
        weights
    })
}

pub(super) fn settings(input: &Value) -> RouterSettings {
    let text = |key: &str| input.str_at(&["settings", key]);
    let mut settings = RouterSettings::default();
    if let Some(prefix) = text("ingressAnnotationsPrefix") {
        settings.ingress_annotations_prefix = prefix.into();
    }
    if let Some(prefix) = text("includeLabelPrefix") {
        settings.include_label_prefixes = prefix.split(',').map(Into::into).collect();
    }
    settings.ingress_class = text("ingressClass").map(Into::into);
    settings
}

fn fresh() -> FreshCookieValues {
    FreshCookieValues {
        canary: "freshcanary".into(),
        primary: "freshprimary".into(),
    }
}

fn writes(writes: &[Write]) -> Value {
    let writes = writes.iter().map(|write| match write {
        Write::Create(object) => value!({"create": object.clone()}),
        Write::Replace(object) => value!({"replace": object.clone()}),
    });
    writes.collect()
}

fn cookies(cookies: &Cookies) -> Value {
    value!({
        "canary": cookies.canary.clone(),
        "primary": cookies.primary.clone(),
        "previous": cookies.previous.clone(),
    })
}
