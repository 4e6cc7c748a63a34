//! The macros of templates.

/// Returns Rust text: what is given, with `#name` for the value of a variable, `#(#name)*` for each of several,
/// `#(#name),*` with commas between them and `#(#name,)*` with one behind each.
macro_rules! quote {
    () => { $crate::rust::TokenStream::new() };
    ($($template:tt)+) => {{
        let mut code = $crate::rust::TokenStream::new();
        $crate::rust::push_template!(code; $($template)+);
        code
    }};
}

/// Appends a template, token by token; the names of a path are known to belong together, and appended at once.
macro_rules! push_template {
    ($code:ident;) => {};
    ($code:ident; #$name:ident $($rest:tt)*) => {
        $crate::rust::ToTokens::to_tokens(&$name, &mut $code);
        $crate::rust::push_template!($code; $($rest)*);
    };
    ($code:ident; #(#$name:ident)* $($rest:tt)*) => {
        for one in $name {
            $crate::rust::ToTokens::to_tokens(&one, &mut $code);
        }
        $crate::rust::push_template!($code; $($rest)*);
    };
    ($code:ident; #(#$name:ident,)* $($rest:tt)*) => {
        for one in $name {
            $crate::rust::ToTokens::to_tokens(&one, &mut $code);
            $code.token(",");
        }
        $crate::rust::push_template!($code; $($rest)*);
    };
    ($code:ident; #(#$name:ident),* $($rest:tt)*) => {
        for (index, one) in $name.into_iter().enumerate() {
            if index > 0 {
                $code.token(",");
            }
            $crate::rust::ToTokens::to_tokens(&one, &mut $code);
        }
        $crate::rust::push_template!($code; $($rest)*);
    };
    ($code:ident; #[doc = #$name:ident] $($rest:tt)*) => {
        $code.doc(&$name);
        $crate::rust::push_template!($code; $($rest)*);
    };
    ($code:ident; #[doc = $text:literal] $($rest:tt)*) => {
        $code.doc($text);
        $crate::rust::push_template!($code; $($rest)*);
    };
    ($code:ident; ($($inner:tt)*) $($rest:tt)*) => {
        $code.token("(");
        $crate::rust::push_template!($code; $($inner)*);
        $code.token(")");
        $crate::rust::push_template!($code; $($rest)*);
    };
    ($code:ident; [$($inner:tt)*] $($rest:tt)*) => {
        $code.token("[");
        $crate::rust::push_template!($code; $($inner)*);
        $code.token("]");
        $crate::rust::push_template!($code; $($rest)*);
    };
    ($code:ident; {$($inner:tt)*} $($rest:tt)*) => {
        $code.token("{");
        $crate::rust::push_template!($code; $($inner)*);
        $code.token("}");
        $crate::rust::push_template!($code; $($rest)*);
    };
    ($code:ident; ::$a:ident::$b:ident::$c:ident::$d:ident $($rest:tt)*) => {
        $code.token(concat!("::", stringify!($a), "::", stringify!($b), "::", stringify!($c), "::", stringify!($d)));
        $crate::rust::push_template!($code; $($rest)*);
    };
    ($code:ident; ::$a:ident::$b:ident::$c:ident $($rest:tt)*) => {
        $code.token(concat!("::", stringify!($a), "::", stringify!($b), "::", stringify!($c)));
        $crate::rust::push_template!($code; $($rest)*);
    };
    ($code:ident; ::$a:ident::$b:ident $($rest:tt)*) => {
        $code.token(concat!("::", stringify!($a), "::", stringify!($b)));
        $crate::rust::push_template!($code; $($rest)*);
    };
    ($code:ident; $token:tt $($rest:tt)*) => {
        $code.token(stringify!($token));
        $crate::rust::push_template!($code; $($rest)*);
    };
}

/// Returns the identifier that `format!` makes.
macro_rules! format_ident {
    ($($format:tt)*) => { $crate::rust::Ident::new(::std::format!($($format)*)) };
}

pub(crate) use {format_ident, push_template, quote};
