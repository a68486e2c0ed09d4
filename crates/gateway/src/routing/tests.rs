//! Routes written as manifests, and where requests go by them.

use super::compile::{Compiled, compile};
use super::*;
use crate::identity::GatewayIdentity;
use crate::objects::{Kind, Objects};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use trueup_cluster::LiveObject;
use trueup_object::{Value, from_yaml, to_json, value};

/// A cluster with our class, one Gateway with the given listeners, Services
/// `a`, `b` and `c` in `apps`, and routes.
fn objects(listeners: &str, routes: &[&str]) -> Objects {
    let mut objects = Objects::default();
    let mut put = |kind: Kind, value: Value| {
        let json = to_json(&value);
        let object = LiveObject::from_json(&kind.gvk(), json.into()).unwrap();
        objects.put(kind, object);
    };
    put(
        Kind::GatewayClass,
        value!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass",
            "metadata": {"name": "trueup", "uid": "1", "generation": 1},
            "spec": {"controllerName": "trueup.dev/gateway"},
        }),
    );
    let listeners = from_yaml(listeners).unwrap();
    put(
        Kind::Gateway,
        value!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "main", "namespace": "infra", "uid": "2", "generation": 1},
            "spec": {"gatewayClassName": "trueup", "listeners": listeners},
        }),
    );
    for name in ["apps", "other"] {
        put(
            Kind::Namespace,
            value!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": name, "uid": name, "labels": {"team": name}},
            }),
        );
    }
    for name in ["a", "b", "c"] {
        put(
            Kind::Service,
            value!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": {"name": name, "namespace": "apps", "uid": name},
                "spec": {"ports": [{"name": "http", "port": 80}]},
            }),
        );
    }
    for (index, route) in routes.iter().enumerate() {
        let mut route = from_yaml(route).unwrap();
        let created = format!("2026-01-01T00:00:{index:02}Z");
        for (key, value) in [
            ("uid", value!(format!("route-{index}"))),
            ("generation", value!(1)),
            ("creationTimestamp", value!(created)),
        ] {
            route.set_at(&["metadata", key], value);
        }
        put(Kind::HttpRoute, route);
    }
    objects
}

const ONE_LISTENER: &str =
    "[{name: http, port: 8080, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]";

/// A route with a body of its specification.
fn route(name: &str, body: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
         metadata: {{name: {name}, namespace: apps}}\n\
         spec:\n  parentRefs: [{{name: main, namespace: infra}}]\n{body}"
    )
}

fn compiled(listeners: &str, routes: &[&str]) -> Compiled {
    let identity = GatewayIdentity {
        address: "127.0.0.1:8080".parse().unwrap(),
    };
    let now = "2026-02-02T00:00:00Z".into();
    compile(&objects(listeners, routes), &identity, &now)
}

fn table(routes: &[&str]) -> RouteTable {
    compiled(ONE_LISTENER, routes).table
}

