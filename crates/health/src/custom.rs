//! Health of kinds by expressions, as `spec.healthCheckExprs` gives them
//! (Flux RFC 0009).

use crate::{CompileError, Expression, Health, HealthStatus, assess};
use std::collections::BTreeMap;
use trueup_object::{GroupVersionKind, Text, Value};

/// The texts of one check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckText<'a> {
    /// `group/version`; the version does not count.
    pub api_version: &'a str,
    /// The kind; empty for all kinds of the group that have no check of
    /// their own.
    pub kind: &'a str,
    /// True while it is on its way; empty for never.
    pub in_progress: &'a str,
    /// True when it failed; empty for never.
    pub failed: &'a str,
    /// True when it is what it should be.
    pub current: &'a str,
}

/// Checks that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomCheckError {
    /// Two are for the same kind.
    #[error("duplicate custom health check for GroupKind {kind} at healthchecks[{index}]")]
    Twice {
        /// `Kind.group`.
        kind: String,
        /// Which is the second.
        index: usize,
    },
    /// One lacks the expression that it must have.
    #[error(
        "failed to create custom status evaluator for healthchecks[{0}]: expression Current not specified"
    )]
    NoCurrent(usize),
    /// An expression is none.
    #[error(
        "failed to create custom status evaluator for healthchecks[{index}]: failed to parse the expression {field}: {error}"
    )]
    Compile {
        /// Which check.
        index: usize,
        /// Which of its expressions.
        field: &'static str,
        /// What is wrong with it.
        error: CompileError,
    },
}

/// How kinds are judged that say for themselves how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomChecks {
    /// By group and kind; the kind is empty where it is for a whole group.
    by_kind: BTreeMap<(Text, Text), Check>,
}

#[derive(Clone, Debug, PartialEq)]
struct Check {
    /// In the order in which they are asked.
    cases: Vec<(HealthStatus, Expression)>,
}

impl CustomChecks {
    /// Reads checks.
    pub fn compile<'a>(
        texts: impl IntoIterator<Item = CheckText<'a>>,
    ) -> Result<Self, CustomCheckError> {
        let mut by_kind = BTreeMap::new();
        for (index, text) in texts.into_iter().enumerate() {
            let kind = GroupVersionKind::new(text.api_version, text.kind);
            let check = Check::compile(index, &text)?;
            let shown = format!("{}.{}", kind.kind, kind.group);
            let key = (kind.group, kind.kind);
            if by_kind.insert(key, check).is_some() {
                return Err(CustomCheckError::Twice { kind: shown, index });
            }
        }
        Ok(Self { by_kind })
    }

    /// Judges a live object: by the check for its kind, else by the one for
    /// its group, else as [`assess`] does. An expression that fails makes
    /// the health unknown, and the message says why.
    #[must_use]
    pub fn assess(&self, object: &Value) -> Health {
        let Some(check) = self.of(object) else {
            return assess(object);
        };
        if let Some(health) = crate::generic::of_every_kind(object) {
            return health;
        }
        check.assess(object)
    }

    fn of(&self, object: &Value) -> Option<&Check> {
        if self.by_kind.is_empty() {
            return None;
        }
        let kind = GroupVersionKind::of(object)?;
        let whole_group = (kind.group.clone(), Text::new());
        self.by_kind
            .get(&(kind.group, kind.kind))
            .or_else(|| self.by_kind.get(&whole_group))
    }
}

impl Check {
    fn compile(index: usize, text: &CheckText<'_>) -> Result<Self, CustomCheckError> {
        if text.current.is_empty() {
            return Err(CustomCheckError::NoCurrent(index));
        }
        let cases = [
            ("InProgress", HealthStatus::InProgress, text.in_progress),
            ("Failed", HealthStatus::Failed, text.failed),
            ("Current", HealthStatus::Current, text.current),
        ];
        let given = cases.into_iter().filter(|(_, _, text)| !text.is_empty());
        let cases = given.map(|(field, status, text)| {
            let expression = Expression::of_object(text);
            expression
                .map(|expression| (status, expression))
                .map_err(|error| CustomCheckError::Compile {
                    index,
                    field,
                    error,
                })
        });
        Ok(Self {
            cases: cases.collect::<Result<_, _>>()?,
        })
    }

