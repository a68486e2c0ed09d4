//! The process that is killed: this test program, started again.

use crate::support::{TOKEN, options, run};
use kube::{Client, Config};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tokio::net::TcpListener;
use trueup_apiserver::edge::{ApiServer, Limits};
use trueup_apiserver::storage::{LogStorage, Sync};

/// Names the folder in which the child process keeps its objects.
const FOLDER: &str = "TRUEUP_APISERVER_TEST_CHILD";
const TEST: &str = "durability::child::the_process_that_is_killed";
const FILE: &str = "objects.log";

/// Not a test by itself: what the tests kill.
#[test]
fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    run(async {
        let storage = LogStorage::open(&Path::new(&folder).join(FILE), Sync::Disk).unwrap();
        let server = ApiServer::open(storage, options()).unwrap();
        let keeping = server.clone();
        tokio::spawn(async move { keeping.keep_house().await });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("\nlistening http://{}", listener.local_addr().unwrap());
        server
            .serve_plain(listener, Limits::default(), std::future::pending())
            .await
            .unwrap();
    });
}

/// Starts the process and does not wait for it.
pub fn spawn(folder: &Path) -> Child {
    let program = std::env::current_exe().unwrap();
    arm(&mut Command::new(program), folder).spawn().unwrap()
}

/// Starts the process on a file system where no file grows over `blocks` of
/// 512 bytes.
pub fn spawn_with_little_space(folder: &Path, blocks: u32) -> Child {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(script)
        .arg(std::env::current_exe().unwrap());
    arm(&mut command, folder).spawn().unwrap()
}

fn arm<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    command
        .args([TEST, "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
}

/// A client of the process, once it listens.
pub fn client(child: &mut Child) -> Client {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines
        .map(Result::unwrap)
        .find_map(|line| line.strip_prefix("listening ").map(str::to_owned))
        .expect("the child listens");
    let mut config = Config::new(url.parse().unwrap());
    config.auth_info.token = Some(TOKEN.to_owned().into());
    Client::try_from(config).unwrap()
}

/// Kills the process as `kill -9` does.
pub fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}
