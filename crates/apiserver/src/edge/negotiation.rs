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
    /// Metadata only, of one object or of each event.
    Metadata(MetaVersion),
    /// Metadata only, of a list.
    MetadataList(MetaVersion),
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

impl From<Layout> for Format {
    /// JSON, whole.
    fn from(layout: Layout) -> Self {
        Self {
            layout,
            ..Self::default()
        }
    }
}

/// What is being negotiated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether a router stands before it, which knows media types by their
    /// names only; `None` where none does.
    pub router: Option<Router>,
    /// Which forms its answers have.
    pub answers: Answers,
}

/// Which media types a router lists when it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Router {
    /// Those of one object or document.
    Documents,
    /// Those, and of watches.
    Lists,
    /// JSON only.
    Json,
}

/// Which forms answers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Objects: whole, as Tables, or their metadata.
    Objects,
    /// Events of a watch, in the same forms.
    Events,
    /// Documents in one form only: discovery, reviews of it, errors.
    Documents,
}

/// A media type of the API. One that is to be served gets its encoding here,
/// and `encode` a way to write it.
struct MediaType {
    name: &'static str,
    /// How it is written; `None` for one that a genuine server has and this
    /// one has not.
    encoding: Option<Encoding>,
    /// Whether events can be told in it.
    streams: bool,
    /// Whether Tables can be.
    tables: bool,
}

/// The media types in the order in which refusals list them.
const MEDIA_TYPES: &[MediaType] = &[
    MediaType {
        name: "application/json",
        encoding: Some(Encoding::Json),
        streams: true,
        tables: true,
    },
    MediaType {
        name: "application/yaml",
        encoding: Some(Encoding::Yaml),
        streams: false,
        tables: true,
    },
    MediaType {
        name: "application/vnd.kubernetes.protobuf",
        encoding: None,
        streams: true,
        tables: false,
    },
];

