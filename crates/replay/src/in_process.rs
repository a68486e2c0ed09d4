//! The embedded server in the same process and in virtual time.

use crate::player::{Ground, play};
use crate::transport::{Caller, Chunks, Transport, TransportError};
use crate::{Difference, Scenario};
use bytes::Bytes;
use futures::StreamExt;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use http_body_util::{BodyExt, Full};
use std::future::Future;
use std::sync::Arc;
use tower::ServiceExt;
use trueup_apiserver::core::{CoreOptions, Identity};
use trueup_apiserver::edge::authentication::StaticToken;
use trueup_apiserver::edge::{ApiServer, Clock, OpenError, ServerOptions};
use trueup_apiserver::storage::MemoryStorage;
use trueup_cluster::{Cluster, ClusterKey, ClusterOptions};
use trueup_testkit::{VirtualClock, virtual_time};
use trueup_workloads::{Parts, WallClock, WorkloadsOptions};

/// What the API server does by itself under the names of the genuine
/// controllers.
const HOUSEKEEPING: &[&str] = &[
    "garbage-collector",
    "namespace-controller",
    "serviceaccount-controller",
    "root-ca-publisher",
    "clusterrole-aggregation-controller",
    "resourcequota-controller",
];

/// The controllers of `trueup-workloads`.
const WORKLOADS: &[&str] = &[
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "daemonset-controller",
    "job-controller",
    "ttl-after-finished-controller",
    "disruption-controller",
    "cronjob-controller",
    "endpoint-controller",
    "endpoints-controller",
    "endpointslice-controller",
    "endpointslice-mirroring-controller",
    "hpa-controller",
    "horizontal-pod-autoscaler-controller",
];

/// The controllers that the embedded server has, by itself or beside it, under
/// the names that a scenario's `needs` uses; one that needs another is left
/// out.
#[must_use]
pub fn controllers() -> Vec<&'static str> {
    [HOUSEKEEPING, WORKLOADS].concat()
}

const TOKEN: &str = "admintoken";

/// An embedded server; housekeeping follows every request, so that nothing is
/// left to chance.
#[derive(Clone, Debug)]
pub struct InProcess {
    server: ApiServer,
}

impl InProcess {
    /// A fresh server in memory. Must be made within a runtime, whose clock it
    /// goes by.
    pub fn open(clock: VirtualClock) -> Result<Self, OpenError> {
        let options = ServerOptions {
            core: CoreOptions { seed: Some(1) },
            clock: Clock::new(move || clock.now()),
            tokens: vec![administrator(TOKEN)],
            ..ServerOptions::default()
        };
        let server = ApiServer::open(MemoryStorage, options)?;
        Ok(Self { server })
    }
}

/// The administrator as the recorded server knew it, by a token.
#[must_use]
pub fn administrator(token: &str) -> StaticToken {
    let identity = Identity {
        user: "admin".into(),
        uid: "admin".into(),
        ..Identity::admin()
    };
    StaticToken {
        token: token.to_owned(),
        identity,
    }
}

impl Transport for InProcess {
    async fn call(
        &self,
        caller: Caller,
        mut request: http::Request<Bytes>,
    ) -> Result<http::Response<Chunks>, TransportError> {
        if caller == Caller::Administrator {
            let value = HeaderValue::from_str(&format!("Bearer {TOKEN}"))
                .expect("the token is made of letters");
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let service = self.server.authenticating_service();
        let response = service.oneshot(request.map(Full::new)).await;
        let Ok(response) = response;
        self.server.housekeeping(self.server.clock().now());
        Ok(response.map(|body| {
            let chunks = body.into_data_stream();
            chunks
                .map(|chunk| Ok(chunk.unwrap_or_else(|never| match never {})))
                .boxed()
        }))
    }
}

/// Runs the workload controllers on a server until the future is dropped,
/// without the simulated node: the recorded cluster had none.
pub fn run_controllers(
    server: &ApiServer,
    wall_clock: WallClock,
) -> impl Future<Output = ()> + Send + 'static {
    let identity = Identity {
        user: "system:kube-controller-manager".into(),
        ..Identity::admin()
    };
    let cluster = Cluster::from_service(
        ClusterKey::local(),
        server.service(identity),
        ClusterOptions::in_process(),
    );
    let options = WorkloadsOptions {
        parts: Parts::ControllersOnly,
        wall_clock,
        ..WorkloadsOptions::default()
    };
    trueup_workloads::run(cluster.session(), options)
}

/// Plays a scenario against a fresh embedded server in virtual time, on this
/// thread; controllers run where the scenario needs one. Gives what differs.
pub fn play_in_process(scenario: &Scenario) -> Result<Vec<Difference>, OpenError> {
    virtual_time(async {
        let clock = VirtualClock::start();
        let transport = InProcess::open(clock)?;
        let needed = scenario
            .needs
            .iter()
            .any(|need| WORKLOADS.contains(&need.as_str()));
        let controllers = needed.then(|| {
            let wall_clock = Arc::new(move || clock.now());
            tokio::spawn(run_controllers(&transport.server, wall_clock))
        });
        let differences = play(scenario, &transport, Ground::Fresh).await;
        if let Some(controllers) = controllers {
            controllers.abort();
        }
        Ok(differences)
    })
}
