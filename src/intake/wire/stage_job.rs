//! Stage job: everything that a worker needs for the tasks of one stage, as one JSON file.
//!
//! It holds the salt, so it is readable by its owner alone, and nothing of it goes into a command
//! line or a message.

use std::collections::BTreeSet;
use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::exchange::ExchangePlace;
use super::object::{FORMAT, JobHash};
use super::receipt::{ObjectRef, VERSION};
use crate::config::{Config, Excerpts, Field, Service, Source};
use crate::day::{Day, SlotLength};
use crate::error::Trouble;
use crate::facts::{FileRole, Salt};
use crate::intake::files::bytes::log_bytes::LogPlace;
use crate::intake::files::find::{FoundBy, LogFile};
use crate::intake::pass::plan::{Cut, ReadPlan};
use crate::intake::pass::settings::PassSettings;
use crate::intake::records::partition_bits::PartitionBits;
use crate::intake::rows::endpoints::{Declared, Endpoints};
use crate::intake::rows::source_reader::Join;
use crate::plain_file;
use crate::store::{ObjectEntry, StoreAddress, StoreLimits, Stores};

/// The secret of a job, which no message shows.
#[derive(Clone, Serialize, Deserialize)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// How the logs of a day are read: the same for all tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reading {
    version: String,
    pub day: Day,
    pub slot_length: SlotLength,
    pub excerpts: Excerpts,
    pub is_joined: bool,
    pub partition_bits: PartitionBits,
    pub first_status_us: i64,
    pub first_attempt_us: i64,
    salt: Secret,
    success: (u16, u16),
    has_several_views: bool,
    latest_us: i64,
    declared: Declared,
    pub sources: Vec<Source>,
    services: Vec<Service>,
    ignore: Vec<String>,
    files: Vec<PlannedFile>,
    pub limits: StoreLimits,
}

/// A log file as the run has listed it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct PlannedFile {
    place: PlannedPlace,
    path: PathBuf,
    shown: String,
    source: usize,
    found_by: FoundBy,
    role: FileRole,
    bytes: u64,
    /// When a file of a disk was last changed, in microseconds since 1970: a run is resumed with
    /// the same logs alone, and some are changed without another size.
    changed_us: Option<i64>,
    constants: Vec<(Field, String)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PlannedPlace {
    /// Absolute path.
    Disk(PathBuf),
    Object {
        address: String,
        entry: ObjectEntry,
    },
}

impl Reading {
    /// Describes how a day is read, so that another process can read it alike.
    ///
    /// # Errors
    /// [`Trouble::Usage`] for standard input, which no other process can read.
    pub fn of(
        config: &Config,
        join: &Join,
        files: &[LogFile],
        plan: &ReadPlan,
        settings: &PassSettings<'_>,
    ) -> Result<Self, Trouble> {
        let opened = files.iter().zip(&plan.opened);
        let files = opened.map(|(file, open)| planned(file, open.as_ref().map(|open| open.size)));
        Ok(Self {
            version: VERSION.to_owned(),
            day: settings.day,
            slot_length: settings.slot_length,
            excerpts: settings.excerpts,
            is_joined: settings.is_joined,
            partition_bits: settings.partition_bits,
            first_status_us: settings.first_status_us,
            first_attempt_us: settings.first_attempt_us,
            salt: Secret(join.salt.secret().to_owned()),
            success: join.success,
            has_several_views: join.has_several_views,
            latest_us: join.latest_us,
            declared: (*join.declared).clone(),
            sources: config.sources.clone(),
            services: config.services.clone(),
            ignore: config.ignore.clone(),
            files: files.collect::<Result<_, _>>()?,
            limits: config.stores.limits(),
        })
    }

    /// Returns the hash by which all objects of the run are known.
    ///
    /// # Errors
    /// [`Trouble::Usage`]: a path is no UTF-8, so no other process can be told of it.
    pub fn hash(&self) -> Result<JobHash, Trouble> {
        let text = serde_json::to_vec(self).map_err(|e| {
            Trouble::Usage(format!("a path of the logs cannot be told to other processes ({e}); rename it, or use --engine threads"))
        })?;
        let mut hash = [0; 16];
        blake3::Hasher::new().update(&text).finalize_xof().fill(&mut hash);
        Ok(JobHash(hash))
    }