/// `METHOD host/path?query [Header: value …]` as a request.
fn answer(table: &RouteTable, request: &str, random: u64) -> String {
    let mut words = request.splitn(3, ' ');
    let method = Method::from_bytes(words.next().unwrap().as_bytes()).unwrap();
    let target = words.next().unwrap();
    let (host, path) = target.split_at(target.find('/').unwrap());
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut headers = HeaderMap::new();
    for header in words
        .next()
        .unwrap_or_default()
        .split('|')
        .filter(|it| !it.is_empty())
    {
        let (name, value) = header.split_once(": ").unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let facts = RequestFacts {
        host: host.to_owned(),
        method: &method,
        path,
        query,
        headers: &headers,
    };
    match choose(table, &facts, &mut |below| random % below) {
        Choice::Forward(forward) => {
            let mirrors = forward.mirrors.iter();
            let mirrors: String = mirrors.map(|it| format!("+{}", it.service)).collect();
            format!("{}{mirrors}", forward.service.service)
        }
        Choice::Redirect { .. } => "redirect".to_owned(),
        Choice::Refuse { status, .. } => status.as_str().to_owned(),
    }
}

#[test]
fn paths_are_matched_by_whole_elements_and_the_most_specific_counts() {
    let table = table(&[&route(
        "web",
        "  rules:
  - matches: [{path: {type: PathPrefix, value: /}}]
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /shop/}}]
    backendRefs: [{name: b, port: 80}]
  - matches: [{path: {type: Exact, value: /shop/cart}}]
    backendRefs: [{name: c, port: 80}]
  - matches: [{path: {type: RegularExpression, value: '/item/[0-9]+'}}]
    backendRefs: [{name: c, port: 80}]
",
    )]);
    for (request, backend) in [
        ("GET x/", "a"),
        ("GET x/shop", "b"),
        ("GET x/shop/", "b"),
        ("GET x/shop/list", "b"),
        ("GET x/shopping", "a"),
        ("GET x/shop/cart", "c"),
        ("GET x/shop/cart/", "b"),
        ("GET x/item/17", "c"),
        ("GET x/item/17/more", "a"),
        ("GET x/item/x", "a"),
    ] {
        assert_eq!(answer(&table, request, 0), backend, "{request}");
    }
}

#[test]
fn headers_parameters_and_methods_must_all_fit() {
    let table = table(&[&route(
        "web",
        "  rules:
  - backendRefs: [{name: a, port: 80}]
  - matches:
    - headers:
      - {name: X-User, value: insider}
      queryParams:
      - {name: v, value: a b}
    - headers:
      - {name: Cookie, type: RegularExpression, value: '.*canary.*always.*'}
    - {method: DELETE}
    backendRefs: [{name: b, port: 80}]
",
    )]);
    for (request, backend) in [
        ("GET x/", "a"),
        ("GET x/ X-User: insider", "a"),
        ("GET x/?v=a+b", "a"),
        ("GET x/?v=a+b x-user: insider", "b"),
        ("GET x/?v=a%20b X-USER: insider", "b"),
        ("GET x/?v=a%2xb X-User: insider", "a"),
        ("GET x/?v=1&v=a+b X-User: insider", "a"),
        ("GET x/?v=a+b X-User: insiders", "a"),
        ("GET x/ Cookie: one=1; canary=always", "b"),
        ("GET x/ Cookie: one=1|Cookie: canary=always", "b"),
        ("GET x/ Cookie: canary=never", "a"),
        ("DELETE x/", "b"),
    ] {
        assert_eq!(answer(&table, request, 0), backend, "{request}");
    }
}

#[test]
fn weights_share_and_none_gets_nothing() {
    let rule = |backends: &str| route("web", &format!("  rules: [{{backendRefs: [{backends}]}}]"));
    let shares = |backends: &str, total: u64| {
        let table = table(&[&rule(backends)]);
        let answers = (0..total).map(|random| answer(&table, "GET x/", random));
        let mut counts = std::collections::BTreeMap::new();
        for answer in answers {
            *counts.entry(answer).or_insert(0) += 1;
        }
        counts.into_iter().collect::<Vec<(String, u64)>>()
    };
    let of = |pairs: &[(&str, u64)]| -> Vec<(String, u64)> {
        pairs
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    };
    let weighted =
        |a, b| format!("{{name: a, port: 80, weight: {a}}}, {{name: b, port: 80, weight: {b}}}");
    assert_eq!(shares(&weighted(80, 20), 100), of(&[("a", 80), ("b", 20)]));
    assert_eq!(shares(&weighted(100, 0), 100), of(&[("a", 100)]));
    assert_eq!(shares(&weighted(0, 1), 10), of(&[("b", 10)]));
    assert_eq!(shares(&weighted(0, 0), 2), of(&[("500", 2)]));
    assert_eq!(
        shares("{name: a, port: 80}, {name: b, port: 80}", 2),
        of(&[("a", 1), ("b", 1)])
    );
    assert_eq!(shares("", 2), of(&[("500", 2)]));
    let broken = "{name: a, port: 80, weight: 3}, {name: nobody, port: 80, weight: 1}";
    assert_eq!(shares(broken, 4), of(&[("500", 1), ("a", 3)]));
    assert_eq!(shares(&weighted(-5, 1), 10), of(&[("b", 10)]));
}

