//! Why a command failed, and what may help.

use crate::progress;
use std::process::ExitCode;
use trueup_cluster::{ApiError, ConnectError, ErrorClass};

/// Why a command failed, ready to be read after `✗`.
#[derive(Clone, Debug)]
pub struct Failure {
    sentence: String,
    hint: Option<String>,
    code: u8,
}

/// Done, and something was found: the exit code of `diff` with differences.
const FOUND: u8 = 1;
/// The exit code of a failure.
const FAILED: u8 = 1;

/// A failure told in a sentence.
pub fn said<T: std::fmt::Display>(sentence: T) -> Failure {
    Failure {
        sentence: sentence.to_string(),
        hint: None,
        code: FAILED,
    }
}

impl Failure {
    /// The same with what may help.
    pub fn hinted(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The same with an exit code.
    pub fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// The same with what was being done in front.
    pub fn during(self, what: &str) -> Self {
        Self {
            sentence: format!("{what}: {}", self.sentence),
            ..self
        }
    }

    /// Prints it to standard error; returns its exit code.
    pub fn tell(&self) -> ExitCode {
        progress::failure(&self.sentence);
        if let Some(hint) = &self.hint {
            progress::hint(hint);
        }
        ExitCode::from(self.code)
    }
}

/// A result that a script can tell from a failure.
pub fn found() -> ExitCode {
    ExitCode::from(FOUND)
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        said(error).hinted(
            "--kubeconfig FILE and --context NAME say which cluster; `trueup demo` starts one here",
        )
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let failure = said(&error);
        match hint(&error) {
            Some(hint) => failure.hinted(hint),
            None => failure,
        }
    }
}

fn hint(error: &ApiError) -> Option<&'static str> {
    match error.class() {
        ErrorClass::Unreachable => Some(
            "is the cluster running? --kubeconfig FILE and --context NAME say which one is asked",
        ),
        ErrorClass::KindMissing => {
            Some("`trueup install` makes a cluster serve Flux's kinds; is it the right cluster?")
        }
        ErrorClass::Unauthorized | ErrorClass::Forbidden => {
            Some("`kubectl auth whoami` tells as whom this kubeconfig asks")
        }
        ErrorClass::NotFound => Some("`trueup get all -A` shows what there is, and where"),
        _ => None,
    }
}
