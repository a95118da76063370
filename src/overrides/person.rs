//! Persons: whether two names are those of one person.

use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

/// Returns whether two names are those of one person.
///
/// Blanks, case, compatible forms (NFKC), characters without a shape and letters that look alike
/// (the skeleton of UTS 39) make no other name: a Cyrillic letter in `Ann` is still Ann.
pub fn is_same_person(one: &str, other: &str) -> bool {
    name(one) == name(other)
}

/// Returns whether a name is one of a list.
pub fn is_listed(name: &str, list: &[String]) -> bool {
    list.iter().any(|listed| is_same_person(name, listed))
}

fn name(text: &str) -> String {
    let is_visible = |c: &char| !c.is_whitespace() && !c.is_control() && !has_no_shape(*c);
    let folded: String = text.nfkc().filter(is_visible).collect::<String>().to_lowercase();
    // Some skeletons are capital letters.
    skeleton(&folded).collect::<String>().to_lowercase()
}

/// The soft hyphen, joiners, direction marks and the byte order mark.
const fn has_no_shape(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_case_forms_and_look_alikes_make_no_other_person() {
        for same in ["ann b.", "Ann  B.", "\u{FF21}nn B.", "\u{0430}nn b.", "ann\u{200B} b."] {
            assert!(is_same_person("Ann B.", same), "{same:?}");
        }
        for (one, other) in [("paul", "pau1"), ("Zoë", "Zoe\u{0308}"), ("bob", "b\u{043E}b")] {
            assert!(is_same_person(one, other), "{one} {other}");
        }
        for (one, other) in [("ann", "anna"), ("ann", "bob"), ("zoe", "zoë")] {
            assert!(!is_same_person(one, other), "{one} {other}");
        }
        assert!(is_listed("BOB", &["carol".to_owned(), "bob".to_owned()]) && !is_listed("dan", &[]));
    }
}
