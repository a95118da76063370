//! The folder of an edition: `edition.json`, basis and tables in `editions/<day>/<number>/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::basis::{BASIS, StoredBasis};
use super::manifest::{MANIFEST_FORMAT, Manifest, OLDEST_MANIFEST_FORMAT};
use super::outline::OUTLINE;
use crate::day::{Day, SlotLength};
use crate::error::Trouble;
use crate::facts::{CallerLine, ConflictLine, FieldLine, FileBalance, NotACallLine, Quarantined};
use crate::ledger::disk::{self, damaged, read_table, sha256};
use crate::ledger::{
    AccountLine, BadLine, DelayLine, DeliveryLine, Edition, EditionRecord, InstantLine, LatencyLine, Outline,
    ReconciliationLine,
};
use crate::plain_file;
use crate::slots::{SLOTS, Slots, SlotsReader};
use crate::table::{Metadata, Record, Spec, Table, TableReader, to_table};

pub const EDITIONS: &str = "editions";
pub const MANIFEST: &str = "edition.json";

/// Returns the folder of an edition; numbers have four digits, so that a listing is in order.
pub fn place(ledger: &Path, day: Day, number: u32) -> PathBuf {
    ledger.join(EDITIONS).join(day.to_string()).join(format!("{number:04}"))
}

/// Writes an edition into a temporary folder, and fills in the hashes of the manifest.
pub fn write(
    ledger: &Path,
    edition: &Edition,
    stored: StoredBasis<'_>,
    tables: &[(&'static str, Table)],
    manifest: &mut Manifest,
) -> Result<tempfile::TempDir, Trouble> {
    let folder = disk::temporary(ledger)?;
    let metadata = metadata(edition);
    let mut files = BTreeMap::new();
    let mut put = |name: String, bytes: &[u8]| {
        files.insert(name.clone(), sha256(bytes));
        disk::write(&folder.path().join(name), bytes)
    };
    let outline = [(OUTLINE.name, Outline::of(edition).to_table())];
    for (name, table) in tables.iter().chain(&outline).chain(stored.tables) {
        let name = format!("{name}.parquet");
        let bytes = table.to_parquet(&metadata);
        let bytes = bytes
            .map_err(|e| Trouble::io(ledger.join(&name), "writing Parquet", std::io::Error::other(e)))?;
        put(name, &bytes)?;
    }
    put(BASIS.to_owned(), stored.basis.to_json().as_bytes())?;
    manifest.files = files;
    disk::write(&folder.path().join(MANIFEST), manifest.to_json().as_bytes())?;
    Ok(folder)
}

/// Returns the provenance that is written into each Parquet file of an edition.
pub fn metadata(edition: &Edition) -> Metadata {
    Metadata(vec![
        ("job_version", edition.job_version.clone()),
        ("edition", format!("{} {}", edition.day, edition.number)),
        ("policy_fingerprint", edition.policy.clone()),
    ])
}

/// Returns the tables of an edition with their names, without basis and outline.
///
/// The last five are there only if a file has conflicts or lines that are no calls, if instants and
/// active callers are known, and if payloads name fields: one without any is stored as before.
pub fn tables(edition: &Edition) -> Vec<(&'static str, Table)> {
    let mut tables = vec![
        ("slots", edition.slots.to_table()),
        ("bad", to_table(&edition.bad)),
        ("accounts", to_table(&edition.accounts)),
        ("intake", to_table(&edition.intake)),
        ("quarantine", to_table(&edition.quarantine)),
        ("latency", to_table(&edition.latency)),
        ("deliveries", to_table(&edition.deliveries)),
        ("delays", to_table(&edition.delays)),
        ("reconciliation", to_table(&edition.reconciliation)),
    ];
    let conflicts = ConflictLine::of(&edition.intake);
    if !conflicts.is_empty() {
        tables.push((ConflictLine::spec().name, to_table(&conflicts)));
    }
    let no_calls = NotACallLine::of(&edition.intake);
    if !no_calls.is_empty() {
        tables.push((NotACallLine::spec().name, to_table(&no_calls)));
    }
    if !edition.instants.is_empty() {
        tables.push((InstantLine::spec().name, to_table(&edition.instants)));
    }
    if !edition.fields.is_empty() {
        tables.push((FieldLine::spec().name, to_table(&edition.fields)));
    }
    if !edition.callers.is_empty() {
        tables.push((CallerLine::spec().name, to_table(&edition.callers)));
    }
    tables
}

/// Reads the slots of a day, batch by batch: their table has a row for every slot of every scope.
fn read_slots(path: &Path, day: Day, length: SlotLength) -> Result<Slots, Trouble> {
    let file = plain_file::open(path).map_err(Trouble::of_stored)?;
    let mut stored = TableReader::open(&SLOTS, file).map_err(|e| damaged(path, e))?;
    let mut reader = SlotsReader::new(day, length);
    while let Some(batch) = stored.batch().map_err(|e| damaged(path, e))? {
        reader.add(&batch).map_err(|why| damaged(path, why))?;
    }
    reader.finish().map_err(|why| damaged(path, why))
}

/// Part of an edition to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Slots, bad lines, and the balances of the files that were read.
    Slots,
    Whole,
}

pub fn read(folder: &Path, day: Day, extent: Extent) -> Result<Edition, Trouble> {
    let manifest = read_manifest(folder, day)?;
    let path = folder.join("slots.parquet");
    let slots = read_slots(&path, day, manifest.slot)?;
    let mut edition = Edition {
        day,
        number: manifest.edition,
        as_of: manifest.as_of,
        job_version: manifest.job_version,
        state: manifest.state,
        definition: manifest.definition,
        policy: manifest.policy_fingerprint,
        overrides: manifest.overrides,
        slots,
        bad: read_lines::<BadLine>(folder)?,
        instants: read_instants(folder)?,
        callers: Vec::new(),
        accounts: Vec::new(),
        intake: read_intake(folder)?,
        quarantine: Vec::new(),
        latency: Vec::new(),
        deliveries: Vec::new(),
        delays: Vec::new(),
        fields: Vec::new(),
        reconciliation: Vec::new(),
    };
    if extent == Extent::Whole {
        edition.callers = read_callers(folder)?;
        edition.accounts = read_lines::<AccountLine>(folder)?;
        edition.quarantine = read_lines::<Quarantined>(folder)?;
        edition.latency = read_lines::<LatencyLine>(folder)?;
        edition.deliveries = read_lines::<DeliveryLine>(folder)?;
        edition.delays = read_lines::<DelayLine>(folder)?;
        edition.fields = read_late_lines(folder)?;
        edition.reconciliation = read_lines::<ReconciliationLine>(folder)?;
    }
    Ok(edition)
}

/// Files of an edition that are read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The manifest alone.
    Manifest,
    Outline,
    /// Bad lines, instants and callers.
    Details,
    Slots,
    Accounts,
    /// Accounts, reconciliation and balances.
    Unsettled,
    /// The balances of the files that were read.
    Intake,
    Gaps,
    Basis,
    /// All but basis and outline.
    Whole,
}