    /// Takes over the latest instant that a log can mean from the run that is resumed.
    ///
    /// It follows from the clock of a run, so that of a later run is another one.
    pub const fn resume(&mut self, before: &Self) {
        self.latest_us = before.latest_us;
    }

    /// Returns the settings of the join that every source reader needs.
    pub fn join(&self) -> Join {
        Join {
            salt: Arc::new(Salt::new(&self.salt.0)),
            success: self.success,
            is_joined: self.is_joined,
            has_several_views: self.has_several_views,
            latest_us: self.latest_us,
            declared: Arc::new(self.declared.clone()),
        }
    }

    pub fn endpoints(&self) -> Endpoints {
        Endpoints::of(&self.services, &self.ignore)
    }

    /// Returns the files of the day, as the run has listed them.
    ///
    /// # Errors
    /// [`Trouble::Store`]: a store cannot be reached.
    pub fn files(&self) -> Result<Vec<LogFile>, Trouble> {
        let stores = Stores::new(self.limits);
        let file = |file: &PlannedFile| -> Result<LogFile, Trouble> {
            let PlannedFile { path, shown, source, found_by, role, bytes, constants, .. } = file.clone();
            let place = match &file.place {
                PlannedPlace::Disk(path) => LogPlace::Disk(path.clone()),
                PlannedPlace::Object { address, entry } => match StoreAddress::parse(address) {
                    Some(Ok(address)) => LogPlace::Object(stores.object(&address.root, entry.clone())?),
                    _ => return Err(Trouble::Usage(format!("{address} is no address of a store"))),
                },
            };
            Ok(LogFile { path, place, shown, source, found_by, role, bytes, constants })
        };
        self.files.iter().map(file).collect()
    }
}

/// Returns the SHA-256 of the program that runs.
///
/// # Errors
/// Its file cannot be read.
pub fn hash_of_this_program() -> Result<String, Trouble> {
    let program = std::env::current_exe();
    let program = program.map_err(|e| Trouble::io("this program", "finding its path", e))?;
    plain_file::sha256_of(&program)
}

/// Describes a file; `opened` is the size that it had when it was planned.
fn planned(file: &LogFile, opened: Option<u64>) -> Result<PlannedFile, Trouble> {
    let LogFile { path, place, shown, source, found_by, role, bytes, constants } = file.clone();
    let place = match &place {
        LogPlace::Disk(path) => PlannedPlace::Disk(
            std::path::absolute(path).map_err(|e| Trouble::io(path, "finding the absolute path", e))?,
        ),
        LogPlace::Object(object) => {
            PlannedPlace::Object { address: object.address().to_string(), entry: object.entry().clone() }
        }
        LogPlace::Input(_) => {
            return Err(Trouble::Usage(
                "standard input can be read by this process alone; write it to a file, or run with \
                 --engine threads"
                    .to_owned(),
            ));
        }
    };
    let bytes = opened.unwrap_or(bytes);
    let changed = |path: &Path| {
        let found = path.metadata().map_err(|e| Trouble::io(path, "looking at a log", e))?;
        Ok::<_, Trouble>(found.ctime() * 1_000_000 + found.ctime_nsec() / 1_000)
    };
    let changed_us = match &place {
        PlannedPlace::Disk(path) if opened.is_some() => Some(changed(path)?),
        _ => None,
    };
    Ok(PlannedFile { place, path, shown, source, found_by, role, bytes, changed_us, constants })
}

/// Neighbouring items of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRange {
    pub file: u32,
    pub cut: Cut,
    /// Positions, half-open.
    pub from: u32,
    pub to: u32,
}

/// A task of the map stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapTask {
    pub number: u32,
    pub items: Vec<ItemRange>,
}

impl MapTask {
    /// Returns the files that the task reads.
    pub fn files(&self) -> BTreeSet<u32> {
        self.items.iter().map(|range| range.file).collect()
    }
}

/// Partitions of a task of the stages behind map, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionTask {
    pub number: u32,
    pub from: u32,
    pub to: u32,
}

