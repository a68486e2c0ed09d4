//! `trueup install`.

use clap::Args;

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
