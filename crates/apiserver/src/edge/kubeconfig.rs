//! Writing the file that `kubectl` reads.

use super::certificates::write_atomically;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};
use trueup_object::{to_yaml, value};

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

/// Writes a kubeconfig for one server and one bearer token, readable by its
/// owner only, whole or not at all. An empty `certificate_authority_pem` is
/// for a server without TLS.
pub fn write_kubeconfig(
    path: &Path,
    server: &str,
    certificate_authority_pem: &str,
    token: &str,
) -> Result<(), KubeconfigError> {
    let mut cluster = value!({"server": server});
    if !certificate_authority_pem.is_empty() {
        let encoded = STANDARD.encode(certificate_authority_pem);
        cluster.set_at(&["certificate-authority-data"], encoded.into());
    }
    let file = value!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": cluster}],
        "users": [{"name": NAME, "user": {"token": token}}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
        "current-context": NAME
    });
    write_atomically(path, to_yaml(&file).as_bytes()).map_err(|cause| KubeconfigError {
        path: path.to_owned(),
        cause,
    })
}
