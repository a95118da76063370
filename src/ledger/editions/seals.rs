//! Seals: the frozen figures of days as they are stored, under the hashes that the journal names.
//!
//! They are stored as text of one form only, so that the same figures always have the same hash: a
//! lost table can be made again and checked.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::frozen::{FrozenDay, FrozenFigure, FrozenOutage, FrozenScope, FrozenSums};
use crate::day::{Day, SlotLength};
use crate::error::Trouble;
use crate::ledger::disk::{self, damaged, sha256};
use crate::ledger::places;
use crate::plain_file;
use crate::policy::Group;
use crate::slots::{Counts, Scope, ScopeKind, Side, State};

/// The file of a table.
pub const TABLE: &str = "seal.json";
/// Leading hexadecimal digits of the hash that name the folder.
const NAME: usize = 16;
/// Format of the table, raised when today's reader could not understand what will be written.
const TABLE_FORMAT: u32 = 1;

impl FrozenDay {
    fn to_json(&self) -> String {
        let scopes = self.scopes.iter().map(StoredScope::of).collect();
        let (slot, outages) = (self.slot_length, self.outages.clone());
        let stored =
            StoredDay { format: TABLE_FORMAT, day: self.day, edition: self.edition, slot, scopes, outages };
        match serde_json::to_string(&stored) {
            Ok(text) => text + "\n",
            Err(e) => unreachable!("names, numbers and lists always serialise: {e}"),
        }
    }

    fn from_json(text: &str) -> Result<Self, String> {
        let TableVersion { format } = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if format != TABLE_FORMAT {
            return Err(format!("its format is {format}, this version of the job reads {TABLE_FORMAT}"));
        }
        let stored: StoredDay = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let slots = stored.slot.per_day() as usize;
        let scopes: Vec<FrozenScope> =
            stored.scopes.into_iter().map(|scope| scope.read(slots)).collect::<Result<_, String>>()?;
        if !scopes.is_sorted_by(|a, b| a.scope < b.scope) {
            return Err("scopes are not in order, or one is there twice".to_owned());
        }
        let StoredDay { day, edition, slot, outages, .. } = stored;
        Ok(Self { day, edition, slot_length: slot, scopes, outages })
    }
}

/// Returns the folder of a table, by its hash.
pub fn place(ledger: &Path, day: Day, table: &str) -> PathBuf {
    ledger.join(places::SEALS).join(day.to_string()).join(table.get(..NAME).unwrap_or(table))
}

/// A table as it is stored.
pub struct StoredTable {
    day: Day,
    text: String,
    /// Its hash.
    pub table: String,
}

impl StoredTable {
    pub fn of(frozen: &FrozenDay) -> Self {
        let text = frozen.to_json();
        Self { day: frozen.day, table: sha256(text.as_bytes()), text }
    }

    pub fn place(&self, ledger: &Path) -> PathBuf {
        place(ledger, self.day, &self.table)
    }

    /// Writes the table into its place.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn put(&self, ledger: &Path) -> Result<(), Trouble> {
        let scratch = disk::temporary(ledger)?;
        disk::write(&scratch.path().join(TABLE), self.text.as_bytes())?;
        disk::put_folder(scratch, &self.place(ledger))
    }
}

/// Reads a table that the journal names.
///
/// # Errors
/// [`Trouble::Damaged`] if it is missing, has another hash, speaks of another edition, or cannot be
/// read as a table; [`Trouble::Newer`] if its format is newer.
pub fn read(ledger: &Path, day: Day, edition: u32, table: &str) -> Result<FrozenDay, Trouble> {
    let path = place(ledger, day, table).join(TABLE);
    let bytes = plain_file::read(&path).map_err(Trouble::of_stored)?;
    let found = sha256(&bytes);
    if found != table {
        return Err(damaged(&path, format!("its hash is {found}, the journal names {table}")));
    }
    let text = String::from_utf8(bytes).map_err(|e| damaged(&path, e))?;
    match serde_json::from_str(&text) {
        Ok(TableVersion { format }) if format > TABLE_FORMAT => {
            return Err(Trouble::Newer { path, format, newest: TABLE_FORMAT });
        }
        _ => {}
    }
    let frozen = FrozenDay::from_json(&text).map_err(|why| damaged(&path, why))?;
    if (frozen.day, frozen.edition) != (day, edition) {
        let why = format!("it speaks of {}/{}, not of {day}/{edition}", frozen.day, frozen.edition);
        return Err(damaged(&path, why));
    }
    Ok(frozen)
}

/// The one key that every version of the table has.
#[derive(Deserialize)]
struct TableVersion {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredDay {
    format: u32,
    day: Day,
    edition: u32,
    slot: SlotLength,
    scopes: Vec<StoredScope>,
    outages: Vec<FrozenOutage>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredScope {
    scope_kind: ScopeKind,
    scope: String,
    region: String,
    gross: StoredSide,
    /// Left out if overrides change nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    net: Option<StoredSide>,
    coverage: [i64; 2],
    figures: Vec<FrozenFigure>,
}

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSide {
    down: i64,
    counted: i64,
    degraded: i64,
    doubtful: i64,
    unobserved: i64,
    beside_unjudged: i64,
    /// By group, in the order of [`Group::ALL`].
    events: Vec<i64>,
    /// Lengths of stretches with the letter of their state: `600u12d828u`.
    states: String,
}

impl StoredScope {
    fn of(line: &FrozenScope) -> Self {
        let side = |side: Side| StoredSide::of(&line.sums[side as usize], &line.states[side as usize]);
        let (gross, net) = (side(Side::Gross), side(Side::Net));
        Self {
            scope_kind: line.scope.kind,
            scope: line.scope.name.to_string(),
            region: line.scope.region.to_string(),
            net: Some(net).filter(|net| *net != gross),
            gross,
            coverage: line.coverage,
            figures: line.figures.clone(),
        }
    }

