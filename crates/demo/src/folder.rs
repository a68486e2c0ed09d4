//! The folder that keeps a demo: cluster, Git, artifacts, ports.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Why a demo's folder can't be used. Every message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Neither a folder was named nor is there a home to put one in.
    #[error("no data home: set XDG_DATA_HOME or HOME, or name a folder with --data-dir")]
    NoHome,
    /// The folder or a file in it can't be read or written.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another demo runs in this folder.
    #[error("another demo runs in {}: stop it, or name another folder with --data-dir", .0.display())]
    Busy(PathBuf),
    /// A port of an earlier run is taken.
    #[error(
        "port {port}, which this demo's {service} had before, is taken by another program; free it, \
         or delete {} to get new ports (clones and kubeconfigs in use name the old ones)",
        ports_file.display()
    )]
    PortTaken {
        /// Which of ours wants the port.
        service: &'static str,
        /// The port.
        port: u16,
        /// Where ports are kept.
        ports_file: PathBuf,
    },
    /// The file of ports holds something else.
    #[error("{} is not a list of ports: {text:?}; delete it to get new ones", path.display())]
    BadPorts {
        /// The file.
        path: PathBuf,
        /// What it holds.
        text: String,
    },
}

/// Where a demo's parts are kept; the lock on it lasts as long as the value.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    _lock: File,
}

/// The sockets of a demo, bound on the loopback address.
#[derive(Debug)]
pub struct Listeners {
    /// The Kubernetes API.
    pub api: TcpListener,
    /// Git over HTTP.
    pub git: TcpListener,
    /// Metrics, health, artifacts.
    pub web: TcpListener,
    /// Visitors of the web application.
    pub gateway: TcpListener,
    /// Metrics of the gateway.
    pub gateway_metrics: TcpListener,
}

/// The ports of a demo's sockets; 0 where none was chosen yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// The Kubernetes API.
    pub api: u16,
    /// Git over HTTP.
    pub git: u16,
    /// Metrics, health, artifacts.
    pub web: u16,
    /// Visitors of the web application.
    pub gateway: u16,
    /// Metrics of the gateway.
    pub gateway_metrics: u16,
}

/// The ports of the demo that keeps its data in `root`.
pub fn ports_of(root: &Path) -> Result<Ports, FolderError> {
    read_ports(&root.join(PORTS_FILE))
}

/// How long a lock of before may still be held: a killed demo leaves it to
/// the programs that it had just started, until they have.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How often the lock is tried.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The file that keeps the ports.
const PORTS_FILE: &str = "ports";

/// The default folder, `trueup/demo` in the user's data home.
pub fn default_folder() -> Result<PathBuf, FolderError> {
    let from_home =
        || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let base = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    Ok(base
        .or_else(from_home)
        .ok_or(FolderError::NoHome)?
        .join("trueup/demo"))
}

impl Folder {
    /// Makes the folder if it is missing and locks it for this process.
    pub fn open(root: PathBuf) -> Result<Self, FolderError> {
        std::fs::create_dir_all(&root).map_err(at("make folder", &root))?;
        let path = root.join("lock");
        let lock = File::create(&path).map_err(at("open", &path))?;
        let patience = Instant::now() + LOCK_PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { root, _lock: lock }),
                Err(TryLockError::WouldBlock) if Instant::now() < patience => {
                    std::thread::sleep(LOCK_PAUSE)
                }
                Err(TryLockError::WouldBlock) => return Err(FolderError::Busy(root)),
                Err(TryLockError::Error(source)) => {
                    return Err(FolderError::File {
                        action: "lock",
                        path,
                        source,
                    });
                }
            }
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The objects of the embedded cluster.
    #[must_use]
    pub fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    /// The bare repositories.
    #[must_use]
    pub fn git(&self) -> PathBuf {
        self.root.join("git")
    }

    /// Git mirrors and artifacts of the controllers.
    #[must_use]
    pub fn storage(&self) -> PathBuf {
        self.root.join("storage")
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.root.join("kubeconfig")
    }

    /// Binds the ports of the run before, or free ones the first time, and
    /// keeps them for the next run.
    pub fn listen(&self) -> Result<Listeners, FolderError> {
        let path = self.root.join(PORTS_FILE);
        let ports = read_ports(&path)?;
        let bind = |service, port| bind(service, port, &path);
        let listeners = Listeners {
            api: bind("API", ports.api)?,
            git: bind("Git server", ports.git)?,
            web: bind("web server", ports.web)?,
            gateway: bind("gateway", ports.gateway)?,
            gateway_metrics: bind("gateway's metrics", ports.gateway_metrics)?,
        };
        listeners.keep(&path)?;
        Ok(listeners)
    }
}

