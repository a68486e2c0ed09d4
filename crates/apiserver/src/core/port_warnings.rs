//! Ports that the containers of one Pod define more than once.

use std::collections::HashMap;
use trueup_object::Value;

/// Where a port is defined, and on which address and port of the host.
struct Place<'a> {
    at: String,
    host_ip: &'a str,
    host_port: i64,
}

/// What is said of the ports of containers, each with its path.
pub(super) fn port_warnings(containers: &[(String, &Value)]) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut known: HashMap<(i64, &str), Vec<Place<'_>>> = HashMap::new();
    let mut names: HashMap<&str, String> = HashMap::new();
    let mut of_names = Vec::new();
    for (at, port) in containers.iter().flat_map(ports) {
        let host_ip = port.str_at(&["hostIP"]).unwrap_or("");
        let host_port = port.i64_at(&["hostPort"]).unwrap_or(0);
        let key = (
            port.i64_at(&["containerPort"]).unwrap_or(0),
            port.str_at(&["protocol"]).unwrap_or(""),
        );
        let place = Place {
            at: at.clone(),
            host_ip,
            host_port,
        };
        let others = known.entry(key).or_default();
        warnings.extend(others.iter().filter_map(|other| clash(&place, other)));
        others.push(place);
        let name = port.str_at(&["name"]).unwrap_or("");
        match names.get(name) {
            _ if name.is_empty() => {}
            None => {
                names.insert(name, at);
            }
            Some(other) => of_names.push(format!(
                "{at}: duplicate port name {name:?} with {other}, services and probes that select ports by name will use {other}"
            )),
        }
    }
    warnings.extend(of_names);
    warnings
}

fn ports<'a>((at, container): &(String, &'a Value)) -> Vec<(String, &'a Value)> {
    let ports = container
        .get("ports")
        .and_then(Value::as_list)
        .unwrap_or_default();
    ports
        .iter()
        .enumerate()
        .map(|(index, port)| (format!("{at}.ports[{index}]"), port))
        .collect()
}

fn clash(place: &Place<'_>, other: &Place<'_>) -> Option<String> {
    let what = if (place.host_ip, place.host_port) == (other.host_ip, other.host_port) {
        "duplicate"
    } else if place.host_port == 0 || other.host_port == 0 {
        "overlapping"
    } else if place.host_port == other.host_port
        && place.host_ip.is_empty() != other.host_ip.is_empty()
    {
        "dangerously ambiguous"
    } else {
        return None;
    };
    Some(format!(
        "{}: {what} port definition with {}",
        place.at, other.at
    ))
}

#[cfg(test)]
mod tests {
    use super::port_warnings;
    use trueup_object::value;

    #[test]
    fn a_port_defined_again_is_told_with_its_first_place() {
        let (one, two) = (
            value!({"ports": [{"containerPort": 80, "protocol": "TCP", "name": "web"}]}),
            value!({"ports": [
                {"containerPort": 80, "protocol": "UDP"},
                {"containerPort": 80, "protocol": "TCP", "hostPort": 8080},
                {"containerPort": 80, "protocol": "TCP", "name": "web"}
            ]}),
        );
        let told = port_warnings(&[("c[0]".into(), &one), ("c[1]".into(), &two)]);
        assert_eq!(
            told,
            [
                "c[1].ports[1]: overlapping port definition with c[0].ports[0]",
                "c[1].ports[2]: duplicate port definition with c[0].ports[0]",
                "c[1].ports[2]: overlapping port definition with c[1].ports[1]",
                "c[1].ports[2]: duplicate port name \"web\" with c[0].ports[0], services and probes that select ports by name will use c[0].ports[0]",
            ]
        );
    }
}
