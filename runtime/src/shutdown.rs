//! When to stop: the signals that ask a process to end.

use crate::Error;

/// Returns once the process is asked to end: SIGINT or SIGTERM; Ctrl-C on Windows.
///
/// # Errors
/// Handlers for signals that cannot be installed.
#[cfg(unix)]
pub(crate) async fn signal() -> Result<(), Error> {
    use tokio::signal::unix::{SignalKind, signal};

    let listen =
        |kind| signal(kind).map_err(|error| Error::settings("cannot listen for signals to stop").with_source(error));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => tracing::info!("interrupted; stopping"),
        _ = terminate.recv() => tracing::info!("asked to terminate; stopping"),
    }
    Ok(())
}

/// Returns once the process is asked to end: SIGINT or SIGTERM; Ctrl-C on Windows.
///
/// # Errors
/// Handlers for signals that cannot be installed.
#[cfg(not(unix))]
pub(crate) async fn signal() -> Result<(), Error> {
    let interrupted = tokio::signal::ctrl_c().await;
    interrupted.map_err(|error| Error::settings("cannot listen for signals to stop").with_source(error))
}
