//! Which listeners a route attaches to, by each of its parents.

use super::conditions::Verdict;
use super::host::HostPattern;
use super::listeners::OwnGateway;
use crate::api::{GROUP, ParentReference, RouteSpec};
use crate::objects::Objects;
use trueup_object::Text;

/// A parent of a route that is one of our Gateways.
pub(super) struct Attachment {
    /// Its place in `spec.parentRefs`.
    pub parent: usize,
    /// Which listeners, as places of Gateway and listener, and which hosts of
    /// each; or why there is none.
    pub listeners: Result<Vec<AttachedListener>, Verdict>,
}

/// A listener that a route is attached to.
pub(super) struct AttachedListener {
    pub gateway: usize,
    pub listener: usize,
    /// The hosts that both mean.
    pub hosts: Vec<HostPattern>,
}

/// The attachments of a route to our Gateways; parents of others are left out.
pub(super) fn attachments(
    objects: &Objects,
    gateways: &[OwnGateway<'_>],
    namespace: &Text,
    spec: &RouteSpec,
) -> Vec<Attachment> {
    let parents = spec.parent_refs.iter().enumerate();
    let ours = parents.filter_map(|(parent, reference)| {
        let gateway = gateway_of(gateways, namespace, reference)?;
        Some(Attachment {
            parent,
            listeners: attach(objects, gateways, gateway, reference, namespace, spec),
        })
    });
    ours.collect()
}

fn gateway_of(
    gateways: &[OwnGateway<'_>],
    namespace: &Text,
    reference: &ParentReference,
) -> Option<usize> {
    if (reference.group.as_str(), reference.kind.as_str()) != (GROUP, "Gateway") {
        return None;
    }
    let wanted = reference.namespace.as_ref().unwrap_or(namespace);
    gateways.iter().position(|gateway| {
        gateway.object.namespace() == wanted && *gateway.object.name() == reference.name
    })
}

fn attach(
    objects: &Objects,
    gateways: &[OwnGateway<'_>],
    gateway: usize,
    reference: &ParentReference,
    namespace: &Text,
    spec: &RouteSpec,
) -> Result<Vec<AttachedListener>, Verdict> {
    let refused = |reason, message: &str| Verdict::bad("Accepted", reason, message.to_owned());
    let own = &gateways[gateway];
    let named = own.listeners.iter().enumerate().filter(|(_, listener)| {
        let section = reference.section_name.as_ref();
        section.is_none_or(|name| *name == listener.spec.name)
            && reference.port.is_none_or(|port| port == listener.spec.port)
    });
    let served: Vec<_> = named.filter(|(_, listener)| listener.is_served()).collect();
    if served.is_empty() {
        let message = "the Gateway has no such listener that is served";
        return Err(refused("NoMatchingParent", message));
    }
    let allowed = served
        .into_iter()
        .filter(|(_, listener)| listener.allows(objects, namespace, own.object.namespace()));
    let allowed: Vec<_> = allowed.collect();
    if allowed.is_empty() {
        let message = "no listener allows routes of this namespace";
        return Err(refused("NotAllowedByListeners", message));
    }
    let attached = allowed.into_iter().filter_map(|(listener, own)| {
        let hosts = common_hosts(&own.hosts, &spec.hostnames);
        (!hosts.is_empty()).then_some(AttachedListener {
            gateway,
            listener,
            hosts,
        })
    });
    let attached: Vec<_> = attached.collect();
    if attached.is_empty() {
        let message = "no listener is for any of the hostnames";
        return Err(refused("NoMatchingListenerHostname", message));
    }
    Ok(attached)
}

/// The hosts of a route that a listener is for.
fn common_hosts(listener: &HostPattern, hostnames: &[Text]) -> Vec<HostPattern> {
    if hostnames.is_empty() {
        return vec![listener.clone()];
    }
    let hosts = hostnames.iter().map(|name| HostPattern::of(name));
    hosts
        .filter_map(|hosts| hosts.intersection(listener))
        .collect()
}
