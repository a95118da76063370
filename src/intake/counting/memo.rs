//! Memo: classifications of rows, by the key of their sketch.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::daybook::message::StatusWord;
use crate::intake::rows::sketch::{MOST, SketchKey};

/// Classification shared by the rows with one sketch key, in worker-local numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownRow {
    /// A plainly good call that names its service.
    Call { shape: u32 },
    /// An attempt to deliver a notification that has an id.
    Attempt(KnownAttempt),
}

/// Values shared by the attempts with one sketch key, in worker-local numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownAttempt {
    /// Number of the attempt's traits.
    pub attempted: u32,
    pub told: Option<KnownStatus>,
    /// Hash of the status as the log writes it.
    pub word: u64,
}

/// Status of a message, in worker-local numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownStatus {
    pub word: StatusWord,
    /// Number of its traits.
    pub traits: u32,
}

/// Classifications known in the current work item.
#[derive(Debug, Default)]
pub struct Memo {
    known: HashTable<(SketchKey, KnownRow)>,
    hasher: RandomState,
    hits: u32,
    misses: u32,
}

impl Memo {
    /// Forgets all keys and counts: a new work item begins.
    pub fn clear(&mut self) {
        self.known.clear();
        (self.hits, self.misses) = (0, 0);
    }

    /// Returns whether sketches pay.
    ///
    /// In a log of failures, or if the key holds an id, they do not: after 1,024 misses, more
    /// than one hit per two misses is required.
    pub const fn is_worth_it(&self) -> bool {
        self.misses < 1_024 || self.misses / 2 < self.hits
    }

    /// Returns how many rows of the item had a known key.
    pub const fn hits(&self) -> u32 {
        self.hits
    }

    /// Finds the classification of a key, and counts the hit or miss.
    #[inline]
    pub fn find(&mut self, key: &SketchKey) -> Option<KnownRow> {
        let hash = hash(&self.hasher, key);
        let found = self.known.find(hash, |(known, _)| known.is(key)).map(|(_, known)| *known);
        match found {
            Some(_) => self.hits = self.hits.saturating_add(1),
            None => self.misses = self.misses.saturating_add(1),
        }
        found
    }

    /// Remembers the classification of a key, unless the key is known or [`MOST`] keys are.
    pub fn learn(&mut self, key: &SketchKey, known: KnownRow) {
        let hasher = &self.hasher;
        let hash_of = hash(hasher, key);
        if self.known.len() < MOST && self.known.find(hash_of, |(known, _)| known.is(key)).is_none() {
            self.known.insert_unique(hash_of, (key.clone(), known), |(key, _)| hash(hasher, key));
        }
    }
}

#[inline]
pub fn hash(hasher: &RandomState, key: &SketchKey) -> u64 {
    let mut state = hasher.build_hasher();
    state.write_u64(key.number);
    if !key.bytes.is_empty() {
        state.write(&key.bytes);
    }
    state.finish()
}
