//! How long requests took, in bounded memory.

/// Steps within each doubling: a percentile is at most 1/32 too high.
const STEPS: u64 = 32;
const STEPS_BITS: u32 = 5;

/// Times in microseconds, counted in steps that grow with them. The least,
/// the most and the mean are exact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    counts: Vec<u64>,
    count: u64,
    sum_us: u64,
    least_us: u64,
    most_us: u64,
}

impl Latencies {
    /// Counts one time.
    pub fn record(&mut self, micros: u64) {
        let step = step_of(micros);
        if self.counts.len() <= step {
            self.counts.resize(step + 1, 0);
        }
        self.counts[step] += 1;
        self.least_us = match self.count {
            0 => micros,
            _ => self.least_us.min(micros),
        };
        self.most_us = self.most_us.max(micros);
        self.sum_us = self.sum_us.saturating_add(micros);
        self.count += 1;
    }

    /// Counts the times of another, too.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.least_us = match self.count {
            0 => other.least_us,
            _ => self.least_us.min(other.least_us),
        };
        self.most_us = self.most_us.max(other.most_us);
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.count += other.count;
    }

    /// How many times there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The least; 0 without any.
    #[must_use]
    pub const fn least_us(&self) -> u64 {
        self.least_us
    }

    /// The most; 0 without any.
    #[must_use]
    pub const fn most_us(&self) -> u64 {
        self.most_us
    }

    /// The mean; 0 without any.
    #[must_use]
    pub const fn mean_us(&self) -> u64 {
        match self.sum_us.checked_div(self.count) {
            Some(mean) => mean,
            None => 0,
        }
    }

    /// The time within which that share of all in a thousand lies, such as
    /// 990 for the 99th percentile; 0 without any. Up to a 32nd too high.
    #[must_use]
    pub fn per_mille_us(&self, per_mille: u32) -> u64 {
        let wanted = (u128::from(self.count) * u128::from(per_mille)).div_ceil(1000);
        let mut passed = 0;
        for (step, count) in self.counts.iter().enumerate() {
            passed += u128::from(*count);
            if passed >= wanted && passed > 0 {
                return last_of(step).clamp(self.least_us, self.most_us);
            }
        }
        self.most_us
    }
}

/// Below 32 each number is a step; above, each doubling has 32.
fn step_of(micros: u64) -> usize {
    let doublings = (u64::BITS - micros.leading_zeros()).saturating_sub(STEPS_BITS + 1);
    let within = micros >> doublings;
    usize::try_from(u64::from(doublings) * STEPS + within).expect("there are under 2,000 steps")
}

/// The largest time of a step.
fn last_of(step: usize) -> u64 {
    let step = step as u64;
    if step < 2 * STEPS {
        return step;
    }
    let doublings = step / STEPS - 1;
    let within = step - doublings * STEPS;
    ((within + 1) << doublings).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_step_that_ends_with_or_after_it() {
        let mut times: Vec<u64> = (0..5_000).collect();
        times.extend((12..64).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]));
        times.push(u64::MAX);
        for micros in times {
            let last = last_of(step_of(micros));
            assert!(last >= micros, "{micros} in a step up to {last}");
            assert!(
                last - micros <= micros / 32,
                "{micros} in a step up to {last}"
            );
            if let Some(before) = step_of(micros).checked_sub(1) {
                assert!(last_of(before) < micros, "{micros} is in the step before");
            }
        }
    }

    #[test]
    fn percentiles_lie_within_a_32nd() {
        let mut latencies = Latencies::default();
        (1..=10_000).for_each(|micros| latencies.record(micros));
        for (per_mille, exact) in [(500, 5_000), (900, 9_000), (990, 9_900), (1000, 10_000)] {
            let found = latencies.per_mille_us(per_mille);
            assert!((exact..=exact + exact / 32).contains(&found), "{found}");
        }
        assert_eq!(latencies.per_mille_us(0), 1);
        assert_eq!((latencies.least_us(), latencies.most_us()), (1, 10_000));
        assert_eq!(latencies.mean_us(), 5_000);
    }

    #[test]
    fn merging_is_as_recording_all() {
        let (mut all, mut odd, mut even) = Default::default();
        for micros in 0..2_000_u64 {
            Latencies::record(&mut all, micros * micros);
            let part: &mut Latencies = if micros % 2 == 0 { &mut even } else { &mut odd };
            part.record(micros * micros);
        }
        odd.merge(&even);
        odd.merge(&Latencies::default());
        assert_eq!(odd, all);
        let mut none = Latencies::default();
        assert_eq!((none.per_mille_us(990), none.mean_us()), (0, 0));
        none.merge(&all);
        assert_eq!(none, all);
    }
}
