//! Sources that others make and serve.

use super::world::{NAMESPACE, World, condition, map, reference, tree};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use trueup_artifact::{Digest, write_archive};
use trueup_controller::{CrossNamespace, ExternalArtifacts};
use trueup_object::{ObjectRef, Value, value};
use trueup_source::{ARTIFACT_TIMEOUT_MS, BoxFuture, FetchError, FetchErrorKind, WebFetch};
use trueup_testkit::virtual_time;

const HOST: &str = "http://artifacts.example";

/// A web server in memory.
#[derive(Clone, Debug, Default)]
pub struct Web {
    files: Arc<Mutex<BTreeMap<String, Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Debug)]
enum Answer {
    File(Bytes),
    Failure(FetchErrorKind),
    /// None, until the fetcher gives up.
    Silence,
}

impl Web {
    fn serve(&self, url: &str, answer: Answer) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(url.to_owned(), answer);
    }

    pub fn count(&self) -> usize {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

impl WebFetch for Web {
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(url.to_owned());
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = files.get(url).cloned();
        Box::pin(async move {
            let failed = |kind| FetchError {
                kind,
                url: "http://artifacts.example/shown".to_owned(),
                operation: "fetch the file",
                cause: "injected".to_owned(),
            };
            match answer {
                Some(Answer::File(bytes)) => Ok(bytes),
                Some(Answer::Failure(kind)) => Err(failed(kind)),
                Some(Answer::Silence) => {
                    tokio::time::sleep(Duration::from_millis(ARTIFACT_TIMEOUT_MS)).await;
                    Err(failed(FetchErrorKind::Timeout))
                }
                None => Err(failed(FetchErrorKind::NotFound)),
            }
        })
    }
}

async fn world(seed: u64) -> (World, Web) {
    let web = Web::default();
    let fetcher = web.clone();
    let world = World::with(seed, move |options| {
        options.external_artifacts = ExternalArtifacts::Allowed(Arc::new(fetcher.clone()));
    })
    .await;
    (world, web)
}

fn archive(files: &[(&str, &str)]) -> Bytes {
    let mut archive = Vec::new();
    write_archive(&tree(files), &mut archive).unwrap();
    archive.into()
}

fn digest(archive: &[u8]) -> String {
    Digest::of(archive).to_string()
}

pub fn object(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef {
        namespace: namespace.into(),
        ..reference("source.toolkit.fluxcd.io/v1", "ExternalArtifact", name)
    }
}

/// An object without a status.
pub async fn external(world: &World, name: &str) {
    external_in(world, NAMESPACE, name).await;
}

async fn external_in(world: &World, namespace: &str, name: &str) {
    world
        .apply(&value!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "ExternalArtifact",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"sourceRef": {"kind": "ArtifactGenerator", "name": name}},
        }))
        .await;
}

/// Tells of an archive as the program that makes it would.
async fn tell(world: &World, name: &str, url: &str, revision: &str, digest: &str) {
    tell_of(world, &object(NAMESPACE, name), url, revision, digest).await;
}

async fn tell_of(world: &World, object: &ObjectRef, url: &str, revision: &str, digest: &str) {
    let status = value!({
        "artifact": {
            "path": "a.tar.gz", "url": url, "revision": revision, "digest": digest,
            "lastUpdateTime": "2026-01-02T15:04:05Z",
            "metadata": {"org.opencontainers.image.revision": "main@sha1:0a"},
        },
        "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "",
            "lastTransitionTime": "2026-01-02T15:04:05Z"}],
    });
    let admin = &world.admin;
    admin
        .patch_status(object, &status, None, "maker")
        .await
        .unwrap();
}

/// Serves an archive of these files and tells of it; answers its digest.
pub async fn publish(
    world: &World,
    web: &Web,
    name: &str,
    revision: &str,
    files: &[(&str, &str)],
) -> String {
    let archive = archive(files);
    let url = format!("{HOST}/{name}/{revision}.tar.gz");
    let digest = digest(&archive);
    web.serve(&url, Answer::File(archive));
    tell(world, name, &url, revision, &digest).await;
    digest
}

