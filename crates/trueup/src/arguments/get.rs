//! `trueup get`.

use super::{ListFormat, Scope};
use clap::{Args, Subcommand};

/// `trueup get`.
#[derive(Debug, Args)]
pub struct GetArguments {
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub list: ListArguments,
    /// What to show.
    #[command(subcommand)]
    pub what: GetWhat,
}

/// Which objects are listed, and in which form.
#[derive(Clone, Debug, Args)]
pub struct ListArguments {
    /// Objects of all namespaces
    #[arg(long, short = 'A', global = true)]
    pub all_namespaces: bool,
    /// Leave the header line out
    #[arg(long, global = true)]
    pub no_header: bool,
    /// Go on and print objects as they change
    #[arg(long, short, global = true)]
    pub watch: bool,
    /// Form of the output [default: a table]
    #[arg(long, short, global = true, value_enum, value_name = "FORMAT")]
    pub output: Option<ListFormat>,
    /// Only objects whose condition has this status, such as ready=false or ready!=true
    #[arg(long, global = true, value_name = "CONDITION=STATUS")]
    pub status_selector: Option<String>,
    /// Only objects with these labels
    #[arg(long, short = 'l', global = true, value_name = "SELECTOR")]
    pub label_selector: Option<String>,
}

/// What `trueup get` shows.
#[derive(Clone, Debug, Subcommand)]
pub enum GetWhat {
    /// Kustomizations
    #[command(visible_aliases = ["kustomization", "ks"])]
    Kustomizations {
        /// Only this one
        name: Option<String>,
        /// Show the source of each
        #[arg(long)]
        show_source: bool,
    },
    /// Sources
    #[command(visible_alias = "source")]
    Sources {
        /// Kind of source.
        #[command(subcommand)]
        kind: SourcesKind,
    },
    /// Canaries
    #[command(visible_alias = "canary")]
    Canaries {
        /// Only this one
        name: Option<String>,
    },
    /// Everything
    All,
}

/// Kinds of sources, in the plural's command.
#[derive(Clone, Debug, Subcommand)]
pub enum SourcesKind {
    /// Git repositories
    #[command(visible_aliases = ["gitrepository", "gitrepo"])]
    Git {
        /// Only this one
        name: Option<String>,
    },
    /// Archives that others make and serve: ExternalArtifacts
    #[command(visible_alias = "externalartifact", alias = "ea")]
    External {
        /// Only this one
        name: Option<String>,
    },
    /// All sources
    All,
}
