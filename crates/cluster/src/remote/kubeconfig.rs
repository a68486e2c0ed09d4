//! What a kubeconfig that somebody else wrote may say.

use crate::remote::{Credentials, RemoteConfig};
use trueup_object::{Map, Text, Value, from_yaml};

/// The largest kubeconfig that is read.
pub const MAX_KUBECONFIG_BYTES: usize = 1 << 20;

/// What kubeconfigs out of Secrets may ask of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KubeconfigPolicy {
    /// Whether they may name programs to run.
    pub exec: ExecPlugins,
    /// Whether they may do without the server's certificate being checked.
    pub tls: ServerCertificates,
}

/// Whether `user.exec` is served: Flux's `--insecure-kubeconfig-exec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExecPlugins {
    /// A kubeconfig with one is refused.
    #[default]
    Refused,
    /// The program runs in this process' container, with its rights.
    Allowed,
}

/// Whether `insecure-skip-tls-verify` is served: Flux's
/// `--insecure-kubeconfig-tls`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerCertificates {
    /// A kubeconfig that skips the check is refused.
    #[default]
    Checked,
    /// A kubeconfig decides.
    AsConfigured,
}

/// Why a kubeconfig is not used. Says where, never what stands there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KubeconfigError {
    /// It is larger than [`MAX_KUBECONFIG_BYTES`].
    #[error("it has more than {MAX_KUBECONFIG_BYTES} bytes")]
    TooLarge,
    /// It is not YAML or JSON, or not in UTF-8.
    #[error("it is not readable as YAML")]
    NotYaml,
    /// Something that is needed is missing, or not of the type it should be.
    #[error("{path} is missing or not readable")]
    Missing {
        /// Where.
        path: Text,
    },
    /// An entry is referred to and not there.
    #[error("{list} has no entry {name:?}")]
    NoEntry {
        /// `contexts`, `clusters` or `users`.
        list: Text,
        /// The name.
        name: Text,
    },
    /// The server's address can't be used.
    #[error("{path} is not an http or https address")]
    Address {
        /// Where.
        path: Text,
    },
    /// It asks for what is refused.
    #[error("{path} is refused: {why}")]
    Refused {
        /// Where.
        path: Text,
        /// Why.
        why: &'static str,
    },
}

const FILES: &str =
    "it names a file of the controller's; put the content itself there (the field with -data)";
const PROXY: &str = "proxies to other clusters are not served";
const ACT_AS: &str = "impersonation is asked for by spec.serviceAccountName";
const PROGRAM: &str =
    "it names a program to run in the controller, which --insecure-kubeconfig-exec would allow";
const UNCHECKED: &str =
    "the server's certificate must be checked, unless --insecure-kubeconfig-tls is set";
const PROVIDER: &str = "auth-provider plug-ins are not served";

/// Fields of a user that are refused in any case.
const REFUSED_OF_USER: [(&str, &str); 8] = [
    ("client-certificate", FILES),
    ("client-key", FILES),
    ("tokenFile", FILES),
    ("auth-provider", PROVIDER),
    ("as", ACT_AS),
    ("as-uid", ACT_AS),
    ("as-groups", ACT_AS),
    ("as-user-extra", ACT_AS),
];

/// Reads the current context of a kubeconfig and refuses what the policy
/// does not allow.
pub(super) fn read(
    content: &[u8],
    policy: KubeconfigPolicy,
) -> Result<RemoteConfig, KubeconfigError> {
    if content.len() > MAX_KUBECONFIG_BYTES {
        return Err(KubeconfigError::TooLarge);
    }
    let text = std::str::from_utf8(content).map_err(|_| KubeconfigError::NotYaml)?;
    let file = from_yaml(text).map_err(|_| KubeconfigError::NotYaml)?;
    let current = text_of(&file, &["current-context"], "current-context")?;
    let context = entry(&file, "contexts", "context", current)?;
    let name = |key: &str| {
        text_of(
            &context,
            &[key],
            &format!("contexts[{current}].context.{key}"),
        )
        .map(Text::from)
    };
    let (cluster_name, user_name) = (name("cluster")?, name("user")?);
    let cluster = entry(&file, "clusters", "cluster", &cluster_name)?;
    let user = entry(&file, "users", "user", &user_name)?;
    let cluster_path = format!("clusters[{cluster_name}].cluster");
    check_cluster(&cluster, &cluster_path, policy)?;
    check_user(&user, &format!("users[{user_name}].user"), policy)?;
    let path = format!("{cluster_path}.server");
    let server = text_of(&cluster, &["server"], &path)?;
    let server = shown(server).ok_or(KubeconfigError::Address { path: path.into() })?;
    Ok(RemoteConfig {
        server,
        cluster,
        credentials: Credentials::User(user),
    })
}

fn text_of<'a>(value: &'a Value, keys: &[&str], path: &str) -> Result<&'a str, KubeconfigError> {
    value
        .str_at(keys)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| KubeconfigError::Missing { path: path.into() })
}

/// The entry of a list by its name.
fn entry(file: &Value, list: &str, key: &str, name: &str) -> Result<Value, KubeconfigError> {
    let missing = || KubeconfigError::NoEntry {
        list: list.into(),
        name: name.into(),
    };
    let entries = file
        .get(list)
        .and_then(Value::as_list)
        .ok_or_else(missing)?;
    let found = entries
        .iter()
        .find(|entry| entry.str_at(&["name"]) == Some(name))
        .ok_or_else(missing)?;
    match found.get(key) {
        Some(entry @ Value::Map(_)) => Ok(entry.clone()),
        // A user without any credentials is written as nothing.
        None | Some(Value::Null) if key == "user" => Ok(Value::map()),
        _ => Err(KubeconfigError::Missing {
            path: format!("{list}[{name}].{key}").into(),
        }),
    }
}

fn check_cluster(
    cluster: &Value,
    path: &str,
    policy: KubeconfigPolicy,
) -> Result<(), KubeconfigError> {
    refuse(cluster, path, "certificate-authority", FILES)?;
    refuse(cluster, path, "proxy-url", PROXY)?;
    if policy.tls == ServerCertificates::Checked {
        refuse(cluster, path, "insecure-skip-tls-verify", UNCHECKED)?;
    }
    Ok(())
}

fn check_user(user: &Value, path: &str, policy: KubeconfigPolicy) -> Result<(), KubeconfigError> {
    for (field, why) in REFUSED_OF_USER {
        refuse(user, path, field, why)?;
    }
    if policy.exec == ExecPlugins::Refused {
        refuse(user, path, "exec", PROGRAM)?;
    }
    Ok(())
}

fn refuse(
    value: &Value,
    path: &str,
    field: &str,
    why: &'static str,
) -> Result<(), KubeconfigError> {
    let asked = value.get(field).is_some_and(|value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::List(list) => !list.is_empty(),
        Value::Map(map) => map != &Map::default(),
        _ => true,
    });
    if asked {
        return Err(KubeconfigError::Refused {
            path: format!("{path}.{field}").into(),
            why,
        });
    }
    Ok(())
}

/// An address as it may be told: without credentials, query and fragment.
/// `None` where it is not one of a server.
pub(super) fn shown(address: &str) -> Option<Text> {
    let (scheme, rest) = address.split_once("://")?;
    if !matches!(scheme, "http" | "https") || address.contains(char::is_control) {
        return None;
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let is_usable = !host.is_empty() && !host.contains(char::is_whitespace);
    is_usable.then(|| format!("{scheme}://{host}{}", path.trim_end_matches('/')).into())
}
