//! Tokens for service accounts: `serviceaccounts/NAME/token`.

use super::authentication::{API_AUDIENCE, BoundObject, Claims, SigningKey, TokenBinding};
use super::review_body::{Review, go_string};
use super::reviews::{seconds, texts};
use super::server::ApiServer;
use crate::core::{Answer, ApiError, Cause, GroupResource, Operation, Verb};
use jiff::Timestamp;
use trueup_object::{Text, Value, value};

const GROUP: &str = "authentication.k8s.io";
const KIND: &str = "TokenRequest";
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
    let given_seconds = review.spec().get("expirationSeconds");
    if given_seconds.is_none_or(Value::is_null) {
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
    let account_uid = check_account(server, operation, &review)?;
    check_lifetime(lifetime)?;
    let bound = bound_objects(server, operation, review.spec())?;
    let (object, node) = bound;
    let mut audiences: Vec<Text> = texts(review.spec().get("audiences"));
    if audiences.is_empty() {
        audiences.push(API_AUDIENCE.into());
    }
    let claims = Claims {
        binding: TokenBinding {
            namespace: operation.namespace.clone(),
            account: operation.name.clone(),
            account_uid,
            object,
            node,
        },
        audiences,
        issued_at_seconds: now.as_second(),
        expires_at_seconds: now.as_second().saturating_add(lifetime),
        id: token_id(),
    };
    finish(server, operation, review, &claims, now)
}

/// Holds what the body says of the account against the account; gives its uid.
fn check_account(
    server: &ApiServer,
    operation: &Operation,
    review: &Review,
) -> Result<Text, ApiError> {
    let name = review.metadata("name");
    if !name.is_empty() && name != operation.name {
        let why = "must match the service account name if specified";
        let cause = Cause::invalid("metadata.name", go_string(name), why);
        return Err(ApiError::invalid(GROUP, KIND, &operation.name, vec![cause]));
    }
    let uid = uid_of(server, &accounts(), &operation.namespace, &operation.name)?;
    let given = review.metadata("uid");
    if !given.is_empty() && given != uid {
        let why = format!(
            "the UID in the token request ({given}) does not match the UID of the service account ({uid})"
        );
        return Err(ApiError::conflict(GROUP, KIND, &operation.name, &why));
    }
    Ok(uid)
}

fn signing_key(server: &ApiServer) -> Result<&SigningKey, ApiError> {
    let key = server.inner.authentication.key();
    key.map_err(|error| ApiError::internal(format!("cannot sign a token: {error}")))
}

fn finish(
    server: &ApiServer,
    operation: &Operation,
    mut review: Review,
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
    let body = review.body_mut();
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
    Ok(review.answer(value!({"token": token, "expirationTimestamp": (seconds(expires))})))
}

fn check_lifetime(lifetime: i64) -> Result<(), ApiError> {
    let why = match lifetime {
        ..SHORTEST_SECONDS => "may not specify a duration less than 10 minutes",
        _ if lifetime > LONGEST_SECONDS => "may not specify a duration larger than 2^32 seconds",
        _ => return Ok(()),
    };
    let cause = Cause::invalid("spec.expirationSeconds", lifetime, why);
    Err(ApiError::invalid(GROUP, KIND, "", vec![cause]))
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

/// The object that a token is to be bound to, and the node of a Pod, with the
/// uids that they have now.
fn bound_objects(
    server: &ApiServer,
    operation: &Operation,
    spec: &Value,
) -> Result<(Option<BoundObject>, Option<BoundObject>), ApiError> {
    let Some(reference) = spec.get("boundObjectRef").filter(|it| !it.is_null()) else {
        return Ok((None, None));
    };
    let text = |key: &str| reference.str_at(&[key]).unwrap_or_default();
    let (group, version) = text("apiVersion")
        .rsplit_once('/')
        .unwrap_or(("", text("apiVersion")));
    let kind = text("kind");
    if !group.is_empty() || !matches!(kind, "Pod" | "Node" | "Secret") {
        let message = format!("cannot bind token to object of type {group}/{version}, Kind={kind}");
        return Err(ApiError::bad_request(message));
    }
    let mut object = BoundObject {
        kind: kind.to_lowercase().into(),
        name: text("name").into(),
        uid: Text::new(),
    };
    let namespace = if kind == "Node" {
        ""
    } else {
        operation.namespace.as_str()
    };
    object.uid = uid_of(server, &object.resource(), namespace, &object.name)?;
    let node = match kind {
        "Pod" => node_of(server, operation, &object.name)?,
        _ => None,
    };
    let wanted = text("uid");
    if !wanted.is_empty() && wanted != object.uid {
        let why = format!(
            "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(ApiError::conflict("", kind, &object.name, &why));
    }
    Ok((Some(object), node))
}

/// The node that a Pod runs on; the Pod must run as the account.
fn node_of(
    server: &ApiServer,
    operation: &Operation,
    pod: &str,
) -> Result<Option<BoundObject>, ApiError> {
    let resource = |plural: &str| GroupResource {
        group: Text::new(),
        plural: plural.into(),
    };
    let store = server.inner.core.store();
    let Some(pod) = store.get(&resource("pods"), &operation.namespace, pod) else {
        return Ok(None);
    };
    let spec = |key: &str| pod.value().str_at(&["spec", key]).unwrap_or_default();
    if spec("serviceAccountName") != operation.name {
        return Err(ApiError::bad_request(format!(
            "cannot bind token for serviceaccount {:?} to pod running with different serviceaccount name.",
            operation.name.as_str()
        )));
    }
    let name = spec("nodeName");
    if name.is_empty() {
        return Ok(None);
    }
    let node = store.get(&resource("nodes"), "", name);
    let uid = node.map(|node| {
        Text::from(
            node.value()
                .str_at(&["metadata", "uid"])
                .unwrap_or_default(),
        )
    });
    Ok(Some(BoundObject {
        kind: "node".into(),
        name: name.into(),
        uid: uid.unwrap_or_default(),
    }))
}

/// A name for a token that no other one has.
fn token_id() -> Text {
    let bytes: [u8; 16] = std::array::from_fn(|_| fastrand::u8(..));
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
        .into()
}
