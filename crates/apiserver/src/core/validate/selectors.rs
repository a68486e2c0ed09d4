//! Selectors of labels, and whether they choose a template.

pub(super) use super::pod::label_selector;

use super::at::At;
use trueup_object::{Map, Selector};

/// Whether a selector chooses the labels of a template; `None` where the
/// selector can't be read. A missing selector chooses nothing.
pub(super) fn matches(selector: &At<'_>, template: &At<'_>) -> Option<bool> {
    if !selector.is_set() {
        return Some(false);
    }
    let empty = Map::new();
    let labels = template.at(&["metadata", "labels"]);
    let labels = labels.value().and_then(|value| value.as_map());
    let selector = Selector::from_label_selector(selector.value()).ok()?;
    Some(selector.matches(labels.unwrap_or(&empty)))
}
