//! `trueup build kustomize` with roots from a real Git server, from a
//! repository of this machine and from a web server.

use crate::world::git::GitHost;
use std::path::Path;
use std::process::{Command, Output};
use trueup_gitserver::FileChange;

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n";

fn build(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command.current_dir(folder).args(["build", "kustomize"]);
    command.args(arguments).output().unwrap()
}

/// What a build printed, and what it said.
async fn built(folder: &Path, arguments: &[&str]) -> (String, String) {
    let (folder, arguments) = (folder.to_owned(), arguments.join("\n"));
    let output = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.lines().collect();
        build(&folder, &arguments)
    });
    let output = output.await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

fn files() -> Vec<FileChange> {
    vec![
        FileChange::write(
            "base/kustomization.yaml",
            "resources:\n- ../shared\nnamePrefix: own-\n",
        ),
        FileChange::write("shared/kustomization.yaml", "resources:\n- config.yaml\n"),
        FileChange::write("shared/config.yaml", CONFIG),
        FileChange::write("out/kustomization.yaml", "resources:\n- ../../else\n"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roots_come_from_a_git_server_and_from_this_machine() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("git");
    let host = GitHost::start(&root, files()).await;
    let app = place.path().join("app");
    std::fs::create_dir_all(&app).unwrap();
    let local = format!("file://{}", root.join("fleet.git").display());
    for repository in [host.url("fleet"), local] {
        for query in [
            "",
            "?ref=main",
            "?ref=refs/heads/main&timeout=60&submodules=false",
        ] {
            let url = format!("{repository}//base{query}");
            let file = format!("resources:\n- {url}\nnamePrefix: app-\n");
            std::fs::write(app.join("kustomization.yaml"), file).unwrap();
            let (printed, said) = built(&app, &["--show-inputs", "."]).await;
            assert!(
                printed.contains("  name: app-own-settings\n"),
                "{url}: {said}"
            );
            for line in [
                "file kustomization.yaml",
                ": file shared/config.yaml",
                ": absent base/Kustomization",
            ] {
                assert!(said.lines().any(|it| it.ends_with(line)), "{line}: {said}");
            }
            let (printed, said) = built(&app, &[&url]).await;
            assert!(printed.contains("  name: own-settings\n"), "{url}: {said}");
        }
        for (tail, words) in [
            ("//base?ref=gone", "\"gone\""),
            ("//nowhere", "nowhere"),
            ("//out", "leads out of the source"),
        ] {
            let file = format!("resources:\n- {repository}{tail}\n");
            std::fs::write(app.join("kustomization.yaml"), file).unwrap();
            let (printed, said) = built(&app, &["."]).await;
            assert_eq!(printed, "");
            assert!(
                said.contains("kustomization.yaml:2: ") && said.contains(words),
                "{said}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_served_is_refused_by_name() {
    let app = tempfile::tempdir().unwrap();
    for (file, words) in [
        (
            "resources:\n- git@example.com:org/repo.git\n",
            "repositories over SSH are not served yet",
        ),
        (
            "resources:\n- ssh://git@example.com/org/repo\n",
            "repositories over SSH are not served yet",
        ),
        (
            "helmCharts:\n- name: x\n",
            "helmCharts are not inflated by this version of Trueup",
        ),
    ] {
        std::fs::write(app.path().join("kustomization.yaml"), file).unwrap();
        let (printed, said) = built(app.path(), &["."]).await;
        assert_eq!(printed, "");
        assert!(
            said.contains("kustomization.yaml:2: ") && said.contains(words),
            "{said}"
        );
    }
}