#[test]
fn copies_go_beside_and_redirects_away() {
    let table = table(&[&route(
        "web",
        "  rules:
  - filters:
    - {type: RequestMirror, requestMirror: {backendRef: {name: b, port: 80}}}
    - {type: RequestMirror, requestMirror: {backendRef: {name: c, port: 80}, percent: 10}}
    - {type: RequestMirror, requestMirror: {backendRef: {name: nobody, port: 80}}}
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {value: /old}}]
    filters: [{type: RequestRedirect, requestRedirect: {hostname: new.example}}]
",
    )]);
    assert_eq!(answer(&table, "GET x/", 5), "a+b+c");
    assert_eq!(answer(&table, "GET x/", 10), "a+b");
    assert_eq!(answer(&table, "GET x/old", 0), "redirect");
}

#[test]
fn the_most_specific_host_counts_and_listeners_are_apart() {
    let listeners = "[{name: all, port: 8080, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}},
      {name: shop, port: 8080, protocol: HTTP, hostname: '*.shop.example', allowedRoutes: {namespaces: {from: All}}}]";
    let any = route("any", "  rules: [{backendRefs: [{name: a, port: 80}]}]");
    let one = route(
        "one",
        "  hostnames: [one.shop.example]\n  rules: [{matches: [{path: {value: /one}}], backendRefs: [{name: b, port: 80}]}]",
    );
    let other = route(
        "other",
        "  hostnames: [\"*.test\"]\n  rules: [{backendRefs: [{name: c, port: 80}]}]",
    );
    let table = compiled(listeners, &[&any, &one, &other]).table;
    for (request, backend) in [
        ("GET elsewhere.example/", "a"),
        ("GET one.shop.example/one", "b"),
        ("GET one.shop.example/two", "a"),
        ("GET x.test/", "c"),
        ("GET test/", "a"),
    ] {
        assert_eq!(answer(&table, request, 0), backend, "{request}");
    }
}

#[test]
fn of_routes_that_count_alike_the_oldest_counts() {
    let older = route("z", "  rules: [{backendRefs: [{name: a, port: 80}]}]");
    let newer = route("a", "  rules: [{backendRefs: [{name: b, port: 80}]}]");
    assert_eq!(answer(&table(&[&older, &newer]), "GET x/", 0), "a");
    assert_eq!(answer(&table(&[&newer, &older]), "GET x/", 0), "b");
}

/// Reason and message of a condition of the only parent of the first route.
fn said(compiled: &Compiled, kind: &str) -> (String, String, String) {
    let route = compiled
        .statuses
        .iter()
        .find(|it| it.object.kind.kind == "HTTPRoute");
    let parents = route
        .unwrap()
        .status
        .at(&["parents"])
        .unwrap()
        .as_list()
        .unwrap();
    let conditions = parents[0].get("conditions").unwrap().as_list().unwrap();
    let one = conditions
        .iter()
        .find(|it| it.str_at(&["type"]) == Some(kind))
        .unwrap();
    let text = |key: &str| one.str_at(&[key]).unwrap().to_owned();
    (text("status"), text("reason"), text("message"))
}

#[test]
fn a_good_route_is_accepted_and_its_gateway_says_where_it_is() {
    let good = route("web", "  rules: [{backendRefs: [{name: a, port: 80}]}]");
    let compiled = compiled(ONE_LISTENER, &[&good]);
    for kind in ["Accepted", "ResolvedRefs"] {
        let (status, reason, _) = said(&compiled, kind);
        assert_eq!((status.as_str(), reason.as_str()), ("True", kind));
    }
    let gateway = compiled
        .statuses
        .iter()
        .find(|it| it.object.kind.kind == "Gateway")
        .unwrap();
    let address = gateway
        .status
        .at(&["addresses"])
        .unwrap()
        .as_list()
        .unwrap()[0]
        .clone();
    assert_eq!(address.str_at(&["value"]), Some("127.0.0.1"));
    let listener = gateway
        .status
        .at(&["listeners"])
        .unwrap()
        .as_list()
        .unwrap()[0]
        .clone();
    assert_eq!(listener.i64_at(&["attachedRoutes"]), Some(1));
}

