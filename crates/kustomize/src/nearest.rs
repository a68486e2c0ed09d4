//! What a misspelt field was probably meant to be.

/// How many letters may differ.
const MAX_DISTANCE: usize = 3;

/// The candidate that differs from `word` by the fewest letters, at most
/// [`MAX_DISTANCE`] and fewer than half of the word.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let limit = MAX_DISTANCE.min(word.chars().count() / 2);
    candidates
        .iter()
        .map(|candidate| {
            (
                distance(&word.to_lowercase(), &candidate.to_lowercase()),
                *candidate,
            )
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognised_and_another_word_is_not() {
        let fields = ["resources", "namespace", "namePrefix", "patches"];
        assert_eq!(nearest("resorces", &fields), Some("resources"));
        assert_eq!(nearest("nameSpace", &fields), Some("namespace"));
        assert_eq!(nearest("patch", &fields), Some("patches"));
        assert_eq!(nearest("helm", &fields), None);
        assert_eq!(nearest("x", &fields), None);
    }
}
