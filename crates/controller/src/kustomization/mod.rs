use crate::context::Context;
use crate::live::Change;
use crate::machine::{Next, ObjectKey, Start};
use crate::outcome::Ended;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Default)]
pub(crate) struct Memories;
impl Memories {
    pub(crate) fn forget(&self, _: &ObjectKey) {}
    pub(crate) fn is_concerned(&self, _: &ObjectKey, _: &Change) -> bool { false }
}
pub(crate) async fn reconcile(_: &std::sync::Arc<Context>, _: &Start, _: &CancellationToken) -> Ended {
    Ended::success(Next::Never)
}
