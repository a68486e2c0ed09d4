//! What Ingresses mean for traffic, as ingress-nginx reads them: pure, from
//! objects to routes.
//!
//! A canary Ingress is merged into the rule of another one with the same host,
//! path and type of path. Who goes to the canary is told by a header, else by a
//! cookie, else by chance.

use trueup_object::{ObjectRef, Value};

/// The prefix of ingress-nginx' annotations.
const PREFIX: &str = "nginx.ingress.kubernetes.io";
/// Where a Pod really listens, as it says itself.
pub const DIAL: &str = "trueup.dev/dial";
/// Names the Service of a slice of endpoints.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";
/// `canary-weight-total` where it is not given.
const DEFAULT_WEIGHT_TOTAL: u32 = 100;

/// The objects that say where requests go.
#[derive(Debug, Default)]
pub struct Objects {
    pub ingresses: Vec<Value>,
    pub slices: Vec<Value>,
    pub pods: Vec<Value>,
}

/// One path of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Empty for all hosts.
    pub host: String,
    pub path: String,
    pub is_exact: bool,
    pub namespace: String,
    pub ingress: String,
    pub service: String,
    pub stable: Upstream,
    /// Where the canary has endpoints.
    pub canary: Option<CanaryRoute>,
}

/// The endpoints of one port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    pub name: String,
    pub addresses: Vec<String>,
}

/// The canary of a route, and who goes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryRoute {
    pub upstream: Upstream,
    pub header: Option<Header>,
    pub cookie: Option<String>,
    pub weight: u32,
    pub weight_total: u32,
}

/// A header by which requests are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub test: HeaderTest,
}

/// What the header must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderTest {
    /// `always` or `never`.
    Word,
    Value(String),
    Pattern(String),
}

impl Route {
    /// The rule by which the canary gets traffic, in short: a weight, or
    /// `match`.
    pub fn rule(&self) -> String {
        match &self.canary {
            None => "0".to_owned(),
            Some(canary) if canary.header.is_some() || canary.cookie.is_some() => {
                "match".to_owned()
            }
            Some(canary) => canary.weight.to_string(),
        }
    }
}

/// Why there are no routes yet: an endpoint whose Pod has not said where it
/// listens.
#[derive(Debug, PartialEq, Eq)]
pub struct NotYet(pub String);

/// The routes of all Ingresses, in order of their names.
pub fn routes(objects: &Objects) -> Result<Vec<Route>, NotYet> {
    let mut routes = Vec::new();
    for ingress in objects.ingresses.iter().filter(|it| !is_canary(it)) {
        for path in paths(ingress) {
            let service = path.service.clone();
            routes.push(Route {
                stable: upstream(objects, &path)?,
                canary: canary_of(objects, &path)?,
                host: path.host,
                path: path.path,
                is_exact: path.is_exact,
                namespace: path.namespace,
                ingress: text(ingress, &["metadata", "name"]),
                service,
            });
        }
    }
    Ok(routes)
}

/// A path of an Ingress.
#[derive(Debug)]
struct Path {
    namespace: String,
    host: String,
    path: String,
    is_exact: bool,
    service: String,
    port: String,
}

impl Path {
    fn is_same_place(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.host == other.host
            && self.path == other.path
            && self.is_exact == other.is_exact
    }
}

fn paths(ingress: &Value) -> Vec<Path> {
    let mut found = Vec::new();
    for rule in list(ingress, &["spec", "rules"]) {
        for path in list(rule, &["http", "paths"]) {
            let port = path.at(&["backend", "service", "port"]);
            let number = port.and_then(|port| port.i64_at(&["number"]));
            let name = port.and_then(|port| port.str_at(&["name"]));
            found.push(Path {
                namespace: text(ingress, &["metadata", "namespace"]),
                host: text(rule, &["host"]),
                path: text(path, &["path"]),
                is_exact: path.str_at(&["pathType"]) == Some("Exact"),
                service: text(path, &["backend", "service", "name"]),
                port: number
                    .map_or_else(|| name.unwrap_or_default().to_owned(), |it| it.to_string()),
            });
        }
    }
    found
}