pub fn made_of(name: &str) -> Value {
    value!({"sourceRef": {"kind": "ExternalArtifact", "name": name}})
}

#[test]
fn what_others_serve_is_applied_fetched_once_for_all_and_followed_at_once() {
    virtual_time(async {
        let (world, web) = world(81).await;
        external(&world, "web").await;
        let (one, two) = (map("one", &[("n", "1")]), map("two", &[]));
        let files = [("one/m.yaml", one.as_str()), ("two/m.yaml", &two)];
        publish(&world, &web, "web", "v1.0.0", &files).await;
        for name in ["one", "two"] {
            world
                .kustomization(name, &format!("./{name}"), made_of("web"))
                .await;
            world.applied(name, "v1.0.0").await;
        }
        assert_eq!(web.count(), 1, "one fetch for both");
        let status = world.kustomization_status("one").await;
        let origin = status.str_at(&["lastAppliedOriginRevision"]);
        assert_eq!(origin, Some("main@sha1:0a"));
        let began = tokio::time::Instant::now();
        let changed = map("one", &[("n", "2")]);
        let files = [("one/m.yaml", changed.as_str()), ("two/m.yaml", &two)];
        publish(&world, &web, "web", "v1.1.0", &files).await;
        world.applied("one", "v1.1.0").await;
        world.applied("two", "v1.1.0").await;
        assert!(began.elapsed() < Duration::from_secs(2));
        let live = world.config_map("one").await.unwrap();
        assert_eq!(live.str_at(&["data", "n"]), Some("2"));
        assert_eq!(web.count(), 2);
    });
}

#[test]
fn another_revision_of_the_same_archive_costs_no_fetch_and_one_patch() {
    virtual_time(async {
        let (world, web) = world(82).await;
        external(&world, "web").await;
        let one = map("one", &[]);
        let files = [("m.yaml", one.as_str())];
        publish(&world, &web, "web", "v1.0.0", &files).await;
        world.kustomization("one", "./", made_of("web")).await;
        world.applied("one", "v1.0.0").await;
        world.rest().await;
        let before = world.faults.request_count();
        publish(&world, &web, "web", "v2.0.0", &files).await;
        world.applied("one", "v2.0.0").await;
        world.rest().await;
        assert_eq!(web.count(), 1);
        assert_eq!(world.faults.request_count() - before, 1);
    });
}

#[test]
fn a_restart_fetches_nothing_and_needs_no_host() {
    virtual_time(async {
        let (mut world, web) = world(83).await;
        external(&world, "web").await;
        let one = map("one", &[]);
        publish(&world, &web, "web", "v1.0.0", &[("m.yaml", &one)]).await;
        world.kustomization("one", "./", made_of("web")).await;
        world.applied("one", "v1.0.0").await;
        world.restart().await;
        world
            .until("it is worked on anew", async || {
                world.controller.ready() && world.controller.load().borrow().is_quiet()
            })
            .await;
        world.rest().await;
        world.applied("one", "v1.0.0").await;
        assert_eq!(web.count(), 1);
    });
}

#[test]
fn while_the_gate_is_closed_the_condition_says_so() {
    virtual_time(async {
        let world = World::new(84).await;
        external(&world, "web").await;
        world.kustomization("one", "./", made_of("web")).await;
        let message = world.fails("one", "AccessDenied").await;
        assert_eq!(
            message,
            "can't access 'ExternalArtifact/fleet/web', ExternalArtifact feature gate is disabled"
        );
        let status = world.kustomization_status("one").await;
        assert_eq!(condition(&status, "Stalled").unwrap().0, "True");
        assert!(world.told("feature gate is disabled"));
    });
}

#[test]
fn a_source_in_another_namespace_is_denied_where_that_is_forbidden() {
    virtual_time(async {
        let web = Web::default();
        let world = World::with(85, move |options| {
            options.external_artifacts = ExternalArtifacts::Allowed(Arc::new(web.clone()));
            options.cross_namespace = CrossNamespace::Refused;
        })
        .await;
        let spec = value!({"sourceRef":
            {"kind": "ExternalArtifact", "name": "web", "namespace": "apps"}});
        world.kustomization("one", "./", spec).await;
        let message = world.fails("one", "AccessDenied").await;
        assert_eq!(
            message,
            "can't access 'ExternalArtifact/apps/web', cross-namespace references have been blocked"
        );
    });
}

