//! Poorer logs: decides whether the logs of a day may replace what was read of them before.
//!
//! Rotation, retention and a log that was cut off never take anything from a published day.

use std::collections::BTreeMap;

use super::Job;
use crate::attention::{Attention, AttentionKind};
use crate::config::lexical;
use crate::day::Day;
use crate::daybook::{self, Daybook};
use crate::error::Trouble;
use crate::facts::{FileBalance, FileRole, SourceRows};
use crate::intake;
use crate::ledger::{Extent, Ledger};

/// How the rows of a day differ from those that were read before, by source and hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowsChange {
    /// No hour of a source has fewer rows, or fewer rows that fail.
    NotFewer,
    /// Rows are gone, and none is new.
    Gone { gone: u64, before: u64 },
    /// Rows are gone, and others are new.
    Mixed { gone: u64, fresh: u64 },
    /// No rows are gone, but in some hour fewer fail than before.
    Rewritten { healed: u64 },
}

impl RowsChange {
    /// Compares the rows of a day with those that were read before.
    pub fn of(before: &[SourceRows], now: &[SourceRows]) -> Self {
        let mut hours: BTreeMap<(&str, u8), [(u64, u64); 2]> = BTreeMap::new();
        for (side, rows) in [before, now].into_iter().enumerate() {
            for hour in rows {
                hours.entry((&hour.source, hour.hour)).or_default()[side] = (hour.rows, hour.failing);
            }
        }
        let (mut gone, mut fresh, mut healed) = (0, 0, 0);
        for [(rows_before, failing_before), (rows, failing)] in hours.into_values() {
            gone += rows_before.saturating_sub(rows);
            fresh += rows.saturating_sub(rows_before);
            if rows >= rows_before {
                healed += failing_before.saturating_sub(failing);
            }
        }
        match (gone, fresh, healed) {
            (0, _, 0) => Self::NotFewer,
            (0, _, healed) => Self::Rewritten { healed },
            (gone, 0, _) => Self::Gone { gone, before: before.iter().map(|hour| hour.rows).sum() },
            (gone, fresh, _) => Self::Mixed { gone, fresh },
        }
    }
}

impl RowsChange {
    /// Returns the rows that are gone.
    pub const fn gone(self) -> u64 {
        match self {
            Self::Gone { gone, .. } | Self::Mixed { gone, .. } => gone,
            Self::NotFewer | Self::Rewritten { .. } => 0,
        }
    }
}

/// Returns whether a person has accepted that so many rows of a day are gone.
pub(super) fn is_accepted(ledger: &Ledger, day: Day, gone: u64) -> bool {
    let said = ledger.record().attention.acknowledgement_on(AttentionKind::FewerRows, day);
    said.is_some_and(|said| gone <= said.measure)
}

/// Compares the rows just read of a day with those that it was made from.
///
/// Rows read under other settings are not compared. Without a daybook, or with one of version
/// 0.1.0, the accepted rows of each source are compared, over the whole day.
pub(super) fn change(job: &Job, ledger: &Ledger, day: Day, now: &Daybook) -> Result<RowsChange, Trouble> {
    let whole_day = |files: &[FileBalance]| -> Vec<SourceRows> {
        let mut sources: BTreeMap<&str, u64> = BTreeMap::new();
        for file in files.iter().filter(|file| file.accepted > 0) {
            *sources.entry(&file.source).or_default() += file.accepted;
        }
        let rows =
            |(source, rows): (&str, u64)| SourceRows { source: source.to_owned(), hour: 0, rows, failing: 0 };
        sources.into_iter().map(rows).collect()
    };
    let is_read_alike = ledger.daybook(day).is_none_or(|reading| job.config.reads_like(&reading.settings));
    if !is_read_alike && now.files.iter().any(|file| file.accepted > 0) {
        return Ok(RowsChange::NotFewer);
    }
    // The daybook counts before the edition: a killed run may have read the day without publishing.
    let kept = ledger.daybooks().get(&day).map(daybook::head).and_then(Result::ok);
    match kept {
        Some(kept) if !kept.source_rows.is_empty() => Ok(RowsChange::of(&kept.source_rows, &now.source_rows)),
        Some(kept) => Ok(RowsChange::of(&whole_day(&kept.files), &whole_day(&now.files))),
        None if ledger.days().contains(&day) => {
            let standing = ledger.read(day, Extent::Slots)?;
            Ok(RowsChange::of(&whole_day(&standing.intake), &whole_day(&now.files)))
        }
        None => Ok(RowsChange::NotFewer),
    }
}

/// Returns whether the day's own files are there and hold no readable row, of whatever day.
///
/// After a rotation they hold rows of other days.
fn is_unlike_before(daybook: &Daybook) -> bool {
    let mut own = daybook.files.iter().filter(|file| file.role == FileRole::Own).peekable();
    own.peek().is_some() && own.all(|file| file.accepted == 0 && file.outside == 0)
}

/// Returns whether the standing edition of a day was made without a log that was missing.
fn has_missing_logs(ledger: &Ledger, day: Day) -> Result<bool, Trouble> {
    if !ledger.days().contains(&day) {
        return Ok(false);
    }
    let standing = ledger.read(day, Extent::Slots)?;
    let is_broken = standing.intake.iter().any(|file| file.failure.is_some());
    Ok(is_broken || ledger.basis(day, standing.number)?.has_missing_files())
}

