//! Reading files on behalf of a root: links resolved within the tree, the
//! load restrictor kept, everything counted.

use crate::growth::Growth;
use crate::outside::Outside;
use crate::remote::{is_remote_file, shown_url};
use crate::tracked::TrackedTree;
use crate::{Answers, BuildError, Limits, Need};
use bytes::Bytes;
use std::fmt;
use trueup_artifact::{Entry, FileTree, PathError, TreeError, TreePath};
use trueup_object::{Position, Text};

/// How many links one path may lead through.
pub const MAX_LINKS: usize = 40;

/// Which files a root may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadRestrictor {
    /// Only files in or below the root's folder; kustomize's default.
    #[default]
    RootOnly,
    /// Every file of the tree; what Flux allows.
    None,
}

/// Where a file was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileName {
    Path(TreePath),
    Url(Text),
}

impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.fmt(formatter),
            Self::Url(url) => formatter.write_str(&shown_url(url)),
        }
    }
}

/// The files of a tree as one build reads them, and those from elsewhere.
pub(crate) struct Files<'a> {
    /// The tree of the root that is being built.
    pub tree: TrackedTree<'a>,
    pub restrictor: LoadRestrictor,
    pub outside: Outside<'a>,
    /// What is made out of the files.
    pub growth: Growth,
    limits: &'a Limits,
    files: usize,
    total_bytes: u64,
}

impl<'a> Files<'a> {
    pub fn new(
        tree: &'a dyn FileTree,
        limits: &'a Limits,
        restrictor: LoadRestrictor,
        answers: &'a Answers,
    ) -> Self {
        Self {
            tree: TrackedTree::new(tree),
            restrictor,
            outside: Outside::new(answers),
            growth: Growth::new(limits),
            limits,
            files: 0,
            total_bytes: 0,
        }
    }

    pub fn tree(&self) -> &TrackedTree<'a> {
        &self.tree
    }

    pub fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// What stands at a path that is written in a file of `root`, and the
    /// path with its links resolved; `None` if nothing does.
    pub fn find(
        &self,
        root: &TreePath,
        written: &str,
        position: &Position,
    ) -> Result<(TreePath, Option<Entry>), BuildError> {
        let path = root.resolve(written).map_err(|cause| BuildError::BadPath {
            position: position.clone(),
            resource: written.into(),
            cause,
        })?;
        self.follow(path, position)
    }

    /// The file at a path that is written in a file of `root`, or at a URL.
    pub fn read(
        &mut self,
        root: &TreePath,
        written: &str,
        position: &Position,
    ) -> Result<(FileName, Bytes), BuildError> {
        if is_remote_file(written) {
            let bytes = self.read_remote(written, position)?;
            return Ok((FileName::Url(written.into()), bytes));
        }
        let (path, entry) = self.find(root, written, position)?;
        match entry {
            Some(Entry::File { size_bytes, .. }) => {
                self.check_restriction(root, &path, written, position)?;
                let bytes = self.read_at(&path, size_bytes)?;
                Ok((FileName::Path(path), bytes))
            }
            Some(_) => Err(TreeError::NotAFile { path }.into()),
            None => Err(BuildError::Missing {
                position: position.clone(),
                resource: written.into(),
                path,
            }),
        }
    }

    /// The file at a URL.
    pub fn read_remote(&mut self, url: &str, position: &Position) -> Result<Bytes, BuildError> {
        let bytes = self.outside.file(url, position)?;
        self.count(bytes.len() as u64)
            .map_err(|excess| excess.of_url(url, position))?;
        Ok(bytes)
    }

    /// The file at a path as text.
    pub fn read_text(
        &mut self,
        root: &TreePath,
        written: &str,
        position: &Position,
    ) -> Result<(FileName, Text), BuildError> {
        let (path, bytes) = self.read(root, written, position)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok((path, text.into())),
            Err(_) => Err(BuildError::BadFile {
                position: file_position(&path),
                message: "expected UTF-8 text".to_owned(),
            }),
        }
    }

    /// Reads a file that is known to be there.
    pub fn read_at(&mut self, path: &TreePath, size_bytes: u64) -> Result<Bytes, BuildError> {
        self.count(size_bytes)
            .map_err(|excess| excess.of_path(path))?;
        Ok(self.tree.read(path)?)
    }

    fn count(&mut self, size_bytes: u64) -> Result<(), Excess> {
        self.files += 1;
        self.total_bytes = self.total_bytes.saturating_add(size_bytes);
        let limits = self.limits;
        let checks = [
            ("size in bytes", size_bytes, limits.max_file_bytes),
            (
                "number of files",
                self.files as u64,
                limits.max_files as u64,
            ),
            (
                "size of all files in bytes",
                self.total_bytes,
                limits.max_total_bytes,
            ),
        ];
        for (what, actual, limit) in checks {
            bounded(what, actual, limit)?;
        }
        Ok(())
    }

    fn check_restriction(
        &self,
        root: &TreePath,
        path: &TreePath,
        written: &str,
        position: &Position,
    ) -> Result<(), BuildError> {
        if self.restrictor == LoadRestrictor::None || path.is_within(root) {
            return Ok(());
        }
        Err(BuildError::Restricted {
            position: position.clone(),
            resource: written.into(),
            path: path.clone(),
            root: root.clone(),
        })
    }

    /// Goes after links until none is in the way; one that leads out of the
    /// tree is refused.
    pub fn follow(
        &self,
        mut path: TreePath,
        position: &Position,
    ) -> Result<(TreePath, Option<Entry>), BuildError> {
        for _ in 0..MAX_LINKS {
            let (link, target) = match self.tree.entry(&path) {
                Ok(Some(Entry::Symlink { target })) => (path.clone(), target),
                Ok(entry) => return Ok((path, entry)),
                Err(TreeError::Symlink { path: link, target }) => (link, target),
                Err(error) => return Err(error.into()),
            };
            path = beyond(&path, &link, &target).map_err(|cause| BuildError::BadPath {
                position: position.clone(),
                resource: format!("{link} → {target}").into(),
                cause,
            })?;
        }
        Err(TreeError::OverLimit {
            path,
            what: "number of links",
            actual: MAX_LINKS as u64 + 1,
            limit: MAX_LINKS as u64,
        }
        .into())
    }
}

