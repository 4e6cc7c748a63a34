//! Rust text that is put together from templates in Rust's own syntax: `quote!`, and what can stand in it.
//!
//! In: templates, identifiers, literals. Out: text in one line, which [`layout`] breaks into lines and indents. The names
//! are those of the crates `quote` and `proc-macro2`, whose templates these are; but a token is appended to text at once.
//! Trees of tokens, which have to be parsed again before they can be printed, took nine tenths of the time of code
//! generation, and most of that of a build script, which cargo compiles without optimisation.

mod layout;
mod literal;
mod template;

use std::fmt;

pub(crate) use layout::layout;
pub(crate) use literal::Literal;
pub(crate) use template::{format_ident, push_template, quote};

/// Rust text in one line: tokens, each apart from its neighbours as rustfmt writes them.
#[derive(Debug, Clone, Default)]
pub(crate) struct TokenStream {
    text: String,
    last: Last,
    /// Whether the next bar closes the parameters of a closure.
    in_bars: bool,
}

/// What may follow the last token.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Last {
    /// Anything, without a space: `(`, `&`, `::`.
    #[default]
    Tight,
    /// A word behind a space, a sign without: `name`, `)`.
    Word,
    /// Most things behind a space: `=`, `,`, `impl`.
    Loose,
}

/// What a token or a text begins with.
#[derive(Clone, Copy, PartialEq)]
enum First {
    /// Never behind a space: `,`, `.`, `)`.
    Closing,
    /// Behind a space only where the last token asks for it: `(`, `::`.
    Opening,
    /// Behind a space, unless the last token forbids it.
    Word,
}

impl TokenStream {
    pub(crate) fn new() -> Self {
        // Most templates fit, so that text which grows by a token is seldom moved.
        Self { text: String::with_capacity(128), ..Self::default() }
    }

    /// Returns the text in one line.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends one token, or a path of several.
    pub(crate) fn token(&mut self, token: &str) {
        if token == "|" {
            return self.bar();
        }
        self.space_before(token);
        self.text.push_str(token);
        self.last = last_of(token);
    }

    /// Appends a word that is no keyword, whatever it begins with.
    fn word(&mut self, word: &str) {
        if self.last != Last::Tight {
            self.text.push(' ');
        }
        self.text.push_str(word);
        self.last = Last::Word;
    }

    /// Appends a line of documentation.
    pub(crate) fn doc(&mut self, text: &str) {
        for line in text.split('\n') {
            self.text.push_str("///");
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
        self.last = Last::Tight;
    }

    fn append(&mut self, other: &Self) {
        if !other.text.is_empty() {
            self.space_before(&other.text);
            self.text.push_str(&other.text);
            self.last = other.last;
        }
    }

    /// The bars around the parameters of a closure, or one between two texts that a pattern has; nothing else that is
    /// generated has bars.
    fn bar(&mut self) {
        if !self.in_bars && self.text.ends_with('"') {
            self.text.push_str(" |");
            self.last = Last::Loose;
            return;
        }
        if self.last != Last::Tight && !self.in_bars {
            self.text.push(' ');
        }
        self.text.push('|');
        self.last = if self.in_bars { Last::Loose } else { Last::Tight };
        self.in_bars = !self.in_bars;
    }

    fn space_before(&mut self, text: &str) {
        let spaced = match (self.last, first_of(text)) {
            (Last::Tight, _) | (_, First::Closing) => false,
            (Last::Loose, First::Opening) => !(text.starts_with('<') && self.text.ends_with("impl")),
            (Last::Word, First::Opening) => false,
            (_, First::Word) => true,
        };
        if spaced {
            self.text.push(' ');
        }
    }
}

fn first_of(text: &str) -> First {
    match text.as_bytes() {
        [b',' | b';' | b'?' | b')' | b']' | b'}' | b'>' | b'!', ..] => First::Closing,
        [b':', b':', ..] | [b'(' | b'[' | b'<', ..] => First::Opening,
        [b':', ..] => First::Closing,
        [b'.', b'.', ..] => First::Opening,
        [b'.', ..] => First::Closing,
        _ => First::Word,
    }
}

fn last_of(token: &str) -> Last {
    match token {
        "(" | "[" | "<" | "{" | "&" | "*" | "-" | "!" | "::" | "." | ".." | "#" => Last::Tight,
        "," | ";" | ":" | "=" | "=>" | "->" | "as" | "dyn" | "else" | "for" | "if" | "impl" | "in" | "let"
        | "match" | "move" | "mut" | "return" | "use" => Last::Loose,
        lifetime if lifetime.starts_with('\'') => Last::Loose,
        _ => Last::Word,
    }
}

impl fmt::Display for TokenStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What can stand in a template behind `#`.
pub(crate) trait ToTokens {
    /// Appends it.
    fn to_tokens(&self, tokens: &mut TokenStream);

