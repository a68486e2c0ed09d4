//! Executing a template on data.
//!
//! Control structures and calls of templates are kept on a stack of our own,
//! so that templates that call themselves end at a limit and not at the end
//! of the thread's stack. Expressions are evaluated by recursion, the depth of
//! which is limited.

mod arguments;
mod call;
mod evaluate;
mod field;
mod frame;
mod slot;
mod walk;

use crate::error::{Cause, ExecuteError};
use crate::limits::Limits;
use crate::parse::{NodeRef, Tree};
use crate::template::Template;
use crate::value::Value;
use frame::{Frame, Variable};
use std::fmt::Display;
use std::sync::Arc;
use trueup_gocompat::fmt::Buffer;
use trueup_gocompat::quote::{Plain, quote};

pub(crate) use slot::Slot;

/// How many bytes are made or written for a step.
const BYTES_PER_STEP: usize = 8;

/// What is left of the limits of an execution and of those within it.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) limits: Limits,
    steps: u64,
    open_blocks: usize,
    evaluations: usize,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            steps: limits.steps,
            open_blocks: 0,
            evaluations: 0,
        }
    }

    /// Takes steps; the message is the limit that they are over.
    pub(crate) fn spend(&mut self, steps: u64) -> Result<(), String> {
        match self.steps.checked_sub(steps) {
            Some(left) => self.steps = left,
            None => {
                self.steps = 0;
                return Err(over_limit(self.limits.steps, "steps"));
            }
        }
        Ok(())
    }

    /// Takes the steps that bytes cost.
    pub(crate) fn spend_bytes(&mut self, bytes: usize) -> Result<(), String> {
        self.spend(u64::try_from(bytes / BYTES_PER_STEP).unwrap_or(u64::MAX))
    }

    fn open_block(&mut self) -> Result<(), String> {
        self.open_blocks += 1;
        let limit = self.limits.open_blocks;
        within(self.open_blocks, limit, "open control structures and calls")
    }

    fn begin_evaluation(&mut self) -> Result<(), String> {
        self.evaluations += 1;
        let limit = self.limits.evaluation_depth;
        within(self.evaluations, limit, "pipelines within each other")
    }

    fn check_depth(&self, value: &Value) -> Result<(), String> {
        let limit = self.limits.value_depth;
        within(value.depth(), limit, "lists and maps within each other")
    }
}

fn within(count: usize, limit: usize, what: &str) -> Result<(), String> {
    if count > limit {
        return Err(over_limit(limit, what));
    }
    Ok(())
}

pub(crate) fn over_limit(limit: impl Display, what: &str) -> String {
    format!("exceeded the limit of {limit} {what}")
}

/// An error is large and rare.
type Executed<T> = Result<T, Box<ExecuteError>>;

/// Executes a tree on data and returns what it writes.
pub(crate) fn execute(
    template: &Template,
    tree: &Tree,
    data: &Value,
    budget: &mut Budget,
) -> Result<Vec<u8>, ExecuteError> {
    // Whoever takes an error for an answer goes on from here.
    let (open_blocks, evaluations) = (budget.open_blocks, budget.evaluations);
    let mut execution = Execution::new(template, tree, data, budget);
    let ended = execution.run(tree, data);
    let Execution { out, budget, .. } = execution;
    budget.open_blocks = open_blocks;
    budget.evaluations = evaluations;
    ended.map_err(|error| *error)?;
    Ok(out.into_bytes().unwrap_or_default())
}

/// An execution at one moment.
struct Execution<'t, 'b> {
    template: &'t Template,
    /// The tree whose nodes are executed.
    tree: &'t Tree,
    /// What errors name.
    node: Option<NodeRef<'t>>,
    frames: Vec<Frame<'t>>,
    variables: Vec<Variable>,
    /// Where the variables of the tree begin: those before belong to callers.
    first_variable: usize,
    /// How many templates have called each other.
    depth: usize,
    dollar: Arc<str>,
    out: Buffer,
    budget: &'b mut Budget,
}

impl<'t, 'b> Execution<'t, 'b> {
    fn new(template: &'t Template, tree: &'t Tree, data: &Value, budget: &'b mut Budget) -> Self {
        let dollar: Arc<str> = "$".into();
        Self {
            template,
            tree,
            node: None,
            frames: Vec::new(),
            variables: vec![Variable {
                name: dollar.clone(),
                value: Slot::plain(data.clone()),
            }],
            first_variable: 0,
            depth: 0,
            dollar,
            out: Buffer::new(budget.limits.output_bytes),
            budget,
        }
    }

    fn fail(&self, message: impl Display) -> Box<ExecuteError> {
        self.fail_because(Cause::Template, message)
    }

    fn fail_because(&self, cause: Cause, message: impl Display) -> Box<ExecuteError> {
        let name = &self.tree.name;
        let message = match self.node {
            None => format!("template: {name}: {message}"),
            Some(node) => format!(
                "template: {}: executing {} at <{node}>: {message}",
                self.tree.source.place(node.position()),
                quoted(name),
            ),
        };
        Box::new(ExecuteError {
            message,
            template: name.to_string(),
            cause,
        })
    }

    /// Fails where a limit was met.
    fn limited<T>(&self, kept: Result<T, String>) -> Executed<T> {
        kept.map_err(|message| self.fail_because(Cause::Limit, message))
    }

    fn spend(&mut self, steps: u64) -> Executed<()> {
        let kept = self.budget.spend(steps);
        self.limited(kept)
    }

    fn at(&mut self, node: NodeRef<'t>) {
        self.node = Some(node);
    }
}

/// A text in Go's quotes.
fn quoted(text: &[u8]) -> String {
    String::from_utf8_lossy(&quote(text, Plain::Printable)).into_owned()
}
