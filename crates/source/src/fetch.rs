//! The Git side as a trait, and what it answers.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use trueup_artifact::{FileTree, Revision};

use crate::{FetchError, GitRequest};

/// A future in a box, so that the traits of this crate can stand behind `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Somewhere that Git content is fetched from.
pub trait GitFetch: fmt::Debug + Send + Sync {
    /// Resolves the request's reference at the remote and, unless the request
    /// says that it is known already, fetches the commit. Dropping the future
    /// cancels.
    fn fetch<'a>(
        &'a self,
        request: &'a GitRequest,
    ) -> BoxFuture<'a, Result<FetchOutcome, FetchError>>;

    /// Drops what is kept for repositories other than these.
    fn retain<'a>(&'a self, in_use: &'a [MirrorKey]) -> BoxFuture<'a, ()>;
}

/// Trees of commits that were fetched earlier.
pub trait TreeSource: fmt::Debug + Send + Sync {
    /// The tree of a commit (40 hexadecimal digits) if it is still here, all
    /// of it.
    fn tree(&self, mirror: &MirrorKey, commit: &str) -> Option<Arc<dyn FileTree>>;
}

/// Names the place where a repository is mirrored: URL and credentials in one
/// keyed digest, 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MirrorKey(pub(crate) String);

impl MirrorKey {
    /// Reads a key back from its text.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        valid.then(|| MirrorKey(text.to_owned()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a fetch found.
#[derive(Debug, Clone)]
pub enum FetchOutcome {
    /// The reference still resolves to the revision that the request knew;
    /// nothing was transferred.
    Unchanged {
        /// That revision.
        revision: Revision,
    },
    /// There is something new.
    Fetched(Fetched),
}

/// A commit and its content.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// By Flux's grammar: `main@sha1:…`.
    pub revision: Revision,
    /// Facts about the commit.
    pub commit: Commit,
    /// All files of the commit, read when asked for. No ignore rules applied.
    pub tree: Arc<dyn FileTree>,
    /// Where the tree can be found again after a restart.
    pub mirror: MirrorKey,
    /// Length of the pack that was transferred; 0 if nothing was.
    pub received_bytes: u64,
}

/// Facts about a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// 40 hexadecimal digits.
    pub id: String,
    /// The author's name.
    pub author_name: String,
    /// The author's address.
    pub author_email: String,
    /// When it was committed.
    pub committed_at: Timestamp,
    /// The first line of the message.
    pub subject: String,
}
