use super::*;
use crate::{to_yaml, value};

fn read(text: &str) -> Result<Vec<Manifest>, ManifestError> {
    read_manifests("app.yaml", text.as_bytes(), &ManifestLimits::default())
}

fn names(manifests: &[Manifest]) -> Vec<String> {
    manifests
        .iter()
        .map(|manifest| format!("{}@{}", manifest.reference(), manifest.position.line))
        .collect()
}

#[test]
fn a_file_of_many_documents_is_read_with_lines() {
    let text = "# only a comment\n---\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: x\n\
                ---\n# nothing\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n...\n";
    assert_eq!(
        names(&read(text).unwrap()),
        ["ConfigMap/x/a@4", "Deployment/web@12"]
    );
    assert!(read("").unwrap().is_empty());
    assert!(read("# nothing\n").unwrap().is_empty());
}

#[test]
fn lists_are_unfolded() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: a}\n\
                - kind: ConfigMapList\n  apiVersion: v1\n  items:\n  - metadata: {name: b}\n";
    assert_eq!(
        names(&read(text).unwrap()),
        ["Secret/a@4", "ConfigMap/b@10"]
    );
    assert!(
        read("apiVersion: v1\nkind: List\nitems:\n")
            .unwrap()
            .is_empty()
    );
    let odd = "apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: a}\n";
    assert_eq!(names(&read(odd).unwrap()), ["AllowList/a@1"]);
}

#[test]
fn json_files_are_read() {
    let text = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"\\ud83d\\ude00\"}}";
    let manifests = read_manifests("a.json", text.as_bytes(), &ManifestLimits::default()).unwrap();
    assert_eq!(manifests[0].value.str_at(&["data", "k"]), Some("\u{1f600}"));
}

#[test]
fn names_are_checked_as_kubernetes_does_and_the_error_says_where() {
    let bad = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Bad_Name\n";
    let error = read(bad).unwrap_err();
    assert_eq!((error.position.line, error.column), (4, 9));
    assert!(error.to_string().starts_with(
        "app.yaml:4: ConfigMap \"Bad_Name\": metadata.name: a lowercase RFC 1123 subdomain"
    ));
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: system:Node\n";
    assert_eq!(read(role).unwrap().len(), 1);
    let namespace = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: a.b\n";
    assert_eq!(read(namespace).unwrap_err().position.line, 5);
}

#[test]
fn absurd_names_are_shown_shortened() {
    for field in ["name", "namespace"] {
        let name = if field == "name" { "" } else { "  name: a\n" };
        let long = "x".repeat(100_000);
        let bad =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n{name}  {field}: \"../{long}\"\n");
        let error = read(&bad).unwrap_err().to_string();
        assert!(error.len() < 1000 && error.contains("\"../xxx"), "{error}");
    }
}

#[test]
fn kinds_and_versions_are_names() {
    let long = "y".repeat(100_000);
    let bad_kinds = ["Pod\\e[31m", "1", "a b", "Pod/v1", long.as_str()];
    for kind in bad_kinds {
        let text = format!("apiVersion: v1\nkind: \"{kind}\"\nmetadata: {{name: a}}\n");
        let error = read(&text).unwrap_err();
        let said = error.to_string();
        assert_eq!(error.position.line, 2, "{said}");
        assert!(
            said.contains("expected kind to be") && said.len() < 300,
            "{said}"
        );
        assert!(!said.chars().any(char::is_control), "{said}");
    }
    for version in ["v1\\e[31m", "a/b/v1", "/v1", "apps/", "A.b/v1"] {
        let text = format!("apiVersion: \"{version}\"\nkind: Pod\nmetadata: {{name: a}}\n");
        let error = read(&text).unwrap_err();
        assert_eq!(error.position.line, 1);
        assert!(
            error.message.contains("expected apiVersion to be"),
            "{error}"
        );
    }
    for good in ["v1", "apps/v1", "a.b.example.com/v1alpha1"] {
        let text = format!("apiVersion: {good}\nkind: My-Kind2\nmetadata: {{name: a}}\n");
        assert_eq!(read(&text).unwrap().len(), 1);
    }
}

#[test]
fn what_is_no_object_is_refused_with_what_was_expected() {
    for (text, line, part) in [
        (
            "kind: ConfigMap\nmetadata: {name: a}\n",
            1,
            "ConfigMap has no apiVersion",
        ),
        (
            "apiVersion: v1\nmetadata: {name: a}\n",
            1,
            "the document has no kind",
        ),
        (
            "\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels: {}\n",
            2,
            "ConfigMap has no metadata.name",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\n",
            1,
            "ConfigMap has no metadata.name",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: 12\n",
            4,
            "put it in quotes",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: []\n",
            3,
            "expected a map as metadata",
        ),
        ("---\njust text\n", 2, "expected an object"),
        ("a: 1\nb: [\n", 2, "did not find expected node content"),
        ("a: 1\na: 2\n", 2, "already set in this map, on line 1"),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error.position.line, line, "{text:?}: {error}");
        assert!(error.message.contains(part), "{text:?}: {error}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    let error =
        read_manifests("a.yaml", b"a: 1\nb: \xff\n", &ManifestLimits::default()).unwrap_err();
    assert_eq!(error.to_string(), "a.yaml:2: expected UTF-8 text");
}

#[test]
fn the_number_of_objects_is_limited() {
    let text = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n".repeat(3);
    let limits = ManifestLimits {
        max_manifests: 2,
        ..ManifestLimits::default()
    };
    let error = read_manifests("a.yaml", text.as_bytes(), &limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.yaml:10: more than 2 objects in one file"
    );
}

#[test]
fn a_printed_manifest_reads_back_the_same() {
    let object = value!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"on": "yes"}},
        "data": {"script": "#!/bin/sh\necho hi\n", "number": "012", "empty": ""},
    });
    assert_eq!(read(&to_yaml(&object)).unwrap()[0].value, object);
}
