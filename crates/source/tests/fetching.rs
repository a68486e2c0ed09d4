//! Fetching from real Git.

use std::collections::BTreeSet;

use trueup_artifact::{Entry, FileTree, Revision, TreeError, TreePath, walk};
use trueup_source::{
    Credentials, FetchErrorKind, FetchOutcome, GitFetch, GitLimits, GitReference, GitRequest,
    TreeSource,
};

use crate::fixture::{Client, Repository, Rules, Server, main_of, path, read};

fn all_files(tree: &dyn FileTree) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    walk::<TreeError>(tree, &TreePath::root(), &mut |path, entry| {
        if matches!(entry, Entry::File { .. }) {
            tree.read(path)?;
            files.insert(path.as_str().to_owned());
        }
        Ok(())
    })
    .unwrap();
    files
}

async fn error_of(client: &Client, request: &GitRequest) -> (FetchErrorKind, String) {
    let error = client.try_fetch(request).await.unwrap_err();
    (error.kind.clone(), error.to_string())
}

#[tokio::test]
async fn a_branch_is_fetched_with_its_facts_and_files() {
    let repository = Repository::new();
    repository.write("apps/web/deployment.yaml", "kind: Deployment\n");
    repository.write("run.sh", "#!/bin/sh\n");
    std::os::unix::fs::symlink("../outside", repository.path().join("link")).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(repository.path().join("run.sh"), executable).unwrap();
    let id = repository.commit("First light\n\nBody");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();

    let fetched = client.fetch(&main_of(&server)).await;

    assert_eq!(fetched.revision, Revision::git(Some("main"), &id));
    assert_eq!(fetched.commit.id, id);
    assert_eq!(fetched.commit.subject, "First light");
    assert_eq!(fetched.commit.author_name, "Ada Writer");
    assert_eq!(fetched.commit.author_email, "ada@example.com");
    assert_eq!(
        fetched.commit.committed_at.to_string(),
        "2026-01-02T03:04:05Z"
    );
    assert_eq!(
        read(&fetched, "apps/web/deployment.yaml"),
        "kind: Deployment\n"
    );
    let tree = &fetched.tree;
    assert!(matches!(
        tree.entry(&path("run.sh")).unwrap(),
        Some(Entry::File {
            executable: true,
            size_bytes: 10,
            ..
        })
    ));
    assert_eq!(
        tree.entry(&path("link")).unwrap(),
        Some(Entry::Symlink {
            target: "../outside".into()
        })
    );
    assert!(matches!(
        tree.read(&path("link/x")),
        Err(TreeError::Symlink { .. })
    ));
    assert_eq!(tree.entry(&path("apps/none")).unwrap(), None);
}

#[tokio::test]
async fn an_unchanged_remote_transfers_nothing() {
    let repository = Repository::new();
    repository.commit("one");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let first = client.fetch(&main_of(&server)).await;
    server.take_log();

    let request = GitRequest {
        known: Some(first.revision.clone()),
        ..main_of(&server)
    };
    let outcome = client.try_fetch(&request).await.unwrap();

    assert!(matches!(outcome, FetchOutcome::Unchanged { revision } if revision == first.revision));
    let asked: Vec<String> = server
        .take_log()
        .into_iter()
        .map(|seen| seen.path)
        .collect();
    assert_eq!(asked, ["/fleet/info/refs", "/fleet/git-upload-pack"]);
}

