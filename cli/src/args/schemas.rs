//! The arguments of the commands that work on schema files.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use eventwright_schema::compat::Level;

use crate::render::format_of;

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  eventwright check                                        every history of schemas/events.toml, as the build does
  eventwright check --against git:main                     and whether it breaks what is on the branch main
  eventwright check --registry http://127.0.0.1:8081       and with what the registry has, at its levels
  eventwright check --level BACKWARD v1.avsc v2.avsc       loose files, oldest first
  eventwright check --format sarif > findings.sarif

Formats: text, with the source, is for people and goes to standard error; short is one line a finding, as the build prints
them; json, github (annotations of a workflow), sarif and junit are for machines. All but text go to standard output.";

pub(super) const DIFF_EXAMPLES: &str = "\
Examples:
  eventwright diff                                         what the newest version of everything has changed
  eventwright diff OrderCreated                            of one event
  eventwright diff OrderCreated@v1 OrderCreated@v3         of two versions
  eventwright diff old.avsc new.avsc --format json

Below the differences stands who is hurt by them, whatever the level promises: consumers of a version that get records of
another one. Exit code 100 says that there are differences.";

pub(super) const FMT_EXAMPLES: &str = "\
Examples:
  eventwright fmt                      every .avsc file of schemas/events.toml
  eventwright fmt --check              change nothing, and fail if a file would change
  eventwright fmt - < order.avsc       standard input to standard output, as editors do

Only white space changes, never a key, a number or a comment: a released version stays what it is.";

pub(super) const INIT_EXAMPLES: &str = "\
Examples:
  eventwright init order-service                           a crate with one event; its tests need no broker
  eventwright init . --eventwright ../eventwright          with a checkout of Eventwright in place of the published crates";

pub(super) const GEN_EXAMPLES: &str = "\
Examples:
  eventwright gen --out src/events.rs              then: mod events { eventwright::include_events!(\"events.rs\"); }
  eventwright gen --out src/events.rs --check      fail if the file is not what the schemas say, as in CI

A crate with a checked-in file needs no build script, and no eventwright-codegen. The gate is asked as in a build.";

pub(super) const LINT_EXAMPLES: &str = "\
Examples:
  eventwright lint                                 names, docs, defaults, money as floats, personal data
  eventwright lint --format github                 as annotations of a workflow
  eventwright explain MONEY_AS_FLOAT               why a lint is one

The newest version of everything is looked at. events.toml sets levels, for all or for one event:

  [lint]
  DOC_MISSING = \"deny\"

  [event.OrderCreated]
  lint = { FIELD_NAME_CASE = \"allow\" }

Only what is at level deny ends with exit code 100.";

pub(super) const LOCK_EXAMPLES: &str = "\
Examples:
  eventwright lock                     release the newest versions: from now on their files may not change
  eventwright lock --check             fail if there are versions that are not released

Only what passes the check is released. Commit schemas.lock with the schemas.";

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Versions of one schema, oldest first (.avsc, .proto, .json), in place of the manifest; the last one is checked
    #[arg(value_name = "FILE", requires = "level", conflicts_with = "registry")]
    pub(crate) files: Vec<PathBuf>,
    /// The level of loose files: NONE, BACKWARD, FORWARD, FULL, or one of the latter three with _TRANSITIVE
    #[arg(long, value_name = "LEVEL", requires = "files")]
    pub(crate) level: Option<Level>,
    /// What loose files refer to, under the name that they use; may repeat
    #[arg(long = "ref", value_name = "NAME=PATH", requires = "files")]
    pub(crate) references: Vec<NamedFile>,
    /// Compare with the manifest of another commit as well
    #[arg(long, value_name = "git:REV", conflicts_with = "files")]
    pub(crate) against: Option<Commit>,
    /// Report breaks as well that Confluent's rules miss, such as a Protobuf field whose number changed; warnings become errors
    #[arg(long)]
    pub(crate) strict: bool,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Rendering::Text)]
    pub(crate) format: Rendering,
    /// The manifest
    #[arg(long, value_name = "FILE", default_value = crate::manifest::DEFAULT)]
    pub(crate) manifest: PathBuf,
    /// Compare with what a registry has as well
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,
    /// A file of settings for the registry, in YAML
    #[arg(long, value_name = "FILE", requires = "registry")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The older schema: a file, or an event, key or shared type of the manifest [default: of each, the newest version but
    /// one]
    #[arg(value_name = "OLD")]
    pub(crate) old: Option<Operand>,
    /// The newer one [default: of an event, the newest version; of an event with a version, the next one]
    #[arg(value_name = "NEW")]
    pub(crate) new: Option<Operand>,
    /// What files refer to, under the name that they use; may repeat
    #[arg(long = "ref", value_name = "NAME=PATH", requires = "old")]
    pub(crate) references: Vec<NamedFile>,
    /// How differences are printed
    #[arg(long, value_enum, default_value_t = DiffFormat::Text)]
    pub(crate) format: DiffFormat,
    /// The manifest
    #[arg(long, value_name = "FILE", default_value = crate::manifest::DEFAULT)]
    pub(crate) manifest: PathBuf,
}

