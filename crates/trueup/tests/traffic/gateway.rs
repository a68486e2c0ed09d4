//! Real NGINX that follows the Ingresses of a cluster: what an ingress
//! controller does.

use crate::ingress::{self, Objects};
use crate::nginx_config::{self, Place};
use crate::patience::until;
use crate::programs::free_port;
use futures::StreamExt;
use futures::stream::select_all;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use trueup_cluster::{Form, Scope, Session, WatchEvent, WatchSpec};
use trueup_object::{GroupVersionKind, ObjectRef, Value};

/// Changes that come so close together are written at once.
const PAUSE: Duration = Duration::from_millis(30);
/// Events that are taken in before the next look.
const MAX_EVENTS: usize = 256;

/// NGINX and who writes its configuration.
pub struct Gateway {
    /// Where it listens.
    pub address: String,
    /// Where its log is.
    pub log: PathBuf,
    story: Arc<Mutex<Story>>,
    nginx: Arc<Mutex<Nginx>>,
    task: JoinHandle<()>,
}

/// What has come of it so far.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// The rules of the first route, each when it followed another one.
    pub rules: Vec<String>,
    pub reloads: u32,
    /// What went wrong.
    pub trouble: Option<String>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
        // Now, and not when the task has ended: its files are needed for it.
        lock(&self.nginx).stop();
    }
}

impl Gateway {
    /// Starts NGINX without routes; they follow the cluster.
    pub async fn start(program: &Path, folder: PathBuf, session: &Session) -> Self {
        let port = free_port();
        let nginx = Nginx::start(program, folder, port);
        // It can't be told anything before it has written down who it is.
        until("NGINX listens", async || nginx.is_listening().await).await;
        let story: Arc<Mutex<Story>> = Arc::default();
        let told = Arc::clone(&story);
        let (address, log) = (format!("127.0.0.1:{port}"), nginx.folder.join("access.log"));
        let watch = |(api_version, kind): (&str, &str)| {
            let watched = session.watch(WatchSpec {
                kind: GroupVersionKind::new(api_version, kind),
                scope: Scope::all(),
                form: Form::Full,
            });
            watched.boxed()
        };
        let mut events = select_all(ingress::kinds().map(watch)).ready_chunks(MAX_EVENTS);
        let nginx = Arc::new(Mutex::new(nginx));
        let followed = Arc::clone(&nginx);
        let task = tokio::spawn(async move {
            let mut objects = BTreeMap::new();
            while let Some(some) = events.next().await {
                some.into_iter().for_each(|event| take(&mut objects, event));
                tokio::task::block_in_place(|| lock(&followed).follow(&objects, &told));
                sleep(PAUSE).await;
            }
        });
        Self {
            address,
            log,
            story,
            nginx,
            task,
        }
    }

    pub fn story(&self) -> Story {
        lock(&self.story).clone()
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take(objects: &mut BTreeMap<ObjectRef, Value>, event: WatchEvent) {
    match event {
        WatchEvent::Applied(object) => {
            objects.insert(object.reference().clone(), object.value().clone());
        }
        WatchEvent::Deleted(gone) => {
            objects.remove(&gone.reference);
        }
        _ => {}
    }
}

/// The process; it is stopped when this is dropped.
struct Nginx {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    written: String,
    process: Child,
}

impl Nginx {
    fn start(program: &Path, folder: PathBuf, port: u16) -> Self {
        let written = nginx_config::config(
            &[],
            Place {
                folder: &folder,
                port,
            },
        );
        std::fs::write(folder.join("nginx.conf"), &written).unwrap();
        let process = command(program, &folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            program: program.to_owned(),
            folder,
            port,
            written,
            process,
        }
    }

    async fn is_listening(&self) -> Result<(), String> {
        let log = || std::fs::read_to_string(self.folder.join("error.log")).unwrap_or_default();
        let connected = TcpStream::connect(("127.0.0.1", self.port)).await;
        connected.map_err(|error| format!("{error}: {}", log()))?;
        let pid = std::fs::read_to_string(self.folder.join("nginx.pid"));
        pid.map(drop).map_err(|error| error.to_string())
    }

    /// Writes what the objects say, where that has changed. While a Pod has
    /// not said where it listens all stays as it is.
    fn follow(&mut self, objects: &BTreeMap<ObjectRef, Value>, story: &Mutex<Story>) {
        let Ok(routes) = ingress::routes(&Objects::of(objects.iter())) else {
            return;
        };
        let place = Place {
            folder: &self.folder,
            port: self.port,
        };
        let text = nginx_config::config(&routes, place);
        if text == self.written {
            return;
        }
        let loaded = self.load(&text);
        self.written = text;
        let mut story = lock(story);
        story.reloads += 1;
        if let Err(why) = loaded {
            story.trouble.get_or_insert(why);
        }
        if let Some(route) = routes.first()
            && story.rules.last() != Some(&route.rule())
        {
            story.rules.push(route.rule());
        }
    }

    /// Reads the configuration anew: NGINX checks it, then gets SIGHUP.
    fn load(&self, text: &str) -> Result<(), String> {
        let fresh = self.folder.join("nginx.conf.new");
        let written = std::fs::write(&fresh, text)
            .and_then(|()| std::fs::rename(&fresh, self.folder.join("nginx.conf")));
        written.map_err(|error| error.to_string())?;
        let output = self.signal("reload").map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("nginx -s reload: {said}\n{text}"))
    }

    /// Ends it with its workers, which killing the master alone would leave.
    fn stop(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        let stopped = self.signal("stop");
        if !stopped.is_ok_and(|it| it.status.success()) {
            let _gone = self.process.kill();
        }
        let _ended = self.process.wait();
    }

    fn signal(&self, signal: &str) -> std::io::Result<Output> {
        command(&self.program, &self.folder)
            .args(["-s", signal])
            .output()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.stop();
    }
}

fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .arg("-e")
        .arg(folder.join("error.log"));
    command
}
