//! The fetcher: one mirror for each URL and credentials.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gix_hash::ObjectId;
use reqwest::Url;
use sha2::{Digest as _, Sha256};
use trueup_artifact::{FileTree, Revision, TreeError, TreePath, walk};

use super::commit;
use super::http::{self, HttpTransport};
use super::mirror::{Parents, Repository, Tip};
use super::protocol::{self, Advertisement, History, PackRequest};
use super::reference::{Resolved, Target};
use super::transport::{SERVER_SAYS, Transport};
use super::tree::{FolderCache, GitTree};
use crate::error::{Failure, FetchErrorKind};
use crate::{
    BoxFuture, Commit, Credentials, FetchError, FetchOutcome, Fetched, GitFetch, GitLimits,
    GitRequest, MirrorKey, TreeSource,
};

const SALT_BYTES: usize = 32;
const OPERATION: &str = "fetch from the Git repository";

/// Where a [`GitFetcher`] works.
#[derive(Debug, Clone)]
pub struct GitFetcherOptions {
    /// The folder of the mirrors; made if it is not there.
    pub root: PathBuf,
}

/// Fetches over HTTP(S) into bare mirrors below a folder. Requests with the
/// same URL and credentials share a mirror and wait for each other; others run
/// side by side. Dropping a fetch's future cancels it.
#[derive(Debug)]
pub struct GitFetcher {
    root: PathBuf,
    salt: Vec<u8>,
    mirrors: Mutex<HashMap<MirrorKey, Arc<Mirror>>>,
}

/// What is kept of one remote.
#[derive(Debug)]
struct Mirror {
    folder: PathBuf,
    folders: Arc<FolderCache>,
    turn: tokio::sync::Mutex<()>,
    repository: Mutex<Option<Arc<Repository>>>,
    client: Mutex<Option<reqwest::Client>>,
}

/// A commit that is in the repository now.
struct Present {
    repository: Arc<Repository>,
    received_bytes: u64,
}

impl GitFetcher {
    /// A fetcher over a folder, with whatever mirrors are there.
    pub fn open(options: GitFetcherOptions) -> io::Result<Self> {
        std::fs::create_dir_all(&options.root)?;
        Ok(GitFetcher {
            salt: salt(&options.root)?,
            root: options.root,
            mirrors: Mutex::default(),
        })
    }

    fn mirror(&self, key: &MirrorKey) -> Arc<Mirror> {
        let mut mirrors = lock(&self.mirrors);
        let mirror = mirrors.entry(key.clone()).or_insert_with(|| {
            Arc::new(Mirror {
                folder: self.root.join(key.as_str()),
                folders: Arc::default(),
                turn: tokio::sync::Mutex::default(),
                repository: Mutex::default(),
                client: Mutex::default(),
            })
        });
        mirror.clone()
    }

    async fn fetch_within_time(&self, request: &GitRequest) -> Result<FetchOutcome, FetchError> {
        let limit = Duration::from_millis(request.timeout_ms);
        let outcome = match tokio::time::timeout(limit, self.fetch_any(request)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let cause = format!("it took longer than the timeout of {limit:?}");
                Err(Failure::new(FetchErrorKind::Timeout, cause))
            }
        };
        outcome.map_err(|failure| FetchError {
            kind: failure.kind,
            url: redacted(&request.url),
            operation: OPERATION,
            cause: failure.cause,
        })
    }

    async fn fetch_any(&self, request: &GitRequest) -> Result<FetchOutcome, Failure> {
        let (url, credentials) = address(request)?;
        let target = Target::of(&request.reference)?;
        check_name(&target)?;
        let key = mirror_key(&self.salt, &url, request, &credentials);
        let mirror = self.mirror(&key);
        let turn = mirror.turn.lock().await;
        let request = &GitRequest {
            credentials,
            ..request.clone()
        };
        let outcome = mirror.fetch(request, &key, &target, url).await;
        drop(turn);
        outcome
    }
}

