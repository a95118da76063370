//! Known rows: the rows of a ledger, against which an override file is read.
//!
//! A known row was checked when a run first saw it. It is found again by the values of its columns,
//! whatever policy, config or list of approvers say later.

use std::collections::BTreeMap;

use super::override_row::Override;

/// A row that a ledger knows.
#[derive(Debug, Clone)]
pub struct LedgerRow {
    pub row: Override,
    /// True if callers had other pseudonyms when the row was first seen.
    pub has_other_salt: bool,
}

/// The rows that a ledger knows; none for a file that is checked alone.
#[derive(Debug, Clone, Default)]
pub struct KnownRows {
    by_identity: BTreeMap<String, LedgerRow>,
    by_id: BTreeMap<String, Vec<String>>,
}

impl KnownRows {
    pub fn new(rows: impl IntoIterator<Item = LedgerRow>) -> Self {
        let mut known = Self::default();
        for row in rows {
            let identity = row.row.identity();
            known.by_id.entry(row.row.id.clone()).or_default().push(identity.clone());
            known.by_identity.insert(identity, row);
        }
        known
    }

    /// Finds the known row that has the values of a row, and gives it the ticket and note of today.
    ///
    /// After a change of salt, a row that agrees in all but the caller is the known one; it selects
    /// both pseudonyms then.
    pub fn find(&self, values: &Override) -> Option<Override> {
        let texts = |row: &Override| Override {
            ticket: values.ticket.clone(),
            note: values.note.clone(),
            ..row.clone()
        };
        if let Some(known) = self.by_identity.get(&values.identity()) {
            return Some(texts(&known.row));
        }
        let caller = values.business_id.as_ref()?;
        let of_id = self.by_id.get(&values.id)?;
        let known = of_id.iter().filter_map(|identity| self.by_identity.get(identity)).find(|known| {
            let alike = Override { business_id: known.row.business_id.clone(), ..values.clone() };
            known.has_other_salt
                && known.row.business_id.is_some()
                && alike.identity() == known.row.identity()
        })?;
        let mut row = texts(&known.row);
        if !row.also_business_id.contains(caller) {
            row.also_business_id.push(caller.clone());
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overrides::Direction;
    use crate::overrides::override_row::tests::row;

    #[test]
    fn a_row_is_known_by_its_values_but_ticket_note_and_target() {
        let first = row("a", Direction::ToUptime);
        let known = KnownRows::new([LedgerRow { row: first.clone(), has_other_salt: false }]);
        let again = Override { note: "as agreed".to_owned(), to: String::new(), ..first.clone() };
        assert_eq!(known.find(&again), Some(Override { note: "as agreed".to_owned(), ..first.clone() }));
        assert_eq!(known.find(&Override { end_us: first.end_us + 60_000_000, ..first.clone() }), None);
        assert_eq!(known.find(&Override { approver: "carol".to_owned(), ..first }), None);
    }

    #[test]
    fn a_change_of_salt_makes_no_other_row() {
        let of =
            |caller: &str| Override { business_id: Some(caller.to_owned()), ..row("a", Direction::ToUptime) };
        let known = |has_other_salt| KnownRows::new([LedgerRow { row: of("c-1"), has_other_salt }]);
        assert_eq!(known(false).find(&of("c-2")), None);
        let found = known(true).find(&of("c-2")).unwrap();
        assert!(["c-1", "c-2"].iter().all(|caller| found.takes_caller(caller)) && !found.takes_caller("c-3"));
        assert_eq!(found.identity(), of("c-1").identity());
    }
}
