//! Builds of the genuine engine, played again.
//!
//! `TRUEUP_RECORDED_ONLY=text` plays the cases whose name has the text,
//! `TRUEUP_RECORDED_SHOW=1` prints what differs.

use crate::accumulate::{Accumulator, Builder};
use crate::file::sort_options;
use crate::files::Files;
use crate::id::ResourceId;
use crate::kustomization::Located;
use crate::node::{Node, OutputError};
use crate::resource::Resource;
use crate::resources::Resources;
use crate::{BuildError, BuildOptions, LoadRestrictor, Order, build, order, plugins, read};
use base64::Engine;
use std::io::Read;
use trueup_artifact::{MemoryTree, TreePath};
use trueup_object::{Position, Value, from_json};

/// How many whole builds agree at least.
const BUILDS_FLOOR: usize = 278;
/// How many single generators and transformers agree at least.
const BUILTINS_FLOOR: usize = 93;

#[expect(
    clippy::disallowed_methods,
    reason = "recorded cases are read in tests"
)]
pub(super) fn cases(file: &str) -> Option<Vec<Value>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var("TRUEUP_SHARED").unwrap_or_else(|_| default.to_owned());
    let bytes = std::fs::read(format!("{shared}/kustomize/{file}.jsonl.gz")).ok()?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    Some(
        text.lines()
            .map(|line| from_json(line.as_bytes()).unwrap())
            .collect(),
    )
}

