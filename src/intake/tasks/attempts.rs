//! Attempts: what workers have begun, done and failed at, by the files in the folder of a stage.
//!
//! Whoever starts the workers, each attempt leaves a file when it begins and, if it fails, another
//! one with its words. So a run can tell of progress and of failures that the engine repeated.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Trouble;
use crate::intake::wire::exchange::Exchange;

/// Ending of the name of a receipt: `TASK-ATTEMPT.json`.
pub const RECEIPT: &str = ".json";
/// Ending of the name of an object.
pub const OBJECT: &str = ".ulx";
/// Ending of the name of an empty file that an attempt leaves when it begins.
pub const BEGUN: &str = ".begun";
/// Ending of the name of the words of an attempt that has failed.
pub const FAILED: &str = ".failed";
/// Different words of failed attempts that are kept of a stage.
const MOST_WORDS: usize = 3;

/// Attempts at the tasks of a stage.
#[derive(Debug, Default)]
pub struct Attempts {
    pub begun: usize,
    /// Tasks of which an attempt has left a receipt.
    pub done: BTreeSet<u32>,
    /// Names of the words of failed attempts.
    pub failed: Vec<String>,
}

impl Attempts {
    /// Looks at the names in a folder.
    ///
    /// # Errors
    /// The exchange cannot be listed.
    pub fn in_folder(exchange: &Exchange, folder: &str) -> Result<Self, Trouble> {
        let mut attempts = Self::default();
        for name in exchange.list(folder)? {
            if let Some(task) = task_of(&name, RECEIPT) {
                attempts.done.insert(task);
            } else if task_of(&name, BEGUN).is_some() {
                attempts.begun += 1;
            } else if task_of(&name, FAILED).is_some() {
                attempts.failed.push(name);
            }
        }
        Ok(attempts)
    }

    /// Reads the words of failed attempts, each with how many said them; the most frequent first.
    ///
    /// # Errors
    /// The exchange cannot be read.
    pub fn words(&self, exchange: &Exchange, folder: &str) -> Result<Vec<(String, usize)>, Trouble> {
        let mut words: BTreeMap<String, usize> = BTreeMap::new();
        for name in &self.failed {
            let text = exchange.read(&format!("{folder}/{name}"))?;
            *words.entry(String::from_utf8_lossy(&text).into_owned()).or_default() += 1;
        }
        let mut words: Vec<_> = words.into_iter().collect();
        words.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        words.truncate(MOST_WORDS);
        Ok(words)
    }
}

/// Returns the name of a file of an attempt, without its folder.
pub fn name(task: u32, attempt: &str, ending: &str) -> String {
    format!("{task:06}-{attempt}{ending}")
}

/// Returns the task in the name of a file with this ending; `None` for any other file.
pub fn task_of(name: &str, ending: &str) -> Option<u32> {
    name.strip_suffix(ending)?.split_once('-')?.0.parse().ok()
}
