//! Words: the end of what a worker wrote to its standard error.

use std::io::Read;

use crate::redact::visible_lines;

/// Bytes of a worker's last words that a message quotes.
const MOST: usize = 2_048;

/// Reads to the end, and returns the last words.
pub fn last(from: impl Read) -> String {
    let mut from = from;
    let (mut kept, mut buffer) = (Vec::new(), [0; 4_096]);
    while let Ok(n) = from.read(&mut buffer) {
        if n == 0 {
            break;
        }
        kept.extend_from_slice(&buffer[..n]);
        if kept.len() > 2 * MOST {
            kept.drain(..kept.len() - MOST);
        }
    }
    let begin = kept.len().saturating_sub(MOST);
    let text = String::from_utf8_lossy(&kept[begin..]);
    visible_lines(text.trim()).into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_end_is_kept_whatever_came_before() {
        let text = "x".repeat(100_000) + "the reason\n";
        let last = super::last(text.as_bytes());
        assert!(last.ends_with("xthe reason") && last.len() <= super::MOST, "{}", last.len());
    }
}
