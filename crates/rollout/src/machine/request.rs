//! What a person asks for by an annotation.

use super::turn::Turn;
use trueup_kinds::{Metadata, names};
use trueup_object::Text;

/// How much of a request is remembered.
const MAX_REQUEST_BYTES: usize = 253;

/// What a person asks for, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked for; `None` where nobody understands it.
    pub verb: Option<RequestVerb>,
    /// The whole text, by which it differs from what was asked before.
    pub text: Text,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestVerb {
    /// Promotes without further checks.
    Promote,
    /// Ends the run.
    Abort,
    /// Opens the gate that is, or will be, waited for.
    Approve,
    /// Starts a run of a revision that has failed.
    Retry,
}

impl Request {
    /// The request in the annotation `trueup.dev/canary-request`: `VERB/ID`.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Option<Self> {
        let text = metadata.annotations.get(names::CANARY_REQUEST)?;
        let text = &text[..text.floor_char_boundary(MAX_REQUEST_BYTES)];
        let verb = text.split_once('/').map_or(text, |(verb, _)| verb);
        Some(Self {
            verb: RequestVerb::parse(verb),
            text: text.into(),
        })
    }
}

impl RequestVerb {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "promote" => Self::Promote,
            "abort" => Self::Abort,
            "approve" => Self::Approve,
            "retry" => Self::Retry,
            _ => return None,
        })
    }

    /// The word in the annotation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Abort => "abort",
            Self::Approve => "approve",
            Self::Retry => "retry",
        }
    }
}

impl Turn<'_> {
    fn open_request(&self) -> Option<Request> {
        let request = Request::of(&self.seen.metadata)?;
        (request.text != self.state.last_handled_request).then_some(request)
    }

    /// Whether this is asked for and not done yet.
    pub(super) fn is_asked_to(&self, verb: RequestVerb) -> bool {
        self.open_request()
            .is_some_and(|request| request.verb == Some(verb))
    }

    /// Remembers that what is asked for is done.
    pub(super) fn request_is_done(&mut self) {
        if let Some(request) = self.open_request() {
            self.state.last_handled_request = request.text;
        }
    }

    /// Says that what is asked for can't be done now, and forgets it; but for
    /// what is `kept` for later.
    pub(super) fn dismiss_request(&mut self, kept: &[RequestVerb]) {
        let Some(request) = self.open_request() else {
            return;
        };
        let phase = self.state.phase;
        match request.verb {
            Some(verb) if kept.contains(&verb) => return,
            Some(verb) => self.warn(format!(
                "Nothing to {} for {} in phase {phase}",
                verb.as_str(),
                self.name()
            )),
            None => self.warn(format!(
                "Request {:?} of {} is not understood",
                request.text,
                self.name()
            )),
        }
        self.state.last_handled_request = request.text;
    }

    /// Whether a person consents: to this revision, or to the next gate.
    pub(super) fn is_approved(&self) -> bool {
        let approved = self.seen.metadata.annotations.get(names::CANARY_APPROVED);
        let revision = self.target().map(|target| &target.revision);
        let by_revision = approved.is_some() && approved == revision;
        by_revision || self.is_asked_to(RequestVerb::Approve)
    }
}
