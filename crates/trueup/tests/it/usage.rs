//! What is said of command lines that mean nothing, without any cluster.

use crate::world::run;
use tokio::process::Command;

/// Runs `trueup`; returns its exit code and the first line of what it said.
async fn first_line(line: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command.args(line.split(' ')).env("HOME", "/nowhere");
    let answer = run(&mut command, None).await;
    let first = answer.err.lines().next().unwrap_or_default();
    (answer.code, first.to_owned())
}

#[tokio::test]
async fn usage_errors_end_with_two_and_name_what_is_wrong() {
    for (line, expected) in [
        ("get pods", "error: unrecognized subcommand 'pods'"),
        (
            "get kustomizations --colour",
            "error: unexpected argument '--colour' found",
        ),
        (
            "get ks -o table",
            "error: invalid value 'table' for '--output <FORMAT>'",
        ),
        (
            "reconcile ks web --timeout soon",
            "error: invalid value 'soon' for '--timeout <DURATION>': time: invalid duration \"soon\"",
        ),
        (
            "create kustomization web",
            "error: the following required arguments were not provided:",
        ),
        (
            "create source git web --url=https://example.com",
            "error: the following required arguments were not provided:",
        ),
        (
            "create ks web --source=x --label=team",
            "error: invalid value 'team' for '--label <KEY=VALUE>': a label is KEY=VALUE",
        ),
        (
            "debug ks web",
            "error: the following required arguments were not provided:",
        ),
        (
            "trace web --kind=Deployment",
            "error: the following required arguments were not provided:",
        ),
        (
            "logs --since 1m --since-time 2026-01-31T12:00:00Z",
            "error: the argument '--since <DURATION>' cannot be used with '--since-time <TIME>'",
        ),
    ] {
        assert_eq!(
            first_line(line).await,
            (Some(2), expected.to_owned()),
            "{line}"
        );
    }
}

#[tokio::test]
async fn bad_values_are_refused_before_any_cluster_is_asked() {
    for (line, expected) in [
        ("create ks Web --source=x", "✗ name 'Web' is invalid: "),
        (
            "create ks web --source=HelmRepository/x",
            "✗ source kind 'HelmRepository' is not supported, must be one of: ",
        ),
        (
            "create ks web --source=x --path=../up",
            "✗ path \"../up\" leads out of the source",
        ),
        (
            "create source git web --url=ftp://example.com --branch=main",
            "✗ git URL scheme 'ftp' not supported, can be: ssh, http and https",
        ),
        (
            "create source git web --url=ssh://git@example.com/x --branch=main",
            "✗ Git over SSH takes its keys from a Secret: --secret-ref is required",
        ),
        (
            "logs --since-time yesterday",
            "✗ yesterday is not a valid (RFC3339) time",
        ),
        (
            "events --types Odd",
            "✗ type 'Odd' not supported. Supported types are Normal, Warning",
        ),
    ] {
        let (code, said) = first_line(line).await;
        assert_eq!(code, Some(1), "{line}: {said}");
        assert!(said.starts_with(expected), "{line}: {said}");
    }
}

#[tokio::test]
async fn without_a_cluster_a_command_says_what_to_give() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command
        .args(["get", "ks"])
        .env("HOME", "/nowhere")
        .env_remove("KUBERNETES_SERVICE_HOST");
    let answer = run(&mut command, None).await;
    assert_eq!(answer.code, Some(1));
    assert!(
        answer
            .err
            .starts_with("✗ kubeconfig /nowhere/.kube/config: "),
        "{answer:?}"
    );
    let hint = "\n  hint: --kubeconfig FILE and --context NAME say which cluster; `trueup demo` starts one here\n";
    assert!(answer.err.ends_with(hint), "{answer:?}");
}

#[tokio::test]
async fn exported_objects_need_no_cluster() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    let line = "create kustomization web --source=GitRepository/fleet --path=./web --prune --interval=5m \
                --wait --depends-on=db,infra/net --label=team=a --export";
    command
        .args(line.split_whitespace())
        .env("HOME", "/nowhere");
    let expected = "\
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  labels:
    team: a
  name: web
  namespace: flux-system
spec:
  dependsOn:
  - name: db
  - name: net
    namespace: infra
  interval: 5m0s
  path: ./web
  prune: true
  sourceRef:
    kind: GitRepository
    name: fleet
  timeout: 2m0s
  wait: true
";
    let answer = run(&mut command, None).await;
    assert_eq!(
        (answer.code, answer.out.as_str()),
        (Some(0), expected),
        "{answer:?}"
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    let line = "create source git fleet --url=https://example.com/fleet --tag-semver=1.x --secret-ref=git --export";
    command
        .args(line.split_whitespace())
        .env("HOME", "/nowhere");
    let expected = "\
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: fleet
  namespace: flux-system
spec:
  interval: 1m0s
  ref:
    semver: 1.x
  secretRef:
    name: git
  url: https://example.com/fleet
";
    let answer = run(&mut command, None).await;
    assert_eq!(
        (answer.code, answer.out.as_str()),
        (Some(0), expected),
        "{answer:?}"
    );
}
