//! Connections: taken, or refused while the listener is closed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Shared, serve};

/// How often the script is asked whether the listener is to be closed.
const LOOK: Duration = Duration::from_millis(5);

/// Accepts connections until it is dropped, and with it every connection.
pub(super) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        if shared.is_closed() {
            listener = None;
            sleep(LOOK).await;
        } else if let Some(listener) = &listener {
            if let Some(stream) = accept(listener).await {
                connections.spawn(serve::run(stream, Arc::clone(&shared)));
            }
        } else {
            listener = reopen(address).await;
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Accepts one connection, or gives the turn back after a while.
async fn accept(listener: &TcpListener) -> Option<TcpStream> {
    tokio::select! {
        biased;
        accepted = listener.accept() => match accepted {
            Ok((stream, _)) => Some(stream),
            // Out of file descriptors, most likely: some will be given back.
            Err(_) => {
                sleep(LOOK).await;
                None
            }
        },
        () = sleep(LOOK) => None,
    }
}

/// Listens again where it did; tried again later if someone else took the port.
async fn reopen(address: SocketAddr) -> Option<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Some(listener),
        Err(_) => {
            sleep(LOOK).await;
            None
        }
    }
}
