//! Reading collections, page by page.

use crate::error::Subject;
use crate::resource::Query;
use crate::session::read_object;
use crate::transport::{Call, secrecy_of};
use crate::{ApiError, ErrorClass, Form, LiveObject, ResourceInfo, Scope, Session, Verb};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use trueup_object::{GroupVersionKind, Text};

/// Objects in one page.
pub const PAGE_OBJECTS: u32 = 500;

/// The most objects of one kind that are read into memory.
pub const MAX_LIST_OBJECTS: usize = 500_000;

/// How often a list is begun anew when its continue token has expired.
const LIST_RESTARTS: u32 = 3;

const LIST_AS_METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// A collection at one version.
#[derive(Clone, Debug, Default)]
pub struct ObjectList {
    /// The objects in the server's order.
    pub objects: Vec<LiveObject>,
    /// The collection's version: a watch from here misses nothing.
    pub resource_version: Text,
}

/// One page, as sent.
pub(crate) struct Page {
    pub objects: Vec<LiveObject>,
    pub resource_version: Text,
    pub continue_token: Text,
}

#[derive(Deserialize)]
struct ListDocument<'a> {
    #[serde(default)]
    metadata: ListMetadata,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ListMetadata {
    resource_version: Text,
    #[serde(rename = "continue")]
    continue_token: Option<Text>,
}

impl Session {
    /// Reads all objects of a kind in a scope, at one version.
    pub async fn list(
        &self,
        kind: &GroupVersionKind,
        scope: &Scope,
        form: Form,
    ) -> Result<ObjectList, ApiError> {
        let resource = self.resource(kind).await?;
        let mut restarts = LIST_RESTARTS;
        loop {
            match self.list_pages(&resource, scope, form).await {
                Err(error) if error.class() == ErrorClass::Gone && restarts > 0 => restarts -= 1,
                outcome => return outcome,
            }
        }
    }

    async fn list_pages(
        &self,
        resource: &ResourceInfo,
        scope: &Scope,
        form: Form,
    ) -> Result<ObjectList, ApiError> {
        let mut list = ObjectList::default();
        let mut token = Text::new();
        loop {
            let page = self.list_page(resource, scope, form, &token).await?;
            list.objects.extend(page.objects);
            list.resource_version = page.resource_version;
            token = page.continue_token;
            if token.is_empty() {
                return Ok(list);
            }
            if list.objects.len() > MAX_LIST_OBJECTS {
                let message = format!("more than {MAX_LIST_OBJECTS} objects");
                return Err(ApiError::of(
                    &collection_subject(Verb::List, resource, scope),
                    ErrorClass::Undecodable,
                    &message,
                ));
            }
        }
    }

    /// Reads one page; an empty token asks for the first.
    pub(crate) async fn list_page(
        &self,
        resource: &ResourceInfo,
        scope: &Scope,
        form: Form,
        token: &str,
    ) -> Result<Page, ApiError> {
        let query = scope_query(scope)
            .with("limit", &PAGE_OBJECTS.to_string())
            .with("continue", token);
        let call = collection_call(Verb::List, resource, scope, &query);
        let call = if form == Form::Metadata {
            call.accepting(LIST_AS_METADATA)
        } else {
            call
        };
        let body = self.call(&call).await?;
        read_page(resource, &body, &call.subject)
    }
}

fn read_page(resource: &ResourceInfo, body: &[u8], subject: &Subject) -> Result<Page, ApiError> {
    let document: ListDocument<'_> = serde_json::from_slice(body).map_err(|error| {
        let message = format!(
            "not a list (line {}, column {})",
            error.line(),
            error.column()
        );
        ApiError::of(subject, ErrorClass::Undecodable, &message)
    })?;
    // Copied item by item, so that keeping one object keeps no whole page.
    let read = |item: &&RawValue| {
        read_object(
            &resource.kind,
            Bytes::copy_from_slice(item.get().as_bytes()),
            subject,
        )
    };
    Ok(Page {
        objects: document
            .items
            .unwrap_or_default()
            .iter()
            .map(read)
            .collect::<Result<_, _>>()?,
        resource_version: document.metadata.resource_version,
        continue_token: document.metadata.continue_token.unwrap_or_default(),
    })
}

pub(crate) fn scope_query(scope: &Scope) -> Query {
    Query::default()
        .with("labelSelector", &scope.label_selector)
        .with("fieldSelector", &scope.field_selector)
}

pub(crate) fn collection_subject(verb: Verb, resource: &ResourceInfo, scope: &Scope) -> Subject {
    let object = match &scope.namespace {
        Some(namespace) => format!("{} in {namespace}", resource.full_name()).into(),
        None => resource.full_name(),
    };
    Subject {
        verb,
        object,
        secrecy: secrecy_of(&resource.kind.group, &resource.kind.kind),
    }
}

pub(crate) fn collection_call(
    verb: Verb,
    resource: &ResourceInfo,
    scope: &Scope,
    query: &Query,
) -> Call {
    let path = resource.collection_path(scope.namespace.as_deref()) + query.as_str();
    Call::read(
        collection_subject(verb, resource, scope),
        path,
        resource.full_name(),
    )
}
