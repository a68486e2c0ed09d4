//! The kinds that commands speak of, and the words for them.

use trueup_kinds::names::{CANARY_PAUSED, FLAGGER_GROUP};
use trueup_kinds::{Canary, ExternalArtifact, GitRepository, Kustomization, Resource};
use trueup_object::{GroupVersionKind, ObjectRef, Value};

/// A kind as the command line knows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    /// `Kustomization`.
    pub kind: &'static str,
    /// `kustomization`, `source git`: the words of the command.
    pub command: &'static str,
    group: &'static str,
    version: &'static str,
    /// `kustomizations`: the name in URLs.
    pub plural: &'static str,
    short: &'static [&'static str],
    /// What a finished reconciliation did, for `✔ … main@sha1:…`.
    done: &'static str,
    revision: &'static [&'static str],
    /// When it is finished.
    pub settles: Settles,
}

/// When a reconciliation is over that a person waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settles {
    /// When the object is as it should be.
    WhenReady,
    /// When it was looked at: a run that is under way takes its own time.
    WhenSeen,
}

/// Kustomizations.
pub const KUSTOMIZATION: Words = Words {
    kind: Kustomization::KIND,
    command: "kustomization",
    plural: Kustomization::PLURAL,
    short: &["ks"],
    group: Kustomization::GROUP,
    version: Kustomization::VERSION,
    done: "applied revision",
    revision: &["status", "lastAppliedRevision"],
    settles: Settles::WhenReady,
};

/// Git repositories.
pub const GIT_REPOSITORY: Words = Words {
    kind: GitRepository::KIND,
    command: "source git",
    plural: GitRepository::PLURAL,
    short: &["gitrepo", "git"],
    group: GitRepository::GROUP,
    version: GitRepository::VERSION,
    done: "fetched revision",
    revision: &["status", "artifact", "revision"],
    settles: Settles::WhenReady,
};

/// Archives that others make and serve.
pub const EXTERNAL_ARTIFACT: Words = Words {
    kind: ExternalArtifact::KIND,
    command: "source external",
    plural: ExternalArtifact::PLURAL,
    short: &["ea", "external"],
    group: ExternalArtifact::GROUP,
    version: ExternalArtifact::VERSION,
    done: "fetched revision",
    revision: &["status", "artifact", "revision"],
    settles: Settles::WhenReady,
};

/// Canaries.
pub const CANARY: Words = Words {
    kind: Canary::KIND,
    command: "canary",
    plural: Canary::PLURAL,
    short: &[],
    group: Canary::GROUP,
    version: Canary::VERSION,
    done: "promoted revision",
    revision: &["status", "sourceRevision"],
    settles: Settles::WhenSeen,
};

/// Queries of Canaries.
pub const METRIC_TEMPLATE: Words = Words {
    kind: "MetricTemplate",
    command: "metrictemplate",
    plural: "metrictemplates",
    short: &[],
    group: FLAGGER_GROUP,
    version: Canary::VERSION,
    done: "",
    revision: &[],
    settles: Settles::WhenSeen,
};

/// Who is told of Canaries.
pub const ALERT_PROVIDER: Words = Words {
    kind: "AlertProvider",
    command: "alertprovider",
    plural: "alertproviders",
    short: &[],
    group: FLAGGER_GROUP,
    version: Canary::VERSION,
    done: "",
    revision: &[],
    settles: Settles::WhenSeen,
};

/// The kinds that have a status and events.
pub const ALL: [&Words; 4] = [&GIT_REPOSITORY, &EXTERNAL_ARTIFACT, &KUSTOMIZATION, &CANARY];

/// The kind that a person means: its name, plural or short name, in any case.
pub fn find(word: &str) -> Option<&'static Words> {
    ALL.into_iter().find(|words| {
        [words.kind, words.plural]
            .iter()
            .chain(words.short)
            .any(|name| name.eq_ignore_ascii_case(word))
    })
}

impl Words {
    /// Group, version and kind.
    pub fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind {
            group: self.group.into(),
            version: self.version.into(),
            kind: self.kind.into(),
        }
    }

    /// `kustomization.kustomize.toolkit.fluxcd.io/apps`, as `kubectl -o name`.
    pub fn resource_name(&self, name: &str) -> String {
        format!("{}.{}/{name}", self.kind.to_lowercase(), self.group)
    }

    /// The object of this kind by name.
    pub fn object(&self, namespace: &str, name: &str) -> ObjectRef {
        ObjectRef {
            kind: self.gvk(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The revision that the object has reached; empty before the first.
    pub fn revision<'a>(&self, object: &'a Value) -> &'a str {
        object.str_at(self.revision).unwrap_or_default()
    }

    /// What a reconciliation that is over has come to: `applied revision
    /// main@sha1:…`, or how far a run is that goes on.
    pub fn reached(&self, object: &Value) -> String {
        match self.settles {
            Settles::WhenReady => format!("{} {}", self.done, self.revision(object)),
            Settles::WhenSeen => {
                let phase = object.str_at(&["status", "phase"]).unwrap_or_default();
                let ready = condition(object, "Ready");
                let message = ready.and_then(|it| it.str_at(&["message"]));
                format!("phase {phase}: {}", message.unwrap_or_default())
            }
        }
    }
}

/// The condition of a type in an object's status.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object.at(&["status", "conditions"])?.as_list()?;
    conditions.iter().find(|condition| {
        condition
            .str_at(&["type"])
            .is_some_and(|found| found.eq_ignore_ascii_case(kind))
    })
}

/// Whether nothing is done with an object until somebody resumes it:
/// `spec.suspend`, or the annotation of a Canary that means the same.
pub fn is_suspended(object: &Value) -> bool {
    let suspend = object.at(&["spec", "suspend"]).and_then(Value::as_bool);
    let is_canary = object.str_at(&["kind"]) == Some(CANARY.kind);
    let paused = object.str_at(&["metadata", "annotations", CANARY_PAUSED]);
    suspend.unwrap_or(false)
        || (is_canary && paused.is_some_and(|it| it.eq_ignore_ascii_case("true")))
}
