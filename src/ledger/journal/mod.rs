//! The journal: one line for each recorded action, with the hash of the line before it.
//!
//! An action that is not in the journal did not happen. `journal.ndjson` is only appended to;
//! `journal.head` holds number and hash of the last line, so that lines cut off the end are
//! noticed. A killed run leaves at most half a line, or one whole line that the head does not name
//! yet; the next run repairs both.

pub mod clocks;
pub mod entry;
pub mod governed;
pub mod state;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use entry::Entry;
use serde::{Deserialize, Serialize};

use super::disk::{damaged, put, sha256};
use crate::clock::{Clock, ClockSource};
use crate::day::rfc3339;
use crate::error::Trouble;
use crate::plain_file;

pub(super) const JOURNAL: &str = "journal.ndjson";
pub(super) const HEAD: &str = "journal.head";
/// Hash that the first line gives for the line before it.
const NOTHING: &str = "0";

/// One line of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalLine {
    /// Counts from 1, without gaps.
    pub seq: u64,
    /// Instant that the run worked as of; never earlier than in the line before.
    ///
    /// Both instants are those that the line counts as of ([`clocks::settle`]); the file has those
    /// of the run.
    pub at: DateTime<Utc>,
    /// Wall clock of the run; lines of version 0.1.0 have none, and `at` serves as both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall: Option<DateTime<Utc>>,
    /// SHA-256 of the line before, without its line end, in hex.
    pub previous: String,
    pub entry: Entry,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    seq: u64,
    hash: String,
}

/// All lines of a journal, checked against each other and against the head.
#[derive(Debug, Clone)]
pub struct Journal {
    folder: PathBuf,
    lines: Vec<JournalLine>,
    /// Number and hash of the last line.
    head: Head,
    /// Length of the whole lines, in bytes.
    length: u64,
    state: Ending,
    /// The journal's file, locked, if this process may append to it and it is there.
    file: Option<Arc<File>>,
}

/// State of the journal's end, as the last run left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Whole,
    /// The last line has no line end: it was not written whole, and does not count.
    Torn,
    /// The last line is whole, but `journal.head` does not name it yet: it counts.
    Unnamed,
}

impl Journal {
    /// Reads the journal of a ledger folder; a folder without one has an empty journal.
    ///
    /// # Errors
    /// [`Trouble::Io`]; [`Trouble::Damaged`] if a line cannot be parsed, or its number or hash does
    /// not match the line after it or the head.
    pub fn read(folder: &Path) -> Result<Self, Trouble> {
        let path = folder.join(JOURNAL);
        let (mut journal, before) = Self::lines_of(folder)?;
        let named = journal.named()?;
        if named != journal.head {
            // A killed run leaves one line that is written but not named.
            if named != before || journal.state == Ending::Torn {
                let why = format!(
                    "{HEAD} names line {} ({}), but the journal ends with line {} ({}): lines were cut off, added or changed",
                    named.seq,
                    short(&named.hash),
                    journal.head.seq,
                    short(&journal.head.hash)
                );
                return Err(damaged(&path, why));
            }
            journal.state = Ending::Unnamed;
        }
        clocks::settle(&mut journal.lines);
        Ok(journal)
    }

    /// Reads the lines, and returns with them the head of the line before the last.
    fn lines_of(folder: &Path) -> Result<(Self, Head), Trouble> {
        let path = folder.join(JOURNAL);
        let text = plain_file::read_if_there(&path)?.unwrap_or_default();
        let mut journal = Self {
            folder: folder.to_path_buf(),
            lines: Vec::new(),
            head: Head { seq: 0, hash: NOTHING.to_owned() },
            length: 0,
            state: Ending::Whole,
            file: None,
        };
        let mut before = journal.head.clone();
        for bytes in text.split_inclusive(|b| *b == b'\n') {
            let Some(bytes) = bytes.strip_suffix(b"\n") else {
                journal.state = Ending::Torn;
                break;
            };
            before = journal.head.clone();
            journal
                .take(bytes)
                .map_err(|why| damaged(&path, format!("line {}: {why}", journal.lines.len() + 1)))?;
        }
        Ok((journal, before))
    }

