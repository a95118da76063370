//! Delimited: the cells of a line, with quotes where the format has them.

use std::borrow::Cow;

use crate::formats::Delimited;

/// Cuts a line into cells; several blanks in a row are one delimiter.
pub fn cells<'b>(line: &'b [u8], format: &Delimited, cells: &mut Vec<Cow<'b, [u8]>>) {
    cells.clear();
    let (delimiter, quote) = (format.delimiter, format.quote);
    let mut rest = line;
    loop {
        if delimiter == b' ' {
            rest = rest.trim_ascii_start();
            if rest.is_empty() {
                return;
            }
        }
        let quoted = match rest.first() {
            Some(first) if Some(*first) == quote => Some(&rest[1..]),
            _ => None,
        };
        let (cell, behind) = match quoted {
            Some(inside) => match closing(inside, *rest.first().unwrap_or(&b'"'), delimiter) {
                Some(at) => (&inside[..at], inside.get(at + 1..).unwrap_or_default()),
                None => (inside, &b""[..]),
            },
            None => {
                let end = memchr::memchr(delimiter, rest).unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        cells.push(Cow::Borrowed(cell));
        match behind.strip_prefix(&[delimiter]) {
            Some(next) => rest = next,
            None => return,
        }
    }
}

/// Returns the position of the quote that ends a cell: not escaped, and before a delimiter.
fn closing(text: &[u8], quote: u8, delimiter: u8) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(quote, text.get(from..)?)?;
        let backslashes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        let is_last = text.get(at + 1).is_none_or(|next| *next == delimiter);
        if backslashes % 2 == 0 && is_last {
            return Some(at);
        }
        // A doubled quote is one inside the cell.
        from = at + 1 + usize::from(text.get(at + 1) == Some(&quote));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(line: &str, delimiter: u8, quote: Option<u8>) -> Vec<String> {
        let format = Delimited { delimiter, quote, columns: Vec::new(), least: None, header: None };
        let mut found = Vec::new();
        cells(line.as_bytes(), &format, &mut found);
        found.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
    }

    #[test]
    fn quotes_hold_delimiters() {
        let alb = |line| cut(line, b' ', Some(b'"'));
        assert_eq!(alb(r#"h 1  "GET /a b" "x \" y" -"#), ["h", "1", "GET /a b", r#"x \" y"#, "-"]);
        assert_eq!(alb(r#"h "a "b" c" d"#), ["h", "a \"b", "c\"", "d"]);
        assert_eq!(alb(r#"h "not closed"#), ["h", "not closed"]);
        assert_eq!(alb(""), [""; 0]);
        assert_eq!(cut("a\t\tb\t", b'\t', None), ["a", "", "b", ""]);
    }
}
