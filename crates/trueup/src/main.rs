//! GitOps for Kubernetes in one binary: the command line.

mod arguments;
mod commands;
mod connect;
#[cfg(test)]
mod packaging;
mod progress;
#[cfg(test)]
mod reference;
mod stop;
mod table;
mod words;

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::run(arguments::Arguments::parse()) {
        Ok(code) => code,
        Err(failure) => {
            progress::failure(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}
