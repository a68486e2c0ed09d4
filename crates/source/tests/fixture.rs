//! Repositories made with `git`, and a server that runs
//! `git upload-pack --stateless-rpc` for them.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::TcpListener;
use trueup_artifact::TreePath;
use trueup_source::{
    FetchError, FetchOutcome, Fetched, GitFetch, GitFetcher, GitFetcherOptions, GitReference,
    GitRequest,
};

/// A repository with a work tree, made with the `git` on the path.
pub struct Repository {
    folder: TempDir,
}

#[allow(clippy::new_without_default)]
impl Repository {
    pub fn new() -> Self {
        let repository = Repository {
            folder: TempDir::new().unwrap(),
        };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        repository
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, "")
    }

    pub fn git_with(&self, arguments: &[&str], input: &str) -> String {
        let mut child = git(self.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Commits everything and answers the commit's id.
    pub fn commit(&self, subject: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", subject]);
        self.git(&["rev-parse", "HEAD"])
    }
}

fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Ada Writer")
        .env("GIT_AUTHOR_EMAIL", "ada@example.com")
        .env("GIT_COMMITTER_NAME", "Carl Keeper")
        .env("GIT_COMMITTER_EMAIL", "carl@example.com")
        .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
        .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z");
    command
}

/// What a server insists on and what it saw.
#[derive(Clone, Default)]
pub struct Rules {
    /// The expected `Authorization` header.
    pub authorization: Option<String>,
    /// Which version of the protocol is spoken: the header is not passed on.
    pub old_protocol: bool,
    /// Answers every `info/refs` with a redirect to this base.
    pub redirect: Option<String>,
    /// A status instead of an answer.
    pub status: Option<u16>,
}

pub struct Server {
    pub address: SocketAddr,
    pub scheme: &'static str,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    root: PathBuf,
    rules: Mutex<Rules>,
    log: Mutex<Vec<Seen>>,
}

#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub authorization: Option<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start(repository: &Repository, rules: Rules) -> Self {
        Self::start_with(repository.path(), rules, None).await
    }

    pub async fn start_with(
        root: &Path,
        rules: Rules,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            rules: Mutex::new(rules),
            log: Mutex::default(),
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(serve(listener, shared.clone(), tls));
        Server {
            address,
            scheme,
            shared,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("{}://localhost:{}/fleet", self.scheme, self.address.port())
    }

    pub fn set_rules(&self, rules: Rules) {
        *self.shared.rules.lock().unwrap() = rules;
    }

    /// What was asked since the last call.
    pub fn take_log(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shared.log.lock().unwrap())
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, tls: Option<tokio_rustls::TlsAcceptor>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, tls) = (shared.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => connection(stream, shared).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, shared).await;
                    }
                }
            }
        });
    }
}

async fn connection<S>(stream: S, shared: Arc<Shared>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request| answer(shared.clone(), request));
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let path = request.uri().path().to_owned();
    let authorization = header("authorization");
    let protocol = header("git-protocol");
    let rules = shared.rules.lock().unwrap().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let response = match refusal(&rules, &path, &authorization) {
        Some(response) => response,
        None => {
            let protocol = protocol.filter(|_| !rules.old_protocol);
            let root = shared.root.clone();
            let asked = path.clone();
            tokio::task::spawn_blocking(move || upload_pack(&root, &asked, protocol, &body))
                .await
                .unwrap()
        }
    };
    shared.log.lock().unwrap().push(Seen {
        path,
        authorization,
    });
    Ok(response)
}

fn refusal(
    rules: &Rules,
    path: &str,
    authorization: &Option<String>,
) -> Option<Response<Full<Bytes>>> {
    let status = |status: u16| {
        Some(
            Response::builder()
                .status(status)
                .body(Full::default())
                .unwrap(),
        )
    };
    if let Some(code) = rules.status {
        return status(code);
    }
    if rules.authorization.is_some() && rules.authorization != *authorization {
        return status(401);
    }
    if let Some(target) = &rules.redirect
        && path.ends_with("/info/refs")
    {
        let response = Response::builder()
            .status(302)
            .header(
                "location",
                format!("{target}/info/refs?service=git-upload-pack"),
            )
            .body(Full::default());
        return Some(response.unwrap());
    }
    None
}

fn upload_pack(
    root: &Path,
    path: &str,
    protocol: Option<String>,
    body: &[u8],
) -> Response<Full<Bytes>> {
    let (arguments, kind): (&[&str], _) = match path {
        "/fleet/info/refs" => (&["--advertise-refs"], "advertisement"),
        "/fleet/git-upload-pack" => (&[], "result"),
        _ => {
            return Response::builder()
                .status(StatusCode::NOT_FOUND)
                .body(Full::default())
                .unwrap();
        }
    };
    let mut command = git(root);
    command
        .args(["upload-pack", "--stateless-rpc"])
        .args(arguments);
    command
        .arg(".")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(protocol) = &protocol {
        command.env("GIT_PROTOCOL", protocol);
    }
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = body.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let mut output = Vec::new();
    if kind == "advertisement" {
        output.extend_from_slice(b"001e# service=git-upload-pack\n0000");
    }
    child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut output)
        .unwrap();
    child.wait().unwrap();
    writer.join().unwrap();
    Response::builder()
        .header(
            "content-type",
            format!("application/x-git-upload-pack-{kind}"),
        )
        .body(Full::new(Bytes::from(output)))
        .unwrap()
}

/// A fetcher over a folder that goes with the test.
pub struct Client {
    pub folder: TempDir,
    pub fetcher: GitFetcher,
}

#[allow(clippy::new_without_default)]
impl Client {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let fetcher = open(folder.path());
        Client { folder, fetcher }
    }

    /// The same folder in a new process.
    pub fn restart(self) -> Self {
        let Client { folder, fetcher } = self;
        drop(fetcher);
        let fetcher = open(folder.path());
        Client { folder, fetcher }
    }

    pub async fn try_fetch(&self, request: &GitRequest) -> Result<FetchOutcome, FetchError> {
        self.fetcher.fetch(request).await
    }

    pub async fn fetch(&self, request: &GitRequest) -> Fetched {
        match self.try_fetch(request).await.unwrap() {
            FetchOutcome::Fetched(fetched) => fetched,
            FetchOutcome::Unchanged { revision } => panic!("unchanged at {revision}"),
        }
    }
}

fn open(root: &Path) -> GitFetcher {
    GitFetcher::open(GitFetcherOptions {
        root: root.join("mirrors"),
    })
    .unwrap()
}

pub fn main_of(server: &Server) -> GitRequest {
    GitRequest {
        reference: GitReference::branch("main"),
        ..GitRequest::new(&server.url())
    }
}

pub fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

pub fn read(fetched: &Fetched, at: &str) -> String {
    let bytes = fetched.tree.read(&path(at)).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}
