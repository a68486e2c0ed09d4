//! What goes while it is worked on, and what is left of it: nothing.

use super::external::{Web, external, made_of, object, publish};
use super::world::{NAMESPACE, World, map, reference};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;
use trueup_artifact::{Checksum, FileTree};
use trueup_controller::ExternalArtifacts;
use trueup_object::{ObjectRef, value};
use trueup_source::{
    ArtifactOwner, ArtifactRecord, ArtifactStorage, BoxFuture, ForeignArchive, Publication,
    StoreError,
};
use trueup_testkit::virtual_time;

/// What a store is slow at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slow {
    Looking,
    Keeping,
}

/// Where work at a store waits until it may go on.
#[derive(Debug)]
struct Gate {
    open: Semaphore,
    waiting: AtomicUsize,
}

impl Gate {
    fn closed() -> Arc<Self> {
        Arc::new(Self {
            open: Semaphore::new(0),
            waiting: AtomicUsize::new(0),
        })
    }

    async fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _pass = self.open.acquire().await;
    }

    fn is_waited_at(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    fn open(&self) {
        self.open.add_permits(1_000);
    }
}

/// A store that is slow at one thing. As one on disk, it goes on with what it
/// has begun though nobody waits for it any more.
#[derive(Clone, Debug)]
struct SlowStore {
    store: Arc<dyn ArtifactStorage>,
    slow: Slow,
    gate: Arc<Gate>,
}

impl ArtifactStorage for SlowStore {
    fn publish<'a>(
        &'a self,
        publication: Publication,
    ) -> BoxFuture<'a, Result<ArtifactRecord, StoreError>> {
        self.store.publish(publication)
    }

    fn open<'a>(
        &'a self,
        record: &'a ArtifactRecord,
    ) -> BoxFuture<'a, Result<Arc<dyn FileTree>, StoreError>> {
        self.store.open(record)
    }

    fn keep<'a>(
        &'a self,
        archive: ForeignArchive,
    ) -> BoxFuture<'a, Result<Arc<dyn FileTree>, StoreError>> {
        let Self { store, slow, gate } = self.clone();
        let kept = tokio::spawn(async move {
            if slow == Slow::Keeping {
                gate.pass().await;
            }
            store.keep(archive).await
        });
        Box::pin(async move { kept.await.unwrap() })
    }

    fn kept<'a>(
        &'a self,
        owner: &'a ArtifactOwner,
        digest: &'a Checksum,
    ) -> BoxFuture<'a, Result<Option<Arc<dyn FileTree>>, StoreError>> {
        Box::pin(async move {
            if self.slow == Slow::Looking {
                self.gate.pass().await;
            }
            self.store.kept(owner, digest).await
        })
    }

    fn holds<'a>(&'a self, record: &'a ArtifactRecord) -> BoxFuture<'a, bool> {
        self.store.holds(record)
    }

    fn collect_garbage<'a>(
        &'a self,
        owner: &'a ArtifactOwner,
        current: &'a ArtifactRecord,
        now: jiff::Timestamp,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.store.collect_garbage(owner, current, now)
    }

    fn remove<'a>(&'a self, owner: &'a ArtifactOwner) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.remove(owner)
    }

    fn retain<'a>(
        &'a self,
        kind: &'a str,
        owners: &'a BTreeSet<ArtifactOwner>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.retain(kind, owners)
    }
}

/// A world whose store waits in the middle of work for one Kustomization that
/// is made of somebody else's archive.
async fn in_the_middle(seed: u64, slow: Slow) -> (World, Web, Arc<Gate>, Checksum) {
    let (web, gate) = (Web::default(), Gate::closed());
    let (fetcher, gate_of_store) = (web.clone(), Arc::clone(&gate));
    let world = World::with(seed, move |options| {
        options.external_artifacts = ExternalArtifacts::Allowed(Arc::new(fetcher.clone()));
        options.storage = Arc::new(SlowStore {
            store: Arc::clone(&options.storage),
            slow,
            gate: Arc::clone(&gate_of_store),
        });
    })
    .await;
    external(&world, "web").await;
    let files = map("one", &[]);
    let digest = publish(&world, &web, "web", "v1.0.0", &[("m.yaml", &files)]).await;
    world.kustomization("one", "./", made_of("web")).await;
    world
        .until("the store is waited for", async || gate.is_waited_at())
        .await;
    (world, web, gate, digest.parse().unwrap())
}

/// Deletes the source, and lets the store go on when that is known.
async fn without_source(world: &World, gate: &Gate) {
    let source = object(NAMESPACE, "web");
    world
        .admin
        .delete(&source, &Default::default())
        .await
        .unwrap();
    world.rest().await;
    gate.open();
    world.rest().await;
}

async fn is_kept(world: &World, digest: &Checksum) -> bool {
    let owner = ArtifactOwner::external_artifact(NAMESPACE, "web");
    world.store.kept(&owner, digest).await.unwrap().is_some()
}

#[test]
fn an_archive_that_is_being_kept_when_its_source_goes_is_removed_again() {
    virtual_time(async {
        let (world, web, gate, digest) = in_the_middle(121, Slow::Keeping).await;
        without_source(&world, &gate).await;
        assert_eq!(web.count(), 1);
        assert!(!is_kept(&world, &digest).await);
    });
}

#[test]
fn an_archive_is_not_fetched_for_a_source_that_went_while_it_was_looked_for() {
    virtual_time(async {
        let (world, web, gate, digest) = in_the_middle(122, Slow::Looking).await;
        without_source(&world, &gate).await;
        assert_eq!(web.count(), 0);
        assert!(!is_kept(&world, &digest).await);
    });
}

#[test]
fn a_run_leaves_nothing_of_an_object_that_went_meanwhile() {
    virtual_time(async {
        let (world, _, gate, _) = in_the_middle(123, Slow::Looking).await;
        let one = ObjectRef {
            namespace: NAMESPACE.into(),
            ..reference("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "one")
        };
        world
            .patch_kustomization("one", value!({"metadata": {"finalizers": null}}))
            .await;
        world.admin.delete(&one, &Default::default()).await.unwrap();
        world.rest().await;
        gate.open();
        world.rest().await;
        let numbers = world.controller.metrics_text();
        assert!(!numbers.contains("name=\"one\""), "{numbers}");
        let model = world.controller.snapshot();
        assert!(model.objects.keys().all(|key| key.name != "one"));
    });
}
