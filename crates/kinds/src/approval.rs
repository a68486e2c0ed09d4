//! A person's consent to deletions.

use crate::names;
use std::fmt;
use trueup_object::Text;

/// What begins the line of a condition's message that holds an approval.
const LINE_START: &str = "Approval: ";

/// The consent to delete, once, one set of objects that left the source at
/// one revision. In the notation of the annotation
/// `trueup.dev/approved-deletions`: both, with a space between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The revision at which the objects are missing.
    pub revision: Text,
    /// The digest of the set: `sha256:` and 64 hexadecimal digits.
    pub digest: Text,
}

impl fmt::Display for Approval {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.revision, self.digest)
    }
}

impl Approval {
    /// Reads the annotation's notation. `None` if the text is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (revision, digest) = text.split_once(' ')?;
        let digits = digest.strip_prefix("sha256:")?;
        let is_digest = digits.len() == 64 && digits.bytes().all(|it| it.is_ascii_hexdigit());
        (is_digest && !revision.is_empty()).then(|| Self {
            revision: revision.into(),
            digest: digest.into(),
        })
    }

    /// The line of the message of the condition `DeletionsHeld` from which
    /// [`Approval::asked_for`] reads it back.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{LINE_START}{self}")
    }

    /// The approval that the message of a condition `DeletionsHeld` asks for.
    #[must_use]
    pub fn asked_for(message: &str) -> Option<Self> {
        let mut lines = message.lines();
        lines.find_map(|line| Self::parse(line.strip_prefix(LINE_START)?))
    }

    /// The command that gives a Kustomization's pending approval.
    #[must_use]
    pub fn command(name: &str, namespace: &str) -> String {
        format!("trueup approve kustomization {name} -n {namespace}")
    }

    /// The key of the annotation.
    pub const ANNOTATION: &str = names::APPROVED_DELETIONS;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_is_read_back_from_the_message_that_asks_for_it() {
        let approval = Approval {
            revision: "main@sha1:0123".into(),
            digest: format!("sha256:{}", "0a".repeat(32)).into(),
        };
        let message = format!("3 objects\n{}\nConfigMap/apps/a", approval.line());
        assert_eq!(Approval::asked_for(&message), Some(approval.clone()));
        assert_eq!(Approval::parse(&approval.to_string()), Some(approval));
    }

    #[test]
    fn anything_else_approves_nothing() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for text in [
            "",
            "yes",
            "true",
            "main@sha1:0123",
            &digest,
            &format!(" {digest}"),
            &format!("main {digest}0"),
            &format!("main  {digest}"),
            "main sha256:xyz",
        ] {
            assert_eq!(Approval::parse(text), None, "{text:?}");
        }
    }
}
