//! Pipeline: the daily run on one screen, from the logs to the reports.

mod acknowledge;
mod attention;
mod book;
mod days;
mod draw;
mod missing_files;
mod overrides;
mod poorer;
mod read;
mod repair;
mod seal;
mod suspicions;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::attention::{AttentionKind, Look, Looks, Standing};
use crate::clock::{Clock, ClockSource};
use crate::config::{Canonical, Config};
use crate::day::Day;
use crate::document::{Document, Mistake};
use crate::error::{Cancellation, Trouble};
use crate::facts::Salt;
use crate::intake::tasks::TaskEngine;
use crate::intake::{Meter, Workers};
use crate::ledger::{Drawn, Kept, Ledger, Settings, Writer};
use crate::measure::{Figures, Outage};
use crate::policy::Policy;
use crate::queries::reported;
use crate::report::Rendered;

pub use acknowledge::{Word, acknowledge};
pub use book::Accounted;
pub use draw::redraw;
pub use repair::repair;

/// Everything that a run works with in addition to the logs and the clock.
pub struct Job {
    pub config: Config,
    pub policy: Policy,
    /// The override file, when the config names one.
    pub override_file: Option<Result<Document, Trouble>>,
    /// Threads that read logs.
    pub workers: usize,
    /// Who reads logs in place of these threads.
    pub engine: Option<TaskEngine>,
    /// Where the clock of a ledger comes from that begins with this run.
    pub clock_source: ClockSource,
    /// Whether somebody asked the run to stop.
    pub cancellation: Cancellation,
}

impl Job {
    /// Returns who reads the logs of a day.
    pub const fn readers(&self) -> Workers<'_> {
        match &self.engine {
            None => Workers::Threads(self.workers),
            Some(engine) => Workers::Tasks { engine, threads: self.workers },
        }
    }

    /// The settings of the config, as the ledger keeps them.
    pub fn settings(&self) -> Canonical {
        let salt = self.config.salt.as_ref().map(|salt| Salt::new(salt).fingerprint());
        Canonical::of(&self.config, salt.as_deref())
    }
}

/// Which days a run accounts.
pub enum Asked {
    /// These, read again whatever is known of them.
    Days(Vec<Day>),
    /// Yesterday and what was missed before it.
    Due,
}

/// Results of a run.
pub struct RunSummary {
    /// The days that were asked for.
    pub accounted: Vec<Accounted>,
    /// Other days that have a new edition.
    pub restated: Vec<Accounted>,
    pub sealed: Vec<Day>,
    /// What stands open, by key.
    pub attention: Vec<Standing>,
    /// Mistakes in the override file: they refuse rows, not the run.
    pub mistakes: Vec<Mistake>,
    /// Of the days that were asked for, at least.
    pub figures: Figures,
    pub rendered: Rendered,
    /// Trouble of the machine, or why no day of those that were asked for was published.
    pub failure: Option<anyhow::Error>,
    /// How many days were asked for.
    pub days: usize,
    /// Days that keep their edition although rows are gone from their logs.
    pub kept: Vec<Day>,
    /// Whether the clock of the ledger is given, not read.
    pub is_simulated: bool,
}

/// Limit on characters of the salt of a new ledger.
///
/// Who knows a pseudonym and can try all short salts finds callers and message ids by trying them.
const SHORTEST_SALT: usize = 16;

/// Checks that the salt of a new ledger cannot be guessed; that of a ledger stays as it is.
fn check_salt(job: &Job, ledger: &Writer) -> Result<(), Trouble> {
    let length = job.config.salt.as_ref().map(|salt| salt.chars().count());
    match length {
        Some(length) if length < SHORTEST_SALT && ledger.head().0 == 0 => Err(Trouble::Usage(format!(
            "`salt` has {length} characters, and a new ledger needs at least {SHORTEST_SALT}: a short one can be found by trying; \
             write a longer one, or leave the key out for a random salt that is kept with the ledger"
        ))),
        _ => Ok(()),
    }
}

/// Called before the logs of a day are read.
///
/// The returned guard is dropped when reading ends (the progress bar).
pub type Watch<'a> = &'a dyn Fn(Day, &Arc<Meter>) -> Box<dyn Any>;

