//! Names that a registry's names become: of events, types and folders. Whatever comes in, what comes out are letters, digits and
//! underscores, and no name is given twice.

use std::collections::BTreeSet;
use std::path::Path;

/// The names and folders that are taken.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Without what Rust modules cannot tell apart.
    names: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Taken {
    pub(super) fn name(&mut self, name: &str) {
        self.names.insert(flat(name));
    }

    pub(super) fn folder(&mut self, folder: &str) {
        self.folders.insert(folder.to_lowercase());
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(&flat(name))
    }

    /// Returns a free name for what has that full name: its last part, with more of the parts before where it is taken.
    pub(super) fn free_name(&mut self, full_name: &str) -> String {
        let parts: Vec<&str> = full_name.split(['.', '/']).filter(|part| !part.is_empty()).collect();
        let with = |count: usize| {
            upper_camel(&parts.iter().skip(parts.len().saturating_sub(count)).copied().collect::<Vec<_>>().join("_"))
        };
        let by_parts = (1..=parts.len().clamp(1, 4)).map(with);
        let numbered = (2_u32..).map(|number| format!("{}{number}", with(1)));
        let found = by_parts.chain(numbered).find(|name| !self.has(name)).expect("numbers do not end");
        self.name(&found);
        found
    }

    /// Returns a folder that neither a manifest nor the disk has.
    pub(super) fn free_folder(&mut self, root: &Path, wanted: &str) -> String {
        let numbered = (2_u32..).map(|number| format!("{wanted}_{number}"));
        let is_free = |folder: &String| !self.folders.contains(&folder.to_lowercase()) && !root.join(folder).exists();
        let found = std::iter::once(wanted.to_owned()).chain(numbered).find(is_free).expect("numbers do not end");
        self.folder(&found);
        found
    }
}

fn flat(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

/// How long a name becomes at most; a folder of it must fit into a file system.
const MAX_LEN: usize = 100;

/// Returns a name in UpperCamelCase of whatever text.
pub(super) fn upper_camel(text: &str) -> String {
    let mut out = String::new();
    for word in text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let (first, rest) = word.split_at(1);
        out.push_str(&first.to_ascii_uppercase());
        out.push_str(rest);
    }
    out.truncate(MAX_LEN);
    if out.chars().next().is_none_or(|first| first.is_ascii_digit()) { format!("Event{out}") } else { out }
}

/// Returns a name for a folder: lowercase words with underscores.
pub(super) fn snake(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            out.push('_');
            continue;
        }
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        let begins = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase() && letters.get(at + 1).is_some_and(char::is_ascii_lowercase))
            });
        out.push_str(if begins { "_" } else { "" });
        out.push(letter.to_ascii_lowercase());
    }
    out.truncate(MAX_LEN);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_name_and_a_folder() {
        let check =
            |text: &str, name: &str, folder: &str| assert_eq!((&*upper_camel(text), &*snake(text)), (name, folder));
        check("OrderCreated", "OrderCreated", "order_created");
        check("order_created", "OrderCreated", "order_created");
        check("HTTPRequest2Sent", "HTTPRequest2Sent", "http_request2_sent");
        check("../../etc/passwd", "EtcPasswd", "______etc_passwd");
        check("7up", "Event7up", "7up");
        check("é", "Event", "_");
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut taken = Taken::default();
        let names = ["com.a.Order", "com.b.Order", "com.b.order", "Order"].map(|name| taken.free_name(name));
        assert_eq!(names, ["Order", "BOrder", "ComBOrder", "Order2"]);
        let nowhere = Path::new("/nowhere");
        assert_eq!(["a", "A", "a"].map(|folder| taken.free_folder(nowhere, folder)), ["a", "A_2", "a_3"]);
    }
}
