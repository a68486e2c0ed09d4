//! The expressions of a Kustomization: custom health, and when a dependency
//! counts as ready.

use crate::{DependencyProblem, NamespacedName};
use trueup_health::{CheckText, CompileError, CustomCheckError, CustomChecks, Expression};
use trueup_kinds::{Kustomization, KustomizationSpec};
use trueup_object::Value;

/// The variables of `spec.dependsOn[].readyExpr`: the Kustomization itself,
/// and the one that it depends on.
const READY_VARIABLES: [&str; 2] = ["self", "dep"];

/// Whether an expression stands in place of the built-in check of a
/// dependency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DependencyCheck {
    /// It does, as in Flux.
    #[default]
    Replaced,
    /// Both must hold: Flux's feature gate `AdditiveCELDependencyCheck`.
    Additive,
}

/// The expressions of one Kustomization.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expressions {
    /// `spec.healthCheckExprs`.
    pub checks: CustomChecks,
    /// `readyExpr` of each of `spec.dependsOn`, in order.
    pub ready: Vec<Option<Expression>>,
}

/// An expression that can't be used: the specification has to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// One of `spec.healthCheckExprs`.
    #[error(transparent)]
    Check(#[from] CustomCheckError),
    /// A `readyExpr`.
    #[error("failed to evaluate dependency {name}: {error}")]
    Ready {
        /// The dependency.
        name: NamespacedName,
        /// What is wrong.
        error: CompileError,
    },
}

impl Expressions {
    /// Reads the expressions of a Kustomization.
    pub fn compile(kustomization: &Kustomization) -> Result<Self, ExpressionError> {
        Ok(Self {
            checks: checks(&kustomization.spec)?,
            ready: ready(kustomization)?,
        })
    }
}

fn checks(spec: &KustomizationSpec) -> Result<CustomChecks, CustomCheckError> {
    CustomChecks::compile(spec.health_check_exprs.iter().map(|check| CheckText {
        api_version: &check.api_version,
        kind: &check.kind,
        in_progress: check.in_progress.as_deref().unwrap_or(""),
        failed: check.failed.as_deref().unwrap_or(""),
        current: &check.current,
    }))
}

fn ready(kustomization: &Kustomization) -> Result<Vec<Option<Expression>>, ExpressionError> {
    let names = NamespacedName::dependencies_of(kustomization);
    let dependencies = kustomization.spec.depends_on.iter().zip(names);
    dependencies
        .map(|(dependency, name)| {
            let text = dependency.ready_expr.as_deref().unwrap_or("");
            if text.is_empty() {
                return Ok(None);
            }
            Expression::of_variables(text, &READY_VARIABLES)
                .map(Some)
                .map_err(|error| ExpressionError::Ready { name, error })
        })
        .collect()
}

/// Whether the expression for a dependency lets its dependent go on, from
/// both objects as the API has them.
pub fn check_ready_expression(
    expression: &Expression,
    name: &NamespacedName,
    dependent: &Value,
    dependency: &Value,
) -> Result<(), DependencyProblem> {
    match expression.is_true_for(&[("self", dependent), ("dep", dependency)]) {
        Ok(true) => Ok(()),
        Ok(false) => Err(DependencyProblem::NotReadyByExpression(name.clone())),
        Err(error) => Err(DependencyProblem::Expression(name.clone(), error)),
    }
}
