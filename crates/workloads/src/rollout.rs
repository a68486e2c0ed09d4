//! The arithmetic of a rolling update: how many replicas each ReplicaSet
//! should have next. Numbers only; the rules are those of the genuine
//! Deployment controller.

use trueup_object::Value;

/// What a Deployment allows during an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub replicas: i64,
    pub max_surge: i64,
    pub max_unavailable: i64,
}

impl Bounds {
    /// Reads `spec` of a Deployment. Percentages are of `replicas`, surge
    /// rounded up and unavailable down; both zero would never move, so one
    /// may then be unavailable. Recreate has neither.
    pub fn of(spec: &Value) -> Self {
        let replicas = spec.i64_at(&["replicas"]).unwrap_or(1);
        if spec.str_at(&["strategy", "type"]) == Some("Recreate") {
            return Self {
                replicas,
                max_surge: 0,
                max_unavailable: 0,
            };
        }
        let part = |key| spec.at(&["strategy", "rollingUpdate", key]);
        let max_surge = amount(part("maxSurge"), replicas, Round::Up);
        let mut max_unavailable = amount(part("maxUnavailable"), replicas, Round::Down);
        if max_surge == 0 && max_unavailable == 0 {
            max_unavailable = 1;
        }
        Self {
            replicas,
            max_surge,
            max_unavailable: max_unavailable.min(replicas),
        }
    }

    /// The least number of available Pods.
    pub fn min_available(self) -> i64 {
        self.replicas - self.max_unavailable
    }

    /// The greatest number of Pods.
    pub fn max_total(self) -> i64 {
        if self.replicas == 0 {
            0
        } else {
            self.replicas + self.max_surge
        }
    }
}

/// Which way parts of a Pod are rounded.
#[derive(Clone, Copy)]
pub(crate) enum Round {
    Up,
    Down,
}

/// A number or a percentage of `replicas`; the API's default where there is
/// none.
pub(crate) fn amount(value: Option<&Value>, replicas: i64, round: Round) -> i64 {
    let percent = |text: &str| {
        text.strip_suffix('%')
            .and_then(|digits| digits.parse::<i64>().ok())
    };
    match value {
        Some(Value::Integer(number)) => *number,
        Some(Value::String(text)) => percent(text).map_or(0, |percent| match round {
            Round::Up => (replicas * percent + 99) / 100,
            Round::Down => replicas * percent / 100,
        }),
        // The API's default.
        _ => match round {
            Round::Up => (replicas * 25 + 99) / 100,
            Round::Down => replicas * 25 / 100,
        },
    }
}

/// A ReplicaSet in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// `spec.replicas`
    pub wanted: i64,
    /// `status.availableReplicas`
    pub available: i64,
}

/// The next size of the new ReplicaSet, existing or to be made with
/// `new.wanted` 0.
pub(crate) fn next_new(bounds: Bounds, new: Size, old_wanted: i64) -> i64 {
    if new.wanted >= bounds.replicas {
        return bounds.replicas;
    }
    let room = bounds.max_total() - (new.wanted + old_wanted);
    new.wanted + room.max(0).min(bounds.replicas - new.wanted)
}

/// The next sizes of the old ReplicaSets, given oldest first: Pods that are
/// not available go first, then available ones as long as enough stay.
pub(crate) fn next_old(bounds: Bounds, new: Size, old: &[Size]) -> Vec<i64> {
    let mut next: Vec<i64> = old.iter().map(|size| size.wanted).collect();
    let total = new.wanted + next.iter().sum::<i64>();
    let new_unavailable = (new.wanted - new.available).max(0);
    let mut room = total - bounds.min_available() - new_unavailable;
    if room <= 0 {
        return next;
    }
    for (next, size) in next.iter_mut().zip(old) {
        let unhealthy = (*next - size.available).clamp(0, room.max(0));
        *next -= unhealthy;
        room -= unhealthy;
    }
    let available: i64 = new.available + old.iter().map(|size| size.available).sum::<i64>();
    let mut spare = available - bounds.min_available();
    for next in &mut next {
        let going = (*next).clamp(0, spare.max(0));
        *next -= going;
        spare -= going;
    }
    next
}

/// Spreads a changed number of replicas over the ReplicaSets that have Pods,
/// in proportion to their sizes, in the middle of an update. `maxima` are the
/// totals that each was last sized for; the given order decides who takes
/// what is left over.
pub(crate) fn in_proportion(bounds: Bounds, sizes: &[i64], maxima: &[i64]) -> Vec<i64> {
    let total: i64 = sizes.iter().sum();
    let to_add = bounds.max_total() - total;
    let mut added = 0;
    let mut next: Vec<i64> = Vec::with_capacity(sizes.len());
    for (size, maximum) in sizes.iter().zip(maxima) {
        let share = if *maximum > 0 {
            round_div(size * bounds.max_total(), *maximum) - size
        } else {
            0
        };
        let left = to_add - added;
        let share = if to_add > 0 {
            share.min(left)
        } else {
            share.max(left)
        };
        added += share;
        next.push((size + share).max(0));
    }
    if let Some(first) = next.first_mut() {
        *first = (*first + to_add - added).max(0);
    }
    next
}

fn round_div(dividend: i64, divisor: i64) -> i64 {
    (2 * dividend + divisor) / (2 * divisor)
}