    /// Names the last line in `journal.head` if the head is damaged, and this line is the last.
    ///
    /// The caller holds the lock. Returns the path of the head if it was written.
    ///
    /// # Errors
    /// [`Trouble::Damaged`] if the lines do not follow one another; [`Trouble::Io`].
    pub fn name_anew(folder: &Path, seq: u64, hash: &str) -> Result<Option<PathBuf>, Trouble> {
        let (journal, _) = Self::lines_of(folder)?;
        let is_named = journal.named().is_ok_and(|named| named == journal.head);
        if is_named || (journal.head.seq, &*journal.head.hash) != (seq, hash) {
            return Ok(None);
        }
        journal.name()?;
        Ok(Some(folder.join(HEAD)))
    }

    /// Reads the clock source of a ledger folder from the first line of its journal alone.
    ///
    /// `None` if that line cannot be read: [`Journal::read`] then reports why.
    pub fn clock_source_of(folder: &Path) -> Option<ClockSource> {
        let mut line = String::new();
        BufReader::new(plain_file::open(&folder.join(JOURNAL)).ok()?).read_line(&mut line).ok()?;
        match serde_json::from_str::<JournalLine>(&line).ok()?.entry {
            Entry::Ledger { clock, .. } => Some(clock),
            _ => None,
        }
    }

