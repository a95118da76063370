//! The basis of an edition: the facts it was made from.
//!
//! With the policy of its time they give all tables of the edition again, so that it can be
//! verified, explained and compared without a log.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::day::{Day, SlotLength};
use crate::error::Trouble;
use crate::facts::{Evidence, Fact, Facts, Gap, Kind, Lost, RowRef};
use crate::ledger::disk::{damaged, hex, read_table};
use crate::plain_file;
use crate::table::ColumnKind::Integer;
use crate::table::{ColumnSpec, Spec, Table};

pub const BASIS: &str = "basis.json";

/// Facts, gaps and attempts that an edition was made from.
#[derive(Debug, Clone)]
pub struct Basis {
    pub facts: Facts,
    /// Spans in which a log is missing.
    pub gaps: Vec<Gap>,
    /// Webhook rows that were grouped into notifications.
    pub attempts: u64,
}

/// The parts of a basis that are short lists, stored in `basis.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    attempts: u64,
    gaps: Vec<Gap>,
    kinds: Vec<Kind>,
    callers: Vec<String>,
}

pub static FACTS: Spec = Spec {
    name: "facts",
    row: "fact",
    columns: &[
        ColumnSpec::new("slot", Integer, ""),
        ColumnSpec::new("kind", Integer, ""),
        ColumnSpec::new("caller", Integer, ""),
        ColumnSpec::new("events", Integer, ""),
        ColumnSpec::late("sixtieths", Integer),
    ],
};

pub static EVIDENCE: Spec = Spec {
    name: "evidence",
    row: "log row that stands behind a slot and kind",
    columns: &[
        ColumnSpec::new("slot", Integer, ""),
        ColumnSpec::new("kind", Integer, ""),
        ColumnSpec::new("file", Integer, ""),
        ColumnSpec::new("row", Integer, ""),
    ],
};

/// Tables of facts and evidence, with their names, as they are stored.
pub type BasisTables = [(&'static str, Table); 2];

/// A basis as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct StoredBasis<'a> {
    pub basis: &'a Basis,
    /// Its own tables.
    pub tables: &'a BasisTables,
}

impl StoredBasis<'_> {
    /// Returns the SHA-256 over the spans of missing files; `None` if no file is missing.
    pub fn missing(&self) -> Option<String> {
        let of_files: Vec<&Gap> = self.basis.gaps.iter().filter(|gap| gap.file.is_some()).collect();
        let text = match serde_json::to_string(&of_files) {
            Ok(text) => text,
            Err(e) => unreachable!("names and numbers always serialise: {e}"),
        };
        (!of_files.is_empty()).then(|| hex(&Sha256::digest(text)))
    }

    /// Returns the SHA-256 over the basis without its evidence and the sixtieths of its facts.
    ///
    /// Evidence is left out because the same rows may be found in other files. Sixtieths are left
    /// out because a day that an earlier version read has the same facts when it is read again; the
    /// manifest has a hash of the instants that follow from them.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new_with_prefix(self.basis.to_json());
        let [(_, facts), _] = self.tables;
        hash.update(facts.to_early_csv());
        hex(&hash.finalize())
    }
}

impl Basis {
    /// True if a log file of the day is missing, which may still come.
    pub fn has_missing_files(&self) -> bool {
        self.gaps.iter().any(|gap| gap.file.is_some())
    }

    /// True if both differ at most in spans without calls, which rows of other days do not decide.
    pub fn is_same_but_for_calls(&self, other: &Self) -> bool {
        let (own, others) = (&self.facts, &other.facts);
        let of_outcomes = |basis: &Self| -> Vec<Gap> {
            basis.gaps.iter().filter(|gap| gap.lost == Lost::Outcomes).cloned().collect()
        };
        self.attempts == other.attempts
            && of_outcomes(self) == of_outcomes(other)
            && own.kinds() == others.kinds()
            && own.callers() == others.callers()
            && own.iter().eq(others.iter())
    }

    pub fn to_json(&self) -> String {
        let head = Head {
            attempts: self.attempts,
            gaps: self.gaps.clone(),
            kinds: self.facts.kinds().to_vec(),
            callers: self.facts.callers().to_vec(),
        };
        match serde_json::to_string(&head) {
            Ok(text) => text + "\n",
            Err(e) => unreachable!("names and numbers always serialise: {e}"),
        }
    }

