//! How far a `Canary` is.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How far a `Canary` is; scripts look for these words.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Phase {
    /// Nobody has looked yet.
    #[default]
    #[serde(rename = "")]
    Unset,
    /// The primary is being made.
    Initializing,
    /// The primary serves; nothing is new.
    Initialized,
    /// A new revision waits for consent before it is scaled up.
    Waiting,
    /// A new revision is watched.
    Progressing,
    /// A new revision waits for consent before it is promoted.
    WaitingPromotion,
    /// The primary becomes the new revision.
    Promoting,
    /// All traffic is with the primary; the canary is about to go.
    Finalising,
    /// The new revision is the primary.
    Succeeded,
    /// The new revision was refused.
    Failed,
    /// The `Canary` is being deleted and what it changed is put back.
    Terminating,
    /// What it changed was put back.
    Terminated,
}

impl Phase {
    /// The word in the status; empty for [`Phase::Unset`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "",
            Self::Initializing => "Initializing",
            Self::Initialized => "Initialized",
            Self::Waiting => "Waiting",
            Self::Progressing => "Progressing",
            Self::WaitingPromotion => "WaitingPromotion",
            Self::Promoting => "Promoting",
            Self::Finalising => "Finalising",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
        }
    }

    /// Whether the primary has not served yet.
    #[must_use]
    pub const fn is_initial(self) -> bool {
        matches!(self, Self::Unset | Self::Initializing)
    }

    /// Whether a new revision is on its way: it may run and get traffic.
    #[must_use]
    pub const fn is_under_way(self) -> bool {
        matches!(
            self,
            Self::Progressing | Self::WaitingPromotion | Self::Promoting | Self::Finalising
        )
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
