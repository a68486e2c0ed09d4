//! Tokens for service accounts: `serviceaccounts/NAME/token`.

use super::authentication::{API_AUDIENCE, BoundObject, Claims, SigningKey, TokenBinding};
use super::review_body::Review;
use super::reviews::{created, seconds};
use super::server::ApiServer;
use crate::core::{Answer, ApiError, Cause, GroupResource, Operation, Verb};
use jiff::Timestamp;
use trueup_object::{Text, Value, value};

const GROUP: &str = "authentication.k8s.io";
/// How long a token lasts that asks for no other time.
pub const DEFAULT_SECONDS: i64 = 3600;
/// The shortest time that a token may ask for.
pub const SHORTEST_SECONDS: i64 = 600;
/// The longest time that a token may ask for.
pub const LONGEST_SECONDS: i64 = 1 << 32;

/// Answers a request for a token; `None` for any other operation.
pub fn answer(
    server: &ApiServer,
    operation: &Operation,
    now: Timestamp,
) -> Option<Result<Answer, ApiError>> {
    let is_token = operation.subresource_name() == "token"
        && operation.resource.plural == "serviceaccounts"
        && operation.resource.group.is_empty();
    (is_token && operation.verb == Verb::Create).then(|| issue(server, operation, now))
}

fn issue(server: &ApiServer, operation: &Operation, now: Timestamp) -> Result<Answer, ApiError> {
    let mut review = Review::read(operation, now)?;
    if review
        .spec()
        .get("expirationSeconds")
        .is_none_or(Value::is_null)
    {
        review
            .body_mut()
            .set_at(&["spec", "expirationSeconds"], DEFAULT_SECONDS.into());
        review.body_mut().remove_at(&["metadata", "managedFields"]);
        review.track(operation, now);
    }
    let lifetime = review
        .spec()
        .i64_at(&["expirationSeconds"])
        .unwrap_or(DEFAULT_SECONDS);
    check_lifetime(lifetime)?;
    let account_uid = uid_of(server, &accounts(), &operation.namespace, &operation.name)?;
    let object = bound_object(server, &operation.namespace, review.spec())?;
    let mut audiences: Vec<Text> = review
        .spec()
        .get("audiences")
        .and_then(Value::as_list)
        .unwrap_or_default()
        .iter()
        .filter_map(|it| it.as_str().map(Text::from))
        .collect();
    if audiences.is_empty() {
        audiences.push(API_AUDIENCE.into());
    }
    let claims = Claims {
        binding: TokenBinding {
            namespace: operation.namespace.clone(),
            account: operation.name.clone(),
            account_uid: account_uid.clone(),
            object,
        },
        audiences,
        issued_at_seconds: now.as_second(),
        expires_at_seconds: now.as_second().saturating_add(lifetime),
        id: token_id(),
    };
    finish(server, operation, review.into_body(), &claims, now)
}

fn signing_key(server: &ApiServer) -> Result<&SigningKey, ApiError> {
    let key = server.inner.authentication.key();
    key.map_err(|error| ApiError::internal(format!("cannot sign a token: {error}")))
}

fn finish(
    server: &ApiServer,
    operation: &Operation,
    mut body: Value,
    claims: &Claims,
    now: Timestamp,
) -> Result<Answer, ApiError> {
    let token = claims.sign(signing_key(server)?).ok_or_else(|| {
        ApiError::internal("cannot sign a token: the system gave no random bytes")
    })?;
    let expires = Timestamp::from_second(claims.expires_at_seconds).unwrap_or(Timestamp::MAX);
    let audiences: Value = claims
        .audiences
        .iter()
        .map(|it| Value::from(it.clone()))
        .collect();
    body.set_at(&["metadata", "name"], operation.name.clone().into());
    body.set_at(
        &["metadata", "namespace"],
        operation.namespace.clone().into(),
    );
    body.set_at(
        &["metadata", "uid"],
        claims.binding.account_uid.clone().into(),
    );
    body.set_at(&["metadata", "creationTimestamp"], seconds(now).into());
    body.set_at(&["spec", "audiences"], audiences);
    if body.at(&["spec", "boundObjectRef"]).is_none() {
        body.set_at(&["spec", "boundObjectRef"], Value::Null);
    }
    body.set_at(
        &["status"],
        value!({"token": token, "expirationTimestamp": (seconds(expires))}),
    );
    Ok(created(body))
}

fn check_lifetime(lifetime: i64) -> Result<(), ApiError> {
    let why = match lifetime {
        ..SHORTEST_SECONDS => "may not specify a duration less than 10 minutes",
        _ if lifetime > LONGEST_SECONDS => "may not specify a duration larger than 2^32 seconds",
        _ => return Ok(()),
    };
    let cause = Cause::invalid("spec.expirationSeconds", lifetime, why);
    Err(ApiError::invalid(GROUP, "TokenRequest", "", vec![cause]))
}

fn accounts() -> GroupResource {
    GroupResource {
        group: Text::new(),
        plural: "serviceaccounts".into(),
    }
}

fn uid_of(
    server: &ApiServer,
    resource: &GroupResource,
    namespace: &str,
    name: &str,
) -> Result<Text, ApiError> {
    let found = server.inner.core.store().get(resource, namespace, name);
    let found =
        found.ok_or_else(|| ApiError::not_found(&resource.group, &resource.plural, name))?;
    Ok(found
        .value()
        .str_at(&["metadata", "uid"])
        .unwrap_or_default()
        .into())
}

/// The object that a token is to be bound to, with the uid that it has now.
fn bound_object(
    server: &ApiServer,
    namespace: &str,
    spec: &Value,
) -> Result<Option<BoundObject>, ApiError> {
    let Some(reference) = spec.get("boundObjectRef").filter(|it| !it.is_null()) else {
        return Ok(None);
    };
    let kind = match reference.str_at(&["kind"]) {
        Some("Pod") => "pod",
        Some("Secret") => "secret",
        other => {
            let kind = other.unwrap_or_default();
            return Err(ApiError::bad_request(format!(
                "cannot bind token for serviceaccount to object of kind {kind}"
            )));
        }
    };
    let name: Text = reference.str_at(&["name"]).unwrap_or_default().into();
    let mut object = BoundObject {
        kind: kind.into(),
        name,
        uid: Text::new(),
    };
    object.uid = uid_of(server, &object.resource(), namespace, &object.name)?;
    match reference.str_at(&["uid"]) {
        Some(wanted) if !wanted.is_empty() && wanted != object.uid => {
            let why = format!(
                "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been deleted and then recreated"
            );
            Err(ApiError::conflict(
                "",
                &object.resource().plural,
                &object.name,
                &why,
            ))
        }
        _ => Ok(Some(object)),
    }
}

/// A name for a token that no other one has.
fn token_id() -> Text {
    let bytes: [u8; 16] = std::array::from_fn(|_| fastrand::u8(..));
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
        .into()
}
