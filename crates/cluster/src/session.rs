//! Requests, made as somebody.

use crate::error::Subject;
use crate::request::{
    ApplyOptions, Conflicts, DeleteOptions, Deletion, Patch, Persist, Propagation,
};
use crate::resource::Query;
use crate::transport::{Call, secrecy_of};
use crate::{
    ApiError, Cluster, ErrorClass, Form, LiveObject, ResourceInfo, UnknownFields, Verb,
    WriteOptions,
};
use bytes::Bytes;
use http::Method;
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value, to_json, value};

pub(crate) const ONE_AS_METADATA: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// As whom requests are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// As the user of the cluster's own configuration.
    #[default]
    Controller,
    /// As somebody else; the configured user must be allowed to.
    Impersonate {
        /// User name, such as `system:serviceaccount:apps:deployer`.
        user: Text,
        /// Groups; without any the server adds those that a user of this
        /// name has by itself.
        groups: Vec<Text>,
    },
}

impl Identity {
    /// The service account of a tenant. No groups are asked for: the server
    /// adds those of a service account, and whoever may impersonate accounts
    /// need not be allowed to impersonate groups.
    #[must_use]
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self::Impersonate {
            user: format!("system:serviceaccount:{namespace}:{name}").into(),
            groups: Vec::new(),
        }
    }

    pub(crate) fn headers(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Controller => Vec::new(),
            Self::Impersonate { user, groups } => {
                std::iter::once(("Impersonate-User", user.as_str()))
                    .chain(
                        groups
                            .iter()
                            .map(|group| ("Impersonate-Group", group.as_str())),
                    )
                    .collect()
            }
        }
    }
}

/// A cluster and an identity: all requests go through one of these. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct Session {
    cluster: Cluster,
    identity: Identity,
}

