use crate::client::{post, status};
use crate::fixture::{Fixture, change, commit, git, good};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use trueup_gitserver::{FileChange, Options, Repository};

#[tokio::test]
async fn a_clone_holds_the_first_commit() {
    let fixture = Fixture::start(Options::default()).await;
    let clone = fixture.clone_to("clone").await;
    assert_eq!(
        std::fs::read_to_string(clone.join("app.yaml")).unwrap(),
        "a: 1\n"
    );
    assert_eq!(
        good(&clone, &["log", "--format=%an %ae %at %s"]).await,
        "Ada ada@example.com 1767225600 first"
    );
    assert_eq!(good(&clone, &["branch", "--show-current"]).await, "main");
    fixture.stop().await;
}

#[tokio::test]
async fn old_and_new_protocol_versions_are_spoken() {
    let fixture = Fixture::start(Options::default()).await;
    for version in ["0", "1", "2"] {
        let setting = format!("protocol.version={version}");
        let to = format!("clone-{version}");
        good(
            fixture.folder.path(),
            &[
                "-c",
                &setting,
                "clone",
                "--quiet",
                &fixture.url("fleet"),
                &to,
            ],
        )
        .await;
        assert!(fixture.path(&to).join("app.yaml").exists());
    }
    let mut command = tokio::process::Command::new("git");
    command
        .args(["ls-remote", &fixture.url("fleet")])
        .env("GIT_TRACE_PACKET", "1")
        .env("no_proxy", "*");
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    let trace = command.output().await.unwrap().stderr;
    assert!(
        String::from_utf8_lossy(&trace).contains("version 2"),
        "the protocol asked for reaches git"
    );
    fixture.stop().await;
}

#[tokio::test]
async fn a_shallow_clone_is_shallow_and_can_be_deepened() {
    let fixture = Fixture::start(Options::default()).await;
    let repository = fixture.server.repository("fleet").unwrap();
    for count in 0..5 {
        let text = format!("a: {count}\n");
        repository
            .commit(&commit(vec![FileChange::write("app.yaml", text)], "next\n"))
            .await
            .unwrap();
    }
    let to = fixture.path("shallow");
    good(
        fixture.folder.path(),
        &[
            "clone",
            "--quiet",
            "--depth=1",
            &fixture.url("fleet"),
            to.to_str().unwrap(),
        ],
    )
    .await;
    assert_eq!(good(&to, &["rev-list", "--count", "HEAD"]).await, "1");
    good(&to, &["fetch", "--quiet", "--unshallow"]).await;
    assert_eq!(good(&to, &["rev-list", "--count", "HEAD"]).await, "6");
    fixture.stop().await;
}

#[tokio::test]
async fn a_fetch_brings_what_another_pushed() {
    let fixture = Fixture::start(Options::default()).await;
    let (one, two) = (fixture.clone_to("one").await, fixture.clone_to("two").await);
    let id = change(&one, "app.yaml", "a: 2\n").await;
    good(&one, &["push", "--quiet"]).await;
    good(&two, &["pull", "--quiet"]).await;
    assert_eq!(good(&two, &["rev-parse", "HEAD"]).await, id);
    fixture.stop().await;
}

/// The request of a first clone, in protocol version 0.
fn want(id: &str) -> Vec<u8> {
    let line = format!("want {id} no-progress ofs-delta\n");
    format!("{:04x}{line}00000009done\n", line.len() + 4).into_bytes()
}

#[tokio::test]
async fn a_request_may_be_packed_with_gzip() {
    let fixture = Fixture::start(Options::default()).await;
    let clone = fixture.clone_to("clone").await;
    let id = good(&clone, &["rev-parse", "HEAD"]).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&want(&id)).unwrap();
    let packed = encoder.finish().unwrap();
    let headers =
        "Content-Type: application/x-git-upload-pack-request\r\nContent-Encoding: gzip\r\n";
    let answer = post(&fixture, "/fleet/git-upload-pack", headers, &packed).await;
    assert_eq!(status(&answer), 200);
    assert!(
        answer.contains("NAK") && answer.contains("PACK"),
        "{answer}"
    );
    let broken = post(
        &fixture,
        "/fleet/git-upload-pack",
        headers,
        &packed[..packed.len() - 9],
    )
    .await;
    assert_eq!(status(&broken), 400, "{broken}");
    fixture.stop().await;
}

#[tokio::test]
async fn a_gzip_bomb_is_refused() {
    let options = Options {
        max_fetch_request_bytes: 1 << 20,
        ..Options::default()
    };
    let fixture = Fixture::start(options).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b'0'; 64 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    let headers =
        "Content-Type: application/x-git-receive-pack-request\r\nContent-Encoding: gzip\r\n";
    let fetch = headers.replace("receive", "upload");
    let answer = post(&fixture, "/fleet/git-upload-pack", &fetch, &bomb).await;
    assert!(matches!(status(&answer), 413 | 500), "{answer}");
    fixture.stop().await;
}

#[tokio::test]
async fn the_same_arguments_make_the_same_repository() {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 2] = [("dev/app.yaml", b"a: 1\n"), ("odd \"name\"\n.txt", b"x")];
    let mut ids = Vec::new();
    for name in ["one.git", "two.git"] {
        let path = folder.path().join(name);
        let repository = Repository::init(&path, &files, &crate::fixture::author(), 1)
            .await
            .unwrap();
        assert!(!repository.path().join("hooks").exists());
        ids.push(good(&path, &["rev-parse", "main"]).await);
        assert_eq!(good(&path, &["show", "main:dev/app.yaml"]).await, "a: 1");
    }
    assert_eq!(ids[0], ids[1]);
    let again = Repository::init(
        &folder.path().join("one.git"),
        &files,
        &crate::fixture::author(),
        1,
    )
    .await;
    assert!(again.is_err());
    let outside: [(&str, &[u8]); 1] = [("../x", b"")];
    assert!(
        Repository::init(
            &folder.path().join("three.git"),
            &outside,
            &crate::fixture::author(),
            1
        )
        .await
        .is_err()
    );
    assert!(!folder.path().join("three.git").exists());
    assert!(
        !git(&folder.path().join("one.git"), &["fsck", "--strict"])
            .await
            .stderr
            .starts_with(b"error")
    );
}

#[tokio::test]
async fn a_commit_writes_and_removes_files() {
    let fixture = Fixture::start(Options::default()).await;
    let repository = fixture.server.repository("fleet").unwrap();
    let changes = vec![
        FileChange::write("b/c.yaml", "c: 1\n"),
        FileChange::remove("app.yaml"),
    ];
    let id = repository
        .commit(&commit(changes, "second\n"))
        .await
        .unwrap();
    let clone = fixture.clone_to("clone").await;
    assert_eq!(good(&clone, &["rev-parse", "HEAD"]).await, id);
    assert!(clone.join("b/c.yaml").exists() && !clone.join("app.yaml").exists());
    fixture.stop().await;
}

#[tokio::test]
async fn what_git_says_in_its_own_words_reaches_the_client_whole() {
    let fixture = Fixture::start(Options::default()).await;
    let clone = fixture.clone_to("clone").await;
    let nowhere = "0123456789012345678901234567890123456789";
    let output = git(&clone, &["fetch", "origin", nowhere]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("not our ref"), "{said}");
    assert!(!said.contains("RPC failed"), "the answer is whole: {said}");
    fixture.stop().await;
}
