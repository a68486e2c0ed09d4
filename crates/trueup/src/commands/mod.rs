//! What the commands do: each module one command, reading as its steps.

mod apiserver;
mod build;
mod controller;
mod delete;
mod demo;
mod events;
mod get;
mod install;
mod reconcile;
mod suspend;

use crate::arguments::{Arguments, Command};
use clap::CommandFactory;
use std::process::ExitCode;

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

/// Runs one command to its exit code: 0 done, 1 failed.
pub async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match arguments.command {
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Controller(arguments) => controller::run(arguments).await,
        Command::Apiserver(arguments) => apiserver::run(arguments).await,
        Command::Build(arguments) => build::run(&arguments),
        Command::Install(arguments) => install::run(&arguments),
        Command::Get(arguments) => get::run(arguments).await,
        Command::Reconcile(arguments) => reconcile::run(arguments).await,
        Command::Suspend(arguments) => suspend::suspend(arguments).await,
        Command::Resume(arguments) => suspend::resume(arguments).await,
        Command::Events(arguments) => events::run(arguments).await,
        Command::Delete(arguments) => delete::run(arguments).await,
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
