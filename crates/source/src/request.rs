//! What is asked of a Git remote.

use std::fmt;

use bytes::Bytes;
use trueup_artifact::Revision;

/// The branch of a request that names nothing, Flux's default.
pub const DEFAULT_BRANCH: &str = "master";

/// How long a fetch may take if the object doesn't say.
pub const DEFAULT_TIMEOUT_MS: u64 = 60_000;

/// One fetch.
#[derive(Debug, Clone)]
pub struct GitRequest {
    /// `http://` or `https://`; other schemes are refused as unsupported.
    pub url: String,
    /// What to resolve.
    pub reference: GitReference,
    /// From the object's Secret.
    pub credentials: Credentials,
    /// A proxy to go through; none by default, whatever the environment says.
    pub proxy: Option<Proxy>,
    /// For everything together.
    pub timeout_ms: u64,
    /// The revision that the caller has already: if the reference still
    /// resolves to it, nothing is fetched.
    pub known: Option<Revision>,
    /// What it may cost.
    pub limits: GitLimits,
}

impl GitRequest {
    /// A request for `url` with defaults: no credentials, branch `master`.
    pub fn new(url: &str) -> Self {
        GitRequest {
            url: url.to_owned(),
            reference: GitReference::default(),
            credentials: Credentials::default(),
            proxy: None,
            timeout_ms: DEFAULT_TIMEOUT_MS,
            known: None,
            limits: GitLimits::default(),
        }
    }
}

/// `spec.ref` of a GitRepository. Of several fields the first in the order
/// commit, name, semver, tag, branch is followed. What people type after
/// `git fetch URL` is [`GitReference::typed`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitReference {
    /// A commit by its 40 digits.
    pub commit: Option<String>,
    /// A full reference: `refs/heads/main`, `refs/pull/4/head`.
    pub name: Option<String>,
    /// A range of versions; the tag with the highest one is taken.
    pub semver: Option<String>,
    /// A tag.
    pub tag: Option<String>,
    /// A branch; [`DEFAULT_BRANCH`] if nothing at all is given.
    pub branch: Option<String>,
    /// A short name that may be any of these; followed before all others.
    pub any: Option<String>,
}

impl GitReference {
    /// What `git fetch URL TEXT` means by a text: the 40 digits of a commit, a
    /// full reference, a tag, a branch, in this order; the remote's default
    /// branch for an empty one.
    pub fn typed(text: &str) -> Self {
        let is_commit = text.len() == 40 && text.bytes().all(|one| one.is_ascii_hexdigit());
        let some = |text: &str| Some(text.to_owned());
        match text {
            "" => GitReference {
                any: some("HEAD"),
                ..Self::default()
            },
            text if is_commit => GitReference {
                commit: some(&text.to_ascii_lowercase()),
                ..Self::default()
            },
            text => GitReference {
                any: some(text),
                ..Self::default()
            },
        }
    }

    /// The tip of a branch.
    pub fn branch(name: &str) -> Self {
        GitReference {
            branch: Some(name.to_owned()),
            ..Self::default()
        }
    }
}

/// How long one pack may be on the wire.
pub const MAX_PACK_BYTES: u64 = 1 << 30;
/// How long one file of a commit may be.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// How many files and folders a commit may have.
pub const MAX_TREE_ENTRIES: u64 = 200_000;
/// How long a server's list of references may be.
pub const MAX_REFERENCES_BYTES: u64 = 64 << 20;
/// How many redirects are followed.
pub const MAX_REDIRECTS: u32 = 5;

/// What a fetch may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitLimits {
    /// Length of one pack on the wire.
    pub max_pack_bytes: u64,
    /// Length of one file that is read.
    pub max_file_bytes: u64,
    /// Files and folders of a commit.
    pub max_tree_entries: u64,
    /// Length of the list of references.
    pub max_references_bytes: u64,
    /// Redirects followed.
    pub max_redirects: u32,
}

