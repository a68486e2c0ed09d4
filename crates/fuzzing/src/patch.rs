//! Patches of every kind.

use crate::kustomize::{limited, outcome};
use trueup_artifact::MemoryTree;
use trueup_object::{GroupVersionKind, Value, from_json, from_yaml, to_json};
use trueup_schema::{Schemas, Type, json_patch, merge_patch, strategic_merge};

/// What stands between the object and its patch.
const SEPARATOR: &str = "\n===\n";

/// An object and a patch in YAML, with a line `===` between them: the patch
/// merges or is refused, merging twice is merging once, and the same patch in
/// a kustomization makes the same text each time.
pub fn patch(data: &[u8]) {
    let Some((target, patch)) = std::str::from_utf8(data)
        .ok()
        .and_then(|text| text.split_once(SEPARATOR))
    else {
        return;
    };
    check_kustomize(target, patch);
    let (Ok(target), Ok(patch)) = (from_yaml(target), from_yaml(patch)) else {
        return;
    };
    check_merge(&target, &patch);
    check_strategic(&target, &patch);
    if let Ok(patched) = json_patch(&target, &patch) {
        check_json(&patched);
    }
}

fn check_merge(target: &Value, patch: &Value) {
    let once = merge_patch(target, patch);
    assert_eq!(once, merge_patch(&once, patch), "merging twice differs");
}

fn check_strategic(target: &Value, patch: &Value) {
    let mut types = vec![Type::deduced()];
    types.extend(Schemas::builtin().type_for(&gvk_of(target)));
    for typ in types {
        if let Ok(patched) = strategic_merge(target, patch, &typ) {
            assert_eq!(Ok(patched), strategic_merge(target, patch, &typ));
        }
    }
}

fn gvk_of(object: &Value) -> GroupVersionKind {
    let api_version = object.str_at(&["apiVersion"]).unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    GroupVersionKind {
        group: group.into(),
        version: version.into(),
        kind: object.str_at(&["kind"]).unwrap_or_default().into(),
    }
}

/// A patched object is still one that JSON holds.
fn check_json(patched: &Value) {
    let text = to_json(patched);
    if let Ok(read) = from_json(&text) {
        assert_eq!(text, to_json(&read), "JSON reads as another value");
    }
}

fn check_kustomize(target: &str, patch: &str) {
    for selector in ["", ", target: {kind: '.*'}"] {
        let root = format!("resources: [target.yaml]\npatches: [{{path: patch.yaml{selector}}}]\n");
        let files = [
            ("kustomization.yaml", root.as_str()),
            ("target.yaml", target),
            ("patch.yaml", patch),
        ];
        let files = files.map(|(path, text)| (path, text.as_bytes().to_vec()));
        let Ok(tree) = MemoryTree::from_files(files) else {
            return;
        };
        let first = outcome(&tree, &limited());
        assert_eq!(first, outcome(&tree, &limited()), "two builds differ");
    }
}
