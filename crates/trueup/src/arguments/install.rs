//! What a person may type to install, check and uninstall.

use super::connection::{Scope, duration_ms};
use super::output::DocumentFormat;
use super::serve::LogLevel;
use clap::{ArgAction, Args};
use std::time::Duration;
use trueup_kinds::{KUSTOMIZE_COMPONENT, SOURCE_COMPONENT};

/// Flux's components that are not served yet.
const UNSERVED_COMPONENTS: [&str; 5] = [
    "helm-controller",
    "notification-controller",
    "image-reflector-controller",
    "image-automation-controller",
    "source-watcher",
];

/// `trueup install`.
#[derive(Debug, Args)]
pub struct InstallArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Print the manifests instead of applying them
    #[arg(long)]
    pub export: bool,
    /// Ask the cluster what would change, and change nothing
    #[arg(long, conflicts_with = "export")]
    pub dry_run: bool,
    /// Version to install: the tag of the image [default: this program's]
    #[arg(long, short = 'v', value_name = "VERSION")]
    pub version: Option<String>,
    /// Image of the controllers [default: trueup:VERSION]
    #[arg(long, value_name = "IMAGE", conflicts_with = "registry")]
    pub image: Option<String>,
    /// Registry and folder that the image trueup:VERSION is pulled from
    #[arg(long, value_name = "HOST/PATH")]
    pub registry: Option<String>,
    /// Secret in the namespace to pull the image with
    #[arg(long, value_name = "NAME")]
    pub image_pull_secret: Option<String>,
    /// Components that must be part of it; both are one process and always are
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "NAMES",
        default_value = "source-controller,kustomize-controller",
        value_parser = component
    )]
    pub components: Vec<String>,
    /// Further components that must be part of it
    #[arg(long, value_delimiter = ',', value_name = "NAMES", value_parser = component)]
    pub components_extra: Vec<String>,
    /// Leave out the binding to cluster-admin: objects are applied only as the
    /// service accounts that Kustomizations name
    #[arg(long)]
    pub no_cluster_admin: bool,
    /// Serve the objects of all namespaces, or (false) only those of its own
    #[arg(long, num_args = 0..=1, default_value_t = true, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set)]
    pub watch_all_namespaces: bool,
    /// Serve Canaries too: Flagger's kinds are defined, and what they take is allowed
    #[arg(long, num_args = 0..=1, default_value_t = true, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set)]
    pub canaries: bool,
    /// Keep Pods of other namespaces away from the controllers
    #[arg(long, num_args = 0..=1, default_value_t = true, default_missing_value = "true", value_name = "BOOL", action = ArgAction::Set)]
    pub network_policy: bool,
    /// Least severe log lines of the controllers
    #[arg(long, value_enum, default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,
    /// DNS domain of the cluster
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    pub cluster_domain: String,
    /// Keys of taints that the controllers' Pods tolerate
    #[arg(long, value_delimiter = ',', value_name = "KEYS")]
    pub toleration_keys: Vec<String>,
    /// Take over definitions that another tool installed, and install although
    /// controllers of the same kinds run beside it
    #[arg(long)]
    pub force: bool,
}

/// `trueup uninstall`.
#[derive(Debug, Args)]
pub struct UninstallArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Leave the namespace
    #[arg(long)]
    pub keep_namespace: bool,
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub silent: bool,
}

/// `trueup check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Only what an installation needs from the cluster
    #[arg(long)]
    pub pre: bool,
    /// Components to look for; whatever carries the labels is checked
    #[arg(long, value_delimiter = ',', value_name = "NAMES", hide = true)]
    pub components: Vec<String>,
    /// How often to look while waiting
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = pause)]
    pub poll_interval: Duration,
}

/// `trueup version`.
#[derive(Debug, Args)]
pub struct VersionArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Only of this program
    #[arg(long)]
    pub client: bool,
    /// Form of the output
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value = "yaml")]
    pub output: DocumentFormat,
}

/// Accepts the components that this one process is.
fn component(name: &str) -> Result<String, String> {
    if [SOURCE_COMPONENT, KUSTOMIZE_COMPONENT].contains(&name) {
        return Ok(name.to_owned());
    }
    if UNSERVED_COMPONENTS.contains(&name) {
        return Err(format!("{name} is not served yet"));
    }
    Err(format!("there is no component {name}"))
}

/// Reads a duration that is worth a pause.
fn pause(text: &str) -> Result<Duration, String> {
    match duration_ms(text)? {
        0 => Err("at least a millisecond".to_owned()),
        pause_ms => Ok(Duration::from_millis(pause_ms)),
    }
}
