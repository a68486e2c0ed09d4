//! GitOps for Kubernetes in one binary: the command line.

mod arguments;
mod commands;
mod connect;
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

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        progress::failure("another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    match commands::run(arguments).await {
        Ok(code) => code,
        Err(failure) => {
            progress::failure(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}
