//! The folder of an edition: written beside its place, swapped in by rename, read back.
//!
//! `<ledger>/<day>/` holds `edition.json` and its Parquet tables. While it is replaced, the edition before it stands
//! for a moment as `.old-<day>`: a kill at any instant leaves one of the two readable, and the next run tidies up.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::lines::{self, Line};
use super::manifest::{FORMAT, Manifest};
use super::{
    AccountLine, BadLine, DelayLine, DeliveryLine, Edition, LatencyLine, Published, ReconciliationLine,
};
use crate::day::Day;
use crate::error::Trouble;
use crate::intake::{FileBalance, Quarantined};
use crate::slots::{SLOTS, Slots};
use crate::table::{Metadata, Spec, Table};

const OLD: &str = ".old-";
const TEMPORARY: &str = ".tmp-";
const MANIFEST: &str = "edition.json";

/// Where the edition of a day stands.
pub(super) fn standing(ledger: &Path, day: Day) -> PathBuf {
    let place = ledger.join(day.to_string());
    let old = ledger.join(format!("{OLD}{day}"));
    if !place.exists() && old.exists() { old } else { place }
}

pub(super) fn days(ledger: &Path) -> Result<Vec<Day>, Trouble> {
    let mut days: Vec<Day> = names(ledger)?
        .iter()
        .filter_map(|name| name.strip_prefix(OLD).unwrap_or(name).parse().ok())
        .collect();
    days.sort_unstable();
    days.dedup();
    Ok(days)
}

/// Names of what lies in the ledger folder; none when there is no such folder.
fn names(ledger: &Path) -> Result<Vec<String>, Trouble> {
    let trouble = |e| Trouble::io(ledger, "listing the ledger", e);
    let entries = match fs::read_dir(ledger) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(trouble)?,
    };
    let names = entries.map(|e| e.map(|e| e.file_name().to_string_lossy().into_owned()).map_err(trouble));
    names.collect()
}

/// Clears away what a killed run left behind.
pub(super) fn tidy(ledger: &Path) -> Result<(), Trouble> {
    for name in names(ledger)? {
        let path = ledger.join(&name);
        if let Some(day) = name.strip_prefix(OLD) {
            let place = ledger.join(day);
            if !place.exists() {
                fs::rename(&path, &place).map_err(|e| Trouble::io(&path, "putting back", e))?;
                continue;
            }
        }
        if name.starts_with(OLD) || name.starts_with(TEMPORARY) {
            fs::remove_dir_all(&path).map_err(|e| Trouble::io(&path, "clearing away", e))?;
        }
    }
    Ok(())
}

pub(super) fn publish(ledger: &Path, mut edition: Edition) -> Result<Published, Trouble> {
    let tables = tables(&edition);
    let mut manifest = Manifest::new(&edition, &tables);
    let place = ledger.join(edition.day.to_string());
    let before = if place.exists() { Some(read_manifest(&place, edition.day)?) } else { None };
    if let Some(before) = before.as_ref().filter(|b| b.content == manifest.content) {
        edition.number = before.edition;
        edition.as_of = before.as_of;
        edition.job_version.clone_from(&before.job_version);
        return Ok(Published { edition, is_new: false, has_same_rules: true });
    }
    edition.number = before.as_ref().map_or(0, |b| b.edition) + 1;
    manifest.edition = edition.number;

    let folder = temporary(ledger)?;
    let metadata = metadata(&edition);
    for (name, table) in &tables {
        let path = folder.path().join(format!("{name}.parquet"));
        let bytes = table.to_parquet(&metadata);
        let bytes = bytes.map_err(|e| Trouble::io(&path, "writing Parquet", std::io::Error::other(e)))?;
        write(&path, &bytes)?;
    }
    write(&folder.path().join(MANIFEST), manifest.to_json().as_bytes())?;
    swap_in(ledger, &edition.day.to_string(), folder)?;
    let is_same = |b: &Manifest| {
        (&b.policy_fingerprint, &b.definition) == (&manifest.policy_fingerprint, &manifest.definition)
    };
    let has_same_rules = before.as_ref().is_none_or(is_same);
    Ok(Published { edition, is_new: true, has_same_rules })
}

/// A folder to write into; what is left of it after a kill is cleared away by the next run.
pub(super) fn temporary(parent: &Path) -> Result<tempfile::TempDir, Trouble> {
    fs::create_dir_all(parent).map_err(|e| Trouble::io(parent, "creating the ledger", e))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    open_to_readers(&mut builder);
    builder.tempdir_in(parent).map_err(|e| Trouble::io(parent, "creating a temporary folder", e))
}

