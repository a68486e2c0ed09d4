//! Questions about rights and identities: kinds that are answered, not kept.

use super::access_review::{self, Asked};
use super::authentication::API_AUDIENCE;
use super::authorization::{Attributes, Decision, RuleSet};
use super::review_body::Review;
use super::server::ApiServer;
use crate::core::{Answer, ApiError, Identity, Operation, Outcome, Verb};
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
        "subjectaccessreviews" => asker.may_they(Asked::ForSomebody),
        "localsubjectaccessreviews" => asker.may_they(Asked::InNamespace),
        "selfsubjectrulesreviews" => asker.what_may_i(),
        _ => return None,
    })
}

/// Kind and empty metadata of a review.
fn bare(review: &Review) -> Value {
    let mut answer = value!({"metadata": {}});
    for key in ["kind", "apiVersion"] {
        let text = review.body().str_at(&[key]).unwrap_or_default();
        answer.set_at(&[key], text.into());
    }
    answer
}

/// A review as an answer with code 201.
pub(super) fn answered(value: Value, warnings: Vec<String>) -> Answer {
    Answer {
        code: 201,
        warnings,
        outcome: Outcome::Other {
            subresource: None,
            value,
        },
        revision: 0,
    }
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
        // Nothing of what was sent comes back.
        let mut answer = bare(&review);
        let time = seconds(self.now);
        answer.set_at(&["metadata", "creationTimestamp"], time.into());
        answer.set_at(&["status", "userInfo"], user_info(self.identity));
        Ok(answered(answer, review.warnings))
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
        let inner = &self.server.inner;
        let known = inner
            .authentication
            .identify(inner.core.store(), &token, &wanted, self.now);
        let status = match known {
            Ok((identity, good_for)) => {
                let audiences: Value = good_for.into_iter().map(Value::from).collect();
                value!({"authenticated": true, "user": (user_info(&identity)), "audiences": audiences})
            }
            Err(error) => value!({"user": {}, "error": (error.to_string())}),
        };
        Ok(review.answer(status))
    }

    fn may_i(&self) -> Result<Answer, ApiError> {
        let review = self.read()?;
        access_review::check(&review, Asked::ForSelf)?;
        let status = self.decide(self.identity, &access_review::attributes(review.spec()));
        Ok(review.answer(status))
    }

    fn may_they(&self, asked: Asked) -> Result<Answer, ApiError> {
        let review = self.read()?;
        access_review::check(&review, asked)?;
        let spec = review.spec();
        let they = access_review::subject(spec);
        let status = self.decide(&they, &access_review::attributes(spec));
        Ok(review.answer(status))
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
        let mut answer = bare(&review);
        answer.set_at(&["spec"], Value::map());
        answer.set_at(&["status"], rules_status(&set));
        Ok(answered(answer, review.warnings))
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
    let mut status =
        value!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false});
    let error = match set.errors.as_slice() {
        [] => return status,
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    status.set_at(&["evaluationError"], error.into());
    status
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

/// The texts of a list.
pub(super) fn texts(list: Option<&Value>) -> Vec<Text> {
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
