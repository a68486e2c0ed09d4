//! Few bytes that ask for many.

use super::{path, tree};
use crate::{BuildOptions, Limits, build};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: aa}\n";

/// What is refused with small limits, and why; without them it is built.
fn refused(what: &str, files: &[(&str, &str)]) -> String {
    let files = tree(files);
    let wide = BuildOptions::default();
    if let Err(error) = build(&files, &path("."), None, &wide) {
        panic!("{what}: {error}");
    }
    let narrow = BuildOptions {
        limits: Limits {
            max_built_bytes: 30_000,
            ..Limits::default()
        },
        ..BuildOptions::default()
    };
    let found = build(&files, &path("."), None, &narrow);
    let error = found.map(|_| ()).expect_err(what).to_string();
    assert!(
        error.contains("makes more than 30000 bytes"),
        "{what}: {error}"
    );
    error
}

/// Fifty objects.
fn fifty() -> String {
    let maps = (0..50).map(|number| MAP.replace("name: a", &format!("name: m{number}")));
    maps.collect::<Vec<_>>().join("---\n")
}

#[test]
fn a_text_that_is_put_into_itself_again_and_again_is_stopped() {
    let once = "- source: {kind: ConfigMap, fieldPath: data.x}\n  targets:\n\
                \x20 - {select: {kind: ConfigMap}, fieldPaths: [data.x], options: {delimiter: ',', index: 99}}\n";
    let root = format!("resources: [a.yaml]\nreplacements:\n{}", once.repeat(16));
    let error = refused(
        "a text put into itself",
        &[("kustomization.yaml", &root), ("a.yaml", MAP)],
    );
    assert!(error.starts_with("kustomization.yaml:"), "{error}");
}

#[test]
fn a_map_that_is_put_into_itself_again_and_again_is_stopped() {
    let once = (0..10).map(|number| {
        format!(
            "- source: {{kind: ConfigMap, fieldPath: data}}\n  targets:\n\
             \x20 - {{select: {{kind: ConfigMap}}, fieldPaths: [data.k{number}], options: {{create: true}}}}\n"
        )
    });
    let root = format!(
        "resources: [a.yaml]\nreplacements:\n{}",
        once.collect::<String>()
    );
    refused(
        "a map put into itself",
        &[("kustomization.yaml", &root), ("a.yaml", MAP)],
    );
}

#[test]
fn maps_that_are_put_into_each_other_ever_deeper_are_stopped() {
    let below = vec!["y"; 60].join(".");
    let once = |from: &str, to: &str, path: &str| {
        format!(
            "- source: {{kind: ConfigMap, name: {from}, fieldPath: data}}\n  targets:\n\
             \x20 - {{select: {{name: {to}}}, fieldPaths: [{path}], options: {{create: true}}}}\n"
        )
    };
    let built = |rounds: usize| {
        let deeper = once("a", "b", &format!("data.{below}")) + &once("b", "a", "data");
        let root = format!(
            "resources: [a.yaml, b.yaml]\nreplacements:\n{}",
            deeper.repeat(rounds)
        );
        let files = tree(&[
            ("kustomization.yaml", &root),
            ("a.yaml", MAP),
            ("b.yaml", &MAP.replace("name: a", "name: b")),
        ]);
        build(&files, &path("."), None, &BuildOptions::default()).map(|_| ())
    };
    assert_eq!(built(2), Ok(()));
    let error = built(3).unwrap_err().to_string();
    assert!(error.contains("more than 128 levels deep"), "{error}");
}

#[test]
fn a_copy_of_a_copy_of_a_copy_is_stopped() {
    let copies =
        (0..10).map(|number| format!("- {{op: copy, from: /data, path: /data/k{number}}}\n"));
    let patch = copies.collect::<String>();
    refused(
        "copies of copies",
        &[
            (
                "kustomization.yaml",
                "resources: [a.yaml]\npatches: [{path: p.yaml, target: {kind: ConfigMap}}]\n",
            ),
            ("a.yaml", MAP),
            ("p.yaml", &patch),
        ],
    );
}

