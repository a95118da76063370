//! Odd words: words of closed lists that nobody knows, counted so that they can be told.

use std::collections::BTreeMap;

use crate::redact::value;

/// Distinct words that are kept by name; a column with more is no column of such words.
const MOST: usize = 256;
/// Stands for all words beyond [`MOST`].
const OTHERS: &str = "others";
/// Characters of a word that are kept.
const LONGEST: usize = 32;

/// The closed list that a word should be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WordList {
    /// Statuses of messages.
    Status,
    /// Scopes of calls.
    Scope,
}

/// Unknown words of one worker: by list and source reader, with the number of rows.
#[derive(Debug, Default)]
pub struct OddWords(BTreeMap<(WordList, u32, String), u64>);

impl OddWords {
    /// Counts a row with a word that is not of the list.
    pub fn add(&mut self, list: WordList, source_reader: u32, word: &[u8]) {
        let key = (list, source_reader, value(word, LONGEST));
        let is_known = self.0.len() < MOST || self.0.contains_key(&key);
        let key = if is_known { key } else { (list, source_reader, OTHERS.to_owned()) };
        *self.0.entry(key).or_default() += 1;
    }

    /// Returns list, source reader, word and rows.
    pub fn iter(&self) -> impl Iterator<Item = (WordList, u32, &str, u64)> {
        self.0.iter().map(|((list, reader, word), rows)| (*list, *reader, word.as_str(), *rows))
    }
}
