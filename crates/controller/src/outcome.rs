//! How a run ended.

use crate::machine::Next;
use crate::metrics::RunResult;

/// The end of a run: what comes next, and whether it went well.
#[derive(Debug)]
pub(crate) struct Ended {
    pub next: Next,
    pub result: RunResult,
    /// The cause of a failure, for the log; conditions and events have said
    /// what people need.
    pub error: Option<String>,
}

impl Ended {
    pub(crate) fn success(next: Next) -> Self {
        let result = match next {
            Next::Never => RunResult::Success,
            _ => RunResult::RequeueAfter,
        };
        Self {
            next,
            result,
            error: None,
        }
    }

    pub(crate) fn failed(next: Next, error: impl Into<String>) -> Self {
        Self {
            next,
            result: RunResult::Error,
            error: Some(error.into()),
        }
    }
}
