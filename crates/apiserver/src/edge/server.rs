//! The server as one value: core, rights, tokens, and the way of a request
//! through them.

use super::authentication::{Authentication, SigningKey, StaticToken};
use super::authorization::{
    Attributes, Authorizer, Decision, Rbac, check_grant, needs_grant_check,
};
use super::clock::Clock;
use super::encode::{View, encode};
use super::negotiation::{Answers, Endpoint, Router, error_format, negotiate};
use super::openapi::OpenApiCache;
use super::reply::{Reply, ReplyBody};
use super::{discovery, other_paths, protobuf, reviews, token_request};
use crate::background::Housekeeper;
use crate::core::{
    Answer, ApiError, ApiPath, Core, CoreOptions, Identity, Operation, Request, ResourcePath, Verb,
    parse_path,
};
use crate::storage::{Storage, StorageError};
use jiff::Timestamp;
use std::sync::Arc;
use trueup_object::Value;

/// What a server is opened with; the default serves tests and laptops.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Seed and other choices of the core.
    pub core: CoreOptions,
    /// Where the time comes from.
    pub clock: Clock,
    /// Who may do what.
    pub authorizer: Arc<dyn Authorizer>,
    /// Bearer tokens with the identities that they stand for.
    pub tokens: Vec<StaticToken>,
    /// The key that service account tokens are signed with; where none is
    /// given, a fresh one is made when it is first needed, and tokens of earlier runs are then invalid.
    pub signing_key: Option<SigningKey>,
    /// The certificate authority in PEM, for the ConfigMap
    /// `kube-root-ca.crt` of every namespace.
    pub certificate_authority_pem: String,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            core: CoreOptions::default(),
            clock: Clock::default(),
            authorizer: Arc::new(Rbac),
            tokens: Vec::new(),
            signing_key: None,
            certificate_authority_pem: String::new(),
        }
    }
}

/// Why a server could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The storage could not be read.
    #[error("cannot open the API server's storage: {0}")]
    Storage(#[from] StorageError),
    /// An object that every cluster has could not be made.
    #[error("cannot make the objects that every cluster has: {0}")]
    Bootstrap(ApiError),
}

/// An embedded Kubernetes API server. Cloning it is cheap; all clones are the
/// same server.
#[derive(Clone, Debug)]
pub struct ApiServer {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) core: Core,
    pub(super) clock: Clock,
    pub(super) authorizer: Arc<dyn Authorizer>,
    pub(super) authentication: Authentication,
    pub(super) openapi: OpenApiCache,
    pub(super) discovery: discovery::DiscoveryCache,
    pub(super) housekeeper: Housekeeper,
}