/// At most one canary for each path; one without endpoints is none.
fn canary_of(objects: &Objects, main: &Path) -> Result<Option<CanaryRoute>, NotYet> {
    for ingress in objects.ingresses.iter().filter(|it| is_canary(it)) {
        for path in paths(ingress) {
            if path.is_same_place(main) {
                let upstream = upstream(objects, &path)?;
                let is_there = !upstream.addresses.is_empty();
                return Ok(is_there.then(|| shaped(ingress, upstream)));
            }
        }
    }
    Ok(None)
}

fn shaped(ingress: &Value, upstream: Upstream) -> CanaryRoute {
    let number = |suffix| annotation(ingress, suffix).and_then(|it| it.parse::<u32>().ok());
    let test = match (
        annotation(ingress, "canary-by-header-value"),
        annotation(ingress, "canary-by-header-pattern"),
    ) {
        (Some(value), _) => HeaderTest::Value(value),
        (None, Some(pattern)) => HeaderTest::Pattern(pattern),
        (None, None) => HeaderTest::Word,
    };
    let header = annotation(ingress, "canary-by-header").map(|name| Header { name, test });
    let total = number("canary-weight-total").filter(|total| *total > 0);
    CanaryRoute {
        upstream,
        header,
        cookie: annotation(ingress, "canary-by-cookie"),
        weight: number("canary-weight").unwrap_or(0),
        weight_total: total.unwrap_or(DEFAULT_WEIGHT_TOTAL),
    }
}

fn upstream(objects: &Objects, path: &Path) -> Result<Upstream, NotYet> {
    let mut addresses = Vec::new();
    for slice in &objects.slices {
        let is_of_service = slice.str_at(&["metadata", "namespace"]) == Some(&path.namespace)
            && slice.str_at(&["metadata", "labels", SERVICE_LABEL]) == Some(&path.service);
        if !is_of_service {
            continue;
        }
        for endpoint in list(slice, &["endpoints"]) {
            let ready = endpoint.at(&["conditions", "ready"]);
            if ready.and_then(Value::as_bool) != Some(false) {
                addresses.extend(dial(objects, &path.namespace, endpoint)?);
            }
        }
    }
    addresses.sort();
    addresses.dedup();
    let Path {
        namespace,
        service,
        port,
        ..
    } = path;
    Ok(Upstream {
        name: format!("{namespace}-{service}-{port}"),
        addresses,
    })
}

/// Where the Pod of an endpoint listens; `None` for a Pod that is gone.
fn dial(objects: &Objects, namespace: &str, endpoint: &Value) -> Result<Option<String>, NotYet> {
    let name = endpoint.str_at(&["targetRef", "name"]).unwrap_or_default();
    let is_it = |pod: &&Value| {
        pod.str_at(&["metadata", "name"]) == Some(name)
            && pod.str_at(&["metadata", "namespace"]) == Some(namespace)
    };
    let Some(pod) = objects.pods.iter().find(is_it) else {
        return Ok(None);
    };
    match pod.str_at(&["metadata", "annotations", DIAL]) {
        Some(dial) => Ok(Some(dial.to_owned())),
        None => Err(NotYet(format!("Pod {name} has no annotation {DIAL}"))),
    }
}

fn is_canary(ingress: &Value) -> bool {
    annotation(ingress, "canary").as_deref() == Some("true")
}

fn annotation(ingress: &Value, suffix: &str) -> Option<String> {
    let key = format!("{PREFIX}/{suffix}");
    let found = ingress.str_at(&["metadata", "annotations", &key])?;
    Some(found.to_owned()).filter(|found| !found.is_empty())
}

fn text(value: &Value, path: &[&str]) -> String {
    value.str_at(path).unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    value.at(path).and_then(Value::as_list).unwrap_or_default()
}

/// Whether an object is one of those that are looked at, by its kind.
pub fn kinds() -> [(&'static str, &'static str); 3] {
    [
        ("networking.k8s.io/v1", "Ingress"),
        ("discovery.k8s.io/v1", "EndpointSlice"),
        ("v1", "Pod"),
    ]
}

