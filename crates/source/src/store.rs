//! The store of artifacts on disk.

mod cache;
mod disk;
mod foreign;
mod layout;
mod stream;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use trueup_artifact::{ArchiveLimits, Checksum, Digest, FileTree, FilteredTree, read_archive};

use self::cache::{Opened, TreeCache};
use self::disk::SideRecord;
use crate::{
    ArtifactOwner, ArtifactRecord, ArtifactStorage, BoxFuture, ForeignArchive, Publication,
    StoreError, TreeSource,
};

/// Where an [`ArtifactStore`] works.
#[derive(Debug, Clone)]
pub struct ArtifactStoreOptions {
    /// The folder of the store; made if it is not there.
    pub root: PathBuf,
    /// Host and port under which the files are served, as written into URLs.
    pub advertised_host: String,
    /// Where commits are looked up before archives are unpacked.
    pub trees: Option<Arc<dyn TreeSource>>,
    /// What reading an archive back may cost.
    pub limits: ArchiveLimits,
}

impl ArtifactStoreOptions {
    /// A store in a folder with the usual limits, told under a host, whose
    /// trees are read from archives.
    #[must_use]
    pub fn new(root: PathBuf, advertised_host: &str) -> Self {
        Self {
            root,
            advertised_host: advertised_host.to_owned(),
            trees: None,
            limits: ArchiveLimits::default(),
        }
    }

    /// The same with commits looked up in the mirrors of a fetcher first.
    #[must_use]
    pub fn with_trees(self, trees: Arc<dyn TreeSource>) -> Self {
        Self {
            trees: Some(trees),
            ..self
        }
    }
}

/// Artifacts in a folder, in Flux's layout:
/// `<root>/gitrepository/<namespace>/<name>/<hash>.tar.gz` with a link
/// `latest.tar.gz` beside them. Every file is written elsewhere and renamed
/// into place, so that a process may die at any instant.
#[derive(Debug, Clone)]
pub struct ArtifactStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: ArtifactStoreOptions,
    cache: TreeCache,
    /// Held while an archive of somebody else is unpacked: one at a time, so
    /// that what they may take of memory is bounded.
    unpacking: Mutex<()>,
}

impl ArtifactStore {
    /// Opens a store and removes what a killed process left half-written.
    pub fn open(options: ArtifactStoreOptions) -> io::Result<Self> {
        std::fs::create_dir_all(&options.root)?;
        disk::remove_leftovers(&options.root)?;
        let cache = TreeCache::default();
        Ok(ArtifactStore {
            shared: Arc::new(Shared {
                options,
                cache,
                unpacking: Mutex::default(),
            }),
        })
    }

    /// The file behind a path of a URL, `gitrepository/<ns>/<name>/<file>`
    /// with or without a slash in front; `None` for everything that is no
    /// artifact of ours, climbs or leads elsewhere.
    pub fn file(&self, path: &str) -> Option<PathBuf> {
        if layout::is_foreign(path) {
            return None;
        }
        layout::served_file(&self.shared.options.root, path)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        match tokio::task::spawn_blocking(move || work(&shared)).await {
            Ok(outcome) => outcome,
            Err(error) => Err(StoreError::Disk {
                operation: "work",
                path: String::new(),
                cause: io::Error::other(error),
            }),
        }
    }
}

impl Shared {
    fn publish(&self, publication: Publication) -> Result<ArtifactRecord, StoreError> {
        let path = layout::archive_path(&publication.owner, publication.revision.hash())?;
        let tree = FilteredTree::load(publication.tree.clone(), publication.ignore.as_deref())?;
        let tree: Arc<dyn FileTree> = Arc::new(tree);
        let summary = disk::write_archive_file(&self.options.root, &path, &*tree)?;
        let digest = summary.digest.to_string();
        if let Some(origin) = &publication.origin {
            let side = SideRecord {
                digest: digest.clone(),
                mirror: origin.mirror.as_str().to_owned(),
                commit: origin.commit.clone(),
                ignore: publication.ignore.clone(),
            };
            disk::write_side_record(&self.options.root, &path, &side)?;
        }
        self.cache.insert(&path, &digest, Opened::lazily(tree));
        Ok(ArtifactRecord {
            url: format!("http://{}/{path}", self.options.advertised_host),
            path,
            revision: publication.revision.to_string(),
            digest,
            last_update_time: publication.now,
            size_bytes: Some(summary.size_bytes),
            metadata: publication.metadata,
        })
    }

    fn open_tree(&self, record: &ArtifactRecord) -> Result<Arc<dyn FileTree>, StoreError> {
        if let Some(tree) = self.cache.get(&record.path, &record.digest) {
            return Ok(tree);
        }
        layout::check_path(&record.path)?;
        let opened = match self.tree_of_mirror(record) {
            Some(tree) => Opened::lazily(tree),
            None => self.tree_of_archive(record)?,
        };
        let tree = opened.tree.clone();
        self.cache.insert(&record.path, &record.digest, opened);
        Ok(tree)
    }

