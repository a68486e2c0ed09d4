//! Objects by kind and name.

use clap::Subcommand;

/// One object, by kind and name.
#[derive(Clone, Debug, Subcommand)]
pub enum Target {
    /// A Kustomization
    #[command(visible_alias = "ks")]
    Kustomization {
        /// Its name
        name: String,
    },
    /// A source
    Source {
        /// Kind of source.
        #[command(subcommand)]
        kind: SourceTarget,
    },
}

/// One source, by kind and name.
#[derive(Clone, Debug, Subcommand)]
pub enum SourceTarget {
    /// A Git repository
    Git {
        /// Its name
        name: String,
    },
}

/// One or all objects of a kind.
#[derive(Clone, Debug, Subcommand)]
pub enum Targets {
    /// Kustomizations
    #[command(visible_alias = "ks")]
    Kustomization {
        /// Names; none with --all
        names: Vec<String>,
    },
    /// Sources
    Source {
        /// Kind of source.
        #[command(subcommand)]
        kind: SourceTargets,
    },
}

/// One or all sources of a kind.
#[derive(Clone, Debug, Subcommand)]
pub enum SourceTargets {
    /// Git repositories
    Git {
        /// Names; none with --all
        names: Vec<String>,
    },
}
