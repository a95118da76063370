//! Files: the file of each row, and the content of every file.

pub mod config;
pub mod parquet;
pub mod text;
pub mod webhook_parquet;
pub mod webhook_rows;

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use parquet::SampleColumns;
use webhook_parquet::WebhookColumns;
use webhook_rows::{Attempt, WebhookRow};

use super::traffic::callers::{CallerCast, CallerRow};
use super::traffic::stories::REGIONS;
use super::traffic::{EGRESS, Event, SOURCES, WEBHOOKS};
use super::truth::FileTruth;
use super::webhooks::LostLogs;
use super::{Compression, SampleFormat, SampleSettings};
use crate::day::{DAY_US, Day};
use crate::error::Trouble;

/// Size of the pieces in which text goes to the compressor, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// The open files of one day, and the truth of the closed ones.
pub struct Files<'a> {
    out: &'a Path,
    settings: &'a SampleSettings,
    cast: &'a CallerCast,
    row: CallerRow<'a>,
    webhook_row: WebhookRow<'a>,
    lost: LostLogs,
    day: Option<Day>,
    /// By source, region and part; opened by their first row.
    open: BTreeMap<Key, LogFile>,
    done: Vec<FileTruth>,
    /// Paths of files that would have had rows if they had not been lost.
    lost_paths: BTreeSet<String>,
}

struct LogFile {
    path: PathBuf,
    truth: FileTruth,
    sink: Sink,
}

enum Sink {
    Text { buffer: Vec<u8>, out: Compressor },
    Parquet(Box<SampleColumns>),
    WebhookParquet(Box<WebhookColumns>),
}

enum Compressor {
    None(BufWriter<File>),
    Gzip(Box<flate2::write::GzEncoder<BufWriter<File>>>),
    Zstd(zstd::stream::write::Encoder<'static, BufWriter<File>>),
}

impl<'a> Files<'a> {
    pub fn new(
        out: &'a Path,
        settings: &'a SampleSettings,
        cast: &'a CallerCast,
        lost: LostLogs,
    ) -> Result<Self, Trouble> {
        let logs = out.join("logs");
        fs::create_dir_all(&logs).map_err(|e| Trouble::io(&logs, "creating the folder", e))?;
        Ok(Self {
            out,
            settings,
            cast,
            row: cast.row(),
            webhook_row: WebhookRow::default(),
            lost,
            day: None,
            open: BTreeMap::new(),
            done: Vec::new(),
            lost_paths: BTreeSet::new(),
        })
    }

    /// Sets the day on which the following rows are shipped; days must come in order.
    pub fn turn(&mut self, day: Day) -> Result<(), Trouble> {
        if self.day != Some(day) {
            self.close_day()?;
            self.day = Some(day);
        }
        Ok(())
    }

    /// Writes the row of a call to its file of the day.
    pub fn write(&mut self, event: &Event) -> Result<(), Trouble> {
        let is_egress = usize::from(event.source) == EGRESS;
        let key = if is_egress { (event.source, 0, 0) } else { (event.source, event.region, event.part) };
        let file = open(&mut self.open, self.out, self.settings, self.day, key)?;
        self.cast.fill(&mut self.row, event);
        file.sink
            .call(self.settings.format, &self.row, event.flaw)
            .map_err(|e| Trouble::io(&file.path, "writing", e))?;
        file.count(event.flaw, self.settings.from.plus(i64::from(event.day)));
        Ok(())
    }

    /// Writes the row of an attempt to its file of the day, unless that file is lost.
    pub fn write_attempt(&mut self, attempt: &Attempt) -> Result<(), Trouble> {
        let key = (WEBHOOKS as u8, attempt.region, attempt.part);
        if self.lost.holds(attempt.region, attempt.shipped_us) {
            let day = self.day.unwrap_or(self.settings.from);
            self.lost_paths.insert(file_name(self.settings, day, key));
            return Ok(());
        }
        let file = open(&mut self.open, self.out, self.settings, self.day, key)?;
        self.webhook_row.fill(self.cast, attempt);
        file.sink
            .attempt(self.settings.format, &self.webhook_row, attempt.flaw)
            .map_err(|e| Trouble::io(&file.path, "writing", e))?;
        let days = (attempt.ts_us - self.settings.from.start_us()) / DAY_US;
        file.count(attempt.flaw, self.settings.from.plus(days));
        Ok(())
    }

    fn close_day(&mut self) -> Result<(), Trouble> {
        for (_, file) in std::mem::take(&mut self.open) {
            file.sink.close().map_err(|e| Trouble::io(&file.path, "writing", e))?;
            self.done.push(file.truth);
        }
        Ok(())
    }

    /// Closes all files; returns the truth of every file, by path, and the paths of lost files.
    pub fn close(mut self) -> Result<(Vec<FileTruth>, Vec<String>), Trouble> {
        self.close_day()?;
        self.done.sort_by(|a, b| a.path.cmp(&b.path));
        Ok((self.done, self.lost_paths.into_iter().collect()))
    }
}

/// Source, region and part of a file.
type Key = (u8, u8, u16);

fn open<'f>(
    files: &'f mut BTreeMap<Key, LogFile>,
    out: &Path,
    settings: &SampleSettings,
    day: Option<Day>,
    key: Key,
) -> Result<&'f mut LogFile, Trouble> {
    match files.entry(key) {
        btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
        btree_map::Entry::Vacant(entry) => {
            Ok(entry.insert(LogFile::create(out, settings, day.unwrap_or(settings.from), key)?))
        }
    }
}