    fn read(self, slots: usize) -> Result<FrozenScope, String> {
        let (sums, states) = self.gross.read(slots)?;
        let (net_sums, net_states) = match self.net {
            Some(net) => net.read(slots)?,
            None => (sums, Arc::clone(&states)),
        };
        Ok(FrozenScope {
            scope: Scope::new(self.scope_kind, &self.scope, &self.region),
            states: [states, net_states],
            sums: [sums, net_sums],
            coverage: self.coverage,
            figures: self.figures,
        })
    }
}

impl StoredSide {
    fn of(sums: &FrozenSums, states: &[State]) -> Self {
        let FrozenSums { down, counted, degraded, doubtful, unobserved, beside_unjudged, events } = *sums;
        let mut text = String::new();
        for run in states.chunk_by(|a, b| a == b) {
            let Ok(()) = write!(text, "{}{}", run.len(), run[0].letter()) else {
                unreachable!("a string can always be written to")
            };
        }
        let events = Group::ALL.map(|group| events.of(group)).to_vec();
        Self { down, counted, degraded, doubtful, unobserved, beside_unjudged, events, states: text }
    }

    fn read(self, slots: usize) -> Result<(FrozenSums, Arc<[State]>), String> {
        let mut states: Vec<State> = Vec::with_capacity(slots);
        let mut rest = self.states.as_str();
        while let Some(at) = rest.find(|c: char| !c.is_ascii_digit()) {
            let length: usize = rest[..at].parse().map_err(|e| format!("`{}`: {e}", &rest[..at]))?;
            let letter = rest[at..].chars().next().unwrap_or_default();
            let state = State::of_letter(letter).ok_or_else(|| format!("`{letter}` is no slot state"))?;
            if states.len() + length > slots {
                return Err(format!("more than {slots} slots"));
            }
            states.extend(std::iter::repeat_n(state, length));
            rest = &rest[at + letter.len_utf8()..];
        }
        if states.len() != slots || !rest.is_empty() {
            return Err(format!("{} slots, not {slots}", states.len()));
        }
        let mut events = Counts::default();
        for (group, number) in Group::ALL.into_iter().zip(Group::of_stored(&self.events)?) {
            events.add(group, number);
        }
        let Self { down, counted, degraded, doubtful, unobserved, beside_unjudged, .. } = self;
        let sums = FrozenSums { down, counted, degraded, doubtful, unobserved, beside_unjudged, events };
        Ok((sums, states.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn frozen() -> FrozenDay {
        let states: Arc<[State]> =
            (0..1_440).map(|slot| if (600..612).contains(&slot) { State::Down } else { State::Up }).collect();
        let mut events = Counts::default();
        events.add(Group::Good, 100);
        let sums = FrozenSums {
            down: 12,
            counted: 12,
            degraded: 0,
            doubtful: 0,
            unobserved: 0,
            beside_unjudged: 0,
            events,
        };
        let scope = FrozenScope {
            scope: Scope::new(ScopeKind::Service, "messages", "eu"),
            states: [Arc::clone(&states), states],
            sums: [sums, FrozenSums { counted: 0, ..sums }],
            coverage: [86_400, 86_400],
            figures: Vec::new(),
        };
        let (day, slot_length) = ("2026-11-02".parse().unwrap(), SlotLength::Minute);
        FrozenDay { day, edition: 2, slot_length, scopes: vec![scope], outages: Vec::new() }
    }

    #[test]
    fn a_table_comes_back_and_a_changed_one_is_told() {
        let (folder, frozen) = (tempfile::tempdir().unwrap(), frozen());
        let stored = StoredTable::of(&frozen);
        stored.put(folder.path()).unwrap();
        let table = stored.table;
        assert_eq!(read(folder.path(), frozen.day, 2, &table).unwrap(), frozen);
        assert_eq!(StoredTable::of(&frozen).table, table, "the same figures have the same hash");

        let told = read(folder.path(), frozen.day, 3, &table).unwrap_err().to_string();
        assert!(told.contains("it speaks of 2026-11-02/2, not of 2026-11-02/3"), "{told}");
        let path = place(folder.path(), frozen.day, &table).join(TABLE);
        fs::write(&path, fs::read_to_string(&path).unwrap().replace("12d", "13d")).unwrap();
        let told = read(folder.path(), frozen.day, 2, &table).unwrap_err().to_string();
        assert!(told.contains("its hash is"), "{told}");
    }

    #[test]
    fn states_that_are_not_a_whole_day_are_told() {
        let text = frozen().to_json();
        for bad in ["600u12d827u", "600u12d829u", "600u12x828u", "600u12d828", "u12d828u"] {
            assert!(FrozenDay::from_json(&text.replace("600u12d828u", bad)).is_err(), "{bad}");
        }
        assert!(FrozenDay::from_json(&text.replace("\"format\":1", "\"format\":2")).is_err());
    }
}
