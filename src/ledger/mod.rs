//! Ledger: the published editions of all days, and the journal that chains them by their hashes.
//!
//! An edition is written whole or not at all, and is never changed.
//!
//! ```text
//! ledger/journal.ndjson, journal.head   what was done, line by line; only these lines count
//!        editions/<day>/<number>/       one published state of a day, with its facts and outline
//!        seals/<day>/<hash>/            figures of a sealed day, as its seal left them
//!        policies/<fingerprint>/        policy and catalogue as they were
//!        configs/<fingerprint>/         settings as they were
//!        daybooks/<day>/<hash>/         one day's logs as read, while they can settle a day
//!        salt                           salt of ids and callers, unless the config has one
//!        .writing, .tmp/                what a run is putting in place, and what it is writing
//!        lost+found/                    what stood here and was not known
//! ```
//!
//! Any program may read it ([`Ledger`]); only the holder of the lock may write ([`Writer`]).

mod balance;
mod daybooks;
mod disk;
mod editions;
mod heads;
mod journal;
mod kept;
mod mark;
mod places;
mod repair;
mod verify;
mod writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use editions::folder::Part;
use editions::manifest::Manifest;

use crate::clock::{Clock, ClockSource};
use crate::day::Day;
use crate::error::Trouble;
use crate::facts::{FileBalance, Gap};
use crate::overrides::Override;
use crate::plain_file;

pub use balance::check_balance;
pub use daybooks::fingerprint;
pub use editions::basis::Basis;
pub use editions::delivery_lines::{DelayLine, DeliveryLine, ReconciliationLine};
pub use editions::draft::Draft;
pub use editions::folder::Extent;
pub use editions::frozen::{FrozenDay, FrozenFigure, FrozenOutage, FrozenScope, FrozenSums, OutagePart};
pub use editions::instants::InstantLine;
pub use editions::known::KnownOutlines;
pub use editions::lines::{AccountLine, BadLine, LatencyLine};
pub use editions::manifest::OpenEvents;
pub use editions::outline::{Edge, NotedSlots, Outline, ScopeOutline};
pub use editions::{Applied, DayState, DefinitionSettings, Edition, Settings};
pub use heads::{
    Checkpoint, Extends, HEADS, KeptHeads, LineTree, PublishedHead, Seal, heads_of, keep, kept_heads, proof,
    public_key, take_answer,
};
use journal::clocks;
pub use journal::entry::{
    Cause, Confirmation, Entry, FrozenName, HeadName, JudgedRow, LogsRead, Looked, MalformedRow, Publication,
    RepairedFile, Reported, ReportedKey, Resumption, RowStatus, TakenBack,
};
pub use journal::governed::{ChangedSetting, Governed};
pub use journal::state::{DayRecord, EditionRecord, FiledRow, LedgerState};
pub use journal::{Ending, Journal, JournalLine};
pub use mark::{DRAWN, Drawn, Obstacle, OlderJournal};
pub use repair::repair_head;
pub use verify::{Checked, Finding, rebook, verify};
pub use writer::{Kept, Lock, Published, Strays, Writer};

/// Format of the ledger, raised when an older job could not understand what a newer one writes.
///
/// A job reads all formats up to its own, and refuses newer ones.
pub const FORMAT: u32 = 5;

/// The ledger of a reports folder, as of its newest line or of an earlier one.
#[derive(Debug, Clone)]
pub struct Ledger {
    folder: PathBuf,
    journal: Journal,
    record: LedgerState,
    /// Number of the last line that counts; later lines are ignored (see [`Ledger::cut`]).
    last: u64,
}

/// The inputs of an edition: if none has changed, booking the day again gives the same edition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFrom {
    /// SHA-256 of each daybook that it was resolved from, by day.
    pub daybooks: BTreeMap<Day, String>,
    /// Fingerprint of the bytes of policy and catalogue.
    pub policy: String,
    /// Fingerprint of the rules in them (see [`crate::policy::Policy::rules_name`]).
    pub rules: Option<String>,
    /// Fingerprint of the config; `None` in editions of version 0.1.0, which kept none.
    pub config: Option<String>,
    pub definition: DefinitionSettings,
    /// Override rows in the order in which they were applied.
    pub rows: Vec<Override>,
}

