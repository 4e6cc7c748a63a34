//! A proxy before the tests' Kafka that holds one kind of request, or the answer to it: so a test knows where a client is when it
//! kills it, without asking the client.
//!
//! In: the bytes of clients and of the broker, frame by frame. Out: the same, until a frame of the kind is there. The broker tells
//! clients to connect to the broker itself; its address is replaced by that of the proxy in all that it says.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a request asks for (kafka.apache.org/protocol, "API Keys").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub(crate) enum Api {
    Produce = 0,
    InitProducerId = 22,
    EndTxn = 26,
    TxnOffsetCommit = 28,
}

/// Which frames are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// The broker never hears of it.
    Request(Api),
    /// The broker has done it, and the client does not know.
    Answer(Api),
}

/// A proxy; it ends with the test.
pub(crate) struct Proxy {
    pub(crate) bootstrap: String,
    gate: Arc<Gate>,
    server: JoinHandle<()>,
}

/// Where frames of the kind wait.
struct Gate {
    held: Held,
    /// How many are there.
    arrived: watch::Sender<usize>,
    state: watch::Sender<State>,
    /// How often transactional producers have begun.
    begun: watch::Sender<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Shut,
    /// To all frames but the first.
    OpenToOthers,
    Open,
}

/// One connection of a client.
struct Connection {
    gate: Arc<Gate>,
    /// Numbers of requests whose answers are held.
    marked: Mutex<HashSet<i32>>,
    /// The address of the broker as it tells it, and that of the proxy.
    addresses: [Vec<u8>; 2],
}

impl Proxy {
    /// Starts a proxy before the broker at that address, which is one of IPv4.
    pub(crate) async fn start(broker: &str, held: Held) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (bootstrap, broker) = (listener.local_addr().unwrap().to_string(), broker.to_owned());
        let gate = Arc::new(Gate {
            held,
            arrived: watch::Sender::new(0),
            state: watch::Sender::new(State::Shut),
            begun: watch::Sender::new(0),
        });
        let addresses = [&broker, &bootstrap].map(|address| told(address));
        let server = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move {
                loop {
                    let (client, _) = listener.accept().await.unwrap();
                    let broker = TcpStream::connect(&broker).await.unwrap();
                    let (gate, addresses) = (Arc::clone(&gate), addresses.clone());
                    tokio::spawn(Connection { gate, marked: Mutex::default(), addresses }.serve(client, broker));
                }
            }
        });
        Self { bootstrap, gate, server }
    }

    /// Waits until a frame of the kind is held.
    pub(crate) async fn holds(&self) {
        self.gate.arrived.subscribe().wait_for(|arrived| *arrived > 0).await.unwrap();
    }

    /// Waits until transactional producers have begun so often.
    pub(crate) async fn has_begun(&self, count: usize) {
        self.gate.begun.subscribe().wait_for(|begun| *begun >= count).await.unwrap();
    }

    /// Lets everything through from now on but the first frame of the kind, which stays where it is.
    pub(crate) fn open_to_others(&self) {
        self.gate.state.send_replace(State::OpenToOthers);
    }

    /// Lets everything through from now on, and what is held first.
    pub(crate) fn open(&self) {
        self.gate.state.send_replace(State::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Gate {
    /// Waits with a frame of the kind until the gate is opened.
    async fn pass(&self) {
        let mut number = 0;
        self.arrived.send_modify(|arrived| {
            *arrived += 1;
            number = *arrived;
        });
        let is_open = |state: &State| *state == State::Open || (*state == State::OpenToOthers && number > 1);
        self.state.subscribe().wait_for(is_open).await.unwrap();
    }
}

impl Connection {
    /// Carries frames until one side hangs up; a client that was killed does.
    async fn serve(self, client: TcpStream, broker: TcpStream) {
        let ((from_client, to_client), (from_broker, to_broker)) = (client.into_split(), broker.into_split());
        tokio::select! {
            _ = self.carry_requests(from_client, to_broker) => {}
            _ = self.carry_answers(from_broker, to_client) => {}
        }
    }

    async fn carry_requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
        loop {
            let frame = read(&mut from).await?;
            // The header of a request begins with the key of its API, the version, and the number of the request.
            let (key, number) = (i16::from_be_bytes([frame[0], frame[1]]), number(&frame[4..]));
            if key == Api::InitProducerId as i16 {
                self.gate.begun.send_modify(|begun| *begun += 1);
            }
            match self.gate.held {
                Held::Request(api) if api as i16 == key => self.gate.pass().await,
                Held::Answer(api) if api as i16 == key => _ = self.marked.lock().unwrap().insert(number),
                _ => {}
            }
            write(&mut to, &frame).await?;
        }
    }

    async fn carry_answers(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
        loop {
            let mut frame = read(&mut from).await?;
            let [broker, proxy] = &self.addresses;
            for at in 0..frame.len().saturating_sub(broker.len() - 1) {
                if frame[at..].starts_with(broker) {
                    frame[at..at + broker.len()].copy_from_slice(proxy);
                }
            }
            let is_marked = self.marked.lock().unwrap().remove(&number(&frame));
            if is_marked {
                self.gate.pass().await;
            }
            write(&mut to, &frame).await?;
        }
    }
}

/// Returns an address as brokers tell it: the text of the host, and behind it the port as a number of 32 bits.
fn told(address: &str) -> Vec<u8> {
    let (host, port) = address.rsplit_once(':').unwrap();
    assert_eq!(host, "127.0.0.1", "the proxy's own host, so that both are of one length");
    [host.as_bytes(), &port.parse::<u32>().unwrap().to_be_bytes()].concat()
}

fn number(bytes: &[u8]) -> i32 {
    i32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// Reads a frame without its length.
async fn read(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; usize::try_from(from.read_i32().await?).unwrap()];
    from.read_exact(&mut frame).await?;
    Ok(frame)
}

async fn write(to: &mut OwnedWriteHalf, frame: &[u8]) -> io::Result<()> {
    to.write_i32(i32::try_from(frame.len()).unwrap()).await?;
    to.write_all(frame).await
}
