//! Paths inside a tree.

use std::fmt;
use std::sync::Arc;

/// Why a text is not a path inside a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path starts at the root of a file system.
    #[error("path {path:?} is absolute, expected one relative to the root of the source")]
    Absolute {
        /// The path as given.
        path: String,
    },
    /// The path climbs above the root of the tree.
    #[error("path {path:?} leads out of the source")]
    Outside {
        /// The path as given.
        path: String,
    },
    /// The path holds a character that no file name holds.
    #[error("path {path:?} holds a NUL character")]
    Nul {
        /// The path as given.
        path: String,
    },
}

/// A normalised path relative to the root of a tree: segments parted by `/`,
/// none of them empty, `.` or `..`. The empty path is the root itself.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreePath(Arc<str>);

impl TreePath {
    /// The root of a tree.
    pub fn root() -> Self {
        TreePath(Arc::from(""))
    }

    /// Reads a path as people write it: `./apps//web/` is `apps/web`, `.` and
    /// the empty text are the root. `..` is resolved by text alone and must not
    /// climb above the root; an absolute path is refused.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        TreePath::root().resolve(text)
    }

    /// The path that `relative` names when read from this folder, as
    /// [`TreePath::parse`] reads it.
    pub fn resolve(&self, relative: &str) -> Result<Self, PathError> {
        let path = || relative.to_owned();
        if relative.starts_with('/') {
            return Err(PathError::Absolute { path: path() });
        }
        if relative.contains('\0') {
            return Err(PathError::Nul { path: path() });
        }
        let mut segments: Vec<&str> = self.segments().collect();
        for segment in relative.split('/') {
            match segment {
                "" | "." => {}
                ".." => {
                    if segments.pop().is_none() {
                        return Err(PathError::Outside { path: path() });
                    }
                }
                name => segments.push(name),
            }
        }
        Ok(TreePath(Arc::from(segments.join("/"))))
    }

    /// The path of the entry `name` of this folder. `None` if `name` is not a
    /// single plain segment.
    pub fn child(&self, name: &str) -> Option<Self> {
        if !is_plain_name(name) {
            return None;
        }
        Some(if self.is_root() {
            TreePath(Arc::from(name))
        } else {
            TreePath(Arc::from(format!("{}/{name}", self.0)))
        })
    }

    /// The folder that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.rfind('/').unwrap_or(0);
        Some(TreePath(Arc::from(&self.0[..end])))
    }

    /// The last segment; `None` for the root.
    pub fn name(&self) -> Option<&str> {
        self.segments().next_back()
    }

    /// The segments from the root down; none for the root.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this path is `folder` or lies below it.
    pub fn is_within(&self, folder: &TreePath) -> bool {
        folder.is_root()
            || match self.0.strip_prefix(&*folder.0) {
                Some(rest) => rest.is_empty() || rest.starts_with('/'),
                None => false,
            }
    }

    /// The path as text, `` for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a name can be one entry of a folder.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}

impl fmt::Display for TreePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_as_people_write_them() {
        for (text, expected) in [
            ("", ""),
            (".", ""),
            ("./", ""),
            ("./apps//web/", "apps/web"),
            ("apps/./web", "apps/web"),
            ("apps/../infra", "infra"),
            ("a/b/../..", ""),
            (".hidden/..name", ".hidden/..name"),
        ] {
            assert_eq!(TreePath::parse(text).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn a_path_never_leads_out_of_the_tree() {
        for text in ["..", "a/../..", "../a", "a/b/../../../c"] {
            assert!(
                matches!(TreePath::parse(text), Err(PathError::Outside { .. })),
                "{text}"
            );
        }
        assert!(matches!(
            TreePath::parse("/etc"),
            Err(PathError::Absolute { .. })
        ));
        assert!(matches!(
            TreePath::parse("a\0b"),
            Err(PathError::Nul { .. })
        ));
    }

    #[test]
    fn relative_paths_are_read_from_their_folder() {
        let folder = TreePath::parse("overlays/dev").unwrap();
        assert_eq!(
            folder.resolve("../../base").unwrap(),
            TreePath::parse("base").unwrap()
        );
        assert_eq!(folder.resolve("x.yaml").unwrap().name(), Some("x.yaml"));
        assert!(folder.resolve("../../../base").is_err());
    }

    #[test]
    fn parents_children_and_containment() {
        let path = TreePath::parse("a/b").unwrap();
        assert_eq!(path.parent().unwrap().as_str(), "a");
        assert_eq!(path.parent().unwrap().parent().unwrap(), TreePath::root());
        assert_eq!(TreePath::root().parent(), None);
        assert_eq!(path.child("c").unwrap().as_str(), "a/b/c");
        assert_eq!(path.child(".."), None);
        assert_eq!(path.child("x/y"), None);
        assert!(path.is_within(&TreePath::parse("a").unwrap()));
        assert!(
            !TreePath::parse("ab")
                .unwrap()
                .is_within(&TreePath::parse("a").unwrap())
        );
        assert_eq!(TreePath::root().to_string(), ".");
    }
}
