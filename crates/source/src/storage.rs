//! The store of artifacts as a trait.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use trueup_artifact::{ArchiveError, Checksum, FileTree, Revision, TreeError, WriteArchiveError};

use crate::{BoxFuture, MirrorKey};

/// How many of an object's newest archives are always kept.
pub const ARTIFACT_RETENTION_RECORDS: usize = 2;

/// How long an archive is kept at least.
pub const ARTIFACT_RETENTION_MS: i64 = 60_000;

/// The kind, in lower case, whose archives others make and serve.
pub const EXTERNAL_ARTIFACTS: &str = "externalartifact";

/// Keeps artifacts.
pub trait ArtifactStorage: fmt::Debug + Send + Sync {
    /// Archives a tree under its ignore rules and makes it the object's newest
    /// artifact. The same publication twice gives the same digest. When this
    /// returns, the archive survives a crash.
    fn publish<'a>(
        &'a self,
        publication: Publication,
    ) -> BoxFuture<'a, Result<ArtifactRecord, StoreError>>;

    /// The files of an artifact: out of the mirror where the commit is still
    /// there, else out of the archive once its digest is verified.
    fn open<'a>(
        &'a self,
        record: &'a ArtifactRecord,
    ) -> BoxFuture<'a, Result<Arc<dyn FileTree>, StoreError>>;

    /// Keeps an archive that somebody else made, and answers its files. It is
    /// refused, and nothing of it unpacked, unless it has its digest; refused
    /// as well where it is over the limits of a stranger's archive, or holds
    /// what no artifact may. When this returns, it survives a crash. It is not
    /// served to anybody.
    fn keep<'a>(
        &'a self,
        archive: ForeignArchive,
    ) -> BoxFuture<'a, Result<Arc<dyn FileTree>, StoreError>>;

    /// The files of an archive that was kept for an owner, by its digest;
    /// `None` if it is not here.
    fn kept<'a>(
        &'a self,
        owner: &'a ArtifactOwner,
        digest: &'a Checksum,
    ) -> BoxFuture<'a, Result<Option<Arc<dyn FileTree>>, StoreError>>;

    /// Whether the archive of this record is there with the right length.
    fn holds<'a>(&'a self, record: &'a ArtifactRecord) -> BoxFuture<'a, bool>;

    /// Removes the object's archives except `current`, the newest
    /// [`ARTIFACT_RETENTION_RECORDS`] and those younger than
    /// [`ARTIFACT_RETENTION_MS`] at `now`. Answers the paths that were removed.
    fn collect_garbage<'a>(
        &'a self,
        owner: &'a ArtifactOwner,
        current: &'a ArtifactRecord,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>>;

    /// Removes everything of an object that is gone.
    fn remove<'a>(&'a self, owner: &'a ArtifactOwner) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Removes everything of objects of a kind (in lower case) that are not
    /// among these.
    fn retain<'a>(
        &'a self,
        kind: &'a str,
        owners: &'a BTreeSet<ArtifactOwner>,
    ) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// The object whose artifact it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactOwner {
    /// The kind in lower case: `gitrepository`.
    pub kind: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
}

impl ArtifactOwner {
    /// The owner of a GitRepository's artifacts.
    pub fn git_repository(namespace: &str, name: &str) -> Self {
        ArtifactOwner {
            kind: "gitrepository".to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The owner of what is fetched for an ExternalArtifact.
    pub fn external_artifact(namespace: &str, name: &str) -> Self {
        ArtifactOwner {
            kind: EXTERNAL_ARTIFACTS.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The folder of the owner's archives, relative to the store:
    /// `gitrepository/<namespace>/<name>`.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// What becomes an artifact.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Whose artifact.
    pub owner: ArtifactOwner,
    /// Its revision; the file is named after the hash.
    pub revision: Revision,
    /// All files, before ignore rules.
    pub tree: Arc<dyn FileTree>,
    /// `spec.ignore`.
    pub ignore: Option<String>,
    /// Where the tree can be found again after a restart.
    pub origin: Option<Origin>,
    /// Extra facts for the status.
    pub metadata: BTreeMap<String, String>,
    /// The time of the publication.
    pub now: Timestamp,
}

/// An archive that somebody else made and serves.
#[derive(Clone)]
pub struct ForeignArchive {
    /// The object that tells of it.
    pub owner: ArtifactOwner,
    /// The digest that it must have.
    pub digest: Checksum,
    /// The archive, a gzipped tar.
    pub archive: Bytes,
    /// The time at which it is kept.
    pub now: Timestamp,
}

/// Content may be secret and is long: a length will do.
impl fmt::Debug for ForeignArchive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (owner, length) = (self.owner.path(), self.archive.len());
        write!(formatter, "{owner} {} of {length} bytes", self.digest)
    }
}

/// A commit in a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Which mirror.
    pub mirror: MirrorKey,
    /// 40 hexadecimal digits.
    pub commit: String,
}

/// A stored artifact: what `status.artifact` says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactRecord {
    /// Relative to the store: `gitrepository/<namespace>/<name>/<hash>.tar.gz`.
    pub path: String,
    /// Where it is served.
    pub url: String,
    /// Its revision.
    pub revision: String,
    /// Of the archive: `sha256:…`.
    pub digest: String,
    /// When it was stored.
    pub last_update_time: Timestamp,
    /// Length of the archive; unknown in records of old versions.
    pub size_bytes: Option<u64>,
    /// Extra facts.
    pub metadata: BTreeMap<String, String>,
}

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk said no.
    #[error("failed to {operation} '{path}' in the artifact store: {cause}")]
    Disk {
        /// What was tried: `write`.
        operation: &'static str,
        /// The path relative to the store.
        path: String,
        /// The cause.
        cause: std::io::Error,
    },
    /// The tree could not be read, or a file of it is over a limit.
    #[error("failed to build the artifact: {0}")]
    Tree(#[from] TreeError),
    /// The artifact is not in the store.
    #[error("artifact '{path}' is not in the store")]
    NotFound {
        /// The path of the record.
        path: String,
    },
    /// The archive is not the one that the record speaks of.
    #[error("artifact '{path}' has the digest {actual}, expected {expected}")]
    Digest {
        /// The path of the record.
        path: String,
        /// What the record says.
        expected: String,
        /// What the archive has.
        actual: String,
    },
    /// The archive of somebody else is not the one that was spoken of.
    #[error("computed digest doesn't match provided '{0}'")]
    Unverified(Checksum),
    /// The archive of somebody else is not to be unpacked.
    #[error(transparent)]
    Foreign(ArchiveError),
    /// The archive can't be read.
    #[error("artifact '{path}': {cause}")]
    Archive {
        /// The path of the record.
        path: String,
        /// The cause.
        cause: ArchiveError,
    },
    /// A path that leads nowhere in the store.
    #[error("'{path}' is no path of an artifact")]
    Path {
        /// The path as given.
        path: String,
    },
}

impl StoreError {
    pub(crate) fn writing(path: &str, error: WriteArchiveError) -> Self {
        match error {
            WriteArchiveError::Tree(error) => StoreError::Tree(error),
            WriteArchiveError::Output(cause) => StoreError::Disk {
                operation: "write",
                path: path.to_owned(),
                cause,
            },
        }
    }
}
