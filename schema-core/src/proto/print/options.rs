//! Options as `.proto` text: those of `descriptor.proto` and those that are extensions, by reflection, so that none
//! has to be known by name.

use prost_reflect::{DynamicMessage, Kind, Value};

/// The options of one element, each as `name = value`.
#[derive(Debug, Default)]
pub(super) struct Set {
    assignments: Vec<String>,
    unknown: Vec<u32>,
}

impl Set {
    pub(super) fn of(options: &DynamicMessage) -> Self {
        let mut assignments = Vec::new();
        for (field, value) in options.fields().filter(|(field, _)| field.name() != "uninterpreted_option") {
            push_assignments(&mut assignments, field.name(), &field.kind(), value);
        }
        for (extension, value) in options.extensions() {
            push_assignments(&mut assignments, &format!("({})", extension.full_name()), &extension.kind(), value);
        }
        Self { assignments, unknown: options.unknown_fields().map(|field| field.number()).collect() }
    }

    /// Adds what is written among the options and is none.
    pub(super) fn with(mut self, name: &str, value: String) -> Self {
        self.assignments.push(format!("{name} = {value}"));
        self
    }

    pub(super) fn assignments(&self) -> &[String] {
        &self.assignments
    }

    /// Returns the field numbers of options whose extension is not known.
    pub(super) fn unknown(&self) -> &[u32] {
        &self.unknown
    }

    pub(super) fn is_empty(&self) -> bool {
        self.assignments.is_empty() && self.unknown.is_empty()
    }

    /// Returns ` [a = 1, b = 2]`, or nothing where there are no options.
    pub(super) fn in_brackets(&self) -> String {
        let lost: String =
            self.unknown.iter().map(|number| format!(" /* the option {number} is left out */")).collect();
        if self.assignments.is_empty() { lost } else { format!(" [{}]{lost}", self.assignments.join(", ")) }
    }
}

fn push_assignments(assignments: &mut Vec<String>, name: &str, kind: &Kind, value: &Value) {
    match value {
        Value::List(values) => {
            for value in values {
                push_assignments(assignments, name, kind, value);
            }
        }
        value => assignments.push(format!("{name} = {}", constant(kind, value))),
    }
}

fn constant(kind: &Kind, value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::I32(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::F32(value) => float(&value.to_string()),
        Value::F64(value) => float(&value.to_string()),
        Value::String(value) => quoted(value.as_bytes()),
        Value::Bytes(value) => quoted(value),
        Value::EnumNumber(number) => match kind.as_enum().and_then(|of_enum| of_enum.get_value(*number)) {
            Some(value) => value.name().to_owned(),
            None => number.to_string(),
        },
        Value::Message(message) => format!("{{ {} }}", message.to_text_format()),
        // The syntax has no option that is a map or a list as a whole.
        Value::List(_) | Value::Map(_) => "{}".into(),
    }
}

/// Returns a number of a float's type. Rust writes `NaN` where the syntax has `nan`, and digits where it takes them for an
/// integer, of at most 64 bits.
pub(super) fn float(text: &str) -> String {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match is_integer && digits.parse::<u64>().is_err() {
        true => format!("{text}.0"),
        false => text.to_ascii_lowercase(),
    }
}

/// Returns a string literal.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let escape = |byte: u8| format!("\\{byte:03o}");
    let mut literal = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => literal.extend(['\\', character]),
                '\n' => literal.push_str("\\n"),
                character if character.is_ascii_control() => {
                    literal.extend(u8::try_from(character).map(escape));
                }
                character => literal.push(character),
            }
        }
        literal.extend(chunk.invalid().iter().map(|&byte| escape(byte)));
    }
    literal.push('"');
    literal
}

/// Returns a string literal of what is escaped already, as the default of a bytes field is in a descriptor.
pub(super) fn quoted_again(escaped: &str) -> String {
    let mut literal = String::from("\"");
    let mut characters = escaped.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => literal.extend([character, characters.next().unwrap_or('\\')]),
            '"' => literal.push_str("\\\""),
            '\n' => literal.push_str("\\n"),
            character => literal.push(character),
        }
    }
    literal.push('"');
    literal
}
