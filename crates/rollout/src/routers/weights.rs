//! How traffic is shared between primary and canary.

use super::RouterError;

/// What the weights of primary and canary are together.
const TOTAL: u8 = 100;

/// How traffic is shared: two percentages that are 100 together, and whether
/// the canary gets a copy of the primary's requests besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Weights {
    canary: u8,
    mirrored: bool,
}

impl Weights {
    /// Everything goes to the primary.
    pub const PRIMARY: Self = Self {
        canary: 0,
        mirrored: false,
    };

    /// `canary` percent go to the canary (100 for more than that), the rest to
    /// the primary.
    #[must_use]
    pub fn of_canary(canary: u8) -> Self {
        Self {
            canary: canary.min(TOTAL),
            mirrored: false,
        }
    }

    /// The weights as given; an error if they are not 100 together.
    pub fn new(primary: i64, canary: i64) -> Result<Self, RouterError> {
        let whole = i64::from(TOTAL);
        match u8::try_from(canary) {
            Ok(canary) if canary <= TOTAL && primary == whole - i64::from(canary) => {
                Ok(Self::of_canary(canary))
            }
            _ => Err(RouterError::invalid(format!(
                "weights {primary} of the primary and {canary} of the canary are not {TOTAL} together"
            ))),
        }
    }

    /// What weights of any total amount to, such as 1 and 3 to 25 and 75: a
    /// side with any weight keeps at least 1. `None` where nobody has any.
    pub(super) fn of_shares(primary: i64, canary: i64) -> Option<Self> {
        let (primary, canary) = (i128::from(primary.max(0)), i128::from(canary.max(0)));
        let total = primary + canary;
        if total == 0 {
            return None;
        }
        let whole = i128::from(TOTAL);
        let (least, most) = match (primary, canary) {
            (0, _) => (whole, whole),
            (_, 0) => (0, 0),
            _ => (1, whole - 1),
        };
        let percent = ((canary * whole + total / 2) / total).clamp(least, most);
        u8::try_from(percent).ok().map(Self::of_canary)
    }

    /// The same, and the canary gets copies.
    #[must_use]
    pub const fn with_mirror(self) -> Self {
        Self {
            mirrored: true,
            ..self
        }
    }

    /// The same, and the canary gets copies if `found` says so.
    pub(super) const fn with_found_mirror(self, found: bool) -> Self {
        Self {
            mirrored: found,
            ..self
        }
    }

    /// The primary's percentage.
    #[must_use]
    pub const fn primary(self) -> u8 {
        TOTAL - self.canary
    }

    /// The canary's percentage.
    #[must_use]
    pub const fn canary(self) -> u8 {
        self.canary
    }

    /// Whether the canary gets copies.
    #[must_use]
    pub const fn is_mirrored(self) -> bool {
        self.mirrored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_a_hundred_together_or_refused() {
        let weights = Weights::new(60, 40).unwrap();
        assert_eq!((weights.primary(), weights.canary()), (60, 40));
        for (primary, canary) in [
            (0, 10),
            (100, 1),
            (101, -1),
            (-1, 101),
            (i64::MIN, i64::MAX),
        ] {
            assert!(Weights::new(primary, canary).is_err(), "{primary}/{canary}");
        }
    }

    #[test]
    fn shares_of_any_total_become_percentages() {
        for (shares, percent) in [
            ((100, 0), Some(0)),
            ((0, 100), Some(100)),
            ((1, 3), Some(75)),
            ((999, 1), Some(1)),
            ((1, 999), Some(99)),
            ((0, 7), Some(100)),
            ((-5, 7), Some(100)),
            ((0, 0), None),
            ((i64::MAX, i64::MAX), Some(50)),
        ] {
            let found = Weights::of_shares(shares.0, shares.1).map(Weights::canary);
            assert_eq!(found, percent, "{shares:?}");
        }
    }
}
