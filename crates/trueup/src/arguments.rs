//! What a person may type. Meaning is given to it in `commands`.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// GitOps for Kubernetes: keeps a cluster true to Git.
#[derive(Debug, Parser)]
#[command(
    name = "trueup",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "New here? `trueup demo` starts a cluster, a Git server and the controllers in \
                  this one process, and tells you what to try.\n\
                  Words and flags follow the flux CLI, so `trueup get kustomizations -A` and \
                  `trueup reconcile kustomization apps --with-source` mean what you expect."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it: a cluster, a Git server and the controllers on this machine
    Demo(DemoArguments),
    /// Keep a cluster true to Git: run the controllers
    Controller(ControllerArguments),
    /// Serve an embedded Kubernetes API and nothing else
    Apiserver(ApiserverArguments),
    /// Build manifests from files on this machine
    Build(BuildArguments),
    /// Print the manifests that prepare a cluster for the controllers
    Install(InstallArguments),
    /// Show objects and their status
    Get(GetArguments),
    /// Reconcile an object now and wait for the result
    Reconcile(ReconcileArguments),
    /// Stop reconciling objects until they are resumed
    Suspend(SuspendArguments),
    /// Reconcile suspended objects again
    Resume(ResumeArguments),
    /// Show what happened to objects
    Events(EventsArguments),
    /// Delete an object (a Kustomization with `prune: true` takes what it applied along)
    Delete(DeleteArguments),
    /// Print a completion script for a shell
    Completion {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
}

/// How to reach the cluster.
#[derive(Clone, Debug, Args)]
pub struct Connection {
    /// Kubeconfig file [default: ~/.kube/config, or the cluster this runs in]
    #[arg(
        long,
        global = true,
        env = "KUBECONFIG",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
}

/// Which objects a command speaks of.
#[derive(Clone, Debug, Args)]
pub struct Scope {
    #[command(flatten)]
    pub connection: Connection,
    /// Namespace of the objects
    #[arg(
        long,
        short,
        global = true,
        env = "FLUX_SYSTEM_NAMESPACE",
        default_value = "flux-system"
    )]
    pub namespace: String,
    /// How long to wait, such as 30s or 5m
    #[arg(long, global = true, default_value = "5m", value_name = "DURATION", value_parser = duration_ms)]
    pub timeout: u64,
}

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
    /// Act only while holding the leases of Flux's controllers, in this namespace
    #[arg(long, value_name = "NAMESPACE")]
    pub leader_election_namespace: Option<String>,
    /// How many objects of a kind are worked on at once
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub concurrent: usize,
    /// Least severe log lines to print
    #[arg(long, value_enum, default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,
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
    /// Folder with a kustomization file
    #[arg(default_value = ".", value_name = "DIR")]
    pub root: PathBuf,
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

/// `trueup install`.
#[derive(Debug, Args)]
pub struct InstallArguments {
    /// Print the manifests instead of applying them (applying is not served yet)
    #[arg(long, required = true)]
    pub export: bool,
    /// Namespace of the controllers
    #[arg(long, short, default_value = "flux-system")]
    pub namespace: String,
}

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

/// `trueup reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Reconcile the source of a Kustomization first
    #[arg(long, global = true)]
    pub with_source: bool,
    /// What to reconcile.
    #[command(subcommand)]
    pub target: Target,
}

/// `trueup suspend`.
#[derive(Debug, Args)]
pub struct SuspendArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// All objects of the kind in the namespace
    #[arg(long, global = true)]
    pub all: bool,
    /// What to suspend.
    #[command(subcommand)]
    pub targets: Targets,
}

/// `trueup resume`.
#[derive(Debug, Args)]
pub struct ResumeArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// All objects of the kind in the namespace
    #[arg(long, global = true)]
    pub all: bool,
    /// What to resume.
    #[command(subcommand)]
    pub targets: Targets,
}

/// `trueup events`.
#[derive(Debug, Args)]
pub struct EventsArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Events of all namespaces
    #[arg(long, short = 'A')]
    pub all_namespaces: bool,
    /// Only events of this object and its source, such as Kustomization/apps
    #[arg(long = "for", value_name = "KIND/NAME")]
    pub subject: Option<String>,
    /// Only events of these types: Normal, Warning
    #[arg(long, value_delimiter = ',', value_name = "TYPE")]
    pub types: Vec<String>,
    /// Go on and print events as they come
    #[arg(long, short)]
    pub watch: bool,
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

/// Reads an address and a port.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "an IP address and a port are wanted, such as 127.0.0.1:6443".to_owned())
}

/// Reads a duration in Go's syntax into milliseconds.
fn duration_ms(text: &str) -> Result<u64, String> {
    let duration = trueup_gocompat::parse_duration(text).map_err(|error| error.to_string())?;
    u64::try_from(duration.milliseconds())
        .map_err(|_| "a duration to wait is not negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_definition_of_the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn words_of_the_flux_cli_are_understood() {
        for line in [
            "trueup get kustomizations -A",
            "trueup get ks",
            "trueup get sources git -n team",
            "trueup get source git",
            "trueup get all --no-header",
            "trueup reconcile kustomization apps --with-source",
            "trueup reconcile source git fleet --timeout 30s",
            "trueup suspend ks apps",
            "trueup suspend kustomization --all",
            "trueup resume source git fleet",
            "trueup events --for Kustomization/apps",
            "trueup delete source git fleet -s",
            "trueup install --export",
            "trueup completion bash",
        ] {
            Arguments::try_parse_from(line.split(' '))
                .unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}
