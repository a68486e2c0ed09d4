//! Which listeners of our Gateways are served, and which routes may attach.

use super::conditions::Verdict;
use super::host::HostPattern;
use crate::api::{AllowedFrom, GROUP, GatewaySpec, ListenerSpec};
use crate::objects::{Kind, Objects};
use crate::{CONTROLLER_NAME, identity::GatewayIdentity};
use trueup_cluster::LiveObject;
use trueup_object::{Selector, Text, Value, decode};

/// A Gateway of one of our classes.
#[derive(Debug)]
pub(crate) struct OwnGateway<'a> {
    pub object: &'a LiveObject,
    pub listeners: Vec<OwnListener>,
    /// Why nothing of it can be read.
    pub problem: Option<String>,
}

/// One listener, and how far it is served.
#[derive(Debug)]
pub(crate) struct OwnListener {
    pub spec: ListenerSpec,
    pub hosts: HostPattern,
    /// How many routes are attached.
    pub attached: i64,
    pub verdicts: Vec<Verdict>,
}

impl OwnListener {
    /// Whether requests are answered by it.
    pub(crate) fn is_served(&self) -> bool {
        let programmed = self.verdicts.iter().find(|it| it.kind == "Programmed");
        programmed.is_some_and(|it| it.holds)
    }

    /// Whether routes in `namespace` may attach to it, on a Gateway in
    /// `own_namespace`.
    pub(crate) fn allows(&self, objects: &Objects, namespace: &str, own_namespace: &str) -> bool {
        let kinds = &self.spec.allowed_routes.kinds;
        let is_route = |group: &str, kind: &str| (group, kind) == (GROUP, "HTTPRoute");
        if !kinds.is_empty() && !kinds.iter().any(|it| is_route(&it.group, &it.kind)) {
            return false;
        }
        let allowed = &self.spec.allowed_routes.namespaces;
        match allowed.from {
            AllowedFrom::All => true,
            AllowedFrom::Same => namespace == own_namespace,
            AllowedFrom::None => false,
            AllowedFrom::Selector => {
                let selector = Selector::from_label_selector(allowed.selector.as_ref());
                let object = objects.get(Kind::Namespace, "", namespace);
                object
                    .is_some_and(|it| selector.is_ok_and(|selector| selector.matches(it.labels())))
            }
        }
    }
}

/// The classes that name us as their controller.
pub(crate) fn own_classes(objects: &Objects) -> impl Iterator<Item = &LiveObject> {
    objects
        .all(Kind::GatewayClass)
        .filter(|class| class.value().str_at(&["spec", "controllerName"]) == Some(CONTROLLER_NAME))
}

/// The Gateways of our classes.
pub(crate) fn own_gateways<'a>(
    objects: &'a Objects,
    identity: &GatewayIdentity,
) -> Vec<OwnGateway<'a>> {
    let classes: Vec<&Text> = own_classes(objects).map(LiveObject::name).collect();
    let gateways = objects.all(Kind::Gateway).filter(|gateway| {
        let class = gateway.value().str_at(&["spec", "gatewayClassName"]);
        classes.iter().any(|own| class == Some(own.as_str()))
    });
    gateways
        .map(|object| own_gateway(object, identity))
        .collect()
}

fn own_gateway<'a>(object: &'a LiveObject, identity: &GatewayIdentity) -> OwnGateway<'a> {
    let spec = object.value().get("spec").cloned().unwrap_or(Value::map());
    let (spec, problem) = match decode::<GatewaySpec>(&spec) {
        Ok(spec) => (spec, None),
        Err(error) => (GatewaySpec::default(), Some(format!("spec: {error}"))),
    };
    let listeners = spec.listeners.iter();
    let listeners = listeners.map(|listener| OwnListener {
        hosts: HostPattern::of(&listener.hostname),
        attached: 0,
        verdicts: judge(listener, &spec.listeners, identity),
        spec: listener.clone(),
    });
    OwnGateway {
        object,
        listeners: listeners.collect(),
        problem,
    }
}

/// The conditions of a listener among all of its Gateway.
fn judge(
    listener: &ListenerSpec,
    all: &[ListenerSpec],
    identity: &GatewayIdentity,
) -> Vec<Verdict> {
    let alike = all.iter().filter(|other| {
        let same_hosts = HostPattern::of(&other.hostname) == HostPattern::of(&listener.hostname);
        same_hosts && other.port == listener.port
    });
    let is_conflicted = alike.count() > 1;
    let (port, own_port) = (listener.port, identity.address.port());
    let refusal = if listener.protocol != "HTTP" {
        let message = format!("{} is not supported, only HTTP", listener.protocol);
        Some(("UnsupportedProtocol", message))
    } else if port != i64::from(own_port) {
        let message = format!("port {port} is not listened on, only {own_port}");
        Some(("PortUnavailable", message))
    } else if is_conflicted {
        let message = "another listener has the same port and hostname".to_owned();
        Some(("HostnameConflict", message))
    } else {
        None
    };
    let conflicted = Verdict {
        kind: "Conflicted",
        holds: is_conflicted,
        reason: if is_conflicted {
            "HostnameConflict"
        } else {
            "NoConflicts"
        },
        message: String::new(),
    };
    let [accepted, programmed] = match refusal {
        None => [
            Verdict::good("Accepted", "Accepted"),
            Verdict::good("Programmed", "Programmed"),
        ],
        Some((reason, message)) => [
            Verdict::bad("Accepted", reason, message.clone()),
            Verdict::bad("Programmed", "Invalid", message),
        ],
    };
    vec![accepted, programmed, resolved(listener), conflicted]
}

/// Whether all kinds of routes that it names are known.
fn resolved(listener: &ListenerSpec) -> Verdict {
    let mut kinds = listener.allowed_routes.kinds.iter();
    match kinds.find(|it| (it.group.as_str(), it.kind.as_str()) != (GROUP, "HTTPRoute")) {
        None => Verdict::good("ResolvedRefs", "ResolvedRefs"),
        Some(other) => {
            let message = format!("{} is not supported, only HTTPRoute", other.kind);
            Verdict::bad("ResolvedRefs", "InvalidRouteKinds", message)
        }
    }
}
