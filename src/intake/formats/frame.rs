//! Frame: where the rows of a text begin and end, before their values are read.

use std::ops::Range;

/// Limit on bytes of a quoted CSV record; one still open after this has an unclosed quote.
const MAX_QUOTED: usize = 64 << 10;

/// Line ends of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnds {
    /// Line feeds, with or without a carriage return before them.
    LineFeed,
    /// Carriage returns, line feeds, or both, as their first one is a carriage return alone.
    CarriageReturn,
}

impl LineEnds {
    /// Returns the line ends of a text by its first one; `None` if there is none yet.
    pub fn of(text: &[u8], is_end: bool) -> Option<Self> {
        let at = memchr::memchr2(b'\r', b'\n', text)?;
        match text.get(at + 1) {
            _ if text[at] == b'\n' => Some(Self::LineFeed),
            Some(b'\n') => Some(Self::LineFeed),
            None if !is_end => None,
            _ => Some(Self::CarriageReturn),
        }
    }

    /// Returns the length of the first line, and its length with its line end.
    ///
    /// `None` if the line is not complete; at the end of a text it is complete without a line end.
    pub fn line(self, text: &[u8], is_end: bool) -> Option<(usize, usize)> {
        let at = match self {
            Self::LineFeed => memchr::memchr(b'\n', text),
            Self::CarriageReturn => memchr::memchr2(b'\r', b'\n', text),
        };
        match at {
            None => is_end.then_some((text.len(), text.len())),
            Some(at) if text[at] == b'\n' => Some((at, at + 1)),
            Some(at) => match text.get(at + 1) {
                Some(b'\n') => Some((at, at + 2)),
                None if !is_end => None,
                _ => Some((at, at + 1)),
            },
        }
    }
}

/// Returns why a text cannot be read, if its beginning shows that it is UTF-16.
pub fn foreign_encoding(text: &[u8]) -> Option<String> {
    let is_utf16 = match text {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        // Letters of a first line without a byte order mark.
        [a, 0, b, 0, c, 0, ..] | [0, a, 0, b, 0, c, ..] => [a, b, c].iter().all(|byte| **byte != 0),
        _ => false,
    };
    is_utf16.then(|| {
        "it is UTF-16 text, which is not read; write it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8`"
            .to_owned()
    })
}

/// Returns a line without the byte order marks and NULs in front of it and the NULs behind it.
///
/// Files that were joined have byte order marks inside. A log that was emptied while its writer had
/// it open begins with as many NULs as it had bytes before.
pub fn bare(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line.strip_prefix(b"\xef\xbb\xbf").or_else(|| line.strip_prefix(b"\0")) {
        line = rest;
    }
    while let [rest @ .., 0] = line {
        line = rest;
    }
    line
}

/// Returns the number of NULs at the beginning of a text.
pub fn nuls(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte != 0).unwrap_or(text.len())
}

/// Splits a line that holds several rows, by carriage returns alone or by NULs.
///
/// `is_row` says whether a part is a row by itself. If rows are not what the parts are, the line is
/// returned whole: a value may hold such a byte.
pub fn rows_of_line(line: &[u8], is_row: impl Fn(&[u8]) -> bool) -> Vec<&[u8]> {
    let split = |byte: u8| -> Vec<&[u8]> {
        line.split(|b| *b == byte).filter(|part| !part.trim_ascii().is_empty()).collect()
    };
    let (by_nul, by_return) = (split(0), split(b'\r'));
    // A block of NULs stands behind a row that was torn, so only the row behind it is whole.
    if by_nul.len() > 1 && by_nul.last().is_some_and(|last| is_row(last)) {
        return by_nul;
    }
    if by_return.len() > 1 && by_return.iter().all(|part| is_row(part)) {
        return by_return;
    }
    vec![line]
}

/// End of a CSV record whose first line ends inside quotes.
#[derive(Debug, PartialEq, Eq)]
pub enum RecordEnd {
    /// Length of the record, its length with its line end, and its number of lines.
    At(usize, usize, u64),
    NeedsMore,
    /// The quote does not belong there: its line alone is bad.
    Stray,
}

