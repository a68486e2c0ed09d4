//! `trueup loadtest`.

use super::controller::log;
use super::{Failure, said};
use crate::arguments::LoadtestArguments;
use crate::{connect, stop};
use std::process::ExitCode;
use tokio::net::TcpListener;
use trueup_cluster::ClusterOptions;
use trueup_loadtest::{GateStore, LoadtestOptions, Permissions, Shell};

/// Serves gates and load until Ctrl-C or SIGTERM.
pub async fn run(arguments: LoadtestArguments) -> Result<ExitCode, Failure> {
    // What is told here comes from crates that trace it.
    let _ = log::start(arguments.log_level)?;
    let cluster = connect::cluster(&arguments.connection, ClusterOptions::default()).await?;
    let listen = arguments.listen;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| said(format!("listen on {listen}: {error}")))?;
    let address = listener.local_addr().map_err(said)?;
    let gates = GateStore::new(cluster.session(), &arguments.gates_namespace);
    tracing::info!(%address, "gates and load are served");
    trueup_loadtest::serve(listener, options(arguments, gates), stop::requested())
        .await
        .map_err(said)?;
    Ok(ExitCode::SUCCESS)
}

fn options(arguments: LoadtestArguments, gates: GateStore) -> LoadtestOptions {
    let shell = if arguments.allow_shell {
        Shell::Allowed
    } else {
        Shell::Refused
    };
    LoadtestOptions {
        namespaces: arguments.namespace_regexp,
        permissions: Permissions {
            programs: arguments.allow_commands.into_iter().collect(),
            shell,
        },
        task_timeout_ms: arguments.timeout,
        max_tasks: arguments.max_tasks,
        ..LoadtestOptions::new(gates)
    }
}
