//! `trueup install`.

mod apply;
pub(super) mod found;
mod options;
mod ready;
mod surplus;

use super::Failure;
use crate::arguments::InstallArguments;
use crate::{connect, document, progress};
use std::process::ExitCode;
use tokio::time::Instant;
use trueup_cluster::{Persist, Session};
use trueup_kinds::{InstallManifests, InstallOptions, install_manifests};
use trueup_object::to_yaml;

/// Field manager of what an installation applies.
pub(super) const MANAGER: &str = "trueup";

/// Prints the manifests, or applies them and waits until the controllers run.
pub async fn run(arguments: InstallArguments) -> Result<ExitCode, Failure> {
    let options = options::read(&arguments)?;
    let manifests = install_manifests(&options);
    if arguments.export {
        print(&manifests)?;
        return Ok(ExitCode::SUCCESS);
    }
    progress::success("manifests build completed");
    let session = connect::session(&arguments.scope).await?;
    let deadline = Instant::now() + connect::timeout(&arguments.scope);
    install(&session, &arguments, &options, &manifests, deadline).await?;
    progress::success(if arguments.dry_run {
        "install would go through (dry run)"
    } else {
        "install finished"
    });
    Ok(ExitCode::SUCCESS)
}

async fn install(
    session: &Session,
    arguments: &InstallArguments,
    options: &InstallOptions,
    manifests: &InstallManifests,
    deadline: Instant,
) -> Result<(), Failure> {
    let namespace = &options.namespace;
    progress::action(&format!("installing components in {namespace} namespace"));
    let found = found::look(session, namespace).await?;
    let force = arguments.force;
    if !force {
        found.refuse_rivals(options)?;
    }
    found.tell_of_upgrade(&options.version);
    let persist = if arguments.dry_run {
        Persist::DryRun
    } else {
        Persist::Commit
    };
    let mut applier = apply::Applier::new(session, persist);
    for manifest in &manifests.ground {
        match found.keeper_of(manifest).filter(|_| !force) {
            _ if !force && found.has_flaggers(manifest) => applier.widen(manifest).await?,
            Some(keeper) => apply::tell_kept(manifest, &keeper)?,
            None => applier.apply(manifest).await?,
        }
    }
    if persist == Persist::Commit {
        ready::definitions(session, &manifests.ground, deadline).await?;
    }
    for manifest in &manifests.workload {
        applier.apply(manifest).await?;
    }
    if persist == Persist::Commit {
        progress::waiting("verifying installation");
        ready::workload(session, namespace, deadline).await?;
    }
    // What works goes only when what takes its place does.
    surplus::delete(session, manifests, namespace, persist).await
}

/// One stream of documents, in the order in which they can be applied.
fn print(manifests: &InstallManifests) -> Result<(), Failure> {
    let documents: String = manifests
        .iter()
        .map(|manifest| format!("---\n{}", to_yaml(manifest)))
        .collect();
    document::print(&documents)
}
