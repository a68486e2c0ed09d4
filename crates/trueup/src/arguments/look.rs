//! Commands that look at objects and what they applied.

use super::{DocumentFormat, Scope};
use clap::{ArgGroup, Args, Subcommand};

/// `trueup events`.
#[derive(Debug, Args)]
pub struct EventsArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Events of all namespaces
    #[arg(long, short = 'A')]
    pub all_namespaces: bool,
    /// Only events of this object and its source, such as Kustomization/apps, or of a kind
    #[arg(long = "for", value_name = "KIND[/NAME]")]
    pub subject: Option<String>,
    /// Only events of these types: Normal, Warning
    #[arg(long, value_delimiter = ',', value_name = "TYPE")]
    pub types: Vec<String>,
    /// Go on and print events as they come, as a table
    #[arg(long, short, conflicts_with = "output")]
    pub watch: bool,
    /// Form of the output [default: a table]
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    pub output: Option<DocumentFormat>,
}

/// `trueup tree`.
#[derive(Debug, Args)]
pub struct TreeArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// What to show.
    #[command(subcommand)]
    pub what: TreeWhat,
}

/// What `trueup tree` shows.
#[derive(Clone, Debug, Subcommand)]
pub enum TreeWhat {
    /// What a Kustomization applied, and what Kustomizations among it applied
    #[command(visible_alias = "ks", alias = "kustomizations")]
    Kustomization {
        /// Its name
        name: String,
        /// Only objects of Flux's kinds
        #[arg(long)]
        compact: bool,
        /// Form of the output [default: a drawing]
        #[arg(long, short, value_enum, value_name = "FORMAT")]
        output: Option<DocumentFormat>,
    },
    /// What was made for a Canary: the primary, Services, routes
    #[command(alias = "canaries")]
    Canary {
        /// Its name
        name: String,
        /// Form of the output [default: a drawing]
        #[arg(long, short, value_enum, value_name = "FORMAT")]
        output: Option<DocumentFormat>,
    },
}

/// `trueup trace`.
#[derive(Debug, Args)]
pub struct TraceArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Objects as kubectl takes them: `deployment web`, `deploy/web svc/web`; with --kind a name
    #[arg(required = true, value_name = "OBJECT")]
    pub objects: Vec<String>,
    /// Kind of the object, with --api-version
    #[arg(long, requires = "api_version", value_name = "KIND")]
    pub kind: Option<String>,
    /// API version of the object, with --kind
    #[arg(long, requires = "kind", value_name = "VERSION")]
    pub api_version: Option<String>,
}

/// `trueup stats`.
#[derive(Debug, Args)]
pub struct StatsArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// Objects of all namespaces
    #[arg(long, short = 'A')]
    pub all_namespaces: bool,
}

/// `trueup debug`.
#[derive(Debug, Args)]
pub struct DebugArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// What to look into.
    #[command(subcommand)]
    pub what: DebugWhat,
}

/// What `trueup debug` looks into.
#[derive(Clone, Debug, Subcommand)]
pub enum DebugWhat {
    /// A Kustomization
    #[command(visible_alias = "ks", alias = "kustomizations")]
    Kustomization(DebugKustomizationArguments),
}

/// `trueup debug kustomization`.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("part").required(true).args(["show_status", "show_vars", "show_history"]))]
pub struct DebugKustomizationArguments {
    /// Its name
    pub name: String,
    /// Print its status
    #[arg(long)]
    pub show_status: bool,
    /// Print the variables that are put into its manifests, as NAME=VALUE
    #[arg(long)]
    pub show_vars: bool,
    /// Print its last reconciliations
    #[arg(long)]
    pub show_history: bool,
    /// Print values that come from Secrets too, as flux does; they are *** without
    #[arg(long, requires = "show_vars")]
    pub show_secrets: bool,
}

/// `trueup export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    pub scope: Scope,
    /// All objects of the kind in the namespace
    #[arg(long, global = true)]
    pub all: bool,
    /// What to export.
    #[command(subcommand)]
    pub what: ExportWhat,
}

/// What `trueup export` prints.
#[derive(Clone, Debug, Subcommand)]
pub enum ExportWhat {
    /// Kustomizations
    #[command(visible_alias = "ks", alias = "kustomizations")]
    Kustomization {
        /// Names; none with --all
        names: Vec<String>,
    },
    /// Sources
    #[command(alias = "sources")]
    Source {
        /// Print the Secrets with their credentials too
        #[arg(long, global = true)]
        with_credentials: bool,
        /// Kind of source.
        #[command(subcommand)]
        kind: ExportSources,
    },
    /// Canaries
    #[command(alias = "canaries")]
    Canary {
        /// Names; none with --all
        names: Vec<String>,
    },
    /// Queries of Canaries: MetricTemplates
    #[command(
        name = "metrictemplate",
        aliases = ["metrictemplates", "metric-template"]
    )]
    MetricTemplate {
        /// Names; none with --all
        names: Vec<String>,
    },
    /// Who is told of Canaries: AlertProviders
    #[command(name = "alertprovider", alias = "alertproviders")]
    AlertProvider {
        /// Names; none with --all
        names: Vec<String>,
    },
}

/// Sources that `trueup export` prints.
#[derive(Clone, Debug, Subcommand)]
pub enum ExportSources {
    /// Git repositories
    #[command(visible_aliases = ["gitrepository", "gitrepo"])]
    Git {
        /// Names; none with --all
        names: Vec<String>,
    },
    /// Archives that others make and serve: ExternalArtifacts
    #[command(visible_alias = "externalartifact", alias = "ea")]
    External {
        /// Names; none with --all
        names: Vec<String>,
    },
}
