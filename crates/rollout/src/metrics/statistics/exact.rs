//! The probabilities of U when every way to deal the samples out to the two
//! sides is as likely as any other, with ties.

use super::{Group, as_float};

/// In how many ways twice U comes to each value from 0 on.
type Ways = Vec<f64>;

/// How likely a U of at least and of at most `twice_u / 2` is. The work grows
/// with the fourth power of the samples; the caller bounds them.
pub(super) fn probabilities(groups: &[Group], twice_u: f64) -> (f64, f64) {
    let canary: u64 = groups.iter().map(|group| group.canary).sum();
    let primary: u64 = groups.iter().map(|group| group.primary).sum();
    let ways = ways(groups, canary, primary);
    let total: f64 = ways.iter().sum();
    let share = |keep: &dyn Fn(f64) -> bool| {
        let values = (0_u64..).map(as_float).zip(&ways);
        let kept: f64 = values.filter(|(u, _)| keep(*u)).map(|(_, ways)| ways).sum();
        (kept / total).min(1.0)
    };
    (share(&|u| u >= twice_u), share(&|u| u <= twice_u))
}

/// The ways to deal all samples out.
fn ways(groups: &[Group], canary: u64, primary: u64) -> Ways {
    let values = index(2 * canary * primary) + 1;
    let mut by_taken = vec![vec![0.0; values]; index(canary) + 1];
    by_taken[0][0] = 1.0;
    let mut before = 0;
    for group in groups {
        by_taken = dealt(&by_taken, group.total(), before);
        before += group.total();
    }
    by_taken.pop().unwrap_or_default()
}

/// The ways after one more group of equal samples, `before` of which are dealt
/// out already, by how many of all the canary took. Where it has taken more
/// than there are before, or the primary more than its own, there are none.
fn dealt(by_taken: &[Ways], size: u64, before: u64) -> Vec<Ways> {
    let values = by_taken[0].len();
    let mut after = vec![vec![0.0; values]; by_taken.len()];
    for (taken, known) in (0..=before).zip(by_taken) {
        let smaller = before - taken;
        for more in 0..=size {
            let Some(slot) = after.get_mut(index(taken + more)) else {
                break;
            };
            let gain = index(more * (2 * smaller + size - more));
            let choices = binomial(size, more);
            for (count, sum) in known.iter().zip(slot.iter_mut().skip(gain)) {
                *sum += count * choices;
            }
        }
    }
    after
}

fn index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// In how many ways `chosen` of `size` are chosen; exact up to the sizes that
/// are asked for.
fn binomial(size: u64, chosen: u64) -> f64 {
    let fewer = chosen.min(size - chosen);
    (0..fewer).fold(1.0, |ways, at| {
        ways * as_float(size - at) / as_float(at + 1)
    })
}
