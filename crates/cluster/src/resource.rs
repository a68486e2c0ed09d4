//! Where the objects of a kind are served.

use std::fmt::Write as _;
use trueup_object::{GroupVersionKind, Text};

/// Whether the objects of a kind live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placement {
    /// In a namespace each.
    Namespaced,
    /// Beside the namespaces.
    ClusterWide,
}

/// One row of discovery: how a kind is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceInfo {
    /// Group, version and kind.
    pub kind: GroupVersionKind,
    /// The name in paths, such as `deployments`.
    pub plural: Text,
    /// The name of one, such as `deployment`; may be empty.
    pub singular: Text,
    /// Short names, such as `deploy`.
    pub short_names: Vec<Text>,
    /// Whether its objects live in namespaces.
    pub placement: Placement,
    /// What may be done: `get`, `list`, `watch`, …
    pub verbs: Vec<Text>,
    /// Names of subresources: `status`, `scale`, …
    pub subresources: Vec<Text>,
}

impl ResourceInfo {
    /// A row known without asking, for kinds that every cluster has.
    #[must_use]
    pub fn known(api_version: &str, kind: &str, plural: &str, placement: Placement) -> Self {
        Self {
            kind: GroupVersionKind::new(api_version, kind),
            plural: plural.into(),
            singular: kind.to_lowercase().into(),
            short_names: Vec::new(),
            placement,
            verbs: [
                "create", "delete", "get", "list", "patch", "update", "watch",
            ]
            .map(Text::from)
            .into(),
            subresources: Vec::new(),
        }
    }

    /// Whether its objects live in namespaces.
    #[must_use]
    pub fn is_namespaced(&self) -> bool {
        self.placement == Placement::Namespaced
    }

    /// Whether the server offers `verb` on it.
    #[must_use]
    pub fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|offered| offered == verb)
    }

    /// Whether it has this subresource.
    #[must_use]
    pub fn has_subresource(&self, name: &str) -> bool {
        self.subresources.iter().any(|offered| offered == name)
    }

    /// `plural.group`, or the plural alone in the core group.
    #[must_use]
    pub fn full_name(&self) -> Text {
        if self.kind.group.is_empty() {
            return self.plural.clone();
        }
        format!("{}.{}", self.plural, self.kind.group).into()
    }

    /// Path of the collection, in one namespace or everywhere.
    pub(crate) fn collection_path(&self, namespace: Option<&str>) -> String {
        let mut path = version_path(&self.kind.group, &self.kind.version);
        if let Some(namespace) = namespace.filter(|_| self.is_namespaced()) {
            path.push_str("/namespaces/");
            push_encoded(&mut path, namespace);
        }
        path.push('/');
        path.push_str(&self.plural);
        path
    }

    /// Path of one object or of its subresource.
    pub(crate) fn object_path(
        &self,
        namespace: &str,
        name: &str,
        subresource: Option<&str>,
    ) -> String {
        let mut path = self.collection_path(Some(namespace));
        path.push('/');
        push_encoded(&mut path, name);
        if let Some(subresource) = subresource {
            path.push('/');
            push_encoded(&mut path, subresource);
        }
        path
    }
}

/// `/api/v1` or `/apis/group/version`.
pub(crate) fn version_path(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{group}/{version}")
    }
}

/// Appends `text` percent-encoded for a path segment or a query value.
pub(crate) fn push_encoded(path: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                path.push(char::from(byte));
            }
            _ => {
                // Writing to a String can't fail.
                let _ = write!(path, "%{byte:02X}");
            }
        }
    }
}

/// A query string in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    text: String,
}

impl Query {
    /// Adds `key=value`; an empty value is left out.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        if value.is_empty() {
            return self;
        }
        self.text.push(if self.text.is_empty() { '?' } else { '&' });
        self.text.push_str(key);
        self.text.push('=');
        push_encoded(&mut self.text, value);
        self
    }

    /// `?a=b&c=d`, or nothing.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
