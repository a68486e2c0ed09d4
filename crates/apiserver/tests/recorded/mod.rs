//! Conversations recorded from a genuine server, played against this one:
//! every scenario against a fresh server in memory.

mod compare;
mod json_path;
mod play;
mod raw;

use play::{Outcome, play};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Controllers that nothing here stands in for.
const ABSENT: &[&str] = &["hpa-controller"];

/// Scenarios in which this server is known to differ, and why. One that
/// agrees after all is named, so that it is taken off.
const KNOWN: &[(&str, &str)] = &[
    ("disco-health", "other checks stand behind /healthz here"),
    (
        "rules-review",
        "the recorded server has one more rule for everybody",
    ),
    ("endpoints-deprecated", "component statuses are not served"),
    (
        "apply-pod-immutable",
        "the difference of two Pods is not printed as Go prints it",
    ),
    (
        "daemonset",
        "the DaemonSet controller knows the simulated node only",
    ),
    (
        "immutable-workloads",
        "mistakes in what may not change are told otherwise",
    ),
    ("job-indexed", "Indexed Jobs are run as plain ones"),
    ("pdb", "no controller counts the Pods of budgets"),
    (
        "scale-subresource-patch",
        "Go's words for a text in a whole number",
    ),
    (
        "statefulset",
        "revisions of StatefulSets are not kept as ControllerRevisions",
    ),
];

/// How many scenarios are played at once.
const THREADS: usize = 4;

fn scenarios() -> Option<Vec<PathBuf>> {
    let shared = match std::env::var_os("TRUEUP_SHARED") {
        Some(shared) => PathBuf::from(shared),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
    };
    let areas = std::fs::read_dir(shared.join("kubernetes/transcripts")).ok()?;
    let folders = areas
        .map(|area| area.unwrap().path())
        .filter(|path| path.is_dir());
    let files = folders.flat_map(|area| {
        std::fs::read_dir(area)
            .unwrap()
            .map(|file| file.unwrap().path())
    });
    let mut files: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .collect();
    files.sort();
    Some(files)
}

#[test]
fn recorded_conversations_go_as_they_went() {
    let Some(files) = scenarios() else {
        println!("skipped: recorded_conversations_go_as_they_went: no recorded cases");
        return;
    };
    let only = std::env::var("TRUEUP_RECORDED_ONLY").ok();
    let queue = Mutex::new(files);
    let results: Mutex<BTreeMap<String, Outcome>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(file) = { queue.lock().unwrap().pop() } {
                    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
                    if only
                        .as_ref()
                        .is_none_or(|only| name.contains(only.as_str()))
                    {
                        let outcome = play(&std::fs::read_to_string(&file).unwrap(), ABSENT);
                        results.lock().unwrap().insert(name, outcome);
                    }
                }
            });
        }
    });
    judge(&results.into_inner().unwrap());
}

fn judge(results: &BTreeMap<String, Outcome>) {
    let (mut agreed, mut skipped, mut known) = (0, 0, 0);
    let mut wrong = Vec::new();
    for (name, outcome) in results {
        let why = KNOWN
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, why)| *why);
        match (outcome, why) {
            (Outcome::Skipped, _) => skipped += 1,
            (Outcome::Differs(differences), Some(why)) => {
                if std::env::var_os("TRUEUP_RECORDED_SHOW").is_some() {
                    println!("    {}", differences.join("\n    "));
                }
                println!("known to differ: {name}: {why}");
                known += 1;
            }
            (Outcome::Differs(differences), None) => {
                wrong.push(format!("{name}:\n    {}", differences.join("\n    ")));
            }
            (Outcome::Agrees, None) => agreed += 1,
            (Outcome::Agrees, Some(_)) => {
                wrong.push(format!("{name} agrees now: take it off the list"))
            }
        }
    }
    println!("skipped: kubernetes transcripts: hpa-versions, hpa: no controller of autoscalers");
    println!("recorded conversations: {agreed} agreed, {known} known to differ, {skipped} skipped");
    println!(
        "recorded cases: kubernetes transcripts: {} ran, {skipped} skipped",
        results.len() - skipped
    );
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
