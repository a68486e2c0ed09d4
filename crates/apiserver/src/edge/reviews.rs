//! Questions about rights and identities: kinds that are answered, not kept.

use super::authentication::{API_AUDIENCE, TokenError};
use super::authorization::{Attributes, Decision, RuleSet, Target};
use super::review_body::{Review, go_string};
use super::server::ApiServer;
use crate::core::{Answer, ApiError, Cause, Identity, Operation, Outcome, Verb};
use jiff::Timestamp;
use trueup_object::{Map, Text, Value, value};

const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";

/// Answers the creation of a review; `None` for any other operation.
pub fn answer(
    server: &ApiServer,
    operation: &Operation,
    identity: &Identity,
    now: Timestamp,
) -> Option<Result<Answer, ApiError>> {
    let is_review = matches!(
        operation.resource.group.as_str(),
        AUTHENTICATION | AUTHORIZATION
    );
    if !is_review || operation.verb != Verb::Create {
        return None;
    }
    let asker = Asker {
        server,
        operation,
        identity,
        now,
    };
    Some(match operation.resource.plural.as_str() {
        "selfsubjectreviews" => asker.who_am_i(),
        "tokenreviews" => asker.whose_token(),
        "selfsubjectaccessreviews" => asker.may_i(),
        "subjectaccessreviews" => asker.may_they(Scope::Cluster),
        "localsubjectaccessreviews" => asker.may_they(Scope::Namespace),
        "selfsubjectrulesreviews" => asker.what_may_i(),
        _ => return None,
    })
}

/// A review as an answer with code 201.
pub(super) fn created(value: Value) -> Answer {
    Answer {
        code: 201,
        warnings: Vec::new(),
        outcome: Outcome::Other {
            subresource: None,
            value,
        },
        revision: 0,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Cluster,
    Namespace,
}

struct Asker<'a> {
    server: &'a ApiServer,
    operation: &'a Operation,
    identity: &'a Identity,
    now: Timestamp,
}

