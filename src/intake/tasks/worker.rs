//! Worker: one attempt at one task, from its job to its receipt.

use std::fs::File;
use std::io::{self, BufWriter};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::accepted::open;
use super::attempts::{BEGUN, FAILED, OBJECT, RECEIPT, name};
use super::usage::of_this_process;
use crate::config::Identity;
use crate::error::Trouble;
use crate::intake::counting::task_counts::TaskCounts;
use crate::intake::counting::worker_counts::WorkerCounts;
use crate::intake::files::bytes::log_bytes::LogBytes;
use crate::intake::join::correlate::JoinStep;
use crate::intake::join::dedupe::{DedupeStep, Deduped, find_duplicates};
use crate::intake::join::merge::Merged;
use crate::intake::join::sums::Sums;
use crate::intake::meter::Meter;
use crate::intake::pass::map::{Stopped, TaskFindings, map};
use crate::intake::pass::plan::{Cut, Item, ReadPlan};
use crate::intake::pass::settings::PassSettings;
use crate::intake::records::partitions::MemoryBudget;
use crate::intake::records::record_sets::{AnyRecords, RecordSource, Records};
pub use crate::intake::wire::exchange::read_job;
use crate::intake::wire::exchange::{Exchange, random_name};
use crate::intake::wire::object::{FORMAT, ObjectOrigin, ObjectSeal, ObjectWriter, Section, Stage};
use crate::intake::wire::receipt::{FailedFile, ObjectRef, RowSums, TaskReceipt, VERSION};
use crate::intake::wire::stage_job::{ItemRange, MapTask, PartitionTask, StageJob, StageTasks};
use crate::intake::wire::stored_records;

/// Head of the object of a map task.
#[derive(Serialize, Deserialize)]
pub struct MapHead {
    pub counts: TaskCounts,
    pub findings: TaskFindings,
}

/// Head of the object that the stages behind map share.
#[derive(Serialize, Deserialize)]
pub struct MergeHead<M = Merged> {
    pub merged: M,
    /// By file.
    pub identities: Vec<Identity>,
    /// Ids in the evidence of any task.
    pub witnesses: Vec<u64>,
}

/// A worker of one stage.
pub struct TaskWorker<'a> {
    job: StageJob,
    exchange: Exchange,
    /// Folder on the worker's machine for records beyond its memory.
    spill: &'a Path,
}

/// What an attempt came to, in addition to its object.
#[derive(Default)]
struct Outcome {
    rows: RowSums,
    failed_files: Vec<FailedFile>,
}

impl<'a> TaskWorker<'a> {
    /// Prepares to run tasks of a job; `name` is that of the job for messages.
    ///
    /// # Errors
    /// The job is of another version or program, or broken.
    pub fn new(job: &[u8], name: &str, spill: &'a Path) -> Result<Self, Trouble> {
        let job = StageJob::parse(job, name)?;
        let exchange = Exchange::new(job.exchange.clone(), job.reading.limits);
        Ok(Self { job, exchange, spill })
    }

    /// Returns a look at the exchange that tells whether the stage was told to stop.
    pub fn stop_look(&self) -> impl Fn() -> bool + Send + use<> {
        let (exchange, folder) = (self.exchange.clone(), self.job.folder.clone());
        move || exchange.is_over(&folder)
    }

    pub const fn stage(&self) -> Stage {
        match self.job.stage {
            StageTasks::Map { .. } => Stage::Map,
            StageTasks::Dedupe { .. } => Stage::Dedupe,
            StageTasks::Join { .. } => Stage::Join,
        }
    }

