//! Spelling: days on which calls and webhook logs seem to write message ids in different ways.
//!
//! Then most messages lack a status under their own id, while statuses name messages that nobody
//! admitted. A day on which everything is down beside statuses of other senders looks the same, so
//! the messages are unknown, and a person decides.

use std::collections::BTreeMap;

use super::Resolver;
use crate::facts::{Kind, OtherSpelling, Outcome, Stream, Timing};

/// Orphan statuses of a source and region that are no chance.
///
/// Fewer may belong to messages of the day before the first.
const MIN_ORPHANS: u64 = 20;
/// A region is spelled alike if one in so many of its messages has a status under its own id.
const TOLD_OF: u64 = 10;

/// Orphan statuses of a day, and the messages that they could belong to.
#[derive(Default)]
pub struct SpellingCounts {
    /// By source and region of the webhook log.
    pub orphans: BTreeMap<(String, String), u64>,
    /// Messages for which a status is due, by region: all, and those with a status.
    pub messages: BTreeMap<String, (u64, u64)>,
}

impl SpellingCounts {
    /// Counts messages for which a status is due.
    pub fn count(&mut self, kind: &Kind, messages: u64, is_told: bool) {
        if kind.has_admitted() && !kind.is_held() {
            let (all, told) = self.messages.entry(kind.region.clone()).or_default();
            *all += messages;
            *told += if is_told { messages } else { 0 };
        }
    }

    /// Adds the counts of other messages of the day.
    pub fn add(&mut self, other: Self) {
        for (key, statuses) in other.orphans {
            *self.orphans.entry(key).or_default() += statuses;
        }
        for (region, (all, told)) in other.messages {
            let sum = self.messages.entry(region).or_default();
            *sum = (sum.0 + all, sum.1 + told);
        }
    }

    /// Returns the regions whose messages are unknown if they have no status.
    fn found(&self) -> Vec<OtherSpelling> {
        // A log of webhooks may not tell regions, or name them in its own way.
        let is_shared = |region: &String| self.messages.contains_key(region);
        let knows_regions = self.orphans.keys().any(|(_, region)| region != "-" && is_shared(region));
        let mut found = Vec::new();
        for (region, (messages, told)) in &self.messages {
            if told * TOLD_OF >= *messages {
                continue;
            }
            let is_near = |of: &str| !knows_regions || of == region.as_str() || of == "-" || region == "-";
            let near = self.orphans.iter().filter(|((_, of), n)| is_near(of) && **n >= MIN_ORPHANS);
            found.extend(near.max_by_key(|(_, n)| **n).map(|((source, _), orphans)| OtherSpelling {
                source: source.clone(),
                region: region.clone(),
                orphans: *orphans,
                messages: *messages,
                told: *told,
            }));
        }
        found
    }
}

impl Resolver<'_> {
    /// Leaves messages without a status unknown in regions whose ids seem to be spelled otherwise.
    pub fn leave_other_spellings_open(&mut self) {
        for fact in &self.own.facts {
            let kind = &self.own.kinds[fact.kind as usize];
            if kind.stream == Stream::Message {
                self.spelling.count(kind, u64::try_from(fact.events).unwrap_or(0), true);
            }
        }
        let found = self.spelling.found();
        let is_open = |kind: &Kind| {
            kind.stream == Stream::Message
                && (kind.outcome, kind.timing) == (Outcome::None, Timing::Overdue)
                && found.iter().any(|other| other.region == kind.region)
        };
        let open: Vec<u32> =
            (0..).zip(self.all_kinds()).filter(|(_, k)| is_open(k)).map(|(n, _)| n).collect();
        for number in open {
            let unseen = self.all_kinds().nth(number as usize);
            let Some(unseen) = unseen.map(|kind| Kind { timing: Timing::Unseen, ..kind.clone() }) else {
                continue;
            };
            let unseen = self.kind(unseen);
            let is_of = |key: &&(u32, u32, u32)| key.1 == number;
            let keys: Vec<(u32, u32, u32)> = self.resolved.keys().filter(is_of).copied().collect();
            for (slot, kind, caller) in keys {
                let (events, sixtieths) = self.resolved.remove(&(slot, kind, caller)).unwrap_or_default();
                let moved = self.resolved.entry((slot, unseen, caller)).or_default();
                moved.0 += events;
                moved.1 |= sixtieths;
            }
        }
        self.other_spellings = found;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(orphans: &[(&str, u64)], messages: &[(&str, (u64, u64))]) -> Vec<String> {
        let counts = SpellingCounts {
            orphans: orphans.iter().map(|(of, n)| (("hooks".to_owned(), (*of).to_owned()), *n)).collect(),
            messages: messages.iter().map(|(of, n)| ((*of).to_owned(), *n)).collect(),
        };
        counts.found().into_iter().map(|other| other.region).collect()
    }

    #[test]
    fn twenty_orphans_and_less_than_one_told_message_in_ten_are_another_spelling() {
        assert_eq!(counts(&[("eu", 20)], &[("eu", (100, 9))]), ["eu"]);
        assert_eq!(counts(&[("eu", 19)], &[("eu", (100, 0))]), [""; 0], "too few orphans");
        assert_eq!(counts(&[("eu", 90)], &[("eu", (100, 10))]), [""; 0], "one in ten is told");
        assert_eq!(counts(&[("us", 90)], &[("eu", (100, 0)), ("us", (50, 50))]), [""; 0], "of elsewhere");
        assert_eq!(counts(&[("-", 90)], &[("eu", (100, 0)), ("us", (50, 50))]), ["eu"]);
        assert_eq!(counts(&[("frankfurt", 90)], &[("eu", (100, 0))]), ["eu"], "names of its own");
        assert_eq!(counts(&[], &[("eu", (100, 0))]), [""; 0], "all down");
    }
}
