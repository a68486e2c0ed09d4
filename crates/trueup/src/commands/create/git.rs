//! The specification of a `GitRepository` from flags, and its credentials.

use super::{duration, put};
use crate::arguments::CreateGitArguments;
use crate::commands::{Failure, said};
use crate::progress;
use trueup_cluster::Session;
use trueup_object::{ObjectRef, Value, value};

/// `spec`, as flux writes it.
pub fn spec(
    what: &CreateGitArguments,
    interval_ms: u64,
    fetch_timeout_ms: Option<u64>,
) -> Result<Value, Failure> {
    check_address(what)?;
    let mut spec = value!({"interval": (duration(interval_ms)), "url": (what.url.as_str())});
    spec.set_at(&["ref"], reference(what));
    let credentials = secret_name(what).map(str::to_owned);
    let texts = [
        (["secretRef", "name"].as_slice(), &credentials),
        (&["proxySecretRef", "name"], &what.proxy_secret_ref),
        (&["provider"], &what.provider),
    ];
    for (place, text) in texts {
        if let Some(text) = text {
            spec.set_at(place, text.as_str().into());
        }
    }
    if let Some(timeout) = fetch_timeout_ms {
        spec.set_at(&["timeout"], duration(timeout));
    }
    if what.recurse_submodules {
        spec.set_at(&["recurseSubmodules"], Value::Bool(true));
    }
    if !what.ignore_paths.is_empty() {
        spec.set_at(&["ignore"], Value::string(what.ignore_paths.join("\n")));
    }
    if !what.sparse_checkout_paths.is_empty() {
        let folders = what.sparse_checkout_paths.iter().map(Value::string);
        spec.set_at(&["sparseCheckout"], folders.collect());
    }
    Ok(spec)
}

fn check_address(what: &CreateGitArguments) -> Result<(), Failure> {
    let scheme = what.url.split_once("://").map_or("", |(scheme, _)| scheme);
    match scheme {
        "http" | "https" => Ok(()),
        "ssh" if what.ca_file.is_some() => Err(said(
            "specifying a CA file is not supported for Git over SSH",
        )),
        "ssh" if what.secret_ref.is_none() => Err(said(
            "Git over SSH takes its keys from a Secret: --secret-ref is required",
        )
        .hinted("make one of `identity` and `known_hosts` with kubectl create secret generic")),
        "ssh" => Ok(()),
        other => Err(said(format!(
            "git URL scheme '{other}' not supported, can be: ssh, http and https"
        ))),
    }
}

/// The most exact of the flags wins, as in flux.
fn reference(what: &CreateGitArguments) -> Value {
    let mut reference = Value::map();
    if let Some(commit) = &what.commit {
        reference.set_at(&["commit"], commit.as_str().into());
        if let Some(branch) = &what.branch {
            reference.set_at(&["branch"], branch.as_str().into());
        }
        return reference;
    }
    let chosen = [
        ("name", &what.ref_name),
        ("semver", &what.tag_semver),
        ("tag", &what.tag),
        ("branch", &what.branch),
    ];
    if let Some((key, Some(text))) = chosen.into_iter().find(|(_, text)| text.is_some()) {
        reference.set_at(&[key], text.as_str().into());
    }
    reference
}

/// The Secret of the source: the one that is named, or the one that is made.
fn secret_name(what: &CreateGitArguments) -> Option<&str> {
    let is_made = what.username.is_some() || what.ca_file.is_some();
    what.secret_ref
        .as_deref()
        .or_else(|| is_made.then_some(what.name.as_str()))
}

/// Applies the Secret with the credentials that flags gave, if they did.
pub async fn keep_credentials(
    session: &Session,
    namespace: &str,
    what: &CreateGitArguments,
) -> Result<(), Failure> {
    let Some(data) = credentials(what)? else {
        return Ok(());
    };
    if what.url.starts_with("http://") {
        progress::warning("insecure configuration: credentials configured for an HTTP URL");
    }
    let secret = value!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": (what.name.as_str()), "namespace": namespace},
        "stringData": data,
    });
    progress::action("applying secret with repository credentials");
    let reference = ObjectRef::of(&secret).ok_or_else(|| said("the Secret has no name"))?;
    put(session, &reference, &secret).await?;
    progress::success("authentication configured");
    Ok(())
}

fn credentials(what: &CreateGitArguments) -> Result<Option<Value>, Failure> {
    let mut data = Value::map();
    if let Some(name) = &what.username {
        data.set_at(&["username"], name.as_str().into());
        let password = what.password.as_deref().unwrap_or_default();
        data.set_at(&["password"], password.into());
    }
    if let Some(path) = &what.ca_file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            said(format!(
                "unable to read TLS CA file {}: {error}",
                path.display()
            ))
        })?;
        data.set_at(&["ca.crt"], Value::string(text));
    }
    Ok(Some(data).filter(|data| data.as_map().is_some_and(|map| !map.is_empty())))
}
