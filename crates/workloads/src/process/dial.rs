//! Where a Pod's processes listen, and how others learn of it.

use std::net::SocketAddr;
use trueup_object::{Map, Text, Value};

/// The annotation of a Pod that says where its processes really listen:
/// `ADDR:PORT` of its first container port. That of a further port `N` is in
/// the same annotation with `-N` appended.
pub const DIAL_ANNOTATION: &str = "trueup.dev/dial";

/// The variable that tells a container's process where to listen: `ADDR:PORT`
/// for its first container port. That of a port `N` is also in the variable
/// with `_N` appended.
pub const LISTEN_VARIABLE: &str = "TRUEUP_LISTEN";

/// Container ports of one Pod.
pub(super) const MAX_PORTS: usize = 16;

/// Where to dial a container port of a Pod with these annotations; without a
/// port, or for one that has no annotation of its own, the first. `None` where
/// the Pod is not run by a process node, or the annotation is no address.
#[must_use]
pub fn dial_address(annotations: &Map, container_port: Option<u16>) -> Option<SocketAddr> {
    let read = |name: &str| annotations.get(name)?.as_str()?.parse().ok();
    container_port
        .and_then(|port| read(&annotation_of(port)))
        .or_else(|| read(DIAL_ANNOTATION))
}

fn annotation_of(port: u16) -> String {
    format!("{DIAL_ANNOTATION}-{port}")
}

/// A port that a container's process listens at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// The container's place in the Pod.
    pub container: usize,
    /// Its number in the Pod; `None` for that of a container without ports.
    pub number: Option<u16>,
    /// Its name, if it has one.
    pub name: Text,
}

/// The TCP ports of a Pod's containers in their order. A container without
/// any has one without number.
pub(super) fn ports_of(pod: &Value) -> Vec<Port> {
    let containers = pod
        .at(&["spec", "containers"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let mut ports = Vec::new();
    for (place, container) in containers.iter().enumerate() {
        let before = ports.len();
        ports.extend(listed(container, place));
        if ports.len() == before {
            ports.push(Port {
                container: place,
                number: None,
                name: Text::new(),
            });
        }
    }
    ports
}

fn listed(container: &Value, place: usize) -> impl Iterator<Item = Port> {
    let ports = container
        .get("ports")
        .and_then(Value::as_list)
        .unwrap_or_default();
    let tcp = ports
        .iter()
        .filter(|port| port.str_at(&["protocol"]).is_none_or(|it| it == "TCP"));
    tcp.filter_map(move |port| {
        Some(Port {
            container: place,
            number: Some(
                u16::try_from(port.i64_at(&["containerPort"])?)
                    .ok()
                    .filter(|it| *it > 0)?,
            ),
            name: port.str_at(&["name"]).unwrap_or_default().into(),
        })
    })
}

/// A Pod's ports and where each is dialled, in the order of [`ports_of`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dial {
    pub ports: Vec<(Port, SocketAddr)>,
}

impl Dial {
    /// The annotations that tell of it.
    pub(super) fn annotations(&self) -> Map {
        let mut annotations = Map::new();
        for (place, (port, address)) in self.ports.iter().enumerate() {
            let name = match port.number {
                _ if place == 0 => DIAL_ANNOTATION.to_owned(),
                Some(number) => annotation_of(number),
                None => continue,
            };
            annotations.insert(name, address.to_string());
        }
        annotations
    }

    /// The variables that tell a container's process of it.
    pub(super) fn variables(&self, container: usize) -> Vec<(String, String)> {
        let own = self
            .ports
            .iter()
            .filter(|(port, _)| port.container == container);
        let mut variables = Vec::new();
        for (port, address) in own {
            if variables.is_empty() {
                variables.push((LISTEN_VARIABLE.to_owned(), address.to_string()));
            }
            if let Some(number) = port.number {
                variables.push((format!("{LISTEN_VARIABLE}_{number}"), address.to_string()));
            }
        }
        variables
    }

    /// Where a port is dialled; one that no container lists is looked for
    /// under its own number at the Pod's address.
    pub(super) fn address(&self, number: u16) -> Option<SocketAddr> {
        let listed = self
            .ports
            .iter()
            .find(|(port, _)| port.number == Some(number));
        let (_, first) = self.ports.first()?;
        Some(listed.map_or_else(
            || SocketAddr::new(first.ip(), number),
            |(_, address)| *address,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    fn dial() -> Dial {
        let pod = value!({"spec": {"containers": [
            {"name": "web", "ports": [
                {"name": "http", "containerPort": 80}, {"containerPort": 53, "protocol": "UDP"},
                {"name": "metrics", "containerPort": 9090, "protocol": "TCP"}]},
            {"name": "side"},
        ]}});
        let addresses = ["127.64.0.1:4000", "127.64.0.1:9090", "127.64.0.1:5000"];
        let ports = ports_of(&pod).into_iter();
        Dial {
            ports: ports
                .zip(addresses.map(|address| address.parse().unwrap()))
                .collect(),
        }
    }

    #[test]
    fn annotations_tell_of_all_ports_and_are_read_by_number() {
        let annotations = dial().annotations();
        assert_eq!(annotations.len(), 2);
        let read = |port| dial_address(&annotations, port).map(|it| it.to_string());
        assert_eq!(read(None).as_deref(), Some("127.64.0.1:4000"));
        assert_eq!(read(Some(80)).as_deref(), Some("127.64.0.1:4000"));
        assert_eq!(read(Some(9090)).as_deref(), Some("127.64.0.1:9090"));
        let hostile = [(DIAL_ANNOTATION, Value::from("example.com:80"))];
        assert_eq!(dial_address(&hostile.into_iter().collect(), Some(80)), None);
    }

    #[test]
    fn each_container_is_told_its_own_ports() {
        let names = |container| {
            let variables = dial().variables(container).into_iter();
            variables
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(0),
            [
                "TRUEUP_LISTEN=127.64.0.1:4000",
                "TRUEUP_LISTEN_80=127.64.0.1:4000",
                "TRUEUP_LISTEN_9090=127.64.0.1:9090"
            ]
        );
        assert_eq!(names(1), ["TRUEUP_LISTEN=127.64.0.1:5000"]);
        assert_eq!(names(2), [""; 0]);
        assert_eq!(dial().address(7).unwrap().to_string(), "127.64.0.1:7");
    }

    #[test]
    fn ports_that_are_none_are_passed_over() {
        let pod = value!({"spec": {"containers": [{"ports": [
            {"containerPort": 0}, {"containerPort": 70000}, {"containerPort": -1}, {"name": "x"}]}]}});
        assert_eq!(ports_of(&pod).len(), 1);
        assert_eq!(ports_of(&pod)[0].number, None);
    }
}
