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
/// Failed attempts of a stage whose words are read, and bytes of each: whoever can write to an
/// exchange could leave many and long ones.
const MOST_READ: usize = 64;
const MOST_BYTES: usize = 2_048;

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
    /// In place of words that cannot be read it has the reason: they are no part of a result.
    pub fn words(&self, exchange: &Exchange, folder: &str) -> Vec<(String, usize)> {
        let mut words: BTreeMap<String, usize> = BTreeMap::new();
        for name in self.failed.iter().take(MOST_READ) {
            let file = exchange.file(&format!("{folder}/{name}"));
            let text = file.and_then(|file| file.read_first(MOST_BYTES)).map_or_else(
                |trouble| trouble.to_string(),
                |text| String::from_utf8_lossy(&text).into_owned(),
            );
            *words.entry(text).or_default() += 1;
        }
        let mut words: Vec<_> = words.into_iter().collect();
        words.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        words.truncate(MOST_WORDS);
        words
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::wire::exchange::ExchangePlace;
    use crate::store::StoreLimits;

    #[test]
    fn words_are_bounded_and_never_stop_a_stage() {
        let folder = tempfile::tempdir().unwrap();
        let place = ExchangePlace::of_run(folder.path().to_str().unwrap(), "run-1").unwrap();
        let exchange = Exchange::new(place, StoreLimits::default());
        exchange.begin("map-0").unwrap();
        let put = |name: &str, text: &str| {
            exchange.put_bytes(&format!("map-0/{name}"), folder.path(), text.as_bytes()).unwrap();
        };
        put("000000-a.begun", "");
        put("000000-a.json", "{}");
        put("000001-b.failed", "no disk");
        put("000001-c.failed", "no disk");
        put("000002-d.failed", &"x".repeat(1 << 20));
        std::fs::create_dir(folder.path().join("run-1/map-0/000003-e.failed")).unwrap();
        let attempts = Attempts::in_folder(&exchange, "map-0").unwrap();
        assert_eq!((attempts.begun, attempts.done.len(), attempts.failed.len()), (1, 1, 4));
        let words = attempts.words(&exchange, "map-0");
        assert_eq!(words[0], ("no disk".to_owned(), 2));
        assert!(words.iter().all(|(text, _)| text.len() <= MOST_BYTES), "{words:?}");
        assert!(words.iter().any(|(text, _)| text.contains("000003-e.failed cannot be used")), "{words:?}");
    }
}
