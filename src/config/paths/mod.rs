//! Paths of log sources: globs with `{date}`, `{date:FORMAT}`, `{service}` and `{region}`.

mod pattern;

use std::ops::Range;

use super::STANDARD_INPUT;
use crate::day::Day;
use crate::document::spelling::advice;
use crate::document::toml::TomlValue;
use crate::store::StoreAddress;

pub use pattern::{PathCaptures, PathPattern, is_beside_logs};

/// A placeholder between braces in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder<'a> {
    /// The day, in a chrono format (`%Y-%m-%d` when none is given).
    Date(&'a str),
    Service,
    Region,
}

const VALID: [&str; 4] = ["{date}", "{date:%Y/%m/%d}", "{service}", "{region}"];

impl<'a> Placeholder<'a> {
    /// Returns the placeholders of a path with their places, braces included.
    ///
    /// Braces around any other text are left out.
    pub fn all(path: &'a str) -> Vec<(Range<usize>, Self)> {
        braces(path).into_iter().filter_map(|(at, inside)| Some((at, Self::named(inside)?))).collect()
    }

    fn named(inside: &'a str) -> Option<Self> {
        match inside {
            "date" => Some(Self::Date("%Y-%m-%d")),
            "service" => Some(Self::Service),
            "region" => Some(Self::Region),
            _ => inside.strip_prefix("date:").map(Self::Date),
        }
    }
}

/// Returns each text between `{` and the next `}`, or the end of the path if there is none.
fn braces(path: &str) -> Vec<(Range<usize>, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = path[from..].find('{').map(|at| from + at) {
        let close = path[open..].find('}').map(|at| open + at);
        let end = close.map_or(path.len(), |at| at + 1);
        found.push((open..end, &path[open + 1..close.unwrap_or(path.len())]));
        from = end;
    }
    found
}

/// Returns a path resolved by its text alone: `./logs/old/../a.csv` is `logs/a.csv`.
///
/// Files are shown and remembered by their path, so two spellings of one place must give one path.
/// Links are not followed; a `..` at the beginning stays.
pub fn lexical(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, "" | "..")) => _ = parts.pop(),
            _ => parts.push(part),
        }
    }
    match parts.join("/") {
        plain if !plain.is_empty() => plain,
        _ if path.starts_with('/') => "/".to_owned(),
        _ => ".".to_owned(),
    }
}

/// Checks a path of a source: placeholders, a date format that a day can fill in, glob syntax.
pub fn check(path: &str, value: &TomlValue<'_>) {
    if lexical(path) == STANDARD_INPUT {
        let help = "pipe it into `run --requests - --out DIR --date DAY`, or give the file another name";
        value.wrong("`-` is standard input, which a config cannot name", "no path of a file", help);
        return;
    }
    // What cannot be used of an address may be a secret, and a mistake would show the line.
    if let Some(Err(_)) = StoreAddress::parse(path) {
        return;
    }
    let help = format!("valid are {}", VALID.join(", "));
    let mut glob_text = String::from(path);
    let mut seen: Vec<&str> = Vec::new();
    let mut is_known = true;
    for (at, inside) in braces(path) {
        let whole = &path[at.clone()];
        if !whole.ends_with('}') {
            value.wrong_in(at, "a brace is not closed", "no `}` after this", &help);
            return;
        }
        match Placeholder::named(inside) {
            None => {
                let help = advice(whole, VALID);
                value.wrong_in(at.clone(), format!("`{whole}` is not a placeholder"), "not known", help);
                is_known = false;
            }
            Some(Placeholder::Date(format)) if !day_fills(format) => {
                let message = format!("`{format}` is not a date format");
                let help = "use chrono's date letters, for example {date:%Y/%m/%d}";
                value.wrong_in(at.clone(), message, "a day cannot be written like this", help);
            }
            Some(Placeholder::Service | Placeholder::Region) if seen.contains(&whole) => {
                let message = format!("`{whole}` stands twice in one path");
                value.wrong_in(at.clone(), message, "the second one", "write `*` for one of them");
                is_known = false;
            }
            Some(_) => seen.push(whole),
        }
        // The same length, so that positions in the pattern are positions in the path.
        glob_text.replace_range(at.clone(), &"_".repeat(at.len()));
    }
    if let Err(error) = glob::Pattern::new(&glob_text) {
        let (start, length) = glob_text
            .char_indices()
            .nth(error.pos)
            .map_or((glob_text.len(), 0), |(at, character)| (at, character.len_utf8()));
        let help =
            "* is any text, ? one character, [a-z] one of these, **/ any folders; [[] is a bracket itself";
        value.wrong_in(start..start + length, format!("bad pattern: {}", error.msg), "here", help);
    } else if let (true, Err(why)) = (is_known, PathPattern::of(path)) {
        let help = "close brackets before the next `/` and before a placeholder, and put a text between two placeholders";
        value.wrong(format!("bad pattern: {why}"), "this cannot be matched with a path", help);
    }
}

/// True if a day alone fills in the format: `%H` would need a time.
fn day_fills(format: &str) -> bool {
    use std::fmt::Write as _;
    let day = Day::new(chrono::NaiveDate::default());
    !format.is_empty() && write!(String::new(), "{}", day.date().format(format)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_one_path() {
        let spellings =
            ["./logs/{date}.csv", "logs/./{date}.csv", "logs/old/../{date}.csv", "././logs/{date}.csv"];
        for spelling in spellings {
            assert_eq!(lexical(spelling), "logs/{date}.csv", "{spelling}");
        }
        assert_eq!(
            ["../a.csv", "/../a", "../../a/../b", "/a/./b"].map(lexical),
            ["../a.csv", "/../a", "../../b", "/a/b"]
        );
    }

    #[test]
    fn placeholders_are_found_with_their_places() {
        let path = "logs/{region}/{date:%Y/%m}/{service}-{date}.log";
        let found: Vec<_> = Placeholder::all(path).into_iter().map(|(at, p)| (&path[at], p)).collect();
        assert_eq!(
            found,
            [
                ("{region}", Placeholder::Region),
                ("{date:%Y/%m}", Placeholder::Date("%Y/%m")),
                ("{service}", Placeholder::Service),
                ("{date}", Placeholder::Date("%Y-%m-%d")),
            ]
        );
    }

    #[test]
    fn a_date_format_needs_no_more_than_a_day() {
        assert!(day_fills("%Y/%m/%d"));
        for bad in ["%H", "%Y-%Q", "", "%z"] {
            assert!(!day_fills(bad), "{bad}");
        }
    }
}
