//! From the body of a request to a parsed schema: the references are looked up, the text is parsed, or a refusal says
//! why not.

use std::collections::HashSet;

use eventwright_schema::compat::{self, AnySchema};
use eventwright_schema::{Diagnostic, Reference};
use eventwright_wire::Format;

use super::identity::{self, Identity};
use super::refusal::Refusal;
use super::store::State;
use super::subject::{Deleted, Subject};
use crate::api::SchemaBody;
use crate::{ReferenceEntry, VersionSpec};

/// What messages call the text of a request. The name is the same for all, so that it makes no difference between two
/// equal Protobuf files; Confluent's registry uses this one.
const SOURCE_NAME: &str = "default";

/// How many schemas one may refer to, directly or not.
const MAX_REFERENCES: usize = 1000;

/// How many bytes the texts of those may have together.
const MAX_REFERENCED_BYTES: usize = 16 << 20;

/// How many problems a refusal lists.
const MAX_PROBLEMS: usize = 10;

/// A schema that is valid, and may be stored.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) identity: Identity,
    /// The text as it is stored.
    pub(super) text: String,
    pub(super) references: Vec<ReferenceEntry>,
    pub(super) schema: AnySchema,
}

impl Candidate {
    /// Parses a schema, with what it refers to out of `state`.
    pub(super) fn parse(state: &State, body: &SchemaBody) -> Result<Self, Refusal> {
        if body.schema.trim().is_empty() {
            return Err(Refusal::invalid_schema("the text is empty"));
        }
        let format = body.format().map_err(|other| {
            Refusal::invalid_schema(format!("expected the schemaType AVRO, PROTOBUF or JSON, found {other}"))
        })?;
        let references = body.references.clone().unwrap_or_default();
        let mut found = Referenced { state, format, names: HashSet::new(), bytes: 0, in_order: Vec::new() };
        found.add(&references)?;
        let schema = compat::parse_any(format, SOURCE_NAME, &body.schema, &found.in_order).map_err(|problems| {
            Refusal::invalid_schema(format!("not {}: {}", format.schema_type(), listed(&problems)))
        })?;
        let text = identity::stored_text(&schema);
        Ok(Self { identity: Identity::of(&schema, &text, &references), text, references, schema })
    }
}

/// The schemas that a candidate refers to, each after the ones it uses itself.
struct Referenced<'s> {
    state: &'s State,
    format: Format,
    names: HashSet<String>,
    /// How long the texts are together.
    bytes: usize,
    in_order: Vec<Reference>,
}

impl Referenced<'_> {
    /// As in Confluent's registry, the first schema of a name stands for all of that name. Versions never change and
    /// name what was there before them, so that there are no circles; one would end here as well.
    fn add(&mut self, entries: &[ReferenceEntry]) -> Result<(), Refusal> {
        for entry in entries {
            if !self.names.insert(entry.name.clone()) {
                continue;
            }
            if self.names.len() > MAX_REFERENCES {
                return Err(Refusal::invalid_schema(format!("it refers to more than {MAX_REFERENCES} schemas")));
            }
            let ReferenceEntry { name, subject, version } = entry;
            let missing = || {
                Refusal::invalid_schema(format!(
                    "the reference `{name}` is to version {version} of subject `{subject}`, which is not registered; \
                     register it first"
                ))
            };
            let subject_name = Subject::parse(subject).map_err(|_| missing())?;
            let state = self.state;
            // A soft deletion hides a schema from new users, not from those that have it.
            let found = state.version(&subject_name, VersionSpec::Number(*version), Deleted::Shown);
            let (_, stored) = found.map_err(|_| missing())?;
            let found_format = stored.schema.format();
            if found_format != self.format {
                let (expected, found) = (self.format.schema_type(), found_format.schema_type());
                let why = format!("the reference `{name}` must be {expected}, and subject `{subject}` has {found}");
                return Err(Refusal::invalid_schema(why));
            }
            self.bytes = self.bytes.saturating_add(stored.text.len());
            if self.bytes > MAX_REFERENCED_BYTES {
                let why = format!("it refers to schemas of more than {MAX_REFERENCED_BYTES} bytes together");
                return Err(Refusal::invalid_schema(why));
            }
            self.add(&stored.references)?;
            self.in_order.push(Reference { name: name.clone(), text: stored.text.clone() });
        }
        Ok(())
    }
}

fn listed(problems: &[Diagnostic]) -> String {
    let mut texts: Vec<String> = problems.iter().take(MAX_PROBLEMS).map(text_of).collect();
    if problems.len() > MAX_PROBLEMS {
        texts.push(format!("and {} more", problems.len() - MAX_PROBLEMS));
    }
    texts.join("; ")
}

/// The candidate's own text has no name that its sender knows.
fn text_of(problem: &Diagnostic) -> String {
    let text = problem.to_string();
    match text.strip_prefix(SOURCE_NAME).and_then(|rest| rest.strip_prefix(':')) {
        Some(rest) => format!("at {rest}"),
        None => text,
    }
}
