//! The real `kubectl` over TLS, by sessions at a terminal: the files of
//! `sessions/` say what is typed and what must be printed. `TRUEUP_BLESS=1`
//! writes into them what is printed now; read the difference before it is
//! committed.
//!
//! With `TRUEUP_TEST_KUBECONFIG` the sessions run on that cluster, each in a
//! namespace of its own; those that need Pods which become ready are skipped
//! there.

mod session;

use crate::place::{Place, Wants};
use session::{Step, agree, normal, parse, print};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

macro_rules! sessions {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            play(stringify!($name));
        })*

        #[test]
        fn every_session_is_played() {
            let mut known = vec![$(stringify!($name).to_owned()),*];
            known.sort();
            let mut files: Vec<String> = fs::read_dir(folder())
                .unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
                .collect();
            files.sort();
            assert_eq!(known, files);
        }
    };
}

sessions![
    annotate_and_label,
    apply_client_side,
    apply_prune,
    apply_server_side,
    create_generators,
    custom_resources,
    delete_cascades,
    describe,
    diff_and_replace,
    edit,
    explain,
    get_outputs,
    nodes,
    patch,
    resources,
    rights,
    rollout,
    run_and_expose,
    set_and_scale,
    wait,
    watch,
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/kubectl/sessions")
}

fn is_here() -> bool {
    Command::new("kubectl")
        .args(["version", "--client"])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Plays a session; skipped where there is no `kubectl`.
fn play(name: &str) {
    if !is_here() {
        println!("skipped: kubectl session {name}: no kubectl on PATH");
        return;
    }
    let path = folder().join(format!("{name}.txt"));
    let text = fs::read_to_string(&path).unwrap();
    let wants = match text.lines().next() {
        Some("# needs: Pods that become ready") => Wants::ReadyPods,
        Some("# needs: controllers") => Wants::Controllers,
        _ => Wants::Api,
    };
    Place::with(&format!("kubectl session {name}"), wants, move |place| {
        let mut steps = parse(&text);
        let bless = std::env::var_os("TRUEUP_BLESS").is_some();
        for step in &mut steps {
            let printed = perform(place, step);
            if agree(&step.expected, &printed) {
                continue;
            }
            assert!(
                bless,
                "{}:{}: $ {}\n-- expected\n{}\n-- printed\n{}",
                path.display(),
                step.line,
                step.command,
                step.expected.join("\n"),
                printed.join("\n")
            );
            step.expected = printed;
        }
        if bless {
            fs::write(&path, print(&steps)).unwrap();
        }
    });
}

/// Types a command; what it printed, what it complained of, how it ended.
fn perform(place: &Place, step: &Step) -> Vec<String> {
    if step.command.is_empty() {
        return Vec::new();
    }
    let output = place.shell(&step.command);
    let Output {
        status,
        stdout,
        stderr,
    } = &output;
    let fixed = place.placeholders();
    let lines = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let lines = text.lines().map(|line| normal(line, &fixed));
        // Blank lines part the steps of a file.
        lines
            .filter(|line| !line.is_empty())
            .collect::<Vec<String>>()
    };
    let mut printed = lines(stdout);
    printed.extend(lines(stderr).iter().map(|line| format!("! {line}")));
    match status.code() {
        Some(0) => {}
        Some(code) => printed.push(format!("? {code}")),
        None => printed.push("? killed".to_owned()),
    }
    printed
}