impl GitFetch for GitFetcher {
    fn fetch<'a>(
        &'a self,
        request: &'a GitRequest,
    ) -> BoxFuture<'a, Result<FetchOutcome, FetchError>> {
        Box::pin(self.fetch_within_time(request))
    }

    fn retain<'a>(&'a self, in_use: &'a [MirrorKey]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut keep: Vec<MirrorKey> = in_use.to_vec();
            lock(&self.mirrors).retain(|key, mirror| {
                if in_use.contains(key) {
                    return true;
                }
                // Trees that still read from it keep its files until they go.
                if let Some(repository) = &*lock(&mirror.repository) {
                    repository.supersede();
                    keep.push(key.clone());
                }
                false
            });
            let root = self.root.clone();
            let _ = tokio::task::spawn_blocking(move || remove_others(&root, &keep)).await;
        })
    }
}

impl TreeSource for GitFetcher {
    fn tree(&self, key: &MirrorKey, commit: &str) -> Option<Arc<dyn FileTree>> {
        let id = ObjectId::from_hex(commit.as_bytes()).ok()?;
        let mirror = self.mirror(key);
        let repository = mirror.existing().ok()??;
        if !repository.has_tip(&id) {
            return None;
        }
        let (_, root) = commit::read(&repository, &id).ok()?;
        let tree = GitTree::new(
            repository,
            mirror.folders.clone(),
            root,
            &GitLimits::default(),
        );
        Some(Arc::new(tree))
    }
}

impl Mirror {
    async fn fetch(
        self: &Arc<Self>,
        request: &GitRequest,
        key: &MirrorKey,
        target: &Target,
        url: Url,
    ) -> Result<FetchOutcome, Failure> {
        if let Target::Commit { id, .. } = target
            && let Some(outcome) = self
                .settled(request, key, &target.resolve(&[])?, id)
                .await?
        {
            return Ok(outcome);
        }
        let client = self.client(request)?;
        let http = HttpTransport::new(
            client,
            url,
            &request.credentials,
            request.limits.max_redirects,
        )?;
        let mut transport = Transport::Http(http);
        let max_bytes = request.limits.max_references_bytes;
        let advertisement = protocol::advertise(&mut transport, max_bytes).await?;
        let remote = Remote {
            transport,
            advertisement,
            limits: request.limits.clone(),
        };
        let resolved = remote.resolve(target).await?;
        if let Some(outcome) = self
            .settled(request, key, &resolved, &resolved.commit)
            .await?
        {
            return Ok(outcome);
        }
        self.transfer(request, key, target, &remote, &resolved)
            .await
    }

    /// The outcome if nothing has to be transferred: the caller knows the
    /// revision, or the commit is here already.
    async fn settled(
        self: &Arc<Self>,
        request: &GitRequest,
        key: &MirrorKey,
        resolved: &Resolved,
        commit: &ObjectId,
    ) -> Result<Option<FetchOutcome>, Failure> {
        let revision = revision(resolved);
        if request.known.as_ref() == Some(&revision) {
            return Ok(Some(FetchOutcome::Unchanged { revision }));
        }
        let mirror = self.clone();
        let id = *commit;
        let repository = blocking(move || {
            let existing = mirror.existing().ok().flatten();
            Ok(existing.filter(|one| !one.is_worn() && one.has_tip(&id)))
        })
        .await?;
        let Some(repository) = repository else {
            return Ok(None);
        };
        let present = Present {
            repository,
            received_bytes: 0,
        };
        // A mirror that turns out broken is made afresh by the transfer.
        Ok(self.outcome(request, key, resolved, present).await.ok())
    }

