//! The stand-ins in memory behave like the real ones.

use std::collections::BTreeMap;

use jiff::Timestamp;
use trueup_artifact::MemoryTree;
use trueup_source::memory::{MemoryRemote, MemoryStore};
use trueup_source::{
    ArtifactOwner, ArtifactStorage, FetchErrorKind, FetchOutcome, GitFetch, GitReference,
    GitRequest, Publication,
};

const URL: &str = "https://git.example/fleet";

fn request(reference: GitReference) -> GitRequest {
    GitRequest {
        reference,
        ..GitRequest::new(URL)
    }
}

#[tokio::test]
async fn a_remote_in_memory_resolves_and_fails_as_told() {
    let remote = MemoryRemote::new();
    let main = request(GitReference::branch("main"));
    let error = remote.fetch(&main).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::NotFound);

    let tree = MemoryTree::from_files([("x", "1")]).unwrap();
    let one = remote.commit(URL, "main", tree.clone(), "one", Timestamp::UNIX_EPOCH);
    remote.set_reference(URL, "refs/tags/v1.0.0", &one);
    let two = remote.commit(URL, "main", tree.clone(), "two", Timestamp::UNIX_EPOCH);
    assert_ne!(one, two);
    let Ok(FetchOutcome::Fetched(fetched)) = remote.fetch(&main).await else {
        panic!("not fetched");
    };
    assert_eq!(fetched.revision.to_string(), format!("main@sha1:{two}"));
    let semver = request(GitReference {
        semver: Some("1.x".into()),
        ..GitReference::default()
    });
    let Ok(FetchOutcome::Fetched(tagged)) = remote.fetch(&semver).await else {
        panic!("not fetched");
    };
    assert_eq!(tagged.revision.to_string(), format!("v1.0.0@sha1:{one}"));

    remote.fail(URL, FetchErrorKind::Unreachable, 1);
    let error = remote.fetch(&main).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Unreachable);
    let known = GitRequest {
        known: Some(fetched.revision.clone()),
        ..main
    };
    let outcome = remote.fetch(&known).await.unwrap();
    assert!(matches!(outcome, FetchOutcome::Unchanged { .. }));

    let store = MemoryStore::new();
    let publication = Publication {
        owner: ArtifactOwner::git_repository("default", "fleet"),
        revision: fetched.revision,
        tree: fetched.tree,
        ignore: None,
        origin: None,
        metadata: BTreeMap::new(),
        now: Timestamp::UNIX_EPOCH,
    };
    store.fail(1);
    assert!(store.publish(publication.clone()).await.is_err());
    let record = store.publish(publication).await.unwrap();
    assert!(store.holds(&record).await);
    assert!(store.open(&record).await.is_ok());
    store.lose_everything();
    assert!(store.open(&record).await.is_err());
}
