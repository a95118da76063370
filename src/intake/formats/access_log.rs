//! Access log: one line of Apache or nginx text, common or combined, into a row.
//!
//! `host ident user [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 203023 "referer" "agent"`

use crate::config::Field;
use crate::intake::rows::raw_row::{LogValue, RawRow};

/// Reads one line into `row`, which must be clear.
///
/// # Errors
/// A part of the line is missing; the message says which.
pub fn read<'b>(line: &'b [u8], row: &mut RawRow<'b>) -> Result<(), String> {
    // A user name may contain blanks, so the timestamp is found by its bracket.
    let open = memchr::memmem::find(line, b" [").ok_or("no [timestamp]")?;
    let close = open + memchr::memchr(b']', &line[open..]).ok_or("no ] after the timestamp")?;
    let head = &line[..open];
    if head.iter().filter(|b| **b == b' ').count() < 2 {
        return Err("fewer than three fields before the timestamp".into());
    }
    row.set(Field::Ts as usize, 0, LogValue::text(&line[open + 2..close]));

    let rest = line[close + 1..].strip_prefix(b" \"").ok_or("no \"request line\" after the timestamp")?;
    let end = closing_quote(rest).ok_or("the \"request line\" is not closed")?;
    let request = &rest[..end];
    let mut words = request.split(|b| *b == b' ');
    let endpoint = words.nth(1).unwrap_or(request);
    row.set(Field::Endpoint as usize, 0, LogValue::text(endpoint));

    let tail = rest[end + 1..].strip_prefix(b" ").ok_or("no status after the request line")?;
    let status = &tail[..memchr::memchr(b' ', tail).unwrap_or(tail.len())];
    row.set(Field::HttpStatus as usize, 0, LogValue::text(status));
    Ok(())
}

/// Returns the position of the quote that ends the request line.
///
/// Inside the request line both servers escape a quote, with a backslash (Apache) or as `\x22`
/// (nginx).
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'"', &text[from..])?;
        let backslashes = text[..at].iter().rev().take_while(|b| **b == b'\\').count();
        if backslashes % 2 == 0 {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: &str) -> Result<(String, String, String), String> {
        let mut row = RawRow::new();
        read(line.as_bytes(), &mut row)?;
        let text = |f| match row.get(f) {
            LogValue::Text(t) => String::from_utf8_lossy(t).into_owned(),
            other => format!("{other:?}"),
        };
        Ok((text(Field::Ts), text(Field::Endpoint), text(Field::HttpStatus)))
    }

    #[test]
    fn common_and_combined_lines() {
        let want = Ok(("17/May/2015:10:05:03 +0000".into(), "/a?b=c".into(), "200".into()));
        for line in [
            r#"83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 203023"#,
            r#"::1 - john doe [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 - "http://x/" "Mozilla \"5\"""#,
            r#"h - - [17/May/2015:10:05:03 +0000] "GET /a?b=c" 200"#,
        ] {
            assert_eq!(row(line), want, "{line}");
        }
        assert_eq!(row(r#"h - - [t] "\x16\x03" 400 0"#).unwrap().2, "400");
        assert_eq!(row(r#"h - - [t] "GET /\" HTTP/1.0" 404 0"#).unwrap().1, r#"/\""#);
    }

    #[test]
    fn other_lines_say_what_is_missing() {
        assert!(row("hello").unwrap_err().contains("timestamp"));
        assert!(row("a b c [t").unwrap_err().contains(']'));
        assert!(row("a [t] \"GET / HTTP/1.1\" 200 1").unwrap_err().contains("three fields"));
        assert!(row("a b c [t] GET").unwrap_err().contains("request line"));
        assert!(row("a b c [t] \"GET / HTTP").unwrap_err().contains("not closed"));
        assert!(row("a b c [t] \"GET /\"").unwrap_err().contains("status"));
    }
}
