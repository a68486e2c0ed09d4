//! Archives that others made: verified, unpacked, kept, served to nobody.

use std::sync::{Arc, PoisonError};

use trueup_artifact::{ArchiveLimits, Checksum, FileTree, read_archive};

use super::cache::Opened;
use super::{Shared, disk, layout};
use crate::{ArtifactOwner, ForeignArchive, StoreError};

impl Shared {
    /// Verifies the digest first: nothing else is unpacked.
    pub(super) fn keep(&self, foreign: &ForeignArchive) -> Result<Arc<dyn FileTree>, StoreError> {
        let path = layout::archive_path(&foreign.owner, &foreign.digest.file_name())?;
        if !foreign.digest.verifies(&foreign.archive) {
            return Err(StoreError::Unverified(foreign.digest.clone()));
        }
        let tree = self.unpack(&path, &foreign.digest, &foreign.archive)?;
        let written = disk::write_foreign_archive(&self.options.root, &path, &foreign.archive);
        if let Err(error) = written {
            // What is answered from memory would be gone after a restart.
            self.cache.forget(&path);
            return Err(error);
        }
        let folder = layout::owner_path(&foreign.owner)?;
        let removed = disk::collect_garbage(&self.options.root, &folder, &path, foreign.now)?;
        removed.iter().for_each(|path| self.cache.forget(path));
        Ok(tree)
    }

    /// What cannot be read or is not what it was when it was kept counts as
    /// not there: it can be fetched again.
    pub(super) fn kept(
        &self,
        owner: &ArtifactOwner,
        digest: &Checksum,
    ) -> Result<Option<Arc<dyn FileTree>>, StoreError> {
        let path = layout::archive_path(owner, &digest.file_name())?;
        if let Some(tree) = self.cache.get(&path, &digest.to_string()) {
            return Ok(Some(tree));
        }
        let archive = match disk::read_archive_file(&self.options.root, &path) {
            Ok(archive) => archive,
            Err(error) => return Ok(not_there(&error)),
        };
        match self.unpack(&path, digest, &archive) {
            Ok(tree) => Ok(Some(tree)),
            Err(error) => Ok(not_there(&error)),
        }
    }

    fn unpack(
        &self,
        path: &str,
        digest: &Checksum,
        archive: &[u8],
    ) -> Result<Arc<dyn FileTree>, StoreError> {
        let _one_at_a_time = self
            .unpacking
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let name = digest.to_string();
        if let Some(tree) = self.cache.get(path, &name) {
            return Ok(tree);
        }
        if !digest.verifies(archive) {
            return Err(StoreError::Unverified(digest.clone()));
        }
        let tree = read_archive(archive, &ArchiveLimits::foreign()).map_err(StoreError::Foreign)?;
        let opened = Opened::whole(tree);
        let tree = opened.tree.clone();
        self.cache.insert(path, &name, opened);
        Ok(tree)
    }
}

/// An archive that can't be had from here can be fetched again.
fn not_there(error: &StoreError) -> Option<Arc<dyn FileTree>> {
    if !matches!(error, StoreError::NotFound { .. }) {
        tracing::warn!(%error, "a kept archive is fetched again");
    }
    None
}
