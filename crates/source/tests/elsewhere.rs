//! Repositories of this machine, short names, and files of web servers.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use trueup_artifact::TreePath;
use trueup_source::{
    FetchErrorKind, GitLimits, GitReference, GitRequest, WebFetch, WebFetcher, open_local,
};

use crate::fixture::{Client, Repository, Rules, Server, read};

/// A repository whose branch and tag of one name differ.
fn ambiguous() -> (Repository, [String; 3]) {
    let repository = Repository::new();
    repository.write("which", "tag");
    let tagged = repository.commit("tag");
    repository.git(&["tag", "--annotate", "--message", "x", "same"]);
    repository.write("which", "branch");
    repository.git(&["checkout", "--quiet", "-b", "same"]);
    let branch = repository.commit("branch");
    repository.git(&["checkout", "--quiet", "main"]);
    repository.write("which", "main");
    let main = repository.commit("main");
    (repository, [tagged, branch, main])
}

/// What `git fetch` takes a text for, and what is at it.
fn meanings(ids: &[String; 3]) -> Vec<(String, &'static str)> {
    let [tagged, branch, _] = ids;
    [
        ("", "main"),
        ("main", "main"),
        ("HEAD", "main"),
        ("same", "tag"),
        ("tags/same", "tag"),
        ("heads/same", "branch"),
        ("refs/heads/same", "branch"),
        (tagged, "tag"),
        (branch, "branch"),
    ]
    .map(|(text, wanted)| (text.to_owned(), wanted))
    .to_vec()
}

#[tokio::test]
async fn a_short_name_means_what_it_means_to_git() {
    let (repository, ids) = ambiguous();
    for old_protocol in [false, true] {
        let rules = Rules {
            old_protocol,
            ..Rules::default()
        };
        let server = Server::start(&repository, rules).await;
        let client = Client::new();
        let request = |text: &str| GitRequest {
            reference: GitReference::typed(text),
            ..GitRequest::new(&server.url())
        };
        for (text, wanted) in meanings(&ids) {
            let fetched = client.fetch(&request(&text)).await;
            assert_eq!(read(&fetched, "which"), wanted, "{text:?}");
        }
        let error = client.try_fetch(&request("gone")).await.unwrap_err();
        assert!(error.to_string().contains("\"gone\""), "{error}");
    }
}

#[test]
fn a_repository_of_this_machine_is_read_where_it_lies() {
    let (repository, ids) = ambiguous();
    let bare = tempfile::tempdir().unwrap();
    let copy = bare.path().join("copy.git");
    let (from, to) = (repository.path().display(), copy.display());
    repository.git(&[
        "clone",
        "--quiet",
        "--bare",
        &from.to_string(),
        &to.to_string(),
    ]);
    repository.git(&["-C", &to.to_string(), "pack-refs", "--all"]);
    let worktree = bare.path().join("worktree");
    repository.git(&[
        "worktree",
        "add",
        "--quiet",
        "--detach",
        &worktree.display().to_string(),
    ]);
    let limits = GitLimits::default();
    let which = TreePath::parse("which").unwrap();
    let without_ending = bare.path().join("copy");
    for place in [repository.path(), &copy, &without_ending, &worktree] {
        for (text, wanted) in meanings(&ids) {
            let url = format!("file://{}", place.display());
            let tree = open_local(&url, &GitReference::typed(&text), &limits).unwrap();
            assert_eq!(tree.read(&which).unwrap(), wanted, "{text:?} in {url}");
        }
    }
}

