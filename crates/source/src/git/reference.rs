//! From `spec.ref` to a commit: pure.

use gix_hash::ObjectId;
use trueup_gocompat::{SemverRange, Version, compare_versions, parse_version};

use crate::error::{Failure, FetchErrorKind};
use crate::{DEFAULT_BRANCH, GitReference};

/// A reference as the remote lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteReference {
    /// `refs/heads/main`.
    pub name: String,
    /// What it points at: a commit or an annotated tag.
    pub id: ObjectId,
    /// For an annotated tag the commit behind it.
    pub peeled: Option<ObjectId>,
}

/// The one field that is followed.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Commit {
        id: ObjectId,
        branch: Option<String>,
    },
    Name(String),
    Semver {
        text: String,
        range: SemverRange,
    },
    Tag(String),
    Branch(String),
    /// A short name, looked up as Git does.
    Any(String),
}

/// Where Git looks for a short name, in this order.
fn meanings(name: &str) -> [String; 6] {
    [
        name.to_owned(),
        format!("refs/{name}"),
        format!("refs/tags/{name}"),
        format!("refs/heads/{name}"),
        format!("refs/remotes/{name}"),
        format!("refs/remotes/{name}/HEAD"),
    ]
}

/// What is fetched, and how its revision calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The name in the revision: branch, tag or full reference.
    pub name: Option<String>,
    /// The object to ask for.
    pub want: ObjectId,
    /// The commit; known beforehand unless an old server hides it.
    pub commit: ObjectId,
}

impl Target {
    /// Picks the field that is followed: commit, name, semver, tag, branch.
    pub(crate) fn of(reference: &GitReference) -> Result<Self, Failure> {
        let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        if let Some(name) = given(&reference.any) {
            return Ok(Target::Any(name));
        }
        if let Some(text) = given(&reference.commit) {
            let id = commit_id(&text)?;
            let branch = given(&reference.branch);
            return Ok(Target::Commit { id, branch });
        }
        if let Some(name) = given(&reference.name) {
            return Ok(Target::Name(name));
        }
        if let Some(text) = given(&reference.semver) {
            let range = SemverRange::parse(&text).map_err(|error| {
                let field = "spec.ref.semver";
                let cause = format!("the range {text:?} cannot be read: {error}");
                Failure::new(FetchErrorKind::Invalid { field }, cause)
            })?;
            return Ok(Target::Semver { text, range });
        }
        if let Some(tag) = given(&reference.tag) {
            return Ok(Target::Tag(tag));
        }
        let branch = given(&reference.branch);
        Ok(Target::Branch(
            branch.unwrap_or_else(|| DEFAULT_BRANCH.to_owned()),
        ))
    }

    /// The beginnings of the names of the references that matter.
    pub(crate) fn prefixes(&self) -> Vec<String> {
        let prefix = match self {
            Target::Commit {
                branch: Some(branch),
                ..
            } => format!("refs/heads/{branch}"),
            Target::Commit { branch: None, .. } => "refs/".to_owned(),
            Target::Name(name) => name.clone(),
            Target::Semver { .. } => "refs/tags/".to_owned(),
            Target::Tag(tag) => format!("refs/tags/{tag}"),
            Target::Branch(branch) => format!("refs/heads/{branch}"),
            Target::Any(name) => return meanings(name).to_vec(),
        };
        vec![prefix]
    }

    /// The full names that are tried one after the other.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Target::Commit { .. } | Target::Semver { .. } => Vec::new(),
            other => other.prefixes(),
        }
    }

    /// The target in words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Target::Commit { id, .. } => format!("commit \"{id}\""),
            Target::Name(name) => format!("reference {name:?}"),
            Target::Semver { text, .. } => format!("tag with a version in the range {text:?}"),
            Target::Tag(tag) => format!("tag {tag:?}"),
            Target::Branch(branch) => format!("branch {branch:?}"),
            Target::Any(name) if name == "HEAD" => "default branch".to_owned(),
            Target::Any(name) => format!("branch, tag or reference {name:?}"),
        }
    }

    /// Finds the target among the remote's references.
    pub(crate) fn resolve(&self, references: &[RemoteReference]) -> Result<Resolved, Failure> {
        let found = match self {
            Target::Commit { id, branch } => {
                return Ok(Resolved {
                    name: branch.clone(),
                    want: *id,
                    commit: *id,
                });
            }
            Target::Name(name) => by_name(references, name, name),
            Target::Tag(tag) => by_name(references, &format!("refs/tags/{tag}"), tag),
            Target::Branch(branch) => by_name(references, &format!("refs/heads/{branch}"), branch),
            Target::Semver { range, .. } => highest(references, range),
            Target::Any(name) => meanings(name)
                .iter()
                .find_map(|full| by_name(references, full, name)),
        };
        found.ok_or_else(|| self.unknown())
    }

    /// The failure for a target that the remote doesn't have.
    pub(crate) fn unknown(&self) -> Failure {
        let reference = self.describe();
        let cause = format!("the repository has no {reference}");
        Failure::new(FetchErrorKind::UnknownReference { reference }, cause)
    }
}

fn commit_id(text: &str) -> Result<ObjectId, Failure> {
    ObjectId::from_hex(text.as_bytes())
        .ok()
        .filter(|id| id.kind() == gix_hash::Kind::Sha1)
        .ok_or_else(|| {
            let field = "spec.ref.commit";
            let cause = format!("{text:?} is no commit id, expected 40 hexadecimal digits");
            Failure::new(FetchErrorKind::Invalid { field }, cause)
        })
}

fn by_name(references: &[RemoteReference], full: &str, called: &str) -> Option<Resolved> {
    references
        .iter()
        .find(|reference| reference.name == full)
        .map(|reference| resolved(reference, called))
}

fn resolved(reference: &RemoteReference, called: &str) -> Resolved {
    Resolved {
        name: Some(called.to_owned()),
        want: reference.id,
        commit: reference.peeled.unwrap_or(reference.id),
    }
}

/// The tag with the highest version of the range. Versions that differ only in
/// build metadata are equal; of these the last by name is taken.
fn highest(references: &[RemoteReference], range: &SemverRange) -> Option<Resolved> {
    references
        .iter()
        .filter_map(|reference| {
            let tag = reference.name.strip_prefix("refs/tags/")?;
            let version: Version = parse_version(tag).ok()?;
            range.matches(&version).then_some((version, tag, reference))
        })
        .max_by(|left, right| compare_versions(&left.0, &right.0).then_with(|| left.1.cmp(right.1)))
        .map(|(_, tag, reference)| resolved(reference, tag))
}
