//! `trueup install --export`.

use super::Failure;
use crate::arguments::InstallArguments;
use std::io::Write;
use std::process::ExitCode;
use trueup_kinds::{InstallOptions, install_manifests};
use trueup_object::to_yaml;

/// Prints definitions, namespace and RBAC as one stream of documents.
pub fn run(arguments: &InstallArguments) -> Result<ExitCode, Failure> {
    let options = InstallOptions {
        namespace: arguments.namespace.as_str().into(),
        version: concat!("v", env!("CARGO_PKG_VERSION")).into(),
    };
    let documents: Vec<String> = install_manifests(&options)
        .iter()
        .map(|manifest| format!("---\n{}", to_yaml(manifest)))
        .collect();
    // A reader that closed the pipe has read enough.
    let _closed = std::io::stdout().write_all(documents.concat().as_bytes());
    Ok(ExitCode::SUCCESS)
}