    /// What is amiss here is no failure: the archive has it all.
    fn tree_of_mirror(&self, record: &ArtifactRecord) -> Option<Arc<dyn FileTree>> {
        let side = disk::read_side_record(&self.options.root, &record.path)?;
        if side.digest != record.digest {
            return None;
        }
        let mirror = crate::MirrorKey::parse(&side.mirror)?;
        let tree = self.options.trees.as_ref()?.tree(&mirror, &side.commit)?;
        let tree = FilteredTree::load(tree, side.ignore.as_deref()).ok()?;
        Some(Arc::new(tree))
    }

    fn tree_of_archive(&self, record: &ArtifactRecord) -> Result<Opened, StoreError> {
        let path = || record.path.clone();
        let archive = disk::read_archive_file(&self.options.root, &record.path)?;
        let actual = Digest::of(&archive).to_string();
        if actual != record.digest {
            return Err(StoreError::Digest {
                path: path(),
                expected: record.digest.clone(),
                actual,
            });
        }
        let tree =
            read_archive(&archive, &self.options.limits).map_err(|cause| StoreError::Archive {
                path: path(),
                cause,
            })?;
        Ok(Opened::whole(tree))
    }

    fn holds(&self, record: &ArtifactRecord) -> bool {
        let length = layout::served_file(&self.options.root, &record.path)
            .and_then(|file| file.metadata().ok())
            .map(|metadata| metadata.len());
        match (length, record.size_bytes) {
            (Some(length), Some(expected)) => length == expected,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

impl ArtifactStorage for ArtifactStore {
    fn publish<'a>(
        &'a self,
        publication: Publication,
    ) -> BoxFuture<'a, Result<ArtifactRecord, StoreError>> {
        Box::pin(self.run(move |shared| shared.publish(publication)))
    }

    fn open<'a>(
        &'a self,
        record: &'a ArtifactRecord,
    ) -> BoxFuture<'a, Result<Arc<dyn FileTree>, StoreError>> {
        if let Some(tree) = self.shared.cache.get(&record.path, &record.digest) {
            return Box::pin(std::future::ready(Ok(tree)));
        }
        let record = record.clone();
        Box::pin(self.run(move |shared| shared.open_tree(&record)))
    }

    fn keep<'a>(
        &'a self,
        archive: ForeignArchive,
    ) -> BoxFuture<'a, Result<Arc<dyn FileTree>, StoreError>> {
        Box::pin(self.run(move |shared| shared.keep(&archive)))
    }

    fn kept<'a>(
        &'a self,
        owner: &'a ArtifactOwner,
        digest: &'a Checksum,
    ) -> BoxFuture<'a, Result<Option<Arc<dyn FileTree>>, StoreError>> {
        let (owner, digest) = (owner.clone(), digest.clone());
        Box::pin(self.run(move |shared| shared.kept(&owner, &digest)))
    }

    fn holds<'a>(&'a self, record: &'a ArtifactRecord) -> BoxFuture<'a, bool> {
        let record = record.clone();
        Box::pin(async move {
            let held = self.run(move |shared| Ok(shared.holds(&record))).await;
            held.unwrap_or(false)
        })
    }

    fn collect_garbage<'a>(
        &'a self,
        owner: &'a ArtifactOwner,
        current: &'a ArtifactRecord,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let (owner, current) = (owner.clone(), current.path.clone());
        Box::pin(self.run(move |shared| {
            let folder = layout::owner_path(&owner)?;
            let removed = disk::collect_garbage(&shared.options.root, &folder, &current, now)?;
            removed.iter().for_each(|path| shared.cache.forget(path));
            Ok(removed)
        }))
    }

    fn remove<'a>(&'a self, owner: &'a ArtifactOwner) -> BoxFuture<'a, Result<(), StoreError>> {
        let owner = owner.clone();
        Box::pin(self.run(move |shared| {
            let folder = layout::owner_path(&owner)?;
            disk::remove_folder(&shared.options.root, &folder)?;
            shared.cache.forget_below(&folder);
            Ok(())
        }))
    }

    fn retain<'a>(
        &'a self,
        kind: &'a str,
        owners: &'a BTreeSet<ArtifactOwner>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let (kind, owners) = (kind.to_owned(), owners.clone());
        Box::pin(self.run(move |shared| {
            for owner in disk::owners(&shared.options.root, &kind)? {
                if !owners.contains(&owner) {
                    disk::remove_folder(&shared.options.root, &owner.path())?;
                    shared.cache.forget_below(&owner.path());
                }
            }
            Ok(())
        }))
    }
}
