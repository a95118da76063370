//! Lines by reason: why lines of a log file are no calls, and how many for each reason.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::redact::redacted;

/// Numbers of lines by reason; a file has few reasons, so their number is bounded.
///
/// Beyond [`LinesByReason::MOST`] the smallest reasons stay, and the lines of the others count
/// under [`LinesByReason::OTHER`], so that neither the order of lines nor the way in which a file
/// was cut matters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinesByReason(BTreeMap<String, u64>);

impl LinesByReason {
    /// Reasons that are kept by name.
    pub const MOST: usize = 32;
    /// The reason of lines whose own reason is beyond the limit.
    pub const OTHER: &str = "other";
    /// The reason of lines that name the columns or the program, of which a quiet log has some.
    pub const HEADER: &str = "a header line";
    /// Characters of a reason that are kept.
    const LONGEST: usize = 80;

    /// Counts lines of a reason.
    pub fn add(&mut self, why: &str, lines: u64) {
        match self.0.get_mut(why) {
            Some(known) => *known += lines,
            None => self.start(why, lines),
        }
    }

    #[cold]
    fn start(&mut self, why: &str, lines: u64) {
        // A reason is a word of a format; should one quote the line, nobody is named by it.
        let why = redacted(why.as_bytes(), Self::LONGEST);
        *self.0.entry(why).or_default() += lines;
        let named = self.0.len() - usize::from(self.0.contains_key(Self::OTHER));
        if named <= Self::MOST {
            return;
        }
        let last = self.0.keys().rfind(|why| *why != Self::OTHER).cloned();
        if let Some(dropped) = last.and_then(|why| self.0.remove(&why)) {
            *self.0.entry(Self::OTHER.to_owned()).or_default() += dropped;
        }
    }

    /// Adds the lines of another part of the file.
    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(why, lines)| self.add(why, lines));
    }

    /// Returns the lines of a reason.
    pub fn of(&self, why: &str) -> u64 {
        self.0.get(why).copied().unwrap_or(0)
    }

    /// Returns all lines.
    pub fn sum(&self) -> u64 {
        self.0.values().sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over reasons, sorted, with their lines.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(why, lines)| (why.as_str(), *lines))
    }

    /// Returns the reasons as text, such as `other logger: 20; a header line: 2`.
    ///
    /// Those with most lines stand first; of more than `shown` the rest is only counted.
    pub fn text(&self, shown: usize) -> String {
        let mut all: Vec<(&str, u64)> = self.iter().collect();
        all.sort_by_key(|(why, lines)| (std::cmp::Reverse(*lines), *why));
        let more = all.split_off(shown.min(all.len()));
        let mut parts: Vec<String> = all.iter().map(|(why, lines)| format!("{why}: {lines}")).collect();
        if !more.is_empty() {
            let lines: u64 = more.iter().map(|(_, lines)| lines).sum();
            parts.push(format!("{} more reasons: {lines}", more.len()));
        }
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(reasons: &[String]) -> LinesByReason {
        let mut lines = LinesByReason::default();
        for why in reasons {
            lines.add(why, 1);
        }
        lines
    }

    #[test]
    fn reasons_are_counted_and_the_most_frequent_is_told_first() {
        let mut lines = LinesByReason::default();
        lines.add("a header line", 2);
        lines.add("other logger", 19);
        lines.add("other logger", 1);
        lines.add("start-up", 2);
        assert_eq!(lines.text(9), "other logger: 20; a header line: 2; start-up: 2");
        assert_eq!(lines.text(1), "other logger: 20; 2 more reasons: 4");
        assert_eq!((lines.sum(), lines.of(LinesByReason::HEADER), lines.of("none")), (24, 2, 0));
        assert_eq!(LinesByReason::default().text(9), "");
    }

    #[test]
    fn a_reason_is_short_and_names_nobody() {
        let mut lines = LinesByReason::default();
        lines.add("call of +1 555 010 0199", 1);
        lines.add(&"x".repeat(10_000), 1);
        let all: Vec<&str> = lines.iter().map(|(why, _)| why).collect();
        assert_eq!(all[0], "call of +[masked]");
        assert_eq!(all[1].chars().count(), LinesByReason::LONGEST + 1);
    }

    proptest! {
        #[test]
        fn neither_order_nor_cut_matters(
            reasons in prop::collection::vec(prop_oneof![
                (0_u32..90).prop_map(|n| format!("reason {n:02}")),
                Just(LinesByReason::OTHER.to_owned()),
            ], 0..300),
            cut in 0_usize..300,
        ) {
            let whole = counted(&reasons);
            let (head, tail) = reasons.split_at(cut.min(reasons.len()));
            let mut parts = counted(tail);
            parts.merge(&counted(head));
            prop_assert_eq!(&parts, &whole);
            prop_assert_eq!(whole.sum(), reasons.len() as u64);
            prop_assert!(whole.iter().count() <= LinesByReason::MOST + 1);
            let backwards: Vec<String> = reasons.iter().rev().cloned().collect();
            prop_assert_eq!(&counted(&backwards), &whole);
        }
    }
}
