use crate::fixture::{Fixture, bad, change, good};
use std::os::unix::fs::PermissionsExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use trueup_gitserver::{Options, RefUpdate};

#[tokio::test]
async fn a_push_is_told_once_with_what_moved() {
    let fixture = Fixture::start(Options::default()).await;
    let clone = fixture.clone_to("clone").await;
    let old = good(&clone, &["rev-parse", "HEAD"]).await;
    let mut pushes = fixture.server.subscribe();
    let new = change(&clone, "app.yaml", "a: 2\n").await;
    good(
        &clone,
        &["push", "--quiet", "origin", "main", "main:refs/heads/other"],
    )
    .await;
    let push = pushes
        .try_recv()
        .expect("told before the client has its answer");
    assert_eq!(push.repository, "fleet");
    let update = |name: &str, old: Option<&str>, new: Option<&str>| RefUpdate {
        name: name.to_owned(),
        old: old.map(str::to_owned),
        new: new.map(str::to_owned),
    };
    assert_eq!(
        push.refs,
        [
            update("refs/heads/main", Some(&old), Some(&new)),
            update("refs/heads/other", None, Some(&new))
        ]
    );
    good(&clone, &["push", "--quiet", "origin", ":other"]).await;
    assert_eq!(
        pushes.try_recv().unwrap().refs,
        [update("refs/heads/other", Some(&new), None)]
    );
    good(&clone, &["push", "--quiet"]).await;
    assert!(pushes.try_recv().is_err(), "nothing moved, nothing is told");
    fixture.stop().await;
}

#[tokio::test]
async fn a_refused_push_moves_nothing_and_is_not_told() {
    let fixture = Fixture::start(Options::default()).await;
    let (one, two) = (fixture.clone_to("one").await, fixture.clone_to("two").await);
    change(&one, "app.yaml", "a: 2\n").await;
    good(&one, &["push", "--quiet"]).await;
    let mut pushes = fixture.server.subscribe();
    change(&two, "app.yaml", "a: 3\n").await;
    assert!(bad(&two, &["push", "--quiet"]).await.contains("rejected"));
    assert!(pushes.try_recv().is_err());
    fixture.stop().await;
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u8::try_from(state & 0xff).unwrap()
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[tokio::test]
async fn a_push_of_several_mebibytes_comes_in_chunks() {
    let fixture = Fixture::start(Options::default()).await;
    let clone = fixture.clone_to("clone").await;
    let id = change(&clone, "large.bin", noise(5 << 20)).await;
    good(&clone, &["push", "--quiet"]).await;
    let again = fixture.clone_to("again").await;
    assert_eq!(good(&again, &["rev-parse", "HEAD"]).await, id);
    assert_eq!(
        std::fs::metadata(again.join("large.bin")).unwrap().len(),
        5 << 20
    );
    fixture.stop().await;
}

#[tokio::test]
async fn a_push_over_the_limit_is_refused_and_the_server_goes_on() {
    let fixture = Fixture::start(Options {
        max_push_bytes: 1 << 20,
        ..Options::default()
    })
    .await;
    let clone = fixture.clone_to("clone").await;
    change(&clone, "large.bin", noise(3 << 20)).await;
    let mut pushes = fixture.server.subscribe();
    bad(&clone, &["push", "--quiet"]).await;
    bad(
        &clone,
        &["-c", "http.postBuffer=8000000", "push", "--quiet"],
    )
    .await;
    assert!(pushes.try_recv().is_err());
    fixture.clone_to("again").await;
    fixture.stop().await;
}

#[tokio::test]
async fn hooks_in_the_repository_do_not_run() {
    let fixture = Fixture::start(Options::default()).await;
    let repository = fixture.server.repository("fleet").unwrap();
    let hooks = repository.path().join("hooks");
    let witness = fixture.path("witness");
    std::fs::create_dir(&hooks).unwrap();
    for hook in [
        "pre-receive",
        "update",
        "post-receive",
        "post-update",
        "reference-transaction",
    ] {
        let path = hooks.join(hook);
        std::fs::write(
            &path,
            format!("#!/bin/sh\ntouch '{}'\nexit 1\n", witness.display()),
        )
        .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    // Even the repository's own setting of where hooks are is overruled.
    good(
        repository.path(),
        &["config", "core.hooksPath", hooks.to_str().unwrap()],
    )
    .await;
    let clone = fixture.clone_to("clone").await;
    change(&clone, "app.yaml", "a: 2\n").await;
    good(&clone, &["push", "--quiet"]).await;
    assert!(!witness.exists());
    fixture.stop().await;
}

#[tokio::test]
async fn pushes_to_different_branches_at_once_are_each_told_once() {
    let fixture = Fixture::start(Options::default()).await;
    let mut pushes = fixture.server.subscribe();
    let mut running = Vec::new();
    for count in 0..4 {
        let clone = fixture.clone_to(&format!("clone-{count}")).await;
        change(&clone, "app.yaml", format!("count: {count}\n")).await;
        running.push(tokio::spawn(async move {
            good(
                &clone,
                &[
                    "push",
                    "--quiet",
                    "origin",
                    &format!("HEAD:refs/heads/b{count}"),
                ],
            )
            .await
        }));
    }
    for push in running {
        push.await.unwrap();
    }
    let mut names = Vec::new();
    while let Ok(push) = pushes.try_recv() {
        names.extend(push.refs.into_iter().map(|update| update.name));
    }
    names.sort();
    assert_eq!(
        names,
        [
            "refs/heads/b0",
            "refs/heads/b1",
            "refs/heads/b2",
            "refs/heads/b3"
        ]
    );
    fixture.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_process_behind() {
    let fixture = Fixture::start(Options {
        max_processes: 1,
        ..Options::default()
    })
    .await;
    for service in ["git-receive-pack", "git-upload-pack"] {
        let mut stream = TcpStream::connect(fixture.address).await.unwrap();
        let request = format!(
            "POST /fleet/{service} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-{service}-request\r\n\
             Content-Length: 1000\r\n\r\n0032"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        drop(stream);
    }
    // There is one process at most, so this clone waits for the others to end.
    fixture.clone_to("clone").await;
    fixture.stop().await;
}