impl Part {
    fn has(self, name: &str) -> bool {
        let is_basis = matches!(name, BASIS | "facts.parquet" | "evidence.parquet");
        let is_of_intake = matches!(name, "intake.parquet" | "conflicts.parquet" | "not_a_call.parquet");
        match self {
            Self::Manifest => false,
            Self::Outline => name == "outline.parquet",
            Self::Details => matches!(name, "bad.parquet" | "instants.parquet" | "callers.parquet"),
            Self::Slots => {
                matches!(name, "slots.parquet" | "bad.parquet" | "instants.parquet") || is_of_intake
            }
            Self::Accounts => name == "accounts.parquet" || is_of_intake,
            Self::Unsettled => matches!(name, "accounts.parquet" | "reconciliation.parquet") || is_of_intake,
            Self::Intake => is_of_intake,
            Self::Gaps => name == BASIS,
            Self::Basis => is_basis,
            Self::Whole => !is_basis && name != "outline.parquet",
        }
    }
}

/// Checks that the files of a part are as the journal names them.
///
/// Returns the manifest, so that it is read and parsed once.
///
/// # Errors
/// [`Trouble::Damaged`] with the path of the first file that is not.
pub fn check(folder: &Path, said: &EditionRecord, part: Part) -> Result<Manifest, Trouble> {
    let differs = |path: &Path| damaged(path, "it is not as it was written: its SHA-256 differs");
    let path = folder.join(MANIFEST);
    let bytes = plain_file::read(&path).map_err(Trouble::of_stored)?;
    if sha256(&bytes) != said.publication.manifest {
        return Err(differs(&path));
    }
    let manifest = parse_manifest(&path, said.publication.day, &bytes)?;
    if part == Part::Manifest {
        return Ok(manifest);
    }
    for (name, hash) in manifest.files.iter().filter(|(name, _)| part.has(name)) {
        let path = folder.join(name);
        let bytes = plain_file::read(&path).map_err(Trouble::of_stored)?;
        if sha256(&bytes) != *said.repaired.get(name).unwrap_or(hash) {
            return Err(differs(&path));
        }
    }
    Ok(manifest)
}

/// Reads the outline of an edition, without bad lines, instants and callers.
///
/// An edition that was stored without an outline gets one from its slots.
pub fn read_outline(folder: &Path, manifest: Manifest) -> Result<Outline, Trouble> {
    let day = manifest.day;
    let path = folder.join(format!("{}.parquet", OUTLINE.name));
    if !manifest.files.contains_key(&format!("{}.parquet", OUTLINE.name)) {
        let mut outline = Outline::of(&read(folder, day, Extent::Slots)?);
        (outline.bad, outline.instants, outline.callers) = Default::default();
        return Ok(outline);
    }
    let table = read_table(&path, &OUTLINE)?;
    Outline::from_table(day, manifest, &table).map_err(|why| damaged(&path, why))
}

