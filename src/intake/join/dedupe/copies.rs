//! Copies: what the rows with one id are to each other.

use crate::config::Identity;
use crate::day::SECOND_US;
use crate::facts::ids::Id;
use crate::facts::{Kind, Symptom};

/// Distance in time from which on a row is no copy of another.
///
/// A copy that log shipping makes has the same instant; two sources of one vantage may round it in
/// two ways. A client that tries again waits longer.
const APART_US: i64 = SECOND_US;

/// What became of a call, as far as a copy of its row must agree in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowOutcome {
    http_status: Option<u16>,
    error_code: Option<i64>,
    error_subcode: Option<i64>,
    is_transient: Option<bool>,
    is_success: Option<bool>,
    symptom: Symptom,
    message: Id,
}

impl RowOutcome {
    pub const fn of(kind: &Kind, message: Id) -> Self {
        Self {
            http_status: kind.http_status,
            error_code: kind.error_code,
            error_subcode: kind.error_subcode,
            is_transient: kind.is_transient,
            is_success: kind.is_success,
            symptom: kind.symptom,
            message,
        }
    }
}

/// A row with an id that other rows have too.
#[derive(Debug, Clone, Copy)]
pub struct SharedIdRow {
    /// Rank of the vantage; the innermost is the smallest.
    pub vantage: u32,
    pub offset_us: i64,
    pub identity: Identity,
    /// `None` for a row outside the day, of which only the instant is known.
    pub outcome: Option<RowOutcome>,
}

/// What a row that does not count is to the row that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The same call, told again or seen from farther out.
    Copy,
    /// A row of the same vantage and id that differs in outcome, or lies a second or more behind.
    Conflict,
}

/// A row that does not count, by the positions of both rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostRow {
    pub row: usize,
    /// The row that counts in its place.
    pub winner: usize,
    pub relation: Relation,
}

/// Decides which rows of one id count; `rows` are sorted by vantage, instant and content.
///
/// The first row of a vantage stands for its call. Where ids are unique, all rows are one call, and
/// the innermost vantage knows it best. Where clients send the ids, each instant is a call, and a
/// row of another vantage tells of the nearest call less than a second away.
pub fn settle(rows: &[SharedIdRow]) -> Vec<LostRow> {
    let mut lost = Vec::with_capacity(rows.len() - 1);
    // Rows that count so far, and by row the one that counts for it.
    let mut events: Vec<usize> = Vec::new();
    let mut at = 0;
    for run in rows.chunk_by(|a, b| a.vantage == b.vantage) {
        let mut firsts: Vec<(usize, usize)> = Vec::new();
        let mut taken: Vec<usize> = Vec::new();
        for (row, this) in (at..).zip(run) {
            let is_same = |first: &&(usize, usize)| {
                this.identity != Identity::Client || rows[first.0].offset_us == this.offset_us
            };
            if let Some(&(first, winner)) = firsts.iter().find(is_same) {
                lost.push(LostRow { row, winner, relation: relation(this, &rows[first]) });
                continue;
            }
            // The first row of its vantage: the call may be known from farther in.
            let distance = |event: usize| (rows[event].offset_us - this.offset_us).abs();
            let inner = events.iter().copied().filter(|event| !taken.contains(event));
            let inner = inner
                .min_by_key(|event| distance(*event))
                .filter(|event| this.identity != Identity::Client || distance(*event) < APART_US);
            if let Some(winner) = inner {
                taken.push(winner);
                lost.push(LostRow { row, winner, relation: Relation::Copy });
            }
            firsts.push((row, inner.unwrap_or(row)));
        }
        at += run.len();
        events.extend(firsts.iter().filter(|(row, winner)| row == winner).map(|(row, _)| *row));
    }
    lost
}

fn relation(row: &SharedIdRow, first: &SharedIdRow) -> Relation {
    let agrees = match (row.outcome, first.outcome) {
        (Some(row), Some(first)) => row == first,
        _ => true,
    };
    if agrees && row.offset_us - first.offset_us < APART_US { Relation::Copy } else { Relation::Conflict }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(vantage: u32, offset_us: i64, identity: Identity, message: Id) -> SharedIdRow {
        let outcome = RowOutcome {
            http_status: Some(200),
            error_code: None,
            error_subcode: None,
            is_transient: None,
            is_success: None,
            symptom: Symptom::None,
            message,
        };
        SharedIdRow { vantage, offset_us, identity, outcome: Some(outcome) }
    }

    fn told(rows: &[SharedIdRow]) -> Vec<(usize, usize, Relation)> {
        settle(rows).iter().map(|lost| (lost.row, lost.winner, lost.relation)).collect()
    }

    use Identity::{Client, Unique};
    use Relation::{Conflict, Copy};

    #[test]
    fn a_copy_agrees_and_lies_less_than_a_second_behind() {
        assert_eq!(told(&[row(0, 0, Unique, 1), row(0, 999_999, Unique, 1)]), [(1, 0, Copy)]);
        assert_eq!(told(&[row(0, 0, Unique, 1), row(0, 1_000_000, Unique, 1)]), [(1, 0, Conflict)]);
        assert_eq!(told(&[row(0, 0, Unique, 1), row(0, 0, Unique, 2)]), [(1, 0, Conflict)]);
        let outside = SharedIdRow { outcome: None, ..row(0, -1, Unique, 0) };
        assert_eq!(told(&[outside, row(0, 0, Unique, 2)]), [(1, 0, Copy)]);
    }

    #[test]
    fn another_vantage_sees_the_same_call_whatever_it_says_of_it() {
        let rows = [row(0, 500, Unique, 1), row(2, 0, Unique, 2), row(2, 9_000_000, Unique, 2)];
        assert_eq!(told(&rows), [(1, 0, Copy), (2, 0, Conflict)]);
    }

    #[test]
    fn where_clients_send_the_id_each_instant_is_a_call() {
        let tries = [row(0, 0, Client, 1), row(0, 0, Client, 1), row(0, 2_000_000, Client, 2)];
        assert_eq!(told(&tries), [(1, 0, Copy)]);
        assert_eq!(told(&[row(0, 0, Client, 1), row(0, 0, Client, 2)]), [(1, 0, Conflict)]);
        // Seen from farther out a little earlier, and a third time by that view alone.
        let views = [
            row(0, 10, Client, 1),
            row(0, 2_000_010, Client, 2),
            row(2, 0, Client, 1),
            row(2, 2_000_000, Client, 2),
            row(2, 4_000_000, Client, 0),
        ];
        assert_eq!(told(&views), [(2, 0, Copy), (3, 1, Copy)]);
    }

    proptest! {
        #[test]
        fn of_unique_ids_one_row_counts_and_it_is_the_first(
            mut rows in prop::collection::vec((0_u32..3, 0_i64..3_000_000, 0_u128..2), 2..8)
        ) {
            rows.sort_unstable();
            let rows: Vec<SharedIdRow> = rows.iter().map(|(v, us, m)| row(*v, *us, Unique, *m)).collect();
            let lost = settle(&rows);
            let mut at: Vec<usize> = lost.iter().map(|lost| lost.row).collect();
            at.sort_unstable();
            prop_assert_eq!(at, (1..rows.len()).collect::<Vec<_>>());
            prop_assert!(lost.iter().all(|lost| lost.winner == 0));
        }
    }
}
