//! How a live route shares traffic, whatever it looks like.

use super::RouterError;
use super::error::describe;
use super::subject::Subject;
use super::weights::Weights;
use trueup_object::ObjectRef;

/// The weights of the destinations of one route.
pub(super) struct Shares {
    primary_name: String,
    canary_name: String,
    primary: Option<i64>,
    canary: Option<i64>,
    /// Of destinations that are neither.
    others: i64,
}

impl Shares {
    /// Of the two Services.
    pub(super) fn of_services(subject: &Subject<'_>) -> Self {
        Self::of(
            subject.names.primary.to_string(),
            subject.names.canary.to_string(),
        )
    }

    /// Of two destinations with names of their own.
    pub(super) fn of(primary_name: String, canary_name: String) -> Self {
        Self {
            primary_name,
            canary_name,
            primary: None,
            canary: None,
            others: 0,
        }
    }

    /// Counts a destination.
    pub(super) fn count(&mut self, name: Option<&str>, weight: i64) {
        match name {
            Some(name) if name == self.primary_name => self.primary = Some(weight),
            Some(name) if name == self.canary_name => self.canary = Some(weight),
            _ => self.others = self.others.saturating_add(weight.max(0)),
        }
    }

    /// Of several rules the one that shares the traffic, and how: the last that
    /// leads to the canary, else to the primary and something else, else to the
    /// primary. Rules of which `shares` says nothing are passed over.
    pub(super) fn of_rules<R>(
        rules: &[R],
        shares: impl Fn(&R) -> Result<Option<Self>, RouterError>,
    ) -> Result<Option<(&R, Self)>, RouterError> {
        let mut known = Vec::new();
        for rule in rules {
            known.extend(shares(rule)?.map(|shares| (rule, shares)));
        }
        known.retain(|(_, shares)| shares.rank() > 0);
        Ok(known.into_iter().max_by_key(|(_, shares)| shares.rank()))
    }

    fn rank(&self) -> u8 {
        match (self.canary, self.primary) {
            (Some(_), _) => 3,
            (None, Some(_)) if self.others > 0 => 2,
            (None, Some(_)) => 1,
            (None, None) => 0,
        }
    }

    /// The weights; an error of the object if neither was counted or nobody
    /// has any weight. Where only one was counted, the other has what is left:
    /// somebody has put something else in its place, which is about to be
    /// corrected, and a share that one has must not grow by it.
    pub(super) fn weights(&self, reference: &ObjectRef) -> Result<Weights, RouterError> {
        let weights = match (self.primary, self.canary) {
            (Some(primary), Some(canary)) => Weights::of_shares(primary, canary),
            (Some(primary), None) => Weights::of_shares(primary, self.others),
            (None, Some(canary)) => Weights::of_shares(self.others, canary),
            (None, None) => None,
        };
        weights.ok_or_else(|| {
            let object = describe(reference);
            let (primary, canary) = (&self.primary_name, &self.canary_name);
            let message = format!("{object} does not contain routes for {primary} and {canary}");
            RouterError::NoRoutes(message.into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::GroupVersionKind;

    fn weights(destinations: &[(&str, i64)]) -> Option<u8> {
        let mut shares = Shares::of("p".into(), "c".into());
        for (name, weight) in destinations {
            shares.count(Some(name), *weight);
        }
        let reference = ObjectRef {
            kind: GroupVersionKind::new("v1", "Route"),
            namespace: "default".into(),
            name: "web".into(),
        };
        shares.weights(&reference).ok().map(Weights::canary)
    }

    #[test]
    fn the_last_rule_that_leads_to_the_canary_shares_the_traffic() {
        let rule = |destinations: &[&str]| {
            let mut shares = Shares::of("p".into(), "c".into());
            for name in destinations {
                shares.count(Some(name), 50);
            }
            Ok((destinations != ["sticky"]).then_some(shares))
        };
        let best = |rules: Vec<&[&str]>| {
            let (best, _) = Shares::of_rules(&rules, |names| rule(names)).unwrap()?;
            rules.iter().rposition(|it| it == best)
        };
        assert_eq!(best(vec![&["p", "c"], &["c", "p"], &["p"]]), Some(1));
        assert_eq!(best(vec![&["p", "c"], &["p"], &["sticky"]]), Some(0));
        assert_eq!(best(vec![&["p"], &["p", "x"], &["p"]]), Some(1));
        assert_eq!(best(vec![&["x"], &["p"]]), Some(1));
        assert_eq!(best(vec![&["x"], &[]]), None);
    }

    #[test]
    fn a_share_does_not_grow_when_the_other_is_replaced_by_hand() {
        assert_eq!(weights(&[("p", 70), ("c", 30)]), Some(30));
        assert_eq!(weights(&[("p", 70), ("c", 30), ("x", 100)]), Some(30));
        assert_eq!(weights(&[("x", 70), ("c", 30)]), Some(30));
        assert_eq!(weights(&[("p", 70), ("x", 30)]), Some(30));
        assert_eq!(weights(&[("p", 70)]), Some(0));
        assert_eq!(weights(&[("c", 1)]), Some(100));
        assert_eq!(weights(&[("x", 100)]), None);
        assert_eq!(weights(&[("p", 0), ("c", 0)]), None);
    }
}
