//! Lays a JSON text out: only white space changes, so that what a schema says, down to its comments, stays as it is.
//!
//! A value stands on one line if it fits; the root and the `fields` of a record have a line for each of their own.

use super::string_len;

/// How long a line may be.
const WIDTH: usize = 120;

/// What one level is set in by.
const INDENT: &str = "  ";

/// Returns the text in the project's layout, ending in a line feed; or where it is no JSON, and why.
///
/// # Errors
/// A text that is no JSON: the byte, and what is wrong there.
pub fn format_json(text: &str) -> Result<String, (usize, String)> {
    super::parse(text)?;
    let mut tokens = Tokens { rest: text.trim_start_matches('\u{feff}'), is_new_line: true };
    let mut writer = Writer { out: String::with_capacity(text.len()), level: 0 };
    let Some(root) = tokens.item() else { return Err((0, "the file is empty".into())) };
    writer.own_lines(&root.comments);
    writer.node(&root.node, true);
    writer.behind(root.behind);
    for comment in tokens.comments() {
        writer.out.push('\n');
        writer.out.push_str(comment);
    }
    writer.out.push('\n');
    Ok(writer.out)
}

/// A value with the comments that belong to it.
struct Item<'t> {
    /// On lines of their own, before it.
    comments: Vec<&'t str>,
    key: Option<&'t str>,
    node: Node<'t>,
    /// Behind it, on the same line.
    behind: Option<&'t str>,
}

enum Node<'t> {
    Scalar(&'t str),
    Container(Container<'t>),
}

/// An object or an array.
struct Container<'t> {
    brackets: [char; 2],
    items: Vec<Item<'t>>,
    /// Behind the last item.
    comments: Vec<&'t str>,
    /// How long it is on one line; `None` where it must not stand on one.
    width: Option<usize>,
}

impl Item<'_> {
    /// Returns how long the item is on a line of others.
    fn width(&self) -> Option<usize> {
        let is_alone = !self.comments.is_empty() || self.behind.is_some() || self.is_list_of_fields();
        let node = match &self.node {
            Node::Scalar(text) => text.chars().count(),
            Node::Container(container) => container.width?,
        };
        (!is_alone).then(|| node + self.key.map_or(0, |key| key.chars().count() + 2))
    }

    fn is_list_of_fields(&self) -> bool {
        let is_list = matches!(&self.node, Node::Container(list) if list.brackets[0] == '[' && !list.items.is_empty());
        self.key == Some("\"fields\"") && is_list
    }
}

impl Container<'_> {
    fn measured(mut self) -> Self {
        const BRACKETS: usize = 2;
        const COMMA: usize = 2;
        let items: Option<usize> = self.items.iter().map(|item| item.width().map(|width| width + COMMA)).sum();
        let is_free = self.comments.is_empty();
        self.width = items.filter(|_| is_free).map(|width| width.saturating_sub(COMMA) + BRACKETS);
        self
    }
}

/// The text from where it is read on; it was parsed before, so that it holds what is looked for.
struct Tokens<'t> {
    rest: &'t str,
    /// Whether a line has ended since the last value.
    is_new_line: bool,
}

