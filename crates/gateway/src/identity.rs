//! Who this gateway is.

use std::net::SocketAddr;

/// `spec.controllerName` of the `GatewayClass`es whose Gateways are served.
pub const CONTROLLER_NAME: &str = "trueup.dev/gateway";

/// Who this gateway is to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayIdentity {
    /// Where it listens, as its Gateways' status says.
    pub address: SocketAddr,
}