    pub fn tables(&self) -> BasisTables {
        let mut facts = Table::with_room(&FACTS, self.facts.frame().height());
        for f in self.facts.iter() {
            let [slot, kind, caller] = [f.slot, f.kind, f.caller].map(|n| Some(i64::from(n)));
            let sixtieths = (f.sixtieths != 0).then(|| f.sixtieths.cast_signed());
            facts.push_optional_integers([slot, kind, caller, Some(f.events), sixtieths]);
        }
        let mut evidence = Table::new(&EVIDENCE);
        for e in self.facts.evidence() {
            for row in &e.rows {
                evidence.push_integers([
                    e.slot.into(),
                    e.kind.into(),
                    row.file.into(),
                    row.row.cast_signed(),
                ]);
            }
        }
        [("facts", facts), ("evidence", evidence)]
    }

    /// Reads the spans in which a log is missing, without the facts.
    ///
    /// # Errors
    /// As for [`Basis::read`].
    pub fn read_gaps(folder: &Path) -> Result<Vec<Gap>, Trouble> {
        let path = folder.join(BASIS);
        let text = plain_file::read_to_string(&path).map_err(Trouble::of_stored)?;
        let head: Head = serde_json::from_str(&text).map_err(|e| damaged(&path, e))?;
        Ok(head.gaps)
    }

    /// Reads the basis of an edition from its folder.
    ///
    /// # Errors
    /// [`Trouble::Damaged`] if a file is missing or does not parse, or a number is out of range.
    pub fn read(folder: &Path, day: Day, length: SlotLength) -> Result<Self, Trouble> {
        let path = folder.join(BASIS);
        let text = plain_file::read_to_string(&path).map_err(Trouble::of_stored)?;
        let head: Head = serde_json::from_str(&text).map_err(|e| damaged(&path, e))?;
        let limits = [length.per_day() as usize, head.kinds.len(), head.callers.len()];

        let path = folder.join("facts.parquet");
        let table = read_table(&path, &FACTS)?;
        let rows = facts(&table, limits).map_err(|why| damaged(&path, why))?;

        let path = folder.join("evidence.parquet");
        let table = read_table(&path, &EVIDENCE)?;
        let mut evidence: Vec<Evidence> = Vec::new();
        for row in table.rows() {
            let seen = || -> Result<(u32, u32, RowRef), String> {
                let [slot, kind] = below([row.number("slot")?, row.number("kind")?], [limits[0], limits[1]])?;
                let [file] = below([row.number("file")?], [u32::MAX as usize])?;
                Ok((slot, kind, RowRef { file, row: row.number("row")?.cast_unsigned() }))
            };
            let (slot, kind, row) = seen().map_err(|why| damaged(&path, why))?;
            match evidence.last_mut().filter(|e| (e.slot, e.kind) == (slot, kind)) {
                Some(same) => same.rows.push(row),
                None => evidence.push(Evidence { slot, kind, rows: vec![row] }),
            }
        }
        let facts = Facts::new(day, length, &head.kinds, &head.callers, rows, evidence)
            .map_err(|e| damaged(folder, e))?;
        Ok(Self { facts, gaps: head.gaps, attempts: head.attempts })
    }
}

fn facts(table: &Table, limits: [usize; 3]) -> Result<Vec<Fact>, String> {
    let [slots, kinds] = ["slot", "kind"].map(|name| table.numbers(name));
    let [callers, events, sets] = ["caller", "events", "sixtieths"].map(|name| table.numbers(name));
    let (slots, kinds, callers, events, sets) = (slots?, kinds?, callers?, events?, sets?);
    let fact = |at: usize| {
        let [slot, kind, caller] = below([slots.at(at)?, kinds.at(at)?, callers.at(at)?], limits)?;
        let sixtieths = u64::try_from(sets.optional(at).unwrap_or(0));
        let sixtieths = sixtieths.map_err(|_| "column `sixtieths` holds a negative number")?;
        Ok(Fact { slot, kind, caller, events: events.at(at)?, sixtieths })
    };
    (0..table.len()).map(fact).collect()
}

/// Checks that stored numbers are valid indices: each in `0..limit`.
fn below<const N: usize>(numbers: [i64; N], limits: [usize; N]) -> Result<[u32; N], String> {
    let mut found = [0; N];
    for at in 0..N {
        let n = u32::try_from(numbers[at]).ok().filter(|n| (*n as usize) < limits[at]);
        found[at] = n.ok_or_else(|| format!("{} is out of range, there are {}", numbers[at], limits[at]))?;
    }
    Ok(found)
}
