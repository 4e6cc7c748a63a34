//! The rules of compatibility as data: what each one is called and what it says.
//!
//! Ids are those that Confluent's registry answers with (`SchemaIncompatibilityType` of Java Avro,
//! `protobuf.diff.Difference.Type` of the registry), so that a search for one finds their documentation as well. Rules
//! that those two do not have are marked so.

/// One reason why one version cannot read what another one writes.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The name in messages, such as `READER_FIELD_MISSING_DEFAULT_VALUE`.
    pub id: &'static str,
    /// What the rule says, in one sentence.
    pub summary: &'static str,
    /// What `eventwright explain` prints: why it is a rule, an example, and how to mend what breaks it, in Markdown.
    pub page: &'static str,
}

macro_rules! rules {
    ($($id:ident: $summary:literal,)*) => {
        $(
            #[doc = $summary]
            pub static $id: Rule = Rule {
                id: stringify!($id),
                summary: $summary,
                page: include_str!(concat!("../../rules/", stringify!($id), ".md")),
            };
        )*

        /// All rules.
        pub static ALL: &[&Rule] = &[$(&$id),*];
    };
}

rules! {
    // Any format.
    SCHEMA_TYPE_CHANGED: "two versions of one subject have the same schema language",
    // Ours: Confluent's registry overflows its stack, or does not answer.
    TOO_COMPLEX: "types are few enough, and nested no deeper, than can be compared",

    // Ours: the lock's.
    RELEASED_VERSION_CHANGED: "a released version says what it said when it was released",
    RELEASED_VERSION_REMOVED: "a released version keeps its file",
    RELEASED_OUT_OF_ORDER: "versions are released in the order of their numbers",
    // Ours: where Confluent's registry says yes, and yet no value comes out.
    READER_CANNOT_DECODE: "a reader can decode what every version wrote that it promises to read",

    // Avro.
    NAME_MISMATCH: "a record, enum or fixed has the same name in both versions, or the reader's aliases say the old one",
    FIXED_SIZE_MISMATCH: "a fixed has the same size in both versions",
    MISSING_ENUM_SYMBOLS: "the reader's enum has every symbol of the writer's, or a default",
    READER_FIELD_MISSING_DEFAULT_VALUE: "a field that only the reader has comes with a default",
    TYPE_MISMATCH: "the reader's type is the writer's, or one that the writer's is promoted to",
    MISSING_UNION_BRANCH: "the reader's union has a branch for everything that the writer writes",
    // Ours: Java Avro throws, and Confluent's registry answers with the exception's text.
    AMBIGUOUS_FIELD_ALIAS: "a reader's field, by name and aliases, is one field of the writer's",
    // Ours, a warning: Java Avro does not look at logical types.
    LOGICAL_TYPE_CHANGED: "a logical type keeps its meaning: its unit, and a decimal's scale",

    // Protobuf.
    PACKAGE_CHANGED: "the package stays the same",
    MESSAGE_REMOVED: "no message is removed or renamed",
    FIELD_KIND_CHANGED: "a field stays a scalar, a message or a map",
    FIELD_SCALAR_KIND_CHANGED: "a scalar field keeps its encoding on the wire",
    FIELD_NAMED_TYPE_CHANGED: "a field of a message type keeps that type, and the type stays compatible",
    FIELD_NUMERIC_LABEL_CHANGED: "a numeric field keeps its label: repeated numbers are packed",
    REQUIRED_FIELD_ADDED: "no required field is added",
    REQUIRED_FIELD_REMOVED: "no required field is removed",
    ONEOF_FIELD_REMOVED: "no field is removed from a oneof that stays",
    MULTIPLE_FIELDS_MOVED_TO_ONEOF: "at most one existing field moves into a oneof",
    FIELD_MOVED_TO_EXISTING_ONEOF: "no existing field moves into a oneof that has fields already",
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::compat::{Level, check, parse_any};

    /// The schemas of a page: what stands in the code block under a heading.
    fn block(page: &str, heading: &str) -> Option<(Format, String)> {
        let (_, rest) = page.split_once(&format!("\n## {heading}\n```"))?;
        let (language, rest) = rest.split_once('\n')?;
        let (text, _) = rest.split_once("\n```")?;
        let format = if language == "proto" { Format::Protobuf } else { Format::Avro };
        Some((format, text.to_owned()))
    }

    fn findings(older: &(Format, String), newer: &(Format, String)) -> Vec<&'static str> {
        let parse = |(format, text): &(Format, String)| parse_any(*format, "example", text, &[]).unwrap();
        let report = check(Level::Backward, &[("v1".into(), &parse(older))], ("v2".into(), &parse(newer)));
        report.findings.iter().chain(&report.warnings).map(|finding| finding.rule.id).collect()
    }

    #[test]
    fn the_examples_of_the_pages_are_true() {
        let mut examples = 0;
        for rule in ALL {
            assert!(rule.page.starts_with(&format!("# {}\n", rule.id)), "{}", rule.id);
            let Some(older) = block(rule.page, "The old version") else { continue };
            let newer = block(rule.page, "The new version, which breaks").unwrap();
            assert!(findings(&older, &newer).contains(&rule.id), "{}: {:?}", rule.id, findings(&older, &newer));
            if let Some(mended) = block(rule.page, "The new version, mended") {
                assert_eq!(findings(&older, &mended), [""; 0], "{}", rule.id);
            }
            examples += 1;
        }
        assert!(examples >= 18, "only {examples} pages have an example");
    }

    #[test]
    fn rules_have_names_of_their_own() {
        let ids: std::collections::BTreeSet<_> = ALL.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), ALL.len());
    }
}