#[test]
fn what_is_missing_is_named_quietly_and_heals_when_it_comes() {
    virtual_time(async {
        let (world, web) = world(86).await;
        world.kustomization("one", "./", made_of("web")).await;
        let message = world.fails("one", "ArtifactFailed").await;
        assert_eq!(message, "Source 'ExternalArtifact/fleet/web' not found");
        external(&world, "web").await;
        let message = async |text: &str| {
            world
                .until(text, async || {
                    let status = world.kustomization_status("one").await;
                    condition(&status, "Ready").is_some_and(|it| it.2 == text)
                })
                .await;
        };
        message("Source artifact not found, retrying in 30s").await;
        let one = map("one", &[]);
        let archive = archive(&[("m.yaml", &one)]);
        let url = format!("{HOST}/late.tar.gz");
        tell(&world, "web", &url, "v1.0.0", &digest(&archive)).await;
        message("Source is not ready, artifact not found, retrying in 30s").await;
        assert!(!world.told("not found"), "no event of what may yet come");
        web.serve(&url, Answer::File(archive));
        world.applied("one", "v1.0.0").await;
    });
}

/// Tells of an archive that will not do: the message says why, nothing is
/// applied or pruned, a neighbour goes on, and the next artifact heals.
fn will_not_do(archive: Bytes, digest: &str, words: &str) {
    virtual_time(async {
        let (world, web) = world(87).await;
        let (one, other) = (map("one", &[]), map("other", &[]));
        for (name, map) in [("web", &one), ("other", &other)] {
            external(&world, name).await;
            publish(&world, &web, name, "v1.0.0", &[("m.yaml", map)]).await;
            world.kustomization(name, "./", made_of(name)).await;
            world.applied(name, "v1.0.0").await;
        }
        let url = format!("{HOST}/bad.tar.gz");
        web.serve(&url, Answer::File(archive));
        tell(&world, "web", &url, "v2.0.0", digest).await;
        let message = world.fails("web", "ArtifactFailed").await;
        assert!(message.contains(words), "{words:?} in {message:?}");
        assert!(world.told(words), "{:#?}", world.lines());
        assert!(world.config_map("one").await.is_some(), "nothing is pruned");
        publish(&world, &web, "other", "v2.0.0", &[("m.yaml", &other)]).await;
        world.applied("other", "v2.0.0").await;
        publish(&world, &web, "web", "v3.0.0", &[("m.yaml", &one)]).await;
        world.applied("web", "v3.0.0").await;
    });
}

#[test]
fn an_archive_that_is_not_the_one_told_of_is_not_unpacked() {
    let digest = digest(b"another");
    let words =
        format!("failed to verify archive: computed digest doesn't match provided '{digest}'");
    // Not even a bomb is.
    will_not_do(bomb(), &digest, &words);
}

#[test]
fn a_digest_that_nobody_computes_is_refused() {
    let md5 = "md5:d41d8cd98f00b204e9800998ecf8427e";
    let words = format!(
        "failed to verify archive: failed to parse digest '{md5}': unsupported digest algorithm"
    );
    will_not_do(archive(&[]), md5, &words);
}

/// A file of zeros, far longer than its archive.
fn bomb() -> Bytes {
    let zeros = "\0".repeat(8 << 20);
    archive(&[("zeros.yaml", &zeros)])
}

#[test]
fn hostile_archives_are_refused_although_their_digest_is_right() {
    let whole = archive(&[("m.yaml", &map("one", &[]))]);
    for (bad, words) in [
        (
            bomb(),
            "failed to extract archive: the archive exceeds the limit",
        ),
        (whole.slice(..whole.len() / 2), "the archive cannot be read"),
        (Bytes::from_static(b"<html>"), "the archive cannot be read"),
        (Bytes::new(), "the archive cannot be read"),
    ] {
        let digest = digest(&bad);
        will_not_do(bad, &digest, words);
    }
}

