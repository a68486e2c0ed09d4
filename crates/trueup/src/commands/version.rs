//! `trueup version`.

use super::installation::{Distribution, deployments, images};
use super::{Failure, said};
use crate::arguments::VersionArguments;
use crate::{connect, document};
use std::process::ExitCode;
use trueup_object::{Value, value};

/// Keys that no image has.
const OWN_KEYS: [&str; 2] = ["client", "distribution"];

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
        add_image(&image, versions);
    }
    Ok(())
}

/// Adds an image by the last part of its name; by the whole one where another
/// has that already, or it is a key of ours.
fn add_image(image: &str, versions: &mut Value) {
    let (name, version) = name_and_version(image);
    let short = name.rsplit('/').next().unwrap_or(name);
    let known = versions.str_at(&[short]);
    let is_free = !OWN_KEYS.contains(&short) && known.is_none_or(|known| known == version);
    let whole = || match name.contains('/') {
        true => name.to_owned(),
        false => format!("library/{name}"),
    };
    let key = if is_free { short.to_owned() } else { whole() };
    versions.set_at(&[key.as_str()], version.into());
}

/// An image's name, and its tag with the digest behind it; one of them alone
/// where there is no other.
fn name_and_version(image: &str) -> (&str, &str) {
    let tagged = image.split_once('@').map_or(image, |(tagged, _)| tagged);
    let last = tagged.rfind('/').map_or(0, |slash| slash + 1);
    let end = tagged[last..]
        .find(':')
        .map_or(tagged.len(), |colon| last + colon);
    match image.get(end + 1..) {
        Some(version) => (&image[..end], version),
        None => (image, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_an_image_is_its_tag_with_the_digest() {
        for (image, shown) in [
            ("trueup", ("trueup", "latest")),
            ("host:5000/team/trueup", ("host:5000/team/trueup", "latest")),
            ("host:5000/team/trueup:v1", ("host:5000/team/trueup", "v1")),
            ("trueup@sha256:00", ("trueup", "sha256:00")),
            ("team/trueup:v1@sha256:00", ("team/trueup", "v1@sha256:00")),
            ("host:1/trueup@sha256:00", ("host:1/trueup", "sha256:00")),
            ("", ("", "latest")),
        ] {
            assert_eq!(name_and_version(image), shown, "{image}");
        }
    }

    #[test]
    fn images_are_shown_by_their_short_names_unless_these_are_taken() {
        let mut versions = value!({"client": "v9"});
        for image in [
            "team/trueup:v1",
            "other/trueup:v1",
            "third/trueup:v2",
            "team/client:v3",
            "distribution:v4",
            "client:v5",
        ] {
            add_image(image, &mut versions);
        }
        let shown = value!({
            "client": "v9", "trueup": "v1", "third/trueup": "v2", "team/client": "v3",
            "library/distribution": "v4", "library/client": "v5",
        });
        assert_eq!(versions, shown);
    }
}
