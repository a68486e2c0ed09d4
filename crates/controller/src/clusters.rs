//! Other clusters that Kustomizations are applied to: one client for each
//! content of a kubeconfig, shared by all who have it, ended with the last.
//!
//! Nobody waits long for a cluster that does not answer: it is knocked at
//! beside the runs, and who waits for it is woken when that ends.

use crate::context::Context;
use crate::machine::{Event, ObjectKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use trueup_cluster::{
    AccountToken, BearerToken, Cluster, ClusterKey, Connector, RemoteConfig, keep_discovery_fresh,
};
use trueup_object::Text;

/// How long another cluster may take until its first answer.
pub(crate) const ANSWER_TIMEOUT_MS: u64 = 10_000;
/// How long a run waits for that before it ends and is woken later.
const PATIENCE_MS: u64 = 2_000;
/// A cluster that nobody has knocked at for so long is knocked at before it is
/// used: what rests asks nothing of it, and must not say for ever that all is
/// well.
const TRUST_MS: u64 = 60_000;
/// A token is renewed when so much of its life is left.
const TOKEN_MARGIN_MS: u64 = 60_000;
/// How soon a token that could not be renewed is asked for again.
const TOKEN_RETRY_MS: u64 = 10_000;

/// A token of one of our accounts that another cluster trusts.
#[derive(Clone, Debug)]
pub(crate) struct TokenSource {
    /// The account's namespace.
    pub namespace: Text,
    /// The account.
    pub account: Text,
    /// Whom the token is for.
    pub audiences: Vec<Text>,
    /// Where it is put.
    pub token: BearerToken,
}

/// The way to another cluster.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// Names the cluster in caches and watches; another content, another key.
    pub key: ClusterKey,
    /// How it is reached.
    pub config: RemoteConfig,
    /// Where its token comes from, if the configuration has none itself.
    pub token: Option<TokenSource>,
}

/// What is known of a cluster.
#[derive(Clone, Debug)]
pub(crate) enum Reach {
    /// It answers.
    Open(Cluster),
    /// It did not: why. It is being asked again.
    Closed(Text),
    /// Nobody knows yet; whoever asked is woken.
    Unknown,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Clusters {
    connector: Arc<dyn Connector>,
    entries: Mutex<BTreeMap<ClusterKey, Entry>>,
}

#[derive(Debug)]
struct Entry {
    /// As it was first described; its token is the one that the client has.
    way: Way,
    cluster: Option<Cluster>,
    state: State,
    users: BTreeSet<ObjectKey>,
    /// Those of them who ended without it, to be woken.
    waiting: BTreeSet<ObjectKey>,
    stop: CancellationToken,
}

#[derive(Clone, Debug)]
enum State {
    /// It answered when it was last knocked at.
    Open { at_ms: u64 },
    /// Something went wrong with it: to be knocked at before it is used.
    Doubtful,
    /// It is being knocked at; what was known before.
    Knocking {
        before: Option<Text>,
        done: watch::Receiver<bool>,
    },
    /// It did not answer.
    Closed(Text),
}

impl Clusters {
    pub(crate) fn new(connector: Arc<dyn Connector>) -> Self {
        Self {
            connector,
            entries: Mutex::default(),
        }
    }

    /// The client of a cluster that somebody uses.
    pub(crate) fn get(&self, key: &ClusterKey) -> Option<Cluster> {
        self.lock().get(key)?.cluster.clone()
    }

    /// Something went wrong on the way to a cluster: it is knocked at before
    /// anybody uses it again.
    pub(crate) fn doubt(&self, key: &ClusterKey) {
        if let Some(entry) = self.lock().get_mut(key)
            && matches!(entry.state, State::Open { .. })
        {
            entry.state = State::Doubtful;
        }
    }

    /// Ends what only this user had; `keep` is what it goes on using.
    pub(crate) fn leave(&self, user: &ObjectKey, keep: Option<&ClusterKey>) {
        self.lock().retain(|key, entry| {
            if Some(key) != keep {
                entry.users.remove(user);
                entry.waiting.remove(user);
            }
            let used = !entry.users.is_empty();
            if !used {
                entry.stop.cancel();
            }
            used
        });
    }

