//! Connections: taken, or refused while the listener is closed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch::Receiver;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Shared, serve};
use crate::Domain;
use crate::script::Running;

/// How often the script is asked whether the listener is to be closed.
const LOOK: Duration = Duration::from_millis(5);

/// Accepts connections until it is dropped, and with it every connection.
pub(super) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    let mut changes = Changes::of(&shared);
    loop {
        if shared.is_closed() {
            listener = None;
            sleep(LOOK).await;
        } else if let Some(listener) = &listener {
            if let Some(stream) = accept(listener, &shared, &mut changes).await {
                connections.spawn(serve::run(stream, Arc::clone(&shared)));
            }
        } else {
            listener = reopen(address).await;
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Accepts one connection, or gives the turn back when the listener may have to be closed.
async fn accept(
    listener: &TcpListener,
    shared: &Shared,
    changes: &mut Changes,
) -> Option<TcpStream> {
    // Who never closes need not wake up to look.
    let look = shared.ever_closes();
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
        () = sleep(LOOK), if look => None,
        () = changes.next() => None,
    }
}

/// Scripts that replace those that there are.
struct Changes {
    own: Receiver<Arc<Running>>,
    domain: Option<Receiver<Arc<Running>>>,
}

impl Changes {
    fn of(shared: &Shared) -> Self {
        Self {
            own: shared.script.changes(),
            domain: shared.domain.as_ref().map(Domain::changes),
        }
    }

    async fn next(&mut self) {
        // The senders live as long as what is shared.
        let _changed = match &mut self.domain {
            None => self.own.changed().await,
            Some(domain) => tokio::select! {
                changed = self.own.changed() => changed,
                changed = domain.changed() => changed,
            },
        };
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
