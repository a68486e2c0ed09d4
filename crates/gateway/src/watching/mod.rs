//! Following the cluster: what changes becomes a new routing, and statuses.

mod statuses;

use crate::endpoints::EndpointTable;
use crate::identity::GatewayIdentity;
use crate::objects::{Kind, Objects};
use crate::proxy::Routing;
use crate::routing::{StatusWrite, compile};
use futures::StreamExt;
use futures::stream::select_all;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::watch;
use trueup_cluster::{ErrorClass, Form, Scope, Session, WatchEvent, WatchSpec};
use trueup_object::Text;

pub(crate) use statuses::write_statuses;

/// Events taken in before the routing is made anew.
const MAX_EVENTS: usize = 512;

/// The wall clock, for times in statuses.
pub type WallClock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// Keeps the routing true to the cluster.
pub(crate) struct Follower {
    pub session: Session,
    pub identity: GatewayIdentity,
    pub wall_clock: WallClock,
    pub routing: watch::Sender<Routing>,
    /// The statuses that are to be written, as of now.
    pub statuses: watch::Sender<Vec<StatusWrite>>,
}

/// What has changed since the routing was made.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    routes: bool,
    endpoints: bool,
}

impl Follower {
    /// Follows until it is dropped.
    pub(crate) async fn run(self) {
        let watch = |kind: Kind| {
            let form = match kind {
                Kind::Pod | Kind::Namespace => Form::Metadata,
                _ => Form::Full,
            };
            let spec = WatchSpec {
                kind: kind.gvk(),
                scope: Scope::all(),
                form,
            };
            self.session
                .watch(spec)
                .map(move |event| (kind, event))
                .boxed()
        };
        let mut events = select_all(Kind::ALL.map(watch)).ready_chunks(MAX_EVENTS);
        let mut objects = Objects::default();
        let mut synced = HashSet::new();
        let mut news = News::default();
        while let Some(batch) = events.next().await {
            for (kind, event) in batch {
                let is_news = take(&mut objects, &mut synced, kind, event);
                news.routes |= is_news && kind.concerns_routes();
                news.endpoints |= is_news;
            }
            // Half a world would route requests to nowhere.
            if synced.len() == Kind::ALL.len() {
                self.publish(&objects, std::mem::take(&mut news));
            }
        }
    }

    /// Table and endpoints come at once: a route must not lead to a Service
    /// before its endpoints are known.
    fn publish(&self, objects: &Objects, news: News) {
        if !news.endpoints {
            return;
        }
        let mut routing = self.routing.borrow().clone();
        let mut statuses = None;
        if news.routes {
            let now: Text = format!("{:.0}", (self.wall_clock)()).into();
            let compiled = compile(objects, &self.identity, &now);
            routing.table = Arc::new(compiled.table);
            statuses = Some(compiled.statuses);
        }
        let services = routing.table.services();
        let endpoints = EndpointTable::of(objects, services, &routing.endpoints);
        routing.endpoints = Arc::new(endpoints);
        self.routing.send_replace(routing);
        // Only now is it true what they say.
        if let Some(statuses) = statuses {
            self.statuses.send_replace(statuses);
        }
    }
}

/// Takes in what a watch tells; whether that may change anything.
fn take(objects: &mut Objects, synced: &mut HashSet<Kind>, kind: Kind, event: WatchEvent) -> bool {
    match event {
        WatchEvent::Applied(object) => {
            objects.put(kind, object);
            true
        }
        WatchEvent::Deleted(gone) => {
            let name = &gone.reference;
            objects.remove(kind, &name.namespace, &name.name, &gone.uid);
            true
        }
        WatchEvent::Synced { .. } => synced.insert(kind),
        WatchEvent::Error(error) => {
            tracing::debug!(%error, "a watch of the gateway");
            // A kind that is not served holds up none of the others.
            error.class() == ErrorClass::KindMissing && synced.insert(kind)
        }
        WatchEvent::Restarted { .. } => false,
    }
}