    /// Brings the commit over. What is broken here is made afresh once.
    async fn transfer(
        self: &Arc<Self>,
        request: &GitRequest,
        key: &MirrorKey,
        target: &Target,
        remote: &Remote,
        resolved: &Resolved,
    ) -> Result<FetchOutcome, Failure> {
        let mirror = self.clone();
        let existing = blocking(move || {
            let existing = mirror.existing().ok().flatten();
            Ok(existing.filter(|one| !one.is_worn() && !one.tips().is_empty()))
        })
        .await?;
        if let Some(repository) = existing {
            match self.bring(remote, target, resolved, &repository).await {
                Ok(present) => {
                    let outcome = self.outcome(request, key, resolved, present).await;
                    if !matches!(&outcome, Err(failure) if failure.kind == FetchErrorKind::Storage)
                    {
                        return outcome;
                    }
                    tracing::warn!(mirror = key.as_str(), "broken Git mirror, making it afresh");
                }
                Err(failure) if may_be_ours(&failure) => {
                    tracing::warn!(
                        mirror = key.as_str(),
                        cause = failure.cause,
                        "incremental fetch failed, making the Git mirror afresh"
                    );
                }
                Err(failure) => return Err(failure),
            }
        }
        let repository = self.fresh().await?;
        let present = self.bring(remote, target, resolved, &repository).await?;
        let outcome = self.outcome(request, key, resolved, present).await?;
        self.swap(repository);
        Ok(outcome)
    }

    async fn bring(
        self: &Arc<Self>,
        remote: &Remote,
        target: &Target,
        resolved: &Resolved,
        repository: &Arc<Repository>,
    ) -> Result<Present, Failure> {
        let request = PackRequest {
            wants: vec![resolved.want],
            ..repository.known()
        };
        let received_bytes = match remote.pack(&request, resolved, repository).await {
            Err(failure) if refuses_commit(&failure, target) => {
                remote.whole_history(target, resolved, repository).await?
            }
            outcome => outcome?,
        };
        Ok(Present {
            repository: repository.clone(),
            received_bytes,
        })
    }

    async fn outcome(
        self: &Arc<Self>,
        request: &GitRequest,
        key: &MirrorKey,
        resolved: &Resolved,
        present: Present,
    ) -> Result<FetchOutcome, Failure> {
        let folders = self.folders.clone();
        let limits = request.limits.clone();
        let id = resolved.commit;
        let (commit, tree): (Commit, Arc<dyn FileTree>) = blocking(move || {
            let (commit, root) = commit::read(&present.repository, &id)?;
            let tree = GitTree::new(present.repository, folders, root, &limits);
            count_entries(&tree, limits.max_tree_entries)?;
            Ok((commit, Arc::new(tree) as Arc<dyn FileTree>))
        })
        .await?;
        Ok(FetchOutcome::Fetched(Fetched {
            revision: revision(resolved),
            commit,
            tree,
            mirror: key.clone(),
            received_bytes: present.received_bytes,
        }))
    }

    /// The repository that is there, opened once.
    fn existing(&self) -> io::Result<Option<Arc<Repository>>> {
        let mut slot = lock(&self.repository);
        if slot.is_none() {
            *slot = Repository::open_newest(&self.folder)?;
        }
        Ok(slot.clone())
    }

    async fn fresh(self: &Arc<Self>) -> Result<Arc<Repository>, Failure> {
        let mirror = self.clone();
        blocking(move || {
            Repository::create(&mirror.folder)
                .map_err(|error| Failure::storage("the mirror", error))
        })
        .await
    }

    fn swap(&self, repository: Arc<Repository>) {
        repository.adopt();
        let old = lock(&self.repository).replace(repository);
        if let Some(old) = old {
            old.supersede();
        }
    }

    fn client(&self, request: &GitRequest) -> Result<reqwest::Client, Failure> {
        let mut slot = lock(&self.client);
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let client = http::client(request)?;
        *slot = Some(client.clone());
        Ok(client)
    }
}

/// A remote that has said what it can.
struct Remote {
    transport: Transport,
    advertisement: Advertisement,
    limits: GitLimits,
}

impl Remote {
    async fn resolve(&self, target: &Target) -> Result<Resolved, Failure> {
        if matches!(target, Target::Commit { .. }) {
            return target.resolve(&[]);
        }
        let max_bytes = self.limits.max_references_bytes;
        let references =
            protocol::list_references(&self.transport, &self.advertisement, target, max_bytes)
                .await?;
        target.resolve(&references)
    }

