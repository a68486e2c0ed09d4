//! In which form a client wants its answer: one table of media types.

use super::reply::Layout;
use super::tables::MetaVersion;
use crate::core::{ApiError, Details, Query, Request};

/// The encoding of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// JSON.
    #[default]
    Json,
    /// YAML.
    Yaml,
}

/// What an answer is turned into before it is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// The objects as they are.
    #[default]
    Whole,
    /// A `Table`.
    Table(MetaVersion),
    /// Metadata only.
    Metadata(MetaVersion),
}

/// What a client accepts, decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// The encoding.
    pub encoding: Encoding,
    /// The shape.
    pub shape: Shape,
    /// How JSON is laid out.
    pub layout: Layout,
}

/// Which kind of answer is being negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Objects of built-in kinds: the text of a refusal names what a genuine
    /// server has there.
    Builtin,
    /// Custom resources.
    Custom,
}

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// One entry of an Accept header.
#[derive(Clone, Debug)]
struct Clause<'a> {
    media_type: &'a str,
    quality: f32,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let parameters: Vec<(&str, &str)> = parts
            .filter_map(|part| part.split_once('='))
            .map(|(key, value)| (key.trim(), value.trim()))
            .collect();
        let quality = parameters
            .iter()
            .find(|(key, _)| *key == "q")
            .and_then(|(_, value)| value.parse().ok());
        Self {
            media_type,
            quality: quality.unwrap_or(1.0),
            parameters,
        }
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.parameters
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| *value)
    }

    fn encoding(&self) -> Option<Encoding> {
        match self.media_type {
            JSON | "*/*" | "application/*" => Some(Encoding::Json),
            YAML => Some(Encoding::Yaml),
            _ => None,
        }
    }

    /// The shape asked for; `None` if it is one that nobody has.
    fn shape(&self) -> Option<Shape> {
        let Some(kind) = self.get("as") else {
            return Some(Shape::Whole);
        };
        let version = match (self.get("g"), self.get("v")) {
            (Some("meta.k8s.io"), Some("v1")) => MetaVersion::V1,
            (Some("meta.k8s.io"), Some("v1beta1")) => MetaVersion::V1Beta1,
            _ => return None,
        };
        match kind {
            "Table" => Some(Shape::Table(version)),
            "PartialObjectMetadata" | "PartialObjectMetadataList" => Some(Shape::Metadata(version)),
            _ => None,
        }
    }
}

/// The entries of an Accept header, the most wanted first.
fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<Clause<'_>> = accept
        .split(',')
        .map(Clause::parse)
        .filter(|clause| !clause.media_type.is_empty())
        .collect();
    clauses.sort_by(|left, right| right.quality.total_cmp(&left.quality));
    clauses
}

/// Chooses the form of an answer for a resource. Fails with 406 where the
/// client takes nothing that can be given.
pub fn negotiate(request: &Request, answers: Answers) -> Result<Format, ApiError> {
    let layout = layout(request);
    let accept = request.accept.as_deref().unwrap_or_default();
    let clauses = clauses(accept);
    if clauses.is_empty() {
        return Ok(Format {
            layout,
            ..Format::default()
        });
    }
    let known = |clause: &Clause<'_>| matches!(clause.media_type, JSON | YAML | PROTOBUF | "*/*");
    if !clauses.iter().any(known) {
        return Err(not_acceptable_route(request));
    }
    let chosen = clauses
        .iter()
        .find_map(|clause| Some((clause.encoding()?, clause.shape()?)));
    match chosen {
        Some((encoding, shape)) => Ok(Format {
            encoding,
            shape,
            layout,
        }),
        None => Err(not_acceptable(
            answers,
            clauses.iter().any(|clause| clause.media_type == PROTOBUF),
        )),
    }
}