/// Finds the ends of records with line ends inside quotes, in time linear in the text.
#[derive(Debug)]
pub struct QuotedRecords {
    delimiter: u8,
    ends: LineEnds,
    /// Where a search without success has been: from each line begin in it, quotes that are open
    /// there are open until its end.
    ///
    /// Without it, each of many stray quotes would search the same 64 KiB again.
    searched: Range<usize>,
}

/// State behind a line that begins inside quotes.
enum QuoteState {
    Open,
    Closed,
    /// The closing quote is followed by text, so it was not meant to close.
    Stray,
}

impl QuotedRecords {
    pub const fn new(delimiter: u8, ends: LineEnds) -> Self {
        Self { delimiter, ends, searched: 0..0 }
    }

    /// Returns the end of the record that begins at `from`; its first line takes `first` bytes.
    ///
    /// A quote is stray if it is closed nowhere within 64 KiB, if text follows the quote that
    /// closes it, or if a line inside it is a row by itself. `is_row` gets the line and the number
    /// of its bytes inside the quotes.
    pub fn end(
        &mut self,
        text: &[u8],
        from: usize,
        first: usize,
        is_end: bool,
        is_row: impl Fn(&[u8], usize) -> bool,
    ) -> RecordEnd {
        let begin = from + first;
        let mut at = if self.searched.contains(&begin) { self.searched.end } else { begin };
        let end = loop {
            let is_too_long = at - from >= MAX_QUOTED;
            let line = if at < text.len() { self.ends.line(&text[at..], is_end) } else { None };
            let Some((length, step)) = line.filter(|_| !is_too_long) else {
                let needs_more = !is_end && !is_too_long && text.len() - from < MAX_QUOTED;
                break if needs_more { RecordEnd::NeedsMore } else { RecordEnd::Stray };
            };
            let line = &text[at..at + length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let (state, inside) = after_line(line, self.delimiter);
            if is_row(line, inside) {
                break RecordEnd::Stray;
            }
            match state {
                QuoteState::Open => at += step,
                QuoteState::Closed => return self.record(text, from, at + length, at + step),
                QuoteState::Stray => break RecordEnd::Stray,
            }
        };
        self.searched = begin.min(at)..at;
        end
    }

    fn record(&self, text: &[u8], from: usize, end: usize, next: usize) -> RecordEnd {
        let (mut at, mut lines) = (from, 0);
        while let Some((_, step)) = self.ends.line(&text[at..next], true).filter(|_| at < next) {
            at += step;
            lines += 1;
        }
        RecordEnd::At(end - from, next - from, lines)
    }
}

/// Returns the state behind a line that begins inside quotes, and its bytes up to their end.
fn after_line(line: &[u8], delimiter: u8) -> (QuoteState, usize) {
    let Some(close) = closing_quote(line, 0) else { return (QuoteState::Open, line.len()) };
    let after = after_blanks(&line[close + 1..], delimiter);
    let state = match after.split_first() {
        None => QuoteState::Closed,
        Some((byte, rest)) if *byte == delimiter => {
            if is_open(rest, delimiter) {
                QuoteState::Open
            } else {
                QuoteState::Closed
            }
        }
        Some(_) => QuoteState::Stray,
    };
    (state, close)
}

/// Returns a text without blanks at its beginning; a delimiter is no blank.
pub fn after_blanks(text: &[u8], delimiter: u8) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t') && *byte != delimiter;
    &text[text.iter().take_while(|byte| is_blank(byte)).count()..]
}

/// Returns whether the record ends inside a quoted field, so that it goes on in the next line.
///
/// RFC 4180: quotes inside quotes are doubled, so an odd number of quotes means an open one. Quotes
/// inside unquoted fields are plain text.
pub fn is_open(record: &[u8], delimiter: u8) -> bool {
    if memchr::memchr(b'"', record).is_none() {
        return false;
    }
    let mut rest = record;
    loop {
        if rest.first() == Some(&b'"') {
            match closing_quote(rest, 1) {
                None => return true,
                Some(at) => rest = &rest[at + 1..],
            }
        }
        match memchr::memchr(delimiter, rest) {
            None => return false,
            Some(at) => rest = &rest[at + 1..],
        }
    }
}

