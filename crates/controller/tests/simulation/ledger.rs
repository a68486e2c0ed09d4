//! What reached the servers, in the order in which it did: who asked, as
//! whom, for what, and whether they led at that moment.

use super::check::inventory;
use crate::tests::world::NAMESPACE;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tower::{BoxError, Service, ServiceExt};
use trueup_cluster::{Form, LiveObject, RequestBody, Scope, Session};
use trueup_kinds::{Kustomization, Resource, names};
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value, from_json};
use trueup_testkit::VirtualClock;

/// One of the two clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The one that holds the custom resources.
    Near,
    /// The one behind a kubeconfig.
    Far,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Near => "near",
            Self::Far => "far",
        })
    }
}

/// What a path is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    pub namespace: String,
    pub resource: String,
    pub name: String,
    pub subresource: String,
}

impl Target {
    /// Of a path such as `/api/v1/namespaces/apps/configmaps/a`.
    fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let above = if parts.first() == Some(&"api") { 2 } else { 3 };
        let mut rest = parts.iter().skip(above).copied().peekable();
        let mut namespace = "";
        if rest.peek() == Some(&"namespaces") && parts.len() > above + 2 {
            rest.next();
            namespace = rest.next().unwrap_or_default();
        }
        let mut next = || rest.next().unwrap_or_default().to_owned();
        Self {
            resource: next(),
            name: next(),
            subresource: next(),
            namespace: namespace.to_owned(),
        }
    }
}

/// A write as it reached a server.
#[derive(Clone, Debug)]
pub struct Write {
    pub at_ms: i64,
    /// Which life of which instance.
    pub process: String,
    pub place: Place,
    pub method: Method,
    pub target: Target,
    pub is_dry_run: bool,
    pub impersonated: Option<String>,
    /// Whether the process led then; `None` where that does not matter.
    pub led: Option<bool>,
    /// Whose the object was, by its labels, when it was to be deleted.
    pub owner: Option<String>,
    /// What was sent, where that is about content or Kustomizations.
    pub body: Value,
    /// What each Kustomization had applied by then, as its status said.
    pub applied: BTreeMap<String, String>,
    /// Whether an object that is applied stood in the inventory of its
    /// Kustomization by then; `None` for anything else.
    pub was_listed: Option<bool>,
    /// What there still was of a Kustomization that was let go.
    pub remains: Vec<(Place, ObjectRef)>,
    /// The answer, if there was one before the client went away.
    pub code: Option<StatusCode>,
}

impl Write {
    /// Whether it changed something.
    pub fn took_effect(&self) -> bool {
        !self.is_dry_run && self.code.is_none_or(|code| code.is_success())
    }

    /// Whether it is about an object out of Git.
    pub fn is_content(&self) -> bool {
        let kinds = ["configmaps", "gadgets", "customresourcedefinitions"];
        kinds.contains(&self.target.resource.as_str())
    }

    /// What it says of the status of a Kustomization.
    pub fn status(&self) -> Option<&Value> {
        let Target {
            resource,
            subresource,
            ..
        } = &self.target;
        let is_status = resource == "kustomizations" && subresource == "status";
        self.body.get("status").filter(|_| is_status)
    }

    /// The newest commit that the values of an object name.
    pub fn commit(&self) -> Option<u32> {
        let fields = ["data", "spec"].map(|field| self.body.get(field)?.as_map());
        let values = fields.into_iter().flatten().flat_map(|it| it.values());
        let numbers = values.filter_map(|it| it.as_str()?.strip_prefix('v')?.parse().ok());
        numbers.max()
    }

    /// The Kustomization that an object is written for, by its labels.
    pub fn written_for(&self) -> Option<&str> {
        self.body.str_at(&["metadata", "labels", names::OWNER_NAME])
    }

    /// The Kustomization that an object is applied for, and the object's id in
    /// inventories.
    fn applied_object(&self) -> Option<(&str, Text)> {
        let is_apply = self.is_content() && self.method != Method::DELETE && !self.is_dry_run;
        let reference = ObjectRef::of(&self.body).filter(|_| is_apply)?;
        Some((self.written_for()?, trueup_kinds::object_id(&reference)))
    }

    /// Whether the finalizers of a Kustomization are taken off.
    fn lets_go(&self) -> bool {
        let finalizers = self.body.at(&["metadata", "finalizers"]);
        self.target.resource == "kustomizations"
            && finalizers
                .and_then(Value::as_list)
                .is_some_and(<[_]>::is_empty)
    }
}

