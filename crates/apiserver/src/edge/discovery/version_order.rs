//! Versions in the order of preference.

use std::cmp::Ordering;

/// Orders versions by preference: stable ones before betas before alphas, the
/// higher number first; names of another form last, in their own order.
#[must_use]
pub fn compare_versions(left: &str, right: &str) -> Ordering {
    match (rank(left), rank(right)) {
        (Some(left), Some(right)) => right.cmp(&left),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

/// Stability, major and minor number of `v1`, `v1beta2`, `v2alpha1`.
fn rank(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let major = rest[..digits].parse().ok()?;
    let rest = &rest[digits..];
    let number = |text: &str| text.parse::<u64>().ok();
    match (rest, rest.strip_prefix("beta"), rest.strip_prefix("alpha")) {
        ("", ..) => Some((2, major, 0)),
        (_, Some(minor), _) => Some((1, major, number(minor)?)),
        (.., Some(minor)) => Some((0, major, number(minor)?)),
        _ => None,
    }
}
