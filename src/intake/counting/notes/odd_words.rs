//! Odd words: words of closed lists that nobody knows, counted so that they can be told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::redact::value;

/// Distinct words of a list that a worker keeps by name: the smallest ones.
const MOST: usize = 256;
/// Distinct words of a list that are told; a column with more is no column of such words.
///
/// Any of them is among the first [`MOST`] of every worker, so none was ever dropped.
const MOST_TOLD: usize = 64;
/// Stands for all words beyond these.
const OTHERS: &str = "others";
/// Characters of a word that are kept.
const LONGEST: usize = 32;

/// The closed list that a word should be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WordList {
    /// Statuses of messages.
    Status,
    /// Scopes of calls.
    Scope,
}

/// Unknown words of one list and source, with the number of rows of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordCounts {
    of: BTreeMap<String, u64>,
    others: u64,
}

impl WordCounts {
    fn add(&mut self, word: String, rows: u64) {
        *self.of.entry(word).or_default() += rows;
        if self.of.len() > MOST
            && let Some((_, dropped)) = self.of.pop_last()
        {
            self.others += dropped;
        }
    }

    /// Adds the counts of another worker.
    pub fn merge(&mut self, other: &Self) {
        self.others += other.others;
        other.of.iter().for_each(|(word, rows)| self.add(word.clone(), *rows));
    }

    /// Returns the words that are told, with the rows of each.
    pub fn told(&self) -> impl Iterator<Item = (&str, u64)> {
        let others = self.others + self.of.values().skip(MOST_TOLD).sum::<u64>();
        let told = self.of.iter().take(MOST_TOLD).map(|(word, rows)| (word.as_str(), *rows));
        told.chain((others > 0).then_some((OTHERS, others)))
    }
}

/// Unknown words of one worker, by list and source reader.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct OddWords(BTreeMap<(WordList, u32), WordCounts>);

impl OddWords {
    /// Counts a row with a word that is not of the list.
    pub fn add(&mut self, list: WordList, source_reader: u32, word: &[u8]) {
        self.0.entry((list, source_reader)).or_default().add(value(word, LONGEST), 1);
    }

    /// Returns list, source reader and words.
    pub fn iter(&self) -> impl Iterator<Item = (WordList, u32, &WordCounts)> {
        self.0.iter().map(|((list, reader), words)| (*list, *reader, words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_told_however_rows_are_divided() {
        let words: Vec<String> = (0..2_000).map(|n| format!("w-{}", n * 7 % 500)).collect();
        let told = |parts: usize| -> Vec<(String, u64)> {
            let mut all = WordCounts::default();
            for part in 0..parts {
                let mut worker = OddWords::default();
                for word in words.iter().skip(part).step_by(parts) {
                    worker.add(WordList::Status, 0, word.as_bytes());
                }
                worker.iter().for_each(|(_, _, counts)| all.merge(counts));
            }
            all.told().map(|(word, rows)| (word.to_owned(), rows)).collect()
        };
        let whole = told(1);
        assert_eq!((whole.len(), whole.iter().map(|(_, rows)| rows).sum::<u64>()), (MOST_TOLD + 1, 2_000));
        for parts in [2, 7, 40] {
            assert_eq!(told(parts), whole);
        }
    }
}
