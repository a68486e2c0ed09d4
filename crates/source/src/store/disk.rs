//! The store's files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use trueup_artifact::{ArchiveSummary, FileTree};

use super::layout::{LATEST, RECORDS, SUFFIX, TEMPORARY_PREFIX};
use super::stream;
use crate::{ARTIFACT_RETENTION_MS, ARTIFACT_RETENTION_RECORDS, ArtifactOwner, StoreError};

/// What is kept beside an archive, to find its tree without unpacking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SideRecord {
    pub digest: String,
    pub mirror: String,
    pub commit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
}

/// Writes an archive and makes it the newest of its folder. Once this returns
/// it is on disk.
pub(super) fn write_archive_file(
    root: &Path,
    path: &str,
    tree: &dyn FileTree,
) -> Result<ArchiveSummary, StoreError> {
    let failed = |cause| disk_error("write", path, cause);
    let file = root.join(path);
    let temporary = temporary_beside(&file).map_err(failed)?;
    let mut output = BufWriter::with_capacity(1 << 16, temporary);
    let summary = stream::write_archive(tree, &mut output)
        .map_err(|error| StoreError::writing(path, error))?;
    let temporary = output
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    settle(temporary, &file).map_err(failed)?;
    link_latest(&file).map_err(|cause| disk_error("link", path, cause))?;
    Ok(summary)
}

/// Writes an archive that somebody else made, as it came.
pub(super) fn write_foreign_archive(
    root: &Path,
    path: &str,
    archive: &[u8],
) -> Result<(), StoreError> {
    let write = || -> io::Result<()> {
        let file = root.join(path);
        let mut temporary = temporary_beside(&file)?;
        temporary.write_all(archive)?;
        settle(temporary, &file)
    };
    write().map_err(|cause| disk_error("write", path, cause))
}

fn temporary_beside(file: &Path) -> io::Result<NamedTempFile> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder)?;
    tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .tempfile_in(folder)
}

fn settle(temporary: NamedTempFile, file: &Path) -> io::Result<()> {
    temporary.as_file().sync_all()?;
    temporary.persist(file)?;
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Replaces the link in one step: made under another name, then renamed.
fn link_latest(file: &Path) -> io::Result<()> {
    let Some(name) = file.file_name() else {
        return Ok(());
    };
    let made = file.with_file_name(format!("{TEMPORARY_PREFIX}{LATEST}"));
    match fs::remove_file(&made) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(name, &made)?;
    fs::rename(made, file.with_file_name(LATEST))
}

pub(super) fn read_archive_file(root: &Path, path: &str) -> Result<Vec<u8>, StoreError> {
    fs::read(root.join(path)).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => StoreError::NotFound {
            path: path.to_owned(),
        },
        _ => disk_error("read", path, cause),
    })
}

fn side_path(root: &Path, path: &str) -> PathBuf {
    root.join(RECORDS).join(format!("{path}.json"))
}

/// Losing this in a crash costs time, nothing else.
pub(super) fn write_side_record(
    root: &Path,
    path: &str,
    side: &SideRecord,
) -> Result<(), StoreError> {
    let write = || -> io::Result<()> {
        let file = side_path(root, path);
        let mut temporary = temporary_beside(&file)?;
        temporary.write_all(&serde_json::to_vec(side)?)?;
        temporary.persist(file)?;
        Ok(())
    };
    write().map_err(|cause| disk_error("write", path, cause))
}

pub(super) fn read_side_record(root: &Path, path: &str) -> Option<SideRecord> {
    let bytes = fs::read(side_path(root, path)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Removes a folder's archives except the current one, the newest and the
/// young. Answers their paths.
pub(super) fn collect_garbage(
    root: &Path,
    folder: &str,
    current: &str,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let failed = |cause| disk_error("clean", folder, cause);
    let mut archives = archives(&root.join(folder)).map_err(failed)?;
    archives.sort_by(|left, right| right.cmp(left));
    let mut removed = Vec::new();
    for (modified_ms, name) in archives.into_iter().skip(ARTIFACT_RETENTION_RECORDS) {
        let path = format!("{folder}/{name}");
        let age_ms = now.as_millisecond() - modified_ms;
        if path == current || age_ms < ARTIFACT_RETENTION_MS {
            continue;
        }
        fs::remove_file(root.join(&path)).map_err(|cause| disk_error("remove", &path, cause))?;
        let _ = fs::remove_file(side_path(root, &path));
        removed.push(path);
    }
    Ok(removed)
}

/// Time of writing and name of a folder's archives.
fn archives(folder: &Path) -> io::Result<Vec<(i64, String)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut archives = Vec::new();
    for entry in entries {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if metadata.is_file() && name.ends_with(SUFFIX) && !name.starts_with(TEMPORARY_PREFIX) {
            let modified = metadata.modified()?.duration_since(UNIX_EPOCH);
            let modified_ms = modified.map_or(0, |age| age.as_millis());
            archives.push((i64::try_from(modified_ms).unwrap_or(i64::MAX), name));
        }
    }
    Ok(archives)
}

/// Removes an owner's folder and what is kept beside it.
pub(super) fn remove_folder(root: &Path, folder: &str) -> Result<(), StoreError> {
    for path in [root.join(folder), root.join(RECORDS).join(folder)] {
        match fs::remove_dir_all(path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(disk_error("remove", folder, cause));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The owners of a kind that have a folder.
pub(super) fn owners(root: &Path, kind: &str) -> Result<Vec<ArtifactOwner>, StoreError> {
    let failed = |cause| disk_error("list", kind, cause);
    let mut owners = Vec::new();
    for namespace in folders(&root.join(kind)).map_err(failed)? {
        let names = folders(&root.join(kind).join(&namespace)).map_err(failed)?;
        owners.extend(names.into_iter().map(|name| ArtifactOwner {
            kind: kind.to_owned(),
            namespace: namespace.clone(),
            name,
        }));
    }
    Ok(owners)
}

fn folders(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// Removes files that were being written when the process died.
pub(super) fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_leftovers(&entry.path())?;
        } else if entry
            .file_name()
            .to_string_lossy()
            .starts_with(TEMPORARY_PREFIX)
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn disk_error(operation: &'static str, path: &str, cause: io::Error) -> StoreError {
    StoreError::Disk {
        operation,
        path: path.to_owned(),
        cause,
    }
}