/// The only group whose kinds answers can be turned into.
const META_GROUP: &str = "meta.k8s.io";

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

    /// Whether it names a media type, wildcards included.
    fn names(&self, media_type: &MediaType) -> bool {
        self.media_type == media_type.name || matches!(self.media_type, "*/*" | "application/*")
    }

    /// The shape asked for in a media type; `None` if it can't be given.
    fn shape(&self, media_type: &MediaType, answers: Answers) -> Option<Shape> {
        if let Some(stream) = self.get("stream").filter(|stream| !stream.is_empty())
            && (stream != "watch" || !media_type.streams)
        {
            return None;
        }
        let conversion = (self.get("as"), self.get("g"), self.get("v"));
        let (kind, version) = match conversion {
            (None, None, None) => return Some(Shape::Whole),
            _ if answers == Answers::Documents => return None,
            (Some(kind), Some(META_GROUP), Some("v1")) => (kind, MetaVersion::V1),
            (Some(kind), Some(META_GROUP), Some("v1beta1")) => (kind, MetaVersion::V1Beta1),
            _ => return None,
        };
        match (kind, answers) {
            ("Table", _) => media_type.tables.then_some(Shape::Table(version)),
            ("PartialObjectMetadataList", Answers::Objects) => Some(Shape::MetadataList(version)),
            ("PartialObjectMetadata" | "PartialObjectMetadataList", _) => {
                Some(Shape::Metadata(version))
            }
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

/// Chooses the form of an answer. Fails with 406 where the client takes
/// nothing that can be given, in the words of the layer that refuses.
pub fn negotiate(request: &Request, endpoint: Endpoint) -> Result<Format, ApiError> {
    let layout = layout(request);
    let clauses = clauses(request.accept.as_deref().unwrap_or_default());
    if clauses.is_empty() {
        return Ok(layout.into());
    }
    if let Some(router) = endpoint.router
        && !clauses.iter().any(|clause| router.takes(clause))
    {
        return Err(router.refusal());
    }
    let (format, media_type) = choose(&clauses, endpoint.answers)
        .ok_or_else(|| not_acceptable(&clauses, endpoint.answers))?;
    if endpoint.answers == Answers::Events && !media_type.streams {
        return Err(refusal(&streaming_names()));
    }
    Ok(Format { layout, ..format })
}

/// The form of an error: as its receiver takes documents, else JSON.
#[must_use]
pub fn error_format(request: &Request) -> Format {
    let clauses = clauses(request.accept.as_deref().unwrap_or_default());
    let chosen = choose(&clauses, Answers::Documents);
    Format {
        layout: layout(request),
        ..chosen.map(|(format, _)| format).unwrap_or_default()
    }
}

/// The first form that is taken and can be given.
fn choose(clauses: &[Clause<'_>], answers: Answers) -> Option<(Format, &'static MediaType)> {
    clauses.iter().find_map(|clause| {
        MEDIA_TYPES.iter().find_map(|media_type| {
            let encoding = media_type.encoding.filter(|_| clause.names(media_type))?;
            let format = Format {
                encoding,
                shape: clause.shape(media_type, answers)?,
                layout: Layout::default(),
            };
            Some((format, media_type))
        })
    })
}

impl Router {
    fn takes(self, clause: &Clause<'_>) -> bool {
        let served = match self {
            Self::Json => &MEDIA_TYPES[..1],
            Self::Documents | Self::Lists => MEDIA_TYPES,
        };
        clause.media_type == "*/*" || served.iter().any(|it| it.name == clause.media_type)
    }

    fn refusal(self) -> ApiError {
        let mut available = match self {
            Self::Json => vec![MEDIA_TYPES[0].name.to_owned()],
            Self::Documents | Self::Lists => names(),
        };
        if self == Self::Lists {
            available.extend(streaming_names());
        }
        let available = available.join(", ");
        let message = format!("406: Not Acceptable\n\nAvailable representations: {available}");
        ApiError::new(406, "NotAcceptable", message).with_details(Details::default())
    }
}

fn names() -> Vec<String> {
    MEDIA_TYPES.iter().map(|it| it.name.to_owned()).collect()
}

fn streaming_names() -> Vec<String> {
    let streaming = MEDIA_TYPES.iter().filter(|it| it.streams);
    streaming
        .map(|it| format!("{};stream=watch", it.name))
        .collect()
}

/// The refusal of a client that takes nothing that can be given. Where a type
/// that is not served would have done, the list leaves it out: it would send
/// the client in circles.
fn not_acceptable(clauses: &[Clause<'_>], answers: Answers) -> ApiError {
    let would_have_done = |media_type: &MediaType| {
        clauses
            .iter()
            .any(|it| it.names(media_type) && it.shape(media_type, answers).is_some())
    };
    let listed = MEDIA_TYPES
        .iter()
        .filter(|it| it.encoding.is_some() || !would_have_done(it));
    refusal(&listed.map(|it| it.name.to_owned()).collect::<Vec<_>>())
}

fn refusal(listed: &[String]) -> ApiError {
    let listed = listed.join(", ");
    ApiError::new(
        406,
        "NotAcceptable",
        format!("only the following media types are accepted: {listed}"),
    )
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
            (None, None, None) if clause.names(&MEDIA_TYPES[0]) => return None,
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

#[cfg(test)]
mod tests {
    use super::*;

    const LISTS: Endpoint = Endpoint {
        router: Some(Router::Lists),
        answers: Answers::Objects,
    };

    fn format(accept: &str) -> Result<Format, ApiError> {
        let request = Request {
            accept: Some(accept.to_owned()),
            ..Request::new("GET", "/api/v1/pods")
        };
        negotiate(&request, LISTS)
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
    fn endpoints_differ_in_what_they_take() {
        let negotiated = |accept: &str, router, answers| {
            let request = Request {
                accept: Some(accept.to_owned()),
                ..Request::new("GET", "/x")
            };
            negotiate(&request, Endpoint { router, answers }).map_err(|error| error.message)
        };
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
        let listed = "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf";
        assert_eq!(
            negotiated(table, None, Answers::Documents).unwrap_err(),
            listed
        );
        assert_eq!(
            negotiated("application/json;stream=x", None, Answers::Objects).unwrap_err(),
            listed
        );
        assert_eq!(
            negotiated("application/json;v=v1", None, Answers::Objects).unwrap_err(),
            listed
        );
        assert!(negotiated("application/*", None, Answers::Objects).is_ok());
        assert!(negotiated("application/*", Some(Router::Documents), Answers::Objects).is_err());
        assert_eq!(
            negotiated("application/yaml", None, Answers::Events).unwrap_err(),
            "only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
        );
        assert_eq!(
            negotiated("application/yaml", Some(Router::Json), Answers::Documents).unwrap_err(),
            "406: Not Acceptable\n\nAvailable representations: application/json"
        );
        let list = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
        let shape = |answers| negotiated(list, None, answers).unwrap().shape;
        assert_eq!(
            shape(Answers::Objects),
            Shape::MetadataList(MetaVersion::V1)
        );
        assert_eq!(shape(Answers::Events), Shape::Metadata(MetaVersion::V1));
    }

    #[test]
    fn errors_are_told_in_yaml_to_who_takes_only_that() {
        let encoding = |accept: &str| {
            let request = Request {
                accept: Some(accept.to_owned()),
                ..Request::new("GET", "/x")
            };
            error_format(&request).encoding
        };
        assert_eq!(encoding("application/yaml"), Encoding::Yaml);
        assert_eq!(
            encoding("application/yaml;as=Table;v=v1;g=meta.k8s.io"),
            Encoding::Json
        );
        assert_eq!(encoding("text/html"), Encoding::Json);
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
