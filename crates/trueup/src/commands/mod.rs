//! What the commands do: each module one command, reading as its steps.

mod apiserver;
mod approve;
mod build;
mod canary;
mod check;
mod confirm;
mod controller;
mod create;
mod debug;
mod delete;
mod demo;
mod demo_app;
mod diff;
mod events;
mod export;
mod failure;
mod get;
mod install;
mod installation;
mod loadtest;
mod local;
mod logs;
mod reconcile;
mod select;
mod stats;
mod suspend;
mod trace;
mod tree;
mod uninstall;
mod variables;
mod version;
mod wait;

use crate::arguments::{Arguments, Command};
use crate::document;
use clap::CommandFactory;
use std::process::ExitCode;
use trueup_cluster::Persist;

pub use failure::{Failure, said};

/// Field manager of what commands change, as the flux CLI's.
const COMMAND_MANAGER: &str = "flux";

/// What stands after a line about something that was only asked for.
fn dry_run_mark(persist: Persist) -> &'static str {
    match persist {
        Persist::Commit => "",
        Persist::DryRun => " (dry run)",
    }
}

/// Runs one command to its exit code: 0 done, 1 failed, and what a command
/// says of itself.
pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match arguments.command {
        Command::Demo(arguments) => online(demo::run(arguments)),
        Command::DemoApp(arguments) => online(demo_app::run(arguments)),
        Command::Controller(arguments) => online(controller::run(*arguments)),
        Command::Apiserver(arguments) => online(apiserver::run(arguments)),
        Command::Loadtest(arguments) => online(loadtest::run(arguments)),
        Command::Build(arguments) => build::run(&arguments),
        Command::Diff(arguments) => online(diff::run(arguments)),
        Command::Install(arguments) => online(install::run(arguments)),
        Command::Check(arguments) => online(check::run(arguments)),
        Command::Version(arguments) => online(version::run(arguments)),
        Command::Uninstall(arguments) => online(uninstall::run(arguments)),
        Command::Get(arguments) => online(get::run(arguments)),
        Command::Tree(arguments) => online(tree::run(arguments)),
        Command::Trace(arguments) => online(trace::run(arguments)),
        Command::Events(arguments) => online(events::run(arguments)),
        Command::Logs(arguments) => online(logs::run(arguments)),
        Command::Stats(arguments) => online(stats::run(arguments)),
        Command::Debug(arguments) => online(debug::run(arguments)),
        Command::Create(arguments) => online(create::run(arguments)),
        Command::Export(arguments) => online(export::run(arguments)),
        Command::Reconcile(arguments) => online(reconcile::run(arguments)),
        Command::Suspend(arguments) => online(suspend::suspend(arguments)),
        Command::Resume(arguments) => online(suspend::resume(arguments)),
        Command::Approve(arguments) => online(approve::run(arguments)),
        Command::Canary(arguments) => online(canary::run(arguments)),
        Command::Delete(arguments) => online(delete::run(arguments)),
        Command::SuperviseProcess => Ok(trueup_workloads::process::supervise()),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "trueup", &mut script);
            document::print(&String::from_utf8_lossy(&script))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Runs a command that speaks to others. Threads and TLS are started here, so
/// that commands that need none are done before they would be.
fn online<F>(command: F) -> Result<ExitCode, Failure>
where
    F: Future<Output = Result<ExitCode, Failure>>,
{
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| said("another TLS provider is installed already"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| said(format!("start threads: {error}")))?;
    runtime.block_on(command)
}
