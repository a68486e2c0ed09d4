//! Writing the file that `kubectl` reads.

use super::certificates::write_atomically;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};
use trueup_object::{Value, to_yaml, value};

/// The name of cluster, user and context in the file.
const NAME: &str = "trueup";

/// The kubeconfig could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write kubeconfig {path}: {cause}", path = path.display())]
pub struct KubeconfigError {
    /// The file.
    pub path: PathBuf,
    /// The cause.
    pub cause: std::io::Error,
}

/// How to reach one server, and as whom.
#[derive(Clone, Copy)]
pub struct Kubeconfig<'a> {
    /// The server's address.
    pub server: &'a str,
    /// Who vouches for the server; empty for one without TLS.
    pub certificate_authority_pem: &'a str,
    /// Bearer token of the user.
    pub token: &'a str,
    /// The namespace of commands that name none; `default` if empty.
    pub namespace: &'a str,
}

impl Kubeconfig<'_> {
    /// Writes the file, readable by its owner only, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), KubeconfigError> {
        write_atomically(path, to_yaml(&self.value()).as_bytes()).map_err(|cause| KubeconfigError {
            path: path.to_owned(),
            cause,
        })
    }

    fn value(&self) -> Value {
        let mut cluster = value!({"server": (self.server)});
        if !self.certificate_authority_pem.is_empty() {
            let encoded = STANDARD.encode(self.certificate_authority_pem);
            cluster.set_at(&["certificate-authority-data"], encoded.into());
        }
        let mut context = value!({"cluster": NAME, "user": NAME});
        if !self.namespace.is_empty() {
            context.set_at(&["namespace"], self.namespace.into());
        }
        value!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": NAME, "cluster": cluster}],
            "users": [{"name": NAME, "user": {"token": (self.token)}}],
            "contexts": [{"name": NAME, "context": context}],
            "current-context": NAME
        })
    }
}

/// Writes a kubeconfig for one server and one bearer token. An empty
/// `certificate_authority_pem` is for a server without TLS.
pub fn write_kubeconfig(
    path: &Path,
    server: &str,
    certificate_authority_pem: &str,
    token: &str,
) -> Result<(), KubeconfigError> {
    Kubeconfig {
        server,
        certificate_authority_pem,
        token,
        namespace: "",
    }
    .write(path)
}