/// How differences are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// A line each, for people
    Text,
    /// One JSON object
    Json,
}

/// A schema that is compared: a file by its ending, or else what the manifest has under that name.
#[derive(Debug, Clone)]
pub(crate) enum Operand {
    File(PathBuf),
    Named(String, Option<u32>),
}

impl FromStr for Operand {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        if format_of(&path).is_some() {
            return Ok(Self::File(path));
        }
        let Some((name, version)) = text.rsplit_once('@') else { return Ok(Self::Named(text.to_owned(), None)) };
        let number = version.strip_prefix('v').and_then(|number| number.parse().ok()).filter(|number| *number > 0);
        let number = number
            .ok_or("expected a file (.avsc, .proto, .json), or a name such as OrderCreated or OrderCreated@v2")?;
        Ok(Self::Named(name.to_owned(), Some(number)))
    }
}

#[derive(Debug, Args)]
pub(crate) struct FmtArguments {
    /// Files (.avsc, .json), in place of the manifest's; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Change nothing, and fail if a file would change
    #[arg(long)]
    pub(crate) check: bool,
    /// The manifest
    #[arg(long, value_name = "FILE", default_value = crate::manifest::DEFAULT)]
    pub(crate) manifest: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The folder, which need not exist
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// The name of the crate [default: the folder's]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A checkout of Eventwright that the crate depends on, in place of the published crates
    #[arg(long, value_name = "PATH")]
    pub(crate) eventwright: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct GenArguments {
    /// The Rust file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Write nothing, and fail if the file is not what the schemas say
    #[arg(long)]
    pub(crate) check: bool,
    /// The manifest
    #[arg(long, value_name = "FILE", default_value = crate::manifest::DEFAULT)]
    pub(crate) manifest: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct LintArguments {
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Rendering::Text)]
    pub(crate) format: Rendering,
    /// The manifest
    #[arg(long, value_name = "FILE", default_value = crate::manifest::DEFAULT)]
    pub(crate) manifest: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct LockArguments {
    /// Change nothing, and fail if there is something to release
    #[arg(long)]
    pub(crate) check: bool,
    /// The manifest
    #[arg(long, value_name = "FILE", default_value = crate::manifest::DEFAULT)]
    pub(crate) manifest: PathBuf,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rendering {
    /// With the source, for people
    Text,
    /// A line each
    Short,
    /// One JSON object
    Json,
    /// Annotations of a GitHub workflow
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit's XML, a test case a history
    Junit,
}

/// A file under a name of its own.
#[derive(Debug, Clone)]
pub(crate) struct NamedFile {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl FromStr for NamedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').ok_or("expected NAME=PATH, such as com.example.Money=money/v1.avsc")?;
        Ok(Self { name: name.to_owned(), path: path.into() })
    }
}

/// A commit of git.
#[derive(Debug, Clone)]
pub(crate) struct Commit(pub(crate) String);

impl FromStr for Commit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("git:") {
            // A revision that begins with a dash would be an option of git's.
            Some(revision) if !revision.is_empty() && !revision.starts_with('-') => Ok(Self(revision.to_owned())),
            _ => Err("expected git:REV, such as git:main".into()),
        }
    }
}