impl fmt::Display for Write {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Target {
            namespace,
            resource,
            name,
            subresource,
        } = &self.target;
        write!(
            formatter,
            "{} ms {} at {}: {}{} {namespace}/{resource}/{name}/{subresource} as {:?}, led {:?}: {:?}",
            self.at_ms,
            self.process,
            self.place,
            self.method,
            if self.is_dry_run { " (dry-run)" } else { "" },
            self.impersonated,
            self.led,
            self.code.map(|code| code.as_u16())
        )
    }
}

/// All of it. Cheap to clone; clones are the same.
#[derive(Clone, Debug)]
pub struct Ledger {
    clock: VirtualClock,
    /// The administrators of both clusters.
    admins: [Session; 2],
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    writes: Vec<Write>,
    /// Who holds which lease.
    holders: BTreeMap<String, String>,
    /// How often a lease changed hands.
    transitions: u64,
    /// What each Kustomization has applied, when it was last looked at.
    applied: BTreeMap<String, String>,
    /// The inventory of each that there was then.
    inventories: BTreeMap<String, BTreeSet<String>>,
    /// Reads that no watch is, and writes, but for leases.
    asked: BTreeMap<Place, u64>,
}

impl State {
    /// What the Kustomizations say now, of which nobody may have been answered.
    fn look_at(&mut self, kustomizations: &[LiveObject]) {
        self.inventories.clear();
        for object in kustomizations {
            let name = object.name().to_string();
            let status = object.value().get("status").unwrap_or(&Value::Null);
            if let Some(revision) = status.str_at(&["lastAppliedRevision"]) {
                self.applied.insert(name.clone(), revision.to_owned());
            }
            self.inventories.insert(name, inventory(status));
        }
    }
}

impl Ledger {
    /// `near` and `far` are administrators, untouched by faults.
    pub fn new(clock: VirtualClock, near: Session, far: Session) -> Self {
        Self {
            clock,
            admins: [near, far],
            state: Arc::default(),
        }
    }

    /// Everything that was written so far.
    pub fn writes(&self) -> Vec<Write> {
        self.lock().writes.clone()
    }

    /// How much was asked of a place so far, but for watches, leases and
    /// whether it is there at all.
    pub fn asked(&self, place: Place) -> u64 {
        self.lock().asked.get(&place).copied().unwrap_or_default()
    }

    /// How often leases changed hands.
    pub fn transitions(&self) -> u64 {
        self.lock().transitions
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, place: Place, head: &Parts) {
        let query = head.uri.query().unwrap_or_default();
        let target = Target::of(head.uri.path());
        let mut state = self.lock();
        match head.uri.path() {
            "/version" => {}
            _ if query.contains("watch=") || target.resource == "leases" => {}
            _ => *state.asked.entry(place).or_default() += 1,
        }
    }

    /// Whose the object of a request is now, by its labels.
    async fn owner(&self, place: Place, head: &Parts) -> Option<String> {
        let target = Target::of(head.uri.path());
        let reference = ObjectRef {
            kind: kind_of(&target.resource)?,
            namespace: target.namespace.into(),
            name: target.name.into(),
        };
        let [near, far] = &self.admins;
        let admin = if place == Place::Near { near } else { far };
        let found = admin.find(&reference, Form::Metadata).await.ok()??;
        found.label(names::OWNER_NAME).map(str::to_owned)
    }

    async fn kustomizations(&self) -> Vec<LiveObject> {
        let kind = Kustomization::group_version_kind();
        let [near, _] = &self.admins;
        let listed = near.list(&kind, &Scope::all(), Form::Full).await;
        listed.unwrap().objects
    }

    /// What both places hold with the labels of a Kustomization.
    async fn remains(&self, name: &str) -> Vec<(Place, ObjectRef)> {
        let [near, far] = &self.admins;
        let mut found = Vec::new();
        for (place, admin, resource) in [
            (Place::Near, near, "configmaps"),
            (Place::Near, near, "gadgets"),
            (Place::Far, far, "configmaps"),
        ] {
            let kind = kind_of(resource).unwrap();
            // Where nobody knows the kind there are none.
            let listed = admin.list(&kind, &Scope::all(), Form::Metadata).await;
            let objects = listed.map(|it| it.objects).unwrap_or_default();
            let owned = objects
                .iter()
                .filter(|it| it.label(names::OWNER_NAME) == Some(name));
            found.extend(owned.map(|it| (place, it.reference().clone())));
        }
        found
    }

