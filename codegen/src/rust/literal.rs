//! Literals: numbers without suffix, text and bytes.

use super::{ToTokens, TokenStream};

/// A literal as Rust text.
#[derive(Debug, Clone)]
pub(crate) struct Literal(String);

impl Literal {
    /// A float; it must be finite.
    pub(crate) fn f64_unsuffixed(value: f64) -> Self {
        let text = value.to_string();
        Self(if text.contains('.') { text } else { format!("{text}.0") })
    }

    /// An integer as 16 hexadecimal digits.
    pub(crate) fn hexadecimal(value: u64) -> Self {
        Self(format!("{value:#018x}"))
    }

    /// Text.
    pub(crate) fn string(text: &str) -> Self {
        Self(format!("{text:?}"))
    }

    /// Text as a raw string, so that it can be read in the generated file.
    pub(crate) fn raw_string(text: &str) -> Self {
        // A raw string cannot hold a carriage return.
        if text.contains('\r') {
            return Self::string(text);
        }
        let mut hashes = String::from("#");
        while text.contains(&format!("\"{hashes}")) {
            hashes.push('#');
        }
        Self(format!("r{hashes}\"{text}\"{hashes}"))
    }

    /// Bytes, as a reference to an array.
    pub(crate) fn byte_string(bytes: &[u8]) -> Self {
        Self(format!("b\"{}\"", bytes.escape_ascii()))
    }
}

macro_rules! integers {
    ($($name:ident: $type:ty),*) => {
        impl Literal {
            $(
                #[doc = concat!("An integer of the type `", stringify!($type), "`.")]
                pub(crate) fn $name(value: $type) -> Self {
                    Self(value.to_string())
                }
            )*
        }
    };
}

integers! {
    i8_unsuffixed: i8, i16_unsuffixed: i16, i32_unsuffixed: i32, i64_unsuffixed: i64, i128_unsuffixed: i128,
    u8_unsuffixed: u8, u32_unsuffixed: u32, u128_unsuffixed: u128, usize_unsuffixed: usize
}

impl ToTokens for Literal {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.word(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_what_rust_reads() {
        let check = |literal: Literal, expected: &str| assert_eq!(literal.0, expected);
        check(Literal::i64_unsuffixed(-5), "-5");
        check(Literal::f64_unsuffixed(1e3), "1000.0");
        check(Literal::f64_unsuffixed(0.1), "0.1");
        check(Literal::hexadecimal(0xabc), "0x0000000000000abc");
        check(Literal::string("a\"\n\u{301}"), r#""a\"\n\u{301}""#);
        check(Literal::raw_string("a\"# b"), "r##\"a\"# b\"##");
        check(Literal::raw_string("a\r"), r#""a\r""#);
        check(Literal::byte_string(b"a\"\x00\xff"), r#"b"a\"\x00\xff""#);
    }
}
