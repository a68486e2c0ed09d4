//! Is the canary worse than the primary, or does it only look so?
//!
//! Samples of both are compared by their order alone (the test of Mann and
//! Whitney), so that no shape of their distribution is assumed and counts in
//! the buckets of a histogram will do. Two numbers decide together: how likely
//! such a difference is when there is none, and how large the difference is.

mod compare;
mod exact;
mod normal;

#[cfg(test)]
mod tests;

pub use compare::{
    Comparison, ComparisonOutcome, ComparisonPolicy, DEFAULT_LEAST_SAMPLES, DEFAULT_SIGNIFICANCE,
    Worse, compare,
};

/// Up to how many samples, both sides together, probabilities are exact.
pub const EXACT_SAMPLES: u64 = 40;
/// The most different values that are compared.
pub const MAX_CATEGORIES: usize = 10_000;

/// How many samples of each side have the same value, by ascending values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderedCounts {
    groups: Vec<Group>,
}

/// The samples of one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Group {
    canary: u64,
    primary: u64,
}

impl Group {
    const fn total(self) -> u64 {
        self.canary.saturating_add(self.primary)
    }
}

/// Samples that can't be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SamplesError {
    /// One is not a number.
    #[error("a sample is not a number")]
    NotANumber,
    /// More values than [`MAX_CATEGORIES`].
    #[error("there are more than {MAX_CATEGORIES} different values")]
    TooMany,
}

impl OrderedCounts {
    /// Counts by ascending values, canary and primary: the buckets of two
    /// histograms with the same bounds, each with its own count.
    ///
    /// # Errors
    /// Over [`MAX_CATEGORIES`].
    pub fn new(counts: impl IntoIterator<Item = (u64, u64)>) -> Result<Self, SamplesError> {
        let groups: Vec<Group> = counts
            .into_iter()
            .map(|(canary, primary)| Group { canary, primary })
            .filter(|group| group.total() > 0)
            .take(MAX_CATEGORIES + 1)
            .collect();
        if groups.len() > MAX_CATEGORIES {
            return Err(SamplesError::TooMany);
        }
        Ok(Self { groups })
    }

    /// Counts of single values.
    ///
    /// # Errors
    /// A value that is not a number, or over [`MAX_CATEGORIES`].
    pub fn of_samples(canary: &[f64], primary: &[f64]) -> Result<Self, SamplesError> {
        let mut all: Vec<(f64, bool)> = canary.iter().map(|value| (*value, true)).collect();
        all.extend(primary.iter().map(|value| (*value, false)));
        if all.iter().any(|(value, _)| value.is_nan()) {
            return Err(SamplesError::NotANumber);
        }
        all.sort_by(|one, other| one.0.total_cmp(&other.0));
        let counts = all.chunk_by(|one, other| one.0 == other.0);
        Self::new(counts.map(|group| {
            let canary = group.iter().filter(|(_, canary)| *canary).count() as u64;
            (canary, group.len() as u64 - canary)
        }))
    }

    /// How many samples of the canary there are.
    #[must_use]
    pub fn canary_samples(&self) -> u64 {
        self.sum(|group| group.canary)
    }

    /// How many samples of the primary there are.
    #[must_use]
    pub fn primary_samples(&self) -> u64 {
        self.sum(|group| group.primary)
    }

    fn sum(&self, count: impl Fn(&Group) -> u64) -> u64 {
        self.groups
            .iter()
            .fold(0, |sum, group| sum.saturating_add(count(group)))
    }
}

/// How probabilities were had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// All ways to deal the samples out were counted.
    Exact,
    /// The normal distribution, corrected for ties and for U being discrete.
    Normal,
}

/// What the test of Mann and Whitney says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// In how many pairs of one sample of each side the canary's is the larger;
    /// equal ones count half.
    pub u: f64,
    /// How likely so large a U or a larger one is when both sides are alike.
    pub p_higher: f64,
    /// How likely so small a U or a smaller one is when both sides are alike.
    pub p_lower: f64,
    /// Cliff's delta: how much likelier it is that the canary's sample of a
    /// pair is the larger than that it is the smaller, from −1 to 1.
    pub effect: f64,
    /// How the probabilities were had.
    pub method: Method,
}

impl MannWhitney {
    /// How likely a U as far from the middle is, either way.
    #[must_use]
    pub fn p_two_sided(&self) -> f64 {
        (2.0 * self.p_higher.min(self.p_lower)).min(1.0)
    }
}

/// The test of Mann and Whitney; nothing where a side has no samples. Exact
/// up to [`EXACT_SAMPLES`], ties included.
#[must_use]
pub fn mann_whitney(counts: &OrderedCounts) -> Option<MannWhitney> {
    let canary = counts.canary_samples();
    let primary = counts.primary_samples();
    if canary == 0 || primary == 0 {
        return None;
    }
    let method = if canary.saturating_add(primary) <= EXACT_SAMPLES {
        Method::Exact
    } else {
        Method::Normal
    };
    Some(tested(counts, method))
}

/// The test by a method, both sides having samples.
fn tested(counts: &OrderedCounts, method: Method) -> MannWhitney {
    let twice_u = twice_u(&counts.groups);
    let pairs = as_float(counts.canary_samples()) * as_float(counts.primary_samples());
    let (p_higher, p_lower) = match method {
        Method::Exact => exact::probabilities(&counts.groups, twice_u),
        Method::Normal => normal::probabilities(&counts.groups, twice_u),
    };
    MannWhitney {
        u: twice_u / 2.0,
        p_higher,
        p_lower,
        effect: (twice_u / pairs - 1.0).clamp(-1.0, 1.0),
        method,
    }
}

/// Two times U, so that it is whole where ties count half.
fn twice_u(groups: &[Group]) -> f64 {
    let mut smaller = 0.0;
    let mut twice = 0.0;
    for group in groups {
        let primary = as_float(group.primary);
        twice += as_float(group.canary) * (2.0 * smaller + primary);
        smaller += primary;
    }
    twice
}

/// Counts beyond 2^53 are no longer told apart, which no test would notice.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts that large differ by less than what is measured"
)]
const fn as_float(count: u64) -> f64 {
    count as f64
}
