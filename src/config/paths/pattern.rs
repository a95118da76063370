//! Path pattern: matches a path against a pattern part by part, and reads its placeholders.
//!
//! The files are found by the `glob` crate. This matcher gives every wildcard the same meaning, and
//! in addition reads `{service}` and `{region}`, and refuses names that by convention are no logs.

use regex::Regex;

use super::Placeholder;

/// Endings of files that stand beside logs and are none.
///
/// Hadoop writes checksums, and the second one while it copies a file.
const ENDINGS: [&str; 2] = [".crc", "._COPYING_"];

/// A pattern of a path, with the date filled in.
#[derive(Debug, Clone)]
pub struct PathPattern {
    parts: Vec<Part>,
}

/// Values of the placeholders in a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathCaptures {
    pub service: Option<String>,
    pub region: Option<String>,
}

/// One part of a pattern, between two slashes.
#[derive(Debug, Clone)]
enum Part {
    /// `**`: any number of folders.
    Folders,
    /// A name without wildcard.
    Literal(String),
    Wildcard {
        matcher: Regex,
        /// The pattern itself begins with `_` or `.`, or ends as a file beside logs does.
        names_hidden: bool,
    },
}

impl PathPattern {
    /// Makes the matcher of a pattern; `{date}` must have been replaced.
    ///
    /// # Errors
    /// The pattern is not valid; the message says why.
    pub fn of(pattern: &str) -> Result<Self, String> {
        let mut seen: Vec<Placeholder<'_>> = Vec::new();
        for (_, placeholder) in Placeholder::all(pattern) {
            if seen.contains(&placeholder) {
                return Err("a placeholder stands in it twice; write `*` for one of them".to_owned());
            }
            if !matches!(placeholder, Placeholder::Date(_)) {
                seen.push(placeholder);
            }
        }
        let parts = names(pattern).map(Part::of).collect::<Result<_, _>>()?;
        Ok(Self { parts })
    }

    /// Returns the pattern for the `glob` crate, with placeholders as wildcards.
    pub fn wildcard(pattern: &str) -> String {
        let part = |part: &str| {
            let found = Placeholder::all(part);
            if found.is_empty() {
                return part.to_owned();
            }
            let mut part = part.to_owned();
            for (at, _) in found.into_iter().rev() {
                part.replace_range(at, "*");
            }
            // Two of them side by side would be any folders.
            while part.contains("**") {
                part = part.replace("**", "*");
            }
            part
        };
        pattern.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// Returns the placeholders of a path; `None` if it does not match or is hidden.
    ///
    /// A name that begins with `_` or `.` is hidden unless the pattern begins that part likewise.
    pub fn captures(&self, path: &str) -> Option<PathCaptures> {
        let names: Vec<&str> = names(path).collect();
        let mut walk = Walk { parts: &self.parts, names: &names, failed: Vec::new(), is_folder: false };
        walk.failed.resize((self.parts.len() + 1) * (names.len() + 1), false);
        let mut captures = PathCaptures::default();
        walk.goes_on(0, 0, &mut captures).then_some(captures)
    }

    /// Returns whether files that the pattern means may lie in a folder.
    pub fn may_lie_in(&self, folder: &str) -> bool {
        let names: Vec<&str> = names(folder).collect();
        let mut walk = Walk { parts: &self.parts, names: &names, failed: Vec::new(), is_folder: true };
        walk.failed.resize((self.parts.len() + 1) * (names.len() + 1), false);
        walk.goes_on(0, 0, &mut PathCaptures::default())
    }
}

/// Returns whether a file of this name is none of the logs among which it lies.
///
/// Such files mark the state of a folder (`_SUCCESS`, `_committed_1`, `_metadata`) or are hidden.
pub fn is_beside_logs(name: &str) -> bool {
    name.starts_with(['_', '.']) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Returns whether a folder is hidden; `_day=20` is a partition.
fn is_hidden_folder(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

/// Returns the names in a path; `//` and `/./` say nothing.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !matches!(*name, "" | "."))
}

/// The search for a way to match the parts of a pattern with the names of a path.
struct Walk<'a> {
    parts: &'a [Part],
    names: &'a [&'a str],
    /// Pairs of a part and a name from which no way leads on, so that each is tried once.
    failed: Vec<bool>,
    /// True if the path is a folder, from which the pattern may lead on.
    is_folder: bool,
}

