//! How the process ends: the exit codes, and what is printed when something went wrong.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | fine |
//! | 100 | findings: a value does not fit its schema, a schema is not compatible |
//! | 101 | could not do it: malformed input, unreadable file, registry or broker unreachable |
//! | 2 | usage |
//! | 70 | a bug of ours |
//! | 130 | interrupted, after draining |

use std::fmt;
use std::process::ExitCode;

use crate::screen;

/// How the process ends. The order is how bad it is: of several, the last one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Fine.
    Done,
    /// Interrupted, after draining.
    Interrupted,
    /// What was asked about is not as it should be.
    Findings,
    /// What was asked for could not be done.
    Failed,
    /// The command line makes no sense.
    Usage,
}

/// The code of a bug of ours: EX_SOFTWARE of sysexits(3). Rust's own 101 would lie.
const BUG: i32 = 70;

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Findings => 100,
            Self::Failed => 101,
            Self::Usage => 2,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// An error with an exit code other than [`Exit::Failed`], which is that of every other error.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// Returns an error of the command line.
    pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Usage, message: message.into() }.into()
    }

    /// Returns an error about what was asked about.
    pub(crate) fn findings(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Findings, message: message.into() }.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Prints an error and returns how the process is to end.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    screen::error(error);
    error.downcast_ref::<Failure>().map_or(Exit::Failed, |failure| failure.exit)
}

/// Lets a bug of ours end the process with its own code, after saying how to report it.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let message = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        screen::bug(message, &place);
        std::process::exit(BUG);
    }));
}
