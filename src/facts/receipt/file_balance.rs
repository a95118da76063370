//! File balance: the rows of one log file by what became of them.

use serde::{Deserialize, Serialize};

use super::lines_by_reason::LinesByReason;
use crate::config::Log;
use crate::table::{CellWord, record};

record! {
    table "intake", a row is "input file";
    /// Rows of one input file, by what became of them.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct FileBalance {
        pub path: String => "path" Text,
        /// Name of the source in the config.
        pub source: String => "source" Text,
        pub log: Log => "log" Text,
        pub role: FileRole => "role" Text,
        pub format: String => "format" Text,
        pub bytes: u64 => "bytes" Integer,
        pub rows_read: u64 => "rows_read" Integer,
        pub accepted: u64 => "accepted" Integer,
        pub duplicate: u64 => "duplicate" Integer,
        pub outside: u64 => "outside" Integer,
        pub quarantine: u64 => "quarantine" Integer,
        pub first_ts_us: Option<i64> => "first_ts" Instant,
        pub last_ts_us: Option<i64> => "last_ts" Instant,
        /// Why the file could not be read to its end; nothing of such a file is counted.
        pub failure: Option<String> => "failure" Text,
    }
    beside {
        /// Rows that have the id of an earlier row of their vantage and differ from it.
        #[serde(default, skip_serializing_if = "is_zero")]
        pub conflict: u64,
        /// Lines that are no calls, such as start-up messages; earlier versions knew none.
        #[serde(default, skip_serializing_if = "is_zero")]
        pub not_a_call: u64,
        /// The same by what the lines are.
        #[serde(default, skip_serializing_if = "LinesByReason::is_empty")]
        pub not_a_call_reasons: LinesByReason,
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

record! {
    table "conflicts", a row is "input file with rows that differ from an earlier row with their id";
    /// Rows in conflict of one input file; stored only if there are any.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ConflictLine {
        /// Index of the file among the files of its day.
        pub file: u32 => "file" Integer,
        pub rows: u64 => "rows" Integer,
    }
}

impl ConflictLine {
    /// Lists the files with conflicts.
    pub fn of(files: &[FileBalance]) -> Vec<Self> {
        let all = files.iter().zip(0..).map(|(balance, file)| Self { file, rows: balance.conflict });
        all.filter(|line| line.rows > 0).collect()
    }
}

record! {
    table "not_a_call", a row is "reason for which lines of an input file are no calls";
    /// Lines of one input file that are no calls for one reason; stored only if there are any.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct NotACallLine {
        /// Index of the file among the files of its day.
        pub file: u32 => "file" Integer,
        pub why: String => "why" Text,
        pub rows: u64 => "rows" Integer,
    }
}

impl NotACallLine {
    /// Lists the reasons of all files.
    pub fn of(files: &[FileBalance]) -> Vec<Self> {
        let of_file = |(balance, file): (&FileBalance, u32)| {
            let line = |(why, rows): (&str, u64)| Self { file, why: why.to_owned(), rows };
            balance.not_a_call_reasons.iter().map(line).collect::<Vec<_>>()
        };
        files.iter().zip(0..).flat_map(of_file).collect()
    }
}

impl CellWord for Log {}

impl CellWord for FileRole {}

impl FileBalance {
    /// `rows_read` is the sum of the accounts, without tolerance.
    pub fn check(&self) -> Result<(), String> {
        let Self { path, rows_read, accepted, duplicate, conflict, outside, quarantine, .. } = self;
        let not_a_call = self.not_a_call;
        let sum = accepted + duplicate + conflict + outside + quarantine + not_a_call;
        if *rows_read != sum {
            return Err(format!(
                "{path}: {rows_read} rows read, but {accepted} accepted + {duplicate} duplicate + {conflict} conflict + \
                 {outside} outside + {quarantine} quarantine + {not_a_call} not a call = {sum}"
            ));
        }
        let by_reason = self.not_a_call_reasons.sum();
        if not_a_call != by_reason {
            return Err(format!("{path}: {not_a_call} lines are no calls, but {by_reason} have a reason"));
        }
        Ok(())
    }

    /// Returns the lines of files that are no calls, by what they are.
    pub fn no_calls<'f>(files: impl Iterator<Item = &'f Self>) -> LinesByReason {
        let mut all = LinesByReason::default();
        files.for_each(|file| all.merge(&file.not_a_call_reasons));
        all
    }

    /// Returns whether all lines of the file are no calls, and not all of them headers.
    pub fn has_no_calls_alone(&self) -> bool {
        self.event_rows() == 0 && self.not_a_call > self.not_a_call_reasons.of(LinesByReason::HEADER)
    }

    /// Returns the rows that tell of an event, or should: all but the lines that are no calls.
    pub const fn event_rows(&self) -> u64 {
        self.rows_read.saturating_sub(self.not_a_call)
    }
}

/// Whether a file is the day's own or that of a day beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRole {
    Own,
    Neighbour,
}

impl FileRole {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Neighbour => "neighbour",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::word;

    #[test]
    fn a_row_that_is_nowhere_is_told() {
        let mut file = FileBalance {
            path: "a.csv".into(),
            source: "edge".into(),
            log: Log::Requests,
            role: FileRole::Own,
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
            conflict: 0,
            not_a_call: 0,
            not_a_call_reasons: LinesByReason::default(),
        };
        assert_eq!(file.check(), Ok(()));
        file.conflict = 1;
        assert!(file.check().unwrap_err().contains("1 conflict"));
        file.rows_read = 11;
        assert_eq!(file.check(), Ok(()));
        file.duplicate = 0;
        assert!(file.check().unwrap_err().starts_with("a.csv: 11 rows read"));
        file.not_a_call = 1;
        assert!(file.check().unwrap_err().ends_with("1 lines are no calls, but 0 have a reason"));
        file.not_a_call_reasons.add("start-up", 1);
        assert_eq!(file.check(), Ok(()));
        assert_eq!((file.event_rows(), file.has_no_calls_alone()), (10, false));
        (file.rows_read, file.not_a_call) = (2, 2);
        assert!(file.has_no_calls_alone());
        file.not_a_call_reasons = LinesByReason::default();
        file.not_a_call_reasons.add(LinesByReason::HEADER, 2);
        assert!(!file.has_no_calls_alone(), "an empty file with its header");
    }

    #[test]
    fn a_balance_without_lines_that_are_no_calls_is_stored_as_before() {
        let text = r#"{"path":"a","source":"s","log":"requests","role":"own","format":"csv","bytes":1,"rows_read":0,"accepted":0,"duplicate":0,"outside":0,"quarantine":0,"first_ts_us":null,"last_ts_us":null,"failure":null}"#;
        let mut file: FileBalance = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&file).unwrap(), text);
        (file.rows_read, file.not_a_call) = (3, 3);
        file.not_a_call_reasons.add("start-up", 3);
        let stored = serde_json::to_string(&file).unwrap();
        assert_eq!(serde_json::from_str::<FileBalance>(&stored).unwrap(), file);
        let want = NotACallLine { file: 0, why: "start-up".to_owned(), rows: 3 };
        assert_eq!(NotACallLine::of(&[file]), [want]);
    }

    #[test]
    fn logs_and_roles_are_stored_as_their_names() {
        for log in [Log::Requests, Log::Webhooks] {
            assert_eq!(word(&log), log.name());
        }
        for role in [FileRole::Own, FileRole::Neighbour] {
            assert_eq!(word(&role), role.name());
        }
    }
}
