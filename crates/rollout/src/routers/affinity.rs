//! Session affinity: who was sent to the canary stays there until the run is
//! over.

use super::RouterError;
use super::subject::Subject;
use super::weights::Weights;
use trueup_kinds::canary::{HttpMatch, SessionAffinity, StringMatch};
use trueup_object::Text;

/// The header of requests that carries cookies.
pub(super) const COOKIE: &str = "Cookie";
/// The header of responses that sets one.
pub(super) const SET_COOKIE: &str = "Set-Cookie";

/// Cookies (`NAME=VALUE`) of a run, as the status keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookies {
    /// `status.sessionAffinityCookie`: of who is with the canary.
    pub canary: Text,
    /// `status.primarySessionAffinityCookie`: of who is with the primary.
    pub primary: Text,
    /// `status.previousSessionAffinityCookie`: the canary's of the last run,
    /// which clients are told to forget.
    pub previous: Text,
}

/// Values for cookies that have to be made: random texts of ten letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreshCookieValues {
    /// For the canary's.
    pub canary: Text,
    /// For the primary's.
    pub primary: Text,
}

impl Cookies {
    /// What the status says.
    pub(super) fn of(subject: &Subject<'_>) -> Self {
        let status = &subject.canary.status;
        Self {
            canary: status.session_affinity_cookie.clone(),
            primary: status.primary_session_affinity_cookie.clone(),
            previous: status.previous_session_affinity_cookie.clone(),
        }
    }

    /// With the cookies that a live route hands out where it does: clients
    /// have those, whatever became of the status.
    pub(super) fn or_live(self, live: LiveCookies) -> Self {
        Self {
            canary: live.canary.unwrap_or(self.canary),
            primary: live.primary.unwrap_or(self.primary),
            previous: self.previous,
        }
    }

    /// With cookies that are missing for weights like these made.
    pub(super) fn or_fresh(
        self,
        weights: Weights,
        affinity: &SessionAffinity,
        fresh: &FreshCookieValues,
    ) -> Self {
        if weights.canary() == 0 {
            return self;
        }
        let made = |kept: Text, name: &Text, value: &Text| match kept.is_empty() {
            true if !name.is_empty() => format!("{name}={value}").into(),
            _ => kept,
        };
        Self {
            canary: made(self.canary, &affinity.cookie_name, &fresh.canary),
            primary: made(self.primary, &affinity.primary_cookie_name, &fresh.primary),
            previous: self.previous,
        }
    }

    /// As the status keeps them when traffic is shared so: without traffic for
    /// the canary its cookie is one of the past.
    pub(super) fn settled(self, weights: Weights) -> Self {
        if weights.canary() > 0 || self.canary.is_empty() {
            return self;
        }
        Self {
            previous: self.canary,
            canary: Text::new(),
            primary: self.primary,
        }
    }
}

/// The cookies that a live route hands out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LiveCookies {
    pub(super) canary: Option<Text>,
    pub(super) primary: Option<Text>,
}

/// Whether the pattern of a rule is one for clients with a cookie of a run.
pub(super) fn is_cookie_of(affinity: &SessionAffinity, pattern: &str) -> bool {
    [&affinity.cookie_name, &affinity.primary_cookie_name]
        .iter()
        .any(|name| !name.is_empty() && pattern.contains(name.as_str()))
}

/// The cookie in the value of a `Set-Cookie` header, if it has this name.
pub(super) fn cookie_named(header: &str, name: &str) -> Option<Text> {
    let cookie = header.split(';').next().unwrap_or(header).trim();
    let (found, value) = cookie.split_once('=')?;
    (found == name && !name.is_empty() && !value.is_empty()).then(|| cookie.into())
}

/// Refuses names of cookies that can't be told from their values, and an
/// interval that can't be the life of the primary's.
pub(super) fn check(affinity: &SessionAffinity, interval: &str) -> Result<(), RouterError> {
    let names = [&affinity.cookie_name, &affinity.primary_cookie_name];
    if affinity.cookie_name.is_empty() {
        return Err(RouterError::invalid(
            "spec.analysis.sessionAffinity.cookieName is empty",
        ));
    }
    if let Some(name) = names.iter().find(|name| name.contains(['=', ';'])) {
        return Err(RouterError::invalid(format!(
            "spec.analysis.sessionAffinity: {name:?} can't be the name of a cookie"
        )));
    }
    if !affinity.primary_cookie_name.is_empty() {
        interval_seconds(interval)?;
    }
    Ok(())
}

