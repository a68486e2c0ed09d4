//! Commands that change one or several objects.

use super::{Scope, Target, Targets};
use clap::Args;

/// `trueup reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Reconcile the source of a Kustomization first
    #[arg(long, global = true)]
    pub with_source: bool,
    /// What to reconcile.
    #[command(subcommand)]
    pub target: Target,
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
