//! Who asks, and for which Canary.

use super::memory::Memory;
use crate::context::Context;
use crate::machine::ObjectKey;
use std::sync::{Arc, Mutex};
use trueup_kinds::Canary;
use trueup_kinds::outgoing::{OutgoingRequest, ReceivedAnswer};
use trueup_rollout::targets::Discovery;
use trueup_source::Unanswered;

/// Who asks, and for which Canary as it was when the question came up.
pub(super) struct Inquirer {
    pub(super) context: Arc<Context>,
    pub(super) key: ObjectKey,
    pub(super) canary: Canary,
    /// How the target's Pods are found, if it has any.
    pub(super) discovery: Option<Discovery>,
    pub(super) memory: Arc<Mutex<Memory>>,
}

impl Inquirer {
    /// Sends a request once.
    pub(super) async fn send(
        &self,
        request: OutgoingRequest,
    ) -> Result<ReceivedAnswer, Unanswered> {
        self.context.canaries.options.sender.send(request).await
    }
}
