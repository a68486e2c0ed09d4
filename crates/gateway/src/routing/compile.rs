//! From the objects of the cluster to the table of routes and to what is said
//! of them.

use super::attach::{Attachment, attachments};
use super::backend::{BackendProblem, Resolver};
use super::conditions::{Verdict, conditions};
use super::host::HostPattern;
use super::listeners::{OwnGateway, own_classes, own_gateways};
use super::rule::{self, ReadRule, RouteName};
use super::table::{Entry, RouteTable};
use super::unsupported::Unsupported;
use crate::api::{GROUP, RouteSpec, RuleSpec};
use crate::identity::{CONTROLLER_NAME, GatewayIdentity};
use crate::objects::{Kind, Objects};
use std::sync::Arc;
use trueup_cluster::LiveObject;
use trueup_object::{ObjectRef, Text, Value, decode, value};

/// How many problems of one route are named.
const MAX_PROBLEMS_NAMED: usize = 10;

/// What follows from the objects.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    pub table: RouteTable,
    /// The statuses that have to be written.
    pub statuses: Vec<StatusWrite>,
}

/// A status that is to take the place of the one that is there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StatusWrite {
    pub object: ObjectRef,
    /// The version of the object that it was made from.
    pub resource_version: Text,
    pub status: Value,
}

/// Makes the table and the statuses; `now` is the time of conditions that
/// change, as the API writes it.
pub(crate) fn compile(objects: &Objects, identity: &GatewayIdentity, now: &Text) -> Compiled {
    let mut compiling = Compiling {
        objects,
        gateways: own_gateways(objects, identity),
        entries: Vec::new(),
        statuses: Vec::new(),
        now,
    };
    let mut routes: Vec<&LiveObject> = objects.all(Kind::HttpRoute).collect();
    // Of routes that count alike the oldest counts, then the first by name.
    routes.sort_by_key(|route| (route.creation_timestamp(), route.reference()));
    for route in routes {
        compiling.route(route);
    }
    for class in own_classes(objects) {
        compiling.class(class);
    }
    compiling.gateways(identity);
    Compiled {
        table: RouteTable::of(compiling.entries),
        statuses: compiling.statuses,
    }
}

struct Compiling<'a> {
    objects: &'a Objects,
    gateways: Vec<OwnGateway<'a>>,
    entries: Vec<(HostPattern, Entry)>,
    statuses: Vec<StatusWrite>,
    now: &'a Text,
}

impl Compiling<'_> {
    fn route(&mut self, route: &LiveObject) {
        let spec = route.value().get("spec").cloned().unwrap_or(Value::map());
        let spec: RouteSpec = match decode(&spec) {
            Ok(spec) => spec,
            // The parents can't be told, so nothing can be said at them.
            Err(error) => {
                tracing::warn!(route = %route.reference(), %error, "a route can't be read");
                return;
            }
        };
        let namespace = route.namespace();
        let attached = attachments(self.objects, &self.gateways, namespace, &spec);
        let mut resolver = Resolver::new(self.objects, namespace);
        let rules = read_rules(route, &spec, &mut resolver);
        if let Ok(rules) = &rules {
            self.enter(&attached, rules);
        }
        let problems = resolver.into_problems();
        self.route_status(route, &attached, rules.err().as_ref(), &problems);
    }

    /// Enters the rules of a route for the listeners that it is attached to.
    fn enter(&mut self, attached: &[Attachment], rules: &[ReadRule]) {
        let all = attached.iter().filter_map(|it| it.listeners.as_ref().ok());
        for at in all.flatten() {
            let listener = &mut self.gateways[at.gateway].listeners[at.listener];
            listener.attached += 1;
            for (hosts, read) in at
                .hosts
                .iter()
                .flat_map(|it| rules.iter().map(move |r| (it, r)))
            {
                let rule = Arc::new(read.rule.clone());
                self.entries.extend(read.matches.iter().map(|requests| {
                    let entry = Entry {
                        hosts: hosts.clone(),
                        requests: requests.clone(),
                        rule: Arc::clone(&rule),
                    };
                    (listener.hosts.clone(), entry)
                }));
            }
        }
    }

    fn route_status(
        &mut self,
        route: &LiveObject,
        attached: &[Attachment],
        unsupported: Option<&Unsupported>,
        problems: &[BackendProblem],
    ) {
        let live = route.value().at(&["status", "parents"]);
        let live = live.and_then(Value::as_list).unwrap_or_default();
        let is_own = |parent: &&Value| parent.str_at(&["controllerName"]) == Some(CONTROLLER_NAME);
        let references = route.value().at(&["spec", "parentRefs"]);
        let references = references.and_then(Value::as_list).unwrap_or_default();
        let own = attached.iter().map(|it| {
            let reference = references.get(it.parent).cloned().unwrap_or_default();
            let mut known = live.iter().filter(is_own);
            let before = known.find(|parent| parent.get("parentRef") == Some(&reference));
            let verdicts = [accepted(it, unsupported), resolved(problems)];
            let before = before.and_then(|it| it.get("conditions"));
            value!({
                "parentRef": reference,
                "controllerName": CONTROLLER_NAME,
                "conditions": (conditions(before, &verdicts, route.generation(), self.now)),
            })
        });
        let others = live.iter().filter(|parent| !is_own(parent)).cloned();
        let parents: Value = others.chain(own).collect();
        if parents.as_list() != Some(live) {
            self.write(route, value!({"parents": parents}));
        }
    }

    fn class(&mut self, class: &LiveObject) {
        let verdicts = [Verdict::good("Accepted", "Accepted")];
        let before = class.value().at(&["status", "conditions"]);
        let list = conditions(before, &verdicts, class.generation(), self.now);
        if before != Some(&list) {
            self.write(class, value!({"conditions": list}));
        }
    }

    fn gateways(&mut self, identity: &GatewayIdentity) {
        for gateway in std::mem::take(&mut self.gateways) {
            let status = gateway_status(&gateway, identity, self.now);
            if gateway.object.value().get("status") != Some(&status) {
                self.write(gateway.object, status);
            }
        }
    }

    fn write(&mut self, object: &LiveObject, status: Value) {
        self.statuses.push(StatusWrite {
            object: object.reference().clone(),
            resource_version: object.resource_version().clone(),
            status,
        });
    }
}