#[test]
fn what_is_no_repository_and_names_that_climb_are_refused() {
    let (repository, _) = ambiguous();
    let limits = GitLimits::default();
    let url = format!("file://{}", repository.path().display());
    std::fs::write(repository.path().join("secret"), "0".repeat(40)).unwrap();
    for text in [
        "gone",
        "../secret",
        "refs/../../secret",
        "heads/../../secret",
        "refs//x",
    ] {
        let error = open_local(&url, &GitReference::typed(text), &limits).unwrap_err();
        let is_unknown = matches!(error.kind, FetchErrorKind::UnknownReference { .. });
        assert!(is_unknown, "{text}: {error}");
    }
    let empty = tempfile::tempdir().unwrap();
    let url = format!("file://{}", empty.path().display());
    let error = open_local(&url, &GitReference::typed(""), &limits).unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::NotFound);
    let picture = empty.path().join("picture");
    std::fs::write(&picture, b"\x89PNG\xff\x00gitdir: .").unwrap();
    let url = format!("file://{}", picture.display());
    let error = open_local(&url, &GitReference::typed(""), &limits).unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::NotFound, "{error}");
    for url in ["file://", "file://host"] {
        let error = open_local(url, &GitReference::typed(""), &limits).unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Invalid { field: "url" });
    }
}

/// A server that answers every request with what `answer` makes of its path,
/// and the heads of the requests.
async fn serve(answer: fn(&str, &str) -> String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (own, log) = (base.clone(), Arc::clone(&seen));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else {
                    break;
                };
                head.push(byte);
            }
            let head = String::from_utf8(head).unwrap();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            log.lock().unwrap().push(head);
            let _ = stream.write_all(answer(&own, &path).as_bytes()).await;
        }
    });
    (base, seen)
}

fn answered(status: &str, header: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{header}\r\n{body}"
    )
}

#[tokio::test]
async fn a_file_of_a_web_server_is_fetched_and_refusals_are_named() {
    let (base, _) = serve(|_, path| match path {
        "/a" => answered("200 OK", "", "text"),
        "/to-a" => answered("302 Found", "Location: /a\r\n", ""),
        "/loop" => answered("302 Found", "Location: /loop\r\n", ""),
        "/to-file" => answered("302 Found", "Location: file:///etc/passwd\r\n", ""),
        "/large" => answered("200 OK", "", &"x".repeat(2_000)),
        _ => answered("404 Not Found", "", ""),
    })
    .await;
    let fetcher = WebFetcher::new().unwrap().with_limits(1_000, 30_000);
    for path in ["/a", "/to-a"] {
        assert_eq!(
            fetcher.fetch(&format!("{base}{path}")).await.unwrap(),
            "text"
        );
    }
    for (path, kind, words) in [
        (
            "/gone",
            FetchErrorKind::NotFound,
            "HTTP status 404 Not Found",
        ),
        (
            "/loop",
            FetchErrorKind::Limit,
            "the number of redirects exceeds the limit of 5",
        ),
        (
            "/to-file",
            FetchErrorKind::Protocol,
            "redirects to another scheme",
        ),
        (
            "/large",
            FetchErrorKind::Limit,
            "the file exceeds the limit of 1000 bytes",
        ),
    ] {
        let error = fetcher.fetch(&format!("{base}{path}")).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn what_a_url_says_of_a_user_stays_with_its_host() {
    let (other, seen_there) = serve(|_, _| answered("200 OK", "", "text")).await;
    static OTHER: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    OTHER.set(other).unwrap();
    let (base, seen_here) = serve(|own, path| {
        let target = match path {
            "/here" => format!("{own}/second"),
            _ => format!("{}/there", OTHER.get().unwrap()),
        };
        answered("302 Found", &format!("Location: {target}\r\n"), "")
    })
    .await;
    let url = base.replace("http://", "http://me:secret@");
    let fetcher = WebFetcher::new().unwrap();
    assert_eq!(fetcher.fetch(&format!("{url}/here")).await.unwrap(), "text");
    let has_login = |head: &String| head.to_ascii_lowercase().contains("authorization:");
    assert_eq!(
        seen_here
            .lock()
            .unwrap()
            .iter()
            .filter(|it| has_login(it))
            .count(),
        2
    );
    assert!(!seen_there.lock().unwrap().iter().any(has_login));
    let error = fetcher
        .fetch(&url.replace("127.0.0.1", "127.0.0.1:x"))
        .await
        .unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}