/// Returns the position of the quote that closes a field; `from` lies inside its quotes.
pub fn closing_quote(field: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + memchr::memchr(b'"', field.get(from..)?)?;
        if field.get(at + 1) == Some(&b'"') {
            from = at + 2;
        } else {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &[u8]) -> Vec<String> {
        let ends = LineEnds::of(text, true).unwrap_or(LineEnds::LineFeed);
        let (mut at, mut lines) = (0, Vec::new());
        while let Some((length, step)) = ends.line(&text[at..], true).filter(|_| at < text.len()) {
            let line = &text[at..at + length];
            lines.push(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned());
            at += step;
        }
        lines
    }

    #[test]
    fn lines_end_as_their_file_ends_them() {
        for text in ["a\nb\nc", "a\r\nb\r\nc\r\n", "a\rb\rc\r", "a\rb\r\nc"] {
            assert_eq!(lines(text.as_bytes()), ["a", "b", "c"], "{text:?}");
        }
        // Whether a carriage return ends a line alone is known by the byte behind it.
        assert_eq!(LineEnds::of(b"a\r", false), None);
        assert_eq!(LineEnds::CarriageReturn.line(b"a\r", false), None);
    }

    #[test]
    fn a_line_of_several_rows_is_split_and_a_value_with_such_a_byte_is_not() {
        let is_row = |part: &[u8]| part.starts_with(b"{") && part.ends_with(b"}");
        assert_eq!(rows_of_line(b"{1}\r{2}", is_row), [b"{1}", b"{2}"]);
        assert_eq!(rows_of_line(b"{tor\0\0\0{2}", is_row), [&b"{tor"[..], b"{2}"]);
        assert_eq!(rows_of_line(b"{a\rb}", is_row), [b"{a\rb}"]);
        assert_eq!(rows_of_line(b"{a\0b}", is_row), [b"{a\0b}"]);
    }

    /// Returns the lines of the records of a text, stray quotes marked.
    ///
    /// If `is_forgetful`, each search begins without the memory of earlier ones.
    fn records(text: &[u8], is_forgetful: bool) -> Vec<(usize, bool)> {
        let new = || QuotedRecords::new(b',', LineEnds::LineFeed);
        let is_row = |line: &[u8], inside: usize| line.starts_with(b"r,") && inside > 1;
        let (mut at, mut found, mut quoted) = (0, Vec::new(), new());
        while let Some((length, step)) =
            LineEnds::LineFeed.line(&text[at..], true).filter(|_| at < text.len())
        {
            let mut taken = (step, false);
            if is_open(&text[at..at + length], b',') {
                if is_forgetful {
                    quoted = new();
                }
                taken = match quoted.end(text, at, step, true, is_row) {
                    RecordEnd::At(_, step, _) => (step, false),
                    RecordEnd::NeedsMore | RecordEnd::Stray => (step, true),
                };
            }
            found.push((at, taken.1));
            at += taken.0;
        }
        found
    }

    proptest! {
        #[test]
        fn what_an_earlier_search_found_out_changes_no_record(text in "([ar,\"\n]{0,3}[\"\n,]){0,20}") {
            prop_assert_eq!(records(text.as_bytes(), false), records(text.as_bytes(), true));
        }
    }

    #[test]
    fn a_quote_is_stray_if_a_row_lies_inside() {
        let strays = |text: &str| records(text.as_bytes(), false).iter().map(|r| r.1).collect::<Vec<_>>();
        assert_eq!(strays("r,\"x\nr,1\nr,\"x\nr,2\n"), [true, false, true, false]);
        assert_eq!(strays("r,\"\nr,\"\nr,1\n"), [true, true, false]);
        // Text of several lines, and a row whose first field begins in the line before.
        assert_eq!(strays("r,\"two\nlines\"\nr,2\n"), [false, false]);
        assert_eq!(strays("\"two\nlines\",r,2\n"), [false]);
        // Text behind the quote that seems to close.
        assert_eq!(strays("r,\"x\nabc \"y\" z\nr,2\n"), [true, false, false]);
    }
}