#[test]
fn a_host_that_fails_is_asked_ever_more_seldom_unless_a_person_asks() {
    virtual_time(async {
        let (world, web) = world(88).await;
        external(&world, "web").await;
        let url = format!("{HOST}/a.tar.gz");
        let one = map("one", &[]);
        let archive = archive(&[("m.yaml", &one)]);
        web.serve(&url, Answer::Failure(FetchErrorKind::Unreachable));
        tell(&world, "web", &url, "v1.0.0", &digest(&archive)).await;
        for name in ["one", "two"] {
            world.kustomization(name, "./", made_of("web")).await;
        }
        let message = world.fails("one", "ArtifactFailed").await;
        assert_eq!(
            message,
            "failed to download archive from http://artifacts.example/shown: injected"
        );
        tokio::time::sleep(Duration::from_secs(600)).await;
        let count = web.count();
        assert!((20..=30).contains(&count), "{count} fetches in ten minutes");
        web.serve(&url, Answer::File(archive));
        let began = tokio::time::Instant::now();
        let asked = value!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "x"}}});
        world.patch_kustomization("one", asked).await;
        world.applied("one", "v1.0.0").await;
        assert!(began.elapsed() < Duration::from_secs(1), "asked at once");
        world.applied("two", "v1.0.0").await;
    });
}

#[test]
fn hosts_that_never_answer_hold_nobody_up() {
    virtual_time(async {
        let (world, web) = world(89).await;
        let one = map("one", &[]);
        let archive = archive(&[("m.yaml", &one)]);
        for index in 0..40 {
            let name = format!("silent{index}");
            external(&world, &name).await;
            let url = format!("{HOST}/{name}");
            web.serve(&url, Answer::Silence);
            tell(&world, &name, &url, "v1.0.0", &digest(&archive)).await;
            world.kustomization(&name, "./", made_of(&name)).await;
        }
        let revision = world.commit("first", &[("good/g.yaml", &map("g", &[]))]);
        world.repository().await;
        world.kustomization("good", "./good", Value::map()).await;
        let began = tokio::time::Instant::now();
        world.applied("good", &revision).await;
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "{:?}",
            began.elapsed()
        );
        let status = world.kustomization_status("silent0").await;
        let told = condition(&status, "Reconciling").unwrap().2;
        assert!(
            told.starts_with("Fetching manifests for revision v1.0.0"),
            "{told}"
        );
        // Nor those whose archives come from other namespaces.
        external_in(&world, "apps", "speaks").await;
        let url = format!("{HOST}/speaks");
        web.serve(&url, Answer::File(archive.clone()));
        let digest = digest(&archive);
        tell_of(&world, &object("apps", "speaks"), &url, "v1.0.1", &digest).await;
        let source = value!({"sourceRef":
            {"kind": "ExternalArtifact", "name": "speaks", "namespace": "apps"}});
        let began = tokio::time::Instant::now();
        world.kustomization("speaks", "./", source).await;
        world.applied("speaks", "v1.0.1").await;
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "{:?}",
            began.elapsed()
        );
    });
}

#[test]
fn what_is_gone_is_forgotten_and_what_was_applied_stays() {
    virtual_time(async {
        let (world, web) = world(90).await;
        external(&world, "web").await;
        let one = map("one", &[]);
        publish(&world, &web, "web", "v1.0.0", &[("m.yaml", &one)]).await;
        world.kustomization("one", "./", made_of("web")).await;
        world.applied("one", "v1.0.0").await;
        world
            .admin
            .delete(&object(NAMESPACE, "web"), &Default::default())
            .await
            .unwrap();
        world.rest().await;
        let asked = value!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "x"}}});
        world.patch_kustomization("one", asked).await;
        let message = world.fails("one", "ArtifactFailed").await;
        assert_eq!(message, "Source 'ExternalArtifact/fleet/web' not found");
        assert!(world.config_map("one").await.is_some());
        external(&world, "web").await;
        publish(&world, &web, "web", "v1.0.0", &[("m.yaml", &one)]).await;
        world.applied("one", "v1.0.0").await;
        world
            .until("it was fetched anew", async || web.count() == 2)
            .await;
    });
}
