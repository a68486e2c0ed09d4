//! Scenarios as their files hold them.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use trueup_object::Value;

/// One conversation; the fields are those of the recordings' README.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, which no other scenario has in any area.
    pub name: String,
    /// What it is about in a word: `crud`, `watch`, …
    pub area: String,
    /// What it is about in a sentence.
    pub about: String,
    /// The namespace that it is played in; `None` where it needs none.
    pub namespace: Option<String>,
    /// The `User-Agent` of requests that name no other.
    pub user_agent: String,
    /// Controllers that must run.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Whether it shows the whole server, which then has no custom resources.
    #[serde(default)]
    pub alone: bool,
    /// Whether `managedFields` are compared in order throughout.
    #[serde(default)]
    pub ordered_managed_fields: bool,
    /// The `<rv:N>` placeholders from oldest to newest, where that is not
    /// their numeric order.
    #[serde(default)]
    pub rv_order: Vec<String>,
    /// What is said, in order.
    pub steps: Vec<Step>,
}

/// One step: a request, a watch, or only a note.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// For people.
    pub note: Option<String>,
    /// A request.
    pub request: Option<RequestStep>,
    /// A watch, whose events are compared here.
    pub watch: Option<WatchStep>,
    /// What came back.
    #[serde(default)]
    pub response: Response,
    /// Repeat the request until this holds.
    pub poll: Option<Poll>,
    /// Seconds to wait first.
    pub sleep_before_s: Option<f64>,
    /// Whether `managedFields` are compared in order here.
    #[serde(default)]
    pub ordered_managed_fields: bool,
    /// Of a watch: the step before which it must be open.
    pub opened_before_step: Option<usize>,
    /// Of a watch: its events.
    #[serde(default)]
    pub events: Vec<Value>,
    /// Of a watch: who ended it, `server` or `client`.
    pub ended_by: Option<String>,
}

/// A request; at most one of the bodies is there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestStep {
    /// HTTP method.
    pub method: String,
    /// Path with query, percent-encoded.
    pub path: String,
    /// `Accept`.
    pub accept: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON to be sent in compact form, keys in the order of the file.
    #[serde(default, deserialize_with = "present")]
    pub body: Option<Box<RawValue>>,
    /// Text to be sent as it is.
    pub body_raw: Option<String>,
    /// The step whose answer is sent back, changed by `body_merge`.
    pub body_from_step: Option<usize>,
    /// A JSON merge patch.
    #[serde(default)]
    pub body_merge: Value,
    /// A body too long to be written out.
    pub body_repeat: Option<RepeatedBody>,
    /// Whom the administrator impersonates.
    #[serde(rename = "as")]
    pub impersonated: Option<Impersonated>,
    /// Who asks, if it is not the administrator.
    pub auth: Option<Authorization>,
}

/// A body with a text many times over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatedBody {
    /// The body.
    pub template: Box<RawValue>,
    /// The text in it that stands for the long one.
    pub placeholder: String,
    /// What is repeated.
    pub text: String,
    /// How often.
    pub times: usize,
}

/// Impersonation.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impersonated {
    /// User.
    pub user: Option<String>,
    /// UID.
    pub uid: Option<String>,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Extra values.
    #[serde(default)]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Who asks.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Authorization {
    /// `"none"`: nobody who is known.
    Nobody(String),
    /// The holder of this token.
    Bearer {
        /// The token.
        bearer: String,
    },
    /// The holder of a token that an earlier answer shows.
    BearerFromStep {
        /// The step of that answer.
        bearer_from_step: usize,
        /// The path in it.
        at: String,
    },
}

/// What a request is repeated for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// Values by path, with `@status` for the HTTP status.
    pub until: BTreeMap<String, Value>,
}

