//! Unlogged: a format as it is for a log that lacks some names, to test what its marks prove.

use std::collections::BTreeSet;

use super::condition::{NameCondition, Want};
use super::{Expression, FormatFile, Glob, Origin};

/// A text that no log holds.
const NO_TEXT: &str = "\u{10fffd}";

impl FormatFile {
    /// Returns what the marks ask for: each helper value or name, with the names it is made of.
    pub fn deciding(&self) -> Vec<(String, Vec<String>)> {
        let mut asked: Vec<(String, Vec<String>)> = Vec::new();
        for name in self.marks.iter().flat_map(|mark| mark.when.names()).filter(|name| *name != "line") {
            if !asked.iter().any(|(known, _)| known == name) {
                asked.push((name.to_owned(), self.made_of(name)));
            }
        }
        asked
    }

    /// Returns the names of the log that the marks ask for, in any way.
    pub fn mark_names(&self) -> BTreeSet<String> {
        let mut open: Vec<&str> = self.marks.iter().flat_map(|mark| mark.when.names()).collect();
        let (mut seen, mut names) = (BTreeSet::new(), BTreeSet::new());
        while let Some(name) = open.pop() {
            if !seen.insert(name) {
                continue;
            }
            match self.lets.iter().find(|(known, _)| known == name) {
                Some((_, read)) => open.extend(super::names_of(read)),
                None if name == "line" => {}
                None => _ = names.insert(name.to_owned()),
            }
        }
        names
    }

    /// Returns the names that the value of a name of a condition is made of.
    pub fn made_of(&self, name: &str) -> Vec<String> {
        match self.lets.iter().find(|(known, _)| known == name) {
            Some((_, read)) => read.iter().flat_map(|one| one.names().iter().cloned()).collect(),
            None => vec![name.to_owned()],
        }
    }

    /// Returns the format with marks that know nothing of some names, as if no log had them.
    #[must_use]
    pub fn without(&self, gone: &[&str]) -> Self {
        let mut file = self.clone();
        for mark in &mut file.marks {
            forget(&mut mark.when, gone);
        }
        for (_, read) in &mut file.lets {
            read.retain_mut(|one| keeps_value(one, gone));
            for one in read {
                forget(&mut one.when, gone);
            }
        }
        file
    }
}

/// Makes a condition on a name that is gone one that never holds.
fn forget(condition: &mut NameCondition, gone: &[&str]) {
    for (name, wants) in &mut condition.0 {
        if gone.contains(&name.as_str()) {
            *wants = vec![Want::Text(Glob::new(NO_TEXT))];
        }
    }
}

fn keeps_value(read: &mut Expression, gone: &[&str]) -> bool {
    let is_gone = |name: &String| gone.contains(&name.as_str());
    match &mut read.origin {
        Origin::Constant(_) => true,
        Origin::Names(names) => {
            names.retain(|name| !is_gone(name));
            !names.is_empty()
        }
        Origin::Join { names, .. } | Origin::Sum(names) => !names.iter().any(is_gone),
        Origin::Minus(names) => !names.iter().any(is_gone),
    }
}

#[cfg(test)]
mod tests {
    use crate::document::Document;
    use crate::formats;

    #[test]
    fn names_of_marks_are_found_through_helper_values_and_can_be_taken_away() {
        let text = r#"
name = "a"
about = "b"
vantage = "edge_ingress"
mark = [{ when = { answer = "200", code = true }, reached = "yes" }]
[let]
answer = [{ from = ["x", "y"], when = { z = true } }, { minus = ["v", "w"] }]
[[layout]]
json = true
[fields]
ts = "t"
"#;
        let file = formats::format(&Document::new("a.toml", text)).unwrap();
        let names: Vec<String> = file.mark_names().into_iter().collect();
        assert_eq!(names, ["code", "v", "w", "x", "y", "z"]);
        let answer: Vec<String> = ["x", "y", "v", "w"].map(str::to_owned).to_vec();
        assert_eq!(
            file.deciding(),
            [("answer".to_owned(), answer), ("code".to_owned(), vec!["code".to_owned()])]
        );
        let left = file.without(&["x", "w", "code"]);
        assert_eq!(left.lets[0].1.len(), 1);
        assert_eq!(left.lets[0].1[0].names(), ["y"]);
        assert!(!left.marks[0].when.0[1].1[0].matches(b"1"));
    }
}
