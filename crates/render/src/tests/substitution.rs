//! Variables put into what was built.

use super::{config, request, tree};
use crate::*;
use trueup_artifact::MemoryTree;

fn substitution(source: VariableSource, pairs: &[(&str, &str)]) -> Substitution {
    let mut variables = Variables::new();
    let pairs = pairs.iter().map(|(name, value)| (*name, value.as_bytes()));
    variables.add(&source, pairs).unwrap();
    Substitution {
        variables,
        ..Substitution::default()
    }
}

fn inline(pairs: &[(&str, &str)]) -> Substitution {
    substitution(VariableSource::Inline, pairs)
}

fn outcome(files: &MemoryTree, substitution: Substitution) -> Result<Rendered, RenderError> {
    render(files, &request("").with_substitution(Some(substitution)))
}

fn data(text: &str) -> MemoryTree {
    let manifest = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: x}}\n{text}"
    );
    tree(&[("apps/settings.yaml", &manifest)])
}

#[test]
fn what_is_read_again_may_be_of_another_type() {
    let files = data(
        "data:\n  a: '${number}'\n  b: \"${word}\"\n  c: '\"${word}\"'\n  d: x${number}\n  e: '${map}'\n",
    );
    let pairs = [("number", "004"), ("word", "yes"), ("map", "{x: 1}")];
    let rendered = outcome(&files, inline(&pairs)).unwrap();
    let found = rendered.manifests[0].value.get("data").cloned().unwrap();
    assert_eq!(
        found,
        trueup_object::value!({"a": 4, "b": true, "c": "\"yes\"", "d": "x004", "e": {"x": 1}})
    );
}

#[test]
fn names_and_kinds_are_text_like_all_else() {
    let files = tree(&[(
        "a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${app}-config', namespace: '${env:=dev}'}\n",
    )]);
    let rendered = outcome(&files, inline(&[("app", "web")])).unwrap();
    assert_eq!(
        rendered.manifests[0].reference().to_string(),
        "ConfigMap/dev/web-config"
    );
    let bad = outcome(&files, inline(&[("app", "We b")]))
        .unwrap_err()
        .to_string();
    assert!(
        bad.contains("a.yaml") && bad.contains("We b-config"),
        "{bad}"
    );
}

#[test]
fn a_missing_variable_is_named_with_object_and_file() {
    let files = data("data: {a: '${gone}'}\n");
    let error = outcome(&files, inline(&[("other", "x")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "apps/settings.yaml:1: post build failed for 'ConfigMap/x/settings': envsubst error: \
         variable substitution failed: variable not set (strict mode): \"gone\""
    );
    let lenient = Substitution {
        strictness: Strictness::Lenient,
        ..inline(&[("other", "x")])
    };
    assert!(outcome(&files, lenient).is_ok());
}

#[test]
fn without_a_variable_nothing_is_put_in_unless_always() {
    let files = data("data: {a: '${gone:=default}'}\n");
    let text = |substitution| {
        let rendered = outcome(&files, substitution).unwrap();
        rendered.manifests[0]
            .value
            .str_at(&["data", "a"])
            .unwrap()
            .to_owned()
    };
    assert_eq!(text(Substitution::default()), "${gone:=default}");
    let always = Substitution {
        strategy: Strategy::Always,
        ..Substitution::default()
    };
    assert_eq!(text(always), "default");
}

#[test]
fn a_label_or_annotation_keeps_an_object_as_it_is() {
    let key = "kustomize.toolkit.fluxcd.io/substitute";
    for place in ["labels", "annotations"] {
        for (value, is_kept) in [("disabled", true), ("Disabled", false), ("enabled", false)] {
            let manifest = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  {place}: {{{key}: {value}}}\ndata: {{a: '${{v}}'}}\n"
            );
            let rendered = outcome(&tree(&[("a.yaml", &manifest)]), inline(&[("v", "x")])).unwrap();
            let found = rendered.manifests[0].value.str_at(&["data", "a"]);
            assert_eq!(
                found,
                Some(if is_kept { "${v}" } else { "x" }),
                "{place} {value}"
            );
        }
    }
}

#[test]
fn one_object_after_the_other_and_none_twice() {
    let files = tree(&[("a.yaml", &config("${v}")), ("b.yaml", &config("b"))]);
    let rendered = outcome(&files, inline(&[("v", "x")])).unwrap();
    assert_eq!(rendered.manifests.len(), 2);
    let once = outcome(
        &data("data: {a: '$${v} ${v}'}\n"),
        inline(&[("v", "$${v}")]),
    )
    .unwrap();
    assert_eq!(
        once.manifests[0].value.str_at(&["data", "a"]),
        Some("${v} $${v}")
    );
}

#[test]
fn what_is_no_yaml_any_more_is_told_unless_a_secret_could_show() {
    let files = data("data: {a: '${v}'}\n");
    let error = outcome(&files, inline(&[("v", "*anchor")]))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 3 of the built object") && error.contains("anchor"),
        "{error}"
    );
    let secret = substitution(VariableSource::Secret("s".into()), &[("v", "*anchor")]);
    let error = outcome(&files, secret).unwrap_err().to_string();
    assert!(
        error.contains("withheld") && !error.contains("anchor"),
        "{error}"
    );
}

#[test]
fn values_of_secrets_are_in_no_message() {
    let named = tree(&[("a.yaml", &config("'${v}'"))]);
    let secret = substitution(VariableSource::Secret("s".into()), &[("v", "Hunter2!")]);
    let error = outcome(&named, secret).unwrap_err().to_string();
    assert!(
        error.contains("***") && !error.contains("Hunter2"),
        "{error}"
    );
    let secret = tree(&[(
        "a.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: 'x${Hunter2'}\n",
    )]);
    let error = outcome(&secret, inline(&[("v", "x")]))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("missing closing brace") && !error.contains("Hunter2"),
        "{error}"
    );
    let files = data("data: {a: '${v}'}\n");
    let fed = substitution(VariableSource::Secret("s".into()), &[("v", "Hunter2!")]);
    let rendered = outcome(&files, fed).unwrap();
    assert_eq!(
        rendered.secrets.into_iter().collect::<Vec<_>>(),
        [b"Hunter2!".to_vec()]
    );
}
