//! Breaks Rust text into lines and indents them: a line for each statement, field and match arm, a blank line between
//! items, and long lists broken up. So it can be read, and compared from build to build; it is not rustfmt's form.
//!
//! In: what templates gave, in one line. Out: the lines. Brackets and literals are told apart, and nothing else.

mod wrap;

/// Returns the text in lines.
pub(crate) fn layout(code: &str) -> String {
    // Indentation takes about as much as the text.
    let mut page = Page { text: String::with_capacity(2 * code.len()), ..Page::default() };
    let mut rest = code;
    while let Some(at) = rest.bytes().position(is_structural) {
        let (before, from) = rest.split_at(at);
        page.push(before);
        rest = page.structural(from);
    }
    page.push(rest);
    page.end_line();
    page.text
}

fn is_structural(byte: u8) -> bool {
    matches!(byte, b'"' | b'/' | b'{' | b'}' | b'(' | b')' | b'[' | b']' | b'<' | b'>' | b',' | b';')
}

/// Returns how long the literal is that `from` begins with; `before` it stands what makes it a raw one.
fn literal_length(before: &str, from: &str) -> usize {
    let unhashed = before.trim_end_matches('#');
    if unhashed.ends_with('r') {
        let end = format!("\"{}", "#".repeat(before.len() - unhashed.len()));
        let inside = from.get(1..).and_then(|inside| inside.find(&end));
        return inside.map_or(from.len(), |at| 1 + at + end.len());
    }
    let mut is_escaped = true;
    let end = from.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(from.len(), |at| at + 1)
}

/// The lines so far, and the one that is being put together.
#[derive(Default)]
struct Page {
    text: String,
    line: String,
    /// What is open, from the outside inwards.
    open: Vec<Open>,
    depth: usize,
    previous: Line,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Open {
    /// The braces of a module or an implementation.
    Items,
    Brace,
    /// Braces with commas in them.
    List,
    Bracket,
    Attribute,
    Angle,
}

/// What the previous line was.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Line {
    /// It opens a block, or there is none.
    #[default]
    Opening,
    /// It belongs to what follows: documentation or an attribute.
    Attached,
    /// It closes a block.
    Closing,
    Other,
}