/// Returns what a person is told of logs that have changed.
///
/// Where rows are only gone, as after a rotation, of a day that was published whole, nothing is to
/// do; the poorer logs can be chosen all the same.
pub(super) fn told(
    ledger: &Ledger,
    day: Day,
    change: RowsChange,
    daybook: &Daybook,
) -> Result<Option<Attention>, Trouble> {
    let fewer = |gone: u64, message: String| {
        Attention::new(AttentionKind::FewerRows, day, &[], message).of_measure(gone)
    };
    let told = match change {
        RowsChange::NotFewer => return Ok(None),
        RowsChange::Gone { gone, before } if is_unlike_before(daybook) => fewer(
            gone,
            format!(
                "none of the {before} rows that it was made from is found in its logs any more ({gone} are gone); it keeps \
                 its edition. Do preset and columns still fit the logs? To publish the day without them, acknowledge it"
            ),
        ),
        RowsChange::Gone { gone, before } => only_gone(ledger, day, gone, before)?,
        RowsChange::Mixed { gone, fresh } => fewer(
            gone,
            format!(
                "{gone} rows are gone from its logs and {fresh} others are new; it keeps its edition. Put back what is gone, \
                 or, if the logs are right now, acknowledge it, and the next run books them"
            ),
        ),
        RowsChange::Rewritten { healed } => {
            // Rows that were written anew before count on, so that a second time is told as well.
            let before = ledger.record().attention.happened(AttentionKind::RewrittenLog, day);
            let times = if before == 0 { String::new() } else { format!(", after {before} earlier ones") };
            let message = format!(
                "no row is gone from its logs, but {healed} that failed before do not fail now{times}: they were written anew. \
                 The day is booked by them; ask who changed them, and why"
            );
            Attention::new(AttentionKind::RewrittenLog, day, &[], message).of_measure(before + healed)
        }
    };
    Ok(Some(told))
}

/// Returns what a person is told of a day some of whose files are gone, and that has no new ones.
///
/// The files that are left are not read. So many rows are gone at most as the others had.
pub(super) fn gone(job: &Job, ledger: &Ledger, day: Day) -> Result<Attention, Trouble> {
    let reading = ledger.daybook(day).map(|reading| reading.files.as_slice()).unwrap_or_default();
    let now = intake::inputs(&job.config, day, reading, job.workers)?;
    let is_left = |path: &str| {
        let hash =
            reading.iter().find(|input| lexical(&input.path) == lexical(path)).map(|input| &input.hash);
        hash.is_some_and(|hash| now.iter().any(|input| input.hash == *hash))
    };
    let kept = ledger.daybooks().get(&day).map(daybook::head).transpose()?;
    let files = kept.map(|kept| kept.files).unwrap_or_default();
    let rows = |file: &FileBalance| file.accepted + file.duplicate + file.conflict;
    let of_gone = files.iter().filter(|file| !is_left(&file.path)).map(rows).sum();
    only_gone(ledger, day, of_gone, files.iter().map(rows).sum())
}

fn only_gone(ledger: &Ledger, day: Day, gone: u64, before: u64) -> Result<Attention, Trouble> {
    let is_missing = has_missing_logs(ledger, day)?;
    let already = if is_missing { ", and something was missing from it already" } else { "" };
    let message = format!(
        "{gone} of the {before} rows that it was made from are no longer in its logs{already}; it keeps its edition. Put the \
         logs back, or acknowledge it, and the next run books what is left"
    );
    let told = Attention::new(AttentionKind::FewerRows, day, &[], message).of_measure(gone);
    Ok(if is_missing { told } else { told.as_choice() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(hours: &[(&str, u8, u64, u64)]) -> Vec<SourceRows> {
        let of = |(source, hour, rows, failing): &(&str, u8, u64, u64)| SourceRows {
            source: (*source).to_owned(),
            hour: *hour,
            rows: *rows,
            failing: *failing,
        };
        hours.iter().map(of).collect()
    }

    #[test]
    fn rows_are_compared_hour_by_hour_and_source_by_source() {
        let before = rows(&[("edge", 9, 100, 10), ("edge", 10, 100, 0), ("hooks", 9, 50, 0)]);
        let change = |now: &[(&str, u8, u64, u64)]| RowsChange::of(&before, &rows(now));
        let hooks = ("hooks", 9, 50, 0);
        assert_eq!(change(&[("edge", 9, 100, 10), ("edge", 10, 100, 0), hooks]), RowsChange::NotFewer);
        assert_eq!(
            change(&[("edge", 9, 130, 12), ("edge", 10, 100, 0), hooks, ("edge", 11, 5, 5)]),
            RowsChange::NotFewer
        );
        assert_eq!(change(&[("edge", 10, 100, 0), hooks]), RowsChange::Gone { gone: 100, before: 250 });
        // As many rows in all, but not in every hour.
        assert_eq!(
            change(&[("edge", 9, 60, 0), ("edge", 10, 140, 0), hooks]),
            RowsChange::Mixed { gone: 40, fresh: 40 }
        );
        // More rows of another source do not make up for it.
        assert_eq!(
            change(&[("edge", 9, 99, 10), ("edge", 10, 100, 0), ("hooks", 9, 70, 0)]),
            RowsChange::Mixed { gone: 1, fresh: 20 }
        );
        assert_eq!(
            change(&[("edge", 9, 100, 3), ("edge", 10, 100, 0), hooks]),
            RowsChange::Rewritten { healed: 7 }
        );
        assert_eq!(RowsChange::of(&[], &before), RowsChange::NotFewer);
    }
}
