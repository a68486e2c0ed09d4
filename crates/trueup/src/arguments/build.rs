//! `trueup build`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `trueup build`.
#[derive(Debug, Args)]
pub struct BuildArguments {
    /// What to build.
    #[command(subcommand)]
    pub what: BuildWhat,
}

/// What `trueup build` builds.
#[derive(Debug, Subcommand)]
pub enum BuildWhat {
    /// A kustomization root, as `kustomize build` does
    Kustomize(BuildKustomizeArguments),
}

/// `trueup build kustomize`, with kustomize's names of flags.
#[derive(Debug, Args)]
pub struct BuildKustomizeArguments {
    /// Folder with a kustomization file, or the URL of one in a Git repository
    #[arg(default_value = ".", value_name = "DIR")]
    pub root: String,
    /// Which files a root may read
    #[arg(long, value_enum, default_value_t = LoadRestrictor::LoadRestrictionsRootOnly)]
    pub load_restrictor: LoadRestrictor,
    /// Order of the output where the root asks for none
    #[arg(long, value_enum, default_value_t = Reorder::Legacy)]
    pub reorder: Reorder,
    /// Write to this file, or one file an object into this folder [default: print]
    #[arg(long, short, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Label every object with what manages it
    #[arg(long)]
    pub enable_managedby_label: bool,
    /// Also print what the build read, listed, or looked for and missed, to standard error
    #[arg(long)]
    pub show_inputs: bool,
    /// Allow charts (none can be inflated yet: helmCharts are refused with or without)
    #[arg(long)]
    pub enable_helm: bool,
}

/// Which files a kustomization root may read, by kustomize's names.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum LoadRestrictor {
    /// Those in or below its folder
    LoadRestrictionsRootOnly,
    /// All
    LoadRestrictionsNone,
}

/// Orders of output, by kustomize's names.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Reorder {
    /// Namespaces and definitions first, webhooks last
    Legacy,
    /// As the roots name them
    None,
}
