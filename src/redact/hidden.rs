//! Hidden characters: those that steer a terminal, turn the direction of text, or do not show.
//!
//! Names come from logs, and two that look alike must not be taken for one. Every output spells
//! such characters out, each in the escape of its own format.

use std::borrow::Cow;

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
    spelled(text, is_hidden, |c, out| out.extend(c.escape_default()))
}

/// Returns a text of several lines without hidden characters; line ends and tabs stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    spelled(text, is_hidden_in_lines, |c, out| out.extend(c.escape_default()))
}

/// Returns JSON that says the same without hidden characters: each is spelled like `\u200b`.
///
/// In JSON they stand in strings alone, where this escape is the character itself.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    spelled(json, is_hidden_in_lines, |c, out| {
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

const fn is_hidden_in_lines(c: char) -> bool {
    is_hidden(c) && !matches!(c, '\n' | '\r' | '\t')
}

fn spelled(text: &str, is_one: fn(char) -> bool, spell: fn(char, &mut String)) -> Cow<'_, str> {
    let Some(first) = text.find(is_one) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        if is_one(c) { spell(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_spelled_out_in_the_escape_of_its_format() {
        let text = "é\u{200b}\u{202e}\u{fe0f}\u{e0041}\u{1b}\t\n";
        assert_eq!(visible(text), "é\\u{200b}\\u{202e}\\u{fe0f}\\u{e0041}\\u{1b}\\t\\n");
        assert_eq!(visible_lines(text), "é\\u{200b}\\u{202e}\\u{fe0f}\\u{e0041}\\u{1b}\t\n");
        assert!(matches!(visible("plain é ü 日本 — …"), Cow::Borrowed(_)));
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