    /// A write that arrives.
    async fn seen(&self, from: &Source, head: &Parts, body: &Bytes) -> Write {
        let target = Target::of(head.uri.path());
        let query = head.uri.query().unwrap_or_default();
        let impersonated = head
            .headers
            .get("impersonate-user")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let owner = match head.method {
            Method::DELETE => self.owner(from.place, head).await,
            _ => None,
        };
        let mut write = Write {
            at_ms: self.clock.now().as_millisecond(),
            process: from.process.clone(),
            place: from.place,
            method: head.method.clone(),
            target,
            is_dry_run: query.split('&').any(|pair| pair.starts_with("dryRun=")),
            impersonated,
            led: None,
            owner,
            body: Value::Null,
            applied: BTreeMap::new(),
            was_listed: None,
            remains: Vec::new(),
            code: None,
        };
        if write.is_content() || write.target.resource == "kustomizations" {
            write.body = from_json(body).unwrap_or_default();
        }
        if write.is_content() {
            let kustomizations = self.kustomizations().await;
            self.lock().look_at(&kustomizations);
        }
        if write.lets_go() {
            write.remains = self.remains(&write.target.name).await;
        }
        write
    }

    /// Notes a write that arrives; answers its number.
    fn arrives(&self, from: &Source, write: Write) -> usize {
        let mut state = self.lock();
        if write.target.resource != "leases" {
            *state.asked.entry(from.place).or_default() += 1;
        }
        let lease = match from.election {
            Election::Held => responsible(&write.target.resource),
            Election::None => None,
        };
        let led = lease.map(|lease| state.holders.get(lease) == Some(&from.process));
        let applied = match write.is_content() {
            true => state.applied.clone(),
            false => BTreeMap::new(),
        };
        let was_listed = write.applied_object().map(|(owner, id)| {
            let inventory = state.inventories.get(owner);
            inventory.is_some_and(|ids| ids.contains(id.as_str()))
        });
        state.writes.push(Write {
            led,
            applied,
            was_listed,
            ..write
        });
        state.writes.len() - 1
    }

    fn answered(&self, number: usize, code: StatusCode, body: &Bytes) {
        let mut state = self.lock();
        let write = &mut state.writes[number];
        write.code = Some(code);
        if write.target.resource != "leases" || !code.is_success() {
            return;
        }
        assert_eq!(write.target.namespace, NAMESPACE);
        let lease = from_json(body).unwrap();
        let name = lease.str_at(&["metadata", "name"]).unwrap().to_owned();
        let holder = lease
            .str_at(&["spec", "holderIdentity"])
            .unwrap_or_default();
        let before = state.holders.insert(name, holder.to_owned());
        if !holder.is_empty() && before.as_deref() != Some(holder) {
            state.transitions += 1;
        }
    }
}

/// The kind of the objects that content out of Git is made of.
fn kind_of(resource: &str) -> Option<GroupVersionKind> {
    let (api_version, kind) = match resource {
        "configmaps" => ("v1", "ConfigMap"),
        "gadgets" => ("example.com/v1", "Gadget"),
        _ => return None,
    };
    Some(GroupVersionKind::new(api_version, kind))
}

/// The lease that one must hold to write to a resource.
fn responsible(resource: &str) -> Option<&'static str> {
    match resource {
        // How one comes to lead, and what is told of what was done.
        "leases" | "events" => None,
        "gitrepositories" => Some("source-controller-leader-election"),
        _ => Some("kustomize-controller-leader-election"),
    }
}

/// Who comes to which server.
#[derive(Clone, Debug)]
pub struct Source {
    pub process: String,
    pub place: Place,
    pub election: Election,
}

/// Whether a process acts only as the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    None,
    Held,
}

/// A server that writes down what reaches it.
#[derive(Clone, Debug)]
pub struct Witnessed<S> {
    pub service: S,
    pub ledger: Ledger,
    pub source: Source,
}

impl<S, B> Service<Request<RequestBody>> for Witnessed<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let Self {
            service,
            ledger,
            source,
        } = self.clone();
        async move {
            if request.method() == Method::GET {
                let (head, body) = request.into_parts();
                ledger.read(source.place, &head);
                let request = Request::from_parts(head, body);
                return service.oneshot(request).await.map_err(Into::into);
            }
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let write = ledger.seen(&source, &head, &body).await;
            let number = ledger.arrives(&source, write);
            let request = Request::from_parts(head, body.clone().into());
            let response = service.oneshot(request).await.map_err(Into::into)?;
            ledger.answered(number, response.status(), &body);
            Ok(response)
        }
        .boxed()
    }
}
