//! The grammar of revisions: `main@sha1:<commit>` and its sisters.

use std::fmt;
use std::str::FromStr;

/// A revision of a source as its status names it, by Flux's grammar:
/// `<name>@<algorithm>:<hash>` or `<algorithm>:<hash>`. The name is a branch
/// (`main`), a tag (`v1.2.3`) or a full reference (`refs/heads/main`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision {
    name: Option<String>,
    algorithm: String,
    hash: String,
}

/// Why a text is not a revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a revision, expected `<name>@<algorithm>:<hash>` or `<algorithm>:<hash>`")]
pub struct RevisionError {
    /// The text as given.
    pub text: String,
}

impl Revision {
    /// The revision of a Git commit, reached by `name` or, without one, by its
    /// id. `commit` is 40 hexadecimal digits.
    pub fn git(name: Option<&str>, commit: &str) -> Self {
        Revision {
            name: name.map(str::to_owned),
            algorithm: "sha1".to_owned(),
            hash: commit.to_owned(),
        }
    }

    /// The branch, tag or reference by which it was reached.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// `sha1` for a Git commit, `sha256` for most else.
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The hash; for Git the id of the commit.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Name and first 8 digits, for people: `main@3f5a1c20`.
    pub fn short(&self) -> String {
        let hash: String = self.hash.chars().take(8).collect();
        match &self.name {
            Some(name) => format!("{name}@{hash}"),
            None => hash,
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(formatter, "{name}@")?;
        }
        write!(formatter, "{}:{}", self.algorithm, self.hash)
    }
}

impl FromStr for Revision {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, RevisionError> {
        parse(text).ok_or_else(|| RevisionError {
            text: text.to_owned(),
        })
    }
}

/// A name may hold `@` itself; an algorithm and a hash never do.
fn parse(text: &str) -> Option<Revision> {
    let (name, rest) = match text.rsplit_once('@') {
        Some((name, rest)) => (Some(name), rest),
        None => (None, text),
    };
    let (algorithm, hash) = rest.split_once(':')?;
    let valid = name != Some("")
        && !algorithm.is_empty()
        && algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !hash.is_empty()
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| Revision {
        name: name.map(str::to_owned),
        algorithm: algorithm.to_owned(),
        hash: hash.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_read_and_printed_alike() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        for (name, text) in [
            (Some("main"), format!("main@sha1:{hash}")),
            (Some("v1.2.3"), format!("v1.2.3@sha1:{hash}")),
            (Some("refs/heads/x"), format!("refs/heads/x@sha1:{hash}")),
            (Some("odd@name"), format!("odd@name@sha1:{hash}")),
            (None, format!("sha1:{hash}")),
        ] {
            let revision: Revision = text.parse().unwrap();
            assert_eq!(revision.name(), name);
            assert_eq!(revision.hash(), hash);
            assert_eq!(revision.to_string(), text);
            assert_eq!(revision, Revision::git(name, hash));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "main",
            "main@",
            "main@sha1",
            "@sha1:00",
            "main@sha1:",
            "main/sha1:zz",
            "a:b:c",
        ] {
            assert!(text.parse::<Revision>().is_err(), "{text}");
        }
    }
}
