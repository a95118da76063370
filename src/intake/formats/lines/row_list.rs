//! Row list: lines whose rows are the elements of a list, mapped as `ts = "records.0.time"`.
//!
//! The mapping names the first element, and means each: a line that has three is three rows. A name
//! outside the list (`resource.region`) holds for all of them.

use super::{Stop, TextParser};
use crate::config::Field;
use crate::intake::counting::notes::evidence::RowPlace;
use crate::intake::counting::worker_counts::WorkerCounts;
use crate::intake::formats::foreign::elements_at;
use crate::intake::formats::ndjson;
use crate::intake::rows::mapping::Mapping;
use crate::intake::rows::raw_row::RawRow;

/// The list that the time of a row stands in, and the mapped names by object.
pub struct RowList {
    /// Path with `[]` for each list: `records[]`, `a[].b[]`.
    path: String,
    /// Names of the element, then of the objects around it, the nearest first.
    trees: Vec<ndjson::Tree>,
}

impl RowList {
    /// Finds the list; `None` if the time of a row is in none.
    pub fn of(mapping: &Mapping) -> Option<Self> {
        let ts = mapping.entries.iter().find(|entry| entry.field == Field::Ts as usize && entry.is_named)?;
        // Each list with the ones around it: `a.0.`, then `a.0.b.0.`.
        let lists: Vec<&str> =
            ts.name.match_indices(".0.").map(|(at, found)| &ts.name[..at + found.len()]).collect();
        let path = lists.last()?.trim_end_matches('.').replace(".0.", "[].");
        let path = format!("{}[]", path.strip_suffix(".0")?);
        let mut trees = vec![ndjson::Tree::default(); lists.len() + 1];
        for entry in &mapping.entries {
            let depth = lists.iter().rposition(|list| entry.name.starts_with(list));
            let rest = depth.map_or(entry.name.as_str(), |depth| &entry.name[lists[depth].len()..]);
            let out = lists.len() - depth.map_or(0, |depth| depth + 1);
            trees[out].insert_name(rest, entry);
        }
        Some(Self { path, trees })
    }
}

impl TextParser<'_> {
    /// Counts the rows in the list of a line.
    ///
    /// # Errors
    /// [`Stop::InOnePiece`] if this is a chunk and the line goes on in another one.
    /// [`Stop::Run`] if spilling to disk failed.
    pub(super) fn listed_rows(
        &mut self,
        line: &[u8],
        place: RowPlace,
        counts: &mut WorkerCounts,
    ) -> Result<(), Stop> {
        let Some(list) = &mut self.row_list else { return Ok(()) };
        let elements = elements_at(line, &list.path);
        if elements.is_empty() {
            let why = format!("no element of the list `{}` that the mapping of `ts` names", list.path);
            if !self.wrapped(line, place, counts)? {
                counts.quarantine(place, why, line);
            }
            return Ok(());
        }
        for (element, around) in elements {
            let mut row = RawRow::new();
            let objects = std::iter::once(element).chain(around);
            let mut objects = objects.zip(&mut list.trees).filter(|(_, tree)| !tree.is_empty());
            let read = objects.try_for_each(|(object, tree)| ndjson::read_json(object, tree, &mut row));
            if let Err(why) = read {
                counts.quarantine(place, why, element);
            } else {
                counts.post(self.source_reader, &mut row, place, || element.to_vec(), self.spill)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read_source;
    use crate::config::{Cast, Column, ColumnSource, Field};

    fn mapped(names: &[(Field, &str)], text: &str) -> (u64, Vec<String>, i64) {
        let column = |(field, name): &(Field, &str)| Column {
            field: *field,
            from: ColumnSource::Name((*name).to_owned()),
            cast: Cast::Auto,
            words: Vec::new(),
        };
        let columns: Vec<Column> = names.iter().map(column).collect();
        let intake =
            read_source("a.ndjson", text.as_bytes(), |source| source.columns.extend(columns.clone()));
        let bad = intake.facts.rows().into_iter().map(|fact| {
            let status = intake.facts.kinds()[fact.kind as usize].http_status;
            if status == Some(503) { fact.events } else { 0 }
        });
        let bad = bad.sum();
        let file = &intake.receipt.files[0];
        assert_eq!(file.rows_read, file.accepted + file.quarantine + file.outside + file.duplicate);
        (file.accepted, intake.receipt.quarantine.into_iter().map(|bad| bad.reason).collect(), bad)
    }

    #[test]
    fn a_mapping_of_the_first_element_reads_each() {
        let names = [
            (Field::Ts, "records.0.time"),
            (Field::HttpStatus, "records.0.st"),
            (Field::RequestId, "records.0.id"),
        ];
        let text = r#"{"records":[{"time":"2026-11-20T03:00:00Z","id":"a1","st":200},{"time":"2026-11-20T03:00:01Z","id":"a2","st":503},{"id":"a4"}]}
{"records":[{"time":"2026-11-20T03:01:00Z","id":"a3","st":200}]}
{"records":[]}"#;
        let (accepted, reasons, bad) = mapped(&names, text);
        assert_eq!((accepted, bad, reasons.len()), (3, 1, 2), "{reasons:?}");
        assert!(reasons.iter().any(|why| why.contains("`records[]`")), "{reasons:?}");
    }

    #[test]
    fn names_around_a_list_hold_for_each_of_its_elements() {
        let names = [
            (Field::Ts, "a.0.b.0.time"),
            (Field::HttpStatus, "a.0.st"),
            (Field::RequestId, "a.0.b.0.id"),
            (Field::Region, "where"),
        ];
        let text = r#"{"where":"eu","a":[{"st":503,"b":[{"time":"2026-11-20T03:00:00Z","id":"x"},{"time":"2026-11-20T03:00:01Z","id":"y"}]},{"st":200,"b":[{"time":"2026-11-20T03:00:02Z","id":"z"}]}]}"#;
        assert_eq!(mapped(&names, text), (3, Vec::new(), 2));
    }
}
