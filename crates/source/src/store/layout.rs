//! Which paths are artifacts.

use std::path::{Path, PathBuf};

use crate::{ArtifactOwner, EXTERNAL_ARTIFACTS, StoreError};

/// The link to an object's newest archive.
pub(super) const LATEST: &str = "latest.tar.gz";
/// Every archive's name ends so.
pub(super) const SUFFIX: &str = ".tar.gz";
/// A file that is being written.
pub(super) const TEMPORARY_PREFIX: &str = ".tmp-";
/// The folder of what the store knows beside the archives; never served.
pub(super) const RECORDS: &str = ".records";

/// The folder of an owner, relative to the store.
pub(super) fn owner_path(owner: &ArtifactOwner) -> Result<String, StoreError> {
    let path = owner.path();
    let parts = [&owner.kind, &owner.namespace, &owner.name];
    if parts.iter().all(|part| is_plain(part)) {
        Ok(path)
    } else {
        Err(StoreError::Path { path })
    }
}

/// The archive of a revision, relative to the store.
pub(super) fn archive_path(owner: &ArtifactOwner, hash: &str) -> Result<String, StoreError> {
    let path = format!("{}/{hash}{SUFFIX}", owner_path(owner)?);
    check_path(&path)?;
    Ok(path)
}

/// Refuses what is not `<kind>/<namespace>/<name>/<file>.tar.gz`.
pub(super) fn check_path(path: &str) -> Result<(), StoreError> {
    let parts: Vec<&str> = path.split('/').collect();
    let valid = parts.len() == 4
        && parts.iter().all(|part| is_plain(part))
        && parts[3].len() > SUFFIX.len()
        && parts[3].ends_with(SUFFIX);
    if valid {
        return Ok(());
    }
    Err(StoreError::Path {
        path: path.to_owned(),
    })
}

/// Kubernetes names, file names of ours: nothing hidden, nothing that climbs.
fn is_plain(part: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    !part.is_empty() && !part.starts_with('.') && part.len() <= 253 && part.bytes().all(allowed)
}

/// Whether a path of a URL leads to what others made and serve themselves.
pub(super) fn is_foreign(path: &str) -> bool {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/').next() == Some(EXTERNAL_ARTIFACTS)
}

/// The regular file behind a path, `latest.tar.gz` followed by one step.
pub(super) fn served_file(root: &Path, path: &str) -> Option<PathBuf> {
    let path = path.strip_prefix('/').unwrap_or(path);
    check_path(path).ok()?;
    let mut file = root.join(path);
    if file.file_name()? == LATEST {
        let target = std::fs::read_link(&file).ok()?;
        let target = target.to_str().filter(|target| is_plain(target))?;
        file = file.with_file_name(target);
    }
    let metadata = file.symlink_metadata().ok()?;
    metadata.is_file().then_some(file)
}
