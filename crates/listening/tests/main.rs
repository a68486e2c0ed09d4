//! Listeners on loopback.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use trueup_listening::{ListenLimits, Stopping, listen};

async fn socket() -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Says when it is there, then sends back what comes until either side ends.
async fn echo(mut stream: TcpStream, mut stopping: Stopping) {
    let mut byte = [0];
    stream.write_all(b"!").await.unwrap();
    loop {
        tokio::select! {
            () = stopping.asked_for() => return,
            read = stream.read(&mut byte) => match read {
                Ok(1) => stream.write_all(&byte).await.unwrap(),
                _ => return,
            },
        }
    }
}

async fn is_served(client: &mut TcpStream) -> bool {
    let mut byte = [0];
    matches!(client.read(&mut byte).await, Ok(1))
}

#[tokio::test]
async fn no_more_connections_are_open_than_may_be() {
    let (listener, address) = socket().await;
    let limits = ListenLimits {
        max_connections: 2,
        grace: Duration::from_secs(60),
    };
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, seen) = (Arc::clone(&open), Arc::clone(&most));
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(listen(
        listener,
        limits,
        move |stream, _, stopping| {
            let (open, most) = (Arc::clone(&counted), Arc::clone(&seen));
            async move {
                let now = open.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                echo(stream, stopping).await;
                open.fetch_sub(1, Ordering::SeqCst);
            }
        },
        async { drop(stopped.await) },
    ));
    let clients = (0..8).map(|_| async {
        let mut client = TcpStream::connect(address).await.unwrap();
        assert!(is_served(&mut client).await);
        client.write_all(b"x").await.unwrap();
        assert!(is_served(&mut client).await);
    });
    futures::future::join_all(clients).await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
    drop(stop);
    serving.await.unwrap();
    assert_eq!(open.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_in_progress_is_asked_to_end_and_what_does_not_is_cut_off() {
    for grace in [Duration::from_secs(600), Duration::from_millis(20)] {
        let (listener, address) = socket().await;
        let limits = ListenLimits {
            max_connections: 8,
            grace,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(listen(
            listener,
            limits,
            move |mut stream, client, stopping| async move {
                assert!(client.ip().is_loopback());
                if grace < Duration::from_secs(1) {
                    stream.write_all(b"!").await.unwrap();
                    std::future::pending::<()>().await;
                }
                echo(stream, stopping).await;
            },
            async { drop(stopped.await) },
        ));
        let mut client = TcpStream::connect(address).await.unwrap();
        assert!(is_served(&mut client).await);
        drop(stop);
        serving.await.unwrap();
        assert!(
            !is_served(&mut client).await,
            "the connection is still open"
        );
        assert!(
            TcpStream::connect(address).await.is_err(),
            "it still listens"
        );
    }
}
