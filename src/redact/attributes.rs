//! Attributes: closed lists and patterns of what a log may say of a recipient and a client.

/// Platforms of clients that the platform documents.
const PLATFORMS: [&str; 8] = ["android", "smba", "ios", "smbi", "kaios", "web", "windows", "mac"];

/// Returns whether a text is a country or a part of one in ISO 3166: `TR`, `UA-43`.
pub fn is_area(text: &str) -> bool {
    let (country, part) = text.split_once('-').unwrap_or((text, "0"));
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (1..=3).contains(&part.len())
        && part.bytes().all(is_part)
}

/// Returns whether a text is a documented platform of clients, in any case.
pub fn is_platform(text: &str) -> bool {
    PLATFORMS.iter().any(|known| known.eq_ignore_ascii_case(text))
}

/// Returns whether a text is up to six numbers of at most four digits, with points between.
pub fn is_version(text: &str) -> bool {
    let is_number = |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    text.split('.').count() <= 6 && text.split('.').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_kept_if_they_are_of_a_closed_list_or_pattern() {
        for (text, want) in [("TR", true), ("UA-43", true), ("tr", false), ("Erika", false), ("491", false)] {
            assert_eq!(is_area(text), want, "{text}");
        }
        assert!(is_platform("Android") && !is_platform("Erika"));
        for (text, want) in
            [("2.21.15.15", true), ("2.2130.10", true), ("49176.1", false), ("a.1", false), ("1..2", false)]
        {
            assert_eq!(is_version(text), want, "{text}");
        }
    }
}