#[tokio::test]
async fn an_incremental_fetch_transfers_only_what_is_new() {
    for old_protocol in [false, true] {
        let repository = Repository::new();
        let mut noise = 1_u64;
        for file in 0..50 {
            let content: String = (0..200)
                .map(|_| {
                    noise = noise.wrapping_mul(6364136223846793005).wrapping_add(1);
                    format!("{noise:x}\n")
                })
                .collect();
            repository.write(&format!("folder{file}/data.txt"), content);
        }
        repository.commit("one");
        let rules = Rules {
            old_protocol,
            ..Rules::default()
        };
        let server = Server::start(&repository, rules).await;
        let client = Client::new();
        let first = client.fetch(&main_of(&server)).await;
        assert!(first.received_bytes > 50_000, "{}", first.received_bytes);

        repository.write("folder7/data.txt", "changed");
        repository.commit("two");
        let second = client.fetch(&main_of(&server)).await;

        assert!(second.received_bytes < 3_000, "{}", second.received_bytes);
        assert_eq!(read(&second, "folder7/data.txt"), "changed");
        assert_eq!(all_files(&*second.tree).len(), 50);
        assert_ne!(read(&first, "folder7/data.txt"), "changed");

        // A revert needs files that only the older commit has.
        repository.git(&["revert", "--no-edit", "HEAD"]);
        let third = client.fetch(&main_of(&server)).await;
        assert_eq!(
            read(&third, "folder7/data.txt"),
            read(&first, "folder7/data.txt")
        );
        assert_eq!(all_files(&*third.tree).len(), 50);
    }
}

#[tokio::test]
async fn unchanged_folders_keep_their_ids_across_commits() {
    let repository = Repository::new();
    repository.write("a/x", "1");
    repository.write("b/y", "1");
    repository.commit("one");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let first = client.fetch(&main_of(&server)).await;
    repository.write("b/y", "2");
    repository.commit("two");
    let second = client.fetch(&main_of(&server)).await;
    let entry = |fetched: &trueup_source::Fetched, at| fetched.tree.entry(&path(at)).unwrap();
    assert_eq!(entry(&first, "a"), entry(&second, "a"));
    assert_ne!(entry(&first, "b"), entry(&second, "b"));
}

#[tokio::test]
async fn every_kind_of_reference_resolves_as_its_precedence_says() {
    let repository = Repository::new();
    repository.write("x", "1");
    let one = repository.commit("one");
    repository.git(&["tag", "v1.0.0"]);
    repository.write("x", "2");
    let two = repository.commit("two");
    repository.git(&["tag", "--annotate", "v1.2.0", "--message", "a tag"]);
    repository.git(&["tag", "v1.10.0-rc.1"]);
    repository.git(&["tag", "not-a-version"]);
    repository.git(&["branch", "master", "HEAD~1"]);
    repository.write("x", "3");
    let three = repository.commit("three");
    repository.git(&["tag", "v2.0.0"]);
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (GitReference::default(), format!("master@sha1:{one}")),
        (GitReference::branch("main"), format!("main@sha1:{three}")),
        (
            GitReference {
                tag: text("v1.2.0"),
                branch: text("main"),
                ..Default::default()
            },
            format!("v1.2.0@sha1:{two}"),
        ),
        (
            GitReference {
                semver: text(">=1.0.0 <2.0.0"),
                tag: text("v1.0.0"),
                ..Default::default()
            },
            format!("v1.2.0@sha1:{two}"),
        ),
        (
            GitReference {
                name: text("refs/tags/v1.2.0"),
                semver: text("2.x"),
                ..Default::default()
            },
            format!("refs/tags/v1.2.0@sha1:{two}"),
        ),
        (
            GitReference {
                commit: Some(one.clone()),
                name: text("refs/heads/main"),
                ..Default::default()
            },
            format!("sha1:{one}"),
        ),
        (
            GitReference {
                commit: Some(one.clone()),
                branch: text("main"),
                ..Default::default()
            },
            format!("main@sha1:{one}"),
        ),
    ];
    for old_protocol in [false, true] {
        let rules = Rules {
            old_protocol,
            ..Rules::default()
        };
        let server = Server::start(&repository, rules).await;
        for (reference, expected) in &cases {
            let request = GitRequest {
                reference: reference.clone(),
                ..GitRequest::new(&server.url())
            };
            let fetched = Client::new().fetch(&request).await;
            assert_eq!(fetched.revision.to_string(), *expected, "{reference:?}");
            assert_eq!(all_files(&*fetched.tree).len(), 1);
        }
    }
}

