//! What lies outside of the tree: which of the texts in a kustomization file
//! name a repository or a file elsewhere, by kustomize's own grammar.

mod host;
mod query;

pub use query::DEFAULT_REMOTE_TIMEOUT_MS;
use std::fmt;
use trueup_artifact::TreePath;
use trueup_object::Text;

/// The segments of a path that name the repository where nothing else says
/// where it ends: owner and repository, as at GitHub.
const REPOSITORY_SEGMENTS: usize = 2;

/// A Git repository at a reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteRepository {
    /// What Git would be asked to clone: `https://github.com/org/repo`,
    /// `git@host:org/repo.git`, `file:///srv/repo`. May hold a user name.
    pub url: Text,
    /// A branch, a tag, a full reference or the 40 digits of a commit; `None`
    /// for the repository's default branch.
    pub reference: Option<Text>,
    /// How long fetching may take.
    pub timeout_ms: u64,
    /// Whether its submodules are wanted too.
    pub submodules: bool,
}

/// A kustomization root in a Git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRoot {
    /// The repository.
    pub repository: RemoteRepository,
    /// The root's folder in it.
    pub path: TreePath,
}

/// Why a text names no repository. The texts are kustomize's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// A path from the root of the file system.
    #[error("uri looks like abs path")]
    Absolute,
    /// Nothing that a URL begins with: an ordinary path.
    #[error("failed to parse scheme")]
    Scheme,
    /// No host.
    #[error("failed to parse host segment")]
    Host,
    /// Too few segments to name a repository.
    #[error("failed to parse repo path segment")]
    Repository,
    /// The root is above the repository.
    #[error("url path exits repo")]
    Outside,
}

impl RemoteError {
    /// Whether the text is a URL, if a wrong one, and no ordinary path.
    pub(crate) fn is_of_a_url(self) -> bool {
        !matches!(self, Self::Absolute | Self::Scheme)
    }
}

impl RemoteRoot {
    /// Reads `https://host/org/repo//path?ref=v1`, `github.com/org/repo/path`,
    /// `git@host:org/repo.git//path`, `file:///srv/repo.git/path` and the like.
    pub fn parse(text: &str) -> Result<Self, RemoteError> {
        if text.starts_with('/') {
            return Err(RemoteError::Absolute);
        }
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let query = query::Query::parse(query);
        let (host, rest) = host::split(address)?;
        let (repository, path) = split_path(rest, host.starts_with(host::FILE))?;
        Ok(Self {
            repository: RemoteRepository {
                url: format!("{host}{repository}").into(),
                reference: query.reference.map(Text::from),
                timeout_ms: query.timeout_ms,
                submodules: query.submodules,
            },
            path: TreePath::parse(path.trim_start_matches('/'))
                .map_err(|_| RemoteError::Outside)?,
        })
    }
}

impl RemoteRepository {
    /// A path in the repository, as messages name it.
    pub(crate) fn file_name(&self, path: &str) -> String {
        let reference = self.reference.as_deref();
        let query = reference.map_or(String::new(), |name| format!("?ref={name}"));
        format!("{}//{path}{query}", shown_url(&self.url))
    }
}

impl fmt::Display for RemoteRepository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", shown_url(&self.url))?;
        match &self.reference {
            Some(name) => write!(formatter, "?ref={name}"),
            None => Ok(()),
        }
    }
}

/// A URL without what may be secret in it: user, password and query. One whose
/// password holds what ends a host elsewhere is not shown at all.
pub(crate) fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(host_end);
    if host.contains(':') && !host.contains('@') && path.contains('@') {
        return format!("{scheme}://(malformed URL)");
    }
    let start = host.rfind('@').map_or(0, |at| at + 1);
    let path = path.split('?').next().unwrap_or_default();
    format!("{scheme}://{}{path}", &host[start..])
}

/// Whether a text is read as a file from a web server, wherever a file may be
/// named: Go's parser of URLs takes it, and the scheme is HTTP's.
pub(crate) fn is_remote_file(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let is_web = ["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    let is_printable = |one: u8| one > b' ' && one != 0x7f;
    is_web && rest.bytes().all(is_printable) && has_whole_escapes(rest)
}

/// Whether each percent sign begins an escape; those of a query don't matter.
fn has_whole_escapes(text: &str) -> bool {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    path.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Parts the path of the repository from the path in it.
fn split_path(rest: &str, is_file: bool) -> Result<(&str, &str), RemoteError> {
    let parts = at_marker(rest).or_else(|| match is_file {
        true => Some((rest, "")),
        false => at_segment(rest, REPOSITORY_SEGMENTS),
    });
    match parts {
        Some((repository, path)) if !repository.is_empty() => Ok((repository, path)),
        _ => Err(RemoteError::Repository),
    }
}

/// Where a path says itself where the repository ends: one segment after
/// `_git/`, at `//`, or behind `.git`.
fn at_marker(rest: &str) -> Option<(&str, &str)> {
    const FOLDER_OF_REPOSITORIES: &str = "_git/";
    const ENDING: &str = ".git";
    if let Some(at) = rest.find(FOLDER_OF_REPOSITORIES) {
        let start = at + FOLDER_OF_REPOSITORIES.len();
        let end = rest[start..].find('/').map(|length| start + length);
        return Some(match end {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, ""),
        });
    }
    if let Some(parts) = rest.split_once("//") {
        return Some(parts);
    }
    let end = rest.find(ENDING)? + ENDING.len();
    Some(rest.split_at(end))
}

/// The first segments and the rest; `None` if there are fewer.
fn at_segment(rest: &str, count: usize) -> Option<(&str, &str)> {
    let mut slashes = rest.match_indices('/').map(|(at, _)| at);
    match slashes.nth(count - 1) {
        Some(at) => Some((&rest[..at], &rest[at + 1..])),
        None => (rest.split('/').count() == count).then_some((rest, "")),
    }
}
