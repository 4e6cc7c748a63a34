//! A way to a server that can be cut: connections go through it, and end or stand still when it is told so.
//!
//! In: the address of a server. Out: an address that leads there, as long as the door lets anybody through.

use std::net::SocketAddr;
use std::pin::pin;

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The way to one server.
pub(crate) struct Door {
    address: SocketAddr,
    way: watch::Sender<Way>,
    /// Ends with the door.
    _keeper: JoinSet<()>,
}

/// Whether bytes pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    /// Nothing passes and nobody is told: the network is silent.
    Silent,
    /// Connections end, and who comes is turned away.
    Shut,
}

/// What connections look at. A cut is counted, because one that is over before they look must end them all the same.
#[derive(Debug, Clone, Copy)]
struct Way {
    state: State,
    cuts: u32,
}

impl Door {
    /// Opens a door to a server, which may not be there yet.
    pub(crate) async fn to(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (way, seen) = watch::channel(Way { state: State::Open, cuts: 0 });
        let mut keeper = JoinSet::new();
        keeper.spawn(let_in(listener, server, seen));
        Ok(Self { address, way, _keeper: keeper })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set(&self, state: State) {
        self.way.send_modify(|way| way.state = state);
    }

    /// Ends all connections; who comes back is let in.
    pub(crate) fn cut(&self) {
        self.way.send_modify(|way| way.cuts = way.cuts.wrapping_add(1));
    }
}

async fn let_in(listener: TcpListener, server: SocketAddr, way: watch::Receiver<Way>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                connections.spawn(pass(client, server, way.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Passes bytes on in both directions until one side ends, or the door ends both.
async fn pass(mut client: TcpStream, server: SocketAddr, mut way: watch::Receiver<Way>) {
    let mut passing = pin!(async {
        let mut server = TcpStream::connect(server).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        copy_bidirectional(&mut client, &mut server).await
    });
    let cuts = way.borrow().cuts;
    loop {
        let now = *way.borrow_and_update();
        if now.cuts != cuts || now.state == State::Shut {
            return;
        }
        tokio::select! {
            _ = &mut passing, if now.state == State::Open => return,
            changed = way.changed() => if changed.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A server that sends back what it reads, and a door to it.
    async fn echo() -> Door {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut reader, mut writer) = stream.split();
                    tokio::io::copy(&mut reader, &mut writer).await
                });
            }
        });
        Door::to(address).await.unwrap()
    }

    /// Returns whether a connection still passes a byte to the server and back.
    async fn passes(stream: &mut TcpStream) -> bool {
        let mut byte = [0];
        let sent = stream.write_all(b"x").await;
        sent.is_ok() && matches!(stream.read(&mut byte).await, Ok(1))
    }

    #[tokio::test]
    async fn a_cut_ends_connections_and_lets_new_ones_in() {
        let door = echo().await;
        let mut before = TcpStream::connect(door.address()).await.unwrap();
        assert!(passes(&mut before).await);
        door.cut();
        let mut after = TcpStream::connect(door.address()).await.unwrap();
        assert!(!passes(&mut before).await);
        assert!(passes(&mut after).await);
    }

    #[tokio::test]
    async fn a_door_that_is_shut_turns_everybody_away_until_it_opens() {
        let door = echo().await;
        let mut before = TcpStream::connect(door.address()).await.unwrap();
        assert!(passes(&mut before).await);
        door.set(State::Shut);
        let mut meanwhile = TcpStream::connect(door.address()).await.unwrap();
        assert!(!passes(&mut before).await && !passes(&mut meanwhile).await);
        door.set(State::Open);
        let mut after = TcpStream::connect(door.address()).await.unwrap();
        assert!(passes(&mut after).await);
    }

    #[tokio::test]
    async fn what_is_sent_into_silence_arrives_after_it() {
        let door = echo().await;
        let mut stream = TcpStream::connect(door.address()).await.unwrap();
        assert!(passes(&mut stream).await);
        door.set(State::Silent);
        let answer = tokio::time::timeout(Duration::from_millis(200), passes(&mut stream)).await;
        assert!(answer.is_err(), "nobody is told: {answer:?}");
        door.set(State::Open);
        let mut byte = [0];
        assert!(matches!(stream.read(&mut byte).await, Ok(1)), "what was sent before");
    }
}