    /// How many clusters are known.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Makes somebody a user of a cluster; whether it must be knocked at, and
    /// the end of that to wait for.
    fn enter(&self, user: &ObjectKey, way: &Way, now_ms: u64) -> Entered {
        let mut entries = self.lock();
        let entry = entries
            .entry(way.key.clone())
            .or_insert_with(|| Entry::new(way));
        entry.users.insert(user.clone());
        let before = match &entry.state {
            State::Open { at_ms } if now_ms.saturating_sub(*at_ms) < TRUST_MS => {
                return Entered::Known(entry.reach());
            }
            State::Open { .. } => None,
            State::Knocking { done, .. } => return Entered::Wait(done.clone()),
            State::Doubtful => None,
            State::Closed(why) => Some(why.clone()),
        };
        let (tell, done) = watch::channel(false);
        entry.state = State::Knocking {
            before,
            done: done.clone(),
        };
        Entered::Knock(Knock {
            way: entry.way.clone(),
            cluster: entry.cluster.clone(),
            stop: entry.stop.clone(),
            tell,
            done,
        })
    }

    fn reach(&self, key: &ClusterKey) -> Reach {
        self.lock().get(key).map_or(Reach::Unknown, Entry::reach)
    }

    /// What a user's run ends with; who goes without the cluster is woken.
    fn conclude(&self, user: &ObjectKey, key: &ClusterKey) -> Reach {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(key) else {
            return Reach::Unknown;
        };
        let reach = entry.reach();
        if matches!(reach, Reach::Open(_)) {
            entry.waiting.remove(user);
        } else {
            entry.waiting.insert(user.clone());
        }
        reach
    }

    /// Notes how knocking ended; answers whom that concerns.
    fn knocked(
        &self,
        key: &ClusterKey,
        outcome: Result<Cluster, Text>,
        now_ms: u64,
    ) -> BTreeSet<ObjectKey> {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(key) else {
            return BTreeSet::new();
        };
        let before = match &entry.state {
            State::Knocking { before, .. } => before.clone(),
            _ => None,
        };
        match outcome {
            Ok(cluster) => {
                entry.cluster = Some(cluster);
                entry.state = State::Open { at_ms: now_ms };
            }
            // Who has said so already need not be told again.
            Err(why) if before.is_some() => {
                entry.state = State::Closed(why);
                return BTreeSet::new();
            }
            Err(why) => entry.state = State::Closed(why),
        }
        std::mem::take(&mut entry.waiting)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ClusterKey, Entry>> {
        // Every change is a single one; a panic elsewhere can't leave it half
        // done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a user finds.
enum Entered {
    Known(Reach),
    Wait(watch::Receiver<bool>),
    Knock(Knock),
}

/// The order to knock at a cluster.
struct Knock {
    way: Way,
    cluster: Option<Cluster>,
    stop: CancellationToken,
    tell: watch::Sender<bool>,
    done: watch::Receiver<bool>,
}

impl Entry {
    fn new(way: &Way) -> Self {
        Self {
            way: way.clone(),
            cluster: None,
            state: State::Doubtful,
            users: BTreeSet::new(),
            waiting: BTreeSet::new(),
            stop: CancellationToken::new(),
        }
    }

    fn reach(&self) -> Reach {
        match (&self.state, &self.cluster) {
            (State::Open { .. }, Some(cluster)) => Reach::Open(cluster.clone()),
            (State::Closed(why), _) => Reach::Closed(why.clone()),
            (
                State::Knocking {
                    before: Some(why), ..
                },
                _,
            ) => Reach::Closed(why.clone()),
            _ => Reach::Unknown,
        }
    }
}

/// The cluster behind a way, for a user who leaves any other. Waits a moment
/// for one that is not known to answer; one that did not is reported at once,
/// and asked again meanwhile.
pub(crate) async fn reach(context: &Arc<Context>, user: &ObjectKey, way: &Way) -> Reach {
    context.clusters.leave(user, Some(&way.key));
    let mut done = match context.clusters.enter(user, way, context.clock.now_ms()) {
        Entered::Known(reach) => return reach,
        Entered::Wait(done) => done,
        Entered::Knock(order) => {
            let done = order.done.clone();
            knock(context, order);
            done
        }
    };
    if !matches!(context.clusters.reach(&way.key), Reach::Closed(_)) {
        let patience = Duration::from_millis(PATIENCE_MS);
        // The knocking task may have ended with the controller: then nothing
        // matters any more.
        let _ = tokio::time::timeout(patience, done.wait_for(|done| *done)).await;
    }
    context.clusters.conclude(user, &way.key)
}

/// Knocks at a cluster in a task of its own, and wakes its users if they
/// can go on, or have not been told that they can't.
fn knock(context: &Arc<Context>, order: Knock) {
    let weak = Arc::downgrade(context);
    let first = order.cluster.is_none();
    let Knock {
        way,
        cluster,
        stop,
        tell,
        ..
    } = order;
    let task = {
        let (context, way) = (Arc::clone(context), way.clone());
        async move { answer(&context, &way, cluster).await }
    };
    context.spawn(async move {
        let outcome = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            outcome = task => outcome,
        };
        let Some(context) = weak.upgrade() else {
            return;
        };
        if let (Ok(cluster), true) = (&outcome, first) {
            attend(&context, cluster, &way, &stop);
        }
        let users = context
            .clusters
            .knocked(&way.key, outcome, context.clock.now_ms());
        // Nobody may be waiting.
        let _ = tell.send(true);
        for user in users {
            context.tell(Event::LiveChanged(user));
        }
    });
}

/// Makes a client if there is none, and waits for one answer.
async fn answer(
    context: &Arc<Context>,
    way: &Way,
    cluster: Option<Cluster>,
) -> Result<Cluster, Text> {
    let work = async {
        if let Some(source) = way.token.as_ref().filter(|it| !it.token.is_set()) {
            renew(context, source).await?;
        }
        let cluster = match cluster {
            Some(cluster) => cluster,
            None => {
                let connector = &context.clusters.connector;
                let made = connector.connect(way.key.clone(), way.config.clone());
                made.await.map_err(|error| Text::from(error.to_string()))?
            }
        };
        let knocked = cluster.session().knock().await;
        knocked.map_err(|error| Text::from(error.message()))?;
        Ok(cluster)
    };
    let limit = Duration::from_millis(ANSWER_TIMEOUT_MS);
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs()).into()))
}

