//! `trueup loadtest`.

use super::LogLevel;
use super::connection::{Connection, address, duration_ms};
use clap::Args;
use std::net::SocketAddr;
use trueup_gocompat::regexp::Regexp;

/// `trueup loadtest`.
#[derive(Debug, Args)]
pub struct LoadtestArguments {
    #[command(flatten)]
    pub connection: Connection,
    /// Address to serve on
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:9090", value_parser = address)]
    pub listen: SocketAddr,
    /// Namespace of the ConfigMap trueup-gates, which keeps the gates that are open
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "RUNTIME_NAMESPACE",
        default_value = "flux-system"
    )]
    pub gates_namespace: String,
    /// Serve only Canaries of namespaces that match this pattern (^ and $ bind it)
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub namespace_regexp: Option<Regexp>,
    /// Programs that tasks may run, by the names that commands begin with
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub allow_commands: Vec<String>,
    /// Give commands to a shell that the built-in generator can't play: whoever reaches this
    /// server then runs what they like in it
    #[arg(long)]
    pub allow_shell: bool,
    /// How long a task may take
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration_ms)]
    pub timeout: u64,
    /// How many tasks may run at once
    #[arg(long, value_name = "N", default_value_t = trueup_loadtest::MAX_TASKS_AT_ONCE)]
    pub max_tasks: usize,
    /// Least severe log lines to print
    #[arg(long, value_enum, default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,
}

/// Reads a pattern in Go's syntax; an empty one matches every namespace.
fn pattern(text: &str) -> Result<Regexp, String> {
    Regexp::compile(text).map_err(|error| error.to_string())
}