impl Ledger {
    /// Opens the ledger of a reports folder; a folder without one is an empty ledger.
    ///
    /// # Errors
    /// [`Trouble::Io`]; [`Trouble::Damaged`] if the journal is damaged, has a newer format, or is
    /// missing while there are editions.
    pub fn open(reports: &Path) -> Result<Self, Trouble> {
        let folder = reports.join("ledger");
        plain_file::is_folder(&folder)?;
        let journal = Journal::read(&folder)?;
        match journal.lines().first().map(|line| &line.entry) {
            Some(Entry::Ledger { format, .. }) if *format <= FORMAT => {}
            Some(Entry::Ledger { format, .. }) => {
                return Err(Trouble::Newer { path: folder, format: *format, newest: FORMAT });
            }
            Some(_) => return Err(disk::damaged(&folder, "its journal does not begin with its format")),
            None => refuse_unjournaled(&folder)?,
        }
        let last = journal.head().0;
        let mut ledger = Self { folder, journal, record: LedgerState::default(), last };
        ledger.replay();
        ledger.refuse_links()?;
        Ok(ledger)
    }

    /// Refuses a ledger in which something else stands in place of its salt, or of a folder that
    /// its journal names.
    ///
    /// A link would lead out of the ledger.
    fn refuse_links(&self) -> Result<(), Trouble> {
        plain_file::is_file(&self.folder.join(places::SALT))?;
        for parent in places::PARENTS {
            plain_file::is_folder(&self.folder.join(parent))?;
        }
        for place in writer::named_folders(self) {
            if plain_file::is_folder(place.parent().unwrap_or(&place))? {
                plain_file::is_folder(&place)?;
            }
        }
        Ok(())
    }

    /// Returns the ledger as it was after line `last` of its journal.
    ///
    /// [`crate::measure::draw`] over it gives the figures that were published then.
    #[must_use]
    pub fn cut(mut self, last: u64) -> Self {
        self.last = last;
        self.replay();
        self
    }

    /// Works out the state anew from the lines that count.
    fn replay(&mut self) {
        self.record = LedgerState::default();
        let lines = self.journal.lines().iter().take_while(|line| line.seq <= self.last);
        lines.for_each(|line| self.record.apply(line));
    }

    /// Returns the number of the last line written by this moment, or 0 if there is none.
    pub fn line_at(&self, at: DateTime<Utc>) -> u64 {
        self.lines().take_while(|line| line.wall() <= at).last().map_or(0, |line| line.seq)
    }

    /// Returns the clock that a run works by ([`clocks::steady`]).
    pub fn steady(&self, clock: Clock) -> Clock {
        clocks::steady(self.journal.lines().last(), clock)
    }

    /// Returns what keeps a run with this clock from writing.
    ///
    /// # Errors
    /// The mark of the drawing cannot be read.
    pub fn obstacle(&self, clock: Clock) -> Result<Option<Obstacle>, Trouble> {
        if let Some(older) = self.older_journal()? {
            return Ok(Some(Obstacle::older_journal(&older)));
        }
        Ok(clocks::doubt(self.journal.lines().last(), clock.wall).map(Obstacle::clock))
    }