impl ApiServer {
    /// Opens a server over a storage and makes what every cluster has: the
    /// first namespaces, the built-in roles, the Service `kubernetes`.
    pub fn open(
        storage: impl Storage + 'static,
        options: ServerOptions,
    ) -> Result<Self, OpenError> {
        let ServerOptions {
            core,
            clock,
            authorizer,
            tokens,
            signing_key,
            certificate_authority_pem,
        } = options;
        let core = Core::open(storage, &core)?;
        let housekeeper = Housekeeper::new(certificate_authority_pem);
        housekeeper
            .bootstrap(&core, clock.now())
            .map_err(OpenError::Bootstrap)?;
        let inner = Inner {
            core,
            clock,
            authorizer,
            authentication: Authentication::new(tokens, signing_key),
            openapi: OpenApiCache::default(),
            discovery: discovery::DiscoveryCache::default(),
            housekeeper,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The resources and objects.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.inner.core
    }

    /// The clock that requests are answered by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Does all pending work that no request does: collects garbage, empties
    /// deleted namespaces, makes default objects, forgets old events.
    /// Deterministic; returns how many writes it made. A second call at the
    /// same time makes none.
    pub fn housekeeping(&self, now: Timestamp) -> usize {
        self.inner.housekeeper.run(&self.inner.core, now)
    }

    /// Runs [`ApiServer::housekeeping`] whenever something was written, and
    /// once a minute for what time alone makes due; never returns.
    pub async fn keep_house(&self) {
        self.inner
            .housekeeper
            .keep(&self.inner.core, &self.inner.clock)
            .await;
    }

    /// Answers one request of somebody who is known. The answer may leave the
    /// server only when [`Reply::revision`] is durable.
    #[must_use]
    pub fn handle(&self, request: &Request, identity: &Identity, now: Timestamp) -> Reply {
        match parse_path(&request.path) {
            ApiPath::Resource(path) => self.handle_resource(request, &path, identity, now),
            ApiPath::Other => self.handle_other(request, identity),
        }
    }

    fn handle_other(&self, request: &Request, identity: &Identity) -> Reply {
        let attributes = Attributes::of_path(request);
        if let Err(error) = self.authorize(identity, &attributes) {
            return Reply::error(&error, error_format(request));
        }
        other_paths::answer(self, request)
    }

    fn handle_resource(
        &self,
        request: &Request,
        path: &ResourcePath,
        identity: &Identity,
        now: Timestamp,
    ) -> Reply {
        if path.resource == "watch" && path.name.is_empty() && path.namespace.is_empty() {
            return Reply::unclear_path(&request.path);
        }
        let attributes = Attributes::of_resource(request, path);
        let result = self
            .authorize(identity, &attributes)
            .and_then(|()| self.read_operation(request, path))
            .and_then(|operation| self.answer(request, &operation, identity, now));
        match result {
            Ok(reply) => reply,
            Err(error) if is_unknown_path(&error) && !discovery::is_builtin_group(&path.group) => {
                Reply::page_not_found()
            }
            Err(error) => Reply::error(&error, error_format(request)),
        }
    }

    /// Finds out what a request asks for; bodies in protobuf are read as JSON
    /// from here on.
    fn read_operation(
        &self,
        request: &Request,
        path: &ResourcePath,
    ) -> Result<Operation, ApiError> {
        let tables = self.inner.core.registry().tables();
        let operation = Operation::read(request, path, &tables)?;
        match protobuf::as_json(request)? {
            // Custom resources have no protobuf form; the core refuses it.
            Some(request) if operation.resource.custom.is_none() => {
                Operation::read(&request, path, &tables)
            }
            _ => Ok(operation),
        }
    }

    fn answer(
        &self,
        request: &Request,
        operation: &Operation,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Reply, ApiError> {
        let format = negotiate(request, endpoint(request, operation))?;
        let view = View::new(request, format, now)?;
        let answer = self.execute(operation, identity, now)?;
        let mut reply = encode(answer, &view);
        if let ReplyBody::Watch(watch) = &mut reply.body {
            watch.set_clock(self.inner.clock.clone());
        }
        Ok(reply)
    }

    /// Executes an operation that was authorised; reviews and tokens are
    /// answered here, everything else by the core.
    pub(super) fn execute(
        &self,
        operation: &Operation,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        if let Some(answer) = reviews::answer(self, operation, identity, now) {
            return answer;
        }
        if let Some(answer) = token_request::answer(self, operation, now) {
            return answer;
        }
        let Inner {
            authorizer, core, ..
        } = &*self.inner;
        let guard = |live: Option<&Value>, new: &Value| {
            check_grant(
                authorizer.as_ref(),
                core.store(),
                identity,
                operation,
                live,
                new,
            )
        };
        let guarded = needs_grant_check(operation, identity);
        core.execute_guarded(operation, identity, now, guarded.then_some(&guard))
    }

    pub(super) fn authorize(
        &self,
        identity: &Identity,
        attributes: &Attributes,
    ) -> Result<(), ApiError> {
        match self
            .inner
            .authorizer
            .authorize(self.inner.core.store(), identity, attributes)
        {
            Decision::Allowed(_) => Ok(()),
            Decision::NoOpinion(reason) => Err(attributes.forbidden(identity, &reason)),
        }
    }
}

/// What an operation's answer is negotiated for: built-in resources stand
/// behind a router, custom ones don't.
fn endpoint(request: &Request, operation: &Operation) -> Endpoint {
    let lists = request.method == "GET" && operation.name.is_empty();
    let router = match (&operation.resource.custom, lists) {
        (Some(_), _) => None,
        (None, true) => Some(Router::Lists),
        (None, false) => Some(Router::Documents),
    };
    let answers = match operation.verb {
        Verb::Watch => Answers::Events,
        _ => Answers::Objects,
    };
    Endpoint { router, answers }
}

fn is_unknown_path(error: &ApiError) -> bool {
    *error == ApiError::unknown_path()
}