/// Returns the path from the folder of the config.
///
/// In webhook logs the part has a folder, so that the config can tell the region from it.
fn file_name(settings: &SampleSettings, day: Day, (source, region, part): Key) -> String {
    let mut name = format!("logs/{}-{day}", SOURCES[usize::from(source)]);
    if usize::from(source) != EGRESS {
        name = format!("{name}-{}", REGIONS[usize::from(region)]);
        if settings.files > 1 {
            let separator = if usize::from(source) == WEBHOOKS { '/' } else { '-' };
            name = format!("{name}{separator}{:02}", part + 1);
        }
    }
    format!("{name}.{}", settings.extension())
}

impl LogFile {
    fn create(out: &Path, settings: &SampleSettings, day: Day, key: Key) -> Result<Self, Trouble> {
        let name = file_name(settings, day, key);
        let path = out.join(&name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| Trouble::io(folder, "creating the folder", e))?;
        }
        let sink = Sink::create(&path, settings, usize::from(key.0) == WEBHOOKS)
            .map_err(|e| Trouble::io(&path, "creating", e))?;
        let truth = FileTruth {
            path: name,
            source: SOURCES[usize::from(key.0)],
            shipped_on: day,
            region: (usize::from(key.0) != EGRESS).then(|| REGIONS[usize::from(key.1)]),
            rows_read: 0,
            malformed: 0,
            rows_by_day: BTreeMap::new(),
        };
        Ok(Self { path, truth, sink })
    }

    /// Counts a row of an event or attempt of that day.
    fn count(&mut self, flaw: u8, day: Day) {
        self.truth.rows_read += 1;
        if flaw == 0 {
            *self.truth.rows_by_day.entry(day).or_default() += 1;
        } else {
            self.truth.malformed += 1;
        }
    }
}

impl Sink {
    fn call(&mut self, format: SampleFormat, row: &CallerRow<'_>, flaw: u8) -> io::Result<()> {
        match self {
            Self::Parquet(columns) => return columns.push(row, flaw),
            Self::Text { buffer, .. } if format == SampleFormat::Csv => text::csv(buffer, row, flaw),
            Self::Text { buffer, .. } => text::ndjson(buffer, row, flaw),
            Self::WebhookParquet(_) => {}
        }
        self.drain()
    }

    fn attempt(&mut self, format: SampleFormat, row: &WebhookRow<'_>, flaw: u8) -> io::Result<()> {
        match self {
            Self::WebhookParquet(columns) => return columns.push(row, flaw),
            Self::Text { buffer, .. } if format == SampleFormat::Csv => webhook_rows::csv(buffer, row, flaw),
            Self::Text { buffer, .. } => webhook_rows::ndjson(buffer, row, flaw),
            Self::Parquet(_) => {}
        }
        self.drain()
    }

    fn drain(&mut self) -> io::Result<()> {
        if let Self::Text { buffer, out } = self
            && buffer.len() >= BUFFER_BYTES
        {
            out.write_all(buffer)?;
            buffer.clear();
        }
        Ok(())
    }

    fn create(path: &Path, settings: &SampleSettings, of_webhooks: bool) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        let out = match (settings.format, settings.compression) {
            (SampleFormat::Parquet, compression) if of_webhooks => {
                return Ok(Self::WebhookParquet(Box::new(WebhookColumns::new(file, compression)?)));
            }
            (SampleFormat::Parquet, compression) => {
                return Ok(Self::Parquet(Box::new(SampleColumns::new(file, compression)?)));
            }
            (_, None | Some(Compression::None)) => Compressor::None(file),
            (_, Some(Compression::Gz)) => {
                Compressor::Gzip(Box::new(flate2::write::GzEncoder::new(file, flate2::Compression::new(4))))
            }
            (_, Some(Compression::Zst)) => Compressor::Zstd(zstd::stream::write::Encoder::new(file, 5)?),
        };
        let mut buffer = Vec::with_capacity(BUFFER_BYTES + 1_024);
        if settings.format == SampleFormat::Csv {
            if of_webhooks {
                webhook_rows::csv_header(&mut buffer);
            } else {
                text::csv_header(&mut buffer);
            }
        }
        Ok(Self::Text { buffer, out })
    }

    fn close(self) -> io::Result<()> {
        match self {
            Self::Parquet(columns) => columns.close(),
            Self::WebhookParquet(columns) => columns.close(),
            Self::Text { buffer, mut out } => {
                out.write_all(&buffer)?;
                let mut file = match out {
                    Compressor::None(file) => file,
                    Compressor::Gzip(gzip) => gzip.finish()?,
                    Compressor::Zstd(zstd) => zstd.finish()?,
                };
                file.flush()
            }
        }
    }
}

impl Compressor {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::None(file) => file.write_all(bytes),
            Self::Gzip(gzip) => gzip.write_all(bytes),
            Self::Zstd(zstd) => zstd.write_all(bytes),
        }
    }
}
