//! A service that one of our scripts runs: it is started once, hurt in between, and gone with the value.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};

/// A service; it stops, and its data goes, when it is dropped.
pub(crate) struct Service {
    script: Arc<Script>,
    /// The command that ends it.
    end: &'static str,
}

struct Script {
    path: PathBuf,
    variables: Vec<(&'static str, String)>,
    /// One command at a time: a run that is interrupted while the service starts ends it only once it has started.
    turn: Mutex<()>,
}

impl Service {
    /// Starts what a script of ours runs, with variables of the environment that say where.
    pub(crate) async fn start(script: &str, end: &'static str, variables: Vec<(&'static str, String)>) -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts").join(script);
        let service = Self { script: Arc::new(Script { path, variables, turn: Mutex::new(()) }), end };
        service.call(&["start"]).await?;
        Ok(service)
    }

    /// Runs a command of the script to its end, even where nobody waits for it any more.
    pub(crate) async fn call(&self, arguments: &[&str]) -> Result<()> {
        let script = Arc::clone(&self.script);
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        tokio::task::spawn_blocking(move || script.run(&arguments)).await?
    }
}

impl Script {
    fn run(&self, arguments: &[String]) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut command = Command::new(&self.path);
        command.args(arguments).envs(self.variables.iter().map(|(name, value)| (name, value)));
        // A group of its own: Ctrl-C is for us, and we end the service.
        let output = command.stdin(Stdio::null()).process_group(0).output();
        let output = output.with_context(|| format!("cannot run {}", self.path.display()))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} {arguments:?}: {}: {errors}", self.path.display(), output.status);
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.script.run(&[self.end.to_owned()]));
    }
}
