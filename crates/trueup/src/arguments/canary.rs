//! `trueup canary`.

use super::{ListArguments, Scope};
use clap::{ArgAction, Args, Subcommand};

/// `trueup canary`.
#[derive(Debug, Args)]
pub struct CanaryArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// What to do.
    #[command(subcommand)]
    pub what: CanaryWhat,
}

/// What `trueup canary` does.
#[derive(Clone, Debug, Subcommand)]
pub enum CanaryWhat {
    /// Show Canaries and how far they are
    Get(CanaryGetArguments),
    /// Show all about a Canary: its run, checks, what it waits for, events
    Describe {
        /// Its name
        name: String,
    },
    /// Promote the new revision now, without the checks that are left
    Promote(CanaryRequestArguments),
    /// End the run now: all traffic goes back to the primary
    Abort(CanaryRequestArguments),
    /// Open the gate that a run waits for, or the next one
    Approve(CanaryRequestArguments),
    /// Start a run of a revision that has failed
    Retry(CanaryRequestArguments),
    /// Hold runs where they are; traffic stays as it is
    Pause(CanaryPauseArguments),
    /// Go on with runs that were paused
    Resume(CanaryPauseArguments),
}

/// `trueup canary get`.
#[derive(Clone, Debug, Args)]
pub struct CanaryGetArguments {
    /// Only this one
    pub name: Option<String>,
    #[command(flatten)]
    pub list: ListArguments,
}

/// `trueup canary promote`, `abort`, `approve`, `retry`.
#[derive(Clone, Debug, Args)]
pub struct CanaryRequestArguments {
    /// Its name
    pub name: String,
    /// Wait until it is done
    #[arg(
        long,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        value_name = "BOOL"
    )]
    pub wait: bool,
}

/// `trueup canary pause`, `resume`.
#[derive(Clone, Debug, Args)]
pub struct CanaryPauseArguments {
    /// Names; none with --all
    pub names: Vec<String>,
    /// All Canaries of the namespace
    #[arg(long)]
    pub all: bool,
}
