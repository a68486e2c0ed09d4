//! What a person may type. Meaning is given to it in `commands`.

mod booleans;
mod build;
mod canary;
mod change;
mod connection;
mod create;
pub mod gates;
mod get;
mod install;
mod leader_election;
mod loadtest;
mod logs;
mod look;
mod output;
mod pace;
mod serve;
mod serve_canaries;
mod target;

pub use booleans::without_values;
pub use build::{
    BuildArguments, BuildKustomizationArguments, BuildKustomizeArguments, BuildWhat, DiffArguments,
    DiffKustomizationArguments, DiffWhat, LoadRestrictor, LocalBuild, Reorder,
};
pub use canary::{CanaryArguments, CanaryPauseArguments, CanaryRequestArguments, CanaryWhat};
pub use change::{
    ApproveArguments, ApproveWhat, DeleteArguments, ReconcileArguments, ResumeArguments,
    SuspendArguments,
};
pub use connection::{Connection, Scope};
pub use create::{
    CreateArguments, CreateGitArguments, CreateKustomizationArguments, CreateSource, CreateWhat,
};
pub use get::{GetArguments, GetWhat, ListArguments, SourcesKind};
pub use install::{CheckArguments, InstallArguments, UninstallArguments, VersionArguments};
pub use leader_election::LeaderElectionArguments;
pub use loadtest::LoadtestArguments;
pub use logs::{LineLevel, LogsArguments};
pub use look::{
    DebugArguments, DebugKustomizationArguments, DebugWhat, EventsArguments, ExportArguments,
    ExportSources, ExportWhat, StatsArguments, TraceArguments, TreeArguments, TreeWhat,
};
pub use output::{DocumentFormat, ListFormat};
pub use serve::{
    ApiserverArguments, ControllerArguments, DemoAppArguments, DemoArguments, LogLevel,
    TenancyArguments,
};
pub use serve_canaries::{AlertArguments, ServeCanariesArguments};
pub use target::{SourceTarget, SourceTargets, Target, Targets};

