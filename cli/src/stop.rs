//! The wish to stop: SIGINT or SIGTERM, Ctrl-C on Windows. The first one lets the command drain, the second one ends it.

use anyhow::Context;
use tokio::sync::watch;

use crate::exit::Exit;

/// Which signal asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGINT: somebody pressed Ctrl-C.
    Interrupt,
    /// SIGTERM: a supervisor ends a service.
    #[cfg_attr(not(unix), expect(dead_code, reason = "Windows has only Ctrl-C"))]
    Terminate,
}

/// Tells whoever waits for it that the process was asked to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<Option<Signal>>);

impl Stop {
    /// Returns once the process was asked to stop.
    pub(crate) async fn asked(&self) -> Signal {
        let mut receiver = self.0.clone();
        match receiver.wait_for(Option::is_some).await {
            Ok(signal) => signal.unwrap_or(Signal::Interrupt),
            // Nobody listens for signals any more, so that none will come.
            Err(_) => std::future::pending().await,
        }
    }

    /// Carries out a command that has nothing to drain: what it has done stays done.
    ///
    /// # Errors
    /// As the command.
    pub(crate) async fn or(&self, command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
        tokio::select! {
            _ = self.asked() => Ok(Exit::Interrupted),
            exit = command => exit,
        }
    }
}

/// Starts to listen for signals.
pub(crate) fn listen() -> anyhow::Result<Stop> {
    let (sender, receiver) = watch::channel(None);
    let mut signals = Signals::new().context("cannot listen for signals")?;
    tokio::spawn(async move {
        let first = signals.next().await;
        sender.send_replace(Some(first));
        signals.next().await;
        std::process::exit(Exit::Interrupted.code().into());
    });
    Ok(Stop(receiver))
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}
