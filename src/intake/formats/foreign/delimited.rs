//! Delimited: the cells of a line, with quotes where the format has them.

use crate::formats::Delimited;

/// Cuts a line into cells; several blanks in a row are one delimiter.
pub fn cells<'b>(line: &'b [u8], format: &Delimited) -> impl Iterator<Item = &'b [u8]> {
    let (delimiter, quote) = (format.delimiter, format.quote);
    let mut left = Some(line);
    std::iter::from_fn(move || {
        let mut rest = left?;
        if delimiter == b' ' {
            rest = rest.trim_ascii_start();
            if rest.is_empty() {
                left = None;
                return None;
            }
        }
        let (cell, behind) = match rest.split_first() {
            Some((first, inside)) if Some(*first) == quote => match closing(inside, *first, delimiter) {
                Some(at) => (&inside[..at], inside.get(at + 1..).unwrap_or_default()),
                None => (inside, &b""[..]),
            },
            _ => rest.split_at(memchr::memchr(delimiter, rest).unwrap_or(rest.len())),
        };
        left = behind.strip_prefix(&[delimiter]);
        Some(cell)
    })
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
        cells(line.as_bytes(), &format).map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
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
