//! The store of artifacts on disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use trueup_artifact::{ArchiveLimits, Entry, MemoryTree, Revision};
use trueup_source::{
    ArtifactOwner, ArtifactStorage, ArtifactStore, ArtifactStoreOptions, FetchOutcome, GitFetch,
    Origin, Publication, StoreError, TreeSource,
};

use crate::fixture::{Client, Repository, Rules, Server, main_of, path};

fn open(root: &Path, trees: Option<Arc<dyn TreeSource>>) -> ArtifactStore {
    ArtifactStore::open(ArtifactStoreOptions {
        root: root.to_owned(),
        advertised_host: "artifacts.example:8080".into(),
        trees,
        limits: ArchiveLimits::default(),
    })
    .unwrap()
}

fn publication(commit: char, files: &[(&str, &str)]) -> Publication {
    let files = files
        .iter()
        .map(|(path, content)| (*path, (*content).to_owned()));
    Publication {
        owner: ArtifactOwner::git_repository("flux-system", "fleet"),
        revision: Revision::git(Some("main"), &commit.to_string().repeat(40)),
        tree: Arc::new(MemoryTree::from_files(files).unwrap()),
        ignore: None,
        origin: None,
        metadata: BTreeMap::new(),
        now: Timestamp::now(),
    }
}

#[tokio::test]
async fn an_artifact_is_published_served_and_opened_again() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), None);
    let first = publication('a', &[("apps/x.yaml", "1"), ("photo.png", "x")]);
    let record = store.publish(first.clone()).await.unwrap();

    let file = format!("gitrepository/flux-system/fleet/{}.tar.gz", "a".repeat(40));
    assert_eq!(record.path, file);
    assert_eq!(record.url, format!("http://artifacts.example:8080/{file}"));
    assert_eq!(record.revision, first.revision.to_string());
    let served = store.file(&file).unwrap();
    assert_eq!(
        store
            .file("/gitrepository/flux-system/fleet/latest.tar.gz")
            .unwrap(),
        served
    );
    assert_eq!(
        std::fs::metadata(&served).unwrap().len(),
        record.size_bytes.unwrap()
    );
    assert!(store.holds(&record).await);
    let again = store.publish(first).await.unwrap();
    assert_eq!(again.digest, record.digest);

    let store = open(folder.path(), None);
    let tree = store.open(&record).await.unwrap();
    assert_eq!(tree.read(&path("apps/x.yaml")).unwrap(), "1");
    assert_eq!(tree.entry(&path("photo.png")).unwrap(), None);
}

#[tokio::test]
async fn a_changed_archive_is_not_opened() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), None);
    let record = store
        .publish(publication('a', &[("x", "1")]))
        .await
        .unwrap();
    let file = store.file(&record.path).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 10;
    bytes[last] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let store = open(folder.path(), None);
    assert!(matches!(
        store.open(&record).await,
        Err(StoreError::Digest { .. })
    ));
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(
        store.open(&record).await,
        Err(StoreError::NotFound { .. })
    ));
    assert!(!store.holds(&record).await);
}

#[tokio::test]
async fn garbage_keeps_the_current_the_newest_two_and_the_young() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), None);
    let mut records = Vec::new();
    for (age_s, commit) in [(500, 'a'), (400, 'b'), (300, 'c'), (200, 'd')] {
        let record = store
            .publish(publication(commit, &[("x", "1")]))
            .await
            .unwrap();
        let file = std::fs::File::open(store.file(&record.path).unwrap()).unwrap();
        let time = std::time::SystemTime::now() - std::time::Duration::from_secs(age_s);
        file.set_modified(time).unwrap();
        records.push(record);
    }
    let owner = ArtifactOwner::git_repository("flux-system", "fleet");
    let now = Timestamp::now();
    let early = now - SignedDuration::from_secs(450);
    let removed = store.collect_garbage(&owner, &records[3], early).await;
    assert!(removed.unwrap().is_empty(), "too young");
    let removed = store.collect_garbage(&owner, &records[0], now).await;
    assert_eq!(removed.unwrap(), [records[1].path.clone()]);
    assert!(store.file(&records[0].path).is_some(), "still referred to");
    let removed = store.collect_garbage(&owner, &records[3], now).await;
    assert_eq!(removed.unwrap(), [records[0].path.clone()]);
    store.remove(&owner).await.unwrap();
    assert!(store.file(&records[3].path).is_none());
    store.remove(&owner).await.unwrap();
}