impl Session {
    pub(crate) fn new(cluster: Cluster, identity: Identity) -> Self {
        Self { cluster, identity }
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// As whom.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Reads one object.
    pub async fn get(&self, reference: &ObjectRef, form: Form) -> Result<LiveObject, ApiError> {
        let resource = self.resource(&reference.kind).await?;
        let mut call = object_call(&resource, Verb::Get, reference, None, &Query::default())?;
        if form == Form::Metadata {
            call = call.accepting(ONE_AS_METADATA);
        }
        self.call_for_object(&reference.kind, &call).await
    }

    /// Reads one object; `None` if it is not there. A kind that is not served
    /// is an error all the same.
    pub async fn find(
        &self,
        reference: &ObjectRef,
        form: Form,
    ) -> Result<Option<LiveObject>, ApiError> {
        match self.get(reference, form).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an object; `metadata.name` may be left to `generateName`.
    pub async fn create(
        &self,
        object: &Value,
        options: &WriteOptions,
    ) -> Result<LiveObject, ApiError> {
        let reference = reference_of(Verb::Create, object)?;
        let resource = self.resource(&reference.kind).await?;
        let verb = verb_of(Verb::Create, options.persist);
        let subject = subject(verb, &reference);
        let namespace = namespace_for(&resource, &reference, &subject)?;
        let path = resource.collection_path(Some(namespace)) + write_query(options).as_str();
        let call = Call::read(subject, path, resource.full_name()).sending(
            Method::POST,
            "application/json",
            to_json(object),
        );
        self.call_for_object(&reference.kind, &call).await
    }

    /// Posts to a subresource that is an act rather than a part, such as a
    /// Pod's `binding` or `eviction`; the answer is not looked at.
    pub async fn post_to_subresource(
        &self,
        reference: &ObjectRef,
        subresource: &str,
        body: &Value,
    ) -> Result<(), ApiError> {
        let resource = self.resource(&reference.kind).await?;
        let call = object_call(
            &resource,
            Verb::Create,
            reference,
            Some(subresource),
            &Query::default(),
        )?
        .sending(Method::POST, "application/json", to_json(body));
        self.call(&call).await.map(|_| ())
    }

    /// Replaces an object; with a `metadata.resourceVersion` only that version.
    pub async fn update(
        &self,
        object: &Value,
        options: &WriteOptions,
    ) -> Result<LiveObject, ApiError> {
        let reference = reference_of(Verb::Update, object)?;
        let resource = self.resource(&reference.kind).await?;
        let verb = verb_of(Verb::Update, options.persist);
        let call = object_call(
            &resource,
            verb,
            &reference,
            options.subresource.as_deref(),
            &write_query(options),
        )?
        .sending(Method::PUT, "application/json", to_json(object));
        self.call_for_object(&reference.kind, &call).await
    }

    /// Server-side apply of a manifest.
    pub async fn apply(
        &self,
        manifest: &Value,
        options: &ApplyOptions,
    ) -> Result<LiveObject, ApiError> {
        let reference = reference_of(Verb::Apply, manifest)?;
        let resource = self.resource(&reference.kind).await?;
        let verb = verb_of(Verb::Apply, options.persist);
        let force = if options.conflicts == Conflicts::TakeOver {
            "true"
        } else {
            ""
        };
        let query = write_query(&WriteOptions {
            field_manager: options.field_manager.clone(),
            persist: options.persist,
            unknown_fields: options.unknown_fields,
            subresource: None,
        })
        .with("force", force);
        let call = object_call(
            &resource,
            verb,
            &reference,
            options.subresource.as_deref(),
            &query,
        )?
        .sending(
            Method::PATCH,
            "application/apply-patch+yaml",
            to_json(manifest),
        );
        self.call_for_object(&reference.kind, &call).await
    }

    /// Changes an object by a patch.
    pub async fn patch(
        &self,
        reference: &ObjectRef,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<LiveObject, ApiError> {
        let resource = self.resource(&reference.kind).await?;
        let verb = verb_of(Verb::Patch, options.persist);
        let (content_type, body) = match patch {
            Patch::Merge(body) => ("application/merge-patch+json", body),
            Patch::Json(body) => ("application/json-patch+json", body),
            Patch::Strategic(body) => ("application/strategic-merge-patch+json", body),
        };
        let call = object_call(
            &resource,
            verb,
            reference,
            options.subresource.as_deref(),
            &write_query(options),
        )?
        .sending(Method::PATCH, content_type, to_json(body));
        self.call_for_object(&reference.kind, &call).await
    }

    /// Merges into the status subresource: `status` is its new content, and
    /// `resource_version`, where given, makes it fail with a conflict if the
    /// object has changed.
    pub async fn patch_status(
        &self,
        reference: &ObjectRef,
        status: &Value,
        resource_version: Option<&str>,
        field_manager: &str,
    ) -> Result<LiveObject, ApiError> {
        let mut body = value!({});
        body.set_at(&["status"], status.clone());
        if let Some(version) = resource_version {
            body.set_at(&["metadata", "resourceVersion"], version.into());
        }
        self.patch(
            reference,
            &Patch::Merge(body),
            &WriteOptions::new(field_manager).on("status"),
        )
        .await
    }

    /// Deletes an object. A missing object is an error of class
    /// [`ErrorClass::NotFound`], a failed precondition one of class
    /// [`ErrorClass::Conflict`].
    pub async fn delete(
        &self,
        reference: &ObjectRef,
        options: &DeleteOptions,
    ) -> Result<Deletion, ApiError> {
        let resource = self.resource(&reference.kind).await?;
        let verb = verb_of(Verb::Delete, options.persist);
        let call = object_call(&resource, verb, reference, None, &Query::default())?.sending(
            Method::DELETE,
            "application/json",
            to_json(&delete_body(options)),
        );
        let body = self.call(&call).await?;
        // Without finalizers the answer is a Status, or the object as it was.
        let object = LiveObject::from_json(&reference.kind, body).ok();
        Ok(
            match object.filter(|object| object.deletion_timestamp().is_some()) {
                Some(object) => Deletion::Pending(Box::new(object)),
                None => Deletion::Gone,
            },
        )
    }

    /// Creates a core `v1` Event in its own namespace.
    pub async fn create_event(&self, event: &Value, field_manager: &str) -> Result<(), ApiError> {
        let kind = GroupVersionKind::new("v1", "Event");
        let resource = ResourceInfo::known("v1", "Event", "events", crate::Placement::Namespaced);
        let reference = ObjectRef {
            kind,
            namespace: event
                .str_at(&["metadata", "namespace"])
                .unwrap_or("default")
                .into(),
            name: event
                .str_at(&["metadata", "name"])
                .unwrap_or_default()
                .into(),
        };
        let options = WriteOptions::new(field_manager);
        let path =
            resource.collection_path(Some(&reference.namespace)) + write_query(&options).as_str();
        let call = Call::read(
            subject(Verb::Create, &reference),
            path,
            resource.full_name(),
        )
        .sending(Method::POST, "application/json", to_json(event));
        self.call(&call).await.map(|_| ())
    }

    async fn call_for_object(
        &self,
        kind: &GroupVersionKind,
        call: &Call,
    ) -> Result<LiveObject, ApiError> {
        let body = self.call(call).await?;
        // A body that came at once is a piece of the connection's buffer:
        // whoever keeps an object of 2 KiB would keep all of that.
        let body = Bytes::copy_from_slice(&body);
        read_object(kind, body, &call.subject)
    }
}

pub(crate) fn read_object(
    kind: &GroupVersionKind,
    body: Bytes,
    subject: &Subject,
) -> Result<LiveObject, ApiError> {
    LiveObject::from_json(kind, body)
        .map_err(|error| ApiError::of(subject, ErrorClass::Undecodable, &error.to_string()))
}

pub(crate) fn subject(verb: Verb, reference: &ObjectRef) -> Subject {
    Subject {
        verb,
        object: reference.to_string().into(),
        secrecy: secrecy_of(&reference.kind.group, &reference.kind.kind),
    }
}

fn verb_of(verb: Verb, persist: Persist) -> Verb {
    match persist {
        Persist::Commit => verb,
        Persist::DryRun => Verb::DryRun,
    }
}

/// What an object to be written calls itself; a name may be missing where
/// `generateName` is set.
fn reference_of(verb: Verb, object: &Value) -> Result<ObjectRef, ApiError> {
    let kind = GroupVersionKind::of(object).ok_or_else(|| {
        ApiError::local(
            verb,
            "object",
            ErrorClass::Unbuildable,
            "apiVersion or kind is missing",
        )
    })?;
    let text = |key| Text::from(object.str_at(&["metadata", key]).unwrap_or_default());
    Ok(ObjectRef {
        kind,
        namespace: text("namespace"),
        name: text("name"),
    })
}

fn namespace_for<'a>(
    resource: &ResourceInfo,
    reference: &'a ObjectRef,
    subject: &Subject,
) -> Result<&'a str, ApiError> {
    if resource.is_namespaced() && reference.namespace.is_empty() {
        let message = format!(
            "{} is namespaced, but no namespace is given",
            reference.kind.kind
        );
        return Err(ApiError::of(subject, ErrorClass::Unbuildable, &message));
    }
    Ok(&reference.namespace)
}

/// A request for one object, yet without a body.
fn object_call(
    resource: &ResourceInfo,
    verb: Verb,
    reference: &ObjectRef,
    subresource: Option<&str>,
    query: &Query,
) -> Result<Call, ApiError> {
    let subject = subject(verb, reference);
    let namespace = namespace_for(resource, reference, &subject)?;
    if matches!(reference.name.as_str(), "" | "." | "..") {
        return Err(ApiError::of(
            &subject,
            ErrorClass::Unbuildable,
            "no usable name is given",
        ));
    }
    let path = resource.object_path(namespace, &reference.name, subresource) + query.as_str();
    let counted = match subresource {
        Some(subresource) => format!("{}/{subresource}", resource.full_name()).into(),
        None => resource.full_name(),
    };
    Ok(Call::read(subject, path, counted))
}

fn write_query(options: &WriteOptions) -> Query {
    let validation = match options.unknown_fields {
        UnknownFields::Refuse => "Strict",
        UnknownFields::Warn => "",
        UnknownFields::Ignore => "Ignore",
    };
    Query::default()
        .with("fieldManager", &options.field_manager)
        .with(
            "dryRun",
            if options.persist == Persist::DryRun {
                "All"
            } else {
                ""
            },
        )
        .with("fieldValidation", validation)
}

fn delete_body(options: &DeleteOptions) -> Value {
    let propagation = match options.propagation {
        Propagation::Background => "Background",
        Propagation::Foreground => "Foreground",
        Propagation::Orphan => "Orphan",
    };
    let mut body = value!({
        "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation,
    });
    if let Some(uid) = &options.uid {
        body.set_at(&["preconditions", "uid"], uid.clone().into());
    }
    if let Some(version) = &options.resource_version {
        body.set_at(
            &["preconditions", "resourceVersion"],
            version.clone().into(),
        );
    }
    if let Some(seconds) = options.grace_period_s {
        body.set_at(&["gracePeriodSeconds"], i64::from(seconds).into());
    }
    if options.persist == Persist::DryRun {
        body.set_at(&["dryRun"], value!(["All"]));
    }
    body
}