#[test]
fn what_is_not_followed_is_refused_by_name_and_harms_no_other_route() {
    let good = route("good", "  rules: [{backendRefs: [{name: a, port: 80}]}]");
    for (body, reason, words) in [
        (
            "  rules: [{filters: [{type: CORS}]}]",
            "UnsupportedValue",
            "spec.rules[0].filters[0].type: \"CORS\"",
        ),
        (
            "  rules: [{retry: {attempts: 3}}]",
            "UnsupportedValue",
            "retry",
        ),
        (
            "  rules: [{matches: [{path: {type: RegularExpression, value: '('}}]}]",
            "UnsupportedValue",
            "matches[0].path.value",
        ),
        (
            "  rules: [{matches: [{path: {type: RegularExpression, value: '(a{1000}){1000}'}}]}]",
            "UnsupportedValue",
            "path.value",
        ),
        (
            "  rules: [{matches: [{headers: [{name: 'a b', value: x}]}]}]",
            "UnsupportedValue",
            "headers[0].name",
        ),
        (
            "  rules: [{timeouts: {request: 1.5s}}]",
            "UnsupportedValue",
            "timeouts.request",
        ),
        (
            "  rules: [{filters: [{type: RequestMirror, requestMirror: {backendRef: {name: a, port: 80}, percent: 101}}]}]",
            "UnsupportedValue",
            "101/100",
        ),
        (
            "  rules: [{matches: [{path: {type: Exact, value: /a}}], filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}}]}]",
            "UnsupportedValue",
            "ReplacePrefixMatch",
        ),
    ] {
        let bad = route("bad", body);
        let both = compiled(ONE_LISTENER, &[&bad, &good]);
        let (status, found, message) = said(&both, "Accepted");
        assert_eq!(
            (status.as_str(), found.as_str()),
            ("False", reason),
            "{body}"
        );
        assert!(message.contains(words), "{message}");
        assert_eq!(answer(&both.table, "GET x/", 0), "a");
    }
}

#[test]
fn references_that_lead_nowhere_are_said() {
    for (backend, reason, words) in [
        (
            "{name: nobody, port: 80}",
            "BackendNotFound",
            "no Service apps/nobody",
        ),
        ("{name: a, port: 81}", "BackendNotFound", "no port 81"),
        ("{name: a}", "BackendNotFound", "no port 0"),
        (
            "{name: a, port: 80, namespace: other}",
            "RefNotPermitted",
            "other namespaces",
        ),
        (
            "{name: a, port: 80, kind: Bucket, group: storage.example}",
            "InvalidKind",
            "Bucket",
        ),
    ] {
        let bad = route("bad", &format!("  rules: [{{backendRefs: [{backend}]}}]"));
        let compiled = compiled(ONE_LISTENER, &[&bad]);
        let (status, found, message) = said(&compiled, "ResolvedRefs");
        assert_eq!(
            (status.as_str(), found.as_str()),
            ("False", reason),
            "{backend}"
        );
        assert!(message.contains(words), "{message}");
        assert_eq!(said(&compiled, "Accepted").0, "True");
        assert_eq!(answer(&compiled.table, "GET x/", 0), "500");
    }
}

