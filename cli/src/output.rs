//! Standard output: whole lines, and the quiet end when nobody reads them any more. And files, which are replaced as a whole.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;

/// Standard output in large writes. Whoever reads it sees lines when [`Output::flush`] is called.
pub(crate) struct Output(BufWriter<io::Stdout>);

/// Writes a whole text.
///
/// # Errors
/// An output that cannot be written. Nobody who reads it is no error: whoever has stopped reading has seen enough.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut output = Output::new();
    for line in text.lines() {
        if output.line(line)?.is_err() {
            break;
        }
    }
    output.flush().map(drop)
}

/// Writes a file beside its place and moves it there, so that nobody finds half of one.
///
/// # Errors
/// A folder or a file that cannot be written.
pub(crate) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let doing = || format!("cannot write {}", path.display());
    let mut builder = tempfile::Builder::new();
    // As any other new file, and not its owner's alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder).with_context(doing)?;
    std::fs::write(file.path(), text).with_context(doing)?;
    if let Ok(replaced) = std::fs::metadata(path) {
        std::fs::set_permissions(file.path(), replaced.permissions()).with_context(doing)?;
    }
    file.persist(path).map(drop).with_context(doing)
}

/// Nobody reads the output any more, as after `| head`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl Output {
    pub(crate) fn new() -> Self {
        Self(BufWriter::with_capacity(1 << 16, io::stdout()))
    }

    /// Writes a line.
    ///
    /// # Errors
    /// Outer: an output that cannot be written, such as a full disk. Inner: nobody reads it.
    pub(crate) fn line(&mut self, line: &str) -> anyhow::Result<Result<(), Closed>> {
        quiet(self.0.write_all(line.as_bytes()).and_then(|()| self.0.write_all(b"\n")))
    }

    /// Shows what was written.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub(crate) fn flush(&mut self) -> anyhow::Result<Result<(), Closed>> {
        quiet(self.0.flush())
    }
}

fn quiet(result: io::Result<()>) -> anyhow::Result<Result<(), Closed>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Err(Closed)),
        result => result.map(Ok).context("cannot write to standard output"),
    }
}

/// Returns whether standard output is for eyes: a terminal, and nobody said NO_COLOR.
pub(crate) fn is_coloured() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Returns once nobody reads standard output any more, even while nothing is written; for a file never.
#[cfg(unix)]
pub(crate) async fn closed() {
    use std::os::fd::AsFd;

    use tokio::io::Interest;
    use tokio::net::unix::pipe;

    // Unchecked, because the check would make standard output non-blocking for everybody who shares it. What is no pipe
    // but a file cannot be waited for, and has no reader that could go away.
    let stdout = io::stdout().as_fd().try_clone_to_owned().and_then(pipe::Sender::from_owned_fd_unchecked);
    if let Ok(stdout) = stdout
        && stdout.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// Returns once nobody reads standard output any more; here, only a write finds out.
#[cfg(not(unix))]
pub(crate) async fn closed() {
    std::future::pending().await
}
