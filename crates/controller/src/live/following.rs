//! The task behind one watch.

use crate::context::Context;
use futures::StreamExt;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use trueup_cluster::{WatchEvent, WatchStream};

/// Takes in what a watch tells, one event after the other, until it is stopped
/// or the controllers end.
pub(crate) fn follow(
    context: &Arc<Context>,
    mut events: WatchStream,
    stop: CancellationToken,
    mut take: impl FnMut(&Arc<Context>, WatchEvent) + Send + 'static,
) {
    // The task holds the context weakly: it must not keep it alive.
    let weak = Arc::downgrade(context);
    context.spawn(async move {
        loop {
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                event = events.next() => event,
            };
            let (Some(event), Some(context)) = (event, weak.upgrade()) else {
                return;
            };
            take(&context, event);
        }
    });
}