use clap::{Parser, Subcommand};

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
    /// The web application of the demo's sample repository
    #[command(hide = true)]
    DemoApp(DemoAppArguments),
    /// Keep a cluster true to Git: run the controllers
    Controller(Box<ControllerArguments>),
    /// Serve an embedded Kubernetes API and nothing else
    Apiserver(ApiserverArguments),
    /// Serve gates and load for canaries, as Flagger's load tester does
    Loadtest(LoadtestArguments),
    /// Build manifests from files on this machine
    Build(BuildArguments),
    /// Install the controllers in a cluster, or upgrade them
    Install(InstallArguments),
    /// Check a cluster and the installation in it
    Check(CheckArguments),
    /// Show the versions of this program and of what is installed
    Version(VersionArguments),
    /// Remove the controllers and the definitions; what was applied stays
    Uninstall(UninstallArguments),
    /// Show objects and their status
    Get(GetArguments),
    /// Show what a Kustomization applied, as a tree
    Tree(TreeArguments),
    /// Show where an object in the cluster comes from
    Trace(TraceArguments),
    /// Show what happened to objects
    Events(EventsArguments),
    /// Show what the controllers said, in lines for people
    Logs(LogsArguments),
    /// Count objects: running, failing, suspended
    Stats(StatsArguments),
    /// Look into an object: status, variables, history
    Debug(DebugArguments),
    /// Show what local files would change in the cluster
    Diff(DiffArguments),
    /// Create an object, or print it with --export
    Create(CreateArguments),
    /// Print objects so that they can be kept in Git
    Export(ExportArguments),
    /// Reconcile objects now and wait for the result
    Reconcile(ReconcileArguments),
    /// Stop reconciling objects until they are resumed
    Suspend(SuspendArguments),
    /// Reconcile suspended objects again
    Resume(ResumeArguments),
    /// Consent to what waits for a person
    Approve(ApproveArguments),
    /// Show Canaries, and decide what becomes of their runs
    #[command(visible_alias = "canaries")]
    Canary(CanaryArguments),
    /// Delete an object (a Kustomization with `prune: true` takes what it applied along)
    Delete(DeleteArguments),
    /// Print a completion script for a shell
    Completion {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
    /// Run one process for a node of this machine; nothing for people
    #[command(hide = true)]
    SuperviseProcess,
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
            "trueup get sources external -A",
            "trueup get source external web",
            "trueup export source external --all",
            "trueup create kustomization web --source=ExternalArtifact/web.apps --path=./ --export",
            "trueup get all --no-header",
            "trueup reconcile kustomization apps --with-source",
            "trueup reconcile source git fleet --timeout 30s",
            "trueup suspend ks apps",
            "trueup suspend kustomization --all",
            "trueup suspend ks apps --reason drill --for 2h",
            "trueup approve kustomization apps -n fleet",
            "trueup resume source git fleet",
            "trueup events --for Kustomization/apps",
            "trueup delete source git fleet -s",
            "trueup get kustomizations apps --show-source",
            "trueup get ks --status-selector ready!=true -w",
            "trueup get kustomizations -o json",
            "trueup tree kustomization apps --compact",
            "trueup tree ks apps -o yaml",
            "trueup trace deployment web -n apps",
            "trueup trace web --kind=Deployment --api-version=apps/v1 -n apps",
            "trueup export kustomization --all",
            "trueup export source git fleet --with-credentials",
            "trueup create kustomization apps --source=GitRepository/fleet --path=./apps --prune --interval=5m",
            "trueup create source git fleet --url=https://example.com/fleet --branch=main --export",
            "trueup logs -f --level=error -A --kind=Kustomization --name=apps --since=2m --tail=10",
            "trueup stats -A",
            "trueup build kustomization apps --path ./apps",
            "trueup build ks apps --path ./apps --kustomization-file ks.yaml --dry-run",
            "trueup build ks apps --path . -r --local-sources GitRepository/flux-system/fleet=.",
            "trueup diff kustomization apps --path ./apps --progress-bar=false",
            "trueup diff ks apps --path ./apps --progress-bar --strict-substitute",
            "trueup debug kustomization apps --show-vars",
            "trueup events --for Kustomization -w",
            "trueup resume ks a b --wait",
            "trueup resume ks --all --wait=false",
            "trueup reconcile ks --all",
            "trueup loadtest --listen=127.0.0.1:0 --timeout=1h --namespace-regexp=^team-",
            "trueup loadtest --allow-commands helm,kubectl --allow-commands ghz",
            "trueup install --export",
            "trueup install -n infra --version v0.2.0 --registry example.com/team --network-policy=false",
            "trueup install --components source-controller,kustomize-controller --watch-all-namespaces=false",
            "trueup uninstall --keep-namespace -s",
            "trueup check --pre",
            "trueup install --canaries=false",
            "trueup get canaries -A -o wide",
            "trueup canary get -A -w",
            "trueup canary get web -o yaml",
            "trueup canary describe web -n apps",
            "trueup canary promote web",
            "trueup canary abort web --wait=false",
            "trueup canary approve web --timeout 30s",
            "trueup canary retry web",
            "trueup canary pause web api",
            "trueup canary resume --all",
            "trueup suspend canary web --reason drill --for 2h",
            "trueup resume canary web --wait=false",
            "trueup reconcile canary --all",
            "trueup export canary --all",
            "trueup export metrictemplate errors -n apps",
            "trueup export alertprovider on-call",
            "trueup delete canary web -s",
            "trueup tree canary web -o json",
            "trueup controller --mesh-provider=gatewayapi:v1 --kubeconfig-qps=20",
            "trueup completion bash",
        ] {
            Arguments::try_parse_from(line.split(' '))
                .unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}