impl<'t> Tokens<'t> {
    /// Takes an item with its comments; `None` at the end of a container or of the text.
    fn item(&mut self) -> Option<Item<'t>> {
        let before = self.rest;
        let mut comments = self.comments();
        let Some(first) = self.rest.chars().next().filter(|first| !matches!(first, ']' | '}')) else {
            self.rest = before;
            return None;
        };
        let mut node = self.node(first);
        comments.extend(self.comments_until(':'));
        let mut key = None;
        if let (Node::Scalar(text), Some(rest)) = (&node, self.rest.strip_prefix(':')) {
            key = Some(*text);
            self.rest = rest;
            comments.extend(self.comments());
            node = self.node(self.rest.chars().next().unwrap_or(' '));
        }
        comments.extend(self.comments_until(','));
        self.is_new_line = false;
        self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
        Some(Item { comments, key, node, behind: self.comment_behind() })
    }

    fn node(&mut self, first: char) -> Node<'t> {
        let close = match first {
            '{' => '}',
            '[' => ']',
            '"' => return Node::Scalar(self.take(string_len(self.rest))),
            _ => {
                let is_end = |letter: char| letter.is_whitespace() || matches!(letter, ',' | ':' | ']' | '}' | '/');
                return Node::Scalar(self.take(self.rest.find(is_end).unwrap_or(self.rest.len())));
            }
        };
        self.take(1);
        let items: Vec<_> = std::iter::from_fn(|| self.item()).collect();
        let comments = self.comments();
        self.take(1);
        Node::Container(Container { brackets: [first, close], items, comments, width: None }.measured())
    }

    /// Takes the comments up to the next token.
    fn comments(&mut self) -> Vec<&'t str> {
        std::iter::from_fn(|| self.comment()).collect()
    }

    /// Takes comments if they stand before that punctuation; else they belong to what comes next.
    fn comments_until(&mut self, punctuation: char) -> Vec<&'t str> {
        let before = self.rest;
        let comments = self.comments();
        if self.rest.starts_with(punctuation) {
            return comments;
        }
        self.rest = before;
        Vec::new()
    }

    fn comment(&mut self) -> Option<&'t str> {
        let text = self.rest.trim_start();
        self.is_new_line |= self.rest.get(..self.rest.len() - text.len()).is_some_and(|space| space.contains('\n'));
        self.rest = text;
        let len = match text.get(..2)? {
            "//" => text.find('\n').unwrap_or(text.len()),
            "/*" => text.find("*/").map_or(text.len(), |end| end + 2),
            _ => return None,
        };
        Some(self.take(len).trim_end())
    }

    /// Takes a comment that stands on the line of the value before it.
    fn comment_behind(&mut self) -> Option<&'t str> {
        let before = self.rest;
        let comment = self.comment();
        if self.is_new_line || comment.is_none() {
            self.rest = before;
            return None;
        }
        comment
    }

    fn take(&mut self, len: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }
}

struct Writer {
    out: String,
    level: usize,
}

impl Writer {
    fn node(&mut self, node: &Node<'_>, is_root: bool) {
        match node {
            Node::Scalar(text) => self.out.push_str(text),
            Node::Container(container) => self.container(container, is_root),
        }
    }

    fn container(&mut self, container: &Container<'_>, is_root: bool) {
        const COMMA: usize = 1;
        let Container { brackets: [open, close], items, comments, width } = container;
        self.out.push(*open);
        let column = self.out.len() - self.out.rfind('\n').map_or(0, |newline| newline + 1);
        let is_empty = items.is_empty() && comments.is_empty();
        let fits = width.is_some_and(|width| column + width + COMMA <= WIDTH + 1);
        if is_empty || (fits && !is_root) {
            self.on_one_line(items);
        } else if items.iter().all(|item| item.key.is_none() && matches!(item.node, Node::Scalar(_)) && is_plain(item))
        {
            self.filled(items, comments);
        } else {
            self.on_lines(items, comments);
        }
        self.out.push(*close);
    }

