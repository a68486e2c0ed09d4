//! Merging lists whose items are told apart by keys.

use super::merge::{MergeError, adopt, merge, tidy};
use crate::node::{Node, Scalar};
use crate::openapi::Schema;
use trueup_object::Text;

/// What tells an item apart: the text of each key, empty where it has none.
type Values = Vec<Text>;

/// Merges the items of a patch into a list. Items that the patch has come
/// first and in its order, the others behind them; with several keys, items
/// that were there keep their order behind those that are new.
pub(super) fn merge_lists(
    mut items: Vec<Node>,
    patch: &[Node],
    keys: &[Text],
    schema: Option<&Schema<'_>>,
    path: &mut Vec<String>,
) -> Result<Node, MergeError> {
    if keys.is_empty() {
        return Ok(Node::List(merge_texts(items, patch)));
    }
    // A list that is new is merged with itself: the patch alone is there.
    let is_new = items.is_empty() && !patch.is_empty();
    let mut all = distinct_values(patch, &items, keys);
    if keys.len() > 1 {
        unite(&mut all);
    }
    let valid = valid_keys(&all, keys);
    let keys: Vec<Text> = valid.iter().map(|place| keys[*place].clone()).collect();
    let inner = schema.and_then(Schema::items);
    let mut made: Vec<Node> = Vec::with_capacity(all.len());
    if is_new {
        items = patch.to_vec();
    }
    for values in &all {
        let values: Values = valid.iter().map(|place| values[*place].clone()).collect();
        let old = find(&items, &keys, &values);
        let change = match is_new {
            true => old.map(|place| items[place].clone()),
            false => find(patch, &keys, &values).map(|place| patch[place].clone()),
        };
        let merged = match (old, change) {
            (_, Some(change)) if is_new => adopt(&change, inner.as_ref(), path)?,
            (Some(place), Some(change)) => {
                merge(Some(items[place].clone()), &change, inner.as_ref(), path)?
            }
            (Some(place), None) => {
                let mut item = items[place].clone();
                tidy(&mut item, inner.as_ref(), path)?;
                Some(item)
            }
            (None, Some(change)) => adopt(&change, inner.as_ref(), path)?,
            (None, None) => None,
        };
        let Some(mut merged) = merged.filter(|node| !node.is_nothing()) else {
            items.retain(|item| !fits_loosely(item, &keys, &values));
            continue;
        };
        for (key, value) in keys.iter().zip(&values) {
            if merged.get(key).is_none() && !value.is_empty() {
                merged.set_at(&[key], Node::Scalar(Scalar::plain(value.clone())));
            }
        }
        if let Some(place) = old {
            items[place] = merged.clone();
        }
        put(&mut made, merged, &keys, &values);
    }
    for item in items {
        append_old(&mut made, item, &keys);
    }
    Ok(Node::List(made))
}

/// Texts of the patch first, then those of the list that it does not have.
fn merge_texts(items: Vec<Node>, patch: &[Node]) -> Vec<Node> {
    let mut made: Vec<Node> = Vec::with_capacity(items.len() + patch.len());
    for item in patch.iter().cloned().chain(items) {
        let text = item.as_scalar().map(|scalar| scalar.text.clone());
        let is_there = made
            .iter()
            .any(|it| it.as_scalar().map(|scalar| &scalar.text) == text.as_ref());
        if !item.is_null() && !is_there {
            made.push(item);
        }
    }
    made
}

fn value_of(item: &Node, key: &str) -> Text {
    match item.get(key) {
        Some(Node::Scalar(scalar)) if !item.is_null() => scalar.text.clone(),
        _ => Text::new(),
    }
}

fn distinct_values(patch: &[Node], items: &[Node], keys: &[Text]) -> Vec<Values> {
    let mut all: Vec<Values> = Vec::new();
    for item in patch.iter().chain(items) {
        let values: Values = keys.iter().map(|key| value_of(item, key)).collect();
        if !all.contains(&values) {
            all.push(values);
        }
    }
    all
}

/// Items that have one key in common and none that differs are the same: a
/// port without a protocol is the one with it.
fn unite(all: &mut [Values]) {
    for one in 0..all.len() {
        for other in 0..all.len() {
            if let Some(united) = union(&all[one], &all[other]) {
                all[one].clone_from(&united);
                all[other] = united;
            }
        }
    }
}

fn union(one: &Values, other: &Values) -> Option<Values> {
    let mut common = false;
    let mut united = Values::new();
    for (one, other) in one.iter().zip(other) {
        if one == other {
            common = true;
        } else if !one.is_empty() && !other.is_empty() {
            return None;
        }
        united.push(if one.is_empty() { other } else { one }.clone());
    }
    common.then_some(united)
}

/// The places of the keys that any item has; all of them if none has any.
fn valid_keys(all: &[Values], keys: &[Text]) -> Vec<usize> {
    let is_used = |place: &usize| all.iter().any(|values| !values[*place].is_empty());
    let used: Vec<usize> = (0..keys.len()).filter(is_used).collect();
    match used.is_empty() {
        true => (0..keys.len()).collect(),
        false => used,
    }
}

/// The first item that has all the values that are not empty.
fn find(items: &[Node], keys: &[Text], values: &[Text]) -> Option<usize> {
    let wanted: Vec<(&Text, &Text)> = keys
        .iter()
        .zip(values)
        .filter(|(_, value)| !value.is_empty())
        .collect();
    if wanted.is_empty() {
        return None;
    }
    items.iter().position(|item| {
        let fits = |(key, value): &(&Text, &Text)| {
            item.get(key).and_then(Node::text) == Some(value.as_str())
        };
        wanted.iter().all(fits)
    })
}

/// Whether an item has each of the keys, with the value where one is given.
fn fits_loosely(item: &Node, keys: &[Text], values: &[Text]) -> bool {
    keys.iter().enumerate().all(|(place, key)| {
        let found = item.get(key).filter(|node| !node.is_null());
        match (found, values.get(place)) {
            (None, _) => values.len() <= place,
            (Some(node), Some(value)) if !value.is_empty() => node.text() == Some(value),
            (Some(_), _) => true,
        }
    })
}

/// Puts an item in the place of those that it fits, or behind all others.
fn put(made: &mut Vec<Node>, item: Node, keys: &[Text], values: &[Text]) {
    let mut is_there = false;
    for known in made.iter_mut() {
        if fits_loosely(known, keys, values) {
            known.clone_from(&item);
            is_there = true;
        }
    }
    if !is_there {
        made.push(item);
    }
}

/// Puts back an item that was there before.
fn append_old(made: &mut Vec<Node>, item: Node, keys: &[Text]) {
    let mut values = Values::new();
    let mut is_partial = false;
    for key in keys {
        match item.get(key).filter(|node| !node.is_null()) {
            Some(node) => values.push(node.text().unwrap_or_default().into()),
            None => is_partial = true,
        }
    }
    if values.is_empty() {
        made.push(item);
        return;
    }
    if keys.len() > 1 || is_partial {
        made.retain(|known| !fits_loosely(known, keys, &values));
        made.push(item);
        return;
    }
    put(made, item, keys, &values);
}