    /// Returns the newest day whose newest edition counts at least one row.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub fn newest_with_rows(&self) -> Result<Option<Day>, Trouble> {
        for (day, record) in self.record.days.iter().rev() {
            let Some(newest) = record.newest() else { continue };
            match self.intact_with(*day, newest.publication.edition, Part::Manifest) {
                Ok((_, manifest)) if manifest.balance.accepted > 0 => return Ok(Some(*day)),
                // A damaged day is told by itself; it shows nothing here.
                Err(trouble) if trouble.stops_all() => return Err(trouble),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(None)
    }

    /// Returns number and hash of the last line that counts: they identify all content up to it.
    pub fn head(&self) -> (u64, String) {
        if self.last == self.journal.head().0 {
            return (self.last, self.journal.head().1.to_owned());
        }
        // The hash of a line is stored in the line after it.
        let next = self.journal.lines().iter().find(|line| line.seq == self.last + 1);
        (self.last, next.map(|line| line.previous.clone()).unwrap_or_default())
    }

    /// Returns the wall clock of the newest line; `None` for an empty ledger.
    pub fn last_wall(&self) -> Option<DateTime<Utc>> {
        self.lines().last().map(JournalLine::wall)
    }

    /// Iterates over the lines of the journal that count.
    pub fn lines(&self) -> impl Iterator<Item = &JournalLine> {
        self.journal.lines().iter().take_while(|line| line.seq <= self.last)
    }

    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Returns the state after replaying the lines that count.
    pub const fn record(&self) -> &LedgerState {
        &self.record
    }

    /// Lists the days that have an edition, ascending.
    pub fn days(&self) -> Vec<Day> {
        let has_edition = |(day, record): (&Day, &DayRecord)| record.newest().map(|_| *day);
        self.record.days.iter().filter_map(has_edition).collect()
    }

    /// Reads the standing edition of a day: the sealed one, else the newest.
    ///
    /// # Errors
    /// The day has no edition ([`Trouble::Usage`]), or a file of it is missing or damaged.
    pub fn read(&self, day: Day, extent: Extent) -> Result<Edition, Trouble> {
        let standing = self.record.days.get(&day).and_then(DayRecord::standing);
        let number = standing.map_or(0, |standing| standing.publication.edition);
        self.edition(day, number, extent)
    }

    /// Reads the accounts and the file balances of the standing edition of a day.
    ///
    /// This is [`Ledger::read`] without the slots, which are most of an edition.
    ///
    /// # Errors
    /// The day has no edition ([`Trouble::Usage`]), or a file of it is missing or damaged.
    pub fn accounts(&self, day: Day) -> Result<(Vec<AccountLine>, Vec<FileBalance>), Trouble> {
        let standing = self.record.days.get(&day).and_then(DayRecord::standing);
        let number = standing.map_or(0, |standing| standing.publication.edition);
        let folder = self.intact(day, number, Part::Accounts)?;
        Ok((editions::folder::read_lines(&folder)?, editions::folder::read_intake(&folder)?))
    }

    /// Reads what of the standing edition of a day may be unexplained.
    ///
    /// # Errors
    /// The day has no edition ([`Trouble::Usage`]), or a file of it is missing or damaged.
    pub fn unsettled(&self, day: Day) -> Result<Unsettled, Trouble> {
        let standing = self.record.days.get(&day).and_then(DayRecord::standing);
        let number = standing.map_or(0, |standing| standing.publication.edition);
        let folder = self.intact(day, number, Part::Unsettled)?;
        Ok(Unsettled {
            accounts: editions::folder::read_lines(&folder)?,
            reconciliation: editions::folder::read_lines(&folder)?,
            intake: editions::folder::read_intake(&folder)?,
        })
    }

    /// Reads one edition of a day, by its number.
    ///
    /// # Errors
    /// There is no such edition ([`Trouble::Usage`]), or a file of it is missing or damaged.
    pub fn edition(&self, day: Day, number: u32, extent: Extent) -> Result<Edition, Trouble> {
        let record = self.known(day, number)?;
        let part = if extent == Extent::Whole { Part::Whole } else { Part::Slots };
        let mut edition = editions::folder::read(&self.intact(day, number, part)?, day, extent)?;
        edition.state = record.state(number, edition.state);
        edition.as_of = record.as_of(number, edition.as_of);
        Ok(edition)
    }

    /// Returns the fingerprint of the policy that booked the standing edition of a day.
    ///
    /// # Errors
    /// The day has no edition ([`Trouble::Usage`]).
    pub fn policy_of(&self, day: Day) -> Result<&str, Trouble> {
        let standing = self.record.days.get(&day).and_then(DayRecord::standing);
        let number = standing.map_or(0, |standing| standing.publication.edition);
        self.known(day, number)?;
        Ok(standing.map_or("", |standing| standing.publication.policy.as_str()))
    }

    /// Reads the facts, gaps and attempts that an edition was made from.
    ///
    /// # Errors
    /// There is no such edition ([`Trouble::Usage`]), or a file of it is missing or damaged.
    pub fn basis(&self, day: Day, number: u32) -> Result<Basis, Trouble> {
        let (folder, manifest) = self.intact_with(day, number, Part::Basis)?;
        Basis::read(&folder, day, manifest.slot)
    }

    /// Reads the spans in which a log of a day is missing, as an edition was made with.
    ///
    /// # Errors
    /// As for [`Ledger::basis`].
    pub fn gaps(&self, day: Day, number: u32) -> Result<Vec<Gap>, Trouble> {
        Basis::read_gaps(&self.intact(day, number, Part::Gaps)?)
    }

    /// Returns whether something is wrong with the stored editions or the table of a day.
    pub fn is_of_edition(&self, day: Day, trouble: &Trouble) -> bool {
        let (Trouble::Damaged { path, .. } | Trouble::Newer { path, .. }) = trouble else { return false };
        let places = [editions::folder::EDITIONS, places::SEALS];
        places.iter().any(|place| path.starts_with(self.folder.join(place).join(day.to_string())))
    }

    /// Returns the inputs of the newest edition of a day; `None` if it has no edition.
    ///
    /// # Errors
    /// A file of the edition is missing or damaged.
    pub fn made_from(&self, day: Day) -> Result<Option<MadeFrom>, Trouble> {
        let Some(newest) = self.record.days.get(&day).and_then(DayRecord::newest) else { return Ok(None) };
        let (_, manifest) = self.intact_with(day, newest.publication.edition, Part::Manifest)?;
        Ok(Some(MadeFrom {
            daybooks: manifest.daybooks,
            rules: manifest.policy_rules,
            config: manifest.config,
            policy: manifest.policy_fingerprint,
            definition: manifest.definition,
            rows: manifest.overrides.into_iter().map(|applied| applied.row).collect(),
        }))
    }

    /// True if the clock of this ledger comes from `--as-of` of each run: then it is a simulation.
    pub fn is_simulated(&self) -> bool {
        self.journal.clock_source() == Some(ClockSource::Given)
    }

    /// Returns the record of a day, or [`Trouble::Usage`] if the day has no edition of this number.
    fn known(&self, day: Day, number: u32) -> Result<&DayRecord, Trouble> {
        let Some(record) = self.record.days.get(&day).filter(|record| !record.editions.is_empty()) else {
            return Err(Trouble::Usage(format!("{day} has no edition; `history` lists the days that have")));
        };
        if record.editions.iter().all(|e| e.publication.edition != number) {
            return Err(no_edition(day, number, record.editions.len()));
        }
        Ok(record)
    }

    /// Returns the folder of an edition, if the files of a part of it are as they were written.
    ///
    /// # Errors
    /// There is no such edition ([`Trouble::Usage`]), or a file is damaged.
    fn intact(&self, day: Day, number: u32, part: Part) -> Result<PathBuf, Trouble> {
        Ok(self.intact_with(day, number, part)?.0)
    }

    /// Returns the same as [`Ledger::intact`], with the manifest.
    fn intact_with(&self, day: Day, number: u32, part: Part) -> Result<(PathBuf, Manifest), Trouble> {
        let record = self.known(day, number)?;
        let folder = editions::folder::place(&self.folder, day, number);
        let said = record.editions.iter().find(|edition| edition.publication.edition == number);
        let Some(said) = said else { return Err(no_edition(day, number, record.editions.len())) };
        let manifest = editions::folder::check(&folder, said, part)?;
        Ok((folder, manifest))
    }

    /// Returns the number of the standing edition of each day.
    pub fn standing(&self) -> BTreeMap<Day, u32> {
        let standing =
            |(day, record): (&Day, &DayRecord)| Some((*day, record.standing()?.publication.edition));
        self.record.days.iter().filter_map(standing).collect()
    }

    /// Counts the events of an edition that are pending or in suspense, after overrides.
    ///
    /// While there are any, the day cannot be sealed.
    ///
    /// # Errors
    /// There is no such edition ([`Trouble::Usage`]), or a file of it is missing or damaged.
    pub fn open_events(&self, day: Day, number: u32) -> Result<OpenEvents, Trouble> {
        Ok(self.intact_with(day, number, Part::Manifest)?.1.balance.open_events())
    }
}

/// Parts of an edition that say what is not explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    pub accounts: Vec<AccountLine>,
    /// How well the logs fit each other; empty without webhook logs.
    pub reconciliation: Vec<ReconciliationLine>,
    pub intake: Vec<FileBalance>,
}

fn no_edition(day: Day, number: u32, newest: usize) -> Trouble {
    Trouble::Usage(format!("{day} has no edition {number}; it has 1 to {newest}"))
}

/// Returns the clock source of the ledger of a reports folder; `None` if there is no ledger yet.
pub fn clock_source(reports: &Path) -> Option<ClockSource> {
    Journal::clock_source_of(&reports.join("ledger"))
}

/// Refuses a folder that has editions but no journal, so that they are not overwritten.
///
/// The journal was lost, or a job that kept no journal made the editions.
fn refuse_unjournaled(folder: &Path) -> Result<(), Trouble> {
    let names = disk::names(folder)?;
    let is_ours = |name: &String| name.parse::<Day>().is_ok() || name == editions::folder::EDITIONS;
    match names.iter().find(|name| is_ours(name)) {
        Some(name) if name != editions::folder::EDITIONS || !disk::names(&folder.join(name))?.is_empty() => {
            let why = "there are editions, but no journal that tells of them: it was lost, or an older version of the job \
                       made them";
            Err(disk::damaged(folder, why))
        }
        _ => Ok(()),
    }
}
