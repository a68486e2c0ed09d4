//! Which files of a source belong to its artifact.
//!
//! The rules are Flux's: its own matcher differs from Git's in corners (a file
//! below an excluded folder can be taken back in; only the first match of a
//! segment after `**` counts), and a repository that works there must give the
//! same files here.

use crate::glob;
use crate::path::is_plain_name;
use crate::{Entry, FileTree, TreeError, TreePath, walk};

/// The file whose patterns hold for its own folder and below.
pub const IGNORE_FILE: &str = ".sourceignore";

/// An ignore file longer than this is refused.
pub const MAX_IGNORE_FILE_BYTES: u64 = 1 << 20;

/// Always left out: what Git itself needs.
const VERSION_CONTROL: &[&str] = &[".git/", ".gitignore", ".gitmodules", ".gitattributes"];

/// Left out as long as nobody gave a pattern of their own.
const UNASKED: &[&str] = &[
    "*.jpg",
    "*.jpeg",
    "*.gif",
    "*.png",
    "*.wmv",
    "*.flv",
    "*.tar.gz",
    "*.zip",
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
    "**/.goreleaser.yml",
    "**/.sops.yaml",
    "**/.flux.yaml",
];

/// An ordered list of patterns; the last one that matches a path decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreRules {
    patterns: Vec<Pattern>,
    re_includes: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    domain: TreePath,
    segments: Vec<String>,
    text: String,
    sense: Sense,
    target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    Exclude,
    Include,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Anything,
    DirectoriesOnly,
}

/// What is asked about: a path with its segments taken apart.
pub(crate) struct Subject<'a> {
    segments: Vec<&'a str>,
    kind: SubjectKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubjectKind {
    Directory,
    Other,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(path: &'a TreePath, kind: SubjectKind) -> Self {
        Subject {
            segments: path.segments().collect(),
            kind,
        }
    }
}

impl IgnoreRules {
    /// The rules for a source: the `.sourceignore` files of all its folders,
    /// each for its own folder and below, then `extra` (the object's
    /// `spec.ignore`) for the whole tree. Files of version control are always
    /// left out; pictures, archives and files of CI systems only if no pattern
    /// was given. Reads the folders of the whole tree and the ignore files.
    pub fn load(tree: &dyn FileTree, extra: Option<&str>) -> Result<Self, TreeError> {
        let mut files: Vec<TreePath> = Vec::new();
        walk::<TreeError>(tree, &TreePath::root(), &mut |path, entry| {
            if path.name() == Some(IGNORE_FILE) {
                check_size(path, entry)?;
                if matches!(entry, Entry::File { .. }) {
                    files.push(path.clone());
                }
            }
            Ok(())
        })?;
        // A folder's own file comes before those of the folders below it.
        files.sort_by_cached_key(|path| path.parent());
        let mut given = Vec::new();
        for file in files {
            let domain = file.parent().unwrap_or_else(TreePath::root);
            let content = tree.read(&file)?;
            given.extend(patterns(&String::from_utf8_lossy(&content), &domain));
        }
        given.extend(patterns(extra.unwrap_or_default(), &TreePath::root()));
        Ok(Self::with_defaults(given))
    }

    /// The rules of a tree without ignore files: the built-in ones and `extra`.
    pub fn from_text(extra: Option<&str>) -> Self {
        Self::with_defaults(patterns(extra.unwrap_or_default(), &TreePath::root()))
    }

    fn with_defaults(given: Vec<Pattern>) -> Self {
        let unasked: &[&str] = if given.is_empty() { UNASKED } else { &[] };
        let built_in = VERSION_CONTROL.iter().chain(unasked);
        let patterns: Vec<Pattern> = built_in
            .map(|text| Pattern::parse(text, &TreePath::root()))
            .chain(given)
            .collect();
        let re_includes = patterns.iter().any(|one| one.sense == Sense::Include);
        IgnoreRules {
            patterns,
            re_includes,
        }
    }

    /// Whether a file (or link) at `path` is left out.
    pub fn excludes_file(&self, path: &TreePath) -> bool {
        self.excludes(&Subject::new(path, SubjectKind::Other))
    }

    /// Whether a folder at `path` is left out. With patterns that take files
    /// back in, something below it may still belong to the artifact.
    pub fn excludes_directory(&self, path: &TreePath) -> bool {
        self.excludes(&Subject::new(path, SubjectKind::Directory))
    }

    pub(crate) fn excludes(&self, subject: &Subject<'_>) -> bool {
        self.patterns
            .iter()
            .rev()
            .find(|pattern| pattern.matches(subject))
            .is_some_and(|pattern| pattern.sense == Sense::Exclude)
    }

