//! `trueup create`.

use super::Scope;
use super::connection::duration_ms;
use clap::{ArgAction, ArgGroup, Args, Subcommand};
use std::path::PathBuf;

/// `trueup create`.
#[derive(Debug, Args)]
pub struct CreateArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// How often to reconcile, such as 1m or 1h
    #[arg(long, global = true, default_value = "1m", value_name = "DURATION", value_parser = duration_ms)]
    pub interval: u64,
    /// Print the object instead of applying it
    #[arg(long, global = true)]
    pub export: bool,
    /// Labels of the object: KEY=VALUE, several with commas or flags
    #[arg(
        long,
        global = true,
        value_delimiter = ',',
        value_name = "KEY=VALUE",
        value_parser = label
    )]
    pub label: Vec<(String, String)>,
    /// What to create.
    #[command(subcommand)]
    pub what: CreateWhat,
}

/// What `trueup create` makes.
#[derive(Clone, Debug, Subcommand)]
pub enum CreateWhat {
    /// A Kustomization, or its new specification if it is there
    #[command(visible_alias = "ks", alias = "kustomizations")]
    Kustomization(Box<CreateKustomizationArguments>),
    /// A source
    #[command(alias = "sources")]
    Source {
        /// How long one fetch may take, such as 60s
        #[arg(long, global = true, value_name = "DURATION", value_parser = duration_ms)]
        fetch_timeout: Option<u64>,
        /// Kind of source.
        #[command(subcommand)]
        kind: CreateSource,
    },
}

/// Which source `trueup create source` makes.
#[derive(Clone, Debug, Subcommand)]
pub enum CreateSource {
    /// A Git repository, or its new specification if it is there
    #[command(visible_aliases = ["gitrepository", "gitrepo"])]
    Git(Box<CreateGitArguments>),
}

/// `trueup create kustomization`.
#[derive(Clone, Debug, Args)]
pub struct CreateKustomizationArguments {
    /// Its name
    pub name: String,
    /// Its source: NAME, KIND/NAME or KIND/NAME.NAMESPACE
    #[arg(long, value_name = "SOURCE")]
    pub source: String,
    /// Folder in the source
    #[arg(long, value_name = "DIR", default_value = "./")]
    pub path: String,
    /// Delete objects that leave the source
    #[arg(long)]
    pub prune: bool,
    /// Wait for the health of all that is applied
    #[arg(
        long,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = false,
        value_name = "true|false"
    )]
    pub wait: bool,
    /// Wait for the health of this: KIND/NAME.NAMESPACE, several with commas or flags
    #[arg(long, value_delimiter = ',', value_name = "OBJECT")]
    pub health_check: Vec<String>,
    /// How long health may take
    #[arg(long, default_value = "2m", value_name = "DURATION", value_parser = duration_ms)]
    pub health_check_timeout: u64,
    /// Kustomizations that must be ready before: NAME or NAMESPACE/NAME
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub depends_on: Vec<String>,
    /// Service account to act as
    #[arg(long, value_name = "NAME")]
    pub service_account: Option<String>,
    /// Namespace for all objects
    #[arg(long, value_name = "NAMESPACE")]
    pub target_namespace: Option<String>,
    /// How encrypted files are read: sops
    #[arg(long, value_name = "PROVIDER", value_parser = ["sops"])]
    pub decryption_provider: Option<String>,
    /// Secret with the keys
    #[arg(long, value_name = "NAME", requires = "decryption_provider")]
    pub decryption_secret: Option<String>,
    /// Secret with the kubeconfig of the cluster to act on
    #[arg(long, value_name = "NAME")]
    pub kubeconfig_secret_ref: Option<String>,
    /// How soon to try again after a failure
    #[arg(long, value_name = "DURATION", value_parser = duration_ms)]
    pub retry_interval: Option<u64>,
}

/// `trueup create source git`.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("reference").required(true).multiple(true)
    .args(["branch", "tag", "tag_semver", "ref_name", "commit"]))]
pub struct CreateGitArguments {
    /// Its name
    pub name: String,
    /// Address of the repository
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// Branch
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Tag
    #[arg(long, value_name = "NAME")]
    pub tag: Option<String>,
    /// Range of versions among the tags
    #[arg(long, value_name = "RANGE")]
    pub tag_semver: Option<String>,
    /// Full name of a reference, such as refs/pull/1/head
    #[arg(long, value_name = "NAME")]
    pub ref_name: Option<String>,
    /// Commit, of --branch if it is given
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
    /// User name for HTTP(S), kept in a Secret of the same name
    #[arg(long, short, value_name = "NAME", conflicts_with = "secret_ref")]
    pub username: Option<String>,
    /// Password or token for HTTP(S), kept in the Secret
    #[arg(long, short, value_name = "PASSWORD", requires = "username")]
    pub password: Option<String>,
    /// Certificate authority of the server, a PEM file, kept in the Secret
    #[arg(long, value_name = "FILE", conflicts_with = "secret_ref")]
    pub ca_file: Option<PathBuf>,
    /// Secret with credentials that is there already
    #[arg(long, value_name = "NAME")]
    pub secret_ref: Option<String>,
    /// Secret with the address of a proxy
    #[arg(long, value_name = "NAME")]
    pub proxy_secret_ref: Option<String>,
    /// Where credentials come from
    #[arg(long, value_name = "PROVIDER", value_parser = ["generic", "aws", "azure", "github"])]
    pub provider: Option<String>,
    /// Fetch submodules too
    #[arg(long)]
    pub recurse_submodules: bool,
    /// Patterns of files to leave out, in gitignore notation
    #[arg(long, value_delimiter = ',', value_name = "PATTERN")]
    pub ignore_paths: Vec<String>,
    /// Folders to fetch, others are left out
    #[arg(long, value_delimiter = ',', value_name = "DIR")]
    pub sparse_checkout_paths: Vec<String>,
    /// Taken as flux takes it; nothing is asked here
    #[arg(long, short, hide = true)]
    pub silent: bool,
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a label is KEY=VALUE".to_owned()),
    }
}
