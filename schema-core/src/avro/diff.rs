//! What two Avro schemas differ in. Types are compared by name, so that each is compared once, wherever it is used.

use std::collections::{HashMap, HashSet};

use eventwright_wire::avro::Logical;

use super::{Body, Field, Kind, Name, Named, NamedId, Node, Schema, Span};
use crate::diff::{Change, ChangeKind, paired};

pub(crate) fn diff(old: &Schema, new: &Schema) -> Vec<Change> {
    let mut diff = Diff { old, new, changes: Vec::new() };
    diff.root();
    let partners = partners(old, new);
    for (id, named) in new.all_named() {
        match partners.get(&id) {
            Some(older) => diff.named(old.named(*older), named),
            None => diff.alone(ChangeKind::Added, named),
        }
    }
    let kept: HashSet<&NamedId> = partners.values().collect();
    for (_, named) in old.all_named().filter(|(id, _)| !kept.contains(id)) {
        diff.alone(ChangeKind::Removed, named);
    }
    diff.changes
}

/// Returns the older type that each newer one was: of its full name, of one of its aliases, or, where nothing else is left,
/// of its simple name; and the roots are each other's, whatever they are called.
fn partners(old: &Schema, new: &Schema) -> HashMap<NamedId, NamedId> {
    let full: HashMap<&Name, NamedId> = old.all_named().map(|(id, named)| (&named.name, id)).collect();
    let simple: HashMap<&str, NamedId> = old.all_named().map(|(id, named)| (named.name.simple.as_str(), id)).collect();
    let roots = old.root_named().zip(new.root_named()).map(|((older, _), (newer, _))| (newer, older));
    let mut partners: HashMap<NamedId, NamedId> = roots.into_iter().collect();
    let mut taken: HashSet<NamedId> = partners.values().copied().collect();
    for rule in 0..3 {
        for (id, named) in new.all_named() {
            let was = match rule {
                0 => full.get(&named.name),
                1 => named.aliases.iter().find_map(|alias| full.get(alias)),
                _ => simple.get(named.name.simple.as_str()),
            };
            if let (false, Some(&older)) = (partners.contains_key(&id), was)
                && taken.insert(older)
            {
                partners.insert(id, older);
            }
        }
    }
    partners
}

/// What a change is about: its path, and where it stands in the newer text.
type Place<'p> = (&'p str, Span);

struct Diff<'a> {
    old: &'a Schema,
    new: &'a Schema,
    changes: Vec<Change>,
}

