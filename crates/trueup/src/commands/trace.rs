//! `trueup trace`: from an object to the Canary that made it, and to the
//! Kustomization and the source that it comes from.

mod find;
mod report;

use super::{Failure, said};
use crate::arguments::TraceArguments;
use crate::words::{CANARY, KUSTOMIZATION};
use crate::{connect, document};
use std::process::ExitCode;
use trueup_cluster::{Form, LiveObject, Session};
use trueup_kinds::names;
use trueup_object::{GroupVersionKind, ObjectRef, Value};

/// How far owners are followed from an object to one with labels.
pub const MAX_TRACE_OWNERS: usize = 16;

/// Prints a report an object; those that can't be traced are told at the end.
pub async fn run(arguments: TraceArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let objects = find::objects(&session, &arguments).await?;
    let mut code = ExitCode::SUCCESS;
    for (place, object) in objects.iter().enumerate() {
        if place > 0 {
            document::print("---\n")?;
        }
        match trace(&session, object).await {
            Ok(text) => document::print(&text)?,
            Err(failure) => code = failure.during(&format!("failed to trace {object}")).tell(),
        }
    }
    Ok(code)
}

async fn trace(session: &Session, object: &ObjectRef) -> Result<String, Failure> {
    let live = session.get(object, Form::Metadata).await?;
    let Some(way) = way(session, live).await? else {
        return Err(said("object not managed by Flux")
            .hinted("neither it nor its owners carry the labels kustomize.toolkit.fluxcd.io/name and namespace"));
    };
    let canary = match &way.canary {
        Some(canary) => session.find(canary, Form::Full).await?,
        None => None,
    };
    let kustomization = session.get(&way.kustomization, Form::Full).await?;
    let source = match source(&kustomization) {
        Some(source) => session.find(&source, Form::Full).await?,
        None => None,
    };
    Ok(report::text(
        object,
        canary.as_ref().map(LiveObject::value),
        kustomization.value(),
        source.as_ref().map(LiveObject::value),
    ))
}

/// Where an object comes from.
struct Way {
    /// The Canary among its owners.
    canary: Option<ObjectRef>,
    kustomization: ObjectRef,
}

/// The way to the Kustomization whose labels an object carries, or one of its
/// owners.
async fn way(session: &Session, object: LiveObject) -> Result<Option<Way>, Failure> {
    let (mut current, mut canary) = (object, None);
    for _ in 0..MAX_TRACE_OWNERS {
        if let Some(name) = current.label(names::OWNER_NAME) {
            let namespace = current.label(names::OWNER_NAMESPACE).unwrap_or_default();
            let kustomization = KUSTOMIZATION.object(namespace, name);
            return Ok(Some(Way {
                canary,
                kustomization,
            }));
        }
        let Some(above) = owner_reference(&current) else {
            return Ok(None);
        };
        match session.find(&above, Form::Metadata).await? {
            Some(found) => current = found,
            None => return Ok(None),
        }
        if above.kind == CANARY.gvk() {
            canary = Some(above);
        }
    }
    Ok(None)
}

/// The first owner that an object names.
fn owner_reference(object: &LiveObject) -> Option<ObjectRef> {
    let owners = object.value().at(&["metadata", "ownerReferences"])?;
    let first = owners.as_list()?.first()?;
    Some(ObjectRef {
        kind: GroupVersionKind::new(first.str_at(&["apiVersion"])?, first.str_at(&["kind"])?),
        namespace: object.namespace().clone(),
        name: first.str_at(&["name"])?.into(),
    })
}

/// What `spec.sourceRef` names.
fn source(kustomization: &LiveObject) -> Option<ObjectRef> {
    let text = |key: &str| kustomization.value().str_at(&["spec", "sourceRef", key]);
    let (kind, name) = (text("kind")?, text("name")?);
    let version = text("apiVersion").unwrap_or("source.toolkit.fluxcd.io/v1");
    Some(ObjectRef {
        kind: GroupVersionKind::new(version, kind),
        namespace: text("namespace").map_or_else(|| kustomization.namespace().clone(), Into::into),
        name: name.into(),
    })
}

/// A text of an object; empty where it is absent.
fn text_at<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    object.str_at(path).unwrap_or_default()
}