    /// Checks a line against the line before it, and adds it.
    fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        let line: JournalLine = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if line.seq != self.head.seq + 1 {
            return Err(format!("it is numbered {}, after {}", line.seq, self.head.seq));
        }
        if line.previous != self.head.hash {
            return Err(format!(
                "it follows a line with hash {}, the line before it has {}",
                short(&line.previous),
                short(&self.head.hash)
            ));
        }
        self.head = Head { seq: line.seq, hash: sha256(bytes) };
        self.length += bytes.len() as u64 + 1;
        self.lines.push(line);
        Ok(())
    }

    /// Reads `journal.head`; without that file, it names no line.
    fn named(&self) -> Result<Head, Trouble> {
        let path = self.folder.join(HEAD);
        let Some(bytes) = plain_file::read_if_there(&path)? else {
            return Ok(Head { seq: 0, hash: NOTHING.to_owned() });
        };
        let head: Head = serde_json::from_slice(&bytes).map_err(|e| damaged(&path, e))?;
        if json(&head) == bytes { Ok(head) } else { Err(damaged(&path, "it is not as it was written")) }
    }

    pub fn lines(&self) -> &[JournalLine] {
        &self.lines
    }

    /// Returns the clock source that the first line names; `None` if there is no line.
    pub fn clock_source(&self) -> Option<ClockSource> {
        match self.lines.first()?.entry {
            Entry::Ledger { clock, .. } => Some(clock),
            _ => None,
        }
    }

    /// Returns number and hash of the last line: they identify the whole content of the ledger.
    pub fn head(&self) -> (u64, &str) {
        (self.head.seq, &self.head.hash)
    }

    /// Returns the hash of a line, by its number; `None` if there is no such line.
    pub fn hash_of(&self, seq: u64) -> Option<&str> {
        match usize::try_from(seq).ok().and_then(|seq| self.lines.get(seq)) {
            // The hash of a line is stored in the line after it.
            Some(next) => Some(&next.previous),
            None => (self.head.seq == seq).then_some(&self.head.hash),
        }
    }

    pub const fn ending(&self) -> Ending {
        self.state
    }

    /// Repairs the end of the journal: cuts off half a line, or writes the head.
    ///
    /// The caller holds the lock.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn mend(&mut self) -> Result<(), Trouble> {
        match self.state {
            Ending::Whole => return Ok(()),
            Ending::Torn => self.cut()?,
            Ending::Unnamed => self.name()?,
        }
        self.state = Ending::Whole;
        Ok(())
    }

    /// Appends a line, which counts from then on; [`Journal::mend`] then writes the head.
    ///
    /// The caller holds the lock.
    ///
    /// # Errors
    /// [`Trouble::Io`] if the line could not be appended, so that it does not count;
    /// [`Trouble::Usage`] if the clock lies before the last line; an accepted clock may.
    pub fn append(&mut self, clock: Clock, entry: Entry) -> Result<&JournalLine, Trouble> {
        if !clocks::is_accepted(&entry) {
            self.check_clock(clock.at)?;
        }
        // At most one line may be unnamed by the head.
        self.mend()?;
        let Clock { at, wall } = clock;
        let previous = self.head.hash.clone();
        let line = JournalLine { seq: self.head.seq + 1, at, wall: Some(wall), previous, entry };
        let bytes = json(&line);
        let path = self.folder.join(JOURNAL);
        self.check_unchanged()?;
        let mut file: &File = self.held()?;
        let written = file.write_all(&bytes).and_then(|()| file.sync_all());
        if let Err(e) = written {
            // Half a line must not stand before the next one; if it cannot be cut off now, the next
            // run does.
            self.state = if self.cut().is_ok() { Ending::Whole } else { Ending::Torn };
            return Err(Trouble::io(&path, "writing", e));
        }
        self.head = Head { seq: line.seq, hash: sha256(&bytes[..bytes.len() - 1]) };
        self.length += bytes.len() as u64;
        let accepts_clock = clocks::is_accepted(&line.entry);
        self.lines.push(line);
        if accepts_clock {
            clocks::settle(&mut self.lines);
        }
        self.state = Ending::Unnamed;
        match self.lines.last() {
            Some(line) => Ok(line),
            None => unreachable!("it was pushed just now"),
        }
    }

    /// Refuses a clock that lies before the last line.
    ///
    /// [`crate::ledger::Ledger::cut`] finds the state at a past moment only if lines are in order
    /// of time.
    ///
    /// # Errors
    /// [`Trouble::Usage`].
    pub fn check_clock(&self, at: DateTime<Utc>) -> Result<(), Trouble> {
        let Some(last) = self.lines.last().filter(|last| last.at > at) else { return Ok(()) };
        let [at, last] = [at, last.at].map(|t| rfc3339(t.timestamp_micros()));
        Err(Trouble::Usage(format!(
            "the clock of this run ({at}) lies before the last entry of the ledger ({last}); set the clock or --as-of right. \
             To see what was published at a moment: uptime-ledger report --as-of {at}"
        )))
    }

    /// Takes over the locked file of the journal, which was read since it was locked.
    pub fn hold(&mut self, file: Option<File>) {
        self.file = file.map(Arc::new);
    }

    /// Releases the lock of the file, whoever has a copy of this journal.
    pub fn release(&mut self) {
        if let Some(file) = self.file.take() {
            // Closing the last copy releases it as well.
            let _ = file.unlock();
        }
    }

    /// Refuses to go on if another file stands in place of the journal, or it has other lines.
    ///
    /// A run that does not know of this one can have put it there: the lock belongs to the file.
    ///
    /// # Errors
    /// [`Trouble::Replaced`]; [`Trouble::Io`] or [`Trouble::NotPlain`] if it cannot be looked at.
    pub fn check_unchanged(&self) -> Result<(), Trouble> {
        let path = self.folder.join(JOURNAL);
        let is_there = plain_file::is_file(&path)?;
        let why = match &self.file {
            None if is_there => "another run has begun it",
            None => return Ok(()),
            Some(_) if !is_there => "the file is gone",
            Some(file) => {
                let trouble = |e| Trouble::io(&path, "looking at it", e);
                let here = fs::symlink_metadata(&path).map_err(trouble)?;
                let held = file.metadata().map_err(trouble)?;
                if !plain_file::is_same_file(&here, &held) {
                    "another file stands in its place"
                } else if here.len() != self.length {
                    "lines were added or cut off"
                } else {
                    return Ok(());
                }
            }
        };
        Err(Trouble::Replaced { path, why: why.to_owned() })
    }

    /// Returns the file of the journal, which is made and locked before its first line.
    fn held(&mut self) -> Result<&File, Trouble> {
        let path = self.folder.join(JOURNAL);
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let mut options = OpenOptions::new();
                let file = options.append(true).create_new(true).open(&path);
                let file = file.map_err(|e| match e.kind() {
                    ErrorKind::AlreadyExists => {
                        let why = "another run has begun it".to_owned();
                        Trouble::Replaced { path: path.clone(), why }
                    }
                    _ => Trouble::io(&path, "writing", e),
                })?;
                lock(&file).map_err(|e| Trouble::io(&path, "locking", e))?;
                Arc::new(file)
            }
        };
        Ok(self.file.insert(file))
    }

    fn cut(&mut self) -> Result<(), Trouble> {
        let (path, length) = (self.folder.join(JOURNAL), self.length);
        let file = self.held()?;
        let cut = file.set_len(length).and_then(|()| file.sync_all());
        cut.map_err(|e| Trouble::io(&path, "cutting off half a line", e))
    }

    fn name(&self) -> Result<(), Trouble> {
        put(&self.folder.join(HEAD), &json(&self.head))
    }
}

