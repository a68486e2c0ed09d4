//! Commands that run until they are stopped.

use super::connection::{Connection, address};
use super::gates::FeatureGate;
use super::leader_election::LeaderElectionArguments;
use super::pace::PaceArguments;
use super::serve_canaries::ServeCanariesArguments;
use clap::{ArgAction, Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use trueup_demo::ErrorRate;

/// `trueup demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Folder that keeps cluster, Git and ports [default: trueup/demo in your data home]
    #[arg(long, value_name = "DIR", conflicts_with = "ephemeral")]
    pub data_dir: Option<PathBuf>,
    /// Keep nothing: everything is gone when the demo ends
    #[arg(long)]
    pub ephemeral: bool,
    /// Play the whole tour and check every step; exit with 0 only if all held
    #[arg(long)]
    pub walkthrough: bool,
}

/// `trueup demo-app`: what a Pod's environment says.
#[derive(Debug, Args)]
pub struct DemoAppArguments {
    /// Address to listen on
    #[arg(
        long,
        value_name = "ADDR",
        env = "TRUEUP_LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,
    /// The version that it says it is
    #[arg(long, value_name = "VERSION", env = "VERSION", default_value = "1.0.0")]
    pub app_version: String,
    /// How long each answer takes, in milliseconds
    #[arg(long, value_name = "NUMBER", env = "LATENCY_MS", default_value_t = 0)]
    pub latency_ms: u64,
    /// Which share of the answers are errors, from 0 to 1
    #[arg(long, value_name = "SHARE", env = "ERROR_RATE", default_value = "0")]
    pub error_rate: ErrorRate,
}

/// `trueup controller`.
#[derive(Debug, Args)]
pub struct ControllerArguments {
    #[command(flatten)]
    pub connection: Connection,
    /// Folder for Git mirrors and artifacts
    #[arg(long, value_name = "DIR", default_value = "/data")]
    pub storage_path: PathBuf,
    /// Address that serves artifacts
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:9090")]
    pub storage_addr: SocketAddr,
    /// Host (and port) under which others reach the artifacts [default: the storage address]
    #[arg(long, value_name = "HOST", env = "STORAGE_ADV_ADDR")]
    pub storage_adv_addr: Option<String>,
    /// Address of /metrics, /healthz and /readyz
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8080")]
    pub metrics_addr: SocketAddr,
    #[command(flatten)]
    pub pace: PaceArguments,
    #[command(flatten)]
    pub leader_election: LeaderElectionArguments,
    /// Serve the objects of all namespaces, or (false) only those of RUNTIME_NAMESPACE
    #[arg(
        long,
        num_args = 0..=1,
        default_value_t = true,
        default_missing_value = "true",
        value_name = "BOOL",
        action = ArgAction::Set
    )]
    pub watch_all_namespaces: bool,
    /// Take over the fields of managers whose names begin so, as those of kubectl
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub override_manager: Vec<String>,
    /// Of a dependency with a readyExpr, ask the built-in check as well
    #[arg(long)]
    pub additive_cel_dependency_check: bool,
    /// How many objects of a kind are worked on at once
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub concurrent: usize,
    /// Build no kustomizations with roots or files from outside of their source
    #[arg(long)]
    pub no_remote_bases: bool,
    /// Flux's gates: StrictPostBuildSubstitutions (open), ExternalArtifact (closed)
    #[arg(long, value_name = "NAME=BOOL", value_delimiter = ',')]
    pub feature_gates: Vec<FeatureGate>,
    /// Least severe log lines to print
    #[arg(long, value_enum, default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,
    /// Who may do what, and where.
    #[command(flatten)]
    pub tenancy: TenancyArguments,
    /// How Canaries are served.
    #[command(flatten)]
    pub canaries: ServeCanariesArguments,
}

/// Flags of `trueup controller` that bound what objects may ask for, by
/// Flux's names.
#[derive(Debug, Args)]
pub struct TenancyArguments {
    /// Refuse sources, dependencies, metric templates and alert providers in other namespaces
    #[arg(long)]
    pub no_cross_namespace_refs: bool,
    /// Apply Kustomizations that name no account as this one of their namespace [default: as the controller]
    #[arg(long, value_name = "NAME")]
    pub default_service_account: Option<String>,
    /// Account whose token opens other clusters where a kubeConfig ConfigMap names none
    #[arg(long, value_name = "NAME")]
    pub default_kubeconfig_service_account: Option<String>,
    /// Let kubeconfigs in Secrets run programs in the controller's container
    #[arg(long)]
    pub insecure_kubeconfig_exec: bool,
    /// Let kubeconfigs in Secrets skip the check of the server's certificate
    #[arg(long)]
    pub insecure_kubeconfig_tls: bool,
}

/// Severities of log lines, by Flux's names.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogLevel {
    /// All that happens inside.
    Debug,
    /// What a person wants to know.
    Info,
    /// What went wrong.
    Error,
}

/// `trueup apiserver`.
#[derive(Debug, Args)]
pub struct ApiserverArguments {
    /// Address to serve on (TLS)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:6443", value_parser = address)]
    pub listen: SocketAddr,
    /// Write a kubeconfig for the administrator to this file
    #[arg(long, value_name = "FILE")]
    pub write_kubeconfig: Option<PathBuf>,
    /// Folder that keeps the objects [default: they live in memory only]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Bearer token of the administrator [default: a random one]
    #[arg(
        long,
        value_name = "TOKEN",
        env = "TRUEUP_ADMIN_TOKEN",
        hide_env_values = true
    )]
    pub admin_token: Option<String>,
    /// Acknowledge a write before it has reached the disk (with --data-dir)
    #[arg(long, requires = "data_dir")]
    pub no_sync: bool,
    /// Also run the controllers of workloads and one node whose Pods are simulated
    #[arg(long)]
    pub workloads: bool,
}
