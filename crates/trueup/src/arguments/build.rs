//! `trueup build`.

use super::Scope;
use clap::{ArgAction, Args, Subcommand, ValueEnum};
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
    /// What a Kustomization applies, from files on this machine
    #[command(visible_alias = "ks", alias = "kustomizations")]
    Kustomization(Box<BuildKustomizationArguments>),
}

/// `trueup build kustomization`.
#[derive(Debug, Args)]
pub struct BuildKustomizationArguments {
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub local: LocalBuild,
    /// Ask no cluster: variables of ConfigMaps and Secrets are left out
    #[arg(long, requires = "kustomization_file")]
    pub dry_run: bool,
}

/// A Kustomization built from files on this machine.
#[derive(Debug, Args)]
pub struct LocalBuild {
    /// Name of the Kustomization
    pub name: String,
    /// Folder on this machine that stands for its spec.path
    #[arg(long, value_name = "DIR")]
    pub path: PathBuf,
    /// Read the Kustomization from this file instead of the cluster
    #[arg(long, value_name = "FILE")]
    pub kustomization_file: Option<PathBuf>,
    /// Patterns of files to leave out, in gitignore notation
    #[arg(long, value_delimiter = ',', value_name = "PATTERN")]
    pub ignore_paths: Vec<String>,
    /// Fail on a variable that nothing sets and that has no default
    #[arg(long)]
    pub strict_substitute: bool,
    /// Do the same for every Kustomization among the objects
    #[arg(long, short)]
    pub recursive: bool,
    /// Where the sources of these are on this machine: KIND/NAMESPACE/NAME=DIR
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "SOURCE=DIR",
        value_parser = local_source
    )]
    pub local_sources: Vec<(String, PathBuf)>,
    /// Taken as flux takes it; no build writes to the folder
    #[arg(long, hide = true)]
    pub in_memory_build: bool,
}

/// `trueup diff`.
#[derive(Debug, Args)]
pub struct DiffArguments {
    /// What to compare.
    #[command(subcommand)]
    pub what: DiffWhat,
}

/// What `trueup diff` compares.
#[derive(Debug, Subcommand)]
pub enum DiffWhat {
    /// What a Kustomization would change, from files on this machine
    #[command(visible_alias = "ks", alias = "kustomizations")]
    Kustomization(DiffKustomizationArguments),
}

/// `trueup diff kustomization`.
#[derive(Debug, Args)]
pub struct DiffKustomizationArguments {
    #[command(flatten)]
    pub scope: Scope,
    #[command(flatten)]
    pub local: LocalBuild,
    /// Show on a terminal how far it is
    #[arg(
        long,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = true,
        value_name = "BOOL"
    )]
    pub progress_bar: bool,
    /// Take a Kustomization that the cluster lacks for a new one
    #[arg(long, requires = "kustomization_file")]
    pub ignore_not_found: bool,
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

fn local_source(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((source, folder)) if source.split('/').count() == 3 && !folder.is_empty() => {
            Ok((source.to_owned(), folder.into()))
        }
        _ => Err("a local source is KIND/NAMESPACE/NAME=DIR".to_owned()),
    }
}