impl Asker<'_> {
    fn read(&self) -> Result<Review, ApiError> {
        Review::read(self.operation, self.now)
    }

    fn decide(&self, identity: &Identity, attributes: &Attributes) -> Value {
        let inner = &self.server.inner;
        let decision = inner
            .authorizer
            .authorize(inner.core.store(), identity, attributes);
        let (allowed, reason) = match decision {
            Decision::Allowed(reason) => (true, reason),
            Decision::NoOpinion(reason) => (false, reason),
        };
        let mut status = value!({"allowed": allowed});
        if !reason.is_empty() {
            status.set_at(&["reason"], reason.into());
        }
        status
    }

    fn who_am_i(&self) -> Result<Answer, ApiError> {
        let review = self.read()?;
        let mut body = review.into_body();
        body.set_at(&["metadata", "creationTimestamp"], seconds(self.now).into());
        body.set_at(&["status", "userInfo"], user_info(self.identity));
        Ok(created(body))
    }

    fn whose_token(&self) -> Result<Answer, ApiError> {
        let review = self.read()?;
        let token = review
            .spec()
            .str_at(&["token"])
            .unwrap_or_default()
            .to_owned();
        if token.is_empty() {
            let message = "token is required for TokenReview in authentication";
            return Err(ApiError::bad_request(message));
        }
        let audiences: Vec<Text> = texts(review.spec().get("audiences"));
        let wanted = if audiences.is_empty() {
            vec![API_AUDIENCE.into()]
        } else {
            audiences
        };
        let status = match self.first_good(&token, &wanted) {
            Ok((identity, audience)) => {
                value!({"authenticated": true, "user": (user_info(&identity)), "audiences": [(audience)]})
            }
            Err(_) => value!({"user": {}, "error": "invalid bearer token"}),
        };
        Ok(created(review.with_status(status)))
    }

    /// Who a token stands for, and the first audience that it is good for.
    fn first_good(&self, token: &str, audiences: &[Text]) -> Result<(Identity, Text), TokenError> {
        let inner = &self.server.inner;
        let mut last = TokenError::Audience;
        for audience in audiences {
            match inner
                .authentication
                .identify(inner.core.store(), token, audience, self.now)
            {
                Ok(identity) => return Ok((identity, audience.clone())),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn may_i(&self) -> Result<Answer, ApiError> {
        let review = self.read()?;
        let attributes = asked(review.spec())?;
        let status = self.decide(self.identity, &attributes);
        Ok(created(review.with_status(status)))
    }

    fn may_they(&self, scope: Scope) -> Result<Answer, ApiError> {
        let review = self.read()?;
        let spec = review.spec();
        let attributes = asked(spec)?;
        let they = Identity {
            user: spec.str_at(&["user"]).unwrap_or_default().into(),
            uid: spec.str_at(&["uid"]).unwrap_or_default().into(),
            groups: texts(spec.get("groups")),
            extra: spec
                .get("extra")
                .and_then(Value::as_map)
                .into_iter()
                .flat_map(Map::iter)
                .map(|(key, values)| (key.clone(), texts(Some(values))))
                .collect(),
        };
        if they.user.is_empty() && they.groups.is_empty() {
            let cause = Cause::invalid(
                "spec.user",
                "\"\"",
                "at least one of user or group must be specified",
            );
            return Err(invalid(cause));
        }
        if scope == Scope::Namespace {
            self.check_namespace(spec)?;
        }
        let status = self.decide(&they, &attributes);
        Ok(created(review.with_status(status)))
    }

    fn check_namespace(&self, spec: &Value) -> Result<(), ApiError> {
        let given = spec
            .str_at(&["resourceAttributes", "namespace"])
            .unwrap_or_default();
        if given == self.operation.namespace {
            return Ok(());
        }
        let field = "spec.resourceAttributes.namespace";
        Err(invalid(Cause::invalid(
            field,
            go_string(given),
            "must match metadata.namespace",
        )))
    }

    fn what_may_i(&self) -> Result<Answer, ApiError> {
        let review = self.read()?;
        let namespace = review
            .spec()
            .str_at(&["namespace"])
            .unwrap_or_default()
            .to_owned();
        if namespace.is_empty() {
            return Err(ApiError::bad_request("no namespace on request"));
        }
        let inner = &self.server.inner;
        let set = inner
            .authorizer
            .rules(inner.core.store(), self.identity, &namespace);
        Ok(created(review.with_status(rules_status(&set))))
    }
}

fn rules_status(set: &RuleSet) -> Value {
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    for rule in &set.rules {
        if !rule.resources.is_empty() {
            resources.push(rule.to_value());
        }
        if !rule.non_resource_urls.is_empty() {
            paths.push(rule.to_value());
        }
    }
    let incomplete = !set.errors.is_empty();
    let mut status =
        value!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": incomplete});
    if incomplete {
        status.set_at(&["evaluationError"], set.errors.join(", ").into());
    }
    status
}

/// What a review asks about.
fn asked(spec: &Value) -> Result<Attributes, ApiError> {
    let present = |key| spec.get(key).filter(|it| !it.is_null());
    match (
        present("resourceAttributes"),
        present("nonResourceAttributes"),
    ) {
        (Some(resource), None) => {
            let text = |key: &str| Text::from(resource.str_at(&[key]).unwrap_or_default());
            let target = Target::Resource {
                group: text("group"),
                version: text("version"),
                namespace: text("namespace"),
                resource: text("resource"),
                subresource: text("subresource"),
                name: text("name"),
            };
            Ok(Attributes {
                verb: text("verb"),
                target,
            })
        }
        (None, Some(path)) => {
            let text = |key: &str| path.str_at(&[key]).unwrap_or_default();
            Ok(Attributes {
                verb: text("verb").into(),
                target: Target::Path(text("path").to_owned()),
            })
        }
        (Some(_), Some(path)) => {
            let text = |key: &str| go_string(path.str_at(&[key]).unwrap_or_default());
            let shown = format!("{{\"Path\":{},\"Verb\":{}}}", text("path"), text("verb"));
            let why = "cannot be specified in combination with resourceAttributes";
            Err(invalid(Cause::invalid(
                "spec.nonResourceAttributes",
                shown,
                why,
            )))
        }
        (None, None) => {
            let why =
                "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            Err(invalid(Cause::invalid(
                "spec.resourceAttributes",
                "null",
                why,
            )))
        }
    }
}

/// A genuine server names no kind in the refusals of reviews.
fn invalid(cause: Cause) -> ApiError {
    ApiError::invalid(AUTHORIZATION, "", "", vec![cause])
}

/// An identity as reviews show it.
pub(super) fn user_info(identity: &Identity) -> Value {
    let list = |texts: &[Text]| {
        texts
            .iter()
            .map(|it| Value::from(it.clone()))
            .collect::<Value>()
    };
    let mut info = Map::new();
    info.insert("username", identity.user.clone());
    if !identity.uid.is_empty() {
        info.insert("uid", identity.uid.clone());
    }
    if !identity.groups.is_empty() {
        info.insert("groups", list(&identity.groups));
    }
    if !identity.extra.is_empty() {
        let extra: Map = identity
            .extra
            .iter()
            .map(|(key, values)| (key.clone(), list(values)))
            .collect();
        info.insert("extra", extra);
    }
    Value::Map(info)
}

fn texts(list: Option<&Value>) -> Vec<Text> {
    let list = list.and_then(Value::as_list).unwrap_or_default();
    list.iter()
        .filter_map(|it| it.as_str().map(Text::from))
        .collect()
}

/// A time in whole seconds, as metadata holds it.
pub(super) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}
