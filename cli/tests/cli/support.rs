//! What the tests share: running the command, a registry of one's own, and bytes written as they are.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use serde_json::Value;

/// How long a test waits for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the address of the real Kafka.
pub(crate) fn bootstrap() -> String {
    std::env::var("EVENTWRIGHT_TEST_BOOTSTRAP")
        .expect("EVENTWRIGHT_TEST_BOOTSTRAP is not set: run `make test`, which starts Kafka")
}

/// Returns a name that no other test uses.
pub(crate) fn unique(name: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("cli-{now:x}-{}-{name}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Returns the manifest of the reference system.
pub(crate) fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/events.toml")
}

/// Returns the command with nothing of the environment that could change what it does.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eventwright"));
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("EVENTWRIGHT_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) fn run(mut command: Command, input: &str) -> Finished {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    std::thread::spawn(move || {
        // A command that stops early closes its input, which is no fault.
        let _ = stdin.write_all(input.as_bytes());
    });
    finish(child)
}

/// Waits for the end of a command; one that does not end is killed and fails the test.
pub(crate) fn finish(child: Child) -> Finished {
    let pid = child.id();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    let Ok(output) = receiver.recv_timeout(PATIENCE) else {
        signal(pid, "KILL");
        panic!("the command did not end; it printed {:?}", receiver.recv_timeout(PATIENCE));
    };
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().unwrap();
    assert!(sent.success());
}

/// A command that runs beside the test; it is killed when it is dropped.
pub(crate) struct Running {
    pub(crate) child: Option<Child>,
    pub(crate) stdout: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child: Some(child), stdout }
    }

    /// Waits for the next line on standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Waits until standard error has said this.
    pub(crate) fn wait_for_stderr(&mut self, text: &str) {
        let mut seen = Vec::new();
        let stderr = self.child.as_mut().unwrap().stderr.as_mut().unwrap();
        while !String::from_utf8_lossy(&seen).contains(text) {
            let mut byte = [0];
            stderr.read_exact(&mut byte).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&seen)));
            seen.push(byte[0]);
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Waits for its end, with the output kept open.
    pub(crate) fn end(mut self) -> Finished {
        let finished = finish(self.child.take().unwrap());
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).unwrap();
        Finished { stdout, ..finished }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A registry of the test's own.
pub(crate) struct Registry {
    _running: Running,
    pub(crate) url: String,
}

impl Registry {
    pub(crate) fn start() -> Self {
        Self::listen("127.0.0.1:0")
    }

    pub(crate) fn listen(address: &str) -> Self {
        let mut command = command();
        command.args(["registry", "serve", "--listen", address]);
        let mut running = Running::start(command);
        let url = running.line();
        assert!(url.starts_with("http://127.0.0.1:"), "{url:?}");
        Self { _running: running, url }
    }

    /// Returns the command with broker, registry and the reference system's manifest named.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_with(&manifest(), arguments)
    }

    /// Returns the command with another manifest.
    pub(crate) fn command_with(&self, manifest: &Path, arguments: &[&str]) -> Command {
        let mut command = command();
        command.args(arguments).args(["--bootstrap", &bootstrap(), "--registry", &self.url]);
        command.arg("--manifest").arg(manifest);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Finished {
        run(self.command(arguments), input)
    }

    /// Writes records, all of which must be taken.
    pub(crate) fn produce(&self, arguments: &[&str], input: &str) -> Finished {
        let finished = self.run(&[&["produce"], arguments].concat(), input);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished
    }

    /// Returns all records of a topic.
    pub(crate) fn tail(&self, topic: &str) -> Vec<Value> {
        self.tail_with(topic, &["--until-end"])
    }

    pub(crate) fn tail_with(&self, topic: &str, arguments: &[&str]) -> Vec<Value> {
        let finished = self.run(&[&["tail", topic, "--format", "json"], arguments].concat(), "");
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{finished:?}");
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Asks the registry as any HTTP client does; returns status and body.
    pub(crate) fn http(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Registers a schema, which must be taken.
    pub(crate) fn register(&self, subject: &str, schema: &Value) {
        let (status, body) =
            self.http("POST", &format!("/subjects/{}/versions", subject.replace('/', "%2F")), &schema.to_string());
        assert_eq!(status, 200, "{body}");
    }
}

/// Returns records without what depends on the run, in the order of their keys.
pub(crate) fn by_key(mut records: Vec<Value>) -> Vec<String> {
    records.sort_by_key(|record| (record["key"].to_string(), record["offset"].as_i64()));
    let stable = records.into_iter().map(|mut record| {
        let object = record.as_object_mut().unwrap();
        for key in ["partition", "offset", "timestamp"] {
            assert!(object.shift_remove(key).is_some_and(|value| !value.is_null()), "{key} is missing");
        }
        record.to_string()
    });
    stable.collect()
}

/// Writes bytes as they are to partition 0.
pub(crate) fn write_raw(topic: &str, values: &[Option<&[u8]>]) {
    let producer: ThreadedProducer<_> = ClientConfig::new().set("bootstrap.servers", bootstrap()).create().unwrap();
    for value in values {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(0).key(&b"\xff"[..]);
        record.payload = *value;
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}