/// The rules that session affinity asks for.
pub(super) enum AffinityRules {
    /// None.
    None,
    /// Who has a cookie stays where it is; who has none is given one.
    Stick {
        /// With the canary.
        canary: Box<CookieRule>,
        /// With the primary.
        primary: Option<Box<CookieRule>>,
    },
    /// Who has the cookie of the last run is told to forget it.
    Forget(Box<CookieRule>),
}

/// A rule for clients with a cookie.
pub(super) struct CookieRule {
    /// Their requests.
    pub(super) requests: HttpMatch,
    /// The `Set-Cookie` header by which one comes to the cookie, or loses it.
    pub(super) set_cookie: Text,
}

impl AffinityRules {
    /// The rules for a `Canary` that shares traffic so.
    pub(super) fn of(
        subject: &Subject<'_>,
        weights: Weights,
        cookies: &Cookies,
    ) -> Result<Self, RouterError> {
        let Some(affinity) = subject.affinity() else {
            return Ok(Self::None);
        };
        let cookies = cookies.clone().settled(weights);
        if weights.canary() == 0 {
            return Ok(forget(&cookies.previous));
        }
        if cookies.canary.is_empty() {
            return Ok(Self::None);
        }
        Ok(Self::Stick {
            canary: sticky(affinity, &cookies.canary, affinity.max_age_or_default()),
            // Who was with a primary that has no share is shared out anew: it may
            // have none because nobody answers there.
            primary: match weights.primary() {
                0 => None,
                _ => sticky_primary(subject, affinity, &cookies.primary)?,
            },
        })
    }
}

fn forget(previous: &Text) -> AffinityRules {
    if previous.is_empty() {
        return AffinityRules::None;
    }
    AffinityRules::Forget(Box::new(CookieRule {
        requests: requests_with(previous),
        set_cookie: format!("{previous}; Max-Age=-1").into(),
    }))
}

fn sticky(affinity: &SessionAffinity, cookie: &Text, max_age_seconds: i64) -> Box<CookieRule> {
    Box::new(CookieRule {
        requests: requests_with(cookie),
        set_cookie: affinity.set_cookie(cookie, max_age_seconds).into(),
    })
}

/// The primary's cookie lasts for one look: at the next one the weights have
/// moved, and who had it is shared out anew.
fn sticky_primary(
    subject: &Subject<'_>,
    affinity: &SessionAffinity,
    cookie: &Text,
) -> Result<Option<Box<CookieRule>>, RouterError> {
    if affinity.primary_cookie_name.is_empty() || cookie.is_empty() {
        return Ok(None);
    }
    let seconds = interval_seconds(&subject.analysis().interval)?;
    Ok(Some(sticky(affinity, cookie, seconds)))
}

/// The whole seconds of an interval.
fn interval_seconds(interval: &str) -> Result<i64, RouterError> {
    let parsed = super::duration::seconds(interval);
    parsed.ok_or_else(|| {
        RouterError::invalid(format!(
            "failed to parse canary interval: {interval:?} is no duration"
        ))
    })
}

fn requests_with(cookie: &str) -> HttpMatch {
    let (name, value) = cookie.split_once('=').unwrap_or((cookie, ""));
    let regex = StringMatch {
        regex: format!(".*{name}.*{value}.*").into(),
        ..StringMatch::default()
    };
    HttpMatch {
        headers: [(COOKIE.into(), regex)].into(),
        ..HttpMatch::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_out_of_the_header_that_sets_it() {
        let header = "flagger-cookie=abc; Max-Age=300; Secure";
        assert_eq!(
            cookie_named(header, "flagger-cookie").as_deref(),
            Some("flagger-cookie=abc")
        );
        for (header, name) in [
            (header, "other"),
            ("flagger-cookie", "flagger-cookie"),
            ("=abc", ""),
            ("", "x"),
            ("x=", "x"),
        ] {
            assert_eq!(cookie_named(header, name), None, "{header:?} {name:?}");
        }
    }

    #[test]
    fn without_traffic_the_cookie_of_the_canary_is_one_of_the_past() {
        let cookies = Cookies {
            canary: "c=1".into(),
            primary: "p=1".into(),
            previous: "c=0".into(),
        };
        assert_eq!(cookies.clone().settled(Weights::of_canary(5)), cookies);
        let settled = cookies.settled(Weights::PRIMARY);
        assert_eq!(settled.canary, "");
        assert_eq!(settled.previous, "c=1");
        assert_eq!(settled.clone().settled(Weights::PRIMARY), settled);
    }
}
