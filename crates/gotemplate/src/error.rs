//! Why a template can't be parsed or executed, in Go's words.

use thiserror::Error;

/// What kind of thing is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Go refuses the same.
    Template,
    /// It would cost more than a limit of ours allows.
    Limit,
}

/// A text that is no template. Shown as `template: NAME:LINE: …`.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{message}")]
pub struct ParseError {
    /// The whole message.
    pub message: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What kind of thing is wrong.
    pub cause: Cause,
}

/// An execution that ended early. Shown as
/// `template: NAME:LINE:COLUMN: executing "NAME" at <CONTEXT>: …`.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{message}")]
pub struct ExecuteError {
    /// The whole message.
    pub message: String,
    /// The template that was executed.
    pub template: String,
    /// What kind of thing is wrong.
    pub cause: Cause,
}

/// Why a function of the caller failed. The text appears behind
/// `error calling NAME: `.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{message}")]
pub struct FunctionError {
    /// What went wrong.
    pub message: String,
    /// What kind of thing is wrong.
    pub cause: Cause,
}

impl FunctionError {
    /// A failure that says this.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            cause: Cause::Template,
        }
    }

    /// A limit that says this.
    #[must_use]
    pub fn limit(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            cause: Cause::Limit,
        }
    }
}

impl From<ExecuteError> for FunctionError {
    fn from(error: ExecuteError) -> Self {
        Self {
            message: error.message,
            cause: error.cause,
        }
    }
}

impl From<ParseError> for FunctionError {
    fn from(error: ParseError) -> Self {
        Self {
            message: error.message,
            cause: error.cause,
        }
    }
}
