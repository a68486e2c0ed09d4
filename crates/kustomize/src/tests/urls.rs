//! URLs of repositories, by kustomize's grammar.

use super::recorded::cases;
use crate::remote::is_remote_file;
use crate::{DEFAULT_REMOTE_TIMEOUT_MS, RemoteError, RemoteRoot};
use trueup_object::Value;

/// The rows of the recorded tables about URLs, all of them.
#[test]
fn urls_are_taken_apart_as_recorded() {
    let Some(rows) = cases("tables") else {
        println!("skipped: kustomize tables: no recorded cases here");
        return;
    };
    let is_one = |row: &&Value| {
        let suite = row.str_at(&["suite"]).unwrap_or_default();
        suite.ends_with("git/repospec_test.go")
    };
    let mut ran = 0;
    for row in rows.iter().filter(is_one) {
        let text = |field: &str| row.str_at(&[field]);
        if let Some(wanted) = text("cloneSpec") {
            let root = RemoteRoot::parse(text("input").unwrap()).unwrap();
            assert_eq!(root.repository.url, wanted, "{row:?}");
        } else if let Some(wanted) = text("error") {
            let error = RemoteRoot::parse(text("url").unwrap()).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error} for {row:?}");
        } else if let Some(wanted) = text("normalized") {
            let whole = format!("{}org/repo", text("raw").unwrap());
            let root = RemoteRoot::parse(&whole).unwrap();
            assert_eq!(root.repository.url, format!("{wanted}org/repo"), "{row:?}");
        } else {
            let query = text("input").unwrap();
            let root = RemoteRoot::parse(&format!("https://host/org/repo?{query}")).unwrap();
            let found = root.repository.reference.unwrap_or_default();
            assert_eq!(found, text("ref").unwrap(), "{row:?}");
        }
        ran += 1;
    }
    println!("recorded cases: kustomize tables of URLs: {ran} ran, 0 skipped, {ran} agreed");
    assert!(ran >= 94, "{ran} rows about URLs");
}

#[test]
fn a_url_says_repository_path_and_query() {
    for (text, url, path, reference) in [
        (
            "github.com/org/repo//base?ref=v1",
            "https://github.com/org/repo",
            "base",
            Some("v1"),
        ),
        (
            "github.com/org/repo/a/b",
            "https://github.com/org/repo",
            "a/b",
            None,
        ),
        (
            "git::https://host/org/repo.git//a",
            "https://host/org/repo.git",
            "a",
            None,
        ),
        (
            "https://host/a/b/c.git/d/../e?version=x",
            "https://host/a/b/c.git",
            "e",
            Some("x"),
        ),
        (
            "git@host.xz:org/repo.git//p",
            "git@host.xz:org/repo.git",
            "p",
            None,
        ),
        (
            "https://dev.azure.com/o/p/_git/r/x",
            "https://dev.azure.com/o/p/_git/r",
            "x",
            None,
        ),
        (
            "file:///srv/repo.git/x?ref=a%2Fb",
            "file:///srv/repo.git",
            "x",
            Some("a/b"),
        ),
        ("file:///srv/repo", "file:///srv/repo", "", None),
    ] {
        let root = RemoteRoot::parse(text).unwrap();
        assert_eq!(root.repository.url, url, "{text}");
        assert_eq!(root.path.as_str(), path, "{text}");
        assert_eq!(root.repository.reference.as_deref(), reference, "{text}");
    }
}

#[test]
fn a_query_tells_time_and_submodules_and_nonsense_tells_nothing() {
    for (query, timeout_ms, submodules) in [
        ("", DEFAULT_REMOTE_TIMEOUT_MS, true),
        ("timeout=61", 61_000, true),
        ("timeout=1m1s&submodules=false", 61_000, false),
        (
            "timeout=jiffy&submodules=maybe",
            DEFAULT_REMOTE_TIMEOUT_MS,
            true,
        ),
        ("timeout=0", DEFAULT_REMOTE_TIMEOUT_MS, true),
        ("timeout=-5s&submodules=0", DEFAULT_REMOTE_TIMEOUT_MS, false),
        (
            "timeout=99999999999999999999",
            DEFAULT_REMOTE_TIMEOUT_MS,
            true,
        ),
        ("timeout=5&a=%zz", DEFAULT_REMOTE_TIMEOUT_MS, true),
        (
            "timeout=5;submodules=false",
            DEFAULT_REMOTE_TIMEOUT_MS,
            true,
        ),
    ] {
        let repository = RemoteRoot::parse(&format!("https://host/o/r?{query}"))
            .unwrap()
            .repository;
        assert_eq!(repository.timeout_ms, timeout_ms, "{query}");
        assert_eq!(repository.submodules, submodules, "{query}");
    }
}

#[test]
fn ordinary_paths_are_no_urls() {
    for text in [
        "base",
        "../base",
        "./github.com/org/repo",
        "a:b",
        "",
        "x://y/z/w",
    ] {
        assert_eq!(RemoteRoot::parse(text), Err(RemoteError::Scheme), "{text}");
        assert!(!is_remote_file(text), "{text}");
    }
    for text in [
        "http://h/%zz",
        "https://h/a b",
        "https",
        "httpx://h/a",
        "https://h/\u{7f}",
    ] {
        assert!(!is_remote_file(text), "{text}");
    }
    for text in ["http://h/a", "HTTPS://h/a%20b", "https://h?x=%zz"] {
        assert!(is_remote_file(text), "{text}");
    }
}

#[test]
fn what_is_shown_of_a_url_holds_no_user() {
    let root = RemoteRoot::parse("https://me:secret@host/o/r.git//p?ref=v1").unwrap();
    assert_eq!(root.repository.to_string(), "https://host/o/r.git?ref=v1");
    assert_eq!(
        root.repository.file_name("p"),
        "https://host/o/r.git//p?ref=v1"
    );
}

#[test]
fn nothing_secret_of_a_url_is_shown() {
    for (url, shown) in [
        ("https://user:secret@host/a?token=secret", "https://host/a"),
        ("https://user:se/cret@host/a", "https://(malformed URL)"),
        ("https://user:se?cret@host/a", "https://(malformed URL)"),
        // A port might as well be the beginning of a password.
        ("https://host:8443/a@b", "https://(malformed URL)"),
        ("a?b.yaml", "a?b.yaml"),
    ] {
        assert_eq!(crate::remote::shown_url(url), shown, "{url}");
    }
}
