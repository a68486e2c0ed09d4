//! The brake: two that undo each other's work must not do so all day.

use crate::{Drift, EXPIRED_MANAGER};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use trueup_kinds::object_id;
use trueup_object::Text;

/// After this many corrections of one field against one manager within
/// [`WINDOW`], it is corrected only at the interval.
pub const CORRECTIONS_BEFORE_BRAKE: usize = 3;
/// The time in which corrections count, and for which a field must be left
/// alone by its changer before it is corrected at once again.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// How many fights are remembered; the longest quiet ones go first.
pub const MAX_BRAKE_ENTRIES: usize = 10_000;

/// Whether to correct now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrakeVerdict {
    /// At once.
    Correct,
    /// At the interval; this is the moment at which the brake takes hold, and
    /// an event should name field and manager.
    BrakeNow,
    /// At the interval, as was said before.
    Braked,
}

type Key = (Text, Text, Text);

/// The corrections of the last minutes, by object, field and manager.
#[derive(Clone, Debug, Default)]
pub struct Brake {
    fights: BTreeMap<Key, Fight>,
}

#[derive(Clone, Debug, Default)]
struct Fight {
    corrections: Vec<Timestamp>,
    is_braked: bool,
    /// A drift was seen and has not been corrected.
    is_outstanding: bool,
    /// A revision is applied: the next correction is part of that.
    is_due: bool,
    last: Option<Timestamp>,
}

impl Brake {
    /// Nothing has been corrected yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A drift was seen between two intervals: may it be corrected at once?
    /// If so this counts as a correction. What has expired by itself is always
    /// left to the interval.
    pub fn on_drift(&mut self, drift: &Drift, now: Timestamp) -> BrakeVerdict {
        if drift.manager == EXPIRED_MANAGER {
            return BrakeVerdict::Braked;
        }
        self.forget_quiet(now);
        let fight = self.fights.entry(key(drift)).or_default();
        fight.forget_old(now);
        if fight.is_braked && !fight.is_outstanding && fight.is_quiet(now) {
            fight.is_braked = false;
        }
        if fight.is_due {
            fight.correct(now);
            return BrakeVerdict::Correct;
        }
        if fight.is_braked {
            fight.is_outstanding = true;
            return BrakeVerdict::Braked;
        }
        if fight.corrections.len() >= CORRECTIONS_BEFORE_BRAKE {
            fight.is_braked = true;
            fight.is_outstanding = true;
            return BrakeVerdict::BrakeNow;
        }
        fight.correct(now);
        BrakeVerdict::Correct
    }

    /// A drift is corrected because its interval came, a person asked, or a
    /// new revision is applied.
    pub fn on_interval(&mut self, drift: &Drift, now: Timestamp) {
        self.forget_quiet(now);
        self.fights.entry(key(drift)).or_default().correct(now);
    }

    /// Another revision or specification is going to be applied, in as many runs
    /// as it takes. What it wants otherwise is no repetition: fights over those
    /// objects (by their ids) are forgotten. Anything else is corrected once as
    /// part of it, and the fight counts on.
    pub fn on_revision(&mut self, is_changed: impl Fn(&str) -> bool) {
        self.fights.retain(|(object, ..), _| !is_changed(object));
        self.fights
            .values_mut()
            .for_each(|fight| fight.is_due = true);
    }

    /// Several drifts of one object at once: corrected only if each may be.
    /// The strictest verdict is returned, with the drifts that are newly
    /// braked.
    pub fn on_drifts<'a>(
        &mut self,
        drifts: &'a [Drift],
        now: Timestamp,
    ) -> (BrakeVerdict, Vec<&'a Drift>) {
        let verdicts: Vec<BrakeVerdict> = drifts
            .iter()
            .map(|drift| self.on_drift(drift, now))
            .collect();
        let newly = drifts
            .iter()
            .zip(&verdicts)
            .filter(|(_, verdict)| **verdict == BrakeVerdict::BrakeNow);
        let newly: Vec<&Drift> = newly.map(|(drift, _)| drift).collect();
        let worst = if !newly.is_empty() {
            BrakeVerdict::BrakeNow
        } else if verdicts.contains(&BrakeVerdict::Braked) {
            BrakeVerdict::Braked
        } else {
            BrakeVerdict::Correct
        };
        (worst, newly)
    }

    fn forget_quiet(&mut self, now: Timestamp) {
        if self.fights.len() < MAX_BRAKE_ENTRIES {
            return;
        }
        self.fights
            .retain(|_, fight| fight.is_outstanding || !fight.is_quiet(now));
        while self.fights.len() >= MAX_BRAKE_ENTRIES {
            let oldest = self
                .fights
                .iter()
                .min_by_key(|(_, fight)| fight.last)
                .map(|(key, _)| key.clone());
            oldest.and_then(|key| self.fights.remove(&key));
        }
    }
}

impl Fight {
    fn forget_old(&mut self, now: Timestamp) {
        self.corrections
            .retain(|at| now.duration_since(*at) < WINDOW);
    }

    fn correct(&mut self, now: Timestamp) {
        self.forget_old(now);
        self.corrections.push(now);
        self.is_outstanding = false;
        self.is_due = false;
        self.last = Some(now);
    }

    fn is_quiet(&self, now: Timestamp) -> bool {
        self.last
            .is_none_or(|last| now.duration_since(last) >= WINDOW)
    }
}

fn key(drift: &Drift) -> Key {
    (
        object_id(&drift.object),
        drift.field.clone(),
        drift.manager.clone(),
    )
}
