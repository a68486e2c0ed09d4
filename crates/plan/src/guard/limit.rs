//! How many objects one revision may delete.

use std::fmt;

/// How many objects one revision may delete without a person's consent. Where
/// nothing is said there is no limit; where both are, both count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeletionLimit {
    /// So many.
    count: Option<usize>,
    /// So many in a hundred of the objects that there are or would be.
    percent: Option<u8>,
}

/// The part of a limit that would be exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// The number.
    Count(usize),
    /// The share, in percent.
    Percent(u8),
}

impl fmt::Display for Excess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Percent(percent) => write!(formatter, "{percent}%"),
        }
    }
}

impl DeletionLimit {
    /// Reads `10`, `20%`, or both with a comma between. `None` if the text is
    /// anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut limit = Self::default();
        for part in text.split(',').map(str::trim) {
            match part.strip_suffix('%') {
                Some(digits) => {
                    let percent = u8::try_from(number(digits)?).ok()?;
                    let is_new = limit.percent.replace(percent).is_none();
                    if percent > 100 || !is_new {
                        return None;
                    }
                }
                None if limit.count.replace(number(part)?).is_some() => return None,
                None => {}
            }
        }
        Some(limit)
    }

    /// Which part of the limit the deletion of `deleted` of `all` objects
    /// would exceed; `None` if it is within.
    #[must_use]
    pub fn excess(&self, deleted: usize, all: usize) -> Option<Excess> {
        let share =
            |percent: u8| deleted.saturating_mul(100) > all.saturating_mul(usize::from(percent));
        let count = self.count.filter(|count| deleted > *count);
        let percent = self.percent.filter(|percent| share(*percent));
        count
            .map(Excess::Count)
            .or(percent.map(Excess::Percent))
            .filter(|_| deleted > 0)
    }
}

/// Signs, spaces and other notations are no numbers here.
fn number(digits: &str) -> Option<usize> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten()
}
