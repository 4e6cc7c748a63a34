//! Services that are processes of their own: this test program again, which runs the one test that it is told to.
//!
//! A service works until its standard input ends, and prints lines that begin with `> ` for the test.

use std::io::{BufRead as _, Write as _};
use std::process::Stdio;
use std::time::Duration;

use eventwright::Settings;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::world::{World, within};

/// By which a process knows what it is: bootstrap, registry, prefix and whatever else, separated by spaces.
const PLACE: &str = "EVENTWRIGHT_TEST_SERVICE";

/// A running service.
pub(crate) struct Service {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    errors: JoinHandle<String>,
}

impl Service {
    /// Starts the test of that name; `rest` is what it returns from [`place`].
    pub(crate) fn start(world: &World, test: &str, rest: &[&str]) -> Self {
        let Settings { bootstrap, registry, .. } = &world.settings;
        let mut place = vec![bootstrap.as_str(), &registry.url, &world.prefix];
        place.extend(rest);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(PLACE, place.join(" "))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut stderr = child.stderr.take().unwrap();
        let errors = tokio::spawn(async move {
            let mut text = String::new();
            stderr.read_to_string(&mut text).await.unwrap();
            text
        });
        Self { child, lines, errors }
    }

    /// Waits until the service has said so.
    pub(crate) async fn says(&mut self, expected: &str) {
        while self.line().await != expected {}
    }

    /// Returns the next line that it has for the test.
    pub(crate) async fn line(&mut self) -> String {
        loop {
            let line = within(self.lines.next_line()).await.unwrap();
            let Some(line) = line else { panic!("the service ended: {}", (&mut self.errors).await.unwrap()) };
            if let Some(line) = line.strip_prefix("> ") {
                return line.to_owned();
            }
        }
    }

    /// Gives it a line.
    pub(crate) async fn go_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"go on\n").await.unwrap();
    }

    /// Has it end, and returns what it wrote to its standard error.
    pub(crate) async fn stop(mut self) -> String {
        drop(self.child.stdin.take());
        let status = within(self.child.wait()).await.unwrap();
        let errors = within(self.errors).await.unwrap();
        assert!(status.success(), "{errors}");
        errors
    }

    /// Kills it, as a crash does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// Returns the settings of this process and the rest of what it was told; `None` where it is no service.
pub(crate) fn place() -> Option<(Settings, Vec<String>)> {
    let place = std::env::var(PLACE).ok()?;
    let mut parts = place.split(' ').map(str::to_owned);
    let mut next = || parts.next().unwrap();
    let (bootstrap, registry, prefix) = (next(), next(), next());
    // Kafka waits so long before it gives the partitions of the dead to the living.
    let mut settings = Settings::new(bootstrap, registry).with_prefix(prefix).with_kafka("session.timeout.ms", "6000");
    settings.consumer.commit_interval = Duration::from_millis(100);
    settings.consumer.retry.backoff = Duration::from_millis(1);
    Some((settings, parts.collect()))
}

/// Says something to the test.
pub(crate) fn say(text: &str) {
    // The test program prints the name of the test without an end of line.
    std::io::stdout().write_all(format!("\n> {text}\n").as_bytes()).unwrap();
}

/// Waits for the end of the standard input.
pub(crate) async fn told_to_stop() {
    told(|| {}).await;
}

/// Waits for the end of the standard input, and has something done at each line of it.
pub(crate) async fn told(at_line: impl Fn() + Send + 'static) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        std::io::stdin().lock().lines().for_each(|_| at_line());
        let _ = sender.send(());
    });
    let _ = receiver.await;
}
