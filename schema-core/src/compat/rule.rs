//! The rules of compatibility as data: what each one is called and what it says.
//!
//! Ids are those that Confluent's registry answers with (`SchemaIncompatibilityType` of Java Avro,
//! `Difference.Type` of the registry's `protobuf.diff` and `json.diff`), so that a search for one finds their documentation as well. Rules
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

impl Rule {
    /// Returns why there is no [`Witness`](super::Witness) where one was looked for and not found.
    #[must_use]
    pub fn without_witness(&self) -> &'static str {
        match self.id {
            "SCHEMA_TYPE_CHANGED" => "readers expect another format, whatever the value is",
            "PACKAGE_CHANGED" | "MESSAGE_REMOVED" | "FIELD_NAMED_TYPE_CHANGED" | "NAME_MISMATCH" => {
                "names are not written: our decoder reads every value, where nothing else has changed"
            }
            "REQUIRED_FIELD_ADDED" => {
                "our decoder takes the default for a required field that is missing; others refuse it"
            }
            "FIELD_DEFAULT_CHANGED" | "ENUM_DEFAULT_CHANGED" => "it takes a value of a third version to show it",
            "FIELD_JSON_NAME_CHANGED" | "ENUM_VALUE_CHANGED" => "the bytes are read; what differs is their JSON",
            "LOGICAL_TYPE_CHANGED" => "our decoder keeps the value's meaning; others do not",
            _ => "no small value was found that shows it",
        }
    }
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
    // Ours: what a registry and the files disagree about.
    RELEASED_VERSION_DIFFERS: "a released version is what the registry has in its place",
    REGISTERED_VERSION_UNKNOWN: "every version that the registry has is a file",
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

    // Ours, for `--strict`: Java Avro and Confluent's registry accept these.
    FIELD_DEFAULT_CHANGED: "a default stays the same, so that old and new readers take the same value for a field that is not written",
    ENUM_DEFAULT_CHANGED: "the default of an enum stays the same",
    FIELD_ALIAS_TAKEN: "an alias is not the name of another field of the same record",
    BYTES_READ_AS_STRING: "bytes do not become text: not all of them are UTF-8",
    PROMOTION_LOSES_DIGITS: "a whole number is not promoted to a type that cannot hold all of its digits",

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

    // Ours, for `--strict`: Confluent's registry compares fields by their numbers, and enums not at all.
    FIELD_NUMBER_CHANGED: "a field of the same name keeps its number",
    FIELD_JSON_NAME_CHANGED: "a field of the same number keeps its name in JSON",
    FIELD_VALUES_NARROWED: "a field can hold every value that it could before",
    ENUM_VALUE_CHANGED: "a value of an enum keeps its name and its number",

    // JSON Schema.
    TYPE_CHANGED: "a schema keeps its type, or becomes one that accepts more",
    TYPE_NARROWED: "a number does not become an integer",
    SCHEMA_ADDED: "no schema is added where there was none",
    MAX_LENGTH_ADDED: "no `maxLength` is added",
    MAX_LENGTH_DECREASED: "`maxLength` is not decreased",
    MIN_LENGTH_ADDED: "no `minLength` is added",
    MIN_LENGTH_INCREASED: "`minLength` is not increased",
    PATTERN_ADDED: "no `pattern` is added",
    PATTERN_CHANGED: "a `pattern` stays the same: whether one accepts more than another is not asked",
    MAXIMUM_ADDED: "no `maximum` is added",
    MAXIMUM_DECREASED: "`maximum` is not decreased",
    MINIMUM_ADDED: "no `minimum` is added",
    MINIMUM_INCREASED: "`minimum` is not increased",
    EXCLUSIVE_MAXIMUM_ADDED: "no `exclusiveMaximum` is added",
    EXCLUSIVE_MAXIMUM_DECREASED: "`exclusiveMaximum` is not decreased",
    EXCLUSIVE_MINIMUM_ADDED: "no `exclusiveMinimum` is added",
    EXCLUSIVE_MINIMUM_INCREASED: "`exclusiveMinimum` is not increased",
    MULTIPLE_OF_ADDED: "no `multipleOf` is added",
    MULTIPLE_OF_EXPANDED: "`multipleOf` does not become a multiple of itself",
    MULTIPLE_OF_CHANGED: "`multipleOf` becomes a divisor of itself at most",
    ENUM_ARRAY_NARROWED: "no value is removed from an `enum`",
    ENUM_ARRAY_CHANGED: "no value of an `enum` is replaced",
    REQUIRED_ATTRIBUTE_ADDED: "a property that becomes required has a default",
    MAX_PROPERTIES_ADDED: "no `maxProperties` is added",
    MAX_PROPERTIES_DECREASED: "`maxProperties` is not decreased",
    MIN_PROPERTIES_ADDED: "no `minProperties` is added",
    MIN_PROPERTIES_INCREASED: "`minProperties` is not increased",
    ADDITIONAL_PROPERTIES_REMOVED: "`additionalProperties` are not forbidden where they were allowed",
    ADDITIONAL_PROPERTIES_NARROWED: "`additionalProperties` are not limited by a schema where they were open",
    DEPENDENCY_ARRAY_ADDED: "no property depends on others where it did not",
    DEPENDENCY_ARRAY_EXTENDED: "no property depends on more others",
    DEPENDENCY_ARRAY_CHANGED: "no property depends on other properties than before",
    DEPENDENCY_SCHEMA_ADDED: "no property asks for a schema where it did not",
    PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL: "no property with a schema of its own is added to an object that is open to any",
    REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL: "a required property that is added has a default",
    PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: "a property that is added accepts what additional or pattern properties did in its place",
    PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL: "no property is removed from an object that allows no others",
    PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: "a property that is removed fits the additional or pattern properties",
    MAX_ITEMS_ADDED: "no `maxItems` is added",
    MAX_ITEMS_DECREASED: "`maxItems` is not decreased",
    MIN_ITEMS_ADDED: "no `minItems` is added",
    MIN_ITEMS_INCREASED: "`minItems` is not increased",
    UNIQUE_ITEMS_ADDED: "items do not become unique",
    ADDITIONAL_ITEMS_REMOVED: "additional items are not forbidden where they were allowed",
    ADDITIONAL_ITEMS_NARROWED: "additional items are not limited by a schema where they were open",
    ITEM_ADDED_TO_OPEN_CONTENT_MODEL: "no item with a schema of its own is added to a tuple that is open to any",
    ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: "an item that is added to a tuple accepts what additional items did in its place",
    ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL: "no item is removed from a tuple that allows no others",
    ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: "an item that is removed from a tuple fits the additional items",
    COMBINED_TYPE_CHANGED: "`allOf`, `anyOf` and `oneOf` stay, or become `anyOf`",
    COMBINED_TYPE_SUBSCHEMAS_CHANGED: "each combined schema has a counterpart that it is compatible with",
    PRODUCT_TYPE_EXTENDED: "no schema is added to `allOf`",
    SUM_TYPE_NARROWED: "no schema is removed from `anyOf` or `oneOf`",
    NOT_TYPE_EXTENDED: "`not` excludes no more than before",

    // Lints, of one version alone.
    TYPE_NAME_CASE: "a record, enum, fixed or message has a name in UpperCamelCase",
    FIELD_NAME_CASE: "a field has a name in snake_case",
    SYMBOL_CASE: "a symbol has a name in UPPER_SNAKE_CASE",
    NAMESPACE_MISSING: "a schema has a namespace or a package",
    DOC_MISSING: "a type or a field says what it stands for",
    DEFAULT_MISSING: "a field has a default, so that a later version can drop it",
    ENUM_DEFAULT_MISSING: "an enum has a default, so that readers survive symbols to come",
    ENUM_ZERO_VALUE: "the value 0 of a Protobuf enum stands for nothing being said",
    MONEY_AS_FLOAT: "an amount of money is no float",
    TIME_AS_NUMBER: "a point in time has a type that says so",
    PERSONAL_DATA_UNMARKED: "personal data is marked with \"pii\": true",
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::compat::{Level, Options, check_with, parse_any};

    /// The schemas of a page: what stands in the code block under a heading.
    fn block(page: &str, heading: &str) -> Option<(Format, String)> {
        let (_, rest) = page.split_once(&format!("\n## {heading}\n```"))?;
        let (language, rest) = rest.split_once('\n')?;
        let (text, _) = rest.split_once("\n```")?;
        let format = match language {
            "proto" => Format::Protobuf,
            "jsonschema" => Format::Json,
            _ => Format::Avro,
        };
        Some((format, text.to_owned()))
    }

    fn findings(options: Options, older: &(Format, String), newer: &(Format, String)) -> Vec<&'static str> {
        let parse = |(format, text): &(Format, String)| parse_any(*format, "example", text, &[]).unwrap();
        let (older, newer) = (parse(older), parse(newer));
        let report = check_with(options, Level::Backward, &[("v1".into(), &older)], ("v2".into(), &newer));
        report.findings.iter().chain(&report.warnings).map(|finding| finding.rule.id).collect()
    }

    #[test]
    fn the_examples_of_the_pages_are_true() {
        let (mut examples, mut untrue) = (0, Vec::new());
        for rule in ALL {
            assert!(rule.page.starts_with(&format!("# {}\n", rule.id)), "{}", rule.id);
            let Some(older) = block(rule.page, "The old version") else { continue };
            let newer = block(rule.page, "The new version, which breaks").unwrap();
            let strict = Options { strict: true, ..Options::default() };
            let is_found_at_once = findings(Options::default(), &older, &newer).contains(&rule.id);
            let options = if is_found_at_once { Options::default() } else { strict };
            let found = findings(options, &older, &newer);
            untrue.extend((!found.contains(&rule.id)).then(|| format!("{}: {found:?}", rule.id)));
            if let Some(mended) = block(rule.page, "The new version, mended") {
                let found = findings(options, &older, &mended);
                untrue.extend((!found.is_empty()).then(|| format!("{}, mended: {found:?}", rule.id)));
            }
            examples += 1;
        }
        assert_eq!(untrue, [""; 0]);
        assert!(examples >= 18, "only {examples} pages have an example");
    }

    #[test]
    fn rules_have_names_of_their_own() {
        let ids: std::collections::BTreeSet<_> = ALL.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), ALL.len());
    }
}
