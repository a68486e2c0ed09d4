//! Who answers requests.

use super::unsupported::at;
use crate::api::BackendSpec;
use crate::objects::Objects;
use trueup_object::{Text, Value};

/// A port of a `Service`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServicePort {
    /// The namespace.
    pub namespace: Text,
    /// The name.
    pub service: Text,
    /// The number of the Service's port, not of its Pods'.
    pub port: u16,
}

/// Where a reference leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To a port of a Service that is there.
    Service(ServicePort),
    /// Nowhere, which the route's status says: requests get a 500.
    Unresolved,
}

/// Why a reference leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackendProblem {
    /// In one word of the API.
    pub reason: &'static str,
    /// In a sentence.
    pub message: String,
}

/// Follows the references of one route, and keeps those that lead nowhere.
pub(crate) struct Resolver<'a> {
    objects: &'a Objects,
    namespace: &'a str,
    problems: Vec<BackendProblem>,
}

impl<'a> Resolver<'a> {
    /// For a route in `namespace`.
    pub(crate) fn new(objects: &'a Objects, namespace: &'a str) -> Self {
        Self {
            objects,
            namespace,
            problems: Vec::new(),
        }
    }

    /// What led nowhere, in the order of the route.
    pub(crate) fn into_problems(self) -> Vec<BackendProblem> {
        self.problems
    }

    /// Follows the reference at `place` of the route.
    pub(crate) fn resolve(&mut self, place: &str, spec: &BackendSpec) -> Target {
        match self.look_up(place, spec) {
            Ok(port) => Target::Service(port),
            Err(problem) => {
                self.problems.push(problem);
                Target::Unresolved
            }
        }
    }

    fn look_up(&self, place: &str, spec: &BackendSpec) -> Result<ServicePort, BackendProblem> {
        let problem = |reason, message| BackendProblem { reason, message };
        let group = spec.group.as_deref().unwrap_or_default();
        let kind = spec.kind.as_deref().unwrap_or("Service");
        if (group, kind) != ("", "Service") {
            let message = format!("{place}: {kind} is not supported, only Service");
            return Err(problem("InvalidKind", message));
        }
        let namespace = spec.namespace.as_deref().unwrap_or(self.namespace);
        if namespace != self.namespace {
            let message = format!("{place}: Services of other namespaces are not supported");
            return Err(problem("RefNotPermitted", message));
        }
        let missing = |what: String| problem("BackendNotFound", format!("{place}: {what}"));
        let name = &spec.name;
        let service = self.objects.service(namespace, name);
        let service =
            service.ok_or_else(|| missing(format!("there is no Service {namespace}/{name}")))?;
        let number = spec.port.unwrap_or_default();
        let port = port_of(service.value(), number).ok_or_else(|| {
            let place = at(place, "port");
            problem(
                "BackendNotFound",
                format!("{place}: Service {namespace}/{name} has no port {number}"),
            )
        })?;
        Ok(ServicePort {
            namespace: namespace.into(),
            service: name.clone(),
            port,
        })
    }
}

fn port_of(service: &Value, number: i64) -> Option<u16> {
    let ports = service.at(&["spec", "ports"])?.as_list()?;
    let known = ports
        .iter()
        .any(|port| port.i64_at(&["port"]) == Some(number));
    u16::try_from(number).ok().filter(|_| known)
}
