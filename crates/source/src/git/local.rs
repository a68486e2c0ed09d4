//! Repositories on this machine, read where they lie.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gix_hash::ObjectId;
use gix_object::{Find as _, TagRefIter};
use trueup_artifact::FileTree;

use super::address::decoded;
use super::commit;
use super::mirror::count_entries;
use super::reference::Target;
use super::repository::Repository;
use super::tree::GitTree;
use crate::error::{Failure, FetchErrorKind};
use crate::{FetchError, GitLimits, GitReference};

const OPERATION: &str = "read the Git repository";
/// How many references may point at each other, and tags at tags.
const MAX_HOPS: usize = 5;
/// A file that points at another folder is no longer than this.
const MAX_LINK_BYTES: u64 = 64 << 10;
/// A file of references longer than this is refused.
const MAX_REFERENCES_BYTES: u64 = 64 << 20;

/// The files of a commit in a repository of this machine, given as
/// `file:///folder`. Blocks; runs no `git`.
pub fn open_local(
    url: &str,
    reference: &GitReference,
    limits: &GitLimits,
) -> Result<Arc<dyn FileTree>, FetchError> {
    open(url, reference, limits).map_err(|failure| FetchError {
        kind: failure.kind,
        url: url.to_owned(),
        operation: OPERATION,
        cause: failure.cause,
    })
}

fn open(
    url: &str,
    reference: &GitReference,
    limits: &GitLimits,
) -> Result<Arc<dyn FileTree>, Failure> {
    let folders = Folders::find(&path_of(url)?)?;
    let target = Target::of(reference)?;
    let id = match &target {
        Target::Commit { id, .. } => *id,
        other => folders.resolve(other)?,
    };
    let repository = Repository::open(folders.common)
        .map_err(|error| Failure::storage("the repository", error))?;
    let id = peel(&repository, id)?;
    let repository = Arc::new(repository);
    let (_, root) = commit::read(&repository, &id)?;
    let tree = GitTree::new(repository, Arc::default(), root, limits);
    count_entries(&tree, limits.max_tree_entries)?;
    Ok(Arc::new(tree))
}

/// As Git: what stands before the first slash of the path is a host, and this
/// one is meant.
fn path_of(url: &str) -> Result<PathBuf, Failure> {
    let rest = url.strip_prefix("file://").unwrap_or(url);
    let path = rest.find('/').map(|at| &rest[at..]);
    let path = path.ok_or_else(|| {
        let field = "url";
        Failure::new(FetchErrorKind::Invalid { field }, "it names no folder")
    })?;
    Ok(PathBuf::from(decoded(path)))
}

/// Where a repository keeps its parts.
struct Folders {
    /// `HEAD` of this work tree.
    own: PathBuf,
    /// Objects and references.
    common: PathBuf,
}

impl Folders {
    fn find(path: &Path) -> Result<Self, Failure> {
        let mut with_ending = path.as_os_str().to_owned();
        with_ending.push(".git");
        let candidates = [
            path.join(".git"),
            path.to_owned(),
            PathBuf::from(&with_ending).join(".git"),
            PathBuf::from(with_ending),
        ];
        let mut found = candidates.iter().map(|it| git_folder(it));
        let own = found.find_map(Result::transpose).unwrap_or_else(|| {
            let cause = "there is no Git repository in this folder";
            Err(Failure::new(FetchErrorKind::NotFound, cause))
        })?;
        let common = match read_bounded(&own.join("commondir"))? {
            Some(text) => own.join(text.trim()),
            None => own.clone(),
        };
        Ok(Folders { own, common })
    }

    fn resolve(&self, target: &Target) -> Result<ObjectId, Failure> {
        let packed = self.packed()?;
        for name in target.names() {
            if let Some(id) = self.look_up(&name, &packed)? {
                return Ok(id);
            }
        }
        Err(target.unknown())
    }

    /// The object that a full name stands for, over names that it points at.
    fn look_up(&self, name: &str, packed: &str) -> Result<Option<ObjectId>, Failure> {
        let mut name = name.to_owned();
        for _ in 0..MAX_HOPS {
            if !is_safe(&name) {
                return Ok(None);
            }
            let folder = match name.as_str() {
                "HEAD" => &self.own,
                _ => &self.common,
            };
            let Some(text) = read_bounded(&folder.join(&name))? else {
                return Ok(packed_reference(packed, &name));
            };
            match text.trim().strip_prefix("ref:") {
                Some(next) => name = next.trim().to_owned(),
                None => return Ok(ObjectId::from_hex(text.trim().as_bytes()).ok()),
            }
        }
        Ok(None)
    }

    fn packed(&self) -> Result<String, Failure> {
        Ok(read_bounded(&self.common.join("packed-refs"))?.unwrap_or_default())
    }
}

/// The folder itself, or the one that a `.git` file points at.
fn git_folder(path: &Path) -> Result<Option<PathBuf>, Failure> {
    if path.join("HEAD").is_file() {
        return Ok(Some(path.to_owned()));
    }
    // Any file may lie there.
    let bytes = read_start(path, MAX_LINK_BYTES)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let target = text.strip_prefix("gitdir:");
    let folder = target.and_then(|target| Some(path.parent()?.join(target.trim())));
    Ok(folder.filter(|folder| folder.join("HEAD").is_file()))
}

/// Whether a name can be that of a reference and leads nowhere else.
fn is_safe(name: &str) -> bool {
    let is_reference = name == "HEAD" || name.starts_with("refs/");
    let is_plain = |part: &str| !part.is_empty() && !part.starts_with('.');
    is_reference && name.split('/').all(is_plain) && !name.contains(['\0', '\\', ':'])
}

/// A file of a repository; `None` if there is none.
fn read_bounded(path: &Path) -> Result<Option<String>, Failure> {
    let Some(bytes) = read_start(path, MAX_REFERENCES_BYTES + 1)? else {
        return Ok(None);
    };
    if bytes.len() as u64 > MAX_REFERENCES_BYTES {
        let limit = format_args!("{MAX_REFERENCES_BYTES} bytes");
        return Err(Failure::limit("the list of references", limit));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// What a file begins with, at most so many bytes; `None` if there is none.
fn read_start(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::storage("the repository", error);
    if !path.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

/// `<id> <name>` a line.
fn packed_reference(packed: &str, name: &str) -> Option<ObjectId> {
    let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
    let (id, _) = lines.find(|(_, found)| *found == name)?;
    ObjectId::from_hex(id.as_bytes()).ok()
}

/// The commit behind tags.
fn peel(repository: &Repository, mut id: ObjectId) -> Result<ObjectId, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::storage("the repository", error);
    let objects = repository.objects();
    let mut buffer = Vec::new();
    for _ in 0..MAX_HOPS {
        let data = objects
            .try_find(&id, &mut buffer)
            .map_err(|error| failed(&error))?
            .ok_or_else(|| failed(&format_args!("it lacks {id}")))?;
        if data.kind != gix_object::Kind::Tag {
            return Ok(id);
        }
        id = TagRefIter::from_bytes(data.data, gix_hash::Kind::Sha1)
            .target_id()
            .map_err(|error| failed(&error))?;
    }
    Err(Failure::limit("the number of tags of tags", MAX_HOPS))
}
