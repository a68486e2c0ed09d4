//! Archives that others make, serve over HTTP and tell of in the status of
//! `ExternalArtifact`s.

use crate::world::{World, in_a_world, object, with};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trueup_artifact::{Digest, MemoryTree, write_archive};
use trueup_object::{ObjectRef, Value, value};

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: served\ndata:\n";

/// A web server of archives.
struct Host {
    url: String,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Host {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let files: Arc<Mutex<BTreeMap<String, Vec<u8>>>> = Arc::default();
        let served = Arc::clone(&files);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&served)));
            }
        });
        Self { url, files }
    }

    /// Serves a file; answers its address, with a login and a query that
    /// nobody is to be told.
    fn serve(&self, name: &str, content: &[u8]) -> String {
        let mut files = self.files.lock().unwrap();
        files.insert(format!("/{name}"), content.to_vec());
        let host = self.url.replace("http://", "http://me:hidden-login@");
        format!("{host}/{name}?token=hidden-token")
    }
}

/// Answers one request: a file, an endless one for `/endless`, or 404.
async fn answer(mut stream: TcpStream, files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(['?', ' ']).nth(1).unwrap_or_default().to_owned();
    if path == "/endless" {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[7; 1 << 16]).await.is_ok() {}
        return;
    }
    let file = files.lock().unwrap().get(&path).cloned();
    let (status, body) = match file {
        Some(file) => ("200 OK", file),
        None => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body).await;
}

fn archive(text: &str) -> Vec<u8> {
    let manifest = format!("{CONFIG}  text: {text}\n");
    let tree = MemoryTree::from_files([("app/map.yaml", manifest)]).unwrap();
    let mut archive = Vec::new();
    write_archive(&tree, &mut archive).unwrap();
    archive
}

fn reference(world: &World) -> ObjectRef {
    world.reference("source.toolkit.fluxcd.io/v1", "ExternalArtifact", "made")
}

/// Tells of an archive, as the program that makes it would.
async fn tell(world: &World, url: &str, revision: &str, archive: &[u8]) {
    let now = "2026-01-02T15:04:05Z";
    let status = value!({
        "artifact": {"path": "made/a.tar.gz", "url": url, "revision": revision,
            "digest": (Digest::of(archive).to_string()), "lastUpdateTime": now},
        "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded",
            "message": "made", "lastTransitionTime": now}],
    });
    let session = &world.session;
    session
        .patch_status(&reference(world), &status, None, "maker")
        .await
        .unwrap();
}

/// The `ExternalArtifact` `made`, and the Kustomization `app` of it.
async fn declare(world: &World) {
    let made = object("source.toolkit.fluxcd.io/v1", "ExternalArtifact", "made");
    let origin = value!({"sourceRef": {"kind": "ArtifactGenerator", "name": "maker"}});
    world.apply(&with(made, &["spec"], origin)).await;
    let source = value!({"kind": "ExternalArtifact", "name": "made"});
    let app = with(world.kustomization("app"), &["spec", "sourceRef"], source);
    world.apply(&app).await;
}

async fn applied(world: &World, revision: &str, text: &str) {
    world.applied("app", revision).await;
    let served = world.reference("v1", "ConfigMap", "served");
    let live = world.live(&served).await;
    assert_eq!(live.str_at(&["data", "text"]), Some(text));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_is_fetched_verified_applied_and_followed() {
    in_a_world("external", async |world| {
        let host = Host::start().await;
        declare(world).await;
        let app = world.kustomization_reference("app");
        let words = ["Source artifact not found"];
        world
            .fails_without_event(&app, "ArtifactFailed", &words)
            .await;
        let one = archive("one");
        tell(world, &host.serve("one.tar.gz", &one), "v1.0.0", &one).await;
        applied(world, "v1.0.0", "one").await;
        let two = archive("two");
        tell(world, &host.serve("two.tar.gz", &two), "v1.1.0", &two).await;
        applied(world, "v1.1.0", "two").await;
        let table = "\
NAME REVISION SOURCE READY MESSAGE
made v1.1.0 ArtifactGenerator/NAMESPACE/maker True made
";
        let said = world.trueup(&["get", "sources", "external"]).await.out;
        let said = world.plain(&said).await;
        let squeezed: String = said
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
            .collect();
        assert_eq!(squeezed, table);
        let traced = world.trueup(&["trace", "configmap", "served"]).await.out;
        for line in ["ExternalArtifact:made", "Revision:        v1.1.0", "/maker"] {
            assert!(traced.contains(line), "{line} in {traced}");
        }
        let exported = world
            .trueup(&["export", "source", "external", "made"])
            .await;
        assert!(
            exported.out.contains("kind: ArtifactGenerator"),
            "{exported:?}"
        );
        assert!(!exported.out.contains("hidden"), "no status: {exported:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archives_that_will_not_do_are_named_and_the_next_one_heals() {
    in_a_world("hostile", async |world| {
        let host = Host::start().await;
        declare(world).await;
        let one = archive("one");
        tell(world, &host.serve("one.tar.gz", &one), "v1", &one).await;
        applied(world, "v1", "one").await;
        let app = world.kustomization_reference("app");
        let url = host.serve("other.tar.gz", b"something else");
        tell(world, &url, "v2", &archive("another")).await;
        let words = ["computed digest doesn't match provided"];
        world.fails(&app, "ArtifactFailed", &words).await;
        let cut = &one[..one.len() / 2];
        tell(world, &host.serve("cut.tar.gz", cut), "v3", cut).await;
        let words = ["failed to extract archive"];
        world.fails(&app, "ArtifactFailed", &words).await;
        let endless = host.serve("endless", b"");
        tell(world, &endless, "v4", &archive("endless")).await;
        let words = [
            "failed to download archive from http://127.0.0.1",
            "exceeds the limit of 67108864 bytes",
        ];
        world.fails(&app, "ArtifactFailed", &words).await;
        let status = world.live(&app).await;
        let told: Vec<Value> = world.events(&app).await;
        let all = format!("{status:?}{told:?}");
        assert!(!all.contains("hidden-"), "credentials are told: {all}");
        let five = archive("five");
        tell(world, &host.serve("five.tar.gz", &five), "v5", &five).await;
        applied(world, "v5", "five").await;
    })
    .await;
}
