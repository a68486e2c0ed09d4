//! Histograms: how many observations there were up to each bound.

use super::super::statistics::{OrderedCounts, SamplesError};
use super::{SeriesKey, Window};
use trueup_gocompat::parse_float;

/// The most buckets of one histogram.
pub const MAX_BUCKETS: usize = 1_000;

/// The observations of a window, by upper bound.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Upper bounds, ascending, and how many observations are at most that:
    /// never fewer than at the bound before.
    buckets: Vec<(f64, f64)>,
}

impl Histogram {
    /// The histogram of a name (without `_bucket`), of all series that are
    /// kept together; nothing where there is none.
    #[must_use]
    pub fn of_window(
        window: &Window,
        name: &str,
        keep: impl Fn(&SeriesKey) -> bool,
    ) -> Option<Self> {
        let name = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (key, growth) in window.growth_of(&name) {
            let bound = key.label("le").and_then(parse_float);
            let Some(bound) = bound.filter(|bound| !bound.is_nan() && keep(key)) else {
                continue;
            };
            let place = buckets.binary_search_by(|(it, _)| it.total_cmp(&bound));
            match place {
                Ok(at) => buckets[at].1 += growth,
                Err(_) if buckets.len() >= MAX_BUCKETS => {}
                Err(at) => buckets.insert(at, (bound, growth)),
            }
        }
        (!buckets.is_empty()).then(|| Self::ascending(buckets))
    }

    /// Growth is read Pod by Pod at slightly different times, so that a bound
    /// may have less than the one before.
    fn ascending(mut buckets: Vec<(f64, f64)>) -> Self {
        let mut most = 0.0_f64;
        for (_, count) in &mut buckets {
            most = most.max(*count);
            *count = most;
        }
        Self { buckets }
    }

    /// How many observations there are.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.buckets.last().map_or(0.0, |(_, count)| *count)
    }

    /// The value that a share (0 to 1) of the observations is at most, evenly
    /// spread within its bucket, as Prometheus's `histogram_quantile` has it:
    /// the last finite bound where it is beyond. Nothing without observations.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let all = self.count();
        if all <= 0.0 {
            return None;
        }
        let rank = share.clamp(0.0, 1.0) * all;
        let at = self.buckets.iter().position(|(_, count)| *count >= rank)?;
        let (upper, count) = self.buckets[at];
        let (lower, below) = match at.checked_sub(1) {
            Some(before) => self.buckets[before],
            None => (0.0, 0.0),
        };
        if upper.is_infinite() {
            return (at > 0).then_some(lower);
        }
        if at == 0 && upper <= 0.0 {
            return Some(upper);
        }
        let inside = count - below;
        if inside <= 0.0 {
            return Some(upper);
        }
        Some(lower + (upper - lower) * (rank - below) / inside)
    }

    /// The same bounds without observations.
    #[must_use]
    pub(super) fn emptied(&self) -> Self {
        Self {
            buckets: self
                .buckets
                .iter()
                .map(|(bound, _)| (*bound, 0.0))
                .collect(),
        }
    }

    /// How many observations of two histograms are in each bucket, for a
    /// comparison: buckets whose bound the other has not are joined with the
    /// next that both have.
    ///
    /// # Errors
    /// More buckets than can be compared.
    pub fn counts_beside(&self, primary: &Self) -> Result<OrderedCounts, SamplesError> {
        let mut before = (0.0, 0.0);
        let mut counts = Vec::new();
        for (bound, canary) in &self.buckets {
            let same = primary
                .buckets
                .binary_search_by(|(it, _)| it.total_cmp(bound));
            let Ok(at) = same else { continue };
            let upto = (*canary, primary.buckets[at].1);
            counts.push((whole(upto.0 - before.0), whole(upto.1 - before.1)));
            before = upto;
        }
        OrderedCounts::new(counts)
    }
}

/// A count that was carried as a float.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count beyond the range becomes the nearest in it"
)]
pub(super) fn whole(count: f64) -> u64 {
    count.max(0.0).round() as u64
}
