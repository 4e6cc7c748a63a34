//! Another process of this test program, which a test kills.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A process that runs one test, which is the body of the process.
pub(crate) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts the process; `place` is what it needs to know, by a variable of that name.
    pub(crate) fn start(body: &str, variable: &str, place: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", body, "--ignored", "--nocapture"])
            .env(variable, place.join(" "))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits for so many lines that begin with a word, and returns the rest of each.
    pub(crate) async fn lines(&mut self, word: &str, count: usize) -> Vec<String> {
        let mut found = Vec::new();
        while found.len() < count {
            let line = self.lines.next_line().await.unwrap().expect("the process ended before it was killed");
            found.extend(line.strip_prefix(word).map(|rest| rest.trim().to_owned()));
        }
        found
    }

    /// Stops the process for so long: SIGSTOP, and SIGCONT.
    pub(crate) async fn stop_for(&self, time: Duration) {
        let id = self.child.id().unwrap().to_string();
        let signal = |signal: &'static str| Command::new("kill").args([signal, &id]).status();
        assert!(signal("-STOP").await.unwrap().success());
        tokio::time::sleep(time).await;
        assert!(signal("-CONT").await.unwrap().success());
    }

    /// Kills the process: SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}