#[tokio::test]
async fn a_commit_is_found_in_the_history_where_the_server_gives_none_by_id() {
    let repository = Repository::new();
    repository.git(&["config", "uploadpack.allowAnySHA1InWant", "false"]);
    repository.write("x", "1");
    let one = repository.commit("one");
    repository.write("x", "2");
    repository.commit("two");
    let rules = Rules {
        old_protocol: true,
        ..Rules::default()
    };
    let server = Server::start(&repository, rules).await;
    let client = Client::new();
    let by_commit = |commit: &str| GitRequest {
        reference: GitReference {
            commit: Some(commit.to_owned()),
            ..GitReference::branch("main")
        },
        ..GitRequest::new(&server.url())
    };

    let fetched = client.fetch(&by_commit(&one)).await;
    assert_eq!(read(&fetched, "x"), "1");

    let nowhere = "0123456789012345678901234567890123456789";
    let (kind, message) = error_of(&client, &by_commit(nowhere)).await;
    let reference = format!("commit \"{nowhere}\"");
    assert_eq!(kind, FetchErrorKind::UnknownReference { reference });
    assert!(message.contains(nowhere), "{message}");

    let small = GitRequest {
        limits: GitLimits {
            max_pack_bytes: 10,
            ..GitLimits::default()
        },
        ..by_commit(&one)
    };
    let (kind, message) = error_of(&Client::new(), &small).await;
    assert_eq!(kind, FetchErrorKind::Limit, "the true cause: {message}");
}

#[tokio::test]
async fn names_that_are_no_utf8_are_in_nobodys_way() {
    let repository = Repository::new();
    let id = repository.commit("one");
    repository.git(&["tag", "v1.0.0"]);
    let packed = repository.path().join(".git/packed-refs");
    let odd = [id.as_bytes(), b" refs/tags/v2.0.0-\xff\xfe\n"].concat();
    std::fs::write(packed, odd).unwrap();
    for old_protocol in [false, true] {
        let rules = Rules {
            old_protocol,
            ..Rules::default()
        };
        let server = Server::start(&repository, rules).await;
        let newest = GitRequest {
            reference: GitReference {
                semver: Some(">=1.0.0-0".into()),
                ..GitReference::default()
            },
            ..GitRequest::new(&server.url())
        };
        let fetched = Client::new().fetch(&newest).await;
        assert_eq!(fetched.revision, Revision::git(Some("v1.0.0"), &id));
    }
}

#[tokio::test]
async fn subjects_and_names_carry_no_control_characters() {
    let repository = Repository::new();
    repository.git(&["config", "user.name", "Eve"]);
    repository.git(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "--author=E\u{9b}31mve <eve\u{1b}[2J@example.com>",
        "--message=Red \u{1b}[31mlight\u{7}\u{202e}evil\tend",
    ]);
    let server = Server::start(&repository, Rules::default()).await;
    let commit = Client::new().fetch(&main_of(&server)).await.commit;
    assert_eq!(
        commit.subject,
        "Red \u{fffd}[31mlight\u{fffd}\u{fffd}evil end"
    );
    assert_eq!(commit.author_name, "E\u{fffd}31mve");
    assert_eq!(commit.author_email, "eve\u{fffd}[2J@example.com");
}

#[tokio::test]
async fn a_forced_push_and_a_moved_tag_are_followed() {
    let repository = Repository::new();
    repository.write("x", "1");
    repository.commit("one");
    repository.write("x", "2");
    repository.write("y", "2");
    repository.commit("two");
    repository.git(&["tag", "stable"]);
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let tag = GitRequest {
        reference: GitReference {
            tag: Some("stable".into()),
            ..GitReference::default()
        },
        ..GitRequest::new(&server.url())
    };
    let before = client.fetch(&main_of(&server)).await;
    client.fetch(&tag).await;

    repository.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    repository.write("x", "other");
    let id = repository.commit("other");
    repository.git(&["tag", "--force", "stable"]);
    repository.git(&["reflog", "expire", "--expire=now", "--all"]);
    repository.git(&["gc", "--quiet", "--prune=now"]);

    let after = client.fetch(&main_of(&server)).await;
    assert_eq!(after.revision, Revision::git(Some("main"), &id));
    assert_eq!(read(&after, "x"), "other");
    assert_eq!(all_files(&*after.tree).len(), 1);
    assert_eq!(read(&before, "y"), "2", "the old tree stays readable");
    let moved = client.fetch(&tag).await;
    assert_eq!(moved.revision, Revision::git(Some("stable"), &id));
}

