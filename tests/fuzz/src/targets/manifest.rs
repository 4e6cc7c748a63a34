//! The manifest.

use eventwright_schema::manifest::Manifest;

use crate::edit::{Edited, from_input};
use crate::engine::Check;
use crate::limits::TEXTS;
use crate::samples;

const WORDS: &[&str] = &[
    "[defaults]\n",
    "[event.A]\n",
    "[event.B.c]\n",
    "[[event]]\n",
    "[topic.t]\n",
    "format = \"avro\"\n",
    "key = \"id\"\n",
    "folder = \"..\"\n",
    "topic = \"\"\n",
    "subject = \"record\"\n",
    "key_schema = \"k\"\n",
    "readers = [\"v1\", \"v0\"]\n",
    "retired = [\"v99999999999\"]\n",
    "partitions = -1\n",
    "config = { a = \"b\" }\n",
    "{",
    "}",
    "[",
    "]",
    "\"\"\"",
    "'",
    "=",
    ".",
    "\n",
    "#",
    "1979-05-27T07:32:00Z",
    "inf",
    "0x",
    "\\u0000",
    "é",
];

/// Any text.
pub(super) fn any() -> Check {
    let samples = samples::golden("toml");
    Box::new(move |input| {
        let text = from_input::<Edited>(input).apply_to_text(&samples, WORDS);
        let parsed = on_main_stack(|| TEXTS.check(text.len(), || Manifest::parse("events.toml", &text)));
        match &parsed {
            Ok(manifest) => {
                assert!(manifest.events.iter().all(|event| manifest.event(&event.name).is_some()));
            }
            Err(wrong) => assert!(!wrong.is_empty() && wrong.iter().all(|one| !one.to_string().is_empty())),
        }
        parsed.is_ok()
    })
}

/// Runs on a stack as large as that of a main thread, on which build scripts and the tool read manifests: toml's parser
/// recurses for each error in a row that it recovers from.
fn on_main_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    const MAIN_STACK: usize = 8 << 20;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(MAIN_STACK).spawn_scoped(scope, work);
        let joined = thread.expect("a thread can be started").join();
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
