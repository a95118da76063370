//! Shape: what a text is made of, shown where the text itself could name a person.

use super::redacted;

/// Returns whether a text looks like a name that somebody gave to a service or a place.
///
/// It has at most 32 characters of `[a-z0-9._-]`, and at most four digits in a row.
pub fn is_clear_name(name: &[u8]) -> bool {
    let is_of_names =
        |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    (1..=32).contains(&name.len())
        && name.iter().all(is_of_names)
        && name.split(|b| !b.is_ascii_digit()).all(|digits| digits.len() <= 4)
}

/// Returns the shape of a text, of at most `limit` characters: what it is made of, and not what it
/// says.
///
/// Letters become `a` or `A`, digits of any script `9`; ASCII punctuation and blanks stay, all else
/// is `?`.
pub fn shape(bytes: &[u8], limit: usize) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(limit * 4)]);
    let mut shown: String = text.chars().take(limit).map(shape_of).collect();
    if text.chars().nth(limit).is_some() || bytes.len() > limit * 4 {
        shown.push('…');
    }
    shown
}

fn shape_of(c: char) -> char {
    match c {
        c if c.is_numeric() => '9',
        c if c.is_uppercase() => 'A',
        c if c.is_alphabetic() => 'a',
        ' ' | '!'..='~' => c,
        _ => '?',
    }
}

/// Returns values of a log for a message, each as [`value`] shows it.
pub fn values<'a>(all: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> String {
    let mut shown = String::new();
    for one in all {
        if shown.len() > limit {
            shown.push('…');
            break;
        }
        shown.push_str(if shown.is_empty() { "" } else { ", " });
        shown.push_str(&value(one.trim_ascii(), 40));
    }
    shown
}

/// Returns a value of a log for a message: as it is if it can say nothing about a person, else its
/// shape.
///
/// Shown as they are: names ([`is_clear_name`], or the same in capitals alone) with at most six
/// digits in all, numbers of at most six digits, dates and instants.
pub fn value(bytes: &[u8], limit: usize) -> String {
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    let number = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let is_number =
        !number.is_empty() && digits <= 6 && number.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let is_in_capitals = !bytes.iter().any(u8::is_ascii_lowercase);
    let is_name = is_clear_name(bytes) || (is_in_capitals && is_clear_name(&bytes.to_ascii_lowercase()));
    // Addresses and tokens can look like names and numbers.
    let masks_nothing = || redacted(bytes, limit).as_bytes() == bytes;
    let is_word = (is_number || (is_name && digits <= 6)) && masks_nothing();
    if bytes.len() <= limit && (is_word || is_instant(bytes)) {
        String::from_utf8_lossy(bytes).into_owned()
    } else {
        shape(bytes, limit)
    }
}

/// Returns whether a text begins with a date and has nothing but the characters of an instant.
fn is_instant(text: &[u8]) -> bool {
    let date = b"9999-99-99";
    let is_like = |(b, like): (&u8, &u8)| if *like == b'9' { b.is_ascii_digit() } else { b == like };
    (date.len()..=35).contains(&text.len())
        && text.iter().zip(date).all(is_like)
        && text.iter().all(|b| b.is_ascii_digit() || b"-:.,+TZ ".contains(b))
        && text.split(|b| matches!(b, b'.' | b',')).count() <= 2
        && !has_digits(text, 10)
        && !text.split(|b| matches!(b, b'.' | b',')).next().is_some_and(|whole| has_digits(whole, 5))
}

fn has_digits(text: &[u8], in_a_row: usize) -> bool {
    text.split(|b| !b.is_ascii_digit()).any(|digits| digits.len() >= in_a_row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_of_a_text_says_nothing_of_what_it_means() {
        assert_eq!(
            shape(br#"{"to":"+49 176-12 34","pin":"\u0041"}"#, 60),
            r#"{"aa":"+99 999-99 99","aaa":"\a9999"}"#
        );
        assert_eq!(shape("Jürgen ٤٩١٧ \u{202e}".as_bytes(), 60), "Aaaaaa 9999 ?");
        assert_eq!(shape(b"password=hunter2", 9), "aaaaaaaa=…");
        assert_eq!(shape(&[0xff, b'a'], 9), "?a");
    }

    #[test]
    fn values_are_shown_if_they_can_say_nothing_about_a_person() {
        for (text, want) in [
            ("refused", "refused"),
            ("REFUSED", "REFUSED"),
            ("Refused", "Aaaaaaa"),
            ("eu-west-1", "eu-west-1"),
            ("999", "999"),
            ("-1.5", "-1.5"),
            ("2026-13-45T99:00:00Z", "2026-13-45T99:00:00Z"),
            ("4917612345678", "9999999999999"),
            ("555-010-0199", "999-999-9999"),
            ("Erika Mustermann", "Aaaaa Aaaaaaaaaa"),
            ("4111 1111 1111 1111", "9999 9999 9999 9999"),
            ("password=hunter2", "aaaaaaaa=aaaaaa9"),
            ("a@b.de", "a@a.aa"),
            ("10.0.0.1", "99.9.9.9"),
            ("abcdefgh12ijklmnopqrst", "aaaaaaaa99aaaaaaaaaaaa"),
            ("2026-11-20 491761234", "9999-99-99 999999999"),
            ("2026-11-20T10:00:00.123456789Z", "2026-11-20T10:00:00.123456789Z"),
            ("", ""),
        ] {
            assert_eq!(value(text.as_bytes(), 60), want, "{text}");
        }
    }
}