    /// Returns it alone.
    fn to_token_stream(&self) -> TokenStream {
        let mut tokens = TokenStream::new();
        self.to_tokens(&mut tokens);
        tokens
    }
}

impl ToTokens for TokenStream {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append(self);
    }
}

impl<T: ToTokens + ?Sized> ToTokens for &T {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        (**self).to_tokens(tokens);
    }
}

impl<T: ToTokens> ToTokens for Option<T> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        if let Some(some) = self {
            some.to_tokens(tokens);
        }
    }
}

/// Text is a literal.
impl ToTokens for str {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        Literal::string(self).to_tokens(tokens);
    }
}

impl ToTokens for String {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.as_str().to_tokens(tokens);
    }
}

impl ToTokens for bool {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.word(if *self { "true" } else { "false" });
    }
}

/// An identifier, raw where it would be a keyword otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ident(String);

impl Ident {
    /// Takes text that is an identifier.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ToTokens for Ident {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.word(&self.0);
    }
}

/// A path, such as `::eventwright::wire`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path(String);

impl Path {
    /// Returns the path, if the text is one: identifiers between double colons.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let segments = text.strip_prefix("::").unwrap_or(text).split("::");
        let is_name = |mut segment: &str| {
            segment = segment.strip_prefix("r#").unwrap_or(segment);
            segment.starts_with(|first: char| first.is_alphabetic() || first == '_')
                && segment.chars().all(|one| one.is_alphanumeric() || one == '_')
        };
        segments.into_iter().all(is_name).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl ToTokens for Path {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.space_before(if self.0.starts_with("::") && tokens.last == Last::Word { "_" } else { &self.0 });
        tokens.text.push_str(&self.0);
        tokens.last = Last::Word;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stand_apart_as_rustfmt_writes_them() {
        let check = |code: TokenStream, expected: &str| assert_eq!(code.as_str(), expected);
        let (wire, name, text) = (Path::parse("::eventwright::wire").unwrap(), Ident::new("r#type"), "a \"b\"");
        let arms = [quote!(1 => Ok(())), quote!(other => Err(#wire::error(other, -1)))];
        check(
            quote!(impl<'a> #wire::Decode<'a> for #name where),
            "impl<'a> ::eventwright::wire::Decode<'a> for r#type where",
        );
        check(
            quote!(fn f(&self, x: &'a mut [u8; 4]) -> Result<&'static str, ()> { match *self { #(#arms,)* } }),
            "fn f(&self, x: &'a mut [u8; 4]) -> Result<&'static str, ()> \
             {match *self {1 => Ok(()), other => Err(::eventwright::wire::error(other, -1)),}}",
        );
        check(
            quote!(items(&self.#name, |writer, item| Encode::encode(item, writer)).field(#text)?;),
            r#"items(&self.r#type, |writer, item| Encode::encode(item, writer)).field("a \"b\"")?;"#,
        );
        check(
            quote!(
                #[must_use]
                pub(super) const A: bool = <X as Y>::B[0];
            ),
            "#[must_use] pub(super) const A: bool = <X as Y>::B[0];",
        );
        check(quote!(#[doc = " one"] let x = X { y: 1, ..z };), "/// one\nlet x = X {y: 1, ..z};");
    }

    #[test]
    fn a_path_is_identifiers_between_colons() {
        for path in ["::eventwright::wire", "crate::r#mod", "wire"] {
            assert_eq!(Path::parse(path).map(|path| path.0).as_deref(), Some(path));
        }
        for text in ["", "::", "a b", "a::", "1a", "a-b", "a:b"] {
            assert_eq!(Path::parse(text), None, "{text}");
        }
    }
}
