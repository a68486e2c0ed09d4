//! The order of the output.

use crate::BuildError;
use crate::id::{FIRST_KINDS, Gvk, LAST_KINDS, ResourceId};
use crate::kustomization::SortOptions;
use crate::resource::Resource;
use crate::resources::Resources;
use std::cmp::Ordering;
use std::collections::HashMap;
use trueup_object::Position;

const LOCAL: &str = "config.kubernetes.io/local-config";

/// The order where `sortOptions` says none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As the roots name them; what Flux uses.
    #[default]
    Fifo,
    /// By kind, as kustomize's command line prints them by default.
    Legacy,
}

/// Drops resources that are marked as local configuration. Any value of the
/// mark but `false` counts.
pub(crate) fn drop_local(resources: &mut Resources) {
    let is_local = |resource: &Resource| {
        let mark = resource.metadata_text("annotations", LOCAL);
        mark.is_some_and(|mark| mark != "false")
    };
    let list = std::mem::take(resources).into_vec();
    let kept = list.into_iter().filter(|resource| !is_local(resource));
    *resources = Resources::from_vec_unchecked(kept.collect());
}

/// Puts the resources in order.
pub(crate) fn sort(
    resources: &mut Resources,
    asked: Option<&SortOptions>,
    position: &Position,
    order: Order,
) -> Result<(), BuildError> {
    let Some(asked) = asked else {
        if order == Order::Legacy {
            by_kind(resources, &FIRST_KINDS, &LAST_KINDS);
        }
        return Ok(());
    };
    let refused = |message: &str| BuildError::Transformer {
        position: position.clone(),
        message: message.to_owned(),
    };
    match (asked.order.as_str(), &asked.legacy) {
        ("fifo", None) => {}
        ("fifo", Some(_)) => {
            return Err(refused(
                "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'",
            ));
        }
        ("legacy", None) => by_kind(resources, &FIRST_KINDS, &LAST_KINDS),
        ("legacy", Some(legacy)) => {
            let first: Vec<&str> = legacy
                .order_first
                .iter()
                .map(|kind| kind.as_str())
                .collect();
            let last: Vec<&str> = legacy.order_last.iter().map(|kind| kind.as_str()).collect();
            by_kind(resources, &first, &last);
        }
        _ => {
            return Err(refused(
                "the field 'sortOptions.order' must be one of [fifo, legacy]",
            ));
        }
    }
    Ok(())
}

fn by_kind(resources: &mut Resources, first: &[&str], last: &[&str]) {
    let mut ranks: HashMap<&str, isize> = HashMap::new();
    for (place, kind) in first.iter().enumerate() {
        ranks.insert(kind, place.cast_signed() - first.len().cast_signed());
    }
    for (place, kind) in last.iter().enumerate() {
        ranks.insert(kind, place.cast_signed() + 1);
    }
    let mut list: Vec<(ResourceId, Resource)> = std::mem::take(resources)
        .into_vec()
        .into_iter()
        .map(|resource| (resource.id(), resource))
        .collect();
    list.sort_by(|(left, _), (right, _)| compare(left, right, &ranks));
    let list = list.into_iter().map(|(_, resource)| resource);
    *resources = Resources::from_vec_unchecked(list.collect());
}

fn compare(left: &ResourceId, right: &ResourceId, ranks: &HashMap<&str, isize>) -> Ordering {
    if left.gvk == right.gvk {
        return sort_text(left).cmp(&sort_text(right));
    }
    let rank = |gvk: &Gvk| ranks.get(gvk.kind.as_str()).copied().unwrap_or(0);
    let by_rank = rank(&left.gvk).cmp(&rank(&right.gvk));
    let (one, other) = (left.gvk.sort_text(), right.gvk.sort_text());
    // Of the kinds called Namespace the built-in one comes first.
    let is_core = left.gvk.group.is_empty() || right.gvk.group.is_empty();
    if left.gvk.kind == "Namespace" && right.gvk.kind == "Namespace" && is_core {
        return by_rank.then_with(|| other.cmp(&one));
    }
    by_rank.then_with(|| one.cmp(&other))
}

fn sort_text(id: &ResourceId) -> String {
    let or = |text: &str, absent: &str| match text {
        "" => absent.to_owned(),
        text => text.to_owned(),
    };
    format!(
        "{}|{}|{}",
        id.gvk,
        or(&id.namespace, "~X"),
        or(&id.name, "~N")
    )
}
