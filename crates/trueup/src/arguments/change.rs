//! Commands that change one or several objects.

use super::{Scope, Target, Targets};
use clap::{ArgAction, Args, Subcommand};

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
    /// Why, for those who wonder
    #[arg(long, global = true)]
    pub reason: Option<String>,
    /// Who suspends [default: the user of this machine]
    #[arg(long, global = true)]
    pub by: Option<String>,
    /// When it is resumed by itself, such as 2026-01-02T15:04:05Z
    #[arg(long, global = true, value_name = "TIME")]
    pub until: Option<String>,
    /// After how long it is resumed by itself, such as 2h or 90m
    #[arg(long = "for", global = true, value_name = "DURATION")]
    pub period: Option<String>,
    /// What to suspend.
    #[command(subcommand)]
    pub targets: Targets,
}

/// `trueup approve`.
#[derive(Debug, Args)]
pub struct ApproveArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// What to approve.
    #[command(subcommand)]
    pub what: ApproveWhat,
}

/// What waits for a person.
#[derive(Clone, Debug, Subcommand)]
pub enum ApproveWhat {
    /// The deletions that a Kustomization holds back, once
    #[command(visible_alias = "ks", alias = "kustomizations")]
    Kustomization {
        /// Its name
        name: String,
    },
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