#[tokio::test]
async fn only_artifacts_are_served() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("store");
    let store = open(&root, None);
    let record = store
        .publish(publication('a', &[("x", "1")]))
        .await
        .unwrap();
    std::fs::write(folder.path().join("secret.tar.gz"), "x").unwrap();
    let owner = root.join("gitrepository/flux-system/fleet");
    std::os::unix::fs::symlink("../../../../secret.tar.gz", owner.join("evil.tar.gz")).unwrap();
    std::fs::write(owner.join(".tmp-x.tar.gz"), "x").unwrap();
    for bad in [
        "",
        "/",
        "gitrepository",
        "gitrepository/flux-system/fleet/",
        "gitrepository/flux-system/fleet/evil.tar.gz",
        "gitrepository/flux-system/fleet/.tmp-x.tar.gz",
        "gitrepository/flux-system/fleet/../fleet/latest.tar.gz",
        "gitrepository/../../secret.tar.gz",
        "../a/b/secret.tar.gz",
        ".records/gitrepository/flux-system/fleet.tar.gz",
        "//gitrepository/flux-system/fleet/latest.tar.gz",
        "gitrepository/flux-system/fleet/%2e%2e.tar.gz",
    ] {
        assert_eq!(store.file(bad), None, "{bad}");
    }
    assert!(store.file(&record.path).is_some());
    let mut hostile = publication('a', &[]);
    hostile.owner.name = "../x".into();
    assert!(matches!(
        store.publish(hostile).await,
        Err(StoreError::Path { .. })
    ));
    std::fs::write(owner.join(".tmp-y"), "half").unwrap();
    open(&root, None);
    assert!(!owner.join(".tmp-y").exists(), "cleaned at start");
}

#[tokio::test]
async fn after_a_restart_the_mirror_answers_with_the_same_ids() {
    let repository = Repository::new();
    repository.write("apps/x.yaml", "1");
    repository.write("apps/skip.txt", "1");
    repository.write(".sourceignore", "*.txt\n");
    let commit = repository.commit("one");
    std::os::unix::fs::symlink("/etc", repository.path().join("apps/link")).unwrap();
    repository.commit("two");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let fetched = client.fetch(&main_of(&server)).await;
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), None);
    let record = store
        .publish(Publication {
            revision: fetched.revision.clone(),
            tree: fetched.tree.clone(),
            origin: Some(Origin {
                mirror: fetched.mirror.clone(),
                commit: fetched.commit.id.clone(),
            }),
            ..publication('a', &[])
        })
        .await
        .unwrap();
    assert_ne!(fetched.commit.id, commit);
    let before = store.open(&record).await.unwrap();
    let before = before.entry(&path("apps")).unwrap();

    let client = client.restart();
    let store = open(folder.path(), Some(Arc::new(client.fetcher)));
    let tree = store.open(&record).await.unwrap();
    assert_eq!(tree.entry(&path("apps")).unwrap(), before);
    assert_eq!(tree.entry(&path("apps/skip.txt")).unwrap(), None);
    assert_eq!(
        tree.entry(&path("apps/link")).unwrap(),
        Some(Entry::Symlink {
            target: "/etc".into()
        })
    );
}

#[tokio::test]
async fn a_fleet_of_a_hundred_folders_is_fetched_and_archived() {
    let repository = Repository::new();
    for folder in 0..100 {
        for file in 0..4 {
            repository.write(
                &format!("apps/{folder}/{file}.yaml"),
                format!("kind: Deployment\nmetadata: {{name: n{folder}-{file}}}\n").repeat(10),
            );
        }
    }
    repository.commit("one");
    let server = Server::start(&repository, Rules::default()).await;
    let client = Client::new();
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), None);
    for round in ["first", "second"] {
        let started = std::time::Instant::now();
        let outcome = client.fetcher.fetch(&main_of(&server)).await.unwrap();
        let FetchOutcome::Fetched(fetched) = outcome else {
            panic!("nothing fetched");
        };
        let took = started.elapsed();
        let publication = Publication {
            tree: fetched.tree.clone(),
            revision: fetched.revision.clone(),
            ..publication('a', &[])
        };
        let record = store.publish(publication).await.unwrap();
        println!(
            "{round}: fetch {took:?}, archive of {:?} bytes {:?}",
            record.size_bytes,
            started.elapsed() - took
        );
        repository.write("apps/7/1.yaml", "changed");
        repository.commit("two");
    }
}
