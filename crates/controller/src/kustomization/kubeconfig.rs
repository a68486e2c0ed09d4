//! What `spec.kubeConfig` leads to: a Secret with a kubeconfig, or a
//! ConfigMap that says where a cluster is and who vouches for us there.

use super::failure::{Cure, Failure};
use super::memory::{Memory, lock};
use crate::clusters::{TokenSource, Way};
use crate::context::Context;
use crate::live::{self, Subject};
use crate::machine::ObjectKey;
use base64::Engine;
use std::fmt;
use std::sync::{Arc, Mutex};
use trueup_cluster::{BearerToken, ClusterKey, KubeconfigPolicy, LiveObject, RemoteConfig};
use trueup_kinds::{KubeConfigReference, reason};
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value, value};
use trueup_plan::Fingerprint;

/// The keys of a Secret that are tried where none is named.
const DEFAULT_KEYS: [&str; 2] = ["value", "value.yaml"];
/// Providers whose tokens come from a cloud: not served.
const CLOUDS: [&str; 3] = ["aws", "azure", "gcp"];
/// How many digits of a digest name a cluster.
const KEY_DIGITS: usize = 32;

/// The object that leads to another cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A Secret, and the key in it if one is named.
    Secret {
        /// The Secret.
        reference: ObjectRef,
        /// The key.
        key: Option<Text>,
    },
    /// A ConfigMap.
    ConfigMap {
        /// The ConfigMap.
        reference: ObjectRef,
    },
}

/// `kubeConfig Secret 'apps/production' (key 'value')`.
impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ObjectRef {
            kind,
            namespace,
            name,
        } = self.reference();
        write!(formatter, "kubeConfig {} '{namespace}/{name}'", kind.kind)?;
        match self {
            Self::Secret { key, .. } => {
                let key = key.as_deref().unwrap_or(DEFAULT_KEYS[0]);
                write!(formatter, " (key '{key}')")
            }
            Self::ConfigMap { .. } => Ok(()),
        }
    }
}

impl Origin {
    /// The object that a reference names, in the namespace of the
    /// Kustomization.
    pub(super) fn of(key: &ObjectKey, asked: &KubeConfigReference) -> Result<Self, Failure> {
        let reference = |kind, name: &Text| ObjectRef {
            kind: GroupVersionKind::new("v1", kind),
            namespace: key.namespace.clone(),
            name: name.clone(),
        };
        match (&asked.secret_ref, &asked.config_map_ref) {
            (Some(secret), None) => Ok(Self::Secret {
                reference: reference("Secret", &secret.name),
                key: secret.key.clone().filter(|key| !key.is_empty()),
            }),
            (None, Some(map)) => Ok(Self::ConfigMap {
                reference: reference("ConfigMap", &map.name),
            }),
            _ => {
                let text = "exactly one of spec.kubeConfig.configMapRef or \
                    spec.kubeConfig.secretRef must be specified";
                Err(Failure::new(
                    reason::RECONCILIATION_FAILED,
                    text,
                    Cure::Specification,
                ))
            }
        }
    }

    /// The object.
    pub(super) fn reference(&self) -> &ObjectRef {
        match self {
            Self::Secret { reference, .. } | Self::ConfigMap { reference } => reference,
        }
    }

    /// The same, with the key of a Secret that holds the kubeconfig: the one
    /// that is named, else the first of the usual ones that is there.
    fn with_key(self, secret: &Value) -> Self {
        let Self::Secret {
            reference,
            key: None,
        } = self
        else {
            return self;
        };
        let has = |key: &&str| secret.at(&["data", key]).is_some();
        let found = DEFAULT_KEYS.iter().copied().find(has);
        Self::Secret {
            reference,
            key: found.map(Text::from),
        }
    }

    /// The watch that shows it.
    pub(super) fn subject(&self, context: &Context) -> Subject {
        Subject::named(&context.session, self.reference().clone())
    }
}

/// The way that an object describes now, and where it was read. From here on
/// a change of the object wakes the Kustomization.
pub(super) async fn way(
    context: &Arc<Context>,
    key: &ObjectKey,
    origin: Origin,
    memory: &Mutex<Memory>,
) -> Result<(Origin, Way), Failure> {
    live::track_also(context, key, &origin.subject(context)).await;
    let object = read(context, key, &origin).await;
    let version = object.as_ref().map(LiveObject::resource_version);
    lock(memory).reads_input(origin.reference(), version.ok().cloned());
    let object = object?;
    let origin = origin.with_key(object.value());
    let way = match &origin {
        Origin::Secret { key, .. } => {
            let policy = context.settings.kubeconfig_policy;
            of_secret(&origin, key.as_deref(), object.value(), policy)
        }
        Origin::ConfigMap { .. } => {
            let default = context.settings.default_kubeconfig_account.as_ref();
            of_config_map(&origin, object.value(), default)
        }
    }?;
    Ok((origin, way))
}

async fn read(context: &Context, key: &ObjectKey, origin: &Origin) -> Result<LiveObject, Failure> {
    let found = live::look_up(context, &context.session, key, origin.reference()).await;
    found.map_err(|error| {
        let text = format!("unable to read the {origin}: {}", error.message());
        Failure::new(reason::RECONCILIATION_FAILED, text, Cure::of(&error))
    })
}

fn unusable(origin: &Origin, why: impl fmt::Display) -> Failure {
    let text = format!("the {origin} is not usable: {why}");
    Failure::new(reason::RECONCILIATION_FAILED, text, Cure::Retry)
}