impl Listeners {
    fn keep(&self, path: &Path) -> Result<(), FolderError> {
        let listeners = [
            &self.api,
            &self.git,
            &self.web,
            &self.gateway,
            &self.gateway_metrics,
        ];
        let ports: Vec<String> = listeners
            .into_iter()
            .map(|listener| {
                listener
                    .local_addr()
                    .map(|address| address.port().to_string())
            })
            .collect::<Result<_, _>>()
            .map_err(at("read the port of a socket for", path))?;
        let temporary = path.with_extension("new");
        let mut file = File::create(&temporary).map_err(at("write", &temporary))?;
        file.write_all((ports.join(" ") + "\n").as_bytes())
            .map_err(at("write", &temporary))?;
        file.sync_all().map_err(at("write", &temporary))?;
        std::fs::rename(&temporary, path).map_err(at("write", path))
    }
}

/// The ports of the run before; zeros, which ask for free ones, if there was none.
fn read_ports(path: &Path) -> Result<Ports, FolderError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Ports::default()),
        Err(source) => {
            return Err(FolderError::File {
                action: "read",
                path: path.to_owned(),
                source,
            });
        }
    };
    let ports: Option<Vec<u16>> = text
        .split_whitespace()
        .map(|word| word.parse().ok())
        .collect();
    match ports.as_deref() {
        // A demo of before the gateway kept three.
        Some([api, git, web]) => Ok(Ports {
            api: *api,
            git: *git,
            web: *web,
            ..Ports::default()
        }),
        Some([api, git, web, gateway, gateway_metrics]) => Ok(Ports {
            api: *api,
            git: *git,
            web: *web,
            gateway: *gateway,
            gateway_metrics: *gateway_metrics,
        }),
        _ => Err(FolderError::BadPorts {
            path: path.to_owned(),
            text,
        }),
    }
}

fn bind(service: &'static str, port: u16, ports_file: &Path) -> Result<TcpListener, FolderError> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map_err(|error| {
        match error.kind() {
            ErrorKind::AddrInUse => FolderError::PortTaken {
                service,
                port,
                ports_file: ports_file.to_owned(),
            },
            _ => FolderError::File {
                action: "listen on 127.0.0.1 for",
                path: ports_file.to_owned(),
                source: error,
            },
        }
    })
}

fn at(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::File {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_serves_one_demo_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Folder::open(folder.path().to_owned()).unwrap();
        assert!(matches!(
            Folder::open(folder.path().to_owned()),
            Err(FolderError::Busy(_))
        ));
        drop(first);
        Folder::open(folder.path().to_owned()).unwrap();
    }

    #[test]
    fn ports_are_kept_and_a_taken_one_is_said() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path().to_owned()).unwrap();
        let first = folder.listen().unwrap();
        let port = first.git.local_addr().unwrap().port();
        let error = folder.listen().unwrap_err();
        assert!(
            matches!(error, FolderError::PortTaken { service: "API", .. }),
            "{error}"
        );
        drop(first);
        assert_eq!(
            folder.listen().unwrap().git.local_addr().unwrap().port(),
            port
        );
    }

    #[test]
    fn the_ports_of_a_demo_without_a_gateway_are_kept() {
        let temporary = tempfile::tempdir().unwrap();
        std::fs::write(temporary.path().join("ports"), "1 2 3\n").unwrap();
        let ports = ports_of(temporary.path()).unwrap();
        assert_eq!((ports.api, ports.git, ports.web), (1, 2, 3));
        assert_eq!((ports.gateway, ports.gateway_metrics), (0, 0));
    }

    #[test]
    fn a_broken_file_of_ports_is_named() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path().to_owned()).unwrap();
        std::fs::write(temporary.path().join("ports"), "80 many\n").unwrap();
        let message = folder.listen().unwrap_err().to_string();
        assert!(
            message.contains("ports") && message.contains("80 many"),
            "{message}"
        );
    }
}
