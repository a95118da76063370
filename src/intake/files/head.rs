//! Head: the beginning of a plain file, which says whether the file may be cut into chunks.

use std::io;

use super::bytes::log_bytes::LogBytes;
use crate::intake::formats::foreign::{is_spread, is_stream};
use crate::intake::formats::frame::{self, LineEnds};

/// Bytes of a file that are looked at.
const HEAD: u64 = 1 << 20;

/// CSV header of a plain file.
pub struct CsvHeader {
    pub text: Vec<u8>,
    /// Where the first row begins, and the number of lines up to it.
    pub end: u64,
    pub lines: u64,
}

/// How JSON objects stand in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonObjects {
    /// One a line, or the text is no JSON.
    InLines,
    /// Several in a line.
    InARow,
    /// Over line ends.
    Spread,
}

/// Beginning of a plain file.
pub struct Head {
    /// Whether there are quotes, which can hide line ends.
    ///
    /// Most files with quotes have some there; later ones are found while reading.
    pub has_quotes: bool,
    /// Whether lines end in line feeds, as the chunks of a file must.
    pub has_line_feeds: bool,
    pub objects: JsonObjects,
    /// The first line that is not blank, if it ends in the head.
    pub header: Option<CsvHeader>,
}

/// Reads the head of a file.
///
/// # Errors
/// The file cannot be read.
pub fn head(file: &LogBytes, size: u64) -> io::Result<Head> {
    let mut buffer = vec![0; size.min(HEAD) as usize];
    let n = file.read_at(&mut buffer, 0)?;
    let text = &buffer[..n];
    let is_end = n as u64 == size;
    let ends = LineEnds::of(&text[frame::nuls(text)..], is_end);
    Ok(Head {
        has_quotes: memchr::memchr(b'"', text).is_some(),
        objects: match (is_stream(text), is_spread(text)) {
            (false, _) => JsonObjects::InLines,
            (true, false) => JsonObjects::InARow,
            (true, true) => JsonObjects::Spread,
        },
        has_line_feeds: ends != Some(LineEnds::CarriageReturn),
        header: header(text, is_end),
    })
}

fn header(text: &[u8], is_end: bool) -> Option<CsvHeader> {
    let (mut end, mut lines) = (0, 0);
    for line in text.split_inclusive(|b| *b == b'\n') {
        end += line.len() as u64;
        lines += 1;
        let is_whole = is_end || line.ends_with(b"\n");
        if is_whole && !frame::bare(line).iter().all(u8::is_ascii_whitespace) {
            let text = line.strip_suffix(b"\n").unwrap_or(line).to_vec();
            return Some(CsvHeader { text, end, lines });
        }
    }
    None
}