    /// Checks that this machine can read the first log and write to the exchange, and says so.
    ///
    /// # Errors
    /// It cannot.
    pub fn probe(&self) -> Result<String, Trouble> {
        let files = self.job.reading.files()?;
        let read = match files.first() {
            None => "no log is named".to_owned(),
            Some(file) => {
                let gone = |e: io::Error| {
                    file.place
                        .trouble()
                        .unwrap_or_else(|| Trouble::io(&file.path, "reading the first log", e))
                };
                let bytes = LogBytes::open(&file.place).map_err(gone)?;
                bytes.read_at(&mut [0; 16], 0).map_err(gone)?;
                format!("{} can be read", file.shown)
            }
        };
        let name = format!("{}/probe-{}", self.job.folder, random_name()?);
        self.exchange.put_bytes(&name, self.spill, b"probe")?;
        Ok(format!("uptime-ledger {VERSION}: {read}, {} can be written to", self.exchange.shown("")))
    }

    /// Runs the task at a place of the job, and returns its receipt as it lies in the exchange.
    ///
    /// # Errors
    /// The job has no such task, its inputs cannot be read, the exchange cannot be written to, or
    /// somebody asked to stop.
    pub fn run(&self, at: u32, meter: &Meter) -> Result<Vec<u8>, Trouble> {
        let attempt = random_name()?;
        let task = match &self.job.stage {
            StageTasks::Map { tasks } => found(tasks, at)?.number,
            StageTasks::Dedupe { tasks, .. } | StageTasks::Join { tasks, .. } => found(tasks, at)?.number,
        };
        let folder = &self.job.folder;
        let left = |ending| format!("{folder}/{}", name(task, &attempt, ending));
        self.exchange.put_bytes(&left(BEGUN), self.spill, b"")?;
        let receipt = self.attempt(at, task, &attempt, meter);
        if let Err(trouble) = &receipt
            && !matches!(trouble, Trouble::Stopped { .. })
            // Its own words stand on standard error too, as engines show them.
            && let Err(error) = self.exchange.put_bytes(&left(FAILED), self.spill, trouble.to_string().as_bytes())
        {
            tracing::warn!(%error, "the exchange cannot be told that an attempt has failed");
        }
        receipt
    }

    fn attempt(&self, at: u32, task: u32, attempt: &str, meter: &Meter) -> Result<Vec<u8>, Trouble> {
        let (folder, stage) = (&self.job.folder, self.stage());
        let object = format!("{folder}/{}", name(task, attempt, OBJECT));
        let origin = ObjectOrigin { job: self.job.hash, stage, task };
        let mut outcome = Outcome::default();
        let seal = self.exchange.put(&object, self.spill, |file, shown| {
            let to = ObjectFile { file, shown, origin: &origin };
            match &self.job.stage {
                StageTasks::Map { tasks } => self.map(found(tasks, at)?, to, meter, &mut outcome),
                StageTasks::Dedupe { tasks, merged, maps } => {
                    self.dedupe(found(tasks, at)?, merged, maps, to, meter)
                }
                StageTasks::Join { tasks, merged, maps, deduped } => {
                    self.join(found(tasks, at)?, merged, maps, deduped, to, meter)
                }
            }
        })?;
        let receipt = TaskReceipt {
            format: FORMAT,
            version: VERSION.to_owned(),
            job: self.job.hash,
            attempt: attempt.to_owned(),
            object: ObjectRef { name: object, stage, task, seal },
            rows: outcome.rows,
            failed_files: outcome.failed_files,
            usage: of_this_process(),
        };
        let text = serde_json::to_vec(&receipt)
            .map_err(|e| Trouble::io(folder, "writing the receipt", io::Error::other(e)))?;
        let receipt = format!("{folder}/{}", name(task, attempt, RECEIPT));
        self.exchange.put_bytes(&receipt, self.spill, &text)?;
        Ok(text)
    }

