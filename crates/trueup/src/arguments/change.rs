//! Commands that change one or several objects.

use super::{Scope, Target, Targets};
use clap::{ArgAction, Args};

/// `trueup reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Reconcile the source of a Kustomization first
    #[arg(long, global = true)]
    pub with_source: bool,
    /// All objects of the kind in the namespace that are not suspended
    #[arg(long, global = true)]
    pub all: bool,
    /// What to reconcile.
    #[command(subcommand)]
    pub targets: Targets,
}

/// `trueup suspend`.
#[derive(Debug, Args)]
pub struct SuspendArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// All objects of the kind in the namespace
    #[arg(long, global = true)]
    pub all: bool,
    /// What to suspend.
    #[command(subcommand)]
    pub targets: Targets,
}

/// `trueup resume`.
#[derive(Debug, Args)]
pub struct ResumeArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// All objects of the kind in the namespace
    #[arg(long, global = true)]
    pub all: bool,
    /// Wait until the objects are reconciled [default: true for one name, else false]
    #[arg(
        long,
        global = true,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "true|false"
    )]
    pub wait: Option<bool>,
    /// What to resume.
    #[command(subcommand)]
    pub targets: Targets,
}

/// `trueup delete`.
#[derive(Debug, Args)]
pub struct DeleteArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Do not ask
    #[arg(long, short, global = true)]
    pub silent: bool,
    /// What to delete.
    #[command(subcommand)]
    pub target: Target,
}