impl Objects {
    /// Sorts objects by their kinds; others are left out.
    pub fn of<'a>(objects: impl Iterator<Item = (&'a ObjectRef, &'a Value)>) -> Self {
        let mut sorted = Self::default();
        for (reference, object) in objects {
            match reference.kind.kind.as_str() {
                "Ingress" => sorted.ingresses.push(object.clone()),
                "EndpointSlice" => sorted.slices.push(object.clone()),
                "Pod" => sorted.pods.push(object.clone()),
                _ => {}
            }
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    fn ingress(name: &str, service: &str, annotations: Value) -> Value {
        value!({
            "metadata": {"name": name, "namespace": "apps", "annotations": annotations},
            "spec": {"rules": [{"host": "app.example", "http": {"paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": service, "port": {"number": 80}}},
            }]}}]},
        })
    }

    fn slice(service: &str, pod: &str, ready: bool) -> Value {
        value!({
            "metadata": {"name": service, "namespace": "apps",
                "labels": {"kubernetes.io/service-name": service}},
            "endpoints": [{"conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": pod}}],
        })
    }

    fn pod(name: &str, annotations: Value) -> Value {
        value!({"metadata": {"name": name, "namespace": "apps", "annotations": annotations}})
    }

    fn objects(canary: Value) -> Objects {
        Objects {
            ingresses: vec![
                ingress("web", "web", Value::map()),
                ingress("web-canary", "web-canary", canary),
            ],
            slices: vec![slice("web", "one", true), slice("web-canary", "two", true)],
            pods: vec![
                pod("one", value!({"trueup.dev/dial": "127.0.0.1:1"})),
                pod("two", value!({"trueup.dev/dial": "127.0.0.1:2"})),
            ],
        }
    }

    fn canary(objects: &Objects) -> Option<CanaryRoute> {
        let routes = routes(objects).unwrap();
        assert_eq!(routes.len(), 1);
        routes[0].canary.clone()
    }

    #[test]
    fn a_canary_is_merged_into_the_path_of_its_ingress() {
        let objects = objects(value!({
            "nginx.ingress.kubernetes.io/canary": "true",
            "nginx.ingress.kubernetes.io/canary-weight": "20",
            "nginx.ingress.kubernetes.io/canary-weight-total": "200",
        }));
        let routes = routes(&objects).unwrap();
        assert_eq!(routes[0].rule(), "20");
        assert_eq!(routes[0].ingress, "web");
        assert_eq!(routes[0].stable.name, "apps-web-80");
        assert_eq!(routes[0].stable.addresses, ["127.0.0.1:1"]);
        let canary = routes[0].canary.as_ref().unwrap();
        assert_eq!(canary.upstream.name, "apps-web-canary-80");
        assert_eq!((canary.weight, canary.weight_total), (20, 200));
    }

    #[test]
    fn an_ingress_that_is_no_canary_is_a_route_of_its_own() {
        let other = objects(value!({"nginx.ingress.kubernetes.io/canary": "false"}));
        assert_eq!(routes(&other).unwrap().len(), 2);
    }

    #[test]
    fn headers_and_cookies_go_before_the_weight() {
        let by_value = canary(&objects(value!({
            "nginx.ingress.kubernetes.io/canary": "true",
            "nginx.ingress.kubernetes.io/canary-by-header": "X-User",
            "nginx.ingress.kubernetes.io/canary-by-header-value": "insider",
            "nginx.ingress.kubernetes.io/canary-by-header-pattern": "^in",
            "nginx.ingress.kubernetes.io/canary-by-cookie": "canary",
        })))
        .unwrap();
        let test = HeaderTest::Value("insider".into());
        assert_eq!(by_value.header.unwrap().test, test);
        assert_eq!(by_value.cookie.as_deref(), Some("canary"));
    }

    #[test]
    fn a_canary_without_ready_endpoints_gets_nothing() {
        let mut objects = objects(value!({
            "nginx.ingress.kubernetes.io/canary": "true",
            "nginx.ingress.kubernetes.io/canary-weight": "20",
        }));
        objects.slices[1] = slice("web-canary", "two", false);
        assert_eq!(canary(&objects), None);
        objects.slices[1] = slice("web-canary", "gone", true);
        assert_eq!(canary(&objects), None);
    }

    #[test]
    fn who_has_not_said_where_it_listens_is_waited_for() {
        let mut objects = objects(value!({"nginx.ingress.kubernetes.io/canary": "true"}));
        objects.pods[0] = pod("one", Value::map());
        assert!(routes(&objects).unwrap_err().0.contains("Pod one"));
    }
}
