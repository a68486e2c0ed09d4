//! The probabilities of U by the normal distribution.

use super::{Group, as_float};

/// How likely a U of at least and of at most `twice_u / 2` is, with the
/// variance corrected for ties and half a step for U being discrete.
pub(super) fn probabilities(groups: &[Group], twice_u: f64) -> (f64, f64) {
    let canary: f64 = groups.iter().map(|group| as_float(group.canary)).sum();
    let primary: f64 = groups.iter().map(|group| as_float(group.primary)).sum();
    let all = canary + primary;
    let ties: f64 = groups
        .iter()
        .map(|group| as_float(group.total()))
        .map(|size| (size / all) * (size * size - 1.0) / (all - 1.0))
        .sum();
    let deviation = (canary * primary / 12.0 * (all + 1.0 - ties))
        .max(0.0)
        .sqrt();
    if deviation == 0.0 {
        return (1.0, 1.0);
    }
    let distance = twice_u / 2.0 - canary * primary / 2.0;
    let higher = upper_tail((distance - 0.5) / deviation);
    let lower = upper_tail((-distance - 0.5) / deviation);
    (higher, lower)
}

/// How likely a standard normal variable is above `z`.
pub(super) fn upper_tail(z: f64) -> f64 {
    let tail = complement(z.abs() / std::f64::consts::SQRT_2) / 2.0;
    if z < 0.0 { 1.0 - tail } else { tail }
}

/// From here on the continued fraction is the better way.
const FRACTION_FROM: f64 = 2.5;
/// Enough for the last bit on either side of [`FRACTION_FROM`].
const TERMS: u32 = 80;

/// The complementary error function of what is not negative.
fn complement(x: f64) -> f64 {
    let scale = (-x * x).exp() / std::f64::consts::PI.sqrt();
    if x < FRACTION_FROM {
        1.0 - 2.0 * scale * series(x)
    } else {
        scale / fraction(x)
    }
}

/// x + 2x³/3 + 4x⁵/15 + …
fn series(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for at in 1..TERMS {
        term *= 2.0 * x * x / f64::from(2 * at + 1);
        sum += term;
    }
    sum
}

/// x + (1/2)/(x + 1/(x + (3/2)/(x + …))), from its end.
fn fraction(x: f64) -> f64 {
    (1..TERMS)
        .rev()
        .fold(x, |below, at| x + f64::from(at) / 2.0 / below)
}
