//! `AlertProvider`: where alerts go.

use super::decode::{FieldErrors, decode_fields};
use crate::{LocalReference, Metadata, names};
use serde::{Deserialize, Serialize};
use trueup_object::{Text, Value};

/// Where alerts go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertProvider {
    /// Metadata.
    pub metadata: Metadata,
    /// Who is told.
    pub spec: AlertProviderSpec,
}

/// Who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AlertProviderSpec {
    /// `slack`, `msteams`, `discord`, `rocket` or `gchat`.
    #[serde(rename = "type")]
    pub kind: Text,
    /// The channel; `general` where it is empty.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub channel: Text,
    /// The name that is shown; `flagger` where it is empty.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub username: Text,
    /// Where to send to.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub address: Text,
    /// The proxy.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub proxy: Text,
    /// Secret with `address`, and `token` if need be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalReference>,
}

impl AlertProvider {
    /// API group.
    pub const GROUP: &'static str = names::FLAGGER_GROUP;
    /// Version.
    pub const VERSION: &'static str = "v1beta1";
    /// Kind.
    pub const KIND: &'static str = "AlertProvider";
    /// Plural, as in URLs.
    pub const PLURAL: &'static str = "alertproviders";

    /// Reads a live object; names every field that does not fit. Unknown
    /// fields are passed over.
    pub fn decode(object: &Value) -> Result<Self, FieldErrors> {
        decode_fields(object)
    }
}
