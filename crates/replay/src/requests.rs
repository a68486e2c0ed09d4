//! Requests of a scenario as HTTP.

use crate::json_path::find;
use crate::placeholders::Bindings;
use crate::scenario::{Authorization, Impersonated, RequestStep, WatchStep};
use crate::transport::Caller;
use bytes::Bytes;
use http::request::Builder;
use std::collections::BTreeMap;
use trueup_object::{Value, to_json};

/// What a request may be made of: the values of placeholders, and the answers
/// so far by step.
pub(crate) struct Sources<'a> {
    /// What placeholders stand for.
    pub bindings: &'a Bindings,
    /// The answers that were JSON.
    pub bodies: &'a BTreeMap<usize, Value>,
    /// The `User-Agent` of requests that name no other.
    pub user_agent: &'a str,
}

impl Sources<'_> {
    /// The request of a step. Fails with what is missing for it.
    pub fn request(&self, step: &RequestStep) -> Result<(Caller, http::Request<Bytes>), String> {
        let mut builder = http::Request::builder()
            .method(step.method.as_str())
            .uri(self.bindings.fill_path(&step.path));
        let named = [
            ("content-type", &step.content_type),
            ("accept", &step.accept),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                builder = builder.header(name, value);
            }
        }
        for (name, value) in &step.headers {
            builder = builder.header(name, value);
        }
        let own_agent = step
            .headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case("user-agent"));
        if !own_agent {
            builder = builder.header("user-agent", self.user_agent);
        }
        builder = impersonate(builder, step.impersonated.as_ref());
        let caller = match self.bearer(step.auth.as_ref())? {
            None => Caller::Administrator,
            Some(token) => {
                if let Some(token) = token {
                    builder = builder.header("authorization", format!("Bearer {token}"));
                }
                Caller::Other
            }
        };
        let request = builder.body(self.body(step)?.into());
        Ok((caller, request.map_err(|error| error.to_string())?))
    }

    /// The request of a watch.
    pub fn watch(&self, step: &WatchStep) -> Result<http::Request<Bytes>, String> {
        let mut builder = http::Request::get(self.bindings.fill_path(&step.path))
            .header("user-agent", self.user_agent);
        if let Some(accept) = &step.accept {
            builder = builder.header("accept", accept);
        }
        let request = impersonate(builder, step.impersonated.as_ref()).body(Bytes::new());
        request.map_err(|error| error.to_string())
    }

    /// Whose token is sent: nothing for the administrator's, `Some(None)` for
    /// none at all.
    fn bearer(&self, auth: Option<&Authorization>) -> Result<Option<Option<String>>, String> {
        Ok(match auth {
            None => None,
            Some(Authorization::Nobody(_)) => Some(None),
            Some(Authorization::Bearer { bearer }) => Some(Some(bearer.clone())),
            Some(Authorization::BearerFromStep {
                bearer_from_step,
                at,
            }) => {
                let token = find(self.answer(*bearer_from_step)?, at)?;
                let token = token.as_str().ok_or_else(|| format!("no token at {at}"))?;
                Some(Some(token.to_owned()))
            }
        })
    }

    fn answer(&self, step: usize) -> Result<&Value, String> {
        let body = self.bodies.get(&step);
        body.ok_or_else(|| format!("step {step} gave no JSON"))
    }

    fn body(&self, step: &RequestStep) -> Result<Vec<u8>, String> {
        if let Some(raw) = &step.body_raw {
            return Ok(self.bindings.fill(raw).into_bytes());
        }
        if let Some(from) = step.body_from_step {
            let patch = self
                .bindings
                .fill_json(&String::from_utf8_lossy(&to_json(&step.body_merge)));
            let patch =
                trueup_object::from_json(patch.as_bytes()).map_err(|error| error.to_string())?;
            return Ok(to_json(&merged(self.answer(from)?, &patch)));
        }
        if let Some(repeat) = &step.body_repeat {
            let quoted = |text: &str| String::from_utf8_lossy(&to_json(&text.into())).into_owned();
            let long = quoted(&repeat.text.repeat(repeat.times));
            let whole = compact(repeat.template.get()).replace(&quoted(&repeat.placeholder), &long);
            return Ok(whole.into_bytes());
        }
        let body = step.body.as_ref();
        Ok(body.map_or_else(Vec::new, |body| {
            self.bindings.fill_json(&compact(body.get())).into_bytes()
        }))
    }
}

