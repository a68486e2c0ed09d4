//! What was made for a Canary.

use super::Failure;
use trueup_cluster::{ApiError, ErrorClass, Form, LiveObject, Session};
use trueup_kinds::Canary;
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value};
use trueup_rollout::routers::{Router, RouterSettings, supported};

/// The objects that belong to a Canary, and go with it.
pub async fn made_for(session: &Session, live: &LiveObject) -> Result<Vec<ObjectRef>, Failure> {
    let Ok(canary) = Canary::decode(live.value()) else {
        return Ok(Vec::new());
    };
    let mut made = Vec::new();
    for candidate in candidates(&canary) {
        let found = find(session, &candidate).await?;
        if found.is_some_and(|found| belongs_to(&found, live.uid())) && !made.contains(&candidate) {
            made.push(candidate);
        }
    }
    Ok(made)
}

/// A kind that the cluster does not serve has no objects.
async fn find(session: &Session, object: &ObjectRef) -> Result<Option<LiveObject>, ApiError> {
    match session.find(object, Form::Metadata).await {
        Err(error) if error.class() == ErrorClass::KindMissing => Ok(None),
        found => found,
    }
}

fn belongs_to(object: &LiveObject, uid: &Text) -> bool {
    let owners = object.value().at(&["metadata", "ownerReferences"]);
    let owners = owners.and_then(Value::as_list).unwrap_or_default();
    owners
        .iter()
        .any(|owner| owner.str_at(&["uid"]) == Some(uid.as_str()))
}

/// What may have been made: the primary and what it reads, its autoscaler, the
/// Services, the routes.
fn candidates(canary: &Canary) -> Vec<ObjectRef> {
    let spec = &canary.spec;
    let object = |api_version: &str, kind: &str, name: &str| ObjectRef {
        kind: GroupVersionKind::new(api_version, kind),
        namespace: canary.metadata.namespace.clone(),
        name: name.into(),
    };
    let target = &spec.target_ref;
    let primary = spec.primary_name();
    let mut candidates = vec![object(&target.api_version, &target.kind, &primary)];
    if let Some(scaler) = &spec.autoscaler_ref {
        let name = format!("{}-primary", scaler.name);
        candidates.push(object(&scaler.api_version, &scaler.kind, &name));
    }
    let configs = canary.status.tracked_configs.iter().flatten();
    candidates.extend(configs.filter_map(|(key, _)| {
        let (kind, name) = key.split_once('/')?;
        let kind = match kind {
            "configmap" => "ConfigMap",
            _ => "Secret",
        };
        Some(object("v1", kind, &format!("{name}-primary")))
    }));
    let names = spec.service_names();
    let services = [names.apex, names.primary, names.canary];
    candidates.extend(services.map(|name| object("v1", "Service", &name)));
    candidates.extend(routes(canary));
    candidates
}

/// The routes of the provider; where only the installation knows which that is,
/// those of all.
fn routes(canary: &Canary) -> Vec<ObjectRef> {
    let providers = match canary.spec.provider.as_str() {
        "" => supported(),
        named => vec![named],
    };
    let routes = providers.into_iter().flat_map(|provider| {
        let settings = RouterSettings {
            default_provider: provider.into(),
            ..RouterSettings::default()
        };
        let router = Router::of(canary, &settings);
        router.map(|router| router.needs()).unwrap_or_default()
    });
    routes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn all_that_may_have_been_made_is_looked_for() {
        let object = value!({
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {
                "provider": "traefik",
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "autoscalerRef": {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "web"},
                "service": {"name": "shop", "port": 80},
            },
            "status": {"trackedConfigs": {"configmap/colours": "1", "secret/login": "2"}},
        });
        let canary = Canary::decode(&object).unwrap();
        let found: Vec<String> = candidates(&canary)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "Deployment/apps/web-primary",
                "HorizontalPodAutoscaler/apps/web-primary",
                "ConfigMap/apps/colours-primary",
                "Secret/apps/login-primary",
                "Service/apps/shop",
                "Service/apps/shop-primary",
                "Service/apps/shop-canary",
                "TraefikService/apps/shop",
            ]
        );
    }
}
