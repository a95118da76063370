//! Sample: request and webhook logs of any size, generated together with their right answer.
//!
//! The same settings give the same bytes. Rows stream: for each minute its calls are generated,
//! with everything that happens to them later, and booked immediately. Each row waits in a queue
//! until the minute in which it is shipped, and is then written to its file. Memory grows with the
//! minutes of the sample, not with its rows.
//!
//! ```text
//! traffic ─▶ calls ─▶ webhooks (statuses, attempts) ─▶ books ─▶ judge ─▶ truth.json
//!               └────────┴──▶ queue ─▶ files (text, parquet) ─▶ logs/
//! ```

mod files;
mod rng;
mod traffic;
pub mod truth;
mod webhooks;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod webhook_tests;

use std::fs;
use std::path::Path;

use files::Files;
use files::webhook_rows::Attempt;
use traffic::callers::CallerCast;
use traffic::stories::DAY;
use traffic::webhook_stories::stories;
use traffic::{Event, Traffic};
use truth::counts::Books;
use truth::judge::Judge;
use truth::{SettingsTruth, StoryTruth, Totals, Truth};
use webhooks::shipping_queue::Shelf;
use webhooks::{LostLogs, WebhookTraffic};

use crate::day::{Day, MINUTE_US, rfc3339};
use crate::error::Trouble;

/// The settings of a sample.
#[derive(Debug, Clone)]
pub struct SampleSettings {
    pub from: Day,
    pub days: u32,
    /// Ordinary calls per day; stories, copies and calls that never arrived are added to them.
    pub rows: u64,
    pub seed: u64,
    pub format: SampleFormat,
    /// Compression of files; `None` is the usual one (text plain, Parquet with zstd).
    pub compression: Option<Compression>,
    /// Files per day and region.
    pub files: u32,
    /// True if the planted stories are included.
    pub stories: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SampleFormat {
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

impl SampleFormat {
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

impl SampleSettings {
    fn extension(&self) -> String {
        let name = self.format.name();
        match (self.format, self.compression) {
            (
                SampleFormat::Csv | SampleFormat::Ndjson,
                Some(packed @ (Compression::Gz | Compression::Zst)),
            ) => {
                format!("{name}.{}", packed.name())
            }
            _ => name.to_owned(),
        }
    }
}

/// Writes logs, `uptime-ledger.toml` and `truth.json` into `out`, and returns the truth.
///
/// # Errors
/// [`Trouble::Usage`] if `out` already has logs; [`Trouble::Io`] if a file cannot be written.
pub fn write(out: &Path, settings: &SampleSettings) -> Result<Truth, Trouble> {
    if out.join("logs").exists() {
        return Err(Trouble::Usage(format!(
            "{} already holds a `logs` folder; a sample beside other logs would tell no truth: give --out a new folder",
            out.display()
        )));
    }
    let stories = if settings.stories { stories(settings.days) } else { Vec::new() };
    let cast = CallerCast::new(settings.from, settings.days);
    let SampleSettings { from, days, rows, files: parts, seed, .. } = *settings;
    let mut traffic = Traffic::new(from, rows, parts, seed, &stories);
    let mut webhooks = WebhookTraffic::new(from, days, rows, parts, seed, &stories);
    let mut books = Books::new(from, days);
    let mut generator = Generator {
        from,
        minute: 0,
        files: Files::new(out, settings, &cast, LostLogs::of(&stories, from))?,
        calls: Shelf::new(from.start_us()),
        attempts: Shelf::new(from.start_us()),
    };
    let (mut calls, mut admitted) = (Vec::new(), Vec::new());

    for minute in 0..days * DAY {
        calls.clear();
        admitted.clear();
        traffic.minute(minute, &mut calls, &mut admitted);
        for call in &calls {
            books.row(call);
            generator.calls.put(*call);
        }
        for attempt in webhooks.minute(minute, &admitted, &mut books) {
            generator.attempts.put(*attempt);
        }
        generator.ship()?;
    }
    while !(generator.calls.is_empty() && generator.attempts.is_empty()) {
        generator.ship()?;
    }

    let (files, lost) = generator.files.close()?;
    let truth = truth(settings, &stories, &Judge::new(from, books), files, lost);
    files::config::write(out, settings)?;
    let path = out.join("truth.json");
    let written = serde_json::to_string_pretty(&truth).map_err(std::io::Error::from);
    written
        .and_then(|text| fs::write(&path, text + "\n"))
        .map_err(|e| Trouble::io(&path, "writing the truth", e))?;
    Ok(truth)
}

/// The rows that wait, and the files they go to.
struct Generator<'a> {
    from: Day,
    /// The first minute that has not been shipped yet.
    minute: u32,
    files: Files<'a>,
    calls: Shelf<Event>,
    attempts: Shelf<Attempt>,
}

impl Generator<'_> {
    /// Writes the rows of the next minute.
    fn ship(&mut self) -> Result<(), Trouble> {
        self.files.turn(self.from.plus(i64::from(self.minute / DAY)))?;
        self.minute += 1;
        for call in self.calls.take() {
            self.files.write(&call)?;
        }
        for attempt in self.attempts.take() {
            self.files.write_attempt(&attempt)?;
        }
        Ok(())
    }
}

fn truth(
    settings: &SampleSettings,
    stories: &[traffic::stories::Story],
    judge: &Judge,
    files: Vec<truth::FileTruth>,
    lost: Vec<String>,
) -> Truth {
    let days = judge.days();
    let sum = |count: fn(&truth::DayTruth) -> u64| days.iter().map(count).sum();
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
            unable_ratio: traffic::stories::UNABLE_PERCENT as f64 / 100.0,
            min_events: traffic::stories::MIN_EVENTS,
            min_run_minutes: traffic::stories::MIN_RUN_MINUTES,
            max_gap_minutes: traffic::stories::MAX_GAP_MINUTES,
        },
        totals: Totals {
            rows_read: files.iter().map(|file| file.rows_read).sum(),
            malformed: files.iter().map(|file| file.malformed).sum(),
            duplicates: sum(|day| day.duplicates),
            request_rows: sum(|day| day.calls),
            webhook_rows: sum(|day| day.attempts),
            later_rows: judge.later_rows(),
            events: sum(|day| day.events),
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
        lost,
        days,
        components: judge.components(),
        outages: judge.outages(),
    }
}