    /// Whether some pattern takes files back in (`!keep.yaml`).
    pub(crate) fn re_includes(&self) -> bool {
        self.re_includes
    }

    /// Everything about these rules that can bear on what is seen at and below
    /// `folder`, as text. Patterns that hold elsewhere only are left away.
    pub(crate) fn bearing_on(&self, folder: &TreePath) -> String {
        let mut text = String::new();
        for pattern in &self.patterns {
            let related = folder.is_within(&pattern.domain) || pattern.domain.is_within(folder);
            if related {
                text.push_str(pattern.domain.as_str());
                text.push('\0');
                text.push_str(&pattern.text);
                text.push('\0');
            }
        }
        text
    }
}

fn check_size(path: &TreePath, entry: &Entry) -> Result<(), TreeError> {
    match entry {
        Entry::File { size_bytes, .. } if *size_bytes > MAX_IGNORE_FILE_BYTES => {
            Err(TreeError::OverLimit {
                path: path.clone(),
                what: "size of an ignore file in bytes",
                actual: *size_bytes,
                limit: MAX_IGNORE_FILE_BYTES,
            })
        }
        _ => Ok(()),
    }
}

fn patterns(text: &str, domain: &TreePath) -> Vec<Pattern> {
    text.split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| Pattern::parse(line, domain))
        .collect()
}

impl Pattern {
    fn parse(line: &str, domain: &TreePath) -> Self {
        let (sense, rest) = match line.strip_prefix('!') {
            Some(rest) => (Sense::Include, rest),
            None => (Sense::Exclude, line),
        };
        let rest = if rest.ends_with("\\ ") {
            rest
        } else {
            rest.trim_end_matches(' ')
        };
        let (target, rest) = match rest.strip_suffix('/') {
            Some(rest) => (Target::DirectoriesOnly, rest),
            None => (Target::Anything, rest),
        };
        Pattern {
            domain: domain.clone(),
            segments: rest.split('/').map(str::to_owned).collect(),
            text: line.to_owned(),
            sense,
            target,
        }
    }

    fn matches(&self, subject: &Subject<'_>) -> bool {
        let mut path = subject.segments.as_slice();
        for segment in self.domain.segments() {
            match path.split_first() {
                Some((first, rest)) if *first == segment => path = rest,
                _ => return false,
            }
        }
        if path.is_empty() {
            return false;
        }
        match self.segments.as_slice() {
            [name] => self.matches_any_segment(name, path, subject.kind),
            _ => self.matches_from_domain(path, subject.kind),
        }
    }

    /// A pattern of one segment matches a name at any depth, and with a folder
    /// everything below it.
    fn matches_any_segment(&self, name: &str, path: &[&str], kind: SubjectKind) -> bool {
        let hit = path
            .iter()
            .position(|segment| glob::matches(name, segment) == Some(true));
        hit.is_some_and(|at| self.accepts_kind(at + 1 == path.len(), kind))
    }

    /// A pattern with a `/` inside is read from its domain down. Where it ends
    /// above the path's last segment it has matched a folder on the way.
    fn matches_from_domain(&self, path: &[&str], kind: SubjectKind) -> bool {
        let mut rest = path;
        let mut matched = false;
        let mut anywhere_below = false;
        for (at, segment) in self.segments.iter().enumerate() {
            match segment.as_str() {
                "" => anywhere_below = false,
                "**" if at + 1 == self.segments.len() => break,
                "**" => anywhere_below = true,
                mixed if mixed.contains("**") => return false,
                name => {
                    let reach = if anywhere_below { rest.len() } else { 1 };
                    anywhere_below = false;
                    let hit = rest
                        .iter()
                        .take(reach)
                        .position(|segment| glob::matches(name, segment) == Some(true));
                    match hit {
                        Some(hit) => rest = &rest[hit + 1..],
                        None => return false,
                    }
                    matched = true;
                }
            }
        }
        matched && self.accepts_kind(rest.is_empty(), kind)
    }

    fn accepts_kind(&self, reached_the_end: bool, kind: SubjectKind) -> bool {
        !(reached_the_end
            && self.target == Target::DirectoriesOnly
            && kind != SubjectKind::Directory)
    }
}

/// Paths come from trees, whose names are plain.
pub(crate) fn child(folder: &TreePath, name: &str) -> Result<TreePath, TreeError> {
    debug_assert!(is_plain_name(name) || name.is_empty());
    folder.child(name).ok_or_else(|| TreeError::Broken {
        path: folder.clone(),
        reason: format!("{name:?} is not a file name"),
    })
}

#[cfg(test)]
#[path = "ignore_tests.rs"]
mod tests;