#[tokio::test]
async fn unknown_references_are_named() {
    let repository = Repository::new();
    repository.commit("one");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let request = GitRequest {
        reference: GitReference::branch("nowhere"),
        ..main_of(&server)
    };
    let (kind, message) = error_of(&client, &request).await;
    let reference = "branch \"nowhere\"".to_owned();
    assert_eq!(kind, FetchErrorKind::UnknownReference { reference });
    assert!(
        message.contains("the repository has no branch \"nowhere\""),
        "{message}"
    );

    // A branch whose name begins alike is another one.
    let request = GitRequest {
        reference: GitReference::branch("mai"),
        ..main_of(&server)
    };
    let (kind, _) = error_of(&client, &request).await;
    assert!(matches!(kind, FetchErrorKind::UnknownReference { .. }));

    let request = GitRequest {
        reference: GitReference {
            semver: Some(">=5".into()),
            ..GitReference::default()
        },
        ..main_of(&server)
    };
    let (kind, message) = error_of(&client, &request).await;
    assert!(matches!(kind, FetchErrorKind::UnknownReference { .. }));
    assert!(message.contains(">=5"), "{message}");
}

#[tokio::test]
async fn credentials_are_sent_and_never_shown() {
    let repository = Repository::new();
    repository.commit("one");
    let basic = Rules {
        authorization: Some("Basic dXNlcjpwQHNz".into()),
        ..Rules::default()
    };
    let server = Server::start(&repository, basic).await;
    let client = Client::new();
    let with = |credentials: Credentials| GitRequest {
        credentials,
        ..main_of(&server)
    };
    client
        .fetch(&with(Credentials::basic("user", "p@ss")))
        .await;

    let request = with(Credentials::basic("user", "hunter2"));
    let (kind, message) = error_of(&client, &request).await;
    assert_eq!(kind, FetchErrorKind::Authentication);
    assert!(
        message.contains("401") && !message.contains("hunter2"),
        "{message}"
    );
    assert!(!format!("{request:?}").contains("hunter2"));

    let (kind, message) = error_of(&client, &with(Credentials::default())).await;
    assert_eq!(kind, FetchErrorKind::Authentication);
    assert!(message.contains("no credentials were given"), "{message}");

    let in_url = GitRequest {
        url: server.url().replace("http://", "http://user:p%40ss@"),
        ..main_of(&server)
    };
    client.fetch(&in_url).await;
    server.set_rules(Rules {
        status: Some(500),
        ..Rules::default()
    });
    let (kind, message) = error_of(&client, &in_url).await;
    assert_eq!(kind, FetchErrorKind::Unreachable);
    assert!(
        !message.contains("p%40ss") && !message.contains("user"),
        "{message}"
    );

    server.set_rules(Rules {
        authorization: Some("Bearer token-7".into()),
        ..Rules::default()
    });
    client.fetch(&with(Credentials::bearer("token-7"))).await;
}

#[tokio::test]
async fn credentials_stay_with_their_host_when_it_redirects() {
    let repository = Repository::new();
    repository.commit("one");
    let target = Server::start(&repository, Rules::default()).await;
    let rules = Rules {
        redirect: Some(target.url()),
        ..Rules::default()
    };
    let first = Server::start(&repository, rules).await;
    let client = Client::new();
    let request = GitRequest {
        credentials: Credentials::basic("user", "secret"),
        ..main_of(&first)
    };
    client.fetch(&request).await;
    let asked = first.take_log();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].authorization.is_some());
    let asked = target.take_log();
    assert_eq!(
        asked.len(),
        3,
        "the conversation goes on at the new address"
    );
    assert!(asked.iter().all(|seen| seen.authorization.is_none()));

    first.set_rules(Rules {
        redirect: Some(first.url()),
        ..Rules::default()
    });
    let (kind, _) = error_of(&client, &request).await;
    assert_eq!(kind, FetchErrorKind::Limit);
}

