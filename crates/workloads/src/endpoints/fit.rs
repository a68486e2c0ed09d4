//! Which endpoint goes into which slice: those that are there stay where they
//! are, as few slices as possible change.

use trueup_object::Value;

/// Endpoints in one slice.
pub(super) const MAX_ENDPOINTS: usize = 100;

/// What becomes of a slice that is there.
#[derive(Debug, PartialEq)]
pub(super) enum Fate {
    /// Its endpoints are what they were.
    Kept,
    /// It holds other endpoints now.
    Changed(Vec<Value>),
    /// Nothing is left in it.
    Emptied,
}

/// How endpoints are spread.
#[derive(Debug, PartialEq)]
pub(super) struct Fit {
    /// One fate for each slice that is there, in order.
    pub fates: Vec<Fate>,
    /// The contents of further slices.
    pub further: Vec<Vec<Value>>,
}

/// Spreads endpoints over slices with these contents.
pub(super) fn fit(existing: &[Vec<Value>], desired: Vec<Value>) -> Fit {
    let mut left = desired;
    let mut fates: Vec<Fate> = existing
        .iter()
        .map(|endpoints| keep(endpoints, &mut left))
        .collect();
    fill_changed(&mut fates, &mut left);
    let mut further = Vec::new();
    while !left.is_empty() {
        if let Some(index) = roomy(existing, &fates, left.len()) {
            let mut endpoints = existing[index].clone();
            endpoints.append(&mut left);
            fates[index] = Fate::Changed(endpoints);
        } else {
            let rest = left.split_off(left.len().min(MAX_ENDPOINTS));
            further.push(std::mem::replace(&mut left, rest));
        }
    }
    Fit { fates, further }
}

/// Takes out of `left` what a slice goes on to hold.
fn keep(endpoints: &[Value], left: &mut Vec<Value>) -> Fate {
    let mut kept = Vec::new();
    for endpoint in endpoints {
        if let Some(at) = left.iter().position(|wanted| is_same(wanted, endpoint)) {
            kept.push(left.remove(at));
        }
    }
    match kept {
        kept if kept == endpoints => Fate::Kept,
        kept if kept.is_empty() => Fate::Emptied,
        kept => Fate::Changed(kept),
    }
}

/// The same place, whatever its state.
fn is_same(one: &Value, other: &Value) -> bool {
    let parts: [&[&str]; 4] = [
        &["addresses"],
        &["hostname"],
        &["targetRef", "namespace"],
        &["targetRef", "name"],
    ];
    parts.iter().all(|part| one.at(part) == other.at(part))
}

/// Slices that change anyway take what they can, the fullest first.
fn fill_changed(fates: &mut [Fate], left: &mut Vec<Value>) {
    let mut changed: Vec<&mut Vec<Value>> = fates
        .iter_mut()
        .filter_map(|fate| match fate {
            Fate::Changed(endpoints) => Some(endpoints),
            Fate::Kept | Fate::Emptied => None,
        })
        .collect();
    changed.sort_by_key(|endpoints| std::cmp::Reverse(endpoints.len()));
    for endpoints in changed {
        let room = MAX_ENDPOINTS.saturating_sub(endpoints.len());
        endpoints.extend(left.drain(..room.min(left.len())));
    }
}

/// The unchanged slice that this many would fill most.
fn roomy(existing: &[Vec<Value>], fates: &[Fate], count: usize) -> Option<usize> {
    let unchanged = fates
        .iter()
        .enumerate()
        .filter(|(_, fate)| **fate == Fate::Kept);
    unchanged
        .map(|(index, _)| (existing[index].len() + count, index))
        .filter(|(total, _)| *total <= MAX_ENDPOINTS && *total > count)
        .max_by_key(|(total, index)| (*total, std::cmp::Reverse(*index)))
        .map(|(_, index)| index)
}

#[cfg(test)]
mod tests {
    use super::{Fate, MAX_ENDPOINTS, fit};
    use trueup_object::{Value, value};

    fn endpoints(range: std::ops::Range<usize>) -> Vec<Value> {
        range
            .map(|n| value!({"addresses": [(format!("10.0.0.{n}"))]}))
            .collect()
    }

    #[test]
    fn what_stays_stays_where_it_is() {
        let there = [endpoints(0..3), endpoints(3..5)];
        let fitted = fit(&there, endpoints(1..5));
        assert_eq!(fitted.fates, [Fate::Changed(endpoints(1..3)), Fate::Kept]);
        assert!(fitted.further.is_empty());
    }

    #[test]
    fn new_ones_go_where_something_changes_anyway() {
        let there = [endpoints(0..2), endpoints(2..4)];
        let mut wanted = endpoints(1..4);
        wanted.extend(endpoints(9..10));
        let fitted = fit(&there, wanted);
        let mut first = endpoints(1..2);
        first.extend(endpoints(9..10));
        assert_eq!(fitted.fates, [Fate::Changed(first), Fate::Kept]);
    }

    #[test]
    fn no_slice_holds_more_than_the_limit() {
        let there = [endpoints(0..MAX_ENDPOINTS)];
        let fitted = fit(&there, endpoints(0..MAX_ENDPOINTS * 2 + 1));
        assert_eq!(fitted.fates, [Fate::Kept]);
        let sizes: Vec<usize> = fitted.further.iter().map(Vec::len).collect();
        assert_eq!(sizes, [MAX_ENDPOINTS, 1]);
    }

    #[test]
    fn a_slice_that_nothing_is_left_in_is_emptied() {
        assert_eq!(fit(&[endpoints(0..1)], Vec::new()).fates, [Fate::Emptied]);
    }
}