/// Opens the journal of a ledger folder to append to it, and locks it; `None` if there is none.
///
/// # Errors
/// [`Trouble::Locked`] if another run holds it; [`Trouble::NotPlain`]; [`Trouble::Io`].
pub fn open_locked(folder: &Path) -> Result<Option<File>, Trouble> {
    let path = folder.join(JOURNAL);
    if !plain_file::is_folder(folder)? || !plain_file::is_file(&path)? {
        return Ok(None);
    }
    let file = plain_file::open_with(&path, OpenOptions::new().read(true).append(true))?;
    match lock(&file) {
        Ok(()) => Ok(Some(file)),
        Err(e) if e.kind() == ErrorKind::WouldBlock => {
            Err(Trouble::Locked { path, holder: holder_of(&file) })
        }
        Err(e) => Err(Trouble::io(&path, "locking", e)),
    }
}

fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|e| match e {
        TryLockError::WouldBlock => ErrorKind::WouldBlock.into(),
        TryLockError::Error(e) => e,
    })
}

/// Returns which process holds the lock of a file, as far as the system tells.
fn holder_of(file: &File) -> String {
    use std::os::unix::fs::MetadataExt;

    let inode = file.metadata().map(|found| found.ino()).unwrap_or_default();
    // Lines such as `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`: process, device and inode.
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let holder = locks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find_map(|line| {
        let [_, "FLOCK", _, "WRITE", process, place, ..] = line.as_slice() else { return None };
        let is_this = place.rsplit(':').next().is_some_and(|number| number.parse() == Ok(inode));
        is_this.then(|| format!("pid {process}"))
    });
    holder.unwrap_or_else(|| "unknown process".to_owned())
}

fn json(value: &impl Serialize) -> Vec<u8> {
    match serde_json::to_vec(value) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            bytes
        }
        Err(e) => unreachable!("names, numbers and lists always serialise: {e}"),
    }
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Clock {
        Clock::given(text.parse().unwrap())
    }

    fn entry(format: u32) -> Entry {
        Entry::Ledger { format, clock: ClockSource::Given }
    }

    fn written(entries: usize) -> (tempfile::TempDir, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::read(folder.path()).unwrap();
        for n in 0..entries {
            journal.append(at("2026-11-20T03:00:00Z"), entry(n as u32)).unwrap();
        }
        journal.mend().unwrap();
        let bytes = fs::read(folder.path().join(JOURNAL)).unwrap();
        (folder, bytes)
    }

    #[test]
    fn half_a_line_did_not_happen_and_an_unnamed_one_did() {
        let (folder, bytes) = written(3);
        let path = folder.path().join(JOURNAL);
        let head = fs::read(folder.path().join(HEAD)).unwrap();

        fs::write(&path, [&bytes[..], b"{\"seq\":4,"].concat()).unwrap();
        let mut journal = Journal::read(folder.path()).unwrap();
        assert_eq!((journal.ending(), journal.head().0), (Ending::Torn, 3));
        journal.hold(open_locked(folder.path()).unwrap());
        journal.mend().unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);

        journal.append(at("2026-11-21T03:00:00Z"), entry(9)).unwrap();
        journal.mend().unwrap();
        fs::write(folder.path().join(HEAD), head).unwrap();
        let mut journal = Journal::read(folder.path()).unwrap();
        assert_eq!((journal.ending(), journal.head().0), (Ending::Unnamed, 4));
        journal.mend().unwrap();
        assert_eq!(Journal::read(folder.path()).unwrap().ending(), Ending::Whole);
    }

    #[test]
    fn a_line_that_is_cut_off_changed_or_moved_is_found() {
        let (folder, bytes) = written(4);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
        let changed = String::from_utf8(bytes.clone()).unwrap().replace("\"format\":3", "\"format\":7");
        for bad in [
            lines[..3].concat(),
            lines[..2].concat(),
            [lines[0], lines[2], lines[1], lines[3]].concat(),
            [lines[0], lines[0], lines[1], lines[2], lines[3]].concat(),
            changed.into_bytes(),
        ] {
            fs::write(folder.path().join(JOURNAL), bad).unwrap();
            let told = Journal::read(folder.path()).unwrap_err().to_string();
            assert!(told.contains("journal.ndjson is damaged"), "{told}");
        }
    }

    #[test]
    fn the_clock_never_runs_backwards() {
        let (folder, _) = written(1);
        let mut journal = Journal::read(folder.path()).unwrap();
        let told = journal.append(at("2026-11-19T03:00:00Z"), entry(1)).unwrap_err();
        assert!(told.to_string().contains("2026-11-20T03:00:00Z"), "{told}");
    }
}
