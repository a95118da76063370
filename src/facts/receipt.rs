//! The intake balance: every row of every file is accepted, a duplicate, outside the day, or unreadable.

use serde::{Deserialize, Serialize};

/// What became of the rows of one input file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileBalance {
    pub path: String,
    /// Name of the source in the config.
    pub source: String,
    /// `requests` or `webhooks`.
    pub log: String,
    /// `own` for a file of the day, `neighbour` for one of the days beside it.
    pub role: String,
    pub format: String,
    pub bytes: u64,
    pub rows_read: u64,
    pub accepted: u64,
    pub duplicate: u64,
    pub outside: u64,
    pub quarantine: u64,
    pub first_ts_us: Option<i64>,
    pub last_ts_us: Option<i64>,
    /// Why the file could not be read to its end; nothing of such a file is counted.
    pub failure: Option<String>,
}

impl FileBalance {
    /// `rows_read` is the sum of the accounts, without tolerance.
    pub fn check(&self) -> Result<(), String> {
        let Self { path, rows_read, accepted, duplicate, outside, quarantine, .. } = self;
        let sum = accepted + duplicate + outside + quarantine;
        if *rows_read == sum {
            return Ok(());
        }
        Err(format!(
            "{path}: {rows_read} rows read, but {accepted} accepted + {duplicate} duplicate + {outside} outside \
             + {quarantine} quarantine = {sum}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_nowhere_is_told() {
        let mut file = FileBalance {
            path: "a.csv".into(),
            source: "edge".into(),
            log: "requests".into(),
            role: "own".into(),
            format: "csv".into(),
            bytes: 1,
            rows_read: 10,
            accepted: 6,
            duplicate: 1,
            outside: 2,
            quarantine: 1,
            first_ts_us: None,
            last_ts_us: None,
            failure: None,
        };
        assert_eq!(file.check(), Ok(()));
        file.duplicate = 0;
        assert!(file.check().unwrap_err().starts_with("a.csv: 10 rows read"));
    }
}
