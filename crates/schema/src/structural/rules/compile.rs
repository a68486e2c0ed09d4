//! Expressions of rules, compiled as the API server compiles them.

use kube_cel::cel::{Context, ResolveResult, Value as Cel};
use trueup_cel::{MAX_EXPRESSION_BYTES, MAX_EXPRESSION_DEPTH, ReadError, Syntax, Tree};

/// An expression that was read.
#[derive(Debug)]
pub(in crate::structural) struct Expression {
    pub(in crate::structural) tree: Tree,
    depth: usize,
}

/// Compiles an expression, or tells what is wrong with it in the words of the
/// API server's compiler. Its limits are wider than ours, and it knows optional
/// fields, which the evaluator here takes for errors where they are missing.
pub(in crate::structural) fn compile(text: &str) -> Result<Expression, String> {
    let tree = trueup_cel::read(text, Syntax::Standard).map_err(|error| match error {
        ReadError::Syntax { report } => report,
        ReadError::TooDeep => of_whole(&format!(
            "expression recursion limit exceeded: {MAX_EXPRESSION_DEPTH}"
        )),
        ReadError::TooLong { bytes } => of_whole(&format!(
            "expression code point size exceeds limit: size: {bytes}, limit {MAX_EXPRESSION_BYTES}"
        )),
        ReadError::TooManyOperators => of_whole(&error.to_string()),
    })?;
    let depth = trueup_cel::depth(&tree);
    Ok(Expression { tree, depth })
}

/// A mistake that stands at no place.
fn of_whole(message: &str) -> String {
    format!("ERROR: <input>:-1:0: {message}")
}

impl Expression {
    /// Whether it speaks of the value before.
    pub(in crate::structural) fn is_transition(&self) -> bool {
        self.tree.references().has_variable("oldSelf")
    }

    /// Its value for these variables.
    pub(super) fn evaluate(&self, scope: &Context<'_>) -> ResolveResult {
        trueup_cel::walk(self.depth, || Cel::resolve(&self.tree, scope))
    }
}
