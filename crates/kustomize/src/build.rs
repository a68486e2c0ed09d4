//! Accumulating what a root names.

use crate::duplicate::refuse_twice;
use crate::namespace::{Item, set_namespace};
use crate::{BuildError, Kustomization, Limits, MAX_ROOT_DEPTH, find_file, read_file};
use bytes::Bytes;
use trueup_artifact::{Entry, FileTree, TreeError, TreePath};
use trueup_object::{Manifest, ManifestLimits, Position, Text, read_manifests};

/// What a build made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Build {
    /// The objects, in the order in which they were named.
    pub manifests: Vec<Manifest>,
}

/// Builds the root in a folder. `namespace` is set in the place of the
/// root's own, if it is given.
pub fn build(
    tree: &dyn FileTree,
    folder: &TreePath,
    namespace: Option<&str>,
    limits: &Limits,
) -> Result<Build, BuildError> {
    let mut builder = Builder::new(tree, limits);
    let items = builder.root(folder, namespace)?;
    Ok(finish(items))
}

/// Builds a root that exists only in thought: `resources` are the files and
/// folders that it would name, each folder a root of its own.
pub fn build_resources(
    tree: &dyn FileTree,
    folder: &TreePath,
    resources: &[TreePath],
    namespace: Option<&str>,
    limits: &Limits,
) -> Result<Build, BuildError> {
    let mut builder = Builder::new(tree, limits);
    builder.roots.push(folder.clone());
    let mut items = Vec::new();
    for path in resources {
        let more = match tree.entry(path)? {
            Some(entry) => builder.entry(path, &entry)?,
            None => return Err(TreeError::NotFound { path: path.clone() }.into()),
        };
        items.extend(more);
    }
    Ok(finish(transform(items, namespace)?))
}

fn finish(items: Vec<Item>) -> Build {
    Build {
        manifests: items.into_iter().map(|item| item.manifest).collect(),
    }
}

fn transform(mut items: Vec<Item>, namespace: Option<&str>) -> Result<Vec<Item>, BuildError> {
    refuse_twice(&items, false)?;
    if let Some(namespace) = namespace {
        set_namespace(&mut items, namespace)?;
        refuse_twice(&items, true)?;
    }
    Ok(items)
}

struct Builder<'a> {
    tree: &'a dyn FileTree,
    limits: &'a Limits,
    /// The roots that are being built, the outermost first.
    roots: Vec<TreePath>,
    files: usize,
    total_bytes: u64,
    objects: usize,
}

impl<'a> Builder<'a> {
    fn new(tree: &'a dyn FileTree, limits: &'a Limits) -> Self {
        Self {
            tree,
            limits,
            roots: Vec::new(),
            files: 0,
            total_bytes: 0,
            objects: 0,
        }
    }

    fn root(
        &mut self,
        folder: &TreePath,
        namespace: Option<&str>,
    ) -> Result<Vec<Item>, BuildError> {
        self.enter(folder)?;
        let path = find_file(self.tree, folder)?.ok_or_else(|| BuildError::NoFile {
            folder: folder.clone(),
        })?;
        let bytes = self.read(&path)?;
        let file = read_file(&path, &bytes, self.limits)?;
        if file == Kustomization::default() {
            let position = Position {
                file: path.to_string().into(),
                line: 0,
            };
            return Err(BuildError::BadFile {
                position,
                message: "names no resources".to_owned(),
            });
        }
        let mut items = Vec::new();
        for (resource, line) in &file.resources {
            items.extend(self.resource(folder, &path, resource, *line)?);
        }
        self.roots.pop();
        transform(items, namespace.or(file.namespace.as_deref()))
    }

    fn enter(&mut self, folder: &TreePath) -> Result<(), BuildError> {
        if let Some(index) = self.roots.iter().position(|root| root == folder) {
            let mut roots = self.roots.split_off(index);
            roots.push(folder.clone());
            return Err(BuildError::Cycle { roots });
        }
        self.roots.push(folder.clone());
        self.within(
            folder,
            "depth of kustomization roots",
            self.roots.len() as u64,
            MAX_ROOT_DEPTH as u64,
        )
    }

    fn resource(
        &mut self,
        folder: &TreePath,
        file: &TreePath,
        resource: &Text,
        line: u32,
    ) -> Result<Vec<Item>, BuildError> {
        let position = || Position {
            file: file.to_string().into(),
            line,
        };
        let path = match folder.resolve(resource) {
            Ok(path) => path,
            Err(_) if is_remote(resource) => {
                return Err(BuildError::Remote {
                    position: position(),
                    resource: resource.clone(),
                });
            }
            Err(cause) => {
                return Err(BuildError::BadPath {
                    position: position(),
                    resource: resource.clone(),
                    cause,
                });
            }
        };
        match self.tree.entry(&path)? {
            Some(entry) => self.entry(&path, &entry),
            None if is_remote(resource) => Err(BuildError::Remote {
                position: position(),
                resource: resource.clone(),
            }),
            None => Err(BuildError::Missing {
                position: position(),
                resource: resource.clone(),
                path,
            }),
        }
    }

    fn entry(&mut self, path: &TreePath, entry: &Entry) -> Result<Vec<Item>, BuildError> {
        match entry {
            Entry::Directory { .. } => self.root(path, None),
            Entry::File { .. } => self.file(path),
            Entry::Symlink { target } => Err(TreeError::Symlink {
                path: path.clone(),
                target: target.clone(),
            }
            .into()),
        }
    }

    fn file(&mut self, path: &TreePath) -> Result<Vec<Item>, BuildError> {
        let bytes = self.read(path)?;
        let limits = ManifestLimits {
            max_manifests: self.limits.max_objects,
            ..ManifestLimits::default()
        };
        let manifests = read_manifests(path.as_str(), &bytes, &limits)?;
        self.objects += manifests.len();
        self.within(
            path,
            "number of objects",
            self.objects as u64,
            self.limits.max_objects as u64,
        )?;
        Ok(manifests.into_iter().map(Item::new).collect())
    }

    fn read(&mut self, path: &TreePath) -> Result<Bytes, BuildError> {
        if let Some(Entry::File { size_bytes, .. }) = self.tree.entry(path)? {
            self.files += 1;
            self.total_bytes = self.total_bytes.saturating_add(size_bytes);
            self.within(
                path,
                "size in bytes",
                size_bytes,
                self.limits.max_file_bytes,
            )?;
            self.within(
                path,
                "number of files",
                self.files as u64,
                self.limits.max_files as u64,
            )?;
            self.within(
                path,
                "size of all files in bytes",
                self.total_bytes,
                self.limits.max_total_bytes,
            )?;
        }
        Ok(self.tree.read(path)?)
    }

    fn within(
        &self,
        path: &TreePath,
        what: &'static str,
        actual: u64,
        limit: u64,
    ) -> Result<(), BuildError> {
        if actual <= limit {
            return Ok(());
        }
        Err(TreeError::OverLimit {
            path: path.clone(),
            what,
            actual,
            limit,
        }
        .into())
    }
}

/// Whether a resource that is not in the tree is meant to be fetched.
fn is_remote(resource: &str) -> bool {
    resource.contains("://")
        || resource.contains('?')
        || resource.starts_with("git@")
        || resource.starts_with("git::")
        || ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"]
            .iter()
            .any(|host| resource.starts_with(host))
}
