//! Tokens of service accounts, and whether a server answers at all.

use crate::error::Subject;
use crate::transport::{Call, secrecy_of};
use crate::{ApiError, ErrorClass, Session, Verb};
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use std::fmt;
use trueup_object::{Text, to_json, value};

/// A token of a service account, by the API `TokenRequest`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountToken {
    /// The token.
    pub token: Text,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

impl fmt::Debug for AccountToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AccountToken(***, until {})", self.expires_at)
    }
}

#[derive(Deserialize)]
struct Answer {
    status: AnswerStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerStatus {
    token: Text,
    expiration_timestamp: Timestamp,
}

impl Session {
    /// A fresh token of a service account, for the given audiences; for the
    /// server's own without any.
    pub async fn request_token(
        &self,
        namespace: &str,
        account: &str,
        audiences: &[Text],
    ) -> Result<AccountToken, ApiError> {
        // The answer is a secret, whatever an error may quote of it.
        let subject = Subject {
            verb: Verb::Create,
            object: format!("token of ServiceAccount/{namespace}/{account}").into(),
            secrecy: secrecy_of("", "Secret"),
        };
        if [namespace, account].iter().any(|it| !is_name(it)) {
            let text = "no usable name is given";
            return Err(ApiError::of(&subject, ErrorClass::Unbuildable, text));
        }
        let audiences: trueup_object::Value = audiences.iter().cloned().map(Into::into).collect();
        let body = value!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"audiences": audiences},
        });
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let call = Call::read(subject.clone(), path, "serviceaccounts/token".into()).sending(
            Method::POST,
            "application/json",
            to_json(&body),
        );
        let body = self.call(&call).await?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
            let text = "the answer is no TokenRequest";
            ApiError::of(&subject, ErrorClass::Undecodable, text)
        })?;
        Ok(AccountToken {
            token: answer.status.token,
            expires_at: answer.status.expiration_timestamp,
        })
    }

    /// Asks the server for its version: succeeds if there is one that knows
    /// us, also if it keeps its version to itself.
    pub async fn knock(&self) -> Result<(), ApiError> {
        let subject = Subject {
            verb: Verb::Get,
            object: "version of the server".into(),
            secrecy: secrecy_of("", ""),
        };
        let call = Call::read(subject, "/version".to_owned(), "version".into());
        match self.call(&call).await {
            Ok(_) => Ok(()),
            Err(error) if error.class() == ErrorClass::Forbidden => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether a text is safe as a segment of a path: a DNS name.
fn is_name(text: &str) -> bool {
    let is_dns = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    !matches!(text, "" | "." | "..") && text.bytes().all(is_dns)
}
