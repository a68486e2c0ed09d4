//! GitOps for Kubernetes in one binary: the command line.

mod age;
mod arguments;
mod canary_facts;
mod commands;
mod connect;
mod digests;
mod document;
mod lines;
#[cfg(test)]
mod packaging;
mod paint;
mod progress;
#[cfg(test)]
mod reference;
mod stop;
mod table;
mod words;

use clap::{CommandFactory, Parser};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words = arguments::without_values(&arguments::Arguments::command(), std::env::args_os());
    match commands::run(arguments::Arguments::parse_from(words)) {
        Ok(code) => code,
        Err(failure) => failure.tell(),
    }
}
