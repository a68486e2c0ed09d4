//! How to reach the cluster, and which objects are meant.

use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// How to reach the cluster.
#[derive(Clone, Debug, Args)]
pub struct Connection {
    /// Kubeconfig file [default: ~/.kube/config, or the cluster this runs in]
    #[arg(
        long,
        global = true,
        help_heading = "Cluster",
        env = "KUBECONFIG",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, global = true, help_heading = "Cluster", value_name = "NAME")]
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
        help_heading = "Cluster",
        env = "FLUX_SYSTEM_NAMESPACE",
        default_value = "flux-system"
    )]
    pub namespace: String,
    /// User to act as, such as system:serviceaccount:apps:deployer
    #[arg(
        long = "as",
        global = true,
        help_heading = "Cluster",
        value_name = "USER"
    )]
    pub acting_as: Option<String>,
    /// Group to act as, with --as; several by several flags
    #[arg(
        long = "as-group",
        global = true,
        help_heading = "Cluster",
        value_name = "GROUP",
        requires = "acting_as"
    )]
    pub acting_groups: Vec<String>,
    /// How long to wait, such as 30s or 5m
    #[arg(long, global = true,
        help_heading = "Cluster", default_value = "5m", value_name = "DURATION", value_parser = duration_ms)]
    pub timeout: u64,
}

/// Reads an address and a port.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "an IP address and a port are wanted, such as 127.0.0.1:6443".to_owned())
}

/// Reads a duration in Go's syntax into milliseconds.
pub fn duration_ms(text: &str) -> Result<u64, String> {
    let duration = trueup_gocompat::parse_duration(text).map_err(|error| error.to_string())?;
    u64::try_from(duration.milliseconds())
        .map_err(|_| "a duration to wait is not negative".to_owned())
}
