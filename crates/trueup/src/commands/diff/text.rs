//! Which lines of a text change.

/// How many lines are shown before and after a change.
const CONTEXT_LINES: usize = 3;

/// The largest table that is made to find equal lines; beyond it all lines
/// are told as changed.
pub const MAX_DIFF_CELLS: usize = 4_000_000;

/// A line of two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// In both.
    Same(&'a str),
    /// In the first only.
    Removed(&'a str),
    /// In the second only.
    Added(&'a str),
    /// Equal lines that are not shown.
    Gap,
}

impl Line<'_> {
    /// What stands in front of it.
    pub fn sign(&self) -> char {
        match self {
            Self::Same(_) | Self::Gap => ' ',
            Self::Removed(_) => '-',
            Self::Added(_) => '+',
        }
    }

    /// The line itself.
    pub fn text(&self) -> &str {
        match self {
            Self::Same(text) | Self::Removed(text) | Self::Added(text) => text,
            Self::Gap => "…",
        }
    }
}

/// The lines that change from one text to another, with some around them.
pub fn changed_lines<'a>(from: &'a str, to: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
    let prefix = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = (&old[prefix..], &new[prefix..]);
    let pairs = rest.0.iter().rev().zip(rest.1.iter().rev());
    let suffix = pairs.take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (old.len() - suffix, new.len() - suffix);
    let mut lines: Vec<Line<'a>> = old[..prefix].iter().map(|it| Line::Same(it)).collect();
    lines.extend(middle(&old[prefix..old_end], &new[prefix..new_end]));
    lines.extend(old[old_end..].iter().map(|it| Line::Same(it)));
    without_distant(&lines)
}

/// By the longest common subsequence.
fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    if old.len().saturating_mul(new.len()) > MAX_DIFF_CELLS {
        let removed = old.iter().map(|it| Line::Removed(it));
        return removed
            .chain(new.iter().map(|it| Line::Added(it)))
            .collect();
    }
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            longest[i * width + j] = if a == b {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len()
            || (i < old.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1])
        {
            lines.push(Line::Removed(old[i]));
            i += 1;
        } else {
            lines.push(Line::Added(new[j]));
            j += 1;
        }
    }
    lines
}

/// Leaves out equal lines that are far from every change.
fn without_distant<'a>(lines: &[Line<'a>]) -> Vec<Line<'a>> {
    let is_near = |place: usize| {
        let around = place.saturating_sub(CONTEXT_LINES)..=place + CONTEXT_LINES;
        lines
            .iter()
            .enumerate()
            .skip(*around.start())
            .take(2 * CONTEXT_LINES + 1)
            .any(|(at, line)| around.contains(&at) && !matches!(line, Line::Same(_)))
    };
    let mut shown: Vec<Line<'a>> = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        if is_near(place) {
            shown.push(*line);
        } else if shown.last() != Some(&Line::Gap) {
            shown.push(Line::Gap);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_stay_are_told_apart_from_those_that_change() {
        let lines = changed_lines("a\nb\nc\n", "a\nx\nc\nd\n");
        use Line::{Added, Removed, Same};
        assert_eq!(
            lines,
            [Same("a"), Removed("b"), Added("x"), Same("c"), Added("d")]
        );
    }

    #[test]
    fn lines_far_from_a_change_are_left_out() {
        let from: String = (0..20).map(|number| format!("{number}\n")).collect();
        let to = from.replace("10\n", "ten\n");
        let shown: Vec<&str> =
            Vec::from_iter(changed_lines(&from, &to).iter().map(|it| match it {
                Line::Gap => "…",
                Line::Same(text) | Line::Removed(text) | Line::Added(text) => *text,
            }))
            .into_iter()
            .collect();
        assert_eq!(
            shown,
            ["…", "7", "8", "9", "10", "ten", "11", "12", "13", "…"]
        );
    }
}
