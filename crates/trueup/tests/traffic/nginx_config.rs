//! Routes as NGINX' configuration: pure.

use crate::ingress::{CanaryRoute, Header, HeaderTest, Route, Upstream};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Tells with each answer by which rule its request was routed: a weight, or
/// `match`.
pub const ROUTED_BY: &str = "X-Routed-By";

/// Where NGINX listens and keeps its files.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub folder: &'a Path,
    pub port: u16,
}

/// The whole configuration.
pub fn config(routes: &[Route], place: Place<'_>) -> String {
    let mut http = String::new();
    for (number, route) in routes.iter().enumerate() {
        http += &shared(number, route);
    }
    let mut hosts: BTreeMap<&str, String> = BTreeMap::new();
    for (number, route) in routes.iter().enumerate() {
        *hosts.entry(&route.host).or_default() += &locations(number, route, place);
    }
    for (host, locations) in &hosts {
        let port = place.port;
        // All other hosts are those of an Ingress without one.
        let name = match *host {
            "" => format!("listen 127.0.0.1:{port} default_server;"),
            host => format!("listen 127.0.0.1:{port}; server_name {};", quoted(host)),
        };
        http += &format!("server {{ {name}\n{locations}}}\n");
    }
    if !hosts.contains_key("") {
        http += &format!(
            "server {{ listen 127.0.0.1:{} default_server; return 404; }}\n",
            place.port
        );
    }
    framed(&http, place)
}

/// What stands around the routes. Connections of clients end with each answer:
/// a worker of an older configuration would go on serving them.
fn framed(http: &str, place: Place<'_>) -> String {
    let folder = place.folder.display();
    let mut paths = String::new();
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(paths, "{kind}_temp_path {folder}/{kind};");
    }
    format!(
        "daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n\
         error_log {folder}/error.log warn;\nevents {{ worker_connections 2048; }}\n\
         http {{\naccess_log off;\n{paths}keepalive_timeout 0;\n\
         map_hash_bucket_size 256;\nserver_names_hash_bucket_size 256;\n{http}}}\n"
    )
}

/// What a route defines outside of servers: upstreams, who goes where, and the
/// lines of the log.
fn shared(number: usize, route: &Route) -> String {
    let mut text = upstream(&route.stable, number, "stable");
    text += &match &route.canary {
        Some(canary) => upstream(&canary.upstream, number, "canary") + &sides(number, canary),
        None => format!("map \"\" $side_{number} {{ default stable; }}\n"),
    };
    let canary_name = route.canary.as_ref().map(|it| it.upstream.name.as_str());
    let _ = writeln!(
        text,
        "map $side_{number} $canary_{number} {{ default \"\"; canary {}; }}",
        quoted(canary_name.unwrap_or_default())
    );
    text + &log_format(number, route)
}

fn upstream(upstream: &Upstream, number: usize, side: &str) -> String {
    if upstream.addresses.is_empty() {
        return String::new();
    }
    let servers: String = upstream
        .addresses
        .iter()
        .map(|address| format!(" server {address} max_fails=0;"))
        .collect();
    format!("upstream {side}_{number} {{{servers} }}\n")
}

/// Who goes to the canary: by header, else by cookie, else by chance.
fn sides(number: usize, canary: &CanaryRoute) -> String {
    let by_header = canary.header.as_ref().map_or_else(
        || format!("map \"\" $by_header_{number} {{ default open; }}\n"),
        |header| by_header(number, header),
    );
    let by_cookie = match &canary.cookie {
        Some(name) => by_words(number, "cookie", &variable("cookie", name)),
        None => format!("map \"\" $by_cookie_{number} {{ default open; }}\n"),
    };
    let by_chance = by_chance(number, canary);
    format!(
        "{by_header}{by_cookie}{by_chance}\
         map \"$by_header_{number}:$by_cookie_{number}:$by_chance_{number}\" $side_{number} {{\n\
         default stable;\n~^canary: canary;\n~^open:canary: canary;\n~^open:open:canary canary;\n}}\n"
    )
}

fn by_header(number: usize, header: &Header) -> String {
    let name = variable("http", &header.name);
    match &header.test {
        HeaderTest::Word => by_words(number, "header", &name),
        HeaderTest::Value(value) => format!(
            "map ${name} $by_header_{number} {{ default open; {} canary; }}\n",
            literal(value)
        ),
        HeaderTest::Pattern(pattern) => format!(
            "map ${name} $by_header_{number} {{ default open; {} canary; }}\n",
            quoted(&format!("~{pattern}"))
        ),
    }
}

fn by_words(number: usize, what: &str, name: &str) -> String {
    format!("map ${name} $by_{what}_{number} {{ default open; always canary; never stable; }}\n")
}

/// Shares of nothing and of everything are no shares to NGINX.
fn by_chance(number: usize, canary: &CanaryRoute) -> String {
    let name = format!("$by_chance_{number}");
    if canary.weight == 0 {
        return format!("map \"\" {name} {{ default stable; }}\n");
    }
    if canary.weight >= canary.weight_total {
        return format!("map \"\" {name} {{ default canary; }}\n");
    }
    let percent = f64::from(canary.weight) * 100.0 / f64::from(canary.weight_total);
    format!("split_clients $request_id {name} {{ {percent:.2}% canary; * stable; }}\n")
}

