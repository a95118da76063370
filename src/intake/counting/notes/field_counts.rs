//! Field counts: lines of payloads by the webhook field that they name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::facts::FieldLine;
use crate::intake::formats::webhook_payload::PayloadField;
use crate::intake::formats::webhook_payload::fields::why_ignored;
use crate::redact::value;

/// Distinct names that a worker keeps: many more than there are fields, and bounded.
const MOST: usize = 1_024;
/// Unknown fields that a day keeps by name.
const MOST_UNKNOWN: usize = 20;
/// Stands for the names beyond the limits.
const OTHERS: &str = "others";
/// Characters of a name that are kept.
const LONGEST: usize = 64;

/// Lines of one field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Lines {
    all: u64,
    taken: u64,
    statuses: u64,
}

impl Lines {
    const fn add(&mut self, other: Self) {
        self.all += other.all;
        self.taken += other.taken;
        self.statuses += other.statuses;
    }
}

/// Lines of payloads that one worker read, by field.
///
/// Beyond a limit the smallest names stay, so that the order of lines does not matter.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct FieldCounts {
    of: BTreeMap<String, Lines>,
    others: Lines,
}

impl FieldCounts {
    /// Counts one line of the day.
    pub fn add(&mut self, fields: &[PayloadField<'_>]) {
        for PayloadField { name, statuses } in fields {
            let line = Lines { all: 1, taken: u64::from(*statuses > 0), statuses: *statuses };
            match self.of.get_mut(name.as_ref()) {
                Some(known) => known.add(line),
                None => self.start(name, line),
            }
        }
    }

    fn start(&mut self, name: &str, line: Lines) {
        self.of.insert(name.to_owned(), line);
        if self.of.len() > MOST
            && let Some((_, dropped)) = self.of.pop_last()
        {
            self.others.add(dropped);
        }
    }

    /// Returns the lines of all workers by field, sorted by name.
    pub fn all<'c>(workers: impl Iterator<Item = &'c Self>) -> Vec<FieldLine> {
        let mut of: BTreeMap<&str, Lines> = BTreeMap::new();
        let mut others = Lines::default();
        for worker in workers {
            others.add(worker.others);
            worker.of.iter().for_each(|(name, lines)| of.entry(name).or_default().add(*lines));
        }
        let mut unknown = 0;
        let mut found: BTreeMap<String, (Lines, &'static str)> = BTreeMap::new();
        for (name, lines) in of {
            let why = why_ignored(name);
            unknown += usize::from(why == FieldLine::UNKNOWN);
            if why == FieldLine::UNKNOWN && unknown > MOST_UNKNOWN {
                others.add(lines);
                continue;
            }
            let shown = if name.is_empty() { "-".to_owned() } else { value(name.as_bytes(), LONGEST) };
            found.entry(shown).or_insert((Lines::default(), why)).0.add(lines);
        }
        if others.all > 0 {
            found.entry(OTHERS.to_owned()).or_insert((Lines::default(), FieldLine::UNKNOWN)).0.add(others);
        }
        let line = |(field, (Lines { all: lines, taken, statuses }, why)): (String, (Lines, &str))| {
            let ignored = lines - taken;
            let why = (ignored > 0 || why == FieldLine::UNKNOWN).then(|| why.to_owned());
            FieldLine { field, lines, taken, statuses, ignored, why }
        };
        found.into_iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, statuses: u64) -> PayloadField<'_> {
        PayloadField { name: name.into(), statuses }
    }

    #[test]
    fn each_field_has_its_lines_whichever_worker_read_them() {
        let (mut a, mut b) = (FieldCounts::default(), FieldCounts::default());
        a.add(&[field("messages", 2), field("flows", 0)]);
        b.add(&[field("messages", 0)]);
        b.add(&[field("", 1)]);
        let shown: Vec<String> = FieldCounts::all([&a, &b].into_iter())
            .iter()
            .map(|l| {
                format!(
                    "{} {}={}+{} {} {:?}",
                    l.field,
                    l.lines,
                    l.taken,
                    l.ignored,
                    l.statuses,
                    l.why.is_some()
                )
            })
            .collect();
        assert_eq!(shown, ["- 1=1+0 1 false", "flows 1=0+1 0 true", "messages 2=1+1 2 true"]);
    }

    #[test]
    fn names_without_end_are_folded_alike_in_any_order() {
        let names: Vec<String> = (0..3_000).map(|n| format!("field_{n:04}")).collect();
        let (mut up, mut down) = (FieldCounts::default(), FieldCounts::default());
        for name in &names {
            up.add(&[field(name, 0)]);
        }
        for name in names.iter().rev() {
            down.add(&[field(name, 0)]);
        }
        let lines = FieldCounts::all([&up].into_iter());
        assert_eq!(lines, FieldCounts::all([&down].into_iter()));
        assert_eq!((lines.len(), lines.iter().map(|l| l.lines).sum::<u64>()), (MOST_UNKNOWN + 1, 3_000));
    }
}
