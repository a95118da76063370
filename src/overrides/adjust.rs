//! Adjusting: applied rows become entries that move counts from one account to another.

use std::collections::BTreeSet;

use polars::prelude::{PolarsResult, polars_err};

use super::override_row::Override;
use super::select::Movable;
use crate::policy::{PostingLine, Postings};

/// The counts that one row moved on one day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moved {
    pub id: String,
    pub events: i64,
    /// The slots of the moved counts; sorted, as are services and regions.
    pub slots: Vec<u32>,
    pub services: Vec<String>,
    pub regions: Vec<String>,
}

/// Applies rows to the original postings of a day, in the given order.
///
/// Row `n` becomes entry `n + 1`. A posting that an earlier row moved stays with that row. The
/// second result is parallel to `rows`.
pub fn adjust(postings: &Postings, rows: &[Override]) -> PolarsResult<(Postings, Vec<Moved>)> {
    if rows.is_empty() {
        return Ok((postings.adjusted(&[])?, Vec::new()));
    }
    let mut movable = Movable::new(postings)?;
    let (mut entries, mut moved) = (Vec::new(), Vec::with_capacity(rows.len()));
    for (number, row) in rows.iter().enumerate() {
        let to = row.target().ok_or_else(
            || polars_err!(ComputeError: "override `{}` moves to `{}`, which is no account", row.id, row.to),
        )?;
        let mut lines = movable.selected(row);
        lines.retain(|at| movable.holder(*at).is_none());
        movable.take(&lines, number);
        let lines: Vec<PostingLine> = lines.into_iter().map(|at| *movable.line(at)).collect();
        for line in &lines {
            let entry = number as u32 + 1;
            entries.push(PostingLine { entry, events: -line.events, ..*line });
            entries.push(PostingLine { entry, account: to, ..*line });
        }
        moved.push(tell(row, &lines, postings));
    }
    Ok((postings.adjusted(&entries)?, moved))
}

fn tell(row: &Override, lines: &[PostingLine], postings: &Postings) -> Moved {
    let kinds = postings.facts().kinds();
    let slots: BTreeSet<u32> = lines.iter().map(|line| line.slot).collect();
    let used: BTreeSet<u32> = lines.iter().map(|line| line.kind).collect();
    let names = |of: fn(&crate::facts::Kind) -> &String| {
        let names: BTreeSet<&String> = used.iter().map(|kind| of(&kinds[*kind as usize])).collect();
        names.into_iter().cloned().collect()
    };
    Moved {
        id: row.id.clone(),
        events: lines.iter().map(|line| line.events).sum(),
        slots: slots.into_iter().collect(),
        services: names(|kind| &kind.service),
        regions: names(|kind| &kind.region),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::SlotLength;
    use crate::overrides::override_row::tests::row;
    use crate::overrides::select::tests::{day, event, postings};
    use crate::overrides::{Code, Direction};
    use crate::policy::Account;

    /// Bad events in two minutes of the hour, refused callers in the third, and a success.
    fn hour() -> Postings {
        let events = [
            event(600, Account::BadPlatformError, Some(2)),
            event(601, Account::BadPlatformMissed, Some(2)),
            event(602, Account::UserCaller, Some(190)),
            event(603, Account::Good, None),
        ];
        postings(day("2026-11-20"), SlotLength::Minute, &events)
    }

    /// Events per slot and account after all entries, without sums of zero.
    fn net(postings: &Postings) -> Vec<(u32, Account, i64)> {
        let mut sums: Vec<_> = postings
            .sums(["slot", "class"], |_, account| Some(account))
            .unwrap()
            .into_iter()
            .filter(|sum| sum.net != 0)
            .map(|sum| (sum.key[0], sum.class, sum.net))
            .collect();
        sums.sort_unstable();
        sums
    }

    fn code(mut row: Override, code: i64) -> Override {
        row.error_code = Some(Code::Number(code));
        row
    }

    #[test]
    fn counts_move_by_entries_and_no_posting_is_touched() {
        let before = hour();
        let rows = [row("up", Direction::ToUptime), code(row("down", Direction::ToDowntime), 190)];
        let (after, moved) = adjust(&before, &rows).unwrap();
        assert_eq!(
            net(&after),
            [
                (600, Account::UserCaller, 10),
                (601, Account::UserCaller, 10),
                (602, Account::BadPlatformError, 10),
                (603, Account::Good, 10)
            ]
        );
        assert_eq!(after.originals(|_| true).unwrap(), before.originals(|_| true).unwrap());
        assert_eq!(after.frame().height(), before.frame().height() + 6);
        let entries = after.frame().column("entry").unwrap().u32().unwrap();
        assert_eq!(entries.into_no_null_iter().max(), Some(2), "an entry for each row");
        let up = Moved {
            id: "up".to_owned(),
            events: 20,
            slots: vec![600, 601],
            services: vec!["messages".to_owned()],
            regions: vec!["eu".to_owned()],
        };
        assert_eq!(moved[0], up);
        assert_eq!((moved[1].id.as_str(), moved[1].events), ("down", 10));
    }

    #[test]
    fn a_posting_moves_once_and_from_where_it_was_booked_first() {
        let before = hour();
        let missed =
            Override { account: Some("bad:platform:missed".to_owned()), ..row("b", Direction::ToUptime) };
        // The second row finds nothing left to move; the third does not take back events of the
        // first.
        let rows = [missed, row("a", Direction::ToUptime), code(row("c", Direction::ToDowntime), 2)];
        let (after, moved) = adjust(&before, &rows).unwrap();
        assert_eq!(moved.iter().map(|m| m.events).collect::<Vec<_>>(), [10, 10, 0]);
        assert_eq!(moved[2], Moved { id: "c".to_owned(), ..Moved::default() });
        assert_eq!(after.frame().height(), before.frame().height() + 4);
    }

    #[test]
    fn without_rows_the_books_are_as_before() {
        let before = hour();
        let (after, _) = adjust(&before, &[row("a", Direction::ToUptime)]).unwrap();
        assert_ne!(net(&after), net(&before));
        // Adjusting starts from the original postings, whatever was adjusted before.
        let (again, moved) = adjust(&after, &[]).unwrap();
        assert!(again.frame().equals(before.frame()) && moved.is_empty());
        let (twice, _) = adjust(&after, &[row("a", Direction::ToUptime)]).unwrap();
        assert!(twice.frame().equals(after.frame()));
    }

    #[test]
    fn a_row_that_leads_to_no_account_is_an_error() {
        let row = Override { to: "user:nobody".to_owned(), ..row("a", Direction::ToUptime) };
        let error = adjust(&hour(), &[row]).unwrap_err().to_string();
        assert!(error.contains("override `a` moves to `user:nobody`"), "{error}");
    }
}