impl Diff<'_> {
    /// Compares what the schemas as a whole are, where one of them is no named type.
    fn root(&mut self) {
        let (older, newer) = (self.old.root(), self.new.root());
        if self.old.root_named().is_some() && self.new.root_named().is_some() {
            return;
        }
        let texts = (type_text(self.old, older), type_text(self.new, newer));
        self.compare(ChangeKind::Retyped, "schema", ("/", newer.span), texts);
    }

    fn alone(&mut self, kind: ChangeKind, named: &Named) {
        let path = named.name.full();
        match kind {
            ChangeKind::Removed => self.removed(named.word(), &path, String::new(), named.name_span),
            _ => self.push(kind, named.word(), (&path, named.name_span), (String::new(), String::new())),
        }
    }

    fn named(&mut self, old: &Named, new: &Named) {
        let path = new.name.simple.clone();
        let at = (path.as_str(), new.name_span);
        if old.name != new.name {
            self.push(ChangeKind::Renamed, new.word(), at, (old.name.full(), new.name.full()));
        }
        let names = |aliases: &[Name]| aliases.iter().map(Name::full).collect::<Vec<_>>();
        self.set("alias", at, &names(&old.aliases), &names(&new.aliases));
        self.doc(at, old.doc.as_ref(), new.doc.as_ref());
        match (&old.body, &new.body) {
            (Body::Record(older), Body::Record(newer)) => self.fields(&path, older, newer),
            (
                Body::Enum { symbols: older, default: old_default },
                Body::Enum { symbols: newer, default: new_default },
            ) => {
                self.set("symbol", at, older, newer);
                self.order("symbols", at, &common(older, newer), &common(newer, older));
                let texts = (old_default.clone().unwrap_or_default(), new_default.clone().unwrap_or_default());
                self.compare(ChangeKind::Changed, "default", at, texts);
            }
            (Body::Fixed(older), Body::Fixed(newer)) => {
                let text = |size: &usize, logical| format!("{size} bytes{}", logical_text(logical));
                let texts = (text(older, old.logical), text(newer, new.logical));
                self.compare(ChangeKind::Retyped, "fixed", at, texts);
            }
            _ => {
                let texts = (old.word().to_owned(), new.word().to_owned());
                self.push(ChangeKind::Retyped, "type", at, texts);
            }
        }
    }

    fn fields(&mut self, path: &str, old: &[Field], new: &[Field]) {
        let older: HashMap<&str, &Field> = old.iter().map(|field| (field.name.as_str(), field)).collect();
        let names: HashSet<&str> = new.iter().map(|field| field.name.as_str()).collect();
        // An alias says what a field was, unless another one still has that name.
        let by_alias = |field: &Field| {
            let free = field.aliases.iter().filter(|alias| !names.contains(alias.as_str()));
            free.into_iter().find_map(|alias| older.get(alias.as_str()).copied())
        };
        let mut kept: Vec<(&str, &str)> = Vec::new();
        for field in new {
            let path = format!("{path}.{}", field.name);
            match older.get(field.name.as_str()).copied().or_else(|| by_alias(field)) {
                Some(was) => {
                    kept.push((&was.name, &field.name));
                    self.field(&path, was, field);
                }
                None => {
                    let text = field_text(self.new, field);
                    self.push(ChangeKind::Added, "field", (&path, field.span), (String::new(), text));
                }
            }
        }
        let newer_names: HashMap<&str, &str> = kept.iter().copied().collect();
        for field in old.iter().filter(|field| !newer_names.contains_key(field.name.as_str())) {
            let text = field_text(self.old, field);
            self.removed("field", &format!("{path}.{}", field.name), text, field.span);
        }
        let old_order = old.iter().filter_map(|field| newer_names.get(field.name.as_str()).copied());
        let new_order: Vec<_> = kept.iter().map(|(_, name)| *name).collect();
        let at = new.first().map_or(self.new.root().span, |field| field.span);
        self.order("fields", (path, at), &old_order.collect::<Vec<_>>(), &new_order);
    }

    fn field(&mut self, path: &str, old: &Field, new: &Field) {
        let at = (path, new.span);
        if old.name != new.name {
            self.push(ChangeKind::Renamed, "field", at, (old.name.clone(), new.name.clone()));
        }
        let texts = (type_text(self.old, &old.node), type_text(self.new, &new.node));
        self.compare(ChangeKind::Retyped, "field", at, texts);
        let default = |field: &Field| field.default.as_ref().map(ToString::to_string).unwrap_or_default();
        self.compare(ChangeKind::Changed, "default", at, (default(old), default(new)));
        self.set("alias", at, &old.aliases, &new.aliases);
        self.doc(at, old.doc.as_ref(), new.doc.as_ref());
        let pii = |field: &Field| field.pii.to_string();
        self.compare(ChangeKind::Changed, "pii", at, (pii(old), pii(new)));
    }

    fn doc(&mut self, at: Place<'_>, old: Option<&String>, new: Option<&String>) {
        let text = |doc: Option<&String>| doc.map(|doc| format!("{doc:?}")).unwrap_or_default();
        self.compare(ChangeKind::Changed, "doc", at, (text(old), text(new)));
    }

    /// Compares lists whose order means nothing.
    fn set(&mut self, element: &'static str, at: Place<'_>, old: &[String], new: &[String]) {
        for pair in paired(old, new, |one| one.as_str()) {
            match pair {
                (None, Some(newer)) => {
                    self.push(ChangeKind::Added, element, at, (String::new(), newer.clone()));
                }
                (Some(older), None) => {
                    self.push(ChangeKind::Removed, element, at, (older.clone(), String::new()));
                }
                _ => {}
            }
        }
    }

    /// Compares the order of what both have.
    fn order(&mut self, element: &'static str, at: Place<'_>, old: &[&str], new: &[&str]) {
        if old != new {
            self.push(ChangeKind::Moved, element, at, (old.join(", "), new.join(", ")));
        }
    }

    fn compare(&mut self, kind: ChangeKind, element: &'static str, at: Place<'_>, texts: (String, String)) {
        if texts.0 != texts.1 {
            self.push(kind, element, at, texts);
        }
    }

    fn removed(&mut self, element: &'static str, path: &str, old: String, at: Span) {
        let (source, position) = self.old.position_of(at);
        let (source, path) = (source.to_owned(), path.to_owned());
        let new = String::new();
        self.changes.push(Change { kind: ChangeKind::Removed, element, path, old, new, source, position });
    }

    fn push(&mut self, kind: ChangeKind, element: &'static str, at: Place<'_>, (old, new): (String, String)) {
        let (path, span) = at;
        let (source, position) = self.new.position_of(span);
        let (source, path) = (source.to_owned(), path.to_owned());
        self.changes.push(Change { kind, element, path, old, new, source, position });
    }
}

/// Returns what another list has too.
fn common<'a>(list: &'a [String], other: &[String]) -> Vec<&'a str> {
    let other: HashSet<&String> = other.iter().collect();
    list.iter().filter(|one| other.contains(one)).map(String::as_str).collect()
}

fn field_text(schema: &Schema, field: &Field) -> String {
    let default = field.default.as_ref().map(|default| format!(" = {default}")).unwrap_or_default();
    type_text(schema, &field.node) + &default
}

/// Returns a type in a line: `null | map of Money`, `long (timestamp-millis)`.
fn type_text(schema: &Schema, node: &Node) -> String {
    let text = match &node.kind {
        Kind::Array(items) => format!("array of {}", inner_text(schema, items)),
        Kind::Map(values) => format!("map of {}", inner_text(schema, values)),
        Kind::Union(branches) => {
            let branches: Vec<_> = branches.iter().map(|branch| inner_text(schema, branch)).collect();
            branches.join(" | ")
        }
        Kind::Named(id) => schema.named(*id).name.full(),
        other => other.word().to_owned(),
    };
    // A fixed has its logical type where it is defined.
    let logical = if matches!(node.kind, Kind::Named(_)) { Logical::None } else { node.logical };
    text + &logical_text(logical)
}

fn inner_text(schema: &Schema, node: &Node) -> String {
    let text = type_text(schema, node);
    if matches!(node.kind, Kind::Union(_)) { format!("({text})") } else { text }
}

fn logical_text(logical: Logical) -> String {
    match logical {
        Logical::None => String::new(),
        Logical::Decimal { precision, scale } => format!(" (decimal of {precision} digits, {scale} behind the point)"),
        other => format!(" ({})", other.name()),
    }
}