#[tokio::test]
async fn nobody_is_led_from_https_to_http() {
    let repository = Repository::new();
    repository.commit("one");
    let open = Server::start(&repository, Rules::default()).await;
    let rules = Rules {
        redirect: Some(open.url()),
        ..Rules::default()
    };
    let (authority, acceptor) = certificate();
    let protected = Server::start_with(repository.path(), rules, Some(acceptor)).await;
    let request = GitRequest {
        credentials: Credentials::basic("user", "secret").with_ca_certificates(authority),
        ..main_of(&protected)
    };
    let (kind, message) = error_of(&Client::new(), &request).await;
    assert_eq!(kind, FetchErrorKind::Protocol, "{message}");
    assert!(
        message.contains("from HTTPS to an unprotected address"),
        "{message}"
    );
    assert!(open.take_log().is_empty(), "nothing is asked there");
}

#[tokio::test]
async fn a_missing_repository_a_dead_host_and_a_web_page_are_told_apart() {
    let repository = Repository::new();
    repository.commit("one");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let at = |url: String| GitRequest {
        url,
        ..main_of(&server)
    };
    let (kind, _) = error_of(&client, &at(format!("{}-not", server.url()))).await;
    assert_eq!(kind, FetchErrorKind::NotFound);

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (kind, message) = error_of(&client, &at(format!("http://127.0.0.1:{port}/x"))).await;
    assert_eq!(kind, FetchErrorKind::Unreachable);
    assert!(message.to_lowercase().contains("refused"), "{message}");

    server.set_rules(Rules {
        status: Some(200),
        ..Rules::default()
    });
    let (kind, message) = error_of(&client, &main_of(&server)).await;
    assert_eq!(kind, FetchErrorKind::Protocol);
    assert!(message.contains("no Git repository"), "{message}");

    let (kind, _) = error_of(&client, &at("ssh://git@localhost/x".into())).await;
    assert_eq!(kind, FetchErrorKind::Unsupported { field: "spec.url" });
    let (kind, _) = error_of(&client, &at("ftp://localhost/x".into())).await;
    assert_eq!(kind, FetchErrorKind::Invalid { field: "spec.url" });
}

#[tokio::test]
async fn a_silent_host_runs_into_the_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let request = GitRequest {
        timeout_ms: 100,
        ..GitRequest::new(&format!("http://127.0.0.1:{port}/x"))
    };
    let (kind, message) = error_of(&Client::new(), &request).await;
    assert_eq!(kind, FetchErrorKind::Timeout);
    assert!(message.contains("100ms"), "{message}");
}

#[tokio::test]
async fn a_certificate_is_trusted_only_by_its_authority() {
    let repository = Repository::new();
    repository.commit("one");
    let (authority, acceptor) = certificate();
    let server = Server::start_with(repository.path(), Rules::default(), Some(acceptor)).await;
    let client = Client::new();
    let (kind, message) = error_of(&client, &main_of(&server)).await;
    assert_eq!(kind, FetchErrorKind::Tls, "{message}");

    let request = GitRequest {
        credentials: Credentials::default().with_ca_certificates(authority),
        ..main_of(&server)
    };
    client.fetch(&request).await;

    let request = GitRequest {
        credentials: Credentials::default().with_ca_certificates("nonsense"),
        ..main_of(&server)
    };
    let (kind, message) = error_of(&client, &request).await;
    assert_eq!(
        kind,
        FetchErrorKind::Invalid {
            field: "spec.secretRef"
        }
    );
    assert!(message.contains("ca.crt"), "{message}");
}

fn certificate() -> (String, tokio_rustls::TlsAcceptor) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&key).unwrap();
    let pem = authority.pem();
    let issuer = rcgen::Issuer::new(parameters, key);
    let server_key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&server_key, &issuer)
        .unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
    let configuration = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.der().clone()], key)
        .unwrap();
    (
        pem,
        tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(configuration)),
    )
}

