//! `trueup events`.

use super::Scope;
use clap::Args;

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