    fn assess(&self, object: &Value) -> Health {
        for (status, expression) in &self.cases {
            match expression.is_true_of(object) {
                Ok(true) => {
                    let message = format!("the expression for {status} is true");
                    return Health::new(*status, message);
                }
                Ok(false) => {}
                Err(error) => return Health::new(HealthStatus::Unknown, error.to_string()),
            }
        }
        Health::new(HealthStatus::InProgress, "no expression is true")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use HealthStatus::{Current, Failed, InProgress, Terminating, Unknown};
    use trueup_object::value;

    fn checks(texts: &[CheckText<'_>]) -> CustomChecks {
        CustomChecks::compile(texts.iter().copied()).unwrap()
    }

    const CLUSTER: CheckText<'_> = CheckText {
        api_version: "example.com/v1",
        kind: "Cluster",
        in_progress: "status.phase == 'Deleting'",
        failed: "status.phase == 'Broken'",
        current: "status.phase in ['Running', 'Broken', 'Deleting']",
    };

    fn cluster(phase: &str) -> Value {
        value!({
            "apiVersion": "example.com/v1beta2", "kind": "Cluster",
            "metadata": {"generation": 2}, "status": {"observedGeneration": 2, "phase": phase},
        })
    }

    #[test]
    fn in_progress_is_asked_before_failed_and_failed_before_current() {
        let checks = checks(&[CLUSTER]);
        let rows = [
            ("Deleting", InProgress),
            ("Broken", Failed),
            ("Running", Current),
            ("Starting", InProgress),
        ];
        for (phase, status) in rows {
            assert_eq!(checks.assess(&cluster(phase)).status, status, "{phase}");
        }
    }

    #[test]
    fn an_older_generation_or_a_deletion_goes_before_all_expressions() {
        let checks = checks(&[CLUSTER]);
        let mut outdated = cluster("Running");
        outdated.set_at(&["status", "observedGeneration"], 1.into());
        assert_eq!(checks.assess(&outdated).status, InProgress);
        outdated.set_at(&["status", "observedGeneration"], "1".into());
        assert_eq!(checks.assess(&outdated).status, Current);
        let mut deleted = cluster("Running");
        deleted.set_at(
            &["metadata", "deletionTimestamp"],
            "2026-01-01T00:00:00Z".into(),
        );
        assert_eq!(checks.assess(&deleted).status, Terminating);
    }

    #[test]
    fn an_expression_that_fails_makes_the_health_unknown_and_says_why() {
        let health = checks(&[CLUSTER]).assess(&value!({
            "apiVersion": "example.com/v1", "kind": "Cluster", "metadata": {"generation": 1},
        }));
        assert_eq!(health.status, Unknown);
        assert_eq!(
            health.message,
            "failed to evaluate the CEL expression 'status.phase == 'Deleting'': \
             no such attribute(s): status"
        );
    }

    #[test]
    fn a_check_without_a_kind_is_for_the_rest_of_its_group() {
        let group = CheckText {
            api_version: "example.com/v1",
            current: "status.ok",
            ..CheckText::default()
        };
        let checks = checks(&[CLUSTER, group]);
        let other =
            value!({"apiVersion": "example.com/v1", "kind": "Other", "status": {"ok": true}});
        assert_eq!(checks.assess(&other).status, Current);
        assert_eq!(checks.assess(&cluster("Broken")).status, Failed);
        let unrelated = value!({"apiVersion": "v1", "kind": "ConfigMap"});
        assert_eq!(checks.assess(&unrelated), assess(&unrelated));
    }

    #[test]
    fn checks_that_can_t_be_used_name_what_is_wrong() {
        let errors = |texts: &[CheckText<'_>]| {
            let refused = CustomChecks::compile(texts.iter().copied());
            refused.unwrap_err().to_string()
        };
        assert_eq!(
            errors(&[CLUSTER, CLUSTER]),
            "duplicate custom health check for GroupKind Cluster.example.com at healthchecks[1]"
        );
        let empty = CheckText {
            current: "",
            ..CLUSTER
        };
        assert!(errors(&[empty]).ends_with("healthchecks[0]: expression Current not specified"));
        let broken = CheckText {
            failed: "foo.",
            ..CLUSTER
        };
        assert!(
            errors(&[broken])
                .contains("the expression Failed: failed to parse the CEL expression 'foo.'"),
            "{}",
            errors(&[broken])
        );
    }
}