#[test]
fn listeners_decide_who_may_attach() {
    let simple = route("web", "  rules: [{backendRefs: [{name: a, port: 80}]}]");
    let hosted = route(
        "web",
        "  hostnames: [a.example]\n  rules: [{backendRefs: [{name: a, port: 80}]}]",
    );
    let allowed = |from: &str| {
        format!(
            "[{{name: http, port: 8080, protocol: HTTP, allowedRoutes: {{namespaces: {from}}}}}]"
        )
    };
    for (listeners, route, reason) in [
        (allowed("{from: All}"), &simple, "Accepted"),
        (allowed("{from: Same}"), &simple, "NotAllowedByListeners"),
        (allowed("{}"), &simple, "NotAllowedByListeners"),
        (allowed("{from: None}"), &simple, "NotAllowedByListeners"),
        (allowed("{from: Selector, selector: {matchLabels: {team: apps}}}"), &simple, "Accepted"),
        (allowed("{from: Selector, selector: {matchLabels: {team: x}}}"), &simple, "NotAllowedByListeners"),
        ("[{name: http, port: 80, protocol: HTTP}]".to_owned(), &simple, "NoMatchingParent"),
        ("[{name: http, port: 8080, protocol: HTTPS}]".to_owned(), &simple, "NoMatchingParent"),
        (
            "[{name: http, port: 8080, protocol: HTTP, hostname: b.example, allowedRoutes: {namespaces: {from: All}}}]".to_owned(),
            &hosted,
            "NoMatchingListenerHostname",
        ),
    ] {
        let compiled = compiled(&listeners, &[route]);
        assert_eq!(said(&compiled, "Accepted").1, reason, "{listeners}");
        let expected = if reason == "Accepted" { "a" } else { "404" };
        assert_eq!(answer(&compiled.table, "GET a.example/", 0), expected, "{listeners}");
    }
}

#[test]
fn what_was_said_already_is_not_written_again_and_what_others_said_stays() {
    let good = route(
        "web",
        "  rules: [{backendRefs: [{name: a, port: 80}]}]\nstatus:\n  parents:\n  - {controllerName: other.example/x, parentRef: {name: theirs}, conditions: []}\n",
    );
    let mut world = objects(ONE_LISTENER, &[&good]);
    let identity = GatewayIdentity {
        address: "127.0.0.1:8080".parse().unwrap(),
    };
    let first = compile(&world, &identity, &"2026-02-02T00:00:00Z".into());
    assert_eq!(first.statuses.len(), 3);
    for write in first.statuses {
        let kind = *Kind::ALL
            .iter()
            .find(|kind| kind.gvk() == write.object.kind)
            .unwrap();
        let live = world
            .get(kind, &write.object.namespace, &write.object.name)
            .unwrap();
        let mut object = live.value().clone();
        object.set_at(&["status"], write.status);
        if kind == Kind::HttpRoute {
            let parents = object
                .at(&["status", "parents"])
                .unwrap()
                .as_list()
                .unwrap();
            assert_eq!(parents.len(), 2);
            assert_eq!(
                parents[0].str_at(&["controllerName"]),
                Some("other.example/x")
            );
        }
        let json = to_json(&object);
        world.put(
            kind,
            LiveObject::from_json(&kind.gvk(), json.into()).unwrap(),
        );
    }
    let second = compile(&world, &identity, &"2026-03-03T00:00:00Z".into());
    assert_eq!(second.statuses, []);
}

#[test]
fn gateways_of_other_classes_are_passed_over() {
    let good = route("web", "  rules: [{backendRefs: [{name: a, port: 80}]}]");
    let mut world = objects(ONE_LISTENER, &[&good]);
    let class = value!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass",
        "metadata": {"name": "trueup", "uid": "1"}, "spec": {"controllerName": "other.example/x"},
    });
    let json = to_json(&class);
    let kind = Kind::GatewayClass;
    world.put(
        kind,
        LiveObject::from_json(&kind.gvk(), json.into()).unwrap(),
    );
    let identity = GatewayIdentity {
        address: "127.0.0.1:8080".parse().unwrap(),
    };
    let compiled = compile(&world, &identity, &"2026-02-02T00:00:00Z".into());
    assert_eq!(compiled.statuses, []);
    assert_eq!(answer(&compiled.table, "GET x/", 0), "404");
}
