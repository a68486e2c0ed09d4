//! Printing YAML.

use trueup_yaml::{Content, Node, parse, parse_first};

/// What was loaded and printed loads as the same value, and prints as the same
/// text.
pub fn emit(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(documents) = parse(text) else {
        return;
    };
    for document in &documents {
        check(&document.root);
    }
}

fn check(root: &Node) {
    let printed = trueup_yaml::emit(root);
    let read = parse_first(&printed, &trueup_yaml::LoadOptions::default());
    let read = match read {
        Ok(Some(document)) => document.root,
        other => {
            assert!(is_lossy(root), "{printed:?} does not load: {other:?}");
            return;
        }
    };
    if is_lossy(root) {
        return;
    }
    assert!(same(root, &read), "{printed:?} loads as {read:?}");
    let again = trueup_yaml::emit(&read);
    assert_eq!(printed, again, "printing is no fixed point");
}

/// Go's printer, which ours follows, loses line breaks other than `\n` on
/// their way through a folded text.
fn is_lossy(node: &Node) -> bool {
    let odd = |text: &str| text.contains(['\u{85}', '\u{2028}', '\u{2029}']);
    match &node.content {
        Content::String(text) => odd(text),
        Content::List(items) => items.iter().any(is_lossy),
        Content::Map(entries) => entries
            .iter()
            .any(|entry| odd(&entry.key) || is_lossy(&entry.value)),
        _ => false,
    }
}

/// Equality of values: `1.0` prints as `1`, maps have no order.
fn same(left: &Node, right: &Node) -> bool {
    match (&left.content, &right.content) {
        (Content::List(left), Content::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same(a, b))
        }
        (Content::Map(left), Content::Map(right)) => {
            let twin = |key: &str| right.iter().find(|entry| entry.key == key);
            left.len() == right.len()
                && left
                    .iter()
                    .all(|a| twin(&a.key).is_some_and(|b| same(&a.value, &b.value)))
        }
        (left, right) => match (number(left), number(right)) {
            (Some(left), Some(right)) => left == right,
            _ => left == right,
        },
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a number printed as a float is compared as one"
)]
fn number(content: &Content) -> Option<f64> {
    match content {
        Content::Integer(number) => Some(*number as f64),
        Content::Unsigned(number) => Some(*number as f64),
        Content::Float(number) => Some(*number),
        _ => None,
    }
}