    fn on_one_line(&mut self, items: &[Item<'_>]) {
        for (index, item) in items.iter().enumerate() {
            self.out.push_str(if index == 0 { "" } else { ", " });
            self.item(item);
        }
    }

    /// A line for each item.
    fn on_lines(&mut self, items: &[Item<'_>], comments: &[&str]) {
        self.level += 1;
        for (index, item) in items.iter().enumerate() {
            for comment in &item.comments {
                self.new_line();
                self.out.push_str(comment);
            }
            self.new_line();
            self.item(item);
            self.out.push_str(if index + 1 < items.len() { "," } else { "" });
            self.behind(item.behind);
        }
        self.end(comments);
    }

    /// As many symbols a line as fit.
    fn filled(&mut self, items: &[Item<'_>], comments: &[&str]) {
        self.level += 1;
        let mut width = WIDTH;
        for (index, item) in items.iter().enumerate() {
            let comma = if index + 1 < items.len() { "," } else { "" };
            let len = item.width().unwrap_or(0) + comma.len();
            if width + 1 + len > WIDTH {
                self.new_line();
                width = self.level * INDENT.len() + len;
            } else {
                self.out.push(' ');
                width += 1 + len;
            }
            self.item(item);
            self.out.push_str(comma);
        }
        self.end(comments);
    }

    fn item(&mut self, item: &Item<'_>) {
        if let Some(key) = item.key {
            self.out.push_str(key);
            self.out.push_str(": ");
        }
        self.node(&item.node, item.is_list_of_fields());
    }

    fn end(&mut self, comments: &[&str]) {
        for comment in comments {
            self.new_line();
            self.out.push_str(comment);
        }
        self.level -= 1;
        self.new_line();
    }

    fn own_lines(&mut self, comments: &[&str]) {
        for comment in comments {
            self.out.push_str(comment);
            self.out.push('\n');
        }
    }

    fn behind(&mut self, comment: Option<&str>) {
        if let Some(comment) = comment {
            self.out.push(' ');
            self.out.push_str(comment);
        }
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(INDENT, self.level));
    }
}

fn is_plain(item: &Item<'_>) -> bool {
    item.comments.is_empty() && item.behind.is_none()
}

#[cfg(test)]
mod tests {
    use super::super::compact_json;
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(format_json(text).unwrap(), expected);
        assert_eq!(format_json(expected).unwrap(), expected, "it stays so");
        assert_eq!(compact_json(expected), compact_json(text), "nothing but layout changes");
    }

    #[test]
    fn what_fits_stands_on_one_line_but_the_root_and_fields() {
        check(
            r#"{"type":"record","name":"A","fields":[{"name":"b","type":{"type":"record","name":"B","fields":[{"name":"c","type":["null" ,"int"],"default":null}]}},{"name":"d", "type" : {"type":"array","items":[]}}]}"#,
            "{
  \"type\": \"record\",
  \"name\": \"A\",
  \"fields\": [
    {
      \"name\": \"b\",
      \"type\": {
        \"type\": \"record\",
        \"name\": \"B\",
        \"fields\": [
          {\"name\": \"c\", \"type\": [\"null\", \"int\"], \"default\": null}
        ]
      }
    },
    {\"name\": \"d\", \"type\": {\"type\": \"array\", \"items\": []}}
  ]
}
",
        );
        check(" \"string\" ", "\"string\"\n");
        check("{\"type\": \"record\", \"fields\": []}", "{\n  \"type\": \"record\",\n  \"fields\": []\n}\n");
        check("[]", "[]\n");
    }

    #[test]
    fn symbols_fill_lines() {
        let symbols: Vec<String> = (0..20).map(|number| format!("\"SYMBOL_{number:02}\"")).collect();
        let formatted = format_json(&format!("{{\"symbols\": [{}]}}", symbols.join(","))).unwrap();
        assert_eq!(formatted.lines().count(), 7, "{formatted}");
        assert!(formatted.lines().all(|line| line.len() <= WIDTH), "{formatted}");
    }

    #[test]
    fn comments_stay_with_what_they_are_about() {
        check(
            "// top\n{ // of the record\n\"a\": 1, // of a\n  /* before b */ \"b\" : [ 1, // one\n 2 ]\n // last\n}\n// end",
            "// top
{
  // of the record
  \"a\": 1, // of a
  /* before b */
  \"b\": [
    1, // one
    2
  ]
  // last
}
// end
",
        );
    }

    #[test]
    fn texts_of_strings_and_numbers_are_kept() {
        check(r#"{"a": "\u00e9 // \" ", "b": 1.50e+3}"#, "{\n  \"a\": \"\\u00e9 // \\\" \",\n  \"b\": 1.50e+3\n}\n");
    }

    #[test]
    fn what_is_no_json_has_a_place() {
        assert_eq!(format_json("{\"a\": }").map_err(|(offset, _)| offset), Err(6));
    }
}
