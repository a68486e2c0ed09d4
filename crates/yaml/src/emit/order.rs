//! The order of keys in printed maps.

use std::cmp::Ordering;

/// Go's natural order of keys: numbers inside keys compare by value, letters
/// come after everything else.
pub(crate) fn compare_keys(left: &str, right: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else {
        return a.len().cmp(&b.len());
    };
    match (a[at].is_alphabetic(), b[at].is_alphabetic()) {
        (true, true) => return a[at].cmp(&b[at]),
        (a_letter, b_letter) if a_letter || b_letter => {
            return after_digits(&a, at, a_letter);
        }
        _ => {}
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

/// A letter against something else: the letter comes last, except right
/// after a digit, where it ends a number and comes first.
fn after_digits(a: &[char], at: usize, a_letter: bool) -> Ordering {
    let in_number = at > 0 && a[at - 1].is_numeric();
    if a_letter == in_number {
        Ordering::Less
    } else {
        Ordering::Greater
    }
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
