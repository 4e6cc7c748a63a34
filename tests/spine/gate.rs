//! A way to the registry that can be shut, without the registry forgetting what it knows.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on while it is open; shut, it cuts them and turns away whoever comes.
pub(crate) struct Gate {
    address: SocketAddr,
    is_open: watch::Sender<bool>,
    turned_away: watch::Receiver<usize>,
}

impl Gate {
    /// Stands before the server at `url`, open.
    pub(crate) async fn before(url: &str) -> Self {
        let behind: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (is_open, open) = watch::channel(true);
        let (count, turned_away) = watch::channel(0);
        tokio::spawn(keep(listener, behind, open, count));
        Self { address, is_open, turned_away }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }

    pub(crate) fn shut(&self) {
        self.is_open.send_replace(false);
    }

    /// Returns how many were turned away so far.
    pub(crate) fn turned_away(&self) -> usize {
        *self.turned_away.borrow()
    }

    /// Waits until so many were turned away.
    pub(crate) async fn has_turned_away(&self, count: usize) {
        self.turned_away.clone().wait_for(|n| *n >= count).await.unwrap();
    }
}

async fn keep(
    listener: TcpListener,
    behind: SocketAddr,
    open: watch::Receiver<bool>,
    turned_away: watch::Sender<usize>,
) {
    loop {
        let (mut visitor, _) = listener.accept().await.unwrap();
        if !*open.borrow() {
            turned_away.send_modify(|count| *count += 1);
            continue;
        }
        let mut open = open.clone();
        tokio::spawn(async move {
            let mut server = TcpStream::connect(behind).await.unwrap();
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut visitor, &mut server) => {}
                _ = open.wait_for(|open| !open) => {}
            }
        });
    }
}
