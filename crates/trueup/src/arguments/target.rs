//! Objects by kind and name.

use clap::Subcommand;

/// One object, by kind and name.
#[derive(Clone, Debug, Subcommand)]
pub enum Target {
    /// A Kustomization
    #[command(visible_alias = "ks", alias = "kustomizations")]
    Kustomization {
        /// Its name
        name: String,
    },
    /// A source
    #[command(alias = "sources")]
    Source {
        /// Kind of source.
        #[command(subcommand)]
        kind: SourceTarget,
    },
    /// A Canary
    #[command(alias = "canaries")]
    Canary {
        /// Its name
        name: String,
    },
}

/// One source, by kind and name.
#[derive(Clone, Debug, Subcommand)]
pub enum SourceTarget {
    /// A Git repository
    #[command(visible_aliases = ["gitrepository", "gitrepo"])]
    Git {
        /// Its name
        name: String,
    },
}

/// Several or all objects of a kind.
#[derive(Clone, Debug, Subcommand)]
pub enum Targets {
    /// Kustomizations
    #[command(visible_alias = "ks", alias = "kustomizations")]
    Kustomization {
        /// Names; none with --all
        names: Vec<String>,
    },
    /// Sources
    #[command(alias = "sources")]
    Source {
        /// Kind of source.
        #[command(subcommand)]
        kind: SourceTargets,
    },
    /// Canaries
    #[command(alias = "canaries")]
    Canary {
        /// Names; none with --all
        names: Vec<String>,
    },
}

/// Several or all sources of a kind.
#[derive(Clone, Debug, Subcommand)]
pub enum SourceTargets {
    /// Git repositories
    #[command(visible_aliases = ["gitrepository", "gitrepo"])]
    Git {
        /// Names; none with --all
        names: Vec<String>,
    },
}