impl Page {
    /// Takes what begins with a structural byte, and returns what is behind that.
    fn structural<'c>(&mut self, from: &'c str) -> &'c str {
        let (sign, rest) = from.split_at(1);
        // An arrow closes nothing.
        let is_arrow = sign == ">" && self.line.ends_with(['-', '=']);
        let mut closed = None;
        match sign {
            "\"" => return self.literal(from),
            "/" if from.starts_with("///") => return self.documentation(from),
            "{" => return self.open_block(rest),
            "}" => return self.close_block(rest),
            "<" => self.open.push(Open::Angle),
            "[" if self.line.ends_with('#') => self.open.push(Open::Attribute),
            "(" | "[" => self.open.push(Open::Bracket),
            ")" | "]" => closed = self.close(),
            ">" if !is_arrow => drop(self.open.pop_if(|open| *open == Open::Angle)),
            _ => {}
        }
        self.line.push_str(sign);
        if (matches!(sign, "," | ";") || closed == Some(Open::Attribute)) && self.is_in_block() {
            if let (",", Some(open)) = (sign, self.open.last_mut()) {
                *open = Open::List;
            }
            self.end_line();
        }
        rest
    }

    fn push(&mut self, text: &str) {
        self.line.push_str(if self.line.is_empty() { text.trim_start() } else { text });
    }

    fn literal<'c>(&mut self, from: &'c str) -> &'c str {
        let (literal, rest) = from.split_at(literal_length(&self.line, from));
        self.line.push_str(literal);
        rest
    }

    fn documentation<'c>(&mut self, from: &'c str) -> &'c str {
        let (line, rest) = from.split_once('\n').unwrap_or((from, ""));
        self.end_line();
        self.line.push_str(line);
        self.end_line();
        rest
    }

    fn open_block<'c>(&mut self, rest: &'c str) -> &'c str {
        self.line.push('{');
        if let Some(rest) = rest.trim_start().strip_prefix('}') {
            self.line.push('}');
            return self.behind_block(rest);
        }
        let has_items = ["pub mod", "mod", "impl", "const _"].iter().any(|word| self.line.starts_with(word));
        self.end_line();
        self.open.push(if has_items { Open::Items } else { Open::Brace });
        self.depth += 1;
        rest
    }

    fn close_block<'c>(&mut self, rest: &'c str) -> &'c str {
        // The last one of several has a comma like the others.
        if self.open.last() == Some(&Open::List) && !self.line.trim_end().is_empty() {
            self.line.truncate(self.line.trim_end().len());
            self.line.push(',');
        }
        self.end_line();
        self.close();
        self.depth = self.depth.saturating_sub(1);
        self.line.push('}');
        self.behind_block(rest)
    }

    /// Ends the line, unless what follows belongs to the block.
    fn behind_block<'c>(&mut self, rest: &'c str) -> &'c str {
        let next = rest.trim_start();
        if next.starts_with([',', ';', '.', '?', ')', ']']) {
            return next;
        }
        if next.starts_with("else") {
            self.line.push(' ');
        } else if self.is_in_block() {
            self.end_line();
        }
        next
    }

    fn is_in_block(&self) -> bool {
        matches!(self.open.last(), None | Some(Open::Items | Open::Brace | Open::List))
    }

    /// Closes the innermost that is open, and any `<` in it, which was none.
    fn close(&mut self) -> Option<Open> {
        while self.open.pop_if(|open| *open == Open::Angle).is_some() {}
        self.open.pop()
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        let kind = match line {
            _ if line.starts_with("///") || line.starts_with("#[") => Line::Attached,
            _ if line.ends_with('{') => Line::Opening,
            _ if line.starts_with('}') => Line::Closing,
            _ => Line::Other,
        };
        let among_items = matches!(self.open.last(), None | Some(Open::Items));
        let apart = match self.previous {
            Line::Opening | Line::Attached => false,
            Line::Closing => true,
            Line::Other => kind != Line::Other,
        };
        if among_items && apart && !line.starts_with('}') {
            self.text.push('\n');
        }
        wrap::write(line, self.depth, &mut self.text);
        self.previous = kind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, expected: &str) {
        assert_eq!(layout(code), expected);
    }

    #[test]
    fn blocks_are_indented_and_items_stand_apart() {
        check(
            "pub mod a {use b; use c; /// d\n#[derive(D)] pub struct E {/// f\npub g: H<I, J>, #[k] pub l: [u8; 4]} \
             impl M for E {fn n(&self) {} fn o(&self) -> P {match q {0 => r(), _ => {s(); t()}}}}}",
            "pub mod a {\n    use b;\n    use c;\n\n    /// d\n    #[derive(D)]\n    pub struct E {\n        /// f\n        \
             pub g: H<I, J>,\n        #[k]\n        pub l: [u8; 4],\n    }\n\n    impl M for E {\n        fn n(&self) {}\n\n        \
             fn o(&self) -> P {\n            match q {\n                0 => r(),\n                _ => {\n                    \
             s();\n                    t()\n                }\n            }\n        }\n    }\n}\n",
        );
    }

    #[test]
    fn what_follows_a_block_in_an_expression_stays_on_its_line() {
        check(
            "fn a() {items(a, |x| {y(x); z}).field(\"}\")?; if b {c} else {d}}",
            "fn a() {\n    items(a, |x| {\n        y(x);\n        z\n    }).field(\"}\")?;\n    if b {\n        c\n    } else {\n        \
             d\n    }\n}\n",
        );
    }

    #[test]
    fn literals_are_left_alone() {
        for literal in [r#""a { b; \" } c""#, "r#\"{\n  \"a\": [1, \"}\"],\n}\"#", r#""\\""#, r#"b"{;""#] {
            check(&format!("a({literal}); b"), &format!("a({literal});\nb\n"));
        }
    }
}
