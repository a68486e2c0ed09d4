//! Service account tokens: signed JSON Web Tokens.

use super::{ISSUER, SigningKey, service_account};
use crate::core::{GroupResource, Identity, Store};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use trueup_object::{Map, Text, Value, from_json, to_json, value};

/// How long a token may be, before it is looked at.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Why a token is not good.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// It has not the form of a token.
    #[error("not a token of this server")]
    Malformed,
    /// The signature is not ours.
    #[error("the signature is wrong")]
    Signature,
    /// It is no longer, or not yet, valid.
    #[error("the token has expired or is not valid yet")]
    Expired,
    /// It was made for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// The account, or the object that it was bound to, is gone.
    #[error("the service account of the token is gone")]
    Withdrawn,
}

/// What a token is bound to: it ends with any of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBinding {
    /// Namespace of the account.
    pub namespace: Text,
    /// Name of the account.
    pub account: Text,
    /// Uid of the account.
    pub account_uid: Text,
    /// A further object, if the token was asked for with one.
    pub object: Option<BoundObject>,
}

/// The Pod or Secret that a token is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundObject {
    /// `pod` or `secret`.
    pub kind: Text,
    /// Name.
    pub name: Text,
    /// Uid.
    pub uid: Text,
}

impl BoundObject {
    /// Where such objects are stored.
    #[must_use]
    pub fn resource(&self) -> GroupResource {
        GroupResource {
            group: Text::new(),
            plural: ecow::eco_format!("{}s", self.kind),
        }
    }

    pub(super) fn exists(&self, store: &Store, namespace: &str) -> bool {
        let found = store.get(&self.resource(), namespace, &self.name);
        found.is_some_and(|it| it.value().str_at(&["metadata", "uid"]) == Some(self.uid.as_str()))
    }
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The account and what else it is bound to.
    pub binding: TokenBinding,
    /// For whom it is.
    pub audiences: Vec<Text>,
    /// From when it is valid, in seconds since 1970.
    pub issued_at_seconds: i64,
    /// Until when it is valid, in seconds since 1970.
    pub expires_at_seconds: i64,
    /// A name of its own.
    pub id: Text,
}

impl Claims {
    /// The token; `None` only if the system gives no randomness.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> Option<String> {
        let header = value!({"alg": "ES256", "kid": (key.id())});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(to_json(value));
        let signed = format!("{}.{}", part(&header), part(&self.to_value()));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())?);
        Some(format!("{signed}.{signature}"))
    }

    /// Reads a token after checking signature, time and audience.
    pub fn verify(
        key: &SigningKey,
        token: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (_, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let decode = |text: &str| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| TokenError::Malformed)
        };
        if !key.verify(signed.as_bytes(), &decode(signature)?) {
            return Err(TokenError::Signature);
        }
        let payload = from_json(&decode(payload)?).map_err(|_| TokenError::Malformed)?;
        let claims = Self::from_value(&payload).ok_or(TokenError::Malformed)?;
        let seconds = now.as_second();
        if seconds < claims.issued_at_seconds || seconds >= claims.expires_at_seconds {
            return Err(TokenError::Expired);
        }
        if !claims.audiences.iter().any(|it| it == audience) {
            return Err(TokenError::Audience);
        }
        Ok(claims)
    }

    /// The account as somebody who asks.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let TokenBinding {
            namespace,
            account,
            account_uid,
            object,
        } = &self.binding;
        let mut identity = service_account(namespace, account, account_uid);
        let id = ecow::eco_format!("JTI={}", self.id);
        identity.extra.insert(
            "authentication.kubernetes.io/credential-id".into(),
            vec![id],
        );
        if let Some(pod) = object.as_ref().filter(|object| object.kind == "pod") {
            identity.extra.insert(
                "authentication.kubernetes.io/pod-name".into(),
                vec![pod.name.clone()],
            );
            identity.extra.insert(
                "authentication.kubernetes.io/pod-uid".into(),
                vec![pod.uid.clone()],
            );
        }
        identity
    }

    fn to_value(&self) -> Value {
        let TokenBinding {
            namespace,
            account,
            account_uid,
            object,
        } = &self.binding;
        let audiences: Value = self
            .audiences
            .iter()
            .map(|it| Value::from(it.clone()))
            .collect();
        let mut bound = Map::new();
        bound.insert("namespace", namespace.clone());
        bound.insert(
            "serviceaccount",
            value!({"name": (account.clone()), "uid": (account_uid.clone())}),
        );
        if let Some(object) = object {
            bound.insert(
                object.kind.clone(),
                value!({"name": (object.name.clone()), "uid": (object.uid.clone())}),
            );
        }
        value!({
            "iss": ISSUER,
            "sub": (format!("system:serviceaccount:{namespace}:{account}")),
            "aud": audiences,
            "iat": (self.issued_at_seconds),
            "nbf": (self.issued_at_seconds),
            "exp": (self.expires_at_seconds),
            "jti": (self.id.clone()),
            "kubernetes.io": (Value::Map(bound))
        })
    }

    fn from_value(value: &Value) -> Option<Self> {
        let text = |path: &[&str]| value.str_at(path).map(Text::from);
        let bound = ["pod", "secret"].into_iter().find_map(|kind| {
            let name = text(&["kubernetes.io", kind, "name"])?;
            Some(BoundObject {
                kind: kind.into(),
                name,
                uid: text(&["kubernetes.io", kind, "uid"])?,
            })
        });
        Some(Self {
            binding: TokenBinding {
                namespace: text(&["kubernetes.io", "namespace"])?,
                account: text(&["kubernetes.io", "serviceaccount", "name"])?,
                account_uid: text(&["kubernetes.io", "serviceaccount", "uid"])?,
                object: bound,
            },
            audiences: value
                .get("aud")?
                .as_list()?
                .iter()
                .filter_map(|it| it.as_str().map(Text::from))
                .collect(),
            issued_at_seconds: value.i64_at(&["iat"])?,
            expires_at_seconds: value.i64_at(&["exp"])?,
            id: text(&["jti"])?,
        })
    }
}
