//! Redaction: log text that is safe to show, without control characters and personal data.

mod attributes;
mod hidden;
mod shape;

pub use attributes::{is_area, is_platform, is_version};
pub use hidden::{is_hidden, visible, visible_json, visible_lines};
pub use shape::{is_clear_name, shape, value, values};

/// Returns bytes as text that is safe to print, of at most `limit` characters.
///
/// Hidden characters ([`is_hidden`]) become `\u{..}`; a cut is marked by `…`.
pub fn printable(bytes: &[u8], limit: usize) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(limit * 4)]);
    let end = text.char_indices().nth(limit);
    let mut out = visible(&text[..end.map_or(text.len(), |(at, _)| at)]).into_owned();
    if end.is_some() {
        out.push('…');
    }
    out
}

/// Characters beyond an excerpt that are read to recognise a word at its end.
const LOOK_AHEAD: usize = 256;

/// Returns printable text in which everything that may identify a person is masked.
///
/// Masked are runs of seven and more digits (phone numbers; the runs of dates are shorter), numbers
/// that begin with a plus, IPv4 and e-mail addresses, message ids, tokens, and the query strings of
/// URLs.
pub fn redacted(bytes: &[u8], limit: usize) -> String {
    // Masked before it is cut, because half a token would not be recognised.
    let all = masked_text(&printable(bytes, limit + LOOK_AHEAD));
    match all.char_indices().nth(limit) {
        None => all,
        Some((at, _)) => format!("{}…", &all[..at]),
    }
}

fn masked_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '=' | '/') {
            word.push(c);
            continue;
        }
        if c == '@' {
            // An e-mail address: the text before and after the sign.
            out.push_str("[masked]");
            word.clear();
            while rest.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).is_some() {}
            continue;
        }
        out.push_str(&masked(&word));
        word.clear();
        out.push(c);
        if c == '?' {
            out.push_str("[masked]");
            while rest.next_if(|c| !c.is_whitespace() && !matches!(c, '"' | '\\')).is_some() {}
        } else if c == '+' {
            // `+1 (555) 010-0199`: digits with separators that people use; a zone's `+02:00` stays.
            let ahead: String =
                rest.clone().take_while(|c| c.is_ascii_digit() || " ()-./".contains(*c)).collect();
            if ahead.chars().filter(char::is_ascii_digit).count() >= 7 {
                out.push_str("[masked]");
                for _ in 0..ahead.trim_end().len() {
                    rest.next();
                }
            }
        }
    }
    out.push_str(&masked(&word));
    out
}

fn masked(word: &str) -> String {
    let has_long_number = || word.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() >= 7);
    // Base64 of message ids and tokens: long, without the separators of names, dates and paths.
    let is_token = || {
        word.len() >= 20
            && word.split(['/', '.', '-', '_']).any(|part| {
                part.len() >= 16
                    && part.bytes().any(|b| b.is_ascii_digit())
                    && part.bytes().any(|b| b.is_ascii_alphabetic())
            })
    };
    let is_address =
        || word.split('.').count() == 4 && word.split('.').all(|part| part.parse::<u8>().is_ok());
    if is_address() {
        return "[masked]".to_owned();
    }
    if word.starts_with("wamid.") || has_long_number() || is_token() {
        let kept: String = word.chars().take_while(char::is_ascii_alphabetic).take(6).collect();
        format!("{kept}[masked]")
    } else {
        word.to_owned()
    }
}

/// Returns a text on one line, of at most `limit` characters, as [`printable`] makes it.
pub fn line(text: &str, limit: usize) -> String {
    printable(text.as_bytes(), limit)
}

/// Replaces hidden characters but line ends and tabs; keeps the length.
///
/// The result has the same length in bytes, so that positions stay valid.
pub fn harmless(text: &str) -> String {
    let replaced = |c: char| match c {
        '\n' | '\r' | '\t' => String::from(c),
        c if is_hidden(c) && c.len_utf8() == '\u{fffd}'.len_utf8() => "\u{fffd}".to_owned(),
        c if is_hidden(c) => "?".repeat(c.len_utf8()),
        c => String::from(c),
    };
    text.chars().map(replaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_cannot_steer_a_terminal() {
        assert_eq!(printable(b"a\x1b[31mb\n", 60), "a\\u{1b}[31mb\\n");
        assert_eq!(printable("x\u{202e}y".as_bytes(), 60), "x\\u{202e}y");
        assert_eq!(printable(b"abcdef", 3), "abc…");
        assert_eq!(printable(b"\xff\xfe", 9), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn nothing_personal_is_shown() {
        assert_eq!(
            redacted(b"GET /v1/messages?to=me,you&access_token=abc HTTP", 160),
            "GET /v1/messages?[masked] HTTP"
        );
        assert_eq!(redacted(b"83.149.9.216 - a.b@c.de v2.21.15.15", 160), "[masked] - [masked] v2.21.15.15");
        assert_eq!(redacted(b"call +1 (555) 010-0199 now", 160), "call +[masked] now");
        assert_eq!(redacted(b"2026-11-20T10:07:00+02:00", 160), "2026-11-20T10:07:00+02:00");
        let row = br#"{"ts":"2026-11-20T10:07:00Z","message_id":"wamid.HBgLMTU1NTAwMDEyMzQVAgARGBI5","to":"15550001234","t":"EAAGm0PX4ZCpsBAKZCZA9ZCx","id":"+4915123456789","#;
        let shown = redacted(row, 160);
        for secret in ["HBgL", "15550001234", "4915123456789", "ZCpsBAK"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("2026-11-20T10:07:00Z"), "{shown}");
    }

    #[test]
    fn excerpts_steer_no_terminal_and_keep_their_places() {
        let text = "a = \"\u{1b}[31m\u{202e}\u{85}é\"\n";
        assert_eq!(harmless(text), "a = \"?[31m\u{fffd}??é\"\n");
        assert_eq!(harmless(text).len(), text.len());
    }

    #[test]
    fn what_does_not_show_is_spelled_out() {
        assert_eq!(
            line("a\u{202e}b\n\u{0}\u{ffff}\u{2028}é<&>", 300),
            "a\\u{202e}b\\n\\u{0}\\u{ffff}\\u{2028}é<&>"
        );
        assert!(line(&"x".repeat(10_000), 300).chars().count() <= 300 + 1);
    }
}
