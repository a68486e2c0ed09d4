//! Who asks: bearer tokens, service account tokens, impersonation.

mod impersonation;
mod signing;
#[cfg(test)]
mod tests;
mod token;

pub use impersonation::Impersonation;
pub use signing::{KeyError, SigningKey};
pub use token::{BoundObject, Claims, MAX_TOKEN_BYTES, TokenBinding, TokenError};

use super::reply::{Layout, Reply};
use crate::core::{ApiError, Details, GroupResource, Identity, Store};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use trueup_object::{Text, Value, value};

/// The audience of the API server itself.
pub const API_AUDIENCE: &str = "https://kubernetes.default.svc";
/// The name under which the server signs tokens.
pub const ISSUER: &str = "https://kubernetes.default.svc";
/// The group of everybody who is known.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of everybody who is not.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The user name of everybody who is not known.
pub const ANONYMOUS: &str = "system:anonymous";
/// The group of all service accounts.
pub const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";
/// The attribute of a service account token that names its Pod's node.
pub const NODE_NAME: &str = "authentication.kubernetes.io/node-name";
/// The media type of public keys.
const KEY_SET: &str = "application/jwk-set+json";
const SERVICE_ACCOUNT_USER: &str = "system:serviceaccount:";

/// A bearer token and who it stands for. Its secret never shows in `Debug`.
#[derive(Clone)]
pub struct StaticToken {
    /// The secret.
    pub token: String,
    /// Who has it.
    pub identity: Identity,
}

impl std::fmt::Debug for StaticToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("StaticToken")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// Tells who asks by the `Authorization` header.
#[derive(Debug)]
pub struct Authentication {
    tokens: Vec<StaticToken>,
    /// Made when it is first needed: gathering the randomness for it takes
    /// longer than the rest of a start.
    key: OnceLock<Result<SigningKey, KeyError>>,
}

impl Authentication {
    /// Knows these tokens, and the service account tokens signed with `key`;
    /// where none is given, a fresh one is made when it is first needed.
    #[must_use]
    pub fn new(tokens: Vec<StaticToken>, key: impl Into<Option<SigningKey>>) -> Self {
        let key = key.into().map_or_else(OnceLock::new, |key| Ok(key).into());
        Self { tokens, key }
    }

    /// The key that tokens are signed with; fails where none could be made.
    pub fn key(&self) -> Result<&SigningKey, KeyError> {
        let key = self.key.get_or_init(SigningKey::generate);
        key.as_ref().map_err(|error| *error)
    }

    /// Who sent this `Authorization` header; nobody known without one. Fails
    /// with 401 for a bearer token that is not good.
    pub fn authenticate(
        &self,
        store: &Store,
        authorization: Option<&str>,
        now: Timestamp,
    ) -> Result<Identity, ApiError> {
        let Some(token) = authorization.and_then(bearer_token) else {
            return Ok(anonymous());
        };
        self.identify(store, token, &[API_AUDIENCE.into()], now)
            .map(|(identity, _)| identity)
            .map_err(|_| ApiError::new(401, "Unauthorized", "Unauthorized"))
    }

    /// Who a token stands for, and for which of `audiences` it is good; at
    /// least for one.
    pub fn identify(
        &self,
        store: &Store,
        token: &str,
        audiences: &[Text],
        now: Timestamp,
    ) -> Result<(Identity, Vec<Text>), TokenError> {
        if let Some(known) = self
            .tokens
            .iter()
            .find(|known| same_secret(&known.token, token))
        {
            return match audiences.iter().find(|it| *it == API_AUDIENCE) {
                Some(audience) => Ok((known.identity.clone(), vec![audience.clone()])),
                None => Err(TokenError::Malformed),
            };
        }
        let claims = Claims::verify(
            self.key().map_err(|_| TokenError::Signature)?,
            token,
            audiences,
            now,
        )?;
        check_binding(store, &claims.binding)?;
        let good_for = audiences.iter().filter(|it| claims.audiences.contains(it));
        Ok((claims.identity(), good_for.cloned().collect()))
    }

    /// What other services need to check tokens by themselves.
    #[must_use]
    pub fn openid_configuration(&self) -> Reply {
        Reply::json(
            200,
            &value!({
                "issuer": ISSUER,
                "jwks_uri": (format!("{ISSUER}/openid/v1/jwks")),
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"]
            }),
        )
    }

    /// The public keys that tokens are checked with, for those who accept
    /// their media type.
    #[must_use]
    pub fn key_set(&self, accept: Option<&str>) -> Reply {
        let accepts = accept.is_none_or(|accept| {
            accept.split(',').any(|range| {
                let range = range.split(';').next().unwrap_or_default().trim();
                matches!(range, "" | "*/*" | "application/*" | KEY_SET)
            })
        });
        if !accepts {
            let message = format!("406: Not Acceptable\n\nAvailable representations: {KEY_SET}");
            let error = ApiError::new(406, "NotAcceptable", message);
            return Reply::error(&error.with_details(Details::default()), Layout::Compact);
        }
        let keys: Value = self.key().iter().map(|key| key.to_jwk()).collect();
        Reply::full(
            200,
            KEY_SET,
            trueup_object::to_json(&value!({"keys": keys})),
        )
    }
}

/// Compares without telling by its time where two secrets differ.
fn same_secret(known: &str, given: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(known.as_bytes(), given.as_bytes()).is_ok()
}

fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Whether what a token is bound to is still there, and still the same.
fn check_binding(store: &Store, binding: &TokenBinding) -> Result<(), TokenError> {
    let accounts = GroupResource {
        group: Text::new(),
        plural: "serviceaccounts".into(),
    };
    let account = store.get(&accounts, &binding.namespace, &binding.account);
    let Some(account) = account else {
        let why = format!("serviceaccounts {:?} not found", binding.account.as_str());
        return Err(TokenError::Account(why));
    };
    let uid = account
        .value()
        .str_at(&["metadata", "uid"])
        .unwrap_or_default();
    if uid != binding.account_uid {
        let why = format!(
            "service account UID ({uid}) does not match claim ({})",
            binding.account_uid
        );
        return Err(TokenError::Account(why));
    }
    match &binding.object {
        Some(object) if !object.exists(store, &binding.namespace) => Err(TokenError::Withdrawn),
        _ => Ok(()),
    }
}

/// The identity of everybody who is not known.
#[must_use]
pub fn anonymous() -> Identity {
    Identity {
        user: ANONYMOUS.into(),
        groups: vec![UNAUTHENTICATED.into()],
        ..Identity::default()
    }
}

/// The identity of a service account.
#[must_use]
pub fn service_account(namespace: &str, name: &str, uid: &str) -> Identity {
    Identity {
        user: ecow::eco_format!("{SERVICE_ACCOUNT_USER}{namespace}:{name}"),
        uid: uid.into(),
        groups: vec![
            SERVICE_ACCOUNTS.into(),
            ecow::eco_format!("{SERVICE_ACCOUNTS}:{namespace}"),
            AUTHENTICATED.into(),
        ],
        extra: BTreeMap::new(),
    }
}

/// Namespace and name of a service account's user name.
#[must_use]
pub fn split_service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(SERVICE_ACCOUNT_USER)?.split_once(':')?;
    let is_whole = !namespace.is_empty() && !name.is_empty() && !name.contains(':');
    is_whole.then_some((namespace, name))
}
