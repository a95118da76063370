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
mod seal;
mod suspicions;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::attention::Standing;
use crate::clock::{Clock, ClockSource};
use crate::config::{Canonical, Config};
use crate::day::Day;
use crate::document::{Document, Mistake};
use crate::error::Trouble;
use crate::facts::Salt;
use crate::intake::Meter;
use crate::ledger::{Entry, Ledger, Looked, Settings, Writer};
use crate::measure::{Figures, Outage};
use crate::policy::Policy;
use crate::queries::reported;
use crate::report::Rendered;

pub use acknowledge::{Word, acknowledge};
pub use book::Accounted;
pub use draw::redraw;

/// Everything that a run works with in addition to the logs and the clock.
pub struct Job {
    pub config: Config,
    pub policy: Policy,
    /// The override file, when the config names one.
    pub override_file: Option<Result<Document, Trouble>>,
    /// Threads that read logs.
    pub workers: usize,
    /// Whether an edition may be replaced by one for which some rows of its logs are gone.
    pub may_lose_logs: bool,
    /// Where the clock of a ledger comes from that begins with this run.
    pub clock_source: ClockSource,
}

impl Job {
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
    /// Why a day that was asked for, and those after it, were not accounted.
    pub failure: Option<anyhow::Error>,
    /// How many days were asked for.
    pub days: usize,
    /// Days that keep their edition although rows are gone from their logs.
    pub kept: Vec<Day>,
    /// Whether the clock of the ledger is given, not read.
    pub is_simulated: bool,
}

/// Called before the logs of a day are read.
///
/// The returned guard is dropped when reading ends (the progress bar).
pub type Watch<'a> = &'a dyn Fn(Day, &Arc<Meter>) -> Box<dyn Any>;

/// The daily job.
///
/// # Errors
/// Nothing that was asked for could be published, or its reports could not be drawn.
pub fn run(job: &Job, asked: &Asked, clock: Clock, watch: Watch<'_>) -> anyhow::Result<RunSummary> {
    let mut ledger = Writer::open(&job.config.reports, clock, job.clock_source)?;
    let before = open_keys(&ledger);
    seal::freeze(&mut ledger, clock)?;
    let logs = read::logs(job, &mut ledger, asked, clock, watch)?; // the only heavy line
    let settings = note_settings(job, &mut ledger, clock)?;
    let mut reviewed = overrides::file(job, &mut ledger, clock)?;
    let mut booked = days::book(job, &mut ledger, logs, &mut reviewed, clock)?;
    // A seal keeps what is noted, so this comes before it; a day may end in one more edition there.
    let mut outages = reported::note(&mut ledger, &settings, clock)?;
    let sealed = seal::due(job, &mut ledger, clock, &mut booked)?;
    seal::prune(job, &mut ledger, clock)?;
    outages.extend(reported::note(&mut ledger, &settings, clock)?);
    let attention = tell(&mut ledger, &mut booked, &outages, &before, clock)?;
    let (figures, rendered) = draw::changed(job, &ledger, &settings, &mut booked)?;
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

/// Notes in the journal what a person should look at, and returns what stands open.
fn tell(
    ledger: &mut Writer,
    booked: &mut days::Booked,
    outages: &[Outage],
    before: &BTreeMap<String, String>,
    clock: Clock,
) -> anyhow::Result<Vec<Standing>> {
    let published = booked.accounted.iter().chain(&booked.restated).map(|done| &done.published);
    let told: BTreeSet<Day> = published.filter(|p| p.is_new).map(|p| p.edition.day).collect();
    let mut looks = std::mem::take(&mut booked.looks);
    looks.merge(suspicions::suspected_caller::looks(outages, &told));
    let news = ledger.record().attention.news(looks);
    if !news.is_empty() {
        let looked = news.into_iter().map(|(at, found)| Looked { at, found }).collect();
        ledger.append(clock, Entry::Attention { looked })?;
    }
    let mut standing = ledger.record().standing(Day::of(clock.wall));
    for standing in &mut standing {
        let known = before.get(&standing.key);
        // What is wrong with an override file may be mended, and something else be wrong then.
        let is_told_again = standing.attention.kind.has_reasons();
        standing.is_new = known.is_none_or(|told| is_told_again && *told != standing.attention.message);
    }
    Ok(standing)
}

/// Notes the settings of figures in the journal, if they differ from those before.
fn note_settings(job: &Job, ledger: &mut Writer, clock: Clock) -> Result<Settings, Trouble> {
    let settings = Settings::of(&job.config);
    if ledger.record().settings.as_ref().is_none_or(|before| !before.is_like(&settings)) {
        ledger.append(clock, Entry::Settings { settings: settings.clone() })?;
    }
    Ok(settings)
}
