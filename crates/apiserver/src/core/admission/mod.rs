//! What may change or refuse an object on its way in, beyond what its kind
//! says: a short list of named plugins, each a pure function of the object,
//! what it was, and the objects that are there.
//!
//! The names, their order and their rules are those of the API server. Those
//! that fill in come first, the kind's own checks follow, those that refuse
//! come last; only [`quota`] writes anything down, when all others agree.

mod amounts;
mod class_defaults;
mod limit_range;
mod node_taint;
mod priority;
pub mod quota;
mod storage_in_use;
mod toleration_seconds;

use super::status::ApiError;
use super::store::{Store, Stored};
use super::write::Call;
use super::{GroupResource, Resource};
use jiff::Timestamp;
use std::sync::Arc;
use trueup_object::{Text, Value};

/// Whether the object is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Create,
    Update,
}

/// What is asked, and the objects that a plugin may look at.
struct Context<'a> {
    store: &'a Store,
    resource: &'a Resource,
    change: Change,
    subresource: &'a str,
    namespace: &'a str,
    now: Timestamp,
}

/// Fills in what is missing, or refuses what it can't complete.
type Admit = fn(&Context<'_>, &mut Value) -> Result<(), ApiError>;
/// Refuses an object that may not be; the last argument is what it was.
type Validate = fn(&Context<'_>, &Value, Option<&Value>) -> Result<(), ApiError>;

/// One plugin. Either function may be left out.
struct Plugin {
    /// The name by which the API server knows it.
    name: &'static str,
    admit: Option<Admit>,
    validate: Option<Validate>,
}

const PLUGINS: &[Plugin] = &[
    Plugin {
        name: "LimitRanger",
        admit: Some(limit_range::admit),
        validate: Some(limit_range::validate),
    },
    Plugin {
        name: "TaintNodesByCondition",
        admit: Some(node_taint::admit),
        validate: None,
    },
    Plugin {
        name: "Priority",
        admit: Some(priority::admit),
        validate: Some(priority::validate),
    },
    Plugin {
        name: "DefaultTolerationSeconds",
        admit: Some(toleration_seconds::admit),
        validate: None,
    },
    Plugin {
        name: "StorageObjectInUseProtection",
        admit: Some(storage_in_use::admit),
        validate: None,
    },
    Plugin {
        name: "DefaultStorageClass",
        admit: Some(class_defaults::storage_class),
        validate: None,
    },
    Plugin {
        name: "DefaultIngressClass",
        admit: Some(class_defaults::ingress_class),
        validate: None,
    },
];

impl<'a> Context<'a> {
    fn of(call: &'a Call<'_>, change: Change) -> Self {
        Self {
            store: call.core.store(),
            resource: call.resource,
            change,
            subresource: call.operation.subresource_name(),
            namespace: &call.operation.namespace,
            now: call.now,
        }
    }

    /// Whether it is about objects of this resource.
    fn is_of(&self, group: &str, plural: &str) -> bool {
        self.resource.group == group && self.resource.plural == plural
    }

    /// Whether it is about a new object of this resource.
    fn creates(&self, group: &str, plural: &str) -> bool {
        self.change == Change::Create && self.subresource.is_empty() && self.is_of(group, plural)
    }

    /// The objects of a resource; an empty namespace stands for all.
    fn list(&self, group: &str, plural: &str, namespace: &str) -> Vec<Arc<Stored>> {
        self.store.list(&resource(group, plural), namespace).objects
    }

    /// A refusal that names the object.
    fn forbidden(&self, object: &Value, why: &str) -> ApiError {
        let text = |key| {
            object
                .str_at(&["metadata", key])
                .filter(|it| !it.is_empty())
        };
        let name = text("name").or_else(|| text("generateName"));
        ApiError::forbidden(
            &self.resource.group,
            &self.resource.plural,
            name.unwrap_or("Unknown"),
            why,
        )
    }
}

fn resource(group: &str, plural: &str) -> GroupResource {
    GroupResource {
        group: Text::from(group),
        plural: Text::from(plural),
    }
}

/// Fills in a new object, or one that an update has made.
pub(super) fn admit(
    call: &Call<'_>,
    object: &mut Value,
    live: Option<&Value>,
) -> Result<(), ApiError> {
    let context = Context::of(call, change_of(live));
    for plugin in PLUGINS {
        if let Some(admit) = plugin.admit {
            admit(&context, object).inspect_err(|error| refused(plugin, error))?;
        }
    }
    if let Some(live) = live {
        priority::keep(&context, object, live);
    }
    Ok(())
}

/// Refuses an object that may not be.
pub(super) fn validate(
    call: &Call<'_>,
    object: &Value,
    live: Option<&Value>,
) -> Result<(), ApiError> {
    let context = Context::of(call, change_of(live));
    for plugin in PLUGINS {
        if let Some(validate) = plugin.validate {
            validate(&context, object, live).inspect_err(|error| refused(plugin, error))?;
        }
    }
    quota::check(&context, object, live).map(drop)
}

/// Counts an object that is about to be written against the quotas of its
/// namespace.
pub(super) fn charge(
    call: &Call<'_>,
    object: &Value,
    live: Option<&Value>,
) -> Result<(), ApiError> {
    quota::charge(call, &Context::of(call, change_of(live)), object, live)
}

fn change_of(live: Option<&Value>) -> Change {
    match live {
        None => Change::Create,
        Some(_) => Change::Update,
    }
}

fn refused(plugin: &Plugin, error: &ApiError) {
    tracing::debug!(plugin = plugin.name, %error, "admission");
}

/// Writes of the server itself, as a client of its own.
pub(super) fn write_status(
    call: &Call<'_>,
    target: &str,
    patch: &Value,
) -> Result<super::Answer, ApiError> {
    let mut request = super::Request::new("PATCH", target).with_body(
        "application/merge-patch+json",
        trueup_object::to_json(patch),
    );
    request.user_agent = Some("kube-apiserver".to_owned());
    let super::ApiPath::Resource(path) = super::parse_path(&request.path) else {
        return Err(ApiError::unknown_path());
    };
    let tables = call.core.registry().tables();
    let operation = super::Operation::read(&request, &path, &tables)?;
    call.core
        .execute(&operation, &super::Identity::admin(), call.now)
}
