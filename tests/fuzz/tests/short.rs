//! Each target on some inputs, the same every time, and on those that once failed.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use eventwright_codegen_tests::allocation::Counting;
use eventwright_fuzz::{STACK, Target, found, inputs, run, targets};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A target that is silent for so long spins: an input takes a millisecond.
const SPINNING: Duration = Duration::from_secs(120);

const SEED: u64 = 42;

/// Returns the inputs that once failed, in the order of their names.
fn saved(target: &Target) -> Vec<Vec<u8>> {
    let Ok(folder) = std::fs::read_dir(found().join(target.name)) else { return Vec::new() };
    let mut paths: Vec<_> = folder.map(|entry| entry.expect("a folder can be listed").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).expect("a saved input can be read")).collect()
}

/// Runs a target on a stack as small as decoders have, and fails where an input takes too long.
fn check(name: &str) {
    let target = targets::ALL.iter().find(|target| target.name == name).expect("the target is listed");
    let (sender, seen) = channel();
    let work = move || {
        let all = saved(target).into_iter().chain(inputs(SEED, target.inputs));
        // Nobody listens only where the test has failed already.
        run(target, all, |_| sender.send(()).unwrap_or_default())
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work).expect("a thread can be started");
    loop {
        match seen.recv_timeout(SPINNING) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => panic!("{name}: an input takes longer than {SPINNING:?}"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    match thread.join().expect("panics are caught") {
        Ok(valid) => assert!(valid > target.inputs / 100, "{name}: only {valid} of {} were valid", target.inputs),
        Err(failure) => panic!("{name}: {failure}\ninput: {:?}", failure.input),
    }
}

/// Makes a test of each target, and one that none is left out.
macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_tested() {
            let names: Vec<_> = targets::ALL.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets!(
    avro_known_writer,
    avro_plan,
    avro_dynamic,
    avro_schema,
    avro_resolve,
    protobuf,
    protobuf_dynamic,
    protobuf_schema,
    protobuf_descriptor,
    json_form,
    json_schema,
    frame,
    key,
    manifest,
);
