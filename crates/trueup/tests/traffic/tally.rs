//! What became of the requests.

use std::collections::{BTreeMap, VecDeque};

/// How many answers are kept as they were.
const MAX_RECENT: usize = 400;
/// How many losses are kept with their causes.
const MAX_LOSSES: usize = 20;
/// How many standard deviations a share may be off.
const DEVIATIONS: f64 = 4.0;

/// Which side of a Canary has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Primary,
    Canary,
}

/// An answer that a backend gave.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answered {
    /// What kind of request it was.
    pub class: &'static str,
    /// By which rule it was routed: a weight, or `match`.
    pub rule: String,
    pub side: Side,
    pub version: String,
    pub is_error: bool,
}

/// All requests so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: BTreeMap<Answered, u64>,
    recent: VecDeque<Answered>,
    /// Why requests got no answer of a backend; the first of them.
    pub losses: Vec<String>,
    pub lost: u64,
}

/// How many of the requests that were routed by one weight the canary got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub weight: u32,
    pub requests: u64,
    pub canary: u64,
}

impl Share {
    /// The share in percent.
    pub fn percent(self) -> f64 {
        approximate(self.canary) * 100.0 / approximate(self.requests).max(1.0)
    }

    /// Whether it is what the weight says, as far as chance allows.
    pub fn is_fair(self) -> bool {
        let probability = f64::from(self.weight.min(100)) / 100.0;
        let requests = approximate(self.requests);
        let deviation = (requests * probability * (1.0 - probability)).sqrt();
        let off = (approximate(self.canary) - requests * probability).abs();
        off <= DEVIATIONS * deviation
    }
}

/// Counts of the tests are far below 2³².
fn approximate(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

impl Tally {
    pub fn answered(&mut self, answer: Answered) {
        *self.counts.entry(answer.clone()).or_default() += 1;
        self.recent.push_back(answer);
        if self.recent.len() > MAX_RECENT {
            self.recent.pop_front();
        }
    }

    pub fn lost(&mut self, why: String) {
        self.lost += 1;
        if self.losses.len() < MAX_LOSSES {
            self.losses.push(why);
        }
    }

    /// How many answers there are for which something holds.
    pub fn count(&self, holds: impl Fn(&Answered) -> bool) -> u64 {
        let counted = self.counts.iter().filter(|(answer, _)| holds(answer));
        counted.map(|(_, count)| count).sum()
    }

    pub fn requests(&self) -> u64 {
        self.count(|_| true) + self.lost
    }

    /// Whether something holds of each of the last answers.
    pub fn is_now(&self, answers: usize, holds: impl Fn(&Answered) -> bool) -> bool {
        assert!(answers <= MAX_RECENT, "so many are not kept");
        self.recent.len() >= answers && self.recent.iter().rev().take(answers).all(holds)
    }

    /// The share of the canary at each weight, of requests that nothing but
    /// chance has routed.
    pub fn shares(&self) -> Vec<Share> {
        let mut shares: BTreeMap<u32, Share> = BTreeMap::new();
        for (answer, count) in &self.counts {
            let Ok(weight) = answer.rule.parse() else {
                continue;
            };
            let share = shares.entry(weight).or_insert(Share {
                weight,
                requests: 0,
                canary: 0,
            });
            share.requests += count;
            if answer.side == Side::Canary {
                share.canary += count;
            }
        }
        shares.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rule: &str, side: Side) -> Answered {
        Answered {
            class: "plain",
            rule: rule.into(),
            side,
            version: "v1".into(),
            is_error: false,
        }
    }

    #[test]
    fn shares_are_counted_by_weight() {
        let mut tally = Tally::default();
        for number in 0..100 {
            let side = if number % 5 == 0 {
                Side::Canary
            } else {
                Side::Primary
            };
            tally.answered(answer("20", side));
        }
        tally.answered(answer("0", Side::Primary));
        tally.answered(answer("match", Side::Canary));
        let shares = tally.shares();
        assert_eq!(shares.len(), 2);
        assert_eq!((shares[1].requests, shares[1].canary), (100, 20));
        assert!(shares.iter().all(|share| share.is_fair()));
        assert!((shares[1].percent() - 20.0).abs() < 0.01);
    }

    #[test]
    fn what_chance_does_not_explain_is_not_fair() {
        let share = |weight, requests, canary| Share {
            weight,
            requests,
            canary,
        };
        // The deviation of 1,000 at 20 % is 12.6.
        assert!(share(20, 1000, 250).is_fair());
        assert!(!share(20, 1000, 251).is_fair());
        assert!(!share(0, 1000, 1).is_fair());
        assert!(!share(100, 1000, 999).is_fair());
    }

    #[test]
    fn the_last_answers_are_looked_at_alone() {
        let mut tally = Tally::default();
        tally.answered(answer("0", Side::Canary));
        for _ in 0..10 {
            tally.answered(answer("0", Side::Primary));
        }
        let is_primary = |answer: &Answered| answer.side == Side::Primary;
        assert!(tally.is_now(10, is_primary));
        assert!(!tally.is_now(11, is_primary) && !tally.is_now(12, is_primary));
    }
}
