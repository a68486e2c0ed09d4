//! Which state of an object a digest was taken from.

use std::fmt;
use trueup_object::Text;

/// `UID/COUNTER[/REVISION]`, kept in `status.lastTrackedRevision`: a counter
/// that only the API server moves, and for Deployments the number of the
/// rollout, where it surely belongs to the template that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fence {
    /// The object's uid.
    pub uid: Text,
    /// `metadata.generation`, or `metadata.resourceVersion` for a Service.
    pub counter: Text,
    /// `deployment.kubernetes.io/revision`; empty where it can't be trusted.
    pub revision: Text,
}

impl Fence {
    /// Reads the text; parts that are missing are empty.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parts = text.splitn(3, '/').map(Text::from);
        let mut next = || parts.next().unwrap_or_default();
        Self {
            uid: next(),
            counter: next(),
            revision: next(),
        }
    }

    /// Whether the server counts changes of the object at all. A counter that
    /// stands still proves nothing.
    fn counts(&self) -> bool {
        !self.uid.is_empty() && !self.counter.is_empty() && self.counter != "0"
    }

    /// Whether this, taken now, proves that nothing was changed since `stored`
    /// was.
    #[must_use]
    pub fn proves_unchanged_since(&self, stored: &Self) -> bool {
        let same_revision = !self.revision.is_empty() && self.revision == stored.revision;
        self.counts() && self.uid == stored.uid && (self.counter == stored.counter || same_revision)
    }

    /// Whether this, taken now, shows that something was changed since
    /// `stored` was.
    #[must_use]
    pub fn shows_change_since(&self, stored: &Self) -> bool {
        self.counts() && stored.counts() && self.counter != stored.counter
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.uid, self.counter)?;
        if self.revision.is_empty() {
            return Ok(());
        }
        write!(formatter, "/{}", self.revision)
    }
}
