//! Hidden characters: those that steer a terminal, turn the direction of text, or do not show.
//!
//! Names come from logs, and two that look alike must not be taken for one. Every output spells
//! such characters out, each in the escape of its own format. Excerpts of files that people write
//! keep their columns: there a sign stands in their place ([`super::harmless`]).

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns whether a character is a control character, does not show, or changes how others show.
///
/// Beyond controls these are the characters that Unicode calls default ignorable (zero width,
/// fillers, variation selectors, tags), its bidirectional controls, line and paragraph separators,
/// the blank Braille pattern, interlinear marks, and the noncharacters of plane 0.
pub const fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Returns a text without hidden characters: each is spelled like `\u{200b}`, a line end `\n`.
pub fn visible(text: &str) -> Cow<'_, str> {
    spelled::<false>(text, |c, out| out.extend(c.escape_default()))
}

/// Returns a text of several lines without hidden characters; line ends and tabs stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    spelled::<true>(text, |c, out| out.extend(c.escape_default()))
}

/// Returns JSON that says the same without hidden characters: each is spelled like `\u200b`.
///
/// In JSON they stand in strings alone, where this escape is the character itself.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    spelled::<true>(json, |c, out| {
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            // Writing to text does not fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

/// Returns whether a character is to be spelled; in `LINES`, line ends and tabs are not.
const fn is_spelled<const LINES: bool>(c: char) -> bool {
    is_hidden(c) && !(LINES && matches!(c, '\n' | '\r' | '\t'))
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Finds the first character that is to be spelled.
///
/// Reports are nearly all ASCII, and a night may write gigabytes of them: blocks of plain bytes are
/// passed by without decoding, which the compiler makes a few instructions for each block.
fn first<const LINES: bool>(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    for at in (0..bytes.len()).step_by(BLOCK) {
        let block = &bytes[at..bytes.len().min(at + BLOCK)];
        let is_plain = |b: u8| matches!(b, b' '..=b'~') | (LINES & matches!(b, b'\n' | b'\r' | b'\t'));
        if block.iter().fold(true, |plain, b| plain & is_plain(*b)) {
            continue;
        }
        // A character that began in the block before was looked at there.
        let begin = (at..at + block.len()).find(|at| text.is_char_boundary(*at))?;
        let found = text[begin..].char_indices().take_while(|(offset, _)| begin + offset < at + block.len());
        let mut found = found.filter(|(_, c)| is_spelled::<LINES>(*c));
        if let Some((offset, _)) = found.next() {
            return Some(begin + offset);
        }
    }
    None
}

fn spelled<const LINES: bool>(text: &str, spell: fn(char, &mut String)) -> Cow<'_, str> {
    let Some(first) = first::<LINES>(text) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    let mut before = text[..first].chars().next_back();
    let mut rest = text[first..].chars().peekable();
    while let Some(c) = rest.next() {
        // `⚠\u{fe0f}` shows as one picture, and so do pictures that are joined.
        let is_part = match (before, c) {
            (Some(before), '\u{fe0f}') => is_pictograph(before),
            (Some(before), '\u{200d}') => {
                (is_pictograph(before) || before == '\u{fe0f}')
                    && rest.peek().is_some_and(|next| is_pictograph(*next))
            }
            _ => false,
        };
        if is_spelled::<LINES>(c) && !is_part {
            spell(c, &mut out);
        } else {
            out.push(c);
        }
        // What was spelled out ends a picture.
        before = Some(c).filter(|c| is_part || !is_spelled::<LINES>(*c));
    }
    Cow::Owned(out)
}

/// Returns whether a character is a picture that a selector or a joiner may follow.
const fn is_pictograph(c: char) -> bool {
    matches!(
        c,
        '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_show_is_spelled_out_in_the_escape_of_its_format() {
        let text = "é\u{200b}\u{202e}\u{fe0f}\u{e0041}\u{1b}\t\n";
        assert_eq!(visible(text), "é\\u{200b}\\u{202e}\\u{fe0f}\\u{e0041}\\u{1b}\\t\\n");
        assert_eq!(visible_lines(text), "é\\u{200b}\\u{202e}\\u{fe0f}\\u{e0041}\\u{1b}\t\n");
        assert!(matches!(visible("plain é ü 日本 — …"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn the_first_one_is_found_wherever_blocks_are_cut(
            before in "([a-z é—日\u{1f525}]{0,3}){0,60}",
            c in prop::sample::select(vec!['\u{200b}', '\u{7f}', '\u{e0041}', '\u{ad}', '\n', '\u{feff}']),
            after in "[a-z\u{200b}é]{0,70}",
        ) {
            let text = format!("{before}{c}{after}");
            prop_assert_eq!(first::<false>(&text), text.find(is_hidden));
            prop_assert_eq!(first::<true>(&text), text.find(is_spelled::<true>));
        }
    }

    #[test]
    fn pictures_of_several_characters_stay_and_what_only_looks_like_them_does_not() {
        for picture in
            ["\u{26a0}\u{fe0f} status", "\u{2764}\u{fe0f}\u{200d}\u{1f525}", "\u{1f468}\u{200d}\u{1f4bb}"]
        {
            assert_eq!(visible(picture), picture);
        }
        assert_eq!(visible("\u{26a0}\u{fe0f}\u{fe0f}"), "\u{26a0}\u{fe0f}\\u{fe0f}");
        assert_eq!(visible("a\u{fe0f}b\u{200d}c"), "a\\u{fe0f}b\\u{200d}c");
        assert_eq!(visible("\u{1f525}\u{200d}a\u{200b}"), "\u{1f525}\\u{200d}a\\u{200b}");
    }

    #[test]
    fn json_says_the_same_afterwards() {
        let value = serde_json::json!({ "a\u{200d}": "b\u{202e}\u{e0041}\u{7f}\n" });
        let json = value.to_string();
        let spelled = visible_json(&json);
        assert!(!spelled.chars().any(is_hidden), "{spelled}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&spelled).unwrap(), value);
    }
}