/// The daily job.
///
/// A day that cannot be read or booked is told, and stops itself alone.
///
/// # Errors
/// There is nothing to draw yet, the machine is in trouble, the reports could not be drawn, or
/// somebody asked to stop.
pub fn run(job: &Job, asked: &Asked, clock: Clock, watch: Watch<'_>) -> anyhow::Result<RunSummary> {
    let mut ledger = Writer::open(&job.config.reports, clock, job.clock_source)?;
    check_salt(job, &ledger)?;
    let clock = ledger.steady(clock);
    let before = open_keys(&ledger);
    let reviewed = overrides::Desired::after(&ledger);
    let untold = Drawn::days_behind(&ledger, &job.config.reports)?;
    seal::freeze(&mut ledger, clock)?;
    let logs = read::logs(job, &mut ledger, asked, &untold, clock, watch)?; // the only heavy line
    let settings = note_settings(job, &mut ledger, clock)?;
    let mut reviewed = overrides::file(job, &mut ledger, reviewed, clock)?;
    let mut booked = days::book(job, &mut ledger, logs, &mut reviewed, clock)?;
    // A seal keeps what is noted, so this comes before it; a day may end in one more edition there.
    let mut outages = reported::note(&mut ledger, &settings, clock)?;
    let sealed = seal::due(job, &mut ledger, clock, &mut booked)?;
    if !sealed.is_empty() {
        overrides::note_sealed(&mut reviewed, &mut ledger, clock)?;
        booked.looks.renew(Look::Run, std::mem::take(&mut reviewed.attention));
    }
    seal::prune(job, &mut ledger, &booked.waiting_daybooks, clock)?;
    outages.extend(reported::note(&mut ledger, &settings, clock)?);
    // Of the days that are open now: another run at once finds the same.
    booked.looks.take(Look::Run, read::read_otherwise(job, &ledger));
    if !untold.is_empty() {
        let days: BTreeSet<Day> = untold.union(&booked.new_days()).copied().collect();
        outages = reported::figures(&ledger, &days, &settings.config())?.outages;
    }
    looks_of_run(&ledger, matches!(asked, Asked::Due), &untold, &mut booked, &outages, clock)?;
    let mut attention = tell(&mut ledger, &mut booked, &before, clock)?;
    let mut drawn = draw::changed(job, &ledger, &settings, &mut booked)?;
    if !drawn.damaged.is_empty() {
        let seq = ledger.head().0;
        for (day, why) in &drawn.damaged {
            booked.tell_damaged(*day, why);
        }
        attention = tell(&mut ledger, &mut booked, &before, clock)?;
        if ledger.head().0 != seq {
            drawn = draw::changed(job, &ledger, &settings, &mut booked)?;
        }
    }
    for _ in 0..2 {
        let failed = draw::publish(job, &ledger)?;
        let is_over = failed.is_some();
        let seq = ledger.head().0;
        let mut looks = Looks::default();
        looks.take(Look::Publish, failed);
        attention = note(&mut ledger, looks, &before, clock)?;
        if ledger.head().0 == seq {
            break;
        }
        // Pages show what stands open.
        drawn = draw::changed(job, &ledger, &settings, &mut booked)?;
        if is_over {
            break;
        }
    }
    let draw::Drawn { figures, rendered, .. } = drawn;
    Ok(RunSummary {
        accounted: booked.accounted,
        restated: booked.restated,
        sealed,
        attention,
        mistakes: reviewed.mistakes,
        figures,
        rendered,
        failure: booked.failure,
        days: booked.days,
        kept: booked.kept,
        is_simulated: ledger.is_simulated(),
    })
}

/// Returns what stood open when the last line was written, as keys with messages.
fn open_keys(ledger: &Ledger) -> BTreeMap<String, String> {
    let stood = ledger.last_wall().map(|wall| ledger.record().standing(Day::of(wall)));
    stood.into_iter().flatten().map(|standing| (standing.key, standing.attention.message)).collect()
}

/// Adds what only a whole run can see: suspected callers, missed days, and days still damaged.
fn looks_of_run(
    ledger: &Ledger,
    is_due: bool,
    untold: &BTreeSet<Day>,
    booked: &mut days::Booked,
    outages: &[Outage],
    clock: Clock,
) -> anyhow::Result<()> {
    let mut told = booked.new_days();
    told.extend(ledger.days().into_iter().filter(|day| untold.contains(day)));
    booked.looks.merge(suspicions::suspected_caller::looks(outages, &told));
    // A run over days that were named looks back only for what was told before.
    if is_due || ledger.record().attention.has_found(AttentionKind::MissedDays) {
        booked.looks.take(Look::Run, read::missed(ledger, clock));
    }
    for (day, why) in draw::still_damaged(ledger, ledger.record().attention.damaged_days())? {
        match why {
            Some(why) => booked.tell_damaged(day, &why),
            None => booked.looks.take(Look::Stored(day), None),
        }
    }
    Ok(())
}

/// Notes in the journal what a person should look at, and returns what stands open.
fn tell(
    ledger: &mut Writer,
    booked: &mut days::Booked,
    before: &BTreeMap<String, String>,
    clock: Clock,
) -> anyhow::Result<Vec<Standing>> {
    // A second telling has all that the first has found, or it would close it.
    let mut looks = booked.looks.clone();
    looks.take(Look::Run, attention::of_strays(ledger, Day::of(clock.wall)));
    let of_ended = attention::of_ended_rows(ledger.record(), &looks, Day::of(clock.wall));
    looks.take(Look::Run, of_ended);
    for told in attention::of_reopened(ledger) {
        looks.take(Look::Happened(told.day), Some(told));
    }
    note(ledger, looks, before, clock)
}

/// Notes what looks have found, and returns what stands open.
fn note(
    ledger: &mut Writer,
    looks: Looks,
    before: &BTreeMap<String, String>,
    clock: Clock,
) -> anyhow::Result<Vec<Standing>> {
    ledger.note_attention(looks, clock)?;
    let mut standing = ledger.record().standing(Day::of(clock.wall));
    for standing in &mut standing {
        let known = before.get(&standing.key);
        // What is wrong with an override file may be mended, and something else be wrong then.
        let is_told_again = standing.attention.kind.has_reasons();
        standing.is_new = known.is_none_or(|told| is_told_again && *told != standing.attention.message);
    }
    Ok(standing)
}

/// Notes the settings of figures and the governed ones in the journal, if they differ from before.
fn note_settings(job: &Job, ledger: &mut Writer, clock: Clock) -> Result<Settings, Trouble> {
    let settings = Settings::of(&job.config);
    let canonical = job.settings();
    let governed = ledger.governed(&canonical, &job.policy, &job.config.overrides.review)?;
    let is_new = ledger.record().settings.as_ref().is_none_or(|before| !before.is_like(&settings));
    if is_new || governed.is_some() {
        let is_governed = governed.is_some();
        let with =
            Kept { policy: is_governed.then_some(&job.policy), settings: is_governed.then_some(&canonical) };
        ledger.note_settings(settings.clone(), governed, &with, clock)?;
    }
    Ok(settings)
}