/// Puts a fresh token where the client finds it.
async fn renew(context: &Context, source: &TokenSource) -> Result<AccountToken, Text> {
    let asked =
        context
            .session
            .request_token(&source.namespace, &source.account, &source.audiences);
    let fresh = asked.await.map_err(|error| {
        let (namespace, account) = (&source.namespace, &source.account);
        Text::from(format!(
            "no token of the service account '{namespace}/{account}': {}",
            error.message()
        ))
    })?;
    source.token.set(&fresh.token);
    Ok(fresh)
}

/// What a cluster needs as long as anybody uses it.
fn attend(context: &Arc<Context>, cluster: &Cluster, way: &Way, stop: &CancellationToken) {
    let run = |task: futures::future::BoxFuture<'static, ()>| {
        let stop = stop.clone();
        context.spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    };
    run(Box::pin(keep_discovery_fresh(cluster.clone())));
    run(Box::pin(tell_of_discovery(context, cluster)));
    if let Some(source) = way.token.clone() {
        run(Box::pin(keep_token_fresh(context, source)));
    }
}

/// Tells the machine whenever a cluster may serve other kinds.
pub(crate) fn tell_of_discovery(
    context: &Arc<Context>,
    cluster: &Cluster,
) -> impl Future<Output = ()> + Send + use<> {
    let mut changes = cluster.discovery_changes();
    let weak = Arc::downgrade(context);
    async move {
        loop {
            changes.changed().await;
            let Some(context) = weak.upgrade() else {
                return;
            };
            context.tell(Event::DiscoveryChanged);
        }
    }
}

/// Renews a token before it ends, for as long as anybody uses it.
fn keep_token_fresh(
    context: &Arc<Context>,
    source: TokenSource,
) -> impl Future<Output = ()> + Send + use<> {
    let weak = Arc::downgrade(context);
    async move {
        loop {
            let Some(context) = weak.upgrade() else {
                return;
            };
            let pause_ms = match renew(&context, &source).await {
                Ok(fresh) => {
                    let left =
                        fresh.expires_at.as_millisecond() - context.clock.now().as_millisecond();
                    u64::try_from(left)
                        .unwrap_or(0)
                        .saturating_sub(TOKEN_MARGIN_MS)
                        .max(TOKEN_RETRY_MS)
                }
                Err(why) => {
                    tracing::warn!(%why, "token of another cluster");
                    TOKEN_RETRY_MS
                }
            };
            drop(context);
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
    }
}
