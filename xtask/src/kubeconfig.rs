//! A cluster by its kubeconfig.

use std::path::Path;
use std::time::Duration;
use trueup_cluster::{Cluster, ClusterKey, ClusterOptions, Session};
use trueup_object::{Value, from_yaml};

/// How often a starting server is asked, and how long in all.
const START_STEP: Duration = Duration::from_millis(20);
const START_STEPS: usize = 500;

/// A server that answers.
pub struct Reached {
    /// Where it listens.
    pub url: String,
    /// The bearer token of the kubeconfig.
    pub token: String,
    /// As whom the kubeconfig names.
    pub session: Session,
}

/// Waits until the server of a kubeconfig answers; why it does not after ten
/// seconds.
pub async fn reach(kubeconfig: &Path) -> Result<Reached, String> {
    let mut problem = String::new();
    for _ in 0..START_STEPS {
        match connect(kubeconfig).await {
            Ok(reached) => return Ok(reached),
            Err(error) => problem = error,
        }
        tokio::time::sleep(START_STEP).await;
    }
    Err(problem)
}

async fn connect(kubeconfig: &Path) -> Result<Reached, String> {
    let text = std::fs::read_to_string(kubeconfig)
        .map_err(|error| format!("read {}: {error}", kubeconfig.display()))?;
    let config = from_yaml(&text).map_err(|error| format!("{}: {error}", kubeconfig.display()))?;
    let (url, token) = (
        first(&config, "clusters", &["cluster", "server"]),
        first(&config, "users", &["user", "token"]),
    );
    let (Some(url), Some(token)) = (url, token) else {
        return Err(format!("{}: no server, or no token", kubeconfig.display()));
    };
    // What is measured is not to wait for its turn.
    let options = ClusterOptions {
        rate_limit: None,
        ..ClusterOptions::default()
    };
    let cluster = Cluster::from_kubeconfig(ClusterKey::local(), kubeconfig, None, options)
        .await
        .map_err(|error| format!("reach {url}: {error}"))?;
    cluster
        .catalogue()
        .await
        .map_err(|error| format!("reach {url}: {error}"))?;
    Ok(Reached {
        url,
        token,
        session: cluster.session(),
    })
}

/// A text in the first entry of a list of a kubeconfig.
fn first(config: &Value, list: &str, path: &[&str]) -> Option<String> {
    let entry = config.at(&[list])?.as_list()?.first()?;
    entry.str_at(path).map(str::to_owned)
}
