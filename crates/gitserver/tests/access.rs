use crate::client::{get, post, raw, status};
use crate::fixture::{Fixture, bad, good};
use std::collections::HashMap;
use trueup_gitserver::{Credentials, GitServer, Options, is_repository_name};

const REFS: &str = "/fleet/info/refs?service=git-upload-pack";

#[tokio::test]
async fn only_known_host_names_are_served() {
    let fixture = Fixture::start(Options::default()).await;
    let port = fixture.address.port();
    for host in [
        "localhost",
        "LOCALHOST",
        "127.0.0.1",
        &format!("127.0.0.1:{port}"),
        &format!("[::1]:{port}"),
    ] {
        assert_eq!(status(&get(&fixture, host, REFS).await), 200, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:80",
        "",
        "evil@localhost",
    ] {
        assert!(
            matches!(status(&get(&fixture, host, REFS).await), 400 | 403),
            "{host}"
        );
    }
    let none = format!("GET {REFS} HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(matches!(
        status(&raw(&fixture, none.as_bytes()).await),
        400 | 403
    ));
    let two = format!(
        "GET {REFS} HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    );
    assert!(matches!(
        status(&raw(&fixture, two.as_bytes()).await),
        400 | 403
    ));
    fixture.stop().await;
}

#[tokio::test]
async fn no_path_leads_out_of_the_root() {
    let fixture = Fixture::start(Options::default()).await;
    let secret = fixture.path("secret.git");
    good(
        fixture.folder.path(),
        &["init", "--quiet", "--bare", secret.to_str().unwrap()],
    )
    .await;
    for path in [
        "/../secret",
        "/fleet/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "//secret",
        "/./fleet",
        "/fleet.git.git",
        "/.making-fleet",
        "/fleet/",
        "/-c",
        "",
    ] {
        let answer = get(
            &fixture,
            "localhost",
            &format!("{path}/info/refs?service=git-upload-pack"),
        )
        .await;
        assert!(matches!(status(&answer), 400 | 404), "{path}: {answer}");
    }
    for name in [
        "..", "a/../b", "/a", "a//b", ".a", "a.git", "a.lock", "-a", "a b", "a\\b", "", "\u{e9}",
    ] {
        assert!(!is_repository_name(name), "{name}");
        assert!(fixture.server.create(name, None).await.is_err());
    }
    assert!(is_repository_name("team-a/fleet_1.x"));
    fixture.stop().await;
}

#[tokio::test]
async fn only_the_smart_protocol_is_spoken() {
    let fixture = Fixture::start(Options::default()).await;
    for (path, expected) in [
        ("/fleet/info/refs", 403),
        ("/fleet/info/refs?service=git-archive", 403),
        ("/fleet/HEAD", 404),
        ("/fleet.git/config", 404),
        ("/fleet/git-upload-pack", 405),
        ("/none/info/refs?service=git-upload-pack", 404),
        ("/", 404),
    ] {
        assert_eq!(
            status(&get(&fixture, "localhost", path).await),
            expected,
            "{path}"
        );
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert_eq!(
        status(&post(&fixture, "/fleet/git-receive-pack", form, b"0000").await),
        415
    );
    let odd = "Content-Type: application/x-git-upload-pack-request\r\nContent-Encoding: br\r\n";
    assert_eq!(
        status(&post(&fixture, "/fleet/git-upload-pack", odd, b"0000").await),
        415
    );
    fixture.stop().await;
}

#[tokio::test]
async fn a_repository_can_ask_for_a_password_or_a_token() {
    let basic = Credentials::Basic {
        username: "ada".to_owned(),
        password: "s3cret:x".to_owned(),
    };
    let credentials = HashMap::from([
        ("fleet".to_owned(), basic.clone()),
        (
            "tokens".to_owned(),
            Credentials::Bearer {
                token: "t0ken".to_owned(),
            },
        ),
    ]);
    let fixture = Fixture::start(Options {
        credentials,
        ..Options::default()
    })
    .await;
    fixture.server.create("tokens", None).await.unwrap();
    let folder = fixture.folder.path();
    let with = |user: &str| {
        fixture
            .url("fleet")
            .replace("http://", &format!("http://{user}@"))
    };
    good(
        folder,
        &["clone", "--quiet", &with("ada:s3cret%3Ax"), "right"],
    )
    .await;
    for wrong in [
        fixture.url("fleet"),
        fixture.url("fleet.git"),
        with("ada:wrong"),
        with("eve:s3cret%3Ax"),
    ] {
        bad(folder, &["clone", "--quiet", &wrong, "wrong"]).await;
        assert!(!fixture.path("wrong").exists());
    }
    let header = |token: &str| format!("http.extraHeader=Authorization: Bearer {token}");
    good(
        folder,
        &["-c", &header("t0ken"), "ls-remote", &fixture.url("tokens")],
    )
    .await;
    bad(
        folder,
        &["-c", &header("other"), "ls-remote", &fixture.url("tokens")],
    )
    .await;
    let answer = get(&fixture, "localhost", REFS).await.to_lowercase();
    assert!(
        status(&answer) == 401 && answer.contains("www-authenticate: basic"),
        "{answer}"
    );
    assert_eq!(format!("{basic:?}"), "Basic(ada, ***)");
    fixture.stop().await;
}

#[tokio::test]
async fn a_missing_git_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        git: "/nonexistent/git".into(),
        ..Options::default()
    };
    let server = GitServer::new(folder.path(), options).unwrap();
    let error = server.create("fleet", None).await.unwrap_err();
    assert!(error.to_string().contains("is it installed"), "{error}");
}