    fn settings(&self) -> PassSettings<'_> {
        let reading = &self.job.reading;
        PassSettings {
            day: reading.day,
            slot_length: reading.slot_length,
            workers: 1,
            memory_bytes: self.job.memory_bytes,
            spill: self.spill,
            is_joined: reading.is_joined,
            first_status_us: reading.first_status_us,
            first_attempt_us: reading.first_attempt_us,
            partition_bits: reading.partition_bits,
            excerpts: reading.excerpts,
            fingerprint: String::new(),
        }
    }

    fn map(
        &self,
        task: &MapTask,
        to: ObjectFile<'_>,
        meter: &Meter,
        outcome: &mut Outcome,
    ) -> Result<ObjectSeal, Trouble> {
        let (reading, settings) = (&self.job.reading, self.settings());
        let files = reading.files()?;
        let join = reading.join();
        let wanted = task.files();
        let mut plan = ReadPlan::of_some(
            &files,
            &reading.sources,
            &reading.endpoints(),
            &join,
            reading.day,
            Some(&wanted),
        )?;
        for ItemRange { file, .. } in task.items.iter().filter(|range| range.cut == Cut::Whole) {
            plan.read_in_one_piece(*file);
        }
        let budget = MemoryBudget::new(settings.memory_bytes as usize, Records::SETS);
        let mut counts = WorkerCounts::of(&settings, files.len(), &budget);
        let (mut findings, stopped) = (TaskFindings::default(), Stopped::default());
        // The run has opened every file of its tasks, so the trouble is this machine's.
        if let Some((file, why)) = plan.failures.first_key_value() {
            let path = &files[*file as usize].path;
            return Err(Trouble::io(
                path,
                "opening a log that the run has opened",
                io::Error::other(why.clone()),
            ));
        }
        let of_file = plan.items_by_file();
        for range in &task.items {
            let none = Vec::new();
            let items = of_file.get(&range.file).unwrap_or(&none);
            let wanted = |item: &&Item| (range.from..range.to).contains(&item.position());
            let found = items.iter().filter(wanted).filter(|item| item.cut() == range.cut).count();
            if found != (range.to - range.from) as usize {
                let why = "it was changed since the run began".to_owned();
                let failures = [(range.file, (range.from, why))].into();
                findings.merge(TaskFindings { failures, ..TaskFindings::default() });
                continue;
            }
            for item in items.iter().filter(wanted) {
                meter.rows(0)?;
                let into = (&mut counts, &mut findings);
                map(&plan, item, false, &settings, &stopped, into, meter)
                    .map_err(|trouble| trouble.in_log(&files[item.file()].shown))?;
            }
        }
        let (counts, records) = counts.close(&join.declared, &join.salt);
        outcome.rows = RowSums::of(&counts);
        let failed = findings.failures.iter();
        let failed = failed.map(|(file, (_, why))| FailedFile { file: *file, why: Some(why.clone()) });
        let quoted = findings.quoted.iter().map(|file| FailedFile { file: *file, why: None });
        outcome.failed_files = failed.chain(quoted).collect();
        to.write(|object, shown| {
            object.head(&MapHead { counts, findings }).map_err(|e| writing(shown, e))?;
            stored_records::write_all(object, shown, &records, &settings)
        })
    }

    fn dedupe(
        &self,
        task: &PartitionTask,
        merged: &ObjectRef,
        maps: &[ObjectRef],
        to: ObjectFile<'_>,
        meter: &Meter,
    ) -> Result<ObjectSeal, Trouble> {
        let settings = self.settings();
        let (MergeHead { merged, identities, witnesses }, budget) = self.merged(merged)?;
        let witnesses = witnesses.into_iter().collect();
        let partitions = task.from as usize..task.to as usize;
        let records = self.records(maps, &partitions, meter)?;
        let step = DedupeStep {
            merged: &merged,
            records: &records,
            identities: &identities,
            witnesses: &witnesses,
            budget: &budget,
            settings: &settings,
            partitions,
        };
        let (deduped, survivors): (Deduped, _) = find_duplicates(&step)?;
        to.write(|object, shown| {
            object.head(&deduped).map_err(|e| writing(shown, e))?;
            stored_records::write_admitted(object, shown, &survivors, &settings)
        })
    }

    fn join(
        &self,
        task: &PartitionTask,
        merged: &ObjectRef,
        maps: &[ObjectRef],
        deduped: &[ObjectRef],
        to: ObjectFile<'_>,
        meter: &Meter,
    ) -> Result<ObjectSeal, Trouble> {
        let (reading, settings) = (&self.job.reading, self.settings());
        let (MergeHead { merged, .. }, _) = self.merged(merged)?;
        let partitions = task.from as usize..task.to as usize;
        let records = self.records(maps, &partitions, meter)?;
        let survivors = deduped.iter().map(|object| {
            let object = open(&self.exchange, object, self.job.hash)?;
            stored_records::admitted(object, reading.partition_bits, &partitions)
        });
        let survivors: Vec<Box<dyn RecordSource>> = survivors.collect::<Result<_, Trouble>>()?;
        let step = JoinStep {
            merged: &merged,
            records: &records,
            survivors: &survivors,
            settings: &settings,
            partitions,
        };
        to.write(|object, shown| {
            let sums: Vec<Sums> = step.run(|at, items| {
                meter.rows(0)?;
                let bytes = postcard::to_stdvec(&items).map_err(|e| writing(shown, io::Error::other(e)))?;
                let count = items.count();
                object.part(Section::Items, at as u32, count, &bytes).map_err(|e| writing(shown, e))
            })?;
            object.head(&sums).map_err(|e| writing(shown, e))
        })
    }

    /// Reads the merged numbers, and leaves the rest of the worker's memory to records.
    fn merged(&self, object: &ObjectRef) -> Result<(MergeHead, Arc<MemoryBudget>), Trouble> {
        let head: MergeHead = open(&self.exchange, object, self.job.hash)?.head()?;
        let memory = self.job.memory_bytes as usize;
        let (numbers, most) = (head.merged.bytes(), MemoryBudget::new(memory, 1).most_staying());
        if numbers > most {
            return Err(Trouble::Usage(format!(
                "the numbers of all tasks take {} MiB in each worker, which has {} MiB for them: use fewer --tasks, or \
                 give each worker more, --memory",
                numbers >> 20,
                most >> 20
            )));
        }
        Ok((head, MemoryBudget::new(memory.saturating_sub(numbers), 1)))
    }

    /// Opens the records of some partitions, of all map tasks.
    fn records(
        &self,
        maps: &[ObjectRef],
        partitions: &Range<usize>,
        meter: &Meter,
    ) -> Result<Vec<AnyRecords>, Trouble> {
        let reading = &self.job.reading;
        let records = |object: &ObjectRef| {
            meter.rows(0)?;
            let object = open(&self.exchange, object, self.job.hash)?;
            stored_records::records(object, reading.is_joined, reading.partition_bits, partitions)
        };
        maps.iter().map(records).collect()
    }
}

/// The file of an object that is to be written.
struct ObjectFile<'a> {
    file: &'a mut File,
    shown: &'a Path,
    origin: &'a ObjectOrigin,
}

type Writer<'a> = ObjectWriter<BufWriter<&'a mut File>>;

impl<'a> ObjectFile<'a> {
    fn write(
        self,
        content: impl FnOnce(&mut Writer<'a>, &Path) -> Result<(), Trouble>,
    ) -> Result<ObjectSeal, Trouble> {
        let Self { file, shown, origin } = self;
        let to = BufWriter::with_capacity(1 << 20, file);
        let mut object = ObjectWriter::begin(to, origin).map_err(|e| writing(shown, e))?;
        content(&mut object, shown)?;
        object.finish().map_err(|e| writing(shown, e))
    }
}

fn writing(shown: &Path, e: io::Error) -> Trouble {
    Trouble::io(shown, "writing an object of the exchange", e)
}

/// Returns the task at a place of a job.
fn found<T>(tasks: &[T], at: u32) -> Result<&T, Trouble> {
    tasks.get(at as usize).ok_or_else(|| {
        Trouble::Usage(format!("the job has no task {at}: it has {} tasks, the first is 0", tasks.len()))
    })
}
