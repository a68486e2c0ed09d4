//! What was acknowledged is there after the process was killed.

use crate::support::{TOKEN, options, run};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Config};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use trueup_apiserver::core::GroupResource;
use trueup_apiserver::edge::{ApiServer, Limits};
use trueup_apiserver::storage::{RedbStorage, Sync};

/// Names the folder in which the child process keeps its objects.
const CHILD: &str = "TRUEUP_APISERVER_TEST_CHILD";
const ROUNDS: u64 = 24;
const WRITERS: usize = 8;
const CHILD_TEST: &str = "durability::the_child_that_is_killed";

fn open(folder: &Path) -> ApiServer {
    let storage = RedbStorage::open(&folder.join("objects.redb"), Sync::Disk).unwrap();
    ApiServer::open(storage, options()).unwrap()
}

/// Not a test by itself: the process that the test below kills.
#[test]
fn the_child_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    run(async {
        let server = open(Path::new(&folder));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("\nlistening http://{}", listener.local_addr().unwrap());
        server
            .serve_plain(listener, Limits::default(), std::future::pending())
            .await
            .unwrap();
    });
}

fn start(folder: &Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([CHILD_TEST, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines
        .map(Result::unwrap)
        .find_map(|line| line.strip_prefix("listening ").map(str::to_owned));
    (child, url.expect("the child listens"))
}

fn client(url: &str) -> Client {
    let mut config = Config::new(url.parse().unwrap());
    config.auth_info.token = Some(TOKEN.to_owned().into());
    Client::try_from(config).unwrap()
}

type Acknowledged = Arc<Mutex<BTreeMap<String, u64>>>;

/// Writes counters into objects of its own until the server is gone.
async fn write(client: Client, writer: usize, acknowledged: Acknowledged) {
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let parameters = PatchParams::apply("test").force();
    for count in 0_u64.. {
        let name = format!("w{writer}-{}", count % 5);
        let next = acknowledged
            .lock()
            .unwrap()
            .get(&name)
            .map_or(1, |it| it + 1);
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"count": next.to_string()}});
        if maps
            .patch(&name, &parameters, &Patch::Apply(body))
            .await
            .is_err()
        {
            return;
        }
        acknowledged.lock().unwrap().insert(name, next);
    }
}

#[test]
fn acknowledged_writes_survive_kills() {
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = Acknowledged::default();
    let mut revision = 0;
    for round in 0..ROUNDS {
        let (mut child, url) = start(folder.path());
        run(async {
            let client = client(&url);
            let writers = (0..WRITERS)
                .map(|writer| tokio::spawn(write(client.clone(), writer, acknowledged.clone())));
            let writers: Vec<_> = writers.collect();
            tokio::time::sleep(Duration::from_millis(20 + 13 * round)).await;
            child.kill().unwrap();
            child.wait().unwrap();
            for writer in writers {
                writer.await.unwrap();
            }
        });
        let server = open(folder.path());
        check(&server, &acknowledged.lock().unwrap(), round);
        assert!(
            server.core().store().revision() > revision,
            "round {round}: revisions only grow"
        );
        revision = server.core().store().revision();
    }
    assert!(
        !acknowledged.lock().unwrap().is_empty(),
        "something was written before the kills"
    );
}

fn check(server: &ApiServer, acknowledged: &BTreeMap<String, u64>, round: u64) {
    let maps = GroupResource {
        group: "".into(),
        plural: "configmaps".into(),
    };
    for (name, count) in acknowledged {
        let kept = server.core().store().get(&maps, "default", name);
        let kept = kept.unwrap_or_else(|| panic!("round {round}: {name} is lost"));
        let found: u64 = kept
            .value()
            .str_at(&["data", "count"])
            .unwrap()
            .parse()
            .unwrap();
        // The write after the last acknowledged one may have been kept too.
        assert!(
            found == *count || found == count + 1,
            "round {round}: {name} is {found}, was acknowledged as {count}"
        );
    }
}
