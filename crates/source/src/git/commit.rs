//! Facts about a commit.

use gix_hash::ObjectId;
use gix_object::{CommitRef, Find as _};
use jiff::Timestamp;

use super::repository::Repository;
use crate::Commit;
use crate::error::Failure;

/// A subject line longer than this is cut.
const MAX_SUBJECT_CHARACTERS: usize = 500;

/// Reads a commit: its facts and the id of its tree.
pub(crate) fn read(repository: &Repository, id: &ObjectId) -> Result<(Commit, ObjectId), Failure> {
    let objects = repository.objects();
    let mut buffer = Vec::new();
    let data = match objects.try_find(id, &mut buffer) {
        Ok(Some(data)) => data,
        Ok(None) => {
            return Err(Failure::storage(
                "the mirror",
                format_args!("it lacks {id}"),
            ));
        }
        Err(error) => return Err(Failure::storage("the mirror", error)),
    };
    if data.kind != gix_object::Kind::Commit {
        let cause = format!("the reference points at a {}, not at a commit", data.kind);
        return Err(Failure::protocol(cause));
    }
    let malformed = |error| Failure::protocol(format!("the commit {id} is malformed: {error}"));
    let commit = CommitRef::from_bytes(data.data, gix_hash::Kind::Sha1)
        .map_err(|error| malformed(error.to_string()))?;
    let tree = commit.tree();
    Ok((facts(id, &commit), tree))
}

/// Odd signatures are no reason to refuse a commit: what cannot be read is
/// empty, a time that cannot be read is the epoch.
fn facts(id: &ObjectId, commit: &CommitRef<'_>) -> Commit {
    let author = commit.author().ok();
    let part = |choose: fn(&gix_object::bstr::BStr) -> String, name: bool| {
        author
            .as_ref()
            .map(|author| choose(if name { author.name } else { author.email }))
            .unwrap_or_default()
    };
    let text = |bytes: &gix_object::bstr::BStr| printable(&String::from_utf8_lossy(bytes));
    let seconds = commit.time().map_or(0, |time| time.seconds);
    let message = String::from_utf8_lossy(commit.message);
    let subject = message.trim_start().lines().next().unwrap_or_default();
    Commit {
        id: id.to_string(),
        author_name: part(text, true),
        author_email: part(text, false),
        committed_at: Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH),
        subject: printable(subject.trim())
            .chars()
            .take(MAX_SUBJECT_CHARACTERS)
            .collect(),
    }
}

/// Text of a stranger for terminals, events and logs: no character of it
/// moves the cursor, changes colours or turns the line around.
fn printable(text: &str) -> String {
    let safe = |one: char| match one {
        '\t' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        one if one.is_control() => '\u{fffd}',
        one => one,
    };
    text.chars().map(safe).collect()
}
