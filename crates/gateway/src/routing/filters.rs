//! What is done to requests and answers.

use super::backend::{Resolver, Target};
use super::unsupported::{Unsupported, at};
use crate::api::{FilterSpec, HeaderChangesSpec, HeaderSpec, MirrorSpec, PathChangeSpec};
use crate::api::{RedirectSpec, RewriteSpec};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use trueup_object::Text;

/// What is done to a request on its way, and to the answer.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// To the request's headers.
    pub request_headers: HeaderChanges,
    /// To the answer's headers.
    pub response_headers: HeaderChanges,
    /// To the request's host and path.
    pub rewrite: Option<Rewrite>,
    /// Sends the client elsewhere.
    pub redirect: Option<Redirect>,
    /// Who gets copies.
    pub mirrors: Vec<Mirror>,
}

/// Changes of headers: some are set, some added, some removed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeaderChanges {
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
    remove: Vec<HeaderName>,
}

/// What becomes of host and path on the way to the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The host instead.
    pub host: Option<Text>,
    /// The path instead.
    pub path: Option<PathChange>,
}

/// A change of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathChange {
    /// Another path.
    Whole(Text),
    /// Another text instead of the prefix that matched.
    Prefix(Text),
}

/// Where a client is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The scheme instead.
    pub scheme: Option<Text>,
    /// The host instead.
    pub host: Option<Text>,
    /// The port instead.
    pub port: Option<u16>,
    /// The path instead.
    pub path: Option<PathChange>,
    /// The answer's status.
    pub status: StatusCode,
}

/// Who gets copies of requests, and of how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Who.
    pub target: Target,
    /// How many of `of` requests.
    pub share: u64,
    /// Not 0.
    pub of: u64,
}

impl Filters {
    /// Reads the filters at `place` of a route; backends that don't resolve
    /// are told to `resolver`.
    pub(crate) fn read(
        place: &str,
        specs: &[FilterSpec],
        resolver: &mut Resolver<'_>,
    ) -> Result<Self, Unsupported> {
        let mut filters = Self::default();
        for (index, spec) in specs.iter().enumerate() {
            let place = at(place, &format!("filters[{index}]"));
            filters.add(&place, spec, resolver)?;
        }
        Ok(filters)
    }

    fn add(
        &mut self,
        place: &str,
        spec: &FilterSpec,
        resolver: &mut Resolver<'_>,
    ) -> Result<(), Unsupported> {
        let missing = || Unsupported::new(place, &spec.kind);
        match spec.kind.as_str() {
            "RequestHeaderModifier" => {
                let changes = &spec.request_header_modifier;
                self.request_headers.extend(place, changes)?;
            }
            "ResponseHeaderModifier" => {
                let changes = &spec.response_header_modifier;
                self.response_headers.extend(place, changes)?;
            }
            "RequestMirror" => {
                let mirror = spec.request_mirror.as_ref().ok_or_else(missing)?;
                self.mirrors.push(Mirror::read(place, mirror, resolver)?);
            }
            "RequestRedirect" => {
                let redirect = spec.request_redirect.as_ref().ok_or_else(missing)?;
                self.redirect = Some(Redirect::read(place, redirect)?);
            }
            "URLRewrite" => {
                let rewrite = spec.url_rewrite.as_ref().ok_or_else(missing)?;
                self.rewrite = Some(Rewrite::read(place, rewrite)?);
            }
            _ => return Err(Unsupported::new(&at(place, "type"), &spec.kind)),
        }
        Ok(())
    }

    /// Whether a matched prefix is needed to follow them.
    pub(crate) fn need_prefix(&self) -> bool {
        let rewrite = self.rewrite.as_ref().and_then(|it| it.path.as_ref());
        let redirect = self.redirect.as_ref().and_then(|it| it.path.as_ref());
        let is_prefix = |change: Option<&PathChange>| matches!(change, Some(PathChange::Prefix(_)));
        is_prefix(rewrite) || is_prefix(redirect)
    }
}