/// The variable of a header or cookie.
fn variable(prefix: &str, name: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
    assert!(name.chars().all(is_plain), "no variable is called {name}");
    match prefix {
        "http" => format!("http_{}", name.to_ascii_lowercase().replace('-', "_")),
        _ => format!("{prefix}_{name}"),
    }
}

/// The line of a request: what ingress-nginx' metrics tell.
fn log_format(number: usize, route: &Route) -> String {
    let fixed = [
        ("namespace", route.namespace.as_str()),
        ("ingress", &route.ingress),
        ("service", &route.service),
        ("host", &route.host),
        ("path", &route.path),
    ];
    let mut fields: Vec<String> = fixed
        .iter()
        .map(|(key, text)| format!("\"{key}\":\"{text}\""))
        .collect();
    for (key, name) in [
        ("canary", format!("canary_{number}").as_str()),
        ("status", "status"),
        ("method", "request_method"),
        ("response_s", "upstream_response_time"),
        ("request_s", "request_time"),
    ] {
        fields.push(format!("\"{key}\":\"${name}\""));
    }
    format!(
        "log_format route_{number} escape=json '{{{}}}';\n",
        fields.join(",")
    )
}

fn locations(number: usize, route: &Route, place: Place<'_>) -> String {
    let body = if route.stable.addresses.is_empty() && route.canary.is_none() {
        "return 503;".to_owned()
    } else {
        format!(
            "proxy_set_header Host $host; proxy_connect_timeout 5s; \
             proxy_pass http://$upstream_{number};"
        )
    };
    let log = format!(
        "access_log {}/access.log route_{number}; add_header {ROUTED_BY} {} always;",
        place.folder.display(),
        quoted(&route.rule())
    );
    let set = format!("set $upstream_{number} \"${{side_{number}}}_{number}\";");
    let body = format!("{{ {log} {set} {body} }}\n");
    let path = if route.path.is_empty() {
        "/"
    } else {
        &route.path
    };
    if route.is_exact {
        return format!("location = {} {body}", quoted(path));
    }
    let below = path.trim_end_matches('/');
    let whole = match below {
        "" => String::new(),
        below => format!("location = {} {body}", quoted(below)),
    };
    format!("{whole}location {} {body}", quoted(&format!("{below}/")))
}

/// A text that a map takes for nothing but itself.
fn literal(text: &str) -> String {
    // `\` before a special first letter, as for `~` and `default`.
    let special = ["~", "default", "hostnames", "include", "volatile"];
    match special.iter().any(|word| text.starts_with(word)) {
        true => quoted(&format!("\\{text}")),
        false => quoted(text),
    }
}

fn quoted(text: &str) -> String {
    assert!(
        !text.contains(char::is_control),
        "no line of a configuration holds {text:?}"
    );
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(canary: Option<CanaryRoute>) -> Route {
        Route {
            host: "app.example".into(),
            path: "/".into(),
            is_exact: false,
            namespace: "apps".into(),
            ingress: "web".into(),
            service: "web".into(),
            stable: Upstream {
                name: "apps-web-80".into(),
                addresses: vec!["127.0.0.1:1".into()],
            },
            canary,
        }
    }

    fn weighted(weight: u32, weight_total: u32) -> CanaryRoute {
        CanaryRoute {
            upstream: Upstream {
                name: "apps-web-canary-80".into(),
                addresses: vec!["127.0.0.1:2".into()],
            },
            header: None,
            cookie: None,
            weight,
            weight_total,
        }
    }

    fn written(canary: Option<CanaryRoute>) -> String {
        let place = Place {
            folder: Path::new("/f"),
            port: 80,
        };
        config(&[route(canary)], place)
    }

    #[test]
    fn a_weight_is_a_share_of_its_total() {
        let text = written(Some(weighted(1, 8)));
        assert!(
            text.contains("split_clients $request_id $by_chance_0 { 12.50% canary; * stable; }")
        );
        assert!(text.contains("add_header X-Routed-By \"1\" always;"));
    }

    #[test]
    fn nothing_and_everything_are_constants() {
        let nothing = written(Some(weighted(0, 100)));
        assert!(nothing.contains("$by_chance_0 { default stable; }"));
        let everything = written(Some(weighted(100, 100)));
        assert!(everything.contains("$by_chance_0 { default canary; }"));
        assert!(!(nothing + &everything).contains("split_clients"));
    }

    #[test]
    fn a_header_is_told_by_words_by_its_value_or_by_a_pattern() {
        let with = |test| {
            let header = Header {
                name: "X-User".into(),
                test,
            };
            written(Some(CanaryRoute {
                header: Some(header),
                ..weighted(0, 100)
            }))
        };
        let words = with(HeaderTest::Word);
        assert!(words.contains(
            "map $http_x_user $by_header_0 { default open; always canary; never stable; }"
        ));
        let value = with(HeaderTest::Value("~in\"side".into()));
        assert!(
            value.contains(r#"{ default open; "\\~in\"side" canary; }"#),
            "{value}"
        );
        let pattern = with(HeaderTest::Pattern("^in.+".into()));
        assert!(pattern.contains("{ default open; \"~^in.+\" canary; }"));
        assert!(pattern.contains("add_header X-Routed-By \"match\" always;"));
    }

    #[test]
    fn an_ingress_without_endpoints_answers_that_it_is_not_available() {
        let mut route = route(None);
        route.stable.addresses.clear();
        let place = Place {
            folder: Path::new("/f"),
            port: 80,
        };
        assert!(config(&[route], place).contains("return 503;"));
    }
}
