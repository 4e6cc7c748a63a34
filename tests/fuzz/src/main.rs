//! `make fuzz`: tries new inputs of all targets for so many minutes, on all cores.
//!
//! A batch runs in a process of its own, which writes each input into a file before it tries it: so an input is known
//! also where the stack overflows, or the process is stopped because it spins. What fails is saved in `found/`, where
//! `cargo test` reads it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is for people")]

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use std::process::ExitCode;

use anyhow::{Context, bail};
use eventwright_codegen_tests::allocation::Counting;
use eventwright_fuzz::{STACK, Target, found, inputs, run, targets};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A batch is so many times what `cargo test` tries: some seconds.
const BATCH: usize = 8;

/// A batch that takes longer spins.
const SPINNING: Duration = Duration::from_secs(600);

/// How often progress is printed.
const PROGRESS: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["batch", name, seed, trace] => batch(name, seed.parse()?, Path::new(trace)),
        [minutes] => long_run(minutes.parse().context("expected a number of minutes")?),
        _ => bail!("usage: eventwright-fuzz MINUTES"),
    }
}

/// Runs one batch in this process.
fn batch(name: &str, seed: u64, trace: &Path) -> anyhow::Result<()> {
    let target = targets::ALL.iter().find(|target| target.name == name).context("there is no such target")?;
    let mut trace = File::create(trace)?;
    let mut record =
        move |input: &[u8]| trace.set_len(0).and_then(|()| trace.rewind()).and_then(|()| trace.write_all(input));
    let work = move || {
        run(target, inputs(seed, BATCH * target.inputs), |input| record(input).expect("the input can be written"))
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work)?;
    match thread.join() {
        Ok(Ok(valid)) => println!("{valid}"),
        Ok(Err(failure)) => bail!("{failure}"),
        Err(_) => bail!("the target panicked before its first input"),
    }
    Ok(())
}

/// What a long run has done so far.
#[derive(Default)]
struct Tally {
    /// How many inputs were tried and how many of them were valid, by target.
    tried: BTreeMap<&'static str, (usize, usize)>,
    failures: usize,
    shown: Option<Instant>,
}

fn long_run(minutes: f64) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::try_from_secs_f64(minutes * 60.0)?;
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let workers = std::thread::available_parallelism()?.get();
    let folder = std::env::temp_dir().join(format!("eventwright-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    println!("{} targets, {minutes} minutes, {workers} at a time", targets::ALL.len());
    std::thread::scope(|scope| {
        let work = |worker: usize| {
            while Instant::now() < end {
                let target = next_target(&next);
                let trace = folder.join(worker.to_string());
                let outcome = run_batch(target, RandomState::new().hash_one(worker), &trace)?;
                tally.lock().expect("no worker panics").add(target, outcome);
            }
            anyhow::Ok(())
        };
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no worker panics"))
    })?;
    std::fs::remove_dir_all(&folder)?;
    let tally = tally.into_inner().expect("no worker panics");
    tally.finish()
}

fn next_target(next: &AtomicUsize) -> &'static Target {
    let number = next.fetch_add(1, Ordering::Relaxed);
    targets::ALL.get(number % targets::ALL.len()).expect("there are targets")
}

/// How a batch ended: the number of valid inputs, or what was said and the file that the last input was saved in.
type Outcome = Result<usize, (String, PathBuf)>;

/// Runs one batch in a process of its own.
fn run_batch(target: &Target, seed: u64, trace: &Path) -> anyhow::Result<Outcome> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["batch", target.name, &seed.to_string()])
        .arg(trace)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (mut stdout, mut stderr) = (child.stdout.take().context("piped")?, child.stderr.take().context("piped")?);
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let (mut said, mut complained) = (String::new(), Vec::new());
        // A process that was stopped says nothing, which is what is reported then.
        let read = stderr.read_to_end(&mut complained).and_then(|_| stdout.read_to_string(&mut said));
        let complained = String::from_utf8_lossy(&complained).into_owned();
        // Nobody listens any more to a process that was stopped.
        sender.send(read.map(|_| (said, complained))).unwrap_or_default();
    });
    let Ok(output) = receiver.recv_timeout(SPINNING) else {
        child.kill()?;
        child.wait()?;
        return Ok(Err((format!("it was stopped after {SPINNING:?}"), save(target, trace)?)));
    };
    let (status, (said, complained)) = (child.wait()?, output?);
    match said.trim().parse() {
        Ok(valid) if status.success() => Ok(Ok(valid)),
        _ => Ok(Err((format!("{status}: {complained}"), save(target, trace)?))),
    }
}

/// Saves the input that a batch ended with.
fn save(target: &Target, trace: &Path) -> anyhow::Result<PathBuf> {
    let input = std::fs::read(trace)?;
    let folder = found().join(target.name);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{:016x}", eventwright_schema::crc64(&input)));
    std::fs::write(&path, input)?;
    Ok(path)
}

impl Tally {
    fn add(&mut self, target: &'static Target, outcome: Outcome) {
        let (tried, valid) = self.tried.entry(target.name).or_default();
        match outcome {
            Ok(more) => (*tried, *valid) = (*tried + BATCH * target.inputs, *valid + more),
            Err((what, path)) => {
                self.failures += 1;
                println!("{} fails on {}:\n{what}", target.name, path.display());
            }
        }
        if self.shown.is_none_or(|shown| shown.elapsed() >= PROGRESS) {
            self.shown = Some(Instant::now());
            println!("{}", self.summary());
        }
    }

    fn summary(&self) -> String {
        let inputs: usize = self.tried.values().map(|(tried, _)| tried).sum();
        format!("{inputs} inputs, {} failures", self.failures)
    }

    fn finish(&self) -> anyhow::Result<()> {
        for (name, (tried, valid)) in &self.tried {
            println!("{name:>20} {tried:>9} inputs, {valid:>9} valid");
        }
        println!("{}", self.summary());
        match self.failures {
            0 => Ok(()),
            failures => bail!("{failures} batches failed; the inputs are in {}", found().display()),
        }
    }
}