impl HeaderChanges {
    fn extend(&mut self, place: &str, spec: &HeaderChangesSpec) -> Result<(), Unsupported> {
        for header in &spec.set {
            self.set.push(pair(place, header)?);
        }
        for header in &spec.add {
            self.add.push(pair(place, header)?);
        }
        for header in &spec.remove {
            self.remove.push(name(place, header)?);
        }
        Ok(())
    }

    /// Makes the changes.
    pub fn apply(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name.clone(), value.clone());
        }
        for name in &self.remove {
            headers.remove(name);
        }
    }
}

fn pair(place: &str, header: &HeaderSpec) -> Result<(HeaderName, HeaderValue), Unsupported> {
    let value = HeaderValue::from_bytes(header.value.as_bytes())
        .map_err(|_| Unsupported::new(place, &header.value))?;
    Ok((name(place, &header.name)?, value))
}

fn name(place: &str, text: &str) -> Result<HeaderName, Unsupported> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| Unsupported::new(place, text))
}

impl Mirror {
    fn read(
        place: &str,
        spec: &MirrorSpec,
        resolver: &mut Resolver<'_>,
    ) -> Result<Self, Unsupported> {
        let (share, of) = match (spec.percent, spec.fraction) {
            (Some(percent), _) => (percent, 100),
            (None, Some(fraction)) => (fraction.numerator, fraction.denominator),
            (None, None) => (1, 1),
        };
        if of == 0 || share > of {
            let shown = format!("{share}/{of}");
            return Err(Unsupported::new(&at(place, "requestMirror"), &shown));
        }
        let target = resolver.resolve(&at(place, "requestMirror.backendRef"), &spec.backend_ref);
        Ok(Self { target, share, of })
    }
}

impl PathChange {
    fn read(place: &str, spec: &PathChangeSpec) -> Result<Self, Unsupported> {
        let refused = || Unsupported::new(&at(place, "path.type"), &spec.kind);
        let (change, text) = match spec.kind.as_str() {
            "ReplaceFullPath" => (Self::Whole as fn(Text) -> Self, &spec.replace_full_path),
            "ReplacePrefixMatch" => (Self::Prefix as fn(Text) -> Self, &spec.replace_prefix_match),
            _ => return Err(refused()),
        };
        text.clone().map(change).ok_or_else(refused)
    }

    /// The path instead of `path`, whose beginning `prefix` has matched.
    #[must_use]
    pub fn of(&self, path: &str, prefix: Option<&str>) -> String {
        let replaced = match self {
            Self::Whole(whole) => whole.to_string(),
            Self::Prefix(text) => {
                let rest = path.strip_prefix(prefix.unwrap_or_default());
                let rest = rest.unwrap_or(path).trim_start_matches('/');
                match (text.trim_end_matches('/'), rest) {
                    (text, "") => text.to_owned(),
                    (text, rest) => format!("{text}/{rest}"),
                }
            }
        };
        if replaced.starts_with('/') {
            replaced
        } else {
            format!("/{replaced}")
        }
    }
}

impl Rewrite {
    fn read(place: &str, spec: &RewriteSpec) -> Result<Self, Unsupported> {
        let place = at(place, "urlRewrite");
        let path = spec.path.as_ref();
        Ok(Self {
            host: spec.hostname.clone(),
            path: path
                .map(|path| PathChange::read(&place, path))
                .transpose()?,
        })
    }
}

impl Redirect {
    fn read(place: &str, spec: &RedirectSpec) -> Result<Self, Unsupported> {
        let place = at(place, "requestRedirect");
        let code = spec.status_code.unwrap_or(302);
        let status = StatusCode::from_u16(code)
            .ok()
            .filter(StatusCode::is_redirection);
        let path = spec.path.as_ref();
        Ok(Self {
            scheme: spec.scheme.clone(),
            host: spec.hostname.clone(),
            port: spec.port,
            path: path
                .map(|path| PathChange::read(&place, path))
                .transpose()?,
            status: status
                .ok_or_else(|| Unsupported::new(&at(&place, "statusCode"), &code.to_string()))?,
        })
    }