#[tokio::test]
async fn limits_are_named() {
    let repository = Repository::new();
    repository.write("big.bin", vec![7_u8; 5_000]);
    repository.write("small.txt", "ok");
    repository.commit("one");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let with = |limits: GitLimits| GitRequest {
        limits,
        ..main_of(&server)
    };
    let (kind, message) = error_of(
        &client,
        &with(GitLimits {
            max_pack_bytes: 100,
            ..GitLimits::default()
        }),
    )
    .await;
    assert_eq!(kind, FetchErrorKind::Limit);
    assert!(message.contains("100 bytes"), "{message}");

    let (kind, message) = error_of(
        &client,
        &with(GitLimits {
            max_tree_entries: 1,
            ..GitLimits::default()
        }),
    )
    .await;
    assert_eq!(kind, FetchErrorKind::Limit, "{message}");

    let fetched = client
        .fetch(&with(GitLimits {
            max_file_bytes: 1_000,
            ..GitLimits::default()
        }))
        .await;
    assert_eq!(read(&fetched, "small.txt"), "ok");
    let error = fetched.tree.read(&path("big.bin")).unwrap_err();
    assert!(
        error.to_string().contains("big.bin") && error.to_string().contains("1000"),
        "{error}"
    );
}

#[tokio::test]
async fn a_long_history_costs_no_more_than_its_newest_commit() {
    let repository = Repository::new();
    let mut stream = String::new();
    for commit in 1..=1_000 {
        let content = format!("version {commit} {}", "x".repeat(commit));
        stream.push_str(&format!(
            "commit refs/heads/main\ncommitter C <c@example.com> {} +0000\ndata 1\nm\nM 644 inline file\ndata {}\n{content}\n",
            1_700_000_000 + commit,
            content.len()
        ));
    }
    repository.git_with(&["fast-import", "--quiet"], &stream);
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let fetched = client.fetch(&main_of(&server)).await;
    assert!(fetched.received_bytes < 2_000, "{}", fetched.received_bytes);
    assert!(read(&fetched, "file").starts_with("version 1000 "));
}

#[tokio::test]
async fn a_mirror_survives_a_restart_and_its_leftovers() {
    let repository = Repository::new();
    repository.write("x", "1".repeat(10_000));
    let id = repository.commit("one");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let first = client.fetch(&main_of(&server)).await;
    let key = first.mirror.clone();
    drop(first);
    let packs = client
        .folder
        .path()
        .join("mirrors")
        .join(key.as_str())
        .join("1/objects/pack");
    std::fs::write(packs.join("tmp_arriving_x"), "half").unwrap();
    std::fs::write(packs.join("pack-0.pack"), "no index").unwrap();
    std::fs::create_dir_all(packs.join("../../../2/objects/pack")).unwrap();

    let client = client.restart();
    let tree = client.fetcher.tree(&key, &id).unwrap();
    assert_eq!(tree.read(&path("x")).unwrap().len(), 10_000);
    assert!(client.fetcher.tree(&key, &"0".repeat(40)).is_none());
    assert!(!packs.join("tmp_arriving_x").exists());
    assert!(!packs.join("pack-0.pack").exists());
    let again = client.fetch(&main_of(&server)).await;
    assert_eq!(again.received_bytes, 0);
}

#[tokio::test]
async fn a_broken_mirror_is_made_afresh() {
    let repository = Repository::new();
    repository.write("x", "1");
    repository.commit("one");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let first = client.fetch(&main_of(&server)).await;
    let folder = client
        .folder
        .path()
        .join("mirrors")
        .join(first.mirror.as_str());
    drop(first);
    for file in std::fs::read_dir(folder.join("1/objects/pack")).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let client = client.restart();
    assert_eq!(read(&client.fetch(&main_of(&server)).await, "x"), "1");
    repository.write("x", "2");
    repository.commit("two");
    assert_eq!(read(&client.fetch(&main_of(&server)).await, "x"), "2");
}