/// Whether the client takes JSON in one of these extended forms of discovery:
/// gives the value of `v` that it wants.
#[must_use]
pub fn aggregated_discovery_version(request: &Request) -> Option<&'static str> {
    for clause in clauses(request.accept.as_deref().unwrap_or_default()) {
        match (clause.get("g"), clause.get("v"), clause.get("as")) {
            (Some("apidiscovery.k8s.io"), Some("v2"), Some("APIGroupDiscoveryList")) => {
                return Some("v2");
            }
            (None, None, None) if clause.encoding().is_some() => return None,
            _ => {}
        }
    }
    None
}

/// How JSON is laid out: as asked, else for people if a person's tool asks.
#[must_use]
pub fn layout(request: &Request) -> Layout {
    let agent = request.user_agent.as_deref().unwrap_or_default();
    let by_person = ["curl", "Wget", "Mozilla/5.0"]
        .iter()
        .any(|start| agent.starts_with(start));
    match Query::parse(&request.query).get("pretty") {
        Some("false" | "0") => Layout::Compact,
        Some(_) => Layout::Pretty,
        None if by_person => Layout::Pretty,
        None => Layout::Compact,
    }
}

/// The router's refusal, before the resource is looked at.
fn not_acceptable_route(request: &Request) -> ApiError {
    let mut available = format!("{JSON}, {YAML}, {PROTOBUF}");
    if request.method == "GET" {
        available.push_str(&format!(", {JSON};stream=watch, {PROTOBUF};stream=watch"));
    }
    let message = format!("406: Not Acceptable\n\nAvailable representations: {available}");
    ApiError::new(406, "NotAcceptable", message).with_details(Details::default())
}

fn not_acceptable(answers: Answers, wants_protobuf: bool) -> ApiError {
    let list = match answers {
        // Where protobuf is what was asked for, saying that it is accepted
        // would send the client in circles.
        Answers::Builtin if !wants_protobuf => format!("{JSON}, {YAML}, {PROTOBUF}"),
        _ => format!("{JSON}, {YAML}"),
    };
    ApiError::new(
        406,
        "NotAcceptable",
        format!("only the following media types are accepted: {list}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(accept: &str) -> Result<Format, ApiError> {
        let request = Request {
            accept: Some(accept.to_owned()),
            ..Request::new("GET", "/api/v1/pods")
        };
        negotiate(&request, Answers::Builtin)
    }

    #[test]
    fn the_first_form_that_can_be_given_is_chosen() {
        let table = format(
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
        );
        assert_eq!(table.unwrap().shape, Shape::Table(MetaVersion::V1));
        assert_eq!(
            format("text/html, application/json;q=0.5").unwrap(),
            Format::default()
        );
        assert_eq!(format("application/yaml").unwrap().encoding, Encoding::Yaml);
        assert_eq!(
            format("application/json;q=0.1,application/yaml")
                .unwrap()
                .encoding,
            Encoding::Yaml
        );
        assert_eq!(
            format("application/vnd.kubernetes.protobuf,application/json").unwrap(),
            Format::default()
        );
        assert_eq!(format("*/*").unwrap(), Format::default());
    }

    #[test]
    fn what_nobody_has_is_refused_in_the_words_of_the_layer_that_refuses() {
        let message = |accept| format(accept).unwrap_err().message;
        assert!(
            message("text/plain").starts_with(
                "406: Not Acceptable\n\nAvailable representations: application/json, "
            )
        );
        assert_eq!(
            message("application/json;as=Bogus;v=v1;g=meta.k8s.io"),
            "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf"
        );
        assert_eq!(
            message("application/vnd.kubernetes.protobuf"),
            "only the following media types are accepted: application/json, application/yaml"
        );
    }

    #[test]
    fn people_get_indented_json_unless_they_refuse_it() {
        let layout_of = |target: &str, agent: &str| {
            layout(&Request {
                user_agent: Some(agent.to_owned()),
                ..Request::new("GET", target)
            })
        };
        assert_eq!(layout_of("/x", "curl/8"), Layout::Pretty);
        assert_eq!(layout_of("/x?pretty=false", "curl/8"), Layout::Compact);
        assert_eq!(layout_of("/x?pretty=true", "kubectl"), Layout::Pretty);
        assert_eq!(layout_of("/x", "kubectl"), Layout::Compact);
    }
}
