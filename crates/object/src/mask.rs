//! Keeping values that must not be shown out of messages.

/// What stands in the place of a value that must not be shown.
pub const MASK: &str = "***";

/// From this length on a value is masked wherever it occurs; a shorter one
/// only where a message shows it as a value, lest every letter be masked.
const MIN_BYTES_ANYWHERE: usize = 4;

/// A message without some values: [`MASK`] stands in their places.
#[must_use]
pub fn hide_values<'v>(message: &str, values: impl IntoIterator<Item = &'v str>) -> String {
    let mut values: Vec<&str> = values.into_iter().filter(|it| !it.is_empty()).collect();
    // Longer values first, so that no part of one is left when another that
    // it holds is masked.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let mut text = message.to_owned();
    for value in values {
        text = hide_one(&text, value);
    }
    text
}

fn hide_one(text: &str, value: &str) -> String {
    if value.len() >= MIN_BYTES_ANYWHERE {
        return text.replace(value, MASK);
    }
    let shown = [
        ("\"", "\""),
        ("Value:", "}"),
        ("value ", ":"),
        ("value: ", ":"),
    ];
    shown.iter().fold(text.to_owned(), |text, (before, after)| {
        text.replace(
            &format!("{before}{value}{after}"),
            &format!("{before}{MASK}{after}"),
        )
    })
}