/// The tasks of a stage, with the objects that they read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageTasks {
    Map { tasks: Vec<MapTask> },
    Dedupe { tasks: Vec<PartitionTask>, merged: ObjectRef, maps: Vec<ObjectRef> },
    Join { tasks: Vec<PartitionTask>, merged: ObjectRef, maps: Vec<ObjectRef>, deduped: Vec<ObjectRef> },
}

impl StageTasks {
    /// Iterates over the objects of earlier stages that the tasks read.
    pub fn inputs(&self) -> impl Iterator<Item = &ObjectRef> {
        let none: &[ObjectRef] = &[];
        let (maps, deduped, merged) = match self {
            Self::Map { .. } => (none, none, None),
            Self::Dedupe { maps, merged, .. } => (&**maps, none, Some(merged)),
            Self::Join { maps, deduped, merged, .. } => (&**maps, &**deduped, Some(merged)),
        };
        maps.iter().chain(deduped).chain(merged)
    }

    /// Returns the number of tasks.
    pub const fn tasks(&self) -> usize {
        match self {
            Self::Map { tasks } => tasks.len(),
            Self::Dedupe { tasks, .. } | Self::Join { tasks, .. } => tasks.len(),
        }
    }
}

/// What a worker is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StageJob {
    format: u16,
    /// SHA-256 of the program that all workers must be, if others than the run start them.
    ///
    /// It is no part of the hash: a run may be resumed with another engine.
    program: Option<String>,
    /// Hash of the reading.
    pub hash: JobHash,
    pub exchange: ExchangePlace,
    /// Folder of the exchange for receipts and objects of the stage.
    pub folder: String,
    /// Memory of one worker, in bytes.
    pub memory_bytes: u64,
    pub reading: Arc<Reading>,
    pub stage: StageTasks,
}

impl StageJob {
    pub const fn new(
        program: Option<String>,
        reading: Arc<Reading>,
        hash: JobHash,
        exchange: ExchangePlace,
        folder: String,
        memory_bytes: u64,
        stage: StageTasks,
    ) -> Self {
        Self { format: FORMAT, program, hash, exchange, folder, memory_bytes, reading, stage }
    }

    /// Reads a job.
    ///
    /// # Errors
    /// [`Trouble::OtherJob`]: it is of another version or program; [`Trouble::BrokenExchange`].
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, Trouble> {
        /// Enough of a job of any version to see which it is.
        #[derive(Deserialize)]
        struct Versions {
            format: u16,
            reading: Written,
        }
        #[derive(Deserialize)]
        struct Written {
            version: String,
        }
        let broken = |why: String| Trouble::BrokenExchange { name: name.to_owned(), why };
        let found: Versions = serde_json::from_slice(bytes).map_err(|e| broken(e.to_string()))?;
        let other = |what, found: String, wanted: String| {
            Err(Trouble::OtherJob { name: name.to_owned(), what, found, wanted })
        };
        if found.format != FORMAT {
            return other("format", found.format.to_string(), FORMAT.to_string());
        }
        if found.reading.version != VERSION {
            return other("version", found.reading.version, VERSION.to_owned());
        }
        let job: Self = serde_json::from_slice(bytes).map_err(|e| broken(e.to_string()))?;
        let hash = job.reading.hash()?;
        if hash != job.hash {
            return other("hash", hash.to_string(), job.hash.to_string());
        }
        job.check_program(name)?;
        Ok(job)
    }

    /// Checks that this program may work on the job; `name` is that of the job for messages.
    fn check_program(&self, name: &str) -> Result<(), Trouble> {
        let Some(found) = self.program.clone() else { return Ok(()) };
        let wanted = hash_of_this_program()?;
        if found == wanted {
            return Ok(());
        }
        let (name, what) = (name.to_owned(), "program (SHA-256)");
        Err(Trouble::OtherJob { name, what, found, wanted })
    }

    /// Returns the job as text.
    ///
    /// # Errors
    /// Never, for jobs of this version.
    pub fn text(&self, name: &Path) -> Result<Vec<u8>, Trouble> {
        serde_json::to_vec(self).map_err(|e| Trouble::io(name, "writing the job", e.into()))
    }
}
