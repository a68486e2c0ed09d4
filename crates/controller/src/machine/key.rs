//! What the machine works on, and why.

use std::collections::BTreeSet;
use std::fmt;
use trueup_cluster::ClusterKey;
use trueup_object::Text;

/// A kind whose objects are known. Those that are worked on have a shell, a
/// queue and a bound of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `source.toolkit.fluxcd.io` `GitRepository`.
    GitRepository,
    /// `source.toolkit.fluxcd.io` `ExternalArtifact`: others write it, and
    /// nothing is done about it but to follow it.
    ExternalArtifact,
    /// `kustomize.toolkit.fluxcd.io` `Kustomization`.
    Kustomization,
    /// `flagger.app` `Canary`.
    Canary,
}

impl Kind {
    /// Every kind, sources first.
    pub const ALL: [Self; 4] = [
        Self::GitRepository,
        Self::ExternalArtifact,
        Self::Kustomization,
        Self::Canary,
    ];

    /// Those whose objects are worked on, sources first.
    pub const RECONCILED: [Self; 3] = [Self::GitRepository, Self::Kustomization, Self::Canary];

    /// Those that every cluster with controllers of ours has; the others are
    /// looked at once they are served.
    pub const EXPECTED: [Self; 2] = [Self::GitRepository, Self::Kustomization];

    /// Whether its objects are worked on.
    #[must_use]
    pub fn is_reconciled(self) -> bool {
        self.shell().is_some()
    }

    /// What works on its objects, if anything does.
    #[must_use]
    pub fn shell(self) -> Option<Shell> {
        match self {
            Self::GitRepository => Some(Shell::GitRepository),
            Self::ExternalArtifact => None,
            Self::Kustomization => Some(Shell::Kustomization),
            Self::Canary => Some(Shell::Canary),
        }
    }

    /// The kind of source that a reference names, if it is one.
    #[must_use]
    pub fn of_source(name: &str) -> Option<Self> {
        let sources = [Self::GitRepository, Self::ExternalArtifact];
        sources.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind as manifests write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GitRepository => "GitRepository",
            Self::ExternalArtifact => "ExternalArtifact",
            Self::Kustomization => "Kustomization",
            Self::Canary => "Canary",
        }
    }
}

/// A kind that is worked on, by what works on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// Fetches, archives, tells.
    GitRepository,
    /// Builds, applies, prunes.
    Kustomization,
    /// Shifts traffic, judges, promotes.
    Canary,
}

impl Shell {
    /// All of them, that of sources first.
    pub const ALL: [Self; 3] = [Self::GitRepository, Self::Kustomization, Self::Canary];

    /// The kind whose objects it works on.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::GitRepository => Kind::GitRepository,
            Self::Kustomization => Kind::Kustomization,
            Self::Canary => Kind::Canary,
        }
    }
}

/// One custom resource of one cluster: the unit of work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// The cluster that holds it.
    pub cluster: ClusterKey,
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
}

/// `Kind/namespace/name`, as Flux writes objects.
impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}/{}/{}",
            self.kind.name(),
            self.namespace,
            self.name
        )
    }
}

/// Why an object is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// A person asked, by the reconcile annotation.
    Request,
    /// Somebody pushed to the repository.
    Push,
    /// The source has another artifact.
    Source,
    /// The object is being deleted.
    Deletion,
    /// The specification changed.
    Spec,
    /// A dependency turned ready, or the graph of dependencies changed.
    Dependency,
    /// The cluster serves other kinds than when one was missed.
    Discovery,
    /// An object it owns, or watches for health, changed.
    Live,
    /// Seen for the first time since this process started.
    Start,
    /// The time of a waiting state is up.
    Deadline,
    /// A failure is tried again.
    Retry,
    /// The interval that the API promises.
    Interval,
    /// Work that everything else goes before.
    Trailing,
}

/// How soon work is done; smaller goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    Person,
    Push,
    Change,
    Interval,
    Trailing,
}

impl Cause {
    pub(crate) fn urgency(self) -> Urgency {
        match self {
            Self::Request => Urgency::Person,
            Self::Push | Self::Source => Urgency::Push,
            Self::Deletion | Self::Spec | Self::Dependency | Self::Discovery | Self::Live => {
                Urgency::Change
            }
            Self::Start | Self::Deadline | Self::Retry | Self::Interval => Urgency::Interval,
            Self::Trailing => Urgency::Trailing,
        }
    }

    /// Whether a run that began before this cause is better given up.
    pub(crate) fn outdates_a_run(self) -> bool {
        matches!(self, Self::Source | Self::Deletion | Self::Spec)
    }
}

/// The causes that came together for one run.
pub type Causes = BTreeSet<Cause>;
