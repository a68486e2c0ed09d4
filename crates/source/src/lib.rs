//! Where content comes from and where it is kept: a Git client with bare
//! mirrors, single files of web servers, and the store of artifacts on disk.
//!
//! Both stand behind traits, [`GitFetch`] and [`ArtifactStorage`], so that a
//! simulation can put [`memory`] in their place. Nothing of the user's Git
//! configuration or credential helpers is read and no `git` process is run.

mod error;
mod fetch;
mod folder;
mod git;
pub mod memory;
mod network;
mod outgoing;
mod request;
mod storage;
mod store;
mod web;

pub use error::{FetchError, FetchErrorKind};
pub use fetch::{BoxFuture, Commit, FetchOutcome, Fetched, GitFetch, MirrorKey, TreeSource};
pub use folder::FolderTree;
pub use git::{GitFetcher, GitFetcherOptions, open_local};
pub use outgoing::{
    HttpSender, SendRequest, Unanswered, check_outgoing, outgoing_cause, outgoing_client,
};
pub use request::{
    Credentials, CredentialsError, DEFAULT_BRANCH, DEFAULT_TIMEOUT_MS, GitLimits, GitReference,
    GitRequest, MAX_FILE_BYTES, MAX_PACK_BYTES, MAX_REDIRECTS, MAX_REFERENCES_BYTES,
    MAX_TREE_ENTRIES, Proxy,
};
pub use storage::{
    ARTIFACT_RETENTION_MS, ARTIFACT_RETENTION_RECORDS, ArtifactOwner, ArtifactRecord,
    ArtifactStorage, EXTERNAL_ARTIFACTS, ForeignArchive, Origin, Publication, StoreError,
};
pub use store::{ArtifactStore, ArtifactStoreOptions};
pub use web::{
    ARTIFACT_TIMEOUT_MS, MAX_ARTIFACT_BYTES, MAX_WEB_FILE_BYTES, WEB_FILE_TIMEOUT_MS, WebFetch,
    WebFetcher,
};