    /// Receives one pack, files it and notes the commit.
    async fn pack(
        &self,
        request: &PackRequest,
        resolved: &Resolved,
        repository: &Arc<Repository>,
    ) -> Result<u64, Failure> {
        let storage = |error: io::Error| Failure::storage("the mirror", error);
        let max_bytes = self.limits.max_pack_bytes;
        let mut stream =
            protocol::fetch(&self.transport, &self.advertisement, request, max_bytes).await?;
        let mut arrival = repository.arrival().map_err(storage)?;
        while let Some(bytes) = stream.next().await? {
            arrival.write_all(&bytes).map_err(storage)?;
        }
        let parents = match stream.shallow.contains(&resolved.commit) {
            true => Parents::Missing,
            false => Parents::Present,
        };
        let tip = Tip {
            id: resolved.commit,
            parents,
        };
        self.file(repository.clone(), arrival, tip).await?;
        Ok(stream.received_bytes())
    }

    async fn file(
        &self,
        repository: Arc<Repository>,
        arrival: tempfile::NamedTempFile,
        tip: Tip,
    ) -> Result<(), Failure> {
        let guard = CancelOnDrop(Arc::default());
        let cancelled = guard.0.clone();
        let max_object_bytes = usize::try_from(self.limits.max_pack_bytes).unwrap_or(usize::MAX);
        blocking(move || {
            repository.install(arrival.path(), max_object_bytes, &cancelled)?;
            if !repository.contains(&tip.id) {
                return Err(Failure::protocol(format!(
                    "the server's pack lacks the commit {}",
                    tip.id
                )));
            }
            let added = repository.add_tip(tip);
            added.map_err(|error| Failure::storage("the mirror", error))
        })
        .await
    }

    /// For servers that give no commit by its id: everything that the branch
    /// (or any reference) reaches, among which the commit must be.
    async fn whole_history(
        &self,
        target: &Target,
        resolved: &Resolved,
        repository: &Arc<Repository>,
    ) -> Result<u64, Failure> {
        let max_bytes = self.limits.max_references_bytes;
        let references =
            protocol::list_references(&self.transport, &self.advertisement, target, max_bytes)
                .await?;
        let mut wants: Vec<ObjectId> = references
            .iter()
            .filter(|one| is_history(&one.name, target))
            .map(|one| one.id)
            .collect();
        wants.sort_unstable();
        wants.dedup();
        if wants.is_empty() {
            return Err(target.unknown());
        }
        let request = PackRequest {
            wants,
            history: History::Full,
            ..PackRequest::default()
        };
        match self.pack(&request, resolved, repository).await {
            Err(_) if !repository.contains(&resolved.commit) => Err(target.unknown()),
            outcome => outcome,
        }
    }
}

/// Tells work on another thread to stop when the waiting future is dropped.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn is_history(name: &str, target: &Target) -> bool {
    match target {
        Target::Commit {
            branch: Some(branch),
            ..
        } => name.strip_prefix("refs/heads/") == Some(branch),
        _ => name.starts_with("refs/heads/") || name.starts_with("refs/tags/"),
    }
}

/// Whether a server declines to give a commit by its id.
fn refuses_commit(failure: &Failure, target: &Target) -> bool {
    matches!(target, Target::Commit { .. })
        && failure.kind == FetchErrorKind::Protocol
        && failure.cause.starts_with(SERVER_SAYS)
}

/// Whether a failed incremental fetch may be the mirror's fault.
fn may_be_ours(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FetchErrorKind::Protocol | FetchErrorKind::Storage
    )
}

fn revision(resolved: &Resolved) -> Revision {
    Revision::git(resolved.name.as_deref(), &resolved.commit.to_string())
}

fn count_entries(tree: &GitTree, max_entries: u64) -> Result<(), Failure> {
    enum Stop {
        Over,
        Tree(TreeError),
    }
    impl From<TreeError> for Stop {
        fn from(error: TreeError) -> Self {
            Stop::Tree(error)
        }
    }
    let mut count = 0;
    let walked = walk::<Stop>(tree, &TreePath::root(), &mut |_, _| {
        count += 1;
        if count > max_entries {
            return Err(Stop::Over);
        }
        Ok(())
    });
    match walked {
        Ok(()) => Ok(()),
        Err(Stop::Over) => Err(Failure::limit(
            "the number of files and folders",
            max_entries,
        )),
        Err(Stop::Tree(error @ TreeError::OverLimit { .. })) => {
            Err(Failure::new(FetchErrorKind::Limit, error.to_string()))
        }
        Err(Stop::Tree(error)) => Err(Failure::storage("the mirror", error)),
    }
}