fn read_rules(
    route: &LiveObject,
    spec: &RouteSpec,
    resolver: &mut Resolver<'_>,
) -> Result<Vec<ReadRule>, Unsupported> {
    let name = RouteName {
        namespace: route.namespace().clone(),
        name: route.name().clone(),
    };
    let default = [RuleSpec::default()];
    let rules = spec.rules.as_deref().unwrap_or(&default).iter().enumerate();
    rules
        .map(|(index, spec)| rule::read(&name, &format!("spec.rules[{index}]"), spec, resolver))
        .collect()
}

fn accepted(attachment: &Attachment, unsupported: Option<&Unsupported>) -> Verdict {
    match (&attachment.listeners, unsupported) {
        (Err(refusal), _) => refusal.clone(),
        (Ok(_), Some(value)) => Verdict::bad("Accepted", "UnsupportedValue", value.to_string()),
        (Ok(_), None) => Verdict::good("Accepted", "Accepted"),
    }
}

fn resolved(problems: &[BackendProblem]) -> Verdict {
    let Some(first) = problems.first() else {
        return Verdict::good("ResolvedRefs", "ResolvedRefs");
    };
    let named = problems.iter().take(MAX_PROBLEMS_NAMED);
    let mut message: Vec<String> = named.map(|it| it.message.clone()).collect();
    if problems.len() > MAX_PROBLEMS_NAMED {
        message.push(format!("{} more", problems.len() - MAX_PROBLEMS_NAMED));
    }
    Verdict::bad("ResolvedRefs", first.reason, message.join("; "))
}

fn gateway_status(gateway: &OwnGateway<'_>, identity: &GatewayIdentity, now: &Text) -> Value {
    let object = gateway.object;
    let live = object.value().get("status");
    let generation = object.generation();
    let live_listeners = live.and_then(|it| it.get("listeners"));
    let live_listeners = live_listeners.and_then(Value::as_list).unwrap_or_default();
    let listeners: Value = gateway
        .listeners
        .iter()
        .map(|listener| {
            let mut before = live_listeners.iter();
            let name = listener.spec.name.as_str();
            let before = before.find(|it| it.str_at(&["name"]) == Some(name));
            let before = before.and_then(|it| it.get("conditions"));
            value!({
                "name": (listener.spec.name.clone()),
                "supportedKinds": [{"group": GROUP, "kind": "HTTPRoute"}],
                "attachedRoutes": (listener.attached),
                "conditions": (conditions(before, &listener.verdicts, generation, now)),
            })
        })
        .collect();
    let verdicts = gateway_verdicts(gateway);
    let before = live.and_then(|it| it.get("conditions"));
    value!({
        "addresses": [{"type": "IPAddress", "value": (identity.address.ip().to_string())}],
        "conditions": (conditions(before, &verdicts, generation, now)),
        "listeners": listeners,
    })
}

fn gateway_verdicts(gateway: &OwnGateway<'_>) -> [Verdict; 2] {
    if let Some(problem) = &gateway.problem {
        return [
            Verdict::bad("Accepted", "Invalid", problem.clone()),
            Verdict::bad("Programmed", "Invalid", problem.clone()),
        ];
    }
    let mut unserved = gateway.listeners.iter().filter(|it| !it.is_served());
    let Some(first) = unserved.next() else {
        return [
            Verdict::good("Accepted", "Accepted"),
            Verdict::good("Programmed", "Programmed"),
        ];
    };
    let message = format!("the listener {} is not served", first.spec.name);
    let any_served = gateway.listeners.iter().any(|it| it.is_served());
    let of = |kind, good| Verdict {
        kind,
        holds: any_served,
        reason: if any_served {
            good
        } else {
            "ListenersNotValid"
        },
        message: message.clone(),
    };
    // With some listeners served, the API wants Accepted to hold, for the
    // reason ListenersNotValid.
    [
        of("Accepted", "ListenersNotValid"),
        of("Programmed", "Programmed"),
    ]
}
