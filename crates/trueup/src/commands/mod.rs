//! What the commands do: each module one command, reading as its steps.

mod apiserver;
mod build;
mod check;
mod confirm;
mod controller;
mod delete;
mod demo;
mod events;
mod get;
mod install;
mod installation;
mod reconcile;
mod suspend;
mod uninstall;

use crate::arguments::{Arguments, Command};
use clap::CommandFactory;
use std::process::ExitCode;
use trueup_cluster::Persist;

/// Why a command failed, ready to be read after `✗`.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The cluster can't be reached at all.
    #[error(transparent)]
    Connect(#[from] trueup_cluster::ConnectError),
    /// The cluster refused or did not answer.
    #[error(transparent)]
    Api(#[from] trueup_cluster::ApiError),
    /// Anything else, as a whole sentence.
    #[error("{0}")]
    Said(String),
}

/// A failure told in a sentence.
fn said<T: std::fmt::Display>(sentence: T) -> Failure {
    Failure::Said(sentence.to_string())
}

/// What stands after a line about something that was only asked for.
fn dry_run_mark(persist: Persist) -> &'static str {
    match persist {
        Persist::Commit => "",
        Persist::DryRun => " (dry run)",
    }
}

/// Runs one command to its exit code: 0 done, 1 failed.
pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match arguments.command {
        Command::Demo(arguments) => online(demo::run(arguments)),
        Command::Controller(arguments) => online(controller::run(arguments)),
        Command::Apiserver(arguments) => online(apiserver::run(arguments)),
        Command::Build(arguments) => build::run(&arguments),
        Command::Install(arguments) => online(install::run(arguments)),
        Command::Check(arguments) => online(check::run(arguments)),
        Command::Uninstall(arguments) => online(uninstall::run(arguments)),
        Command::Get(arguments) => online(get::run(arguments)),
        Command::Reconcile(arguments) => online(reconcile::run(arguments)),
        Command::Suspend(arguments) => online(suspend::suspend(arguments)),
        Command::Resume(arguments) => online(suspend::resume(arguments)),
        Command::Events(arguments) => online(events::run(arguments)),
        Command::Delete(arguments) => online(delete::run(arguments)),
        Command::Completion { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "trueup",
                &mut std::io::stdout(),
            );
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