impl Default for GitLimits {
    fn default() -> Self {
        GitLimits {
            max_pack_bytes: MAX_PACK_BYTES,
            max_file_bytes: MAX_FILE_BYTES,
            max_tree_entries: MAX_TREE_ENTRIES,
            max_references_bytes: MAX_REFERENCES_BYTES,
            max_redirects: MAX_REDIRECTS,
        }
    }
}

/// A proxy, as a Secret of `spec.proxySecretRef` describes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// `http://proxy.example:3128`.
    pub address: String,
    /// User name and password.
    pub login: Option<(String, String)>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy(***)")
    }
}

/// What a Secret holds for a Git remote over HTTP. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    pub(crate) login: Option<(String, String)>,
    pub(crate) bearer_token: Option<String>,
    pub(crate) ca_certificates: Option<Bytes>,
    pub(crate) client_certificate: Option<(Bytes, Bytes)>,
}

/// Why a Secret's data are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// One key without its partner.
    #[error("the Secret has the key '{present}' but lacks '{missing}'")]
    Incomplete {
        /// The key that is there.
        present: &'static str,
        /// The key that is not.
        missing: &'static str,
    },
    /// A value that should be text is not.
    #[error("the value of the Secret's key '{key}' is not UTF-8 text")]
    NotText {
        /// The key.
        key: &'static str,
    },
}

impl Credentials {
    /// User name and password.
    pub fn basic(username: &str, password: &str) -> Self {
        Credentials {
            login: Some((username.to_owned(), password.to_owned())),
            ..Self::default()
        }
    }

    /// A token.
    pub fn bearer(token: &str) -> Self {
        Credentials {
            bearer_token: Some(token.to_owned()),
            ..Self::default()
        }
    }

    /// The same with certificates (PEM) trusted beside the system's.
    pub fn with_ca_certificates(self, pem: impl Into<Bytes>) -> Self {
        Credentials {
            ca_certificates: Some(pem.into()),
            ..self
        }
    }

    /// Reads the decoded data of a Secret by Flux's keys: `username` and
    /// `password`, `bearerToken`, `ca.crt` (or `caFile`), `tls.crt` and
    /// `tls.key`. Other keys are left alone. Of several ways the token wins,
    /// as in Flux.
    pub fn from_secret<'a>(
        data: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, CredentialsError> {
        let data: std::collections::BTreeMap<&str, &[u8]> = data.into_iter().collect();
        let bytes = |key: &'static str| data.get(key).filter(|value| !value.is_empty()).copied();
        let text = |key: &'static str| {
            bytes(key)
                .map(|value| String::from_utf8(value.to_vec()))
                .transpose()
                .map_err(|_| CredentialsError::NotText { key })
        };
        let copied = |value: &[u8]| Bytes::copy_from_slice(value);
        let certificate = pair(("tls.crt", bytes("tls.crt")), ("tls.key", bytes("tls.key")))?;
        let (username, password) = (text("username")?, text("password")?);
        Ok(Credentials {
            login: pair(("username", username), ("password", password))?,
            bearer_token: text("bearerToken")?,
            ca_certificates: bytes("ca.crt").or_else(|| bytes("caFile")).map(copied),
            client_certificate: certificate.map(|(chain, key)| (copied(chain), copied(key))),
        })
    }

    /// Whether requests carry a login or a token.
    pub(crate) fn has_login(&self) -> bool {
        self.login.is_some() || self.bearer_token.is_some()
    }
}

fn pair<T>(
    first: (&'static str, Option<T>),
    second: (&'static str, Option<T>),
) -> Result<Option<(T, T)>, CredentialsError> {
    let incomplete = |present, missing| Err(CredentialsError::Incomplete { present, missing });
    match (first.1, second.1) {
        (Some(one), Some(two)) => Ok(Some((one, two))),
        (None, None) => Ok(None),
        (Some(_), None) => incomplete(first.0, second.0),
        (None, Some(_)) => incomplete(second.0, first.0),
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credentials(***)")
    }
}