#[tokio::test]
async fn many_small_packs_end_in_a_fresh_mirror_while_old_trees_stay_readable() {
    let repository = Repository::new();
    repository.write("x", "0");
    repository.commit("0");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let first = client.fetch(&main_of(&server)).await;
    let folder = client
        .folder
        .path()
        .join("mirrors")
        .join(first.mirror.as_str());
    for number in 1..=70 {
        repository.write("x", number.to_string());
        repository.commit(&number.to_string());
        let fetched = client.fetch(&main_of(&server)).await;
        assert_eq!(read(&fetched, "x"), number.to_string());
    }
    assert!(folder.join("2").exists(), "made afresh");
    assert!(folder.join("1").exists(), "still read from");
    assert_eq!(read(&first, "x"), "0");
    drop(first);
    assert!(!folder.join("1").exists(), "gone with its last reader");
}

#[tokio::test]
async fn mirrors_nobody_needs_are_dropped() {
    let repository = Repository::new();
    repository.commit("one");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let kept = client.fetch(&main_of(&server)).await.mirror;
    let other = GitRequest {
        credentials: Credentials::bearer("other"),
        ..main_of(&server)
    };
    let dropped = client.fetch(&other).await.mirror;
    assert_ne!(kept, dropped, "other credentials, another mirror");
    client.fetcher.retain(std::slice::from_ref(&kept)).await;
    client.fetcher.retain(std::slice::from_ref(&kept)).await;
    let mirrors = client.folder.path().join("mirrors");
    assert!(mirrors.join(kept.as_str()).exists());
    assert!(!mirrors.join(dropped.as_str()).exists());
}

#[test]
fn secrets_are_read_by_their_keys() {
    let read = |data: &[(&'static str, &'static str)]| {
        Credentials::from_secret(data.iter().map(|(key, value)| (*key, value.as_bytes())))
    };
    assert_eq!(
        read(&[("username", "u"), ("password", "p"), ("other", "x")]).unwrap(),
        Credentials::basic("u", "p")
    );
    assert_eq!(
        read(&[("bearerToken", "t"), ("caFile", "pem")]).unwrap(),
        Credentials::bearer("t").with_ca_certificates("pem")
    );
    let error = read(&[("username", "u")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the Secret has the key 'username' but lacks 'password'"
    );
    assert!(read(&[("tls.key", "k")]).is_err());
}

#[tokio::test]
async fn a_commit_with_a_name_that_climbs_is_refused() {
    let repository = Repository::new();
    let blob = repository.git_with(&["hash-object", "-w", "--stdin"], "x");
    let mut tree = b"100644 ..\0".to_vec();
    tree.extend((0..20).map(|at| u8::from_str_radix(&blob[2 * at..2 * at + 2], 16).unwrap()));
    std::fs::write(repository.path().join("raw"), tree).unwrap();
    let tree = repository.git(&["hash-object", "-t", "tree", "-w", "--literally", "raw"]);
    let commit = repository.git(&["commit-tree", &tree, "-m", "evil"]);
    repository.git(&["update-ref", "refs/heads/main", &commit]);
    let server = Server::start(&repository, Rules::default()).await;
    let (kind, message) = error_of(&Client::new(), &main_of(&server)).await;
    assert_eq!(kind, FetchErrorKind::Protocol, "{message}");
    assert!(message.contains("forbidden name \"..\""), "{message}");
    assert_eq!(server.take_log().len(), 3, "fetched once");
}

#[tokio::test]
async fn a_fetch_that_is_dropped_leaves_nothing_in_the_way() {
    let repository = Repository::new();
    repository.write("x", "1");
    repository.commit("one");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    for wait_ms in [0, 1, 3, 6, 10] {
        let wait = std::time::Duration::from_millis(wait_ms);
        let _ = tokio::time::timeout(wait, client.try_fetch(&main_of(&server))).await;
    }
    assert_eq!(read(&client.fetch(&main_of(&server)).await, "x"), "1");
}
