//! Which weight comes after which.

use super::CanaryAnalysis;

/// What the weights of primary and canary are together.
pub const TOTAL_WEIGHT: i64 = 100;

impl CanaryAnalysis {
    /// The weight at which a canary is promoted: the last of `stepWeights`,
    /// else `maxWeight`, else all; never more than all.
    #[must_use]
    pub fn max_weight_or_default(&self) -> i64 {
        let asked = match self.step_weights.last() {
            Some(last) => *last,
            None if self.max_weight > 0 => self.max_weight,
            None => TOTAL_WEIGHT,
        };
        asked.min(TOTAL_WEIGHT)
    }

    /// The weight that follows `weight` in a canary run, between 0 and all. In
    /// `stepWeights` a weight that is not in the list (it was edited in
    /// mid-run) is followed by all, as in Flagger. `stepWeight` overshoots: 20
    /// at 40 leads to 60 where the greatest weight is 50.
    #[must_use]
    pub fn next_weight(&self, weight: i64) -> i64 {
        let next = if self.step_weight > 0 || self.step_weights.is_empty() {
            weight.saturating_add(self.step_weight)
        } else if weight == 0 {
            self.step_weights[0]
        } else {
            let place = self.step_weights.iter().position(|step| *step == weight);
            place
                .and_then(|place| self.step_weights.get(place + 1))
                .copied()
                .unwrap_or(TOTAL_WEIGHT)
        };
        next.clamp(0, TOTAL_WEIGHT)
    }

    /// The weights of a canary run in their order, each once.
    #[must_use]
    pub fn weights(&self) -> Vec<i64> {
        let most = self.max_weight_or_default();
        let mut weights = Vec::new();
        let mut weight = 0;
        while weight < most {
            let next = self.next_weight(weight);
            if next <= weight {
                break;
            }
            weights.push(next);
            weight = next;
        }
        weights
    }
}
