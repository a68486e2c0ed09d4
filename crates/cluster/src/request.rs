//! The words of a request: verbs, options, patches.

use std::fmt;
use trueup_object::{Text, Value};

/// What a request does, as counted and as shown in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Reads one object.
    Get,
    /// Reads one page of a collection.
    List,
    /// Opens a watch.
    Watch,
    /// Creates an object.
    Create,
    /// Replaces an object.
    Update,
    /// Merge or JSON patch.
    Patch,
    /// Server-side apply that writes.
    Apply,
    /// Any write with `dryRun=All`.
    DryRun,
    /// Deletes an object.
    Delete,
    /// Reads a discovery document.
    Discover,
}

impl Verb {
    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Apply => "apply",
            Self::DryRun => "dry-run",
            Self::Delete => "delete",
            Self::Discover => "discover",
        }
    }

    /// Whether it only reads, so that repeating it is harmless.
    #[must_use]
    pub fn is_read(self) -> bool {
        matches!(self, Self::Get | Self::List | Self::Watch | Self::Discover)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How much of an object is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// All of it.
    #[default]
    Full,
    /// `PartialObjectMetadata`: type, metadata, nothing else.
    Metadata,
}

/// Whether a write is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persist {
    /// It is.
    #[default]
    Commit,
    /// `dryRun=All`: everything but the storing.
    DryRun,
}

/// What a server-side apply does with fields that others own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflicts {
    /// Fails with [`crate::ErrorClass::Conflict`] that names them.
    #[default]
    Refuse,
    /// Takes them over (`force=true`).
    TakeOver,
}

/// What the server does with fields that it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// Refuses the write (`fieldValidation=Strict`).
    Refuse,
    /// Drops them and warns (`fieldValidation=Warn`), the server's default.
    #[default]
    Warn,
    /// Drops them (`fieldValidation=Ignore`).
    Ignore,
}

/// How a server-side apply is done.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// `fieldManager`; may not be empty.
    pub field_manager: Text,
    /// What happens to fields of others.
    pub conflicts: Conflicts,
    /// Whether it is kept.
    pub persist: Persist,
    /// What happens to unknown fields.
    pub unknown_fields: UnknownFields,
    /// Subresource such as `status`; the object itself without.
    pub subresource: Option<Text>,
}

impl ApplyOptions {
    /// Applies for keeps as `field_manager`, refusing conflicts.
    #[must_use]
    pub fn new(field_manager: &str) -> Self {
        Self {
            field_manager: field_manager.into(),
            conflicts: Conflicts::Refuse,
            persist: Persist::Commit,
            unknown_fields: UnknownFields::Warn,
            subresource: None,
        }
    }

    /// The same, taking over fields of others.
    #[must_use]
    pub fn taking_over(self) -> Self {
        Self {
            conflicts: Conflicts::TakeOver,
            ..self
        }
    }

    /// The same as a dry-run.
    #[must_use]
    pub fn dry_run(self) -> Self {
        Self {
            persist: Persist::DryRun,
            ..self
        }
    }

    /// The same on a subresource.
    #[must_use]
    pub fn on(self, subresource: &str) -> Self {
        Self {
            subresource: Some(subresource.into()),
            ..self
        }
    }
}

/// How a create, update or patch is done.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// `fieldManager`; left to the server (from the user agent) when empty.
    pub field_manager: Text,
    /// Whether it is kept.
    pub persist: Persist,
    /// What happens to unknown fields.
    pub unknown_fields: UnknownFields,
    /// Subresource such as `status` or `scale`.
    pub subresource: Option<Text>,
}

impl WriteOptions {
    /// Writes for keeps as `field_manager`.
    #[must_use]
    pub fn new(field_manager: &str) -> Self {
        Self {
            field_manager: field_manager.into(),
            persist: Persist::Commit,
            unknown_fields: UnknownFields::Warn,
            subresource: None,
        }
    }

    /// The same as a dry-run.
    #[must_use]
    pub fn dry_run(self) -> Self {
        Self {
            persist: Persist::DryRun,
            ..self
        }
    }

    /// The same on a subresource.
    #[must_use]
    pub fn on(self, subresource: &str) -> Self {
        Self {
            subresource: Some(subresource.into()),
            ..self
        }
    }
}

/// A change of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// RFC 7386: `null` removes, lists are replaced.
    Merge(Value),
    /// RFC 6902: a list of operations; with `test` it fails as
    /// [`crate::ErrorClass::Invalid`].
    Json(Value),
    /// Kubernetes' own merge by list keys; built-in kinds only.
    Strategic(Value),
}

/// What happens to the dependents of a deleted object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They follow later.
    #[default]
    Background,
    /// They go first; the object stays until they have gone.
    Foreground,
    /// They stay, without an owner.
    Orphan,
}

/// How a delete is done.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Only if the object still has this uid.
    pub uid: Option<Text>,
    /// Only if the object still has this version.
    pub resource_version: Option<Text>,
    /// What happens to dependents.
    pub propagation: Propagation,
    /// Whether it is kept.
    pub persist: Persist,
    /// `gracePeriodSeconds`; the kind's default without.
    pub grace_period_s: Option<u32>,
}

impl DeleteOptions {
    /// Deletes the object with this uid only.
    #[must_use]
    pub fn of_uid(uid: &str) -> Self {
        Self {
            uid: Some(uid.into()),
            ..Self::default()
        }
    }
}

/// What a delete came to.
#[derive(Clone, Debug)]
pub enum Deletion {
    /// The object is gone.
    Gone,
    /// It is marked and waits: for finalizers, dependents or its grace period.
    Pending(Box<crate::LiveObject>),
}

/// Which objects of a kind, for a list or a watch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// One namespace; all of them when `None`.
    pub namespace: Option<Text>,
    /// Label selector in text form; empty for all.
    pub label_selector: Text,
    /// Field selector in text form; empty for all.
    pub field_selector: Text,
}

impl Scope {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Everything in one namespace.
    #[must_use]
    pub fn namespace(namespace: &str) -> Self {
        Self {
            namespace: Some(namespace.into()),
            ..Self::default()
        }
    }

    /// One object by name, in a namespace or (empty) cluster-wide.
    #[must_use]
    pub fn object(namespace: &str, name: &str) -> Self {
        Self {
            namespace: Some(namespace)
                .filter(|text| !text.is_empty())
                .map(Text::from),
            field_selector: format!("metadata.name={name}").into(),
            ..Self::default()
        }
    }

    /// The same, only objects whose labels match.
    #[must_use]
    pub fn labelled(self, selector: &str) -> Self {
        Self {
            label_selector: selector.into(),
            ..self
        }
    }
}
