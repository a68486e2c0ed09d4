//! Whether the gateways have taken a route over as it is now.

use super::super::RouterError;
use super::super::error::describe;
use super::super::fields::Fields;
use trueup_object::ObjectRef;

/// Refuses a route that one of its parents has refused, or has not looked at
/// since it was changed. A parent that says nothing is trusted: some
/// controllers never say anything.
pub(super) fn check(reference: &ObjectRef, route: &Fields<'_>) -> Result<(), RouterError> {
    let generation = route.section("metadata")?.integer("generation")?;
    let generation = generation.unwrap_or(0);
    let statuses = route.section("status")?.items("parents")?;
    for parent in route.section("spec")?.items("parentRefs")? {
        for status in &statuses {
            if Parent::of(reference, &status.section("parentRef")?)?
                == Parent::of(reference, &parent)?
            {
                check_parent(reference, &parent, status, generation)?;
            }
        }
    }
    Ok(())
}

fn check_parent(
    reference: &ObjectRef,
    parent: &Fields<'_>,
    status: &Fields<'_>,
    generation: i64,
) -> Result<(), RouterError> {
    for condition in status.items("conditions")? {
        if condition.text("type")? != Some("Accepted") {
            continue;
        }
        let verdict = condition.text("status")?.unwrap_or_default();
        let seen = condition.integer("observedGeneration")?.unwrap_or(0);
        if verdict != "True" || seen < generation {
            let (object, name) = (
                describe(reference),
                parent.text("name")?.unwrap_or_default(),
            );
            return Err(RouterError::NotReady(
                format!(
                    "{object} parent {name} is not ready (status: {verdict}, observed generation: {seen}, current generation: {generation})"
                )
                .into(),
            ));
        }
    }
    Ok(())
}

/// Which parent, with what is left out filled in.
#[derive(PartialEq, Eq)]
struct Parent<'a> {
    group: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    section: &'a str,
    port: Option<i64>,
}

impl<'a> Parent<'a> {
    fn of(route: &'a ObjectRef, parent: &Fields<'a>) -> Result<Self, RouterError> {
        Ok(Self {
            group: parent.text("group")?.unwrap_or("gateway.networking.k8s.io"),
            kind: parent.text("kind")?.unwrap_or("Gateway"),
            namespace: parent.text("namespace")?.unwrap_or(&route.namespace),
            name: parent.text("name")?.unwrap_or_default(),
            section: parent.text("sectionName")?.unwrap_or_default(),
            port: parent.integer("port")?,
        })
    }
}
