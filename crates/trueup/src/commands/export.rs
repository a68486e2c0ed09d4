//! `trueup export`: objects without what the cluster added.

use super::select::{self, Extent};
use super::{Failure, said};
use crate::arguments::{ExportArguments, ExportSources, ExportWhat};
use crate::words::{
    ALERT_PROVIDER, CANARY, EXTERNAL_ARTIFACT, GIT_REPOSITORY, KUSTOMIZATION, METRIC_TEMPLATE,
    Words,
};
use crate::{connect, document};
use std::process::ExitCode;
use trueup_cluster::{Form, LiveObject, Session};
use trueup_object::{GroupVersionKind, ObjectRef, Value, value};

/// Whether Secrets are printed too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Credentials {
    Printed,
    LeftOut,
}

/// Prints the objects as a stream of documents.
pub async fn run(arguments: ExportArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let (words, names) = wanted(&arguments.what);
    let credentials = match &arguments.what {
        ExportWhat::Source {
            with_credentials: true,
            ..
        } => Credentials::Printed,
        _ => Credentials::LeftOut,
    };
    let extent = Extent::of(arguments.all);
    for live in select::live(&session, &arguments.scope, words, names, extent).await? {
        document::print_yaml_document(&exported(live.value()))?;
        if credentials == Credentials::Printed {
            print_secret(&session, &live).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn wanted(what: &ExportWhat) -> (&'static Words, &[String]) {
    match what {
        ExportWhat::Kustomization { names } => (&KUSTOMIZATION, names),
        ExportWhat::Source { kind, .. } => match kind {
            ExportSources::Git { names } => (&GIT_REPOSITORY, names),
            ExportSources::External { names } => (&EXTERNAL_ARTIFACT, names),
        },
        ExportWhat::Canary { names } => (&CANARY, names),
        ExportWhat::MetricTemplate { names } => (&METRIC_TEMPLATE, names),
        ExportWhat::AlertProvider { names } => (&ALERT_PROVIDER, names),
    }
}

/// Type, name, namespace, labels, annotations and specification.
pub fn exported(object: &Value) -> Value {
    let mut plain = value!({});
    let kept: [&[&str]; 7] = [
        &["apiVersion"],
        &["kind"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "labels"],
        &["metadata", "annotations"],
        &["spec"],
    ];
    for path in kept {
        if let Some(value) = object.at(path) {
            plain.set_at(path, value.clone());
        }
    }
    plain
}

/// The Secret that a source names, if it names one.
async fn print_secret(session: &Session, source: &LiveObject) -> Result<(), Failure> {
    let Some(name) = source.value().str_at(&["spec", "secretRef", "name"]) else {
        return Ok(());
    };
    let secret = ObjectRef {
        kind: GroupVersionKind::new("v1", "Secret"),
        namespace: source.namespace().clone(),
        name: name.into(),
    };
    let live = session.get(&secret, Form::Full).await.map_err(|error| {
        said(format!(
            "the credentials of {}: {error}",
            source.reference()
        ))
    })?;
    let mut printed = exported(live.value());
    for place in ["labels", "annotations"] {
        printed.remove_at(&["metadata", place]);
    }
    for key in ["data", "type"] {
        if let Some(value) = live.value().get(key) {
            printed.set_at(&[key], value.clone());
        }
    }
    document::print_yaml_document(&printed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_cluster_added_is_left_out() {
        let live = value!({
            "apiVersion": "a/v1", "kind": "K",
            "metadata": {"name": "n", "namespace": "s", "uid": "u", "labels": {"a": "b"}, "generation": 3},
            "spec": {"x": 1},
            "status": {"y": 2},
        });
        let expected = value!({
            "apiVersion": "a/v1", "kind": "K",
            "metadata": {"name": "n", "namespace": "s", "labels": {"a": "b"}},
            "spec": {"x": 1},
        });
        assert_eq!(exported(&live), expected);
    }
}
