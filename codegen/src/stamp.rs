//! Whether a build script runs again on what it ran on before: then what it wrote and said stands.
//!
//! Cargo runs it whenever a file is newer than the last run, as after a checkout, and without optimisation. In: the stamp of the last
//! run that had no findings, `OUT_DIR/eventwright_events.stamp`. Out: the directives of that run, if all that it read is what it was.

use std::path::Path;
use std::time::SystemTime;

use eventwright_schema::crc64;

const FILE_NAME: &str = "eventwright_events.stamp";

/// What the text of each path is behind, so that no two lists of texts are one.
const SEPARATOR: u8 = 0;

/// What a run depends on beside the files that it watches.
pub(crate) struct Run {
    /// The settings and the variable, in any form that differs where they do.
    pub(crate) settings: String,
    /// The lock, which is watched only once it exists.
    pub(crate) lock: String,
}

/// Returns the directives of the last run, if this one would come to the same.
pub(crate) fn unchanged(out_dir: &Path, run: &Run) -> Option<String> {
    let stamp = std::fs::read_to_string(out_dir.join(FILE_NAME)).ok()?;
    let (seal, directives) = stamp.split_once('\n')?;
    (seal == self::seal(out_dir, run, directives)?).then(|| directives.to_owned())
}

/// Keeps the directives of a run without findings for the next one. Where that fails, the next run does what this one did.
pub(crate) fn keep(out_dir: &Path, run: &Run, directives: &str) {
    let Some(seal) = seal(out_dir, run, directives) else { return };
    // One that is half written has another seal.
    let _ = std::fs::write(out_dir.join(FILE_NAME), format!("{seal}\n{directives}"));
}

/// Returns what changes when anything does that a run depends on: the program itself, its settings, what it has written, and every
/// file and folder that it watches.
fn seal(out_dir: &Path, run: &Run, directives: &str) -> Option<String> {
    let mut all = Vec::new();
    let mut add = |part: &[u8]| {
        all.extend(part);
        all.push(SEPARATOR);
    };
    let program = std::fs::metadata(std::env::current_exe().ok()?).ok()?;
    let modified = program.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    add(format!("{} {} {modified:?}", env!("CARGO_PKG_VERSION"), program.len()).as_bytes());
    add(run.settings.as_bytes());
    add(directives.as_bytes());
    add(&std::fs::read(out_dir.join(crate::output::FILE_NAME)).ok()?.len().to_le_bytes());
    let watched = directives.lines().filter_map(|line| line.strip_prefix(crate::output::WATCH));
    for path in watched.chain([run.lock.as_str()]) {
        add(path.as_bytes());
        add(&content(Path::new(path))?);
    }
    Some(format!("{:016x} {}", crc64(&all), all.len()))
}

/// Returns the bytes of a file, or the names in a folder.
fn content(path: &Path) -> Option<Vec<u8>> {
    if !path.exists() {
        return Some(b"there is nothing".to_vec());
    }
    if !path.is_dir() {
        return std::fs::read(path).ok();
    }
    let names = std::fs::read_dir(path).ok()?.map(|entry| Some(entry.ok()?.file_name().into_encoded_bytes()));
    let mut names: Vec<_> = names.collect::<Option<_>>()?;
    names.sort_unstable();
    Some(names.join(&SEPARATOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_on_the_same_inputs_says_the_same_and_on_others_nothing() {
        let folder = std::env::temp_dir().join(format!("eventwright-stamp-{}", std::process::id()));
        let schemas = folder.join("schemas");
        std::fs::create_dir_all(&schemas).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        let run = |settings: &str| Run {
            settings: settings.to_owned(),
            lock: folder.join("schemas.lock").display().to_string(),
        };
        let watch = |path: &Path| format!("{}{}\n", crate::output::WATCH, path.display());
        let directives = watch(&schemas) + &watch(&schemas.join("v1.avsc")) + "cargo::warning=w\n";
        write("schemas/v1.avsc", "\"int\"");
        write(crate::output::FILE_NAME, "code");
        assert_eq!(unchanged(&folder, &run("a")), None, "nothing has run before");
        keep(&folder, &run("a"), &directives);
        let is_unchanged = |settings: &str| unchanged(&folder, &run(settings)).is_some();
        assert_eq!(unchanged(&folder, &run("a")).as_deref(), Some(directives.as_str()));
        assert!(!is_unchanged("b"), "other settings");
        write("schemas/v1.avsc", "\"long\"");
        assert!(!is_unchanged("a"), "another schema");
        write("schemas/v1.avsc", "\"int\"");
        assert!(is_unchanged("a"), "the schema is what it was");
        write("schemas/v2.avsc", "\"int\"");
        assert!(!is_unchanged("a"), "a new version");
        std::fs::remove_file(schemas.join("v2.avsc")).unwrap();
        write("schemas.lock", "");
        assert!(!is_unchanged("a"), "a lock");
        std::fs::remove_file(folder.join("schemas.lock")).unwrap();
        write(crate::output::FILE_NAME, "");
        assert!(!is_unchanged("a"), "what was generated is gone");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
