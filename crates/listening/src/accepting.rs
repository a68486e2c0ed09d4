//! The loop that accepts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// How long to wait after the system refused a connection, as it does when
/// there are too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a listener allows.
#[derive(Clone, Copy, Debug)]
pub struct ListenLimits {
    /// How many connections may be open; more wait to be accepted.
    pub max_connections: usize,
    /// How long what is in progress may go on after the end was asked for.
    pub grace: Duration,
}

/// Tells a connection when it is to end.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<()>);

impl Stopping {
    /// Waits until the end is asked for.
    pub async fn asked_for(&mut self) {
        // The sender never sends; it is dropped to stop.
        let _dropped = self.0.changed().await;
    }
}

/// Accepts connections until `shutdown` is done and serves each by `serve`,
/// which gets the stream, the client's address, and when to end. Then what is
/// in progress gets its grace, and what is left is cut off.
///
/// A connection that can't be accepted is logged; the next is tried after a
/// moment.
pub async fn listen<S>(
    listener: TcpListener,
    limits: ListenLimits,
    serve: impl Fn(TcpStream, SocketAddr, Stopping) -> S,
    shutdown: impl Future<Output = ()>,
) where
    S: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(limits.max_connections));
    let (stop, stopping) = watch::channel(());
    let mut running = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = running.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, client, place)) = accepted else {
            continue;
        };
        // Small answers must not wait for more; without it they are only slower.
        drop(stream.set_nodelay(true));
        let served = serve(stream, client, Stopping(stopping.clone()));
        running.spawn(async move {
            served.await;
            drop(place);
        });
    }
    drop(listener);
    drop(stop);
    let end = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.grace, end).await.is_err() {
        running.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, client)) => Some((stream, client, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}
