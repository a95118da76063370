//! Rows into files: which file a row belongs to, and what every file then holds.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::cast::{Cast, Row};
use super::parquet::Columns;
use super::plan::REGIONS;
use super::rows::{EGRESS, Event, SOURCES};
use super::text;
use super::truth::FileTruth;
use super::{Compression, Format, Settings};
use crate::day::Day;
use crate::error::Trouble;

/// Text goes to the compressor in pieces of this size.
const BUFFER_BYTES: usize = 1 << 16;

/// The open files of one day, and what the closed ones held.
pub struct Files<'a> {
    out: &'a Path,
    settings: &'a Settings,
    cast: &'a Cast,
    row: Row<'a>,
    day: Option<Day>,
    /// By source, region and part; opened by their first row.
    open: BTreeMap<(u8, u8, u16), LogFile>,
    done: Vec<FileTruth>,
}

struct LogFile {
    path: PathBuf,
    truth: FileTruth,
    sink: Sink,
}

enum Sink {
    Text { buffer: Vec<u8>, out: Compressor },
    Parquet(Box<Columns>),
}

enum Compressor {
    None(BufWriter<File>),
    Gzip(Box<flate2::write::GzEncoder<BufWriter<File>>>),
    Zstd(zstd::stream::write::Encoder<'static, BufWriter<File>>),
}

impl<'a> Files<'a> {
    pub fn new(out: &'a Path, settings: &'a Settings, cast: &'a Cast) -> Result<Self, Trouble> {
        let logs = out.join("logs");
        fs::create_dir_all(&logs).map_err(|e| Trouble::io(&logs, "creating the folder", e))?;
        Ok(Self { out, settings, cast, row: cast.row(), day: None, open: BTreeMap::new(), done: Vec::new() })
    }

    /// Writes a row to the file of the day it is shipped on. Days must come in order.
    pub fn write(&mut self, day: Day, event: &Event) -> Result<(), Trouble> {
        if self.day != Some(day) {
            self.close_day()?;
            self.day = Some(day);
        }
        let is_egress = usize::from(event.source) == EGRESS;
        let key = if is_egress { (event.source, 0, 0) } else { (event.source, event.region, event.part) };
        let file = match self.open.entry(key) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(LogFile::create(self.out, self.settings, day, key)?)
            }
        };
        self.cast.fill(&mut self.row, event);
        file.write(self.settings.format, &self.row, event.flaw)
            .map_err(|e| Trouble::io(&file.path, "writing", e))?;
        file.truth.rows_read += 1;
        if event.flaw == 0 {
            *file.truth.rows_by_day.entry(self.settings.from.plus(i64::from(event.day))).or_default() += 1;
        } else {
            file.truth.malformed += 1;
        }
        Ok(())
    }

    fn close_day(&mut self) -> Result<(), Trouble> {
        for (_, file) in std::mem::take(&mut self.open) {
            file.sink.close().map_err(|e| Trouble::io(&file.path, "writing", e))?;
            self.done.push(file.truth);
        }
        Ok(())
    }

    /// Closes what is open and tells what every file holds, in the order of their paths.
    pub fn close(mut self) -> Result<Vec<FileTruth>, Trouble> {
        self.close_day()?;
        self.done.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(self.done)
    }
}

impl LogFile {
    fn create(out: &Path, settings: &Settings, day: Day, key: (u8, u8, u16)) -> Result<Self, Trouble> {
        let (source, region, part) = key;
        let source = SOURCES[usize::from(source)];
        let region = (source != SOURCES[EGRESS]).then(|| REGIONS[usize::from(region)]);
        let mut name = format!("{source}-{day}");
        if let Some(region) = region {
            name = format!("{name}-{region}");
            if settings.files > 1 {
                name = format!("{name}-{:02}", part + 1);
            }
        }
        let name = format!("logs/{name}.{}", settings.extension());
        let path = out.join(&name);
        let sink = Sink::create(&path, settings).map_err(|e| Trouble::io(&path, "creating", e))?;
        let truth = FileTruth {
            path: name,
            source,
            shipped_on: day,
            region,
            rows_read: 0,
            malformed: 0,
            rows_by_day: BTreeMap::new(),
        };
        Ok(Self { path, truth, sink })
    }

    fn write(&mut self, format: Format, row: &Row<'_>, flaw: u8) -> io::Result<()> {
        match &mut self.sink {
            Sink::Parquet(columns) => columns.push(row, flaw),
            Sink::Text { buffer, out } => {
                match format {
                    Format::Csv => text::csv(buffer, row, flaw),
                    _ => text::ndjson(buffer, row, flaw),
                }
                if buffer.len() >= BUFFER_BYTES {
                    out.write_all(buffer)?;
                    buffer.clear();
                }
                Ok(())
            }
        }
    }
}

impl Sink {
    fn create(path: &Path, settings: &Settings) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        let out = match (settings.format, settings.compression) {
            (Format::Parquet, compression) => {
                return Ok(Self::Parquet(Box::new(Columns::new(file, compression)?)));
            }
            (_, None | Some(Compression::None)) => Compressor::None(file),
            (_, Some(Compression::Gz)) => {
                Compressor::Gzip(Box::new(flate2::write::GzEncoder::new(file, flate2::Compression::new(4))))
            }
            (_, Some(Compression::Zst)) => Compressor::Zstd(zstd::stream::write::Encoder::new(file, 5)?),
        };
        let mut buffer = Vec::with_capacity(BUFFER_BYTES + 1_024);
        if settings.format == Format::Csv {
            text::csv_header(&mut buffer);
        }
        Ok(Self::Text { buffer, out })
    }

    fn close(self) -> io::Result<()> {
        match self {
            Self::Parquet(columns) => columns.close(),
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
