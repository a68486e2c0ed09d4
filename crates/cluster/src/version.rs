//! Which version of Kubernetes answers.

use crate::error::{Secrecy, Subject};
use crate::transport::Call;
use crate::{ApiError, ErrorClass, Session, Verb};
use serde::Deserialize;
use trueup_object::Text;

const PATH: &str = "/version";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionDocument {
    git_version: Text,
}

impl Session {
    /// The server's version as it calls itself, such as `v1.36.0`.
    pub async fn server_version(&self) -> Result<Text, ApiError> {
        let subject = Subject {
            verb: Verb::Discover,
            object: PATH.into(),
            secrecy: Secrecy::Open,
        };
        let call = Call::read(subject, PATH.to_owned(), PATH.into());
        let body = self.call(&call).await?;
        let document: Result<VersionDocument, _> = serde_json::from_slice(&body);
        document
            .map(|document| document.git_version)
            .map_err(|error| {
                ApiError::of(&call.subject, ErrorClass::Undecodable, &error.to_string())
            })
    }
}
