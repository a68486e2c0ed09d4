//! `trueup version`.

use super::installation::{Distribution, deployments, images};
use super::{Failure, said};
use crate::arguments::VersionArguments;
use crate::{connect, document};
use std::process::ExitCode;
use trueup_object::{Value, value};

/// Prints versions: `client` is this program; without `--client` what is
/// installed follows, by its labels and images as in `flux version`.
pub async fn run(arguments: VersionArguments) -> Result<ExitCode, Failure> {
    let mut versions = value!({"client": (concat!("v", env!("CARGO_PKG_VERSION")))});
    if !arguments.client {
        add_installed(&arguments, &mut versions).await?;
    }
    document::print_value(&versions, arguments.output)?;
    Ok(ExitCode::SUCCESS)
}

async fn add_installed(arguments: &VersionArguments, versions: &mut Value) -> Result<(), Failure> {
    let session = connect::session(&arguments.scope).await?;
    let installed = Distribution::find(&session).await?;
    if let Some(name) = installed.map(|it| it.name).filter(|name| !name.is_empty()) {
        versions.set_at(&["distribution"], Value::string(name));
    }
    let namespace = &arguments.scope.namespace;
    let found = deployments(&session, namespace).await?;
    if found.is_empty() {
        let failure = said(format!("no deployments found in {namespace} namespace"));
        return Err(failure.hinted("`trueup version --client` asks no cluster"));
    }
    for image in found.iter().flat_map(images) {
        let (name, tag) = name_and_tag(&image);
        versions.set_at(&[name], tag.into());
    }
    Ok(())
}

/// The last part of an image's name, and its tag or digest.
fn name_and_tag(image: &str) -> (&str, &str) {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once([':', '@']).unwrap_or((last, "latest"))
}

#[cfg(test)]
mod tests {
    use super::name_and_tag;

    #[test]
    fn images_are_shown_by_name_and_tag() {
        for (image, shown) in [
            ("trueup", ("trueup", "latest")),
            ("example.com:5000/team/trueup:v1", ("trueup", "v1")),
            ("trueup@sha256:00", ("trueup", "sha256:00")),
        ] {
            assert_eq!(name_and_tag(image), shown);
        }
    }
}
