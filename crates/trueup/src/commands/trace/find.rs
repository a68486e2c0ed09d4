//! Objects by the words that kubectl takes.

use super::{Failure, said};
use crate::arguments::TraceArguments;
use trueup_cluster::{Catalogue, ResourceInfo, Session};
use trueup_object::{GroupVersionKind, ObjectRef};

/// The objects that the words mean.
pub async fn objects(
    session: &Session,
    arguments: &TraceArguments,
) -> Result<Vec<ObjectRef>, Failure> {
    let catalogue = session.catalogue().await?;
    let namespace = arguments.scope.namespace.as_str();
    if let (Some(kind), Some(version)) = (&arguments.kind, &arguments.api_version) {
        let resource = by_kind(&catalogue, version, kind)?;
        let names = arguments.objects.iter();
        return Ok(names.map(|it| reference(resource, namespace, it)).collect());
    }
    pairs(&arguments.objects)?
        .into_iter()
        .map(|(word, name)| {
            let resource = by_word(&catalogue, word)?;
            Ok(reference(resource, namespace, name))
        })
        .collect()
}

/// `deploy/web svc/web`, or `deploy web other`.
fn pairs(words: &[String]) -> Result<Vec<(&str, &str)>, Failure> {
    let usage =
        || said("either `<resource>/<name>` or `<resource> <name>` is required as an argument");
    if words.iter().any(|word| word.contains('/')) {
        return words
            .iter()
            .map(|word| word.split_once('/').ok_or_else(usage))
            .collect();
    }
    match words {
        [word, names @ ..] if !names.is_empty() => Ok(names
            .iter()
            .map(|name| (word.as_str(), name.as_str()))
            .collect()),
        _ => Err(usage()),
    }
}

fn by_kind<'a>(
    catalogue: &'a Catalogue,
    version: &str,
    kind: &str,
) -> Result<&'a ResourceInfo, Failure> {
    let wanted = GroupVersionKind::new(version, kind);
    let mut rows = catalogue.rows();
    rows.find(|row| {
        row.kind.api_version() == wanted.api_version() && row.kind.kind.eq_ignore_ascii_case(kind)
    })
    .ok_or_else(|| said(format!("the cluster serves no {kind} of {version}")))
}

/// The kind of a word: plural, singular, short name or kind, with or without
/// `.group`. Of several groups the core one comes first, then by name.
fn by_word<'a>(catalogue: &'a Catalogue, word: &str) -> Result<&'a ResourceInfo, Failure> {
    let (name, group) = match word.split_once('.') {
        Some((name, group)) => (name, Some(group)),
        None => (word, None),
    };
    let means = |row: &&ResourceInfo| {
        let is_name = [&row.plural, &row.singular, &row.kind.kind]
            .into_iter()
            .chain(&row.short_names)
            .any(|known| known.eq_ignore_ascii_case(name));
        is_name && group.is_none_or(|group| row.kind.group == group)
    };
    let found = catalogue
        .rows()
        .filter(means)
        .min_by_key(|row| &row.kind.group)
        .and_then(|row| catalogue.preferred(&row.kind.group_kind()));
    found.ok_or_else(|| {
        said(format!("the cluster serves no resource type {word:?}"))
            .hinted("`kubectl api-resources` lists those that it serves")
    })
}

fn reference(resource: &ResourceInfo, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef {
        kind: resource.kind.clone(),
        namespace: if resource.is_namespaced() {
            namespace.into()
        } else {
            Default::default()
        },
        name: name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_as_kubectl_takes_them() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let named = words("deploy web api");
        assert_eq!(
            pairs(&named).unwrap(),
            [("deploy", "web"), ("deploy", "api")]
        );
        let slashed = words("deploy/web svc/api");
        assert_eq!(
            pairs(&slashed).unwrap(),
            [("deploy", "web"), ("svc", "api")]
        );
        for wrong in ["deploy", "deploy/web api"] {
            assert!(pairs(&words(wrong)).is_err(), "{wrong}");
        }
    }
}
