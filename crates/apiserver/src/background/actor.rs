//! Writing on behalf of the cluster.

use crate::core::{
    Answer, ApiError, ApiPath, Core, GroupResource, Identity, Operation, Request, Resource, Stored,
    parse_path,
};
use jiff::Timestamp;
use std::cell::Cell;
use std::sync::Arc;
use trueup_object::{Text, Value, to_json};

/// The name that changes by the cluster carry.
pub const MANAGER: &str = "kube-controller-manager";

/// Somebody who acts at one moment and counts what it writes.
pub struct Actor<'a> {
    /// Where it acts.
    pub core: &'a Core,
    /// When.
    pub now: Timestamp,
    identity: Identity,
    writes: Cell<usize>,
}

/// The path of a resource's collection or object.
pub fn path(row: &Resource, namespace: &str, name: &str) -> String {
    let mut path = match row.group.as_str() {
        "" => format!("/api/{}", row.version),
        group => format!("/apis/{group}/{}", row.version),
    };
    if !namespace.is_empty() {
        path.push_str(&format!("/namespaces/{namespace}"));
    }
    path.push_str(&format!("/{}", row.plural));
    if !name.is_empty() {
        path.push_str(&format!("/{}", name.replace('%', "%25")));
    }
    path
}

/// An operation by method and target, as a client would send it.
pub fn operation(
    core: &Core,
    method: &str,
    target: &str,
    body: Option<(&str, &Value)>,
) -> Result<Operation, ApiError> {
    let mut request = Request::new(method, target);
    request.user_agent = Some(MANAGER.to_owned());
    if let Some((content_type, value)) = body {
        request = request.with_body(content_type, to_json(value));
    }
    match parse_path(&request.path) {
        ApiPath::Resource(path) => Operation::read(&request, &path, &core.registry().tables()),
        ApiPath::Other => Err(ApiError::unknown_path()),
    }
}

impl<'a> Actor<'a> {
    /// Acts on a core at a time.
    pub fn new(core: &'a Core, now: Timestamp) -> Self {
        let identity = Identity {
            user: "system:kube-controller-manager".into(),
            ..Identity::admin()
        };
        Self {
            core,
            now,
            identity,
            writes: Cell::new(0),
        }
    }

    /// How many writes succeeded.
    pub fn writes(&self) -> usize {
        self.writes.get()
    }

    /// Sends one request and counts it if it succeeds.
    pub fn send(
        &self,
        method: &str,
        target: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Answer, ApiError> {
        let operation = operation(self.core, method, target, body)?;
        let answer = self.core.execute(&operation, &self.identity, self.now)?;
        self.writes.set(self.writes.get() + 1);
        Ok(answer)
    }

    /// The row of a resource.
    pub fn row(&self, resource: &GroupResource) -> Option<Arc<Resource>> {
        self.core.registry().tables().of(resource).cloned()
    }

    /// An object as it is now.
    pub fn get(
        &self,
        group: &str,
        plural: &str,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<Stored>> {
        let resource = GroupResource {
            group: group.into(),
            plural: plural.into(),
        };
        self.core.store().get(&resource, namespace, name)
    }

    /// Makes an object unless one of that name is there.
    pub fn create(&self, object: &Value) -> Result<(), ApiError> {
        let (group_version, kind) = (
            object.str_at(&["apiVersion"]).unwrap_or_default(),
            object.str_at(&["kind"]).unwrap_or_default(),
        );
        let (group, version) = group_version
            .rsplit_once('/')
            .unwrap_or(("", group_version));
        let tables = self.core.registry().tables();
        let row = tables
            .find_kind(group, version, kind)
            .ok_or_else(ApiError::unknown_path)?;
        let namespace = object
            .str_at(&["metadata", "namespace"])
            .unwrap_or_default();
        let name = object.str_at(&["metadata", "name"]).unwrap_or_default();
        if self
            .core
            .store()
            .get(&row.group_resource(), namespace, name)
            .is_some()
        {
            return Ok(());
        }
        match self.send(
            "POST",
            &path(row, namespace, ""),
            Some(("application/json", object)),
        ) {
            Err(error) if error.reason != "AlreadyExists" => Err(error),
            _ => Ok(()),
        }
    }

    /// Deletes one object, exactly this one. Trouble is logged: it is tried
    /// again when the object is seen again.
    pub fn delete(&self, resource: &GroupResource, object: &Stored, propagation: &str) -> bool {
        let Some(row) = self.row(resource) else {
            return false;
        };
        let uid = object
            .value()
            .at(&["metadata", "uid"])
            .cloned()
            .unwrap_or_default();
        let options = trueup_object::value!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": propagation,
            "preconditions": {"uid": uid}
        });
        let target = path(&row, &object.key.namespace, &object.key.name);
        self.done(
            "delete",
            &target,
            self.send("DELETE", &target, Some(("application/json", &options))),
        )
    }

    /// Changes one object by a merge patch.
    pub fn patch(&self, resource: &GroupResource, object: &Stored, patch: &Value) -> bool {
        let Some(row) = self.row(resource) else {
            return false;
        };
        let target = path(&row, &object.key.namespace, &object.key.name);
        self.done(
            "patch",
            &target,
            self.send(
                "PATCH",
                &target,
                Some(("application/merge-patch+json", patch)),
            ),
        )
    }

    /// Whether a request succeeded; trouble is logged.
    pub fn done(&self, what: &str, target: &str, result: Result<Answer, ApiError>) -> bool {
        match result {
            Ok(_) => true,
            Err(error) => {
                if error.code != 404 {
                    tracing::debug!(%error, what, target, "housekeeping could not write");
                }
                false
            }
        }
    }

    /// All resources whose objects live in namespaces, once each, those that
    /// may be deleted.
    pub fn namespaced(&self) -> Vec<Arc<Resource>> {
        let tables = self.core.registry().tables();
        let mut seen: Vec<GroupResource> = Vec::new();
        let mut rows = Vec::new();
        for row in tables
            .rows
            .iter()
            .filter(|row| row.namespaced && row.group != "events.k8s.io")
        {
            let deletable = row.verbs.iter().any(|verb| verb == "delete");
            if deletable && !seen.contains(&row.group_resource()) {
                seen.push(row.group_resource());
                rows.push(row.clone());
            }
        }
        rows
    }
}

/// The text at a path of metadata.
pub fn metadata<'o>(object: &'o Stored, key: &str) -> Option<&'o str> {
    object.value().str_at(&["metadata", key])
}

/// The finalizers of an object.
pub fn finalizers(object: &Stored) -> Vec<Text> {
    let list = object
        .value()
        .at(&["metadata", "finalizers"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    list.iter()
        .filter_map(|it| it.as_str().map(Text::from))
        .collect()
}

/// Whether an object is being deleted.
pub fn is_deleting(object: &Stored) -> bool {
    metadata(object, "deletionTimestamp").is_some()
}