/// Reads the balances of the files that an edition was made from.
pub fn read_intake(folder: &Path) -> Result<Vec<FileBalance>, Trouble> {
    let mut files = read_lines::<FileBalance>(folder)?;
    for ConflictLine { file, rows } in read_late_lines(folder)? {
        named_file(&mut files, file, folder, ConflictLine::spec())?.conflict = rows;
    }
    for NotACallLine { file, why, rows } in read_late_lines(folder)? {
        let balance = named_file(&mut files, file, folder, NotACallLine::spec())?;
        balance.not_a_call += rows;
        balance.not_a_call_reasons.add(&why, rows);
    }
    Ok(files)
}

/// Returns the file that a line of a table names by its number.
fn named_file<'f>(
    files: &'f mut [FileBalance],
    file: u32,
    folder: &Path,
    spec: &Spec,
) -> Result<&'f mut FileBalance, Trouble> {
    let (path, there) = (folder.join(format!("{}.parquet", spec.name)), files.len());
    let gone = || damaged(&path, format!("it names file {file}, there are {there}"));
    files.get_mut(file as usize).ok_or_else(gone)
}

pub fn read_bad(folder: &Path) -> Result<Vec<BadLine>, Trouble> {
    read_lines(folder)
}

/// Reads the instants of an edition; none if it was stored without them.
pub fn read_instants(folder: &Path) -> Result<Vec<InstantLine>, Trouble> {
    read_late_lines(folder)
}

/// Reads the active callers of an edition; none if it was stored without them.
pub fn read_callers(folder: &Path) -> Result<Vec<CallerLine>, Trouble> {
    read_late_lines(folder)
}

/// Reads a table that earlier versions did not store.
fn read_late_lines<T: Record>(folder: &Path) -> Result<Vec<T>, Trouble> {
    let path = folder.join(format!("{}.parquet", T::spec().name));
    if plain_file::is_file(&path)? { read_lines(folder) } else { Ok(Vec::new()) }
}

/// Returns the hashes of the files of an edition, by name; `None` if its manifest is damaged.
///
/// `manifest` is the hash of the manifest that the journal names: one flipped bit in the name of a
/// file would make a stranger of it.
pub fn hashes_of(folder: &Path, manifest: &str) -> Option<BTreeMap<String, String>> {
    #[derive(serde::Deserialize)]
    struct Files {
        files: BTreeMap<String, String>,
    }
    let bytes = plain_file::read(&folder.join(MANIFEST)).ok().filter(|bytes| sha256(bytes) == manifest)?;
    let Files { files } = serde_json::from_slice(&bytes).ok()?;
    Some(files)
}

/// The one key that every version of the manifest has.
#[derive(serde::Deserialize)]
struct Version {
    format: u32,
}

pub fn read_manifest(folder: &Path, day: Day) -> Result<Manifest, Trouble> {
    let path = folder.join(MANIFEST);
    let bytes = plain_file::read(&path).map_err(Trouble::of_stored)?;
    parse_manifest(&path, day, &bytes)
}

fn parse_manifest(path: &Path, day: Day, bytes: &[u8]) -> Result<Manifest, Trouble> {
    let of_known_format =
        |manifest: &Manifest| (OLDEST_MANIFEST_FORMAT..=MANIFEST_FORMAT).contains(&manifest.format);
    let manifest: Manifest = match serde_json::from_slice(bytes) {
        Ok(manifest) if of_known_format(&manifest) => manifest,
        parsed => {
            let version: Version = serde_json::from_slice(bytes).map_err(|e| damaged(path, e))?;
            if version.format > MANIFEST_FORMAT {
                let (format, newest) = (version.format, MANIFEST_FORMAT);
                return Err(Trouble::Newer { path: path.to_owned(), format, newest });
            }
            if !(OLDEST_MANIFEST_FORMAT..=MANIFEST_FORMAT).contains(&version.format) {
                let why = format!(
                    "its format is {}, this version of the job reads formats {OLDEST_MANIFEST_FORMAT} to {MANIFEST_FORMAT}",
                    version.format
                );
                return Err(damaged(path, why));
            }
            parsed.map_err(|e| damaged(path, e))?
        }
    };
    if manifest.day != day {
        return Err(damaged(path, format!("it speaks of {}, not of {day}", manifest.day)));
    }
    Ok(manifest)
}

pub fn read_lines<T: Record>(folder: &Path) -> Result<Vec<T>, Trouble> {
    let path = folder.join(format!("{}.parquet", T::spec().name));
    let table = read_table(&path, T::spec())?;
    T::all(&table).map_err(|why| damaged(&path, why))
}
