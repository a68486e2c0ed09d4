//! `MetricTemplate`: a query and who answers it.

use super::decode::{FieldErrors, decode_fields};
use crate::{LocalReference, Metadata, names};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trueup_object::{Text, Value};

/// A query and who answers it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricTemplate {
    /// Metadata.
    pub metadata: Metadata,
    /// What is asked.
    pub spec: MetricTemplateSpec,
}

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricTemplateSpec {
    /// Who is asked.
    pub provider: MetricProvider,
    /// The question, a Go template.
    pub query: Text,
}

/// Who is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricProvider {
    /// Which kind of program it is.
    #[serde(rename = "type")]
    pub kind: Text,
    /// Its address.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub address: Text,
    /// Headers of the requests.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<Text, Vec<Text>>,
    /// Secret with the credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalReference>,
    /// Region of the account.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub region: Text,
    /// Whether certificates are not checked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure_skip_verify: bool,
}

impl MetricTemplate {
    /// API group.
    pub const GROUP: &'static str = names::FLAGGER_GROUP;
    /// Version.
    pub const VERSION: &'static str = "v1beta1";
    /// Kind.
    pub const KIND: &'static str = "MetricTemplate";
    /// Plural, as in URLs.
    pub const PLURAL: &'static str = "metrictemplates";

    /// Reads a live object; names every field that does not fit. Unknown
    /// fields are passed over.
    pub fn decode(object: &Value) -> Result<Self, FieldErrors> {
        decode_fields(object)
    }
}