fn impersonate(mut builder: Builder, whom: Option<&Impersonated>) -> Builder {
    let Some(whom) = whom else {
        return builder;
    };
    for (name, value) in [
        ("impersonate-user", &whom.user),
        ("impersonate-uid", &whom.uid),
    ] {
        if let Some(value) = value {
            builder = builder.header(name, value);
        }
    }
    for group in &whom.groups {
        builder = builder.header("impersonate-group", group);
    }
    for (key, values) in &whom.extra {
        for value in values {
            builder = builder.header(format!("impersonate-extra-{key}"), value);
        }
    }
    builder
}

/// The same JSON text without the blanks between its parts.
fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = move |letter: &char| {
        let blank = !quoted && letter.is_ascii_whitespace();
        if quoted {
            quoted = escaped || *letter != '"';
            escaped = !escaped && *letter == '\\';
        } else {
            quoted = *letter == '"';
        }
        !blank
    };
    json.chars().filter(keep).collect()
}

/// A value with a JSON merge patch (RFC 7386) applied.
fn merged(value: &Value, patch: &Value) -> Value {
    let Value::Map(patch) = patch else {
        return patch.clone();
    };
    let mut result = value.as_map().cloned().unwrap_or_default();
    for (key, part) in patch.iter() {
        if part.is_null() {
            result.remove(key);
        } else {
            let before = result.get(key).cloned().unwrap_or_default();
            result.insert(key.clone(), merged(&before, part));
        }
    }
    Value::Map(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    fn request(step: &str, bodies: &BTreeMap<usize, Value>) -> (Caller, http::Request<Bytes>) {
        let sources = Sources {
            bindings: &Bindings::default(),
            bodies,
            user_agent: "recorder/1.0",
        };
        sources
            .request(&serde_json::from_str(step).unwrap())
            .unwrap()
    }

    #[test]
    fn a_body_is_sent_compact_with_its_keys_in_order() {
        let step = r#"{"method": "POST", "path": "/x", "body": {"b": "a  \" b", "a": [1, 2.0]}}"#;
        let (caller, request) = request(step, &BTreeMap::new());
        assert_eq!(caller, Caller::Administrator);
        assert_eq!(request.body().as_ref(), br#"{"b":"a  \" b","a":[1,2.0]}"#);
    }

    #[test]
    fn an_answer_is_sent_back_changed() {
        let bodies = BTreeMap::from([(3, value!({"a": {"b": 1, "c": 2}, "d": 3}))]);
        let step = r#"{"method": "PUT", "path": "/x", "body_from_step": 3, "body_merge": {"a": {"b": null, "e": 5}}}"#;
        let (_, request) = request(step, &bodies);
        assert_eq!(request.body().as_ref(), br#"{"a":{"c":2,"e":5},"d":3}"#);
    }

    #[test]
    fn whoever_is_told_asks() {
        let bodies = BTreeMap::from([(0, value!({"status": {"token": "t"}}))]);
        let step = r#"{"method": "GET", "path": "/x", "auth": {"bearer_from_step": 0, "at": "$.status.token"}, "as": {"user": "u", "groups": ["g", "h"], "extra": {"k": ["v"]}}}"#;
        let (caller, request) = request(step, &bodies);
        assert_eq!(caller, Caller::Other);
        let headers = request.headers();
        assert_eq!(headers["authorization"], "Bearer t");
        assert_eq!(headers.get_all("impersonate-group").iter().count(), 2);
        assert_eq!(headers["impersonate-extra-k"], "v");
        assert_eq!(headers["user-agent"], "recorder/1.0");
    }
}
