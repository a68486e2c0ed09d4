//! Where a kubeconfig's current context leads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};
use trueup_object::{Value, from_yaml};

/// How to reach a server, and as whom.
#[derive(Clone, Debug, Default)]
pub struct Kubeconfig {
    /// The server's address.
    pub server: String,
    /// Who vouches for it, in PEM; nothing where the system's authorities do.
    pub certificate_authority_pem: Option<Vec<u8>>,
    /// Whether its certificate is not looked at.
    pub insecure: bool,
    /// Bearer token.
    pub token: Option<String>,
    /// Client certificate and key, in PEM.
    pub client_identity_pem: Option<Vec<u8>>,
}

/// Why a kubeconfig is of no use.
#[derive(Debug, thiserror::Error)]
#[error("kubeconfig {path}: {what}", path = path.display())]
pub struct KubeconfigError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl Kubeconfig {
    /// Reads the current context of a file. Tokens and client certificates
    /// are understood, programs that give some are not.
    pub fn read(path: &Path) -> Result<Self, KubeconfigError> {
        let failed = |what: String| KubeconfigError {
            path: path.to_owned(),
            what,
        };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let document = from_yaml(&text).map_err(|error| failed(error.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::of_document(&document, folder).map_err(failed)
    }

    fn of_document(document: &Value, folder: &Path) -> Result<Self, String> {
        let current = document
            .str_at(&["current-context"])
            .ok_or("it has no current context")?;
        let context = entry(document, "contexts", "context", current)?;
        let named = |key: &str| {
            context
                .str_at(&[key])
                .ok_or(format!("its context has no {key}"))
        };
        let cluster = entry(document, "clusters", "cluster", named("cluster")?)?;
        let user = entry(document, "users", "user", named("user")?)?;
        let certificate = bytes(&user, "client-certificate", folder)?;
        let key = bytes(&user, "client-key", folder)?;
        let token = match user.str_at(&["tokenFile"]) {
            Some(file) => Some(read(&folder.join(file))?),
            None => user
                .str_at(&["token"])
                .map(|token| token.as_bytes().to_vec()),
        };
        Ok(Self {
            server: cluster
                .str_at(&["server"])
                .ok_or("its cluster has no server")?
                .to_owned(),
            certificate_authority_pem: bytes(&cluster, "certificate-authority", folder)?,
            insecure: cluster.get("insecure-skip-tls-verify") == Some(&Value::Bool(true)),
            token: token.map(|token| String::from_utf8_lossy(&token).trim().to_owned()),
            client_identity_pem: certificate
                .zip(key)
                .map(|(certificate, key)| [certificate, key].concat()),
        })
    }
}

/// The value of a named entry of a list.
fn entry(document: &Value, list: &str, key: &str, name: &str) -> Result<Value, String> {
    let entries = document
        .get(list)
        .and_then(Value::as_list)
        .unwrap_or_default();
    let found = entries
        .iter()
        .find(|entry| entry.str_at(&["name"]) == Some(name));
    let value = found.and_then(|entry| entry.get(key)).cloned();
    value.ok_or_else(|| format!("it has no {key} {name}"))
}

/// What stands in a file or, as Base64, in the kubeconfig itself.
fn bytes(value: &Value, key: &str, folder: &Path) -> Result<Option<Vec<u8>>, String> {
    if let Some(data) = value.str_at(&[&format!("{key}-data")]) {
        let decoded = STANDARD.decode(data);
        return decoded
            .map(Some)
            .map_err(|error| format!("{key}-data: {error}"));
    }
    value
        .str_at(&[key])
        .map(|file| read(&folder.join(file)))
        .transpose()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_context_leads_to_server_and_token() {
        let text = "current-context: b\ncontexts:\n- name: b\n  context: {cluster: c, user: u}\nclusters:\n- name: c\n  cluster: {server: https://x, certificate-authority-data: YWJj}\nusers:\n- name: u\n  user: {token: t}\n";
        let read = Kubeconfig::of_document(&from_yaml(text).unwrap(), Path::new(".")).unwrap();
        assert_eq!(
            (read.server.as_str(), read.token.as_deref()),
            ("https://x", Some("t"))
        );
        assert_eq!(read.certificate_authority_pem.as_deref(), Some(&b"abc"[..]));
        let error = Kubeconfig::of_document(&from_yaml("{}").unwrap(), Path::new(".")).unwrap_err();
        assert_eq!(error, "it has no current context");
    }
}
