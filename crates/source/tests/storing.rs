//! The store of artifacts on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use trueup_artifact::{ArchiveLimits, Digest, Entry, MemoryTree, Revision, write_archive};
use trueup_source::{
    ArtifactOwner, ArtifactStorage, ArtifactStore, ArtifactStoreOptions, EXTERNAL_ARTIFACTS,
    FetchOutcome, ForeignArchive, GitFetch, Origin, Publication, StoreError, TreeSource,
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

/// An archive of one file that somebody else made, told of by this digest.
fn foreign(name: &str, content: &str, digest: Option<&str>) -> ForeignArchive {
    let tree = MemoryTree::from_files([("app/x.yaml", content.to_owned())]).unwrap();
    let mut archive = Vec::new();
    write_archive(&tree, &mut archive).unwrap();
    let actual = Digest::of(&archive).to_string();
    ForeignArchive {
        owner: ArtifactOwner::external_artifact("apps", name),
        digest: digest.unwrap_or(&actual).parse().unwrap(),
        archive: archive.into(),
        now: Timestamp::now(),
    }
}

#[tokio::test]
async fn an_archive_of_others_is_kept_over_a_restart_and_served_to_nobody() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), None);
    let one = foreign("web", "1", None);
    let tree = store.keep(one.clone()).await.unwrap();
    assert_eq!(tree.read(&path("app/x.yaml")).unwrap(), "1");
    let file = format!(
        "externalartifact/apps/web/{}.tar.gz",
        one.digest.file_name()
    );
    assert!(folder.path().join(&file).is_file());
    for path in [file.clone(), format!("/{file}")] {
        assert_eq!(store.file(&path), None, "{path}");
    }
    let store = open(folder.path(), None);
    let kept = store.kept(&one.owner, &one.digest).await.unwrap().unwrap();
    assert_eq!(kept.read(&path("app/x.yaml")).unwrap(), "1");
    let other = foreign("web", "2", None);
    assert!(
        store
            .kept(&other.owner, &other.digest)
            .await
            .unwrap()
            .is_none()
    );
    // What was changed on disk since is not there.
    std::fs::write(folder.path().join(&file), other.archive).unwrap();
    let store = open(folder.path(), None);
    assert!(store.kept(&one.owner, &one.digest).await.unwrap().is_none());
}

#[tokio::test]
async fn an_archive_of_others_without_its_digest_is_neither_unpacked_nor_kept() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), None);
    let digest = format!("sha512:{}", "0".repeat(128));
    let mut bad = foreign("web", "1", Some(&digest));
    // Not even what is no archive is looked at.
    for archive in [bad.archive.clone(), "no archive".into()] {
        bad.archive = archive;
        let error = store.keep(bad.clone()).await.unwrap_err();
        assert!(matches!(error, StoreError::Unverified(_)), "{error}");
    }
    assert!(store.kept(&bad.owner, &bad.digest).await.unwrap().is_none());
    let broken = ForeignArchive {
        digest: Digest::of(b"no archive").to_string().parse().unwrap(),
        ..bad
    };
    let error = store.keep(broken).await.unwrap_err();
    assert!(matches!(error, StoreError::Foreign(_)), "{error}");
    assert!(!folder.path().join("externalartifact").exists());
    // Neither is what comes under the digest of what is kept.
    let good = foreign("web", "1", None);
    store.keep(good.clone()).await.unwrap();
    let other = ForeignArchive {
        archive: "other".into(),
        ..good
    };
    let error = store.keep(other).await.unwrap_err();
    assert!(matches!(error, StoreError::Unverified(_)), "{error}");
}

#[tokio::test]
async fn what_was_kept_of_others_goes_with_them() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), None);
    let (web, api) = (foreign("web", "1", None), foreign("api", "1", None));
    for one in [&web, &api] {
        store.keep(one.clone()).await.unwrap();
    }
    let record = store
        .publish(publication('a', &[("x", "1")]))
        .await
        .unwrap();
    let owners = BTreeSet::from([web.owner.clone()]);
    store.retain(EXTERNAL_ARTIFACTS, &owners).await.unwrap();
    assert!(store.kept(&api.owner, &api.digest).await.unwrap().is_none());
    assert!(store.kept(&web.owner, &web.digest).await.unwrap().is_some());
    store.remove(&web.owner).await.unwrap();
    assert!(store.kept(&web.owner, &web.digest).await.unwrap().is_none());
    assert!(store.holds(&record).await, "others keep theirs");
}