    /// The address that a client is sent to, from a request for `host_header`
    /// (with its port) and `path` with `query`.
    #[must_use]
    pub fn location(
        &self,
        host_header: &str,
        path: &str,
        query: &str,
        prefix: Option<&str>,
    ) -> String {
        let scheme = self.scheme.as_deref().unwrap_or("http");
        let (asked_name, asked_port) = match host_header.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().ok()),
            None => (host_header, None),
        };
        let name = self.host.as_deref().unwrap_or(asked_name);
        // Another scheme without a port means that scheme's own port.
        let port = self.port.or(asked_port.filter(|_| self.scheme.is_none()));
        let well_known = match scheme {
            "https" => 443,
            _ => 80,
        };
        let port = port.filter(|port| *port != well_known);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = match &self.path {
            Some(change) => change.of(path, prefix),
            None => path.to_owned(),
        };
        let question = if query.is_empty() { "" } else { "?" };
        format!("{scheme}://{name}{port}{path}{question}{query}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_replaced_as_the_api_says() {
        for (path, prefix, text, expected) in [
            ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
            ("/foo/", "/foo", "/xyz", "/xyz"),
            ("/foo", "/foo", "/xyz", "/xyz"),
            ("/foo/bar", "/foo", "", "/bar"),
            ("/foo", "/foo", "", "/"),
            ("/foo/", "/foo", "/", "/"),
            ("/foo/bar", "/foo", "/", "/bar"),
            ("/foo", "", "/xyz", "/xyz/foo"),
            ("/", "", "/xyz", "/xyz"),
        ] {
            let change = PathChange::Prefix(text.into());
            assert_eq!(change.of(path, Some(prefix)), expected, "{path} {text}");
        }
        assert_eq!(PathChange::Whole("/one".into()).of("/a/b", None), "/one");
    }

    #[test]
    fn a_redirect_keeps_what_it_does_not_change() {
        let plain = Redirect {
            scheme: None,
            host: None,
            port: None,
            path: None,
            status: StatusCode::FOUND,
        };
        let of = |redirect: &Redirect| redirect.location("a.example:8080", "/x", "q=1", None);
        assert_eq!(of(&plain), "http://a.example:8080/x?q=1");
        let secure = Redirect {
            scheme: Some("https".into()),
            ..plain.clone()
        };
        assert_eq!(of(&secure), "https://a.example/x?q=1");
        let moved = Redirect {
            host: Some("b.example".into()),
            port: Some(80),
            path: Some(PathChange::Whole("/y".into())),
            ..plain
        };
        assert_eq!(of(&moved), "http://b.example/y?q=1");
    }

    #[test]
    fn headers_are_set_added_and_removed() {
        let header = |name: &str, value: &str| HeaderSpec {
            name: name.into(),
            value: value.into(),
        };
        let mut changes = HeaderChanges::default();
        let spec = HeaderChangesSpec {
            set: vec![header("X-Set", "new")],
            add: vec![header("Set-Cookie", "a=1"), header("Set-Cookie", "b=2")],
            remove: vec!["X-Gone".into()],
        };
        changes.extend("spec", &spec).unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-set", HeaderValue::from_static("old"));
        headers.append("x-set", HeaderValue::from_static("older"));
        headers.append("set-cookie", HeaderValue::from_static("own=0"));
        headers.append("x-gone", HeaderValue::from_static("1"));
        changes.apply(&mut headers);
        let all = |name: &str| -> Vec<&str> {
            let values = headers.get_all(name).iter();
            values.map(|value| value.to_str().unwrap()).collect()
        };
        assert_eq!(all("x-set"), ["new"]);
        assert_eq!(all("set-cookie"), ["own=0", "a=1", "b=2"]);
        assert!(all("x-gone").is_empty());
        let hostile = HeaderChangesSpec {
            set: vec![header("X-Set", "a\r\nX-Injected: b")],
            ..HeaderChangesSpec::default()
        };
        assert!(HeaderChanges::default().extend("spec", &hostile).is_err());
    }
}
