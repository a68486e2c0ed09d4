//! Visitors who keep to the version that they have met: session affinity, by
//! the gateway that the demo runs. Neither NGINX nor Prometheus is needed.

use crate::backends::{Backends, VERSION};
use crate::cluster::TestCluster;
use crate::controllers::{Controllers, Where};
use crate::load::HOST;
use crate::objects::{self, NAMESPACE, TARGET, reference};
use crate::patience::until;
use crate::tiny_http::{self, Answer};
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use trueup_cluster::{Form, Patch, WriteOptions};
use trueup_gateway::{CONTROLLER_NAME, GatewayOptions};
use trueup_object::{Value, value};

/// The cookie of the Canary.
const COOKIE: &str = "try-cookie";
/// How many visitors there are, each with cookies of their own.
const VISITORS: usize = 40;
/// Between the visits of each.
const PAUSE: Duration = Duration::from_millis(100);
/// Who measures nothing.
const NOBODY: &str = "http://127.0.0.1:9";

/// A browser: it sends the cookies that it was given.
#[derive(Default)]
struct Visitor {
    cookies: BTreeMap<String, String>,
    /// The versions that it has met, one after the other.
    met: Vec<String>,
}

impl Visitor {
    async fn visit(&mut self, gateway: &str) {
        let pairs = self.cookies.iter();
        let pairs: Vec<String> = pairs.map(|(name, it)| format!("{name}={it}")).collect();
        let cookies = pairs.join("; ");
        let headers: &[(&str, &str)] = match cookies.as_str() {
            "" => &[],
            cookies => &[("Cookie", cookies)],
        };
        let answer = tiny_http::get(gateway, HOST, "/", headers).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        self.keep_cookies(&answer);
        let version = answer.header(VERSION).unwrap().to_owned();
        if self.met.last() != Some(&version) {
            self.met.push(version);
        }
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        let is_cookie = |name: &str| name.eq_ignore_ascii_case("set-cookie");
        for (_, text) in answer.headers.iter().filter(|(name, _)| is_cookie(name)) {
            let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let age = attributes.split(';').find_map(|it| {
                let (key, age) = it.trim().split_once('=')?;
                key.eq_ignore_ascii_case("max-age").then_some(age)
            });
            if age.is_some_and(|age| age.parse::<i64>().unwrap() <= 0) {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn is_sent_to_the_canary(&self) -> bool {
        self.cookies.contains_key(COOKIE)
    }
}

/// The cluster, the gateway before it, and who shifts its traffic.
struct World {
    _controllers: Controllers,
    serving: JoinHandle<()>,
    _backends: Backends,
    cluster: TestCluster,
    gateway: String,
    _folder: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = TestCluster::start(folder.path(), NAMESPACE).await;
        cluster.define(trueup_gateway::definitions()).await;
        let backends = Backends::start(cluster.session.clone(), NAMESPACE);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        cluster.apply(&class()).await;
        cluster.apply(&gateway(address.port())).await;
        let options = GatewayOptions {
            session: cluster.session.clone(),
            listener,
            metrics_listener: None,
            wall_clock: Arc::new(jiff::Timestamp::now),
        };
        let serving = tokio::spawn(async move {
            let served = trueup_gateway::serve(options, std::future::pending()).await;
            served.unwrap();
        });
        let room = folder.path().to_owned();
        let controllers = Controllers::start(Where::Here, &cluster.kubeconfig, room, NOBODY).await;
        Self {
            _controllers: controllers,
            serving,
            _backends: backends,
            cluster,
            gateway: address.to_string(),
            _folder: folder,
        }
    }

    async fn status(&self) -> Value {
        let reference = reference("flagger.app/v1beta1", "Canary", TARGET);
        let live = self.cluster.session.get(&reference, Form::Full).await;
        let live = live.unwrap();
        live.value().get("status").cloned().unwrap_or_default()
    }

    async fn reaches(&self, phase: &str) {
        until(&format!("phase {phase}"), async || {
            let status = self.status().await;
            let is_there = status.str_at(&["phase"]) == Some(phase);
            is_there.then_some(()).ok_or(objects::shown(&status))
        })
        .await;
    }

    async fn push(&self, version: &str) {
        let workload = reference("apps/v1", "Deployment", TARGET);
        let patch = Patch::Merge(objects::image_patch(version));
        let options = WriteOptions::new("person");
        let patched = self.cluster.session.patch(&workload, &patch, &options);
        patched.await.unwrap();
    }

    /// Waits until the gateway follows the route of the Canary.
    async fn is_open(&self) {
        until("the gateway answers", async || {
            let answer = tiny_http::get(&self.gateway, HOST, "/", &[]).await;
            match answer {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
}

fn class() -> Value {
    value!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass",
        "metadata": {"name": "tests"}, "spec": {"controllerName": CONTROLLER_NAME},
    })
}

fn gateway(port: u16) -> Value {
    value!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"name": "tests", "namespace": NAMESPACE},
        "spec": {"gatewayClassName": "tests", "listeners": [
            {"name": "http", "port": (i64::from(port)), "protocol": "HTTP"},
        ]},
    })
}

/// A Canary that hands out a cookie and checks nothing.
fn canary() -> Value {
    let mut canary = objects::canary(value!({
        "interval": "2s", "metrics": [], "stepWeight": 20, "maxWeight": 60,
        "sessionAffinity": {"cookieName": COOKIE},
    }));
    canary.remove_at(&["spec", "ingressRef"]);
    canary.set_at(&["spec", "provider"], "gatewayapi:v1".into());
    let gateways = value!([{"name": "tests"}]);
    canary.set_at(&["spec", "service", "gatewayRefs"], gateways);
    canary.set_at(&["spec", "service", "hosts"], value!([HOST]));
    canary
}

async fn visit_once(visitors: &mut [Visitor], gateway: &str) {
    join_all(visitors.iter_mut().map(|it| it.visit(gateway))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_met_the_new_version_keeps_it_while_weights_move() {
    let began = Instant::now();
    let world = World::start().await;
    world.cluster.apply(&objects::deployment("v1")).await;
    world.cluster.apply(&canary()).await;
    world.reaches("Initialized").await;
    world.is_open().await;
    let mut visitors: Vec<Visitor> = (0..VISITORS).map(|_| Visitor::default()).collect();
    visit_once(&mut visitors, &world.gateway).await;
    world.push("v2").await;
    let (mut rounds, mut weights) = (1, BTreeSet::new());
    let (mut most_kept, mut phase) = (0, String::new());
    while phase != "Succeeded" {
        visit_once(&mut visitors, &world.gateway).await;
        rounds += 1;
        let status = world.status().await;
        status.str_at(&["phase"]).unwrap().clone_into(&mut phase);
        assert_ne!(phase, "Failed", "{}", objects::shown(&status));
        weights.extend(status.i64_at(&["routedWeight"]));
        let kept = visitors.iter().filter(|it| it.is_sent_to_the_canary());
        most_kept = most_kept.max(kept.count());
        sleep(PAUSE).await;
    }
    assert!(weights.is_superset(&[20, 40, 60].into()), "{weights:?}");
    assert!(most_kept > 0, "nobody was given the cookie");
    until("cookies are taken back, and all meet v2", async || {
        visit_once(&mut visitors, &world.gateway).await;
        rounds += 1;
        let left = visitors.iter().filter(|it| {
            it.is_sent_to_the_canary() || it.met.last().is_none_or(|version| version != "v2")
        });
        match left.count() {
            0 => Ok(()),
            left => Err(format!("{left} visitors")),
        }
    })
    .await;
    for visitor in &visitors {
        assert_eq!(visitor.met, ["v1", "v2"], "a visitor went back and forth");
    }
    println!(
        "traffic: session affinity | {} | {most_kept} of {VISITORS} kept by cookie | 0 | {} s",
        rounds * VISITORS,
        began.elapsed().as_secs()
    );
}
