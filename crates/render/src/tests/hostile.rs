//! Files made to do harm: each is refused at its place, or read as the text
//! that it is, and none is followed out of the source.

use super::{names, path, request, tree};
use crate::{Encrypted, RenderRequest, render};
use trueup_artifact::MemoryTree;

fn map(name: &str) -> String {
    super::config(name)
}

/// How a path that leads out of the source is refused.
const OUTSIDE: &str = "leads out of the source";
/// How one that begins at the root of a file system is.
const ABSOLUTE: &str = "is absolute, expected one relative to the root of the source";
/// How one with a character is that no name holds.
const NUL: &str = "holds a NUL character";
/// How everything is refused that would be run.
const NO_BUILTIN: &str = "is no builtin plugin; others are not run";
/// What is said of charts, which only whoever calls could have.
const CHART: &str = "chart";

/// What is said of a build of a folder.
fn refused(what: &str, folder: &str, files: &MemoryTree) -> String {
    match render(files, &request(folder)) {
        Err(error) => error.to_string(),
        Ok(rendered) => panic!("{what} was built: {:?}", names(&rendered)),
    }
}

fn nested(open: &str, close: &str) -> String {
    format!("a: {}{}", open.repeat(100_000), close.repeat(100_000))
}

#[test]
fn manifests_made_to_do_harm_are_refused_with_their_file() {
    let merges =
        (1..40).map(|at| format!("m{at}: &m{at}\n  <<: [*m{0}, *m{0}]\n  k{at}: v\n", at - 1));
    let merges = format!("m0: &m0 {{k: v}}\n{}", merges.collect::<String>());
    let laughs = (1..40).map(|at| format!("l{at}: &l{at} [*l{0}, *l{0}]\n", at - 1));
    let laughs = format!("l0: &l0 [x, x]\n{}", laughs.collect::<String>());
    let lists = format!(
        "{}{}",
        "{apiVersion: v1, kind: List, items: [".repeat(200),
        "]}".repeat(200)
    );
    let wide: String = (0..60_000)
        .map(|at| format!("---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: m{at}}}}}\n"))
        .collect();
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(map("u").encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    for (what, text) in [
        ("aliases of aliases", laughs.into_bytes()),
        ("merges of merges", merges.into_bytes()),
        ("depth", nested("[", "]").into_bytes()),
        ("depth of maps", nested("{a: ", "}").into_bytes()),
        (
            "depth of JSON",
            format!("{{\"a\": {}", "[".repeat(100_000)).into_bytes(),
        ),
        ("lists of lists", lists.into_bytes()),
        ("documents", wide.into_bytes()),
        (
            "two values of one key",
            map("a")
                .replace("kind:", "kind: Secret\nkind:")
                .into_bytes(),
        ),
        (
            "no metadata",
            b"apiVersion: v1\nkind: ConfigMap\nmetadata: null\n".to_vec(),
        ),
        (
            "metadata that is a list",
            b"apiVersion: v1\nkind: ConfigMap\nmetadata: [a]\n".to_vec(),
        ),
        (
            "a key that is a map",
            format!("{}? {{a: b}}\n: c\n", map("a")).into_bytes(),
        ),
        ("a list of lists", b"[[[]]]".to_vec()),
        (
            "an anchor of nowhere",
            format!("{}data: *nowhere\n", map("a")).into_bytes(),
        ),
        (
            "an anchor in itself",
            format!("{}data: &a [*a]\n", map("a")).into_bytes(),
        ),
        (
            "bytes that are no text",
            [map("a").as_bytes(), b"data: {k: \xff}"].concat(),
        ),
        ("UTF-16", utf16),
        (
            "a NUL",
            map("a").replace("name: a", "name: \"a\0\"").into_bytes(),
        ),
    ] {
        let mut files = tree(&[("kustomization.yaml", "resources: [hostile.yaml]\n")]);
        files
            .write_file(&path("hostile.yaml"), text.into())
            .unwrap();
        let error = refused(what, "", &files);
        assert!(error.contains("hostile.yaml"), "{what}: {error}");
        assert!(error.len() < 2_000, "{what} is told at length");
    }
}

#[test]
fn tags_of_other_languages_make_nothing_but_text() {
    let text = map("a") + "data: {k: !!python/object/apply:os.system [\"touch /tmp/owned\"]}\n";
    let files = tree(&[("a.yaml", &text)]);
    if let Ok(rendered) = render(&files, &request("")) {
        assert_eq!(names(&rendered), ["ConfigMap/a"]);
    }
}

#[test]
fn no_field_of_a_kustomization_file_leads_out_of_the_source_or_runs_anything() {
    let function = "metadata:\n  name: f\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: /bin/sh}\n";
    let plugin = format!("apiVersion: example.com/v1\nkind: Plugin\n{function}");
    let container = plugin.replace(
        "exec: {path: /bin/sh}",
        "container: {image: evil, network: true}",
    );
    let starlark = plugin.replace("exec: {path: /bin/sh}", "starlark: {path: x.star}");
    // Named as builtin ones are, which would be run in place of them.
    let builtin = |api: &str, metadata: &str| {
        format!(
            "apiVersion: {api}\nkind: PrefixTransformer\n{metadata}prefix: p-\nfieldSpecs: [{{path: metadata/name}}]\n"
        )
    };
    let foreign = builtin("example.com/v1", "metadata: {name: f}\n");
    let disguised = builtin("builtin", function);
    for (fields, words) in [
        ("resources: [../../../etc/passwd]", OUTSIDE),
        ("resources: [/etc/passwd]", ABSOLUTE),
        (
            "resources: [/var/run/secrets/kubernetes.io/serviceaccount]",
            ABSOLUTE,
        ),
        ("bases: [../..]", OUTSIDE),
        ("components: [../../c]", OUTSIDE),
        ("components: [/c]", ABSOLUTE),
        ("crds: [/etc/passwd]", ABSOLUTE),
        ("configurations: [../../x.yaml]", OUTSIDE),
        ("openapi: {path: ../../x.json}", OUTSIDE),
        ("patches: [{path: ../../p.yaml}]", OUTSIDE),
        ("patchesStrategicMerge: [/etc/passwd]", ABSOLUTE),
        (
            "patchesJson6902: [{target: {version: v1, kind: ConfigMap, name: a}, path: /p.yaml}]",
            ABSOLUTE,
        ),
        ("replacements: [{path: ../../r.yaml}]", OUTSIDE),
        (
            "configMapGenerator: [{name: g, files: [/var/run/secrets/kubernetes.io/serviceaccount/token]}]",
            ABSOLUTE,
        ),
        (
            "configMapGenerator: [{name: g, files: [../../../../etc/passwd]}]",
            OUTSIDE,
        ),
        (
            "configMapGenerator: [{name: g, files: [k=/etc/passwd]}]",
            ABSOLUTE,
        ),
        (
            "configMapGenerator: [{name: g, envs: [/proc/self/environ]}]",
            ABSOLUTE,
        ),
        ("secretGenerator: [{name: g, files: [\"..\\0/x\"]}]", NUL),
        ("generators: [/etc/passwd]", ABSOLUTE),
        ("generators: [exec.yaml]", NO_BUILTIN),
        ("transformers: [exec.yaml]", NO_BUILTIN),
        ("validators: [exec.yaml]", NO_BUILTIN),
        ("transformers: [container.yaml]", NO_BUILTIN),
        ("transformers: [starlark.yaml]", NO_BUILTIN),
        ("transformers: [foreign.yaml]", NO_BUILTIN),
        ("transformers: [disguised.yaml]", NO_BUILTIN),
        (
            "generators: [{apiVersion: someteam.example.com/v1, kind: ExecPlugin}]",
            "expected generators to be a text, found a map",
        ),
        (
            "generators: ['{apiVersion: someteam.example.com/v1, kind: ExecPlugin, metadata: {name: p}}']",
            NO_BUILTIN,
        ),
        (
            "helmCharts: [{name: c, repo: 'https://example.com', version: '1'}]",
            CHART,
        ),
        (
            "helmGlobals: {chartHome: ../../charts}\nhelmCharts: [{name: c}]",
            CHART,
        ),
    ] {
        let root = format!("resources: [a.yaml]\n{fields}\n");
        let root = match fields.starts_with("resources") {
            true => fields.to_owned(),
            false => root,
        };
        let files = tree(&[
            ("apps/kustomization.yaml", &root),
            ("apps/a.yaml", &map("a")),
            ("apps/exec.yaml", &plugin),
            ("apps/container.yaml", &container),
            ("apps/starlark.yaml", &starlark),
            ("apps/foreign.yaml", &foreign),
            ("apps/disguised.yaml", &disguised),
        ]);
        let error = refused(fields, "apps", &files);
        assert!(error.contains(words), "{fields}: {error}");
    }
}

#[test]
fn a_path_that_leads_out_of_the_source_or_looks_like_an_option_is_refused() {
    let nowhere = "kustomization path not found";
    let files = tree(&[("apps/a.yaml", &map("a"))]);
    for (text, words) in [
        ("/etc", ABSOLUTE),
        ("../..", OUTSIDE),
        ("./apps/../../x", OUTSIDE),
        ("--load-restrictor=none", nowhere),
        ("-", nowhere),
        ("apps\0", NUL),
        ("apps\n", nowhere),
        ("$(pwd)", nowhere),
        ("apps;id", nowhere),
        ("..\\..", nowhere),
    ] {
        let error = refused(text, text, &files);
        assert!(error.contains(words), "{text:?}: {error}");
    }
    let mut linked = files.clone();
    for (at, target) in [
        ("absolute", "/etc"),
        ("climbing", "../../other-repository"),
        ("dangling", "nowhere"),
        ("itself", "itself"),
        ("apps/link.yaml", "/etc/passwd"),
    ] {
        linked.add_symlink(&path(at), target).unwrap();
    }
    for (text, words) in [
        ("absolute", "absolute: is a symbolic link to \"/etc\""),
        ("climbing", "climbing: is a symbolic link"),
        ("dangling", "dangling: is a symbolic link"),
        ("itself", "itself: is a symbolic link"),
        ("absolute/passwd", "absolute: is a symbolic link"),
        (
            "apps",
            "apps/link.yaml: symbolic link to \"/etc/passwd\" leads out of the source",
        ),
    ] {
        let error = refused(text, text, &linked);
        assert!(error.contains(words), "{text:?}: {error}");
    }
    let mut below = tree(&[("kustomization.yaml", "resources: [absolute/x.yaml]\n")]);
    below.add_symlink(&path("absolute"), "/etc").unwrap();
    let error = refused("below a linked folder", "", &below);
    assert!(error.contains(ABSOLUTE), "{error}");
}

#[test]
fn a_secret_that_is_encrypted_is_never_taken_for_its_content() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: 'ENC[x]', version: 3.9.0}\n";
    let files = tree(&[("s.yaml", text)]);
    let wanted = RenderRequest {
        encrypted: Encrypted::Refused,
        ..request("")
    };
    let error = render(&files, &wanted).unwrap_err().to_string();
    assert!(
        error.contains("s.yaml") || error.contains("Secret/s"),
        "{error}"
    );
}
