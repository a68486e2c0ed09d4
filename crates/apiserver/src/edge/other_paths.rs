//! Every path that names no resource: discovery, OpenAPI, health, version.

use super::encode::encode_value;
use super::negotiation::{Answers, Endpoint, Router, error_format, layout, negotiate};
use super::reply::Reply;
use super::{ApiServer, discovery, health, openapi};
use crate::core::{ApiError, Request};
use trueup_object::value;

/// The version of Kubernetes whose API this is.
const KUBERNETES_MINOR: &str = "36";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// Answers a request that was authorised.
pub fn answer(server: &ApiServer, request: &Request) -> Reply {
    if let Some(reply) = health::answer(server, request) {
        return reply;
    }
    let tables = server.inner.core.registry().tables();
    let path = request.path.trim_end_matches('/');
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let reply = match segments.as_slice() {
        [] | ["index.html"] => Some(discovery::root(&tables)),
        ["version"] => Some(version_reply(request)),
        ["metrics"] => Some(Reply::full(200, PROMETHEUS, metrics(server))),
        ["openapi", "v2"] => Some(openapi::v2(server, request)),
        ["openapi", "v3"] => Some(openapi::index(server)),
        ["openapi", "v3", rest @ ..] => Some(openapi::v3(server, rest)),
        [".well-known", "openid-configuration"] => {
            Some(server.inner.authentication.openid_configuration())
        }
        ["openid", "v1", "jwks"] => {
            let accept = request.accept.as_deref();
            Some(server.inner.authentication.key_set(accept))
        }
        ["api" | "apis", ..] => return discovery::answer(server, &tables, request, &segments),
        _ => None,
    };
    match reply {
        Some(_) if !matches!(request.method.as_str(), "GET" | "HEAD") => {
            Reply::error(&ApiError::method_not_allowed(), error_format(request))
        }
        Some(reply) => reply,
        None => Reply::error(&ApiError::unknown_path(), error_format(request)),
    }
}

/// `/version`, in JSON only; everything else is refused as a router does.
fn version_reply(request: &Request) -> Reply {
    let endpoint = Endpoint {
        router: Some(Router::Json),
        answers: Answers::Documents,
    };
    // What the router lets through is answered in JSON, whatever its form.
    match negotiate(request, endpoint) {
        Err(error) if error.message.starts_with("406: ") => {
            Reply::error(&error, error_format(request))
        }
        _ => encode_value(200, &version(), layout(request).into()),
    }
}

fn version() -> trueup_object::Value {
    let git_version = format!("v1.{KUBERNETES_MINOR}.0+trueup");
    value!({
        "major": "1",
        "minor": KUBERNETES_MINOR,
        "emulationMajor": "1",
        "emulationMinor": KUBERNETES_MINOR,
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": git_version,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "gc",
        "platform": (platform(std::env::consts::OS, std::env::consts::ARCH))
    })
}

/// An operating system and a processor in Go's words.
fn platform(system: &str, processor: &str) -> String {
    let processor = match processor {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    let system = if system == "macos" { "darwin" } else { system };
    format!("{system}/{processor}")
}

/// What the store holds, as Prometheus reads it.
fn metrics(server: &ApiServer) -> String {
    let store = server.inner.core.store();
    let mut text = "# HELP apiserver_storage_objects Objects in the store by resource.\n\
                    # TYPE apiserver_storage_objects gauge\n"
        .to_owned();
    for resource in store.resources() {
        let count = store.list(&resource, "").objects.len();
        let name = crate::core::status::qualified(&resource.plural, &resource.group);
        text.push_str(&format!(
            "apiserver_storage_objects{{resource=\"{name}\"}} {count}\n"
        ));
    }
    text.push_str("# HELP apiserver_storage_revision The last revision that was given out.\n");
    text.push_str("# TYPE apiserver_storage_revision gauge\n");
    text.push_str(&format!(
        "apiserver_storage_revision {}\n",
        store.revision()
    ));
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_platform_is_told_in_the_words_of_go() {
        assert_eq!(super::platform("linux", "x86_64"), "linux/amd64");
        assert_eq!(super::platform("macos", "aarch64"), "darwin/arm64");
    }
}