/// Runs blocking work; a panic there is a failure here.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Failure::storage("the mirror", error)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The URL without credentials, and the credentials: the Secret's, or those of
/// the URL if the Secret has none.
fn address(request: &GitRequest) -> Result<(Url, Credentials), Failure> {
    let field = "spec.url";
    let mut url = Url::parse(&request.url).map_err(|error| {
        let cause = format!("the URL cannot be read: {error}");
        Failure::new(FetchErrorKind::Invalid { field }, cause)
    })?;
    match url.scheme() {
        "http" | "https" => {}
        "ssh" => {
            return Err(Failure::new(
                FetchErrorKind::Unsupported { field },
                "the scheme 'ssh' is not served yet, use https",
            ));
        }
        scheme => {
            let cause = format!("the scheme '{scheme}' is not served, use https or http");
            return Err(Failure::new(FetchErrorKind::Invalid { field }, cause));
        }
    }
    let mut credentials = request.credentials.clone();
    if !credentials.has_login() && !url.username().is_empty() {
        let login = (
            decoded(url.username()),
            decoded(url.password().unwrap_or("")),
        );
        credentials.login = Some(login);
    }
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    Ok((url, credentials))
}

/// Percent escapes undone.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut output = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        output.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&output).into_owned()
}

/// A reference goes into a line of the protocol, so it must be one line.
fn check_name(target: &Target) -> Result<(), Failure> {
    if target.prefix().chars().any(char::is_control) {
        let cause = format!("{} holds a control character", target.describe());
        return Err(Failure::new(
            FetchErrorKind::Invalid { field: "spec.ref" },
            cause,
        ));
    }
    Ok(())
}

/// The URL as it may be shown: without user name, password and query.
fn redacted(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) => {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.set_query(None);
            url.to_string()
        }
        Err(_) => "(malformed URL)".to_owned(),
    }
}

/// Random bytes, made once for a folder of mirrors, so that the name of a
/// mirror doesn't help to guess the password in it.
fn salt(root: &Path) -> io::Result<Vec<u8>> {
    let path = root.join("salt");
    match std::fs::read(&path) {
        Ok(salt) if salt.len() == SALT_BYTES => return Ok(salt),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut salt = vec![0; SALT_BYTES];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut salt)
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let mut file = tempfile::NamedTempFile::new_in(root)?;
    file.write_all(&salt)?;
    file.persist(path)?;
    Ok(salt)
}

/// A mirror is shared only by requests with the same URL, credentials and
/// proxy.
fn mirror_key(
    salt: &[u8],
    url: &Url,
    request: &GitRequest,
    credentials: &Credentials,
) -> MirrorKey {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(salt);
    part(url.as_str().as_bytes());
    let (username, password) = credentials.login.clone().unwrap_or_default();
    part(username.as_bytes());
    part(password.as_bytes());
    part(credentials.bearer_token.as_deref().unwrap_or("").as_bytes());
    part(credentials.ca_certificates.as_deref().unwrap_or_default());
    let (chain, key) = credentials.client_certificate.clone().unwrap_or_default();
    part(&chain);
    part(&key);
    let proxy = request.proxy.as_ref();
    part(proxy.map_or("", |proxy| &proxy.address).as_bytes());
    let (username, password) = proxy.and_then(|one| one.login.clone()).unwrap_or_default();
    part(username.as_bytes());
    part(password.as_bytes());
    let digest = hash.finalize();
    MirrorKey(
        digest[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    )
}

fn remove_others(root: &Path, keep: &[MirrorKey]) -> io::Result<()> {
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let key = name.to_str().and_then(MirrorKey::parse);
        if key.is_some_and(|key| !keep.contains(&key)) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
