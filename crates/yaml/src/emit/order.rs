//! The order of keys in printed maps.

use std::cmp::Ordering;

/// Up to this many members Go sorts by insertion.
const MAX_INSERTION_SORT: usize = 12;

/// Sorts the members of a map by their keys. The order has circles
/// (`2` < `10` < `1a` < `2`), which the sorts of the standard library may
/// answer with a panic; small maps with circles come out as in Go.
pub(crate) fn sort_members<T: Copy>(members: &mut [(&str, T)]) {
    if members.len() <= MAX_INSERTION_SORT {
        return insertion_sort(members);
    }
    let (left, right) = members.split_at_mut(members.len() / 2);
    sort_members(left);
    sort_members(right);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = match compare_keys(b.0, a.0) {
            Ordering::Less => right.next(),
            _ => left.next(),
        };
        merged.extend(next.copied());
    }
    merged.extend(left.copied());
    merged.extend(right.copied());
    members.copy_from_slice(&merged);
}

fn insertion_sort<T>(members: &mut [(&str, T)]) {
    for end in 1..members.len() {
        let mut at = end;
        while at > 0 && compare_keys(members[at].0, members[at - 1].0) == Ordering::Less {
            members.swap(at, at - 1);
            at -= 1;
        }
    }
}

/// Go's natural order of keys: numbers inside keys compare by value, letters
/// come after everything else.
fn compare_keys(left: &str, right: &str) -> Ordering {
    let differing = left.bytes().zip(right.bytes()).find(|(x, y)| x != y);
    match differing {
        None => return left.len().cmp(&right.len()),
        Some((x, y)) if x.is_ascii_alphabetic() && y.is_ascii_alphabetic() => return x.cmp(&y),
        Some(_) => {}
    }
    let (a, b): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else {
        return a.len().cmp(&b.len());
    };
    match (a[at].is_alphabetic(), b[at].is_alphabetic()) {
        (true, true) => return a[at].cmp(&b[at]),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // Zeros differ in meaning by whether a digit other than zero precedes.
    let zero = a[at] == '0' || b[at] == '0';
    let start = i64::from(zero && preceded_by_nonzero_digit(&a[..at]));
    let (a_number, a_end) = number(&a, at, start);
    let (b_number, b_end) = number(&b, at, start);
    a_number
        .cmp(&b_number)
        .then(a_end.cmp(&b_end))
        .then(a[at].cmp(&b[at]))
}

fn preceded_by_nonzero_digit(before: &[char]) -> bool {
    before
        .iter()
        .rev()
        .take_while(|c| c.is_numeric())
        .any(|c| *c != '0')
}

fn number(text: &[char], from: usize, start: i64) -> (i64, usize) {
    let mut value = start;
    let mut end = from;
    while let Some(digit) = text.get(end).filter(|c| c.is_numeric()) {
        let digit = i64::from(u32::from(*digit)) - i64::from(u32::from('0'));
        value = value.wrapping_mul(10).wrapping_add(digit);
        end += 1;
    }
    (value, end)
}

#[cfg(test)]
mod tests {
    use super::sort_members;

    #[test]
    fn many_keys_in_circles_are_sorted_all_the_same() {
        let keys: Vec<String> = (0..300)
            .map(|n| match n % 3 {
                0 => format!("{n}"),
                1 => format!("{}a", n / 7),
                _ => format!("a{n}"),
            })
            .collect();
        let mut members: Vec<(&str, ())> = keys.iter().map(|key| (key.as_str(), ())).collect();
        sort_members(&mut members);
        let first_letter = |key: &str| key.starts_with('a');
        let split = members.iter().position(|(key, ())| first_letter(key));
        assert_eq!(split, Some(200));
        assert_eq!(members.len(), 300);
        assert_eq!(members[200].0, "a2");
    }
}