#[test]
fn a_long_text_for_many_objects_is_stopped_whichever_field_asks_for_it() {
    let (long, maps) = ("l".repeat(1_000), fifty());
    let pods = maps
        .replace("kind: ConfigMap", "kind: Pod")
        .replace("data: {x: aa}", "spec: {containers: [{name: c, image: i}]}");
    let patch =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: any}}\ndata: {{y: {long}}}\n");
    let add = format!(
        "apiVersion: builtin\nkind: ValueAddTransformer\nmetadata: {{name: v}}\nvalue: {long}\n\
         targets: [{{selector: {{kind: ConfigMap}}, fieldPath: data/y}}]\n"
    );
    for (what, fields, objects) in [
        ("namePrefix", format!("namePrefix: {long}\n"), &maps),
        ("nameSuffix", format!("nameSuffix: {long}\n"), &maps),
        (
            "commonLabels",
            format!("commonLabels: {{k: {long}}}\n"),
            &maps,
        ),
        (
            "labels",
            format!("labels: [{{pairs: {{k: {long}}}}}]\n"),
            &maps,
        ),
        (
            "commonAnnotations",
            format!("commonAnnotations: {{k: {long}}}\n"),
            &maps,
        ),
        (
            "images",
            format!("images: [{{name: i, newName: {long}}}]\n"),
            &pods,
        ),
        (
            "patches",
            "patches: [{path: p.yaml, target: {kind: ConfigMap}}]\n".to_owned(),
            &maps,
        ),
        ("transformers", "transformers: [t.yaml]\n".to_owned(), &maps),
    ] {
        let root = format!("resources: [a.yaml]\n{fields}");
        refused(
            what,
            &[
                ("kustomization.yaml", &root),
                ("a.yaml", objects),
                ("p.yaml", &patch),
                ("t.yaml", &add),
            ],
        );
    }
}

#[test]
fn a_variable_that_stands_many_times_in_a_text_is_stopped() {
    let long = "l".repeat(1_000);
    let holder = MAP.replace("aa", &long);
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\n\
         spec: {{containers: [{{name: c, image: i, args: [\"{}\"]}}]}}\n",
        "$(V)-".repeat(50)
    );
    let var = "vars:\n- name: V\n  objref: {apiVersion: v1, kind: ConfigMap, name: a}\n  fieldref: {fieldPath: data.x}\n";
    let root = format!("resources: [a.yaml, p.yaml]\n{var}");
    refused(
        "a variable",
        &[
            ("kustomization.yaml", &root),
            ("a.yaml", &holder),
            ("p.yaml", &pod),
        ],
    );
}

#[test]
fn an_object_that_repeats_one_long_text_is_refused_by_what_it_takes_when_written() {
    let long = "l".repeat(10_000);
    let items = vec!["*t"; 1_000].join(", ");
    let text = format!(
        "apiVersion: example.com/v1\nkind: Thing\nmetadata: {{name: a}}\nspec:\n  text: &t {long}\n  list: [{items}]\n"
    );
    let files = tree(&[
        ("kustomization.yaml", "resources: [a.yaml]\n"),
        ("a.yaml", &text),
    ]);
    let with = |max_object_bytes, max_built_bytes| BuildOptions {
        limits: Limits {
            max_object_bytes,
            max_built_bytes,
            ..Limits::default()
        },
        ..BuildOptions::default()
    };
    let found = |options| build(&files, &path("."), None, &options).map(|_| ());
    assert_eq!(found(BuildOptions::default()), Ok(()));
    for (options, limit) in [
        (with(9_000_000, 1 << 30), "9000000"),
        (with(16 << 20, 8_000_000), "8000000"),
    ] {
        let error = found(options).unwrap_err().to_string();
        let place = error.starts_with("a.yaml:1") && error.contains("Thing");
        assert!(
            place && error.contains(&format!("more than the limit of {limit}")),
            "{error}"
        );
    }
}