#[expect(clippy::disallowed_methods, reason = "a person picks cases to look at")]
pub(super) fn asked(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// Plays every case of a file and counts those that agree.
pub(super) fn play(
    file: &str,
    floor: usize,
    name: fn(&Value) -> String,
    outcome: fn(&Value) -> Verdict,
) {
    let Some(cases) = cases(file) else {
        println!("skipped: kustomize {file}: no recorded cases here");
        return;
    };
    let only = asked("TRUEUP_RECORDED_ONLY");
    let shows = asked("TRUEUP_RECORDED_SHOW").is_some();
    let (mut agreed, mut ran, mut passed_over) = (0, 0, 0);
    for case in &cases {
        let name = name(case);
        if only.as_ref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        match outcome(case) {
            Verdict::Agrees => agreed += 1,
            Verdict::PassedOver => {
                passed_over += 1;
                continue;
            }
            Verdict::Differs(how) => {
                println!("differs: {name}");
                if shows {
                    println!("{how}");
                }
            }
        }
        ran += 1;
    }
    println!("recorded cases: kustomize {file}: {ran} ran, {passed_over} skipped, {agreed} agreed");
    if only.is_none() {
        assert!(agreed >= floor, "{agreed} of {ran} agree, {floor} did");
    }
}

pub(super) enum Verdict {
    Agrees,
    Differs(String),
    PassedOver,
}

fn tree(files: &Value) -> MemoryTree {
    let files = files.as_map().unwrap();
    MemoryTree::from_files(files.iter().map(|(path, text)| {
        let path = path.as_str().trim_start_matches('/').to_owned();
        (path, bytes_of(text))
    }))
    .unwrap()
}

/// The content of a file: text, or bytes in base64.
fn bytes_of(content: &Value) -> Vec<u8> {
    match content.str_at(&["base64"]) {
        Some(text) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap(),
        // JSON could not hold the byte 0xff of one recorded file.
        None => content
            .as_str()
            .unwrap()
            .chars()
            .flat_map(|it| match it {
                '\u{fffd}' => vec![0xff],
                it => it.to_string().into_bytes(),
            })
            .collect(),
    }
}

pub(super) fn judge(case: &Value, wanted: &str, made: Result<String, String>) -> Verdict {
    match (made, case.str_at(&[wanted])) {
        (Ok(made), Some(text)) if made.trim_start() == text.trim_start() => Verdict::Agrees,
        (Ok(made), Some(text)) => Verdict::Differs(difference(text.trim_start(), &made)),
        (Err(_), None) => Verdict::Agrees,
        (Ok(made), None) => Verdict::Differs(format!(
            "expected the error {:?}, made\n{made}",
            case.get("error")
        )),
        (Err(error), Some(_)) => Verdict::Differs(format!("failed: {error}")),
    }
}

/// The lines that differ, in order of the expected text.
fn difference(expected: &str, made: &str) -> String {
    let (left, right): (Vec<_>, Vec<_>) = (expected.lines().collect(), made.lines().collect());
    let same_start = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let rest = left.len().min(right.len()) - same_start;
    let ends = left.iter().rev().zip(right.iter().rev());
    let same_end = ends.take(rest).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    let context = same_start.saturating_sub(4);
    for line in &left[context..same_start] {
        text.push_str(&format!("   {line}\n"));
    }
    for line in &left[same_start..left.len() - same_end] {
        text.push_str(&format!("  -{line}\n"));
    }
    for line in &right[same_start..right.len() - same_end] {
        text.push_str(&format!("  +{line}\n"));
    }
    text
}

#[test]
fn whole_builds_are_those_of_the_genuine_engine() {
    play(
        "builds",
        BUILDS_FLOOR,
        |case| {
            let number = case.i64_at(&["n"]).unwrap_or(-1);
            format!("{}#{number}", case.str_at(&["name"]).unwrap_or(""))
        },
        |case| {
            let folder = case.str_at(&["path"]).unwrap_or(".");
            let folder = TreePath::parse(folder.trim_start_matches('/')).unwrap();
            let options = BuildOptions {
                load_restrictor: match case.str_at(&["load_restrict"]) {
                    Some("LoadRestrictionsNone") => LoadRestrictor::None,
                    _ => LoadRestrictor::RootOnly,
                },
                order: match case.str_at(&["reorder"]) {
                    Some("legacy" | "unspecified") => Order::Legacy,
                    _ => Order::Fifo,
                },
                managed_by_label: case.str_at(&["name"]) == Some("TestAddManagedbyLabel"),
                ..BuildOptions::default()
            };
            let made = build(&tree(case.get("files").unwrap()), &folder, None, &options);
            let text = made.and_then(|made| made.to_yaml());
            judge(case, "output", text.map_err(|error| error.to_string()))
        },
    );
}

#[test]
fn single_generators_and_transformers_are_those_of_the_genuine_engine() {
    play(
        "builtins",
        BUILTINS_FLOOR,
        |case| case.str_at(&["test"]).unwrap_or("").to_owned(),
        |case| {
            let Some(config) = case.str_at(&["config"]) else {
                return Verdict::PassedOver;
            };
            let wants_error = case.get("error").is_some() || case.get("want_err").is_some();
            if !wants_error && case.get("expected").is_none() {
                return Verdict::PassedOver;
            }
            let none = Value::map();
            let files = tree(case.get("files").unwrap_or(&none));
            let input = case.str_at(&["input"]).unwrap_or("");
            let made = run_plugin(config, input, &files);
            judge(case, "expected", made.map_err(|error| error.to_string()))
        },
    );
}

/// Runs one generator or transformer as a kustomization root would.
fn run_plugin(config: &str, input: &str, files: &MemoryTree) -> Result<String, BuildError> {
    let options = BuildOptions::default();
    let root = TreePath::root();
    let folder = Files::new(
        files,
        &options.limits,
        options.load_restrictor,
        crate::Answers::none(),
    );
    let mut builder = Builder::new(folder, &options);
    let mut gathered = Accumulator::default();
    let at = |file: &str| Position {
        file: file.into(),
        line: 0,
    };
    let input = read::from_text(&at("input.yaml"), input, &options.limits)?;
    gathered.resources.append(input)?;
    let configuration: Located<trueup_object::Text> = Located {
        value: config.into(),
        position: at("configuration.yaml"),
    };
    if configuration.value.contains("Generator\n") {
        let made = plugins::generate(&mut builder, &root, &[configuration])?;
        gathered.resources = Resources::from_vec_unchecked(made);
    } else if configuration.value.contains("SortOrderTransformer") {
        sort(config, &mut gathered.resources)?;
    } else {
        plugins::transform(&mut builder, &root, &[configuration], &mut gathered)?;
    }
    let mut resources = gathered.resources.into_vec();
    let shows_history = ["PrefixTransformer", "SuffixTransformer"];
    if shows_history.iter().any(|kind| config.contains(kind)) {
        resources.iter_mut().for_each(show_history);
    }
    let texts: Result<Vec<String>, _> = resources.iter().map(|it| printed(&it.node)).collect();
    Ok(texts
        .map_err(|error| BuildError::BadFile {
            position: at("output"),
            message: error.to_string(),
        })?
        .join("---\n"))
}

pub(super) fn printed(node: &Node) -> Result<String, OutputError> {
    let mut text = String::new();
    node.print_behind(&mut text)?;
    Ok(text)
}

fn sort(config: &str, resources: &mut Resources) -> Result<(), BuildError> {
    let document = trueup_yaml::parse_first(config, &trueup_yaml::LoadOptions::default()).unwrap();
    let document = document.unwrap().root;
    let asked = document
        .get("sortOptions")
        .map(|node| sort_options(&"configuration.yaml".into(), node))
        .transpose()?;
    let place = Position::default();
    order::sort(resources, asked.as_ref(), &place, Order::Fifo)
}

/// The genuine engine keeps the history of names in annotations while it
/// works, and the recordings show them.
fn show_history(resource: &mut Resource) {
    let mut note = |key: &str, texts: Vec<&str>| {
        if !texts.is_empty() {
            let path = ["metadata", "annotations", key];
            let text = Node::string(texts.join(","));
            resource.node.set_at(&path, text);
        }
    };
    let previous = resource.previous.clone();
    let (prefixes, suffixes) = (resource.prefixes.clone(), resource.suffixes.clone());
    let texts = |pick: fn(&ResourceId) -> &str| previous.iter().map(pick).collect::<Vec<_>>();
    let internal = "internal.config.kubernetes.io";
    note(
        &format!("{internal}/previousKinds"),
        texts(|id| &id.gvk.kind),
    );
    note(&format!("{internal}/previousNames"), texts(|id| &id.name));
    note(
        &format!("{internal}/previousNamespaces"),
        texts(|id| &id.namespace),
    );
    note(
        &format!("{internal}/prefixes"),
        prefixes.iter().map(|it| it.as_str()).collect(),
    );
    note(
        &format!("{internal}/suffixes"),
        suffixes.iter().map(|it| it.as_str()).collect(),
    );
}
