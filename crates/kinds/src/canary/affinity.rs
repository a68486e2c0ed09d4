//! `spec.analysis.sessionAffinity`: who has seen the canary stays with it.

use super::number;
use serde::{Deserialize, Serialize};
use trueup_object::Text;

/// How long the canary's cookie lasts where `maxAge` is not given: a day.
pub const DEFAULT_COOKIE_MAX_AGE_SECONDS: i64 = 86_400;

/// The cookies of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionAffinity {
    /// Name of the canary's cookie.
    pub cookie_name: Text,
    /// Name of the primary's cookie; none where it is empty.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub primary_cookie_name: Text,
    /// Host that the cookie is sent to.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub domain: Text,
    /// Whether scripts can't read the cookie.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub http_only: bool,
    /// How long the canary's cookie lasts, in seconds.
    #[serde(
        deserialize_with = "number::whole",
        skip_serializing_if = "number::is_zero"
    )]
    pub max_age: i64,
    /// Whether the cookie is kept apart by site.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partitioned: bool,
    /// Path that the cookie is sent for.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub path: Text,
    /// `Strict`, `Lax` or `None`.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub same_site: Text,
    /// Whether the cookie is sent over TLS only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secure: bool,
}

impl SessionAffinity {
    /// How long the canary's cookie lasts, in seconds.
    #[must_use]
    pub fn max_age_or_default(&self) -> i64 {
        if self.max_age == 0 {
            DEFAULT_COOKIE_MAX_AGE_SECONDS
        } else {
            self.max_age
        }
    }

    /// The value of a `Set-Cookie` header for `cookie` (`NAME=VALUE`), which
    /// lasts for so many seconds, with the attributes in Flagger's order.
    #[must_use]
    pub fn set_cookie(&self, cookie: &str, max_age_seconds: i64) -> String {
        let text = |name: &str, value: &Text| {
            let given = !value.is_empty();
            given.then(|| format!("{name}={value}"))
        };
        let flag = |name: &str, given: bool| given.then(|| name.to_owned());
        let attributes = [
            text("Domain", &self.domain),
            flag("HttpOnly", self.http_only),
            flag("Partitioned", self.partitioned),
            text("Path", &self.path),
            text("SameSite", &self.same_site),
            flag("Secure", self.secure),
        ];
        attributes.into_iter().flatten().fold(
            format!("{cookie}; Max-Age={max_age_seconds}"),
            |header, attribute| header + "; " + &attribute,
        )
    }
}
