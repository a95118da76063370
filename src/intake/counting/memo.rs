//! Memo: what is known of rows by the key of their sketch.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::daybook::message::StatusWord;
use crate::intake::rows::sketch::{Key, MOST};

/// What was found of the rows with one sketch, in the numbers of the worker's counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownRow {
    /// A plainly good call that names its service.
    Call { shape: u32 },
    /// An attempt to deliver a notification that has an id.
    Attempt(KnownAttempt),
}

/// What attempts with the same sketch have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownAttempt {
    /// What it shares with others.
    pub attempted: u32,
    /// The status of a message, and the number of its error code.
    pub told: Option<(StatusWord, u32)>,
    /// The hash of its status as it is written.
    pub word: u64,
}

/// What the rows of the item at hand were found to be.
#[derive(Debug, Default)]
pub struct Memo {
    known: HashTable<(Key, KnownRow)>,
    hasher: RandomState,
    hits: u32,
    misses: u32,
}

impl Memo {
    /// Another item begins.
    pub fn clear(&mut self) {
        self.known.clear();
        (self.hits, self.misses) = (0, 0);
    }

    /// Whether sketches pay: in a log of failures, or one whose key holds an id, they do not.
    pub const fn is_worth_it(&self) -> bool {
        self.misses < 1_024 || self.misses / 2 < self.hits
    }

    /// How many rows of the item were known.
    pub const fn hits(&self) -> u32 {
        self.hits
    }

    #[inline]
    pub fn find(&mut self, key: &Key) -> Option<KnownRow> {
        let hash = hash(&self.hasher, key);
        let found = self.known.find(hash, |(known, _)| known.is(key)).map(|(_, known)| *known);
        match found {
            Some(_) => self.hits = self.hits.saturating_add(1),
            None => self.misses = self.misses.saturating_add(1),
        }
        found
    }

    pub fn learn(&mut self, key: &Key, known: KnownRow) {
        let hasher = &self.hasher;
        let hash_of = hash(hasher, key);
        if self.known.len() < MOST && self.known.find(hash_of, |(known, _)| known.is(key)).is_none() {
            self.known.insert_unique(hash_of, (key.clone(), known), |(key, _)| hash(hasher, key));
        }
    }
}

#[inline]
pub fn hash(hasher: &RandomState, key: &Key) -> u64 {
    let mut state = hasher.build_hasher();
    state.write_u64(key.number);
    if !key.bytes.is_empty() {
        state.write(&key.bytes);
    }
    state.finish()
}
