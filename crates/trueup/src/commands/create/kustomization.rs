//! The specification of a Kustomization from flags.

use super::duration;
use crate::arguments::CreateKustomizationArguments;
use crate::commands::{Failure, said};
use trueup_object::{Value, value};

/// Kinds whose health can be waited for by `--health-check`, with their API
/// versions where flux writes one.
const HEALTH_KINDS: [(&str, Option<&str>); 4] = [
    ("Deployment", None),
    ("DaemonSet", None),
    ("StatefulSet", None),
    ("HelmRelease", Some("helm.toolkit.fluxcd.io/v2")),
];

/// Kinds that a Kustomization may come from.
const SOURCE_KINDS: [&str; 4] = [
    "GitRepository",
    "OCIRepository",
    "Bucket",
    "ExternalArtifact",
];

/// `spec`, as flux writes it.
pub fn spec(what: &CreateKustomizationArguments, interval_ms: u64) -> Result<Value, Failure> {
    let mut spec = value!({
        "interval": (duration(interval_ms)),
        "path": (path(&what.path)?),
        "prune": (what.prune),
        "sourceRef": (source(&what.source)?),
    });
    let texts = [
        (["targetNamespace"].as_slice(), &what.target_namespace),
        (&["serviceAccountName"], &what.service_account),
        (&["decryption", "provider"], &what.decryption_provider),
        (
            &["decryption", "secretRef", "name"],
            &what.decryption_secret,
        ),
        (
            &["kubeConfig", "secretRef", "name"],
            &what.kubeconfig_secret_ref,
        ),
    ];
    for (place, text) in texts {
        if let Some(text) = text {
            spec.set_at(place, text.as_str().into());
        }
    }
    if let Some(interval) = what.retry_interval {
        spec.set_at(&["retryInterval"], duration(interval));
    }
    if !what.depends_on.is_empty() {
        let names = what.depends_on.iter().map(|name| dependency(name));
        spec.set_at(&["dependsOn"], names.collect());
    }
    set_health(&mut spec, what)?;
    Ok(spec)
}

fn set_health(spec: &mut Value, what: &CreateKustomizationArguments) -> Result<(), Failure> {
    if what.wait {
        spec.set_at(&["wait"], Value::Bool(true));
    } else if !what.health_check.is_empty() {
        let checks: Result<Vec<Value>, Failure> = what
            .health_check
            .iter()
            .map(|check| health_check(check))
            .collect();
        spec.set_at(&["healthChecks"], checks?.into_iter().collect());
    } else {
        return Ok(());
    }
    spec.set_at(&["timeout"], duration(what.health_check_timeout));
    Ok(())
}

/// A folder of the source: with `./` in front, and not out of it.
fn path(given: &str) -> Result<Value, Failure> {
    let plain = given.trim_start_matches("./").trim_matches('/');
    if plain.split('/').any(|part| part == "..") {
        return Err(said(format!("path {given:?} leads out of the source")));
    }
    Ok(Value::string(format!("./{plain}")))
}

/// `NAME`, `KIND/NAME`, `KIND/NAME.NAMESPACE`; a name alone is a `GitRepository`.
fn source(given: &str) -> Result<Value, Failure> {
    let (kind, name) = given.split_once('/').unwrap_or(("GitRepository", given));
    let known = SOURCE_KINDS
        .iter()
        .find(|known| known.eq_ignore_ascii_case(kind));
    let Some(kind) = known else {
        return Err(said(format!(
            "source kind '{kind}' is not supported, must be one of: {}",
            SOURCE_KINDS.join(", ")
        )));
    };
    let (name, namespace) = name.split_once('.').unwrap_or((name, ""));
    if name.is_empty() {
        return Err(said(format!(
            "source {given:?} has no name: it is KIND/NAME"
        )));
    }
    let mut source = value!({"kind": (*kind), "name": name});
    if !namespace.is_empty() {
        source.set_at(&["namespace"], namespace.into());
    }
    Ok(source)
}

fn dependency(given: &str) -> Value {
    match given.split_once('/') {
        Some((namespace, name)) => value!({"name": name, "namespace": namespace}),
        None => value!({"name": given}),
    }
}

/// `KIND/NAME.NAMESPACE`.
fn health_check(given: &str) -> Result<Value, Failure> {
    let parts = given
        .split_once('/')
        .and_then(|(kind, rest)| Some((kind, rest.split_once('.')?)));
    let Some((kind, (name, namespace))) = parts else {
        return Err(said(format!(
            "invalid health check '{given}' must be in the format 'kind/name.namespace'"
        )));
    };
    let Some((_, version)) = HEALTH_KINDS.iter().find(|(known, _)| *known == kind) else {
        return Err(said(format!(
            "invalid health check kind '{kind}' can be HelmRelease, Deployment, DaemonSet or StatefulSet"
        )));
    };
    let mut check = value!({"kind": kind, "name": name, "namespace": namespace});
    if let Some(version) = version {
        check.set_at(&["apiVersion"], (*version).into());
    }
    Ok(check)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_in_three_ways() {
        let git = value!({"kind": "GitRepository", "name": "fleet"});
        assert_eq!(source("fleet").unwrap(), git);
        assert_eq!(source("gitrepository/fleet").unwrap(), git);
        let other = value!({"kind": "Bucket", "name": "fleet", "namespace": "apps"});
        assert_eq!(source("Bucket/fleet.apps").unwrap(), other);
        for wrong in ["HelmRepository/x", "GitRepository/"] {
            assert!(source(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_path_stays_in_the_source() {
        for (given, expected) in [("./apps/", "./apps"), ("apps", "./apps"), ("./", "./")] {
            assert_eq!(path(given).unwrap(), Value::string(expected));
        }
        assert!(path("./../other").is_err());
    }

    #[test]
    fn health_checks_name_kind_name_and_namespace() {
        let expected = value!({"kind": "Deployment", "name": "web", "namespace": "apps"});
        assert_eq!(health_check("Deployment/web.apps").unwrap(), expected);
        for wrong in ["Deployment/web", "Deployment", "Pod/web.apps"] {
            assert!(health_check(wrong).is_err(), "{wrong}");
        }
    }
}
