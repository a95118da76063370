//! Realistic request logs of any size, with the right answer beside them: `uptime-ledger sample`.
//!
//! The same settings give the same bytes. Rows stream: a minute of traffic is made, judged, and put on a shelf by the
//! minute in which its rows are shipped; rows that are due go into files. Memory does not grow with the sample.
//!
//! ```text
//! plan ─▶ rows ─▶ judge ─▶ truth.json
//!           └──▶ write (text, parquet) ─▶ logs/
//! ```

mod cast;
mod config;
mod curve;
mod dice;
mod judge;
mod outcomes;
mod parquet;
mod plan;
mod rows;
mod runs;
mod text;
pub mod truth;
mod write;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use self::cast::Cast;
use self::judge::Judge;
use self::plan::{DAY, stories};
use self::rows::{Event, MINUTE_US, Traffic};
use self::truth::{SettingsTruth, StoryTruth, Totals, Truth};
use self::write::Files;
use crate::day::{Day, rfc3339};
use crate::error::Trouble;

/// What the sample is to look like.
#[derive(Debug, Clone)]
pub struct Settings {
    pub from: Day,
    pub days: u32,
    /// Ordinary calls per day; stories, copies and calls that never arrived come on top.
    pub rows: u64,
    pub seed: u64,
    pub format: Format,
    /// `None`: as is usual for the format (text plain, Parquet with zstd).
    pub compression: Option<Compression>,
    /// Files per day and region.
    pub files: u32,
    /// Whether to plant the stories.
    pub stories: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Csv,
    Ndjson,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Compression {
    None,
    Gz,
    Zst,
}

impl Format {
    const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

impl Compression {
    const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gz => "gz",
            Self::Zst => "zst",
        }
    }
}

impl Settings {
    fn extension(&self) -> String {
        let name = self.format.name();
        match (self.format, self.compression) {
            (Format::Csv | Format::Ndjson, Some(packed @ (Compression::Gz | Compression::Zst))) => {
                format!("{name}.{}", packed.name())
            }
            _ => name.to_owned(),
        }
    }
}

/// Writes logs, `uptime-ledger.toml` and `truth.json` into `out`, and returns the truth.
pub fn write(out: &Path, settings: &Settings) -> Result<Truth, Trouble> {
    if out.join("logs").exists() {
        return Err(Trouble::Usage(format!(
            "{} already holds a `logs` folder; a sample beside other logs would tell no truth: give --out a new folder",
            out.display()
        )));
    }
    let stories = if settings.stories { stories(settings.days) } else { Vec::new() };
    let cast = Cast::new(settings.from, settings.days);
    let mut traffic = Traffic::new(settings.from, settings.rows, settings.files, settings.seed, &stories);
    let mut judge = Judge::new(settings.from, settings.days);
    let mut files = Files::new(out, settings, &cast)?;
    let mut shelf = Shelf { first_us: settings.from.start_us(), ..Shelf::default() };
    let mut events = Vec::new();

    for minute in 0..settings.days * DAY {
        events.clear();
        traffic.minute(minute, &mut events);
        for event in &events {
            judge.book(event);
            shelf.put(*event);
        }
        judge.close_minute();
        ship(&mut shelf, settings.from, &mut files)?;
    }
    while !shelf.minutes.is_empty() {
        ship(&mut shelf, settings.from, &mut files)?;
    }

    let truth = truth(settings, &stories, &judge, files.close()?);
    config::write(out, settings)?;
    let path = out.join("truth.json");
    let written = serde_json::to_string_pretty(&truth).map_err(std::io::Error::from);
    written
        .and_then(|text| fs::write(&path, text + "\n"))
        .map_err(|e| Trouble::io(&path, "writing the truth", e))?;
    Ok(truth)
}

/// Rows that wait for the minute in which they are shipped.
#[derive(Default)]
struct Shelf {
    first_us: i64,
    /// The first minute that has not been shipped yet.
    now: usize,
    minutes: VecDeque<Vec<Event>>,
    empty: Vec<Vec<Event>>,
}

impl Shelf {
    fn put(&mut self, event: Event) {
        let minute = ((event.shipped_us - self.first_us) / MINUTE_US) as usize - self.now;
        while self.minutes.len() <= minute {
            self.minutes.push_back(self.empty.pop().unwrap_or_default());
        }
        self.minutes[minute].push(event);
    }
}

/// Writes the rows that are due, in the order in which they are shipped.
fn ship(shelf: &mut Shelf, from: Day, files: &mut Files<'_>) -> Result<(), Trouble> {
    let day = from.plus((shelf.now / DAY as usize) as i64);
    shelf.now += 1;
    if let Some(mut due) = shelf.minutes.pop_front() {
        due.sort_unstable_by_key(|event| (event.shipped_us, event.number, event.is_copy, event.part));
        for event in &due {
            files.write(day, event)?;
        }
        due.clear();
        shelf.empty.push(due);
    }
    Ok(())
}

fn truth(settings: &Settings, stories: &[plan::Story], judge: &Judge, files: Vec<truth::FileTruth>) -> Truth {
    let days = judge.days();
    let instant = |minute: u32| rfc3339(settings.from.start_us() + i64::from(minute) * MINUTE_US);
    Truth {
        settings: SettingsTruth {
            from: settings.from,
            days: settings.days,
            rows: settings.rows,
            seed: settings.seed,
            format: settings.format.name(),
            compression: settings.compression.map(Compression::name),
            files: settings.files,
            stories: settings.stories,
            slot_minutes: 1,
            unable_ratio: plan::UNABLE_PERCENT as f64 / 100.0,
            min_events: plan::MIN_EVENTS,
            min_run_minutes: plan::MIN_RUN_MINUTES,
            max_gap_minutes: plan::MAX_GAP_MINUTES,
        },
        totals: Totals {
            rows_read: files.iter().map(|file| file.rows_read).sum(),
            malformed: files.iter().map(|file| file.malformed).sum(),
            duplicates: days.iter().map(|day| day.duplicates).sum(),
            events: days.iter().map(|day| day.events).sum(),
        },
        stories: stories
            .iter()
            .map(|story| StoryTruth {
                name: story.name,
                scope: story.scope(),
                start: instant(story.start()),
                end: instant(story.end()),
                reason: story.reason,
            })
            .collect(),
        files,
        days,
        components: judge.components(),
        outages: judge.outages(),
    }
}