/// Puts a written folder in its place, where another may stand.
pub(super) fn swap_in(parent: &Path, name: &str, folder: tempfile::TempDir) -> Result<(), Trouble> {
    sync_folder(folder.path())?;
    let place = parent.join(name);
    let has_old = place.exists();
    let old = parent.join(format!("{OLD}{name}"));
    if has_old {
        fs::rename(&place, &old).map_err(|e| Trouble::io(&place, "setting aside", e))?;
    }
    fs::rename(folder.keep(), &place).map_err(|e| Trouble::io(&place, "publishing", e))?;
    sync_folder(parent)?;
    if has_old {
        fs::remove_dir_all(&old).map_err(|e| Trouble::io(&old, "clearing away", e))?;
    }
    Ok(())
}

/// Temporary folders are private to their owner unless told otherwise; the ledger is for whom the umask lets in.
#[cfg(unix)]
fn open_to_readers(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o777));
}

#[cfg(not(unix))]
fn open_to_readers(_builder: &mut tempfile::Builder<'_, '_>) {}

/// Where the tables of an edition come from.
fn metadata(edition: &Edition) -> Metadata {
    Metadata(vec![
        ("job_version", edition.job_version.clone()),
        ("edition", format!("{} {}", edition.day, edition.number)),
        ("policy_fingerprint", edition.policy.clone()),
    ])
}

fn tables(edition: &Edition) -> [(&'static str, Table); 9] {
    [
        ("slots", edition.slots.to_table()),
        ("bad", lines::to_table(&edition.bad)),
        ("accounts", lines::to_table(&edition.accounts)),
        ("intake", lines::to_table(&edition.intake)),
        ("quarantine", lines::to_table(&edition.quarantine)),
        ("latency", lines::to_table(&edition.latency)),
        ("deliveries", lines::to_table(&edition.deliveries)),
        ("delays", lines::to_table(&edition.delays)),
        ("reconciliation", lines::to_table(&edition.reconciliation)),
    ]
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    let written = File::create(path).and_then(|mut f| f.write_all(bytes).and_then(|()| f.sync_all()));
    written.map_err(|e| Trouble::io(path, "writing", e))
}

/// A rename is on disk once the folder that names the file is.
fn sync_folder(path: &Path) -> Result<(), Trouble> {
    File::open(path).and_then(|f| f.sync_all()).map_err(|e| Trouble::io(path, "syncing", e))
}

pub(super) fn read(folder: &Path, day: Day) -> Result<Edition, Trouble> {
    let manifest = read_manifest(folder, day)?;
    let path = folder.join("slots.parquet");
    let table = read_table(&path, &SLOTS)?;
    let slots = Slots::from_table(day, manifest.slot, &table).map_err(|why| damaged(&path, why))?;
    Ok(Edition {
        day,
        number: manifest.edition,
        as_of: manifest.as_of,
        job_version: manifest.job_version,
        state: manifest.state,
        definition: manifest.definition,
        policy: manifest.policy_fingerprint,
        slots,
        bad: read_lines::<BadLine>(folder)?,
        accounts: read_lines::<AccountLine>(folder)?,
        intake: read_lines::<FileBalance>(folder)?,
        quarantine: read_lines::<Quarantined>(folder)?,
        latency: read_lines::<LatencyLine>(folder)?,
        deliveries: read_lines::<DeliveryLine>(folder)?,
        delays: read_lines::<DelayLine>(folder)?,
        reconciliation: read_lines::<ReconciliationLine>(folder)?,
    })
}

fn read_manifest(folder: &Path, day: Day) -> Result<Manifest, Trouble> {
    let path = folder.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(|e| Trouble::io(&path, "reading", e))?;
    let any: serde_json::Value = serde_json::from_str(&text).map_err(|e| damaged(&path, e))?;
    let format = any.get("format").and_then(serde_json::Value::as_u64);
    if format != Some(FORMAT.into()) {
        let found = format.map_or("none".to_owned(), |f| f.to_string());
        let why = format!("its format is {found}, this version of the job reads format {FORMAT}");
        return Err(damaged(&path, why));
    }
    let manifest: Manifest = serde_json::from_value(any).map_err(|e| damaged(&path, e))?;
    if manifest.day != day {
        return Err(damaged(&path, format!("it speaks of {}, not of {day}", manifest.day)));
    }
    Ok(manifest)
}

fn read_lines<T: Line>(folder: &Path) -> Result<Vec<T>, Trouble> {
    let path = folder.join(format!("{}.parquet", T::spec().name));
    let table = read_table(&path, T::spec())?;
    table.rows().map(|row| T::take(row).map_err(|why| damaged(&path, why))).collect()
}

fn read_table(path: &Path, spec: &'static Spec) -> Result<Table, Trouble> {
    let file = File::open(path).map_err(|e| Trouble::io(path, "reading", e))?;
    Table::from_parquet(spec, file).map_err(|e| damaged(path, e))
}

fn damaged(path: &Path, why: impl ToString) -> Trouble {
    Trouble::Damaged { path: path.to_owned(), why: why.to_string() }
}
