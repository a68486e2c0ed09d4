//! One rule of a role, and whether it covers a question or another rule.

use super::{Attributes, Target};
use trueup_object::{Map, Value};

/// A rule as roles hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyRule {
    /// Verbs, or `*`.
    pub verbs: Vec<String>,
    /// API groups, or `*`.
    pub api_groups: Vec<String>,
    /// Resources (`pods`, `pods/log`, `*/scale`), or `*`.
    pub resources: Vec<String>,
    /// Names of objects; empty for all.
    pub resource_names: Vec<String>,
    /// Paths outside the resources; a `*` at the end stands for any rest.
    pub non_resource_urls: Vec<String>,
}

/// The rules that hold for somebody in a namespace.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// The rules, in the order of bindings.
    pub rules: Vec<PolicyRule>,
    /// Roles that bindings name and that are missing.
    pub errors: Vec<String>,
}

const ALL: &str = "*";

impl PolicyRule {
    /// Reads an entry of `rules`; what is missing is empty.
    #[must_use]
    pub fn read(rule: &Value) -> Self {
        let texts = |key: &str| -> Vec<String> {
            let list = rule.get(key).and_then(Value::as_list).unwrap_or_default();
            list.iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        Self {
            verbs: texts("verbs"),
            api_groups: texts("apiGroups"),
            resources: texts("resources"),
            resource_names: texts("resourceNames"),
            non_resource_urls: texts("nonResourceURLs"),
        }
    }

    /// The rules of a role.
    #[must_use]
    pub fn read_all(role: &Value) -> Vec<Self> {
        role.get("rules")
            .and_then(Value::as_list)
            .unwrap_or_default()
            .iter()
            .map(Self::read)
            .collect()
    }

    /// The rule as roles and reviews hold it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut rule = Map::new();
        let fields = [
            ("verbs", &self.verbs),
            ("apiGroups", &self.api_groups),
            ("resources", &self.resources),
            ("resourceNames", &self.resource_names),
            ("nonResourceURLs", &self.non_resource_urls),
        ];
        for (key, texts) in fields.into_iter().filter(|(_, texts)| !texts.is_empty()) {
            rule.insert(
                key,
                texts
                    .iter()
                    .map(|text| Value::from(text.as_str()))
                    .collect::<Value>(),
            );
        }
        Value::Map(rule)
    }

    /// Whether the rule allows what is asked.
    #[must_use]
    pub fn allows(&self, attributes: &Attributes) -> bool {
        if !holds(&self.verbs, &attributes.verb) {
            return false;
        }
        match &attributes.target {
            Target::Path(path) => self
                .non_resource_urls
                .iter()
                .any(|pattern| covers_path(pattern, path)),
            Target::Resource {
                group,
                resource,
                subresource,
                name,
                ..
            } => {
                holds(&self.api_groups, group)
                    && self.covers_resource(resource, subresource)
                    && (self.resource_names.is_empty()
                        || self.resource_names.iter().any(|it| it == name.as_str()))
            }
        }
    }

    fn covers_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources
            .iter()
            .any(|pattern| match pattern.split_once('/') {
                _ if pattern == ALL => true,
                None => subresource.is_empty() && pattern == resource,
                Some((of, sub)) => {
                    !subresource.is_empty() && (of == resource || of == ALL) && sub == subresource
                }
            })
    }

    /// The rule split into rules of one group, resource, verb and name each,
    /// which is how grants are compared.
    pub(super) fn split(&self) -> Vec<Self> {
        let one = |text: &String| vec![text.clone()];
        let mut parts = Vec::new();
        for verb in &self.verbs {
            for group in &self.api_groups {
                for resource in &self.resources {
                    let base = Self {
                        verbs: one(verb),
                        api_groups: one(group),
                        resources: one(resource),
                        ..Self::default()
                    };
                    if self.resource_names.is_empty() {
                        parts.push(base);
                    } else {
                        parts.extend(self.resource_names.iter().map(|it| Self {
                            resource_names: one(it),
                            ..base.clone()
                        }));
                    }
                }
            }
            let urls = self.non_resource_urls.iter();
            parts.extend(urls.map(|url| Self {
                verbs: one(verb),
                non_resource_urls: one(url),
                ..Self::default()
            }));
        }
        parts
    }

    /// Whether everything that `part`, a split rule, allows is allowed here.
    pub(super) fn covers(&self, part: &Self) -> bool {
        part.verbs.iter().all(|verb| holds(&self.verbs, verb))
            && part
                .api_groups
                .iter()
                .all(|group| holds(&self.api_groups, group))
            && part
                .resources
                .iter()
                .all(|resource| self.covers_pattern(resource))
            && part
                .non_resource_urls
                .iter()
                .all(|url| self.non_resource_urls.iter().any(|it| covers_path(it, url)))
            && (part.resources.is_empty()
                || self.resource_names.is_empty()
                || (!part.resource_names.is_empty()
                    && part
                        .resource_names
                        .iter()
                        .all(|name| self.resource_names.contains(name))))
    }

    fn covers_pattern(&self, wanted: &str) -> bool {
        let any_with_sub = wanted.split_once('/').map(|(_, sub)| format!("*/{sub}"));
        self.resources
            .iter()
            .any(|it| it == ALL || it == wanted || Some(it) == any_with_sub.as_ref())
    }

    /// As Go prints it in the text of a refused grant.
    pub(super) fn describe(&self) -> String {
        let quoted = |texts: &[String]| {
            texts
                .iter()
                .map(|it| format!("{it:?}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let fields = [
            ("APIGroups", &self.api_groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.non_resource_urls),
            ("ResourceNames", &self.resource_names),
            ("Verbs", &self.verbs),
        ];
        let shown: Vec<String> = fields
            .into_iter()
            .filter(|(_, texts)| !texts.is_empty())
            .map(|(name, texts)| format!("{name}:[{}]", quoted(texts)))
            .collect();
        format!("{{{}}}", shown.join(", "))
    }
}

fn holds(texts: &[String], wanted: &str) -> bool {
    texts.iter().any(|text| text == ALL || text == wanted)
}

fn covers_path(pattern: &str, path: &str) -> bool {
    pattern == ALL
        || pattern == path
        || pattern
            .strip_suffix('*')
            .is_some_and(|start| path.starts_with(start))
}
