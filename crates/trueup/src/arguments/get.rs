//! `trueup get`.

use super::Scope;
use clap::{Args, Subcommand};

/// `trueup get`.
#[derive(Debug, Args)]
pub struct GetArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Objects of all namespaces
    #[arg(long, short = 'A', global = true)]
    pub all_namespaces: bool,
    /// Leave the header line out
    #[arg(long, global = true)]
    pub no_header: bool,
    /// Only objects whose condition has this status, such as ready=false
    #[arg(long, global = true, value_name = "CONDITION=STATUS")]
    pub status_selector: Option<String>,
    /// Only objects with these labels
    #[arg(long, short = 'l', global = true, value_name = "SELECTOR")]
    pub label_selector: Option<String>,
    /// What to show.
    #[command(subcommand)]
    pub what: GetWhat,
}

/// What `trueup get` shows.
#[derive(Clone, Debug, Subcommand)]
pub enum GetWhat {
    /// Kustomizations
    #[command(visible_aliases = ["kustomization", "ks"])]
    Kustomizations {
        /// Only this one
        name: Option<String>,
    },
    /// Sources
    #[command(visible_alias = "source")]
    Sources {
        /// Kind of source.
        #[command(subcommand)]
        kind: SourcesKind,
    },
    /// Everything
    All,
}

/// Kinds of sources, in the plural's command.
#[derive(Clone, Debug, Subcommand)]
pub enum SourcesKind {
    /// Git repositories
    Git {
        /// Only this one
        name: Option<String>,
    },
    /// All sources
    All,
}