impl Walk<'_> {
    fn goes_on(&mut self, part: usize, name: usize, captures: &mut PathCaptures) -> bool {
        let (Some(next), Some(found)) = (self.parts.get(part), self.names.get(name)) else {
            return self.names.len() == name && (self.is_folder || self.parts.len() == part);
        };
        let place = part * (self.names.len() + 1) + name;
        if self.failed[place] {
            return false;
        }
        let is_last = name + 1 == self.names.len() && !self.is_folder;
        let is_hidden = if is_last { is_beside_logs(found) } else { is_hidden_folder(found) };
        let is_on = match next {
            // As many folders as possible, so that a placeholder behind them is the nearest one.
            Part::Folders => {
                (!is_last && !is_hidden && self.goes_on(part, name + 1, captures))
                    || self.goes_on(part + 1, name, captures)
            }
            Part::Literal(literal) => literal == found && self.goes_on(part + 1, name + 1, captures),
            Part::Wildcard { matcher, names_hidden } => match matcher.captures(found) {
                Some(read) if *names_hidden || !is_hidden => {
                    let text = |name| read.name(name).map(|found| found.as_str().to_owned());
                    let is_on = self.goes_on(part + 1, name + 1, captures);
                    captures.service = text("service").or(captures.service.take());
                    captures.region = text("region").or(captures.region.take());
                    is_on
                }
                _ => false,
            },
        };
        self.failed[place] = !is_on;
        is_on
    }
}

impl Part {
    fn of(text: &str) -> Result<Self, String> {
        if text == "**" {
            return Ok(Self::Folders);
        }
        let placeholders = Placeholder::all(text);
        if placeholders.is_empty() && !text.contains(['*', '?', '[']) {
            return Ok(Self::Literal(text.to_owned()));
        }
        let mut plain = text.to_owned();
        for (at, _) in placeholders.iter().rev() {
            plain.replace_range(at.clone(), "_");
        }
        glob::Pattern::new(&plain).map_err(|e| format!("`{text}`: {}", e.msg))?;
        let mut regex = String::from("(?s)^");
        let mut from = 0;
        for (at, placeholder) in placeholders {
            if at.start == from && from > 0 {
                return Err(format!("`{text}`: two placeholders side by side cannot be told apart"));
            }
            regex.push_str(&wildcards(&text[from..at.start])?);
            // As little as possible, but all that a `*` behind it would match too.
            let length = if text[at.end..].starts_with('*') { "+" } else { "+?" };
            regex.push_str(match placeholder {
                Placeholder::Service => "(?<service>.",
                Placeholder::Region => "(?<region>.",
                Placeholder::Date(_) => "(?:.",
            });
            regex.push_str(length);
            regex.push(')');
            from = at.end;
        }
        regex.push_str(&wildcards(&text[from..])?);
        regex.push('$');
        let matcher = Regex::new(&regex).map_err(|e| format!("`{text}` cannot be matched: {e}"))?;
        Ok(Self::Wildcard { matcher, names_hidden: is_beside_logs(text) })
    }
}

/// Returns the regular expression of text with `*`, `?` and `[...]`, as `glob` reads them.
fn wildcards(text: &str) -> Result<String, String> {
    glob::Pattern::new(text).map_err(|e| format!("`{text}`: {}", e.msg))?;
    let chars: Vec<char> = text.chars().collect();
    let mut regex = String::new();
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        at += 1;
        match c {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                let is_other = chars.get(at) == Some(&'!');
                let first = at + usize::from(is_other);
                // The first character in the brackets may itself be one.
                let length = chars[first + 1..].iter().position(|c| *c == ']').map(|n| n + 1);
                let length = length.ok_or_else(|| format!("`{text}`: a bracket is not closed"))?;
                regex.push_str(&class(&chars[first..first + length], is_other));
                at = first + length + 1;
            }
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
    }
    Ok(regex)
}

/// Returns the regular expression of one character that is among `chars`, or that is not.
fn class(chars: &[char], is_other: bool) -> String {
    let mut inside = String::new();
    let mut at = 0;
    while at < chars.len() {
        let (from, to, length) = match chars.get(at..at + 3) {
            Some([from, '-', to]) => (*from, *to, 3),
            _ => (chars[at], chars[at], 1),
        };
        at += length;
        // A range whose end comes first holds nothing.
        if from <= to {
            inside.extend([format!(r"\x{{{:x}}}-\x{{{:x}}}", from as u32, to as u32)]);
        }
    }
    match (inside.is_empty(), is_other) {
        (true, false) => r"[^\x{0}-\x{10ffff}]".to_owned(),
        (true, true) => ".".to_owned(),
        (false, false) => format!("[{inside}]"),
        (false, true) => format!("[^{inside}]"),
    }
}

#[cfg(test)]
mod tests;
