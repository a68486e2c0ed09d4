//! Structural schemas of custom resources.

mod accept;
mod defaults;
mod formats;
mod keywords;
mod limits;
mod node;
mod pattern;
mod prune;
mod rules;
mod uniqueness;
mod validate;

use crate::field_error::{FieldError, FieldReason};
use crate::types::Type;
use node::Node;
use std::sync::Arc;
use trueup_object::{Text, Value};

/// A structural schema: the `openAPIV3Schema` of a custom resource version.
#[derive(Clone, Debug)]
pub struct Structural {
    root: Arc<Node>,
    raw: Value,
    has_rules: bool,
}

/// What there is to say of a changed object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateVerdict {
    /// What is wrong, sorted by field.
    pub errors: Vec<FieldError>,
    /// Rules that are broken but were broken before by what has not changed,
    /// in the order of the schema: worth a warning.
    pub ratcheted: Vec<FieldError>,
}

/// Mistakes that keep rules from being judged.
const BLOCKING: &[FieldReason] = &[
    FieldReason::NotSupported,
    FieldReason::Required,
    FieldReason::TooLong,
    FieldReason::TooMany,
    FieldReason::TypeInvalid,
];

/// A CEL rule of a schema (`x-kubernetes-validations`).
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationRule {
    /// Where in the object it applies: `spec.ports[*]`, empty for the root.
    pub path: Text,
    /// The expression.
    pub rule: Text,
    /// The rule as written, with message, reason and path.
    pub raw: Value,
}

impl Structural {
    /// Reads a schema that a definition offers, and refuses it if it is not
    /// structural or uses what custom resources may not. `path` is where it
    /// stands, such as `spec.validation.openAPIV3Schema`, and starts the paths
    /// of the errors.
    pub fn parse(schema: &Value, path: &str) -> Result<Self, Vec<FieldError>> {
        let read = Self::parse_accepted(schema);
        let errors = accept::errors(&read.root, schema, path);
        if errors.is_empty() {
            Ok(read)
        } else {
            Err(errors)
        }
    }

    /// Reads a schema that was accepted before; what can't be read in it
    /// constrains nothing.
    #[must_use]
    pub fn parse_accepted(schema: &Value) -> Self {
        let root = Node::read(schema, 0);
        Self {
            has_rules: rules::any(&root),
            root: Arc::new(root),
            raw: schema.clone(),
        }
    }

    /// The schema of a version that has none: everything is kept.
    #[must_use]
    pub fn schemaless() -> Self {
        Self::parse_accepted(
            &trueup_object::value!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        )
    }

    /// The schema as written.
    #[must_use]
    pub fn raw(&self) -> &Value {
        &self.raw
    }

    /// Fills in defaults at every depth that is present; `null` is replaced
    /// where there is a default and `nullable` is not set.
    pub fn apply_defaults(&self, object: &mut Value) {
        defaults::fill(object, &self.root);
    }

    /// Removes every `null` that is not nullable and has no default, as
    /// happens to what clients create, update or patch (not apply).
    pub fn drop_nulls(&self, object: &mut Value) {
        defaults::drop_nulls(object, &self.root);
    }

    /// Removes fields that the schema does not declare; returns their paths
    /// as strict validation names them (`spec.foo`), sorted. `apiVersion`,
    /// `kind` and `metadata` of the object (and of embedded objects) stay.
    pub fn prune(&self, object: &mut Value) -> Vec<Text> {
        prune::prune(object, &self.root)
    }

    /// What is wrong with a new object, as the API says it, sorted by field.
    #[must_use]
    pub fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = validate::validate(object, &self.root, "");
        errors.extend(uniqueness::list_types(object, &self.root));
        self.judge(object, None, errors).errors
    }

    /// What is wrong with a changed object. What was wrong before and has not
    /// changed is let pass, so that a schema made stricter does not lock
    /// objects that are there.
    #[must_use]
    pub fn validate_update(&self, object: &Value, before: &Value) -> UpdateVerdict {
        let mut errors = validate::validate_update(object, before, &self.root);
        if uniqueness::list_types(before, &self.root).is_empty() {
            errors.extend(uniqueness::list_types(object, &self.root));
        }
        self.judge(object, Some(before), errors)
    }

    /// Judges an object by the CEL rules, unless it has mistakes that rules
    /// may rely on not being there.
    fn judge(
        &self,
        object: &Value,
        before: Option<&Value>,
        mut errors: Vec<FieldError>,
    ) -> UpdateVerdict {
        let mut ratcheted = Vec::new();
        if self.has_rules {
            if errors.iter().any(|error| BLOCKING.contains(&error.reason)) {
                errors.push(rules::not_judged());
            } else {
                let verdict = rules::judge(object, before, &self.root);
                errors.extend(verdict.errors);
                ratcheted = verdict.ratcheted;
            }
        }
        UpdateVerdict {
            errors: sorted(errors.into_iter()),
            ratcheted,
        }
    }

    /// The CEL rules of the schema, outermost first.
    #[must_use]
    pub fn rules(&self) -> Vec<ValidationRule> {
        let mut rules = Vec::new();
        self.root.collect_rules("", &mut rules);
        rules
    }

    /// Formats that are not known and so not checked, each once, for the
    /// warning that the API gives.
    #[must_use]
    pub fn unknown_formats(&self) -> Vec<Text> {
        let mut formats = Vec::new();
        self.root.collect_unknown_formats(&mut formats);
        formats
    }
}

fn sorted(errors: impl Iterator<Item = FieldError>) -> Vec<FieldError> {
    let mut errors: Vec<FieldError> = errors.collect();
    let key = |error: &FieldError| {
        (
            error.path.clone(),
            error.reason.cause(),
            error.message.clone(),
        )
    };
    errors.sort_by_cached_key(key);
    errors
}

pub(crate) fn merge_type(schema: &Structural) -> Type {
    node::merge_type_of_root(&schema.root)
}

#[cfg(test)]
mod tests;
