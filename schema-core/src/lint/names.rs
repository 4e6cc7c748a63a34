//! What a name is made of and what it promises.

/// Words that are amounts of money.
const MONEY: [&str; 11] =
    ["amount", "price", "cost", "fee", "total", "subtotal", "balance", "salary", "tax", "revenue", "payment"];

/// Words that are about people, alone or two in a row.
const PERSONAL: [&str; 20] = [
    "email",
    "e mail",
    "phone",
    "mobile",
    "ssn",
    "passport",
    "birthday",
    "birthdate",
    "birth date",
    "dob",
    "first name",
    "last name",
    "full name",
    "surname",
    "address",
    "iban",
    "card number",
    "ip address",
    "password",
    "nationality",
];

/// Returns the words of a name, whether it is in snake case or in camel case: `unitPrice` is `unit` and `price`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = '_';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let next_is_lower = letters.peek().is_some_and(|next| next.is_lowercase());
        let begins = letter.is_uppercase() && (!last.is_uppercase() || next_is_lower);
        if last == '_' || begins {
            words.push(String::new());
        }
        if letter != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        last = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns the name in snake case, `unit_price`.
pub(super) fn snake_case(name: &str) -> String {
    words(name).join("_")
}

/// Returns the name in upper snake case, `UNIT_PRICE`.
pub(super) fn upper_snake_case(name: &str) -> String {
    snake_case(name).to_uppercase()
}

/// Returns whether a name is in upper camel case, `OrderCreated`; abbreviations may be written as they are.
pub(super) fn is_upper_camel_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_uppercase()) && !name.contains('_')
}

/// Returns the name in upper camel case.
pub(super) fn upper_camel_case(name: &str) -> String {
    let capital = |word: String| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    words(name).into_iter().map(capital).collect()
}

pub(super) fn is_money(name: &str) -> bool {
    words(name).iter().any(|word| MONEY.contains(&word.strip_suffix('s').unwrap_or(word)))
}

pub(super) fn is_personal(name: &str) -> bool {
    let words = words(name);
    let pairs = words.iter().zip(words.iter().skip(1)).map(|(first, second)| format!("{first} {second}"));
    words.iter().cloned().chain(pairs).any(|word| PERSONAL.contains(&word.as_str()))
}

/// Returns whether a name is that of a point in time.
pub(super) fn is_time(name: &str) -> bool {
    let words = words(name);
    let last = words.last().map(String::as_str);
    matches!(last, Some("timestamp" | "at")) && (words.len() > 1 || last == Some("timestamp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_every_case() {
        let check = |name: &str, expected: &[&str]| assert_eq!(words(name), expected, "{name}");
        check("unit_price", &["unit", "price"]);
        check("unitPrice", &["unit", "price"]);
        check("HTTPServer2", &["http", "server2"]);
        check("__ORDER__ID_", &["order", "id"]);
        check("", &[]);
        assert_eq!(upper_camel_case("order_line"), "OrderLine");
        assert_eq!(upper_snake_case("inTransit"), "IN_TRANSIT");
    }

    #[test]
    fn names_promise_what_people_mean_by_them() {
        assert!(is_money("unitPrice") && is_money("total") && !is_money("priceless_things") && !is_money("quantity"));
        assert!(is_personal("customerEmail") && is_personal("first_name") && !is_personal("name"));
        assert!(is_time("created_at") && is_time("timestamp") && !is_time("at") && !is_time("attempt"));
    }
}