/// A watch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchStep {
    /// Path with query.
    pub path: String,
    /// `Accept`.
    pub accept: Option<String>,
    /// Seconds after which the server ends it.
    pub timeout_s: u64,
    /// Whom the administrator impersonates.
    #[serde(rename = "as")]
    pub impersonated: Option<Impersonated>,
    /// Says that bookmarks without annotations count here.
    pub plain_bookmarks: Option<String>,
}

/// What came back.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// The headers that matter; those missing here must be missing.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// The whole answer.
    #[serde(default, deserialize_with = "present")]
    pub body: Option<Value>,
    /// The parts of the answer that matter, by path.
    #[serde(default)]
    pub body_select: BTreeMap<String, Value>,
    /// An answer that is no JSON, or whose exact text matters.
    pub body_text: Option<String>,
    /// Says that only status and headers matter.
    #[serde(default)]
    pub body_omitted: bool,
    /// Whether the causes of an error come in any order.
    #[serde(default)]
    pub unordered_causes: bool,
}

/// Keeps `null` apart from nothing.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Why a scenario could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file or folder can't be read.
    #[error("cannot read {path}: {cause}", path = path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        cause: std::io::Error,
    },
    /// The file holds no scenario.
    #[error("{path} is no scenario: {cause}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The cause, with its place.
        cause: serde_json::Error,
    },
}

impl Scenario {
    /// Reads one file.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path).map_err(|cause| ScenarioError::File {
            path: path.to_owned(),
            cause,
        })?;
        serde_json::from_str(&text).map_err(|cause| ScenarioError::Content {
            path: path.to_owned(),
            cause,
        })
    }

    /// `AREA::NAME`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}::{}", self.area, self.name)
    }

    /// The controllers that the scenario needs and `there` has not.
    #[must_use]
    pub fn lacks(&self, there: &[&str]) -> Vec<&str> {
        let needs = self.needs.iter().map(String::as_str);
        needs.filter(|need| !there.contains(need)).collect()
    }
}

/// The scenarios in the folders `AREA` of a folder, by area and name.
pub fn read_scenarios(folder: &Path) -> Result<Vec<Scenario>, ScenarioError> {
    let mut files = Vec::new();
    for area in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        files.extend(entries(&area)?);
    }
    files.retain(|path| path.extension().is_some_and(|it| it == "json"));
    files.sort();
    files.iter().map(|path| Scenario::read(path)).collect()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, ScenarioError> {
    let failed = |cause| ScenarioError::File {
        path: folder.to_owned(),
        cause,
    };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
        .collect()
}

/// The folder of the recordings below a folder of shared files: the one given,
/// else `$TRUEUP_SHARED`, else the one beside the workspace.
#[must_use]
pub fn recordings(shared: Option<&Path>) -> PathBuf {
    let shared = match (shared, std::env::var_os("TRUEUP_SHARED")) {
        (Some(given), _) => given.to_owned(),
        (None, Some(named)) => named.into(),
        (None, None) => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
    };
    shared.join("kubernetes/transcripts")
}

/// The folder of our own scenarios, which always run.
#[must_use]
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_null_is_a_body_and_keys_keep_their_order() {
        let step: RequestStep =
            serde_json::from_str(r#"{"method": "PUT", "path": "/", "body": null}"#).unwrap();
        assert_eq!(step.body.unwrap().get(), "null");
        let step: RequestStep =
            serde_json::from_str(r#"{"method": "PUT", "path": "/", "body": {"b": 1, "a": 2}}"#)
                .unwrap();
        assert_eq!(step.body.unwrap().get(), r#"{"b": 1, "a": 2}"#);
    }

    #[test]
    fn a_field_that_nobody_knows_is_refused() {
        let text = r#"{"method": "GET", "path": "/", "trailers": {}}"#;
        assert!(serde_json::from_str::<RequestStep>(text).is_err());
    }

    #[test]
    fn our_own_scenarios_can_be_read() {
        assert!(!read_scenarios(&samples()).unwrap().is_empty());
    }
}
