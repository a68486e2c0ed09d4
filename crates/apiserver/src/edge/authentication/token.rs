//! Service account tokens: signed JSON Web Tokens.

use super::{ISSUER, SigningKey, service_account};
use crate::core::{GroupResource, Identity, Store};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use trueup_object::{Map, Text, Value, from_json, to_json, value};

/// How long a token may be, before it is looked at.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Why a token is not good; the texts are those that a review shows.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// It has not the form of a token of this server.
    #[error("invalid bearer token")]
    Malformed,
    /// The signature is not ours.
    #[error("[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]")]
    Signature,
    /// It is no longer valid.
    #[error("[invalid bearer token, service account token has expired]")]
    Expired,
    /// It is not valid yet.
    #[error("[invalid bearer token, service account token is not valid yet]")]
    NotYet,
    /// It was made for somebody else.
    #[error("[invalid bearer token, token audiences {} is invalid for the target audiences {}]", quoted(.made_for), quoted(.wanted))]
    Audience {
        /// For whom it was made.
        made_for: Vec<Text>,
        /// Who was asked for.
        wanted: Vec<Text>,
    },
    /// The account is gone, or another of its name is there.
    #[error("[invalid bearer token, {0}]")]
    Account(String),
    /// The object that it was bound to is gone.
    #[error("[invalid bearer token, service account token has been invalidated]")]
    Withdrawn,
}

/// A list as Go prints it with `%q`.
fn quoted(texts: &[Text]) -> String {
    let texts: Vec<String> = texts
        .iter()
        .map(|text| format!("{:?}", text.as_str()))
        .collect();
    format!("[{}]", texts.join(" "))
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
    /// The node of the Pod that it is bound to; without a uid where there is
    /// no such node.
    pub node: Option<BoundObject>,
}

/// The Pod, Secret or Node that a token is bound to, or the node of its Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundObject {
    /// `pod`, `secret` or `node`.
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
        let namespace = if self.kind == "node" { "" } else { namespace };
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

    /// Reads a token after checking signature, time and that it is for one of
    /// `audiences`.
    pub fn verify(
        key: &SigningKey,
        token: &str,
        audiences: &[Text],
        now: Timestamp,
    ) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let decode = |text: &str| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| TokenError::Malformed)
        };
        let read = |text: &str| from_json(&decode(text)?).map_err(|_| TokenError::Malformed);
        let (header, payload) = (read(header)?, read(payload)?);
        if header.str_at(&["alg"]) != Some("ES256") || payload.str_at(&["iss"]) != Some(ISSUER) {
            return Err(TokenError::Malformed);
        }
        if !key.verify(signed.as_bytes(), &decode(signature)?) {
            return Err(TokenError::Signature);
        }
        let claims = Self::from_value(&payload).ok_or(TokenError::Malformed)?;
        let seconds = now.as_second();
        if !claims.audiences.iter().any(|it| audiences.contains(it)) {
            let (made_for, wanted) = (claims.audiences, audiences.to_vec());
            return Err(TokenError::Audience { made_for, wanted });
        }
        if seconds < claims.issued_at_seconds {
            return Err(TokenError::NotYet);
        }
        if seconds >= claims.expires_at_seconds {
            return Err(TokenError::Expired);
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
            node,
        } = &self.binding;
        let mut identity = service_account(namespace, account, account_uid);
        let mut note = |key: &str, value: Text| {
            let key = ecow::eco_format!("authentication.kubernetes.io/{key}");
            identity.extra.insert(key, vec![value]);
        };
        note("credential-id", ecow::eco_format!("JTI={}", self.id));
        let shown = object.iter().chain(node).filter(|it| it.kind != "secret");
        for object in shown {
            note(&format!("{}-name", object.kind), object.name.clone());
            if !object.uid.is_empty() {
                note(&format!("{}-uid", object.kind), object.uid.clone());
            }
        }
        identity
    }

    fn to_value(&self) -> Value {
        let TokenBinding {
            namespace,
            account,
            account_uid,
            object,
            node,
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
        for object in object.iter().chain(node) {
            let mut named = value!({"name": (object.name.clone())});
            if !object.uid.is_empty() {
                named.set_at(&["uid"], object.uid.clone().into());
            }
            bound.insert(object.kind.clone(), named);
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
        let named = |kind: &str| {
            Some(BoundObject {
                kind: kind.into(),
                name: text(&["kubernetes.io", kind, "name"])?,
                uid: text(&["kubernetes.io", kind, "uid"]).unwrap_or_default(),
            })
        };
        let first = ["pod", "secret"].into_iter().find_map(named);
        let (object, node) = match (first, named("node")) {
            (None, node) => (node, None),
            found => found,
        };
        Some(Self {
            binding: TokenBinding {
                namespace: text(&["kubernetes.io", "namespace"])?,
                account: text(&["kubernetes.io", "serviceaccount", "name"])?,
                account_uid: text(&["kubernetes.io", "serviceaccount", "uid"])?,
                object,
                node,
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