fn of_secret(
    origin: &Origin,
    key: Option<&str>,
    secret: &Value,
    policy: KubeconfigPolicy,
) -> Result<Way, Failure> {
    let wanted = key.unwrap_or(DEFAULT_KEYS[0]);
    let data = secret.str_at(&["data", wanted]).ok_or_else(|| {
        unusable(
            origin,
            format!("it does not contain a '{wanted}' key with a kubeconfig"),
        )
    })?;
    let content = base64::engine::general_purpose::STANDARD
        .decode(data)
        .map_err(|_| unusable(origin, "its data is not base64"))?;
    let config =
        RemoteConfig::from_kubeconfig(&content, policy).map_err(|error| unusable(origin, error))?;
    Ok(Way {
        key: cluster_key(&value!({"kubeconfig": data})),
        config,
        token: None,
    })
}

fn of_config_map(
    origin: &Origin,
    map: &Value,
    default_account: Option<&Text>,
) -> Result<Way, Failure> {
    let text = |key: &str| map.str_at(&["data", key]).filter(|text| !text.is_empty());
    match text("provider") {
        Some("generic") => {}
        Some(cloud) if CLOUDS.contains(&cloud) => {
            let why = format!("provider '{cloud}' is not served yet: only 'generic' is");
            return Err(unusable(origin, why));
        }
        Some(_) => return Err(unusable(origin, "its provider is none that is known")),
        None => return Err(unusable(origin, "it does not contain a 'provider' key")),
    }
    let address =
        text("address").ok_or_else(|| unusable(origin, "it does not contain an 'address' key"))?;
    let account = text("serviceAccountName")
        .or(default_account.map(Text::as_str))
        .ok_or_else(|| {
            unusable(
                origin,
                "it does not contain a 'serviceAccountName' key, and the controller's own \
                 identity is given to nobody",
            )
        })?;
    let certificates = text("ca.crt");
    let audiences = audiences(text("audiences"), address);
    let token = BearerToken::default();
    let config = RemoteConfig::with_token(address, certificates, token.clone())
        .map_err(|error| unusable(origin, error))?;
    let namespace = origin.reference().namespace.clone();
    let named: Value = audiences.iter().cloned().map(Value::from).collect();
    Ok(Way {
        key: cluster_key(&value!({
            "address": address, "certificates": (certificates.unwrap_or_default()),
            "namespace": (namespace.clone()), "account": account, "audiences": named,
        })),
        config,
        token: Some(TokenSource {
            namespace,
            account: account.into(),
            audiences,
            token,
        }),
    })
}

/// One audience a line; the cluster's address where none is named.
fn audiences(listed: Option<&str>, address: &str) -> Vec<Text> {
    let lines = listed.unwrap_or_default().lines().map(str::trim);
    let named: Vec<Text> = lines.filter(|it| !it.is_empty()).map(Text::from).collect();
    if named.is_empty() {
        vec![address.into()]
    } else {
        named
    }
}

/// Names a cluster after everything that leads to it.
fn cluster_key(content: &Value) -> ClusterKey {
    let digest = Fingerprint::of(content).to_string();
    let digits = digest.trim_start_matches("sha256:");
    let end = digits.len().min(KEY_DIGITS);
    ClusterKey::named(&format!("remote-{}", &digits[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        let key = ObjectKey {
            cluster: ClusterKey::local(),
            kind: crate::machine::Kind::Kustomization,
            namespace: "apps".into(),
            name: "k".into(),
        };
        let asked = KubeConfigReference {
            secret_ref: None,
            config_map_ref: Some(trueup_kinds::LocalReference {
                name: "production".into(),
            }),
        };
        Origin::of(&key, &asked).unwrap()
    }

    fn map(data: Value) -> Value {
        value!({"data": data})
    }

    fn refusal(data: Value) -> String {
        of_config_map(&origin(), &map(data), None)
            .unwrap_err()
            .message
    }

    #[test]
    fn clouds_are_refused_by_name() {
        for cloud in CLOUDS {
            let text = refusal(value!({"provider": cloud, "address": "https://x"}));
            assert!(
                text.contains(cloud) && text.contains("'apps/production'"),
                "{text}"
            );
        }
        assert!(refusal(value!({"address": "https://x"})).contains("'provider'"));
        assert!(refusal(value!({"provider": "generic"})).contains("'address'"));
    }

    #[test]
    fn the_controller_s_own_identity_is_lent_to_nobody() {
        let data = value!({"provider": "generic", "address": "https://evil"});
        assert!(refusal(data.clone()).contains("serviceAccountName"));
        let way = of_config_map(&origin(), &map(data), Some(&"lent".into())).unwrap();
        let source = way.token.unwrap();
        assert_eq!(
            (source.namespace.as_str(), source.account.as_str()),
            ("apps", "lent")
        );
        assert_eq!(source.audiences, ["https://evil"]);
    }

    #[test]
    fn a_token_goes_only_over_tls() {
        let data =
            value!({"provider": "generic", "address": "http://x", "serviceAccountName": "a"});
        assert!(refusal(data).contains("address"));
    }

    #[test]
    fn another_content_is_another_cluster() {
        let way = |audiences: &str| {
            let data = value!({"provider": "generic", "address": "x:6443",
                "serviceAccountName": "a", "audiences": audiences});
            of_config_map(&origin(), &map(data), None).unwrap()
        };
        assert_eq!(way("a").key, way("a").key);
        assert_ne!(way("a").key, way("b").key);
        assert_eq!(way("a").config.server(), "https://x:6443");
        assert_eq!(way(" a \n\nb").token.unwrap().audiences, ["a", "b"]);
    }
}