/// Where a path leads once the link at its beginning is followed.
fn beyond(path: &TreePath, link: &TreePath, target: &str) -> Result<TreePath, PathError> {
    let folder = link.parent().unwrap_or_else(TreePath::root);
    let rest = path.as_str()[link.as_str().len()..].trim_start_matches('/');
    let start = folder.resolve(target)?;
    if rest.is_empty() {
        Ok(start)
    } else {
        start.resolve(rest)
    }
}

/// More of something than a limit allows.
pub(crate) struct Excess {
    what: &'static str,
    actual: u64,
    limit: u64,
}

impl Excess {
    /// The error of a file that was read.
    pub fn of_file(self, name: &FileName, position: &Position) -> BuildError {
        match name {
            FileName::Path(path) => self.of_path(path),
            FileName::Url(url) => self.of_url(url, position),
        }
    }

    fn of_path(self, path: &TreePath) -> BuildError {
        let Self {
            what,
            actual,
            limit,
        } = self;
        let path = path.clone();
        TreeError::OverLimit {
            path,
            what,
            actual,
            limit,
        }
        .into()
    }

    fn of_url(self, url: &str, position: &Position) -> BuildError {
        let Self {
            what,
            actual,
            limit,
        } = self;
        BuildError::Outside {
            position: position.clone(),
            what: Need::File { url: url.into() }.to_string(),
            cause: format!("{what} is {actual}, the limit is {limit}"),
        }
    }
}

/// Whether there is no more than a limit allows.
pub(crate) fn bounded(what: &'static str, actual: u64, limit: u64) -> Result<(), Excess> {
    match actual <= limit {
        true => Ok(()),
        false => Err(Excess {
            what,
            actual,
            limit,
        }),
    }
}

/// As [`bounded`], for what a file or folder of the tree leads to.
pub(crate) fn within(
    path: &TreePath,
    what: &'static str,
    actual: u64,
    limit: u64,
) -> Result<(), BuildError> {
    bounded(what, actual, limit).map_err(|excess| excess.of_path(path))
}

/// The file as a whole.
pub(crate) fn file_position(name: &dyn fmt::Display) -> Position {
    Position {
        file: name.to_string().into(),
        line: 0,
    }
}
