//! Partition stages: dedupe and join as tasks, each for a run of neighbouring partitions.
//!
//! The run merges the numbers of all map tasks, as it must for the daybook anyway, and leaves them
//! as one object for all tasks: four bytes for each fact and for each caller of a map task.
//! Records then keep the numbers of their task, and are smaller than with names in every block.

use std::sync::Arc;

use super::worker::MergeHead;
use super::{TaskDay, accepted};
use crate::error::Trouble;
use crate::intake::join::correlate::items::Items;
use crate::intake::join::dedupe::Deduped;
use crate::intake::join::merge::Merged;
use crate::intake::join::reduce::{DedupeInputs, ItemSink, Reducer};
use crate::intake::join::sums::Sums;
use crate::intake::meter::Meter;
use crate::intake::pass::Pass;
use crate::intake::pass::settings::PassSettings;
use crate::intake::wire::object::{ObjectOrigin, ObjectReader, ObjectWriter, Section, SectionPart, Stage};
use crate::intake::wire::receipt::{ObjectRef, TaskReceipt};
use crate::intake::wire::stage_job::{PartitionTask, StageTasks};
use crate::intake::workers;

/// Tasks of dedupe and of join, if nobody asks for more: each reads the index of every map result.
const MOST_BY_ITSELF: usize = 256;

/// The stages behind map, run as tasks.
pub struct TaskReducer<'a> {
    day: &'a TaskDay<'a>,
    meter: &'a Meter,
    maps: Vec<ObjectRef>,
    merged: Option<ObjectRef>,
    deduped: Vec<ObjectRef>,
}

impl<'a> TaskReducer<'a> {
    /// Begins with the objects of all map tasks.
    pub const fn new(day: &'a TaskDay<'a>, maps: Vec<ObjectRef>, meter: &'a Meter) -> Self {
        Self { day, meter, maps, merged: None, deduped: Vec::new() }
    }

    fn tasks(&self) -> Vec<PartitionTask> {
        let engine = self.day.engine;
        let by_itself = || self.maps.len().min(MOST_BY_ITSELF);
        let wanted = engine.cut.reducers.or(engine.runner.at_a_time()).unwrap_or_else(by_itself);
        let partitions = self.day.reading.partition_bits.partitions();
        let count = wanted.clamp(1, partitions);
        let from = |number: usize| (number * partitions / count) as u32;
        let task = |number| PartitionTask { number: number as u32, from: from(number), to: from(number + 1) };
        (0..count).map(task).collect()
    }

    /// Leaves the merged numbers for all tasks.
    fn merge(&self, merged: &Merged, pass: &Pass) -> Result<ObjectRef, Trouble> {
        let DedupeInputs { identities, witnesses } = DedupeInputs::of(pass);
        let mut witnesses: Vec<u64> = witnesses.into_iter().collect();
        witnesses.sort_unstable();
        let (stage, task) = (Stage::Merge, 0);
        let origin = ObjectOrigin { job: self.day.hash, stage, task };
        let (exchange, day) = (&self.day.engine.exchange, self.day.reading.day);
        let mut bytes = Vec::new();
        let write = || {
            let mut object = ObjectWriter::begin(&mut bytes, &origin)?;
            object.head(&MergeHead { merged, identities, witnesses })?;
            object.finish()
        };
        let folder = format!("{day}/merge");
        let seal = write().map_err(|e| Trouble::io(&folder, "writing an object of the exchange", e))?;
        // Named by its content: a run that is resumed needs the same one.
        let file = format!("{:016x}.ulx", seal.xxh3);
        let name = format!("{folder}/{file}");
        exchange.begin(&folder)?;
        if !exchange.list(&folder)?.contains(&file) {
            exchange.put_bytes(&name, self.day.spill, &bytes)?;
        }
        Ok(ObjectRef { name, stage, task, seal })
    }

    fn objects(&self, receipts: &[TaskReceipt]) -> Result<Vec<Arc<ObjectReader>>, Trouble> {
        let open = |receipt: &TaskReceipt| {
            accepted::open(&self.day.engine.exchange, &receipt.object, self.day.hash).map(Arc::new)
        };
        receipts.iter().map(open).collect()
    }
}

impl Reducer for TaskReducer<'_> {
    fn dedupe(&mut self, pass: &Pass, merged: &Merged, _: &PassSettings<'_>) -> Result<Deduped, Trouble> {
        let tasks = self.tasks();
        let numbers: Vec<u32> = tasks.iter().map(|task| task.number).collect();
        let merged_object = self.merge(merged, pass)?;
        self.merged = Some(merged_object.clone());
        let of_stage = StageTasks::Dedupe { tasks, merged: merged_object, maps: self.maps.clone() };
        let receipts = self.day.stage("dedupe", Stage::Dedupe, &numbers, of_stage, self.meter, &|_| {})?;
        let mut all = Deduped::none(merged);
        for object in self.objects(&receipts)? {
            all.merge(object.head()?);
        }
        self.deduped = receipts.into_iter().map(|receipt| receipt.object).collect();
        Ok(all)
    }

    fn join(
        &mut self,
        _: &Pass,
        _: &Merged,
        settings: &PassSettings<'_>,
        out: ItemSink<'_>,
    ) -> Result<Vec<Sums>, Trouble> {
        let Some(merged) = self.merged.clone().filter(|_| settings.is_joined) else { return Ok(Vec::new()) };
        let tasks = self.tasks();
        let numbers: Vec<u32> = tasks.iter().map(|task| task.number).collect();
        let (maps, deduped) = (self.maps.clone(), self.deduped.clone());
        let of_stage = StageTasks::Join { tasks, merged, maps, deduped };
        let receipts = self.day.stage("join", Stage::Join, &numbers, of_stage, self.meter, &|_| {})?;
        let mut sums = Vec::new();
        // Tasks, and the parts of each, are in ascending order of partitions.
        let objects = self.objects(&receipts)?;
        let of_object = |object| ObjectReader::parts(object, Section::Items).map(move |part| (object, part));
        let parts: Vec<(&ObjectReader, &SectionPart)> =
            objects.iter().map(|object| &**object).flat_map(of_object).collect();
        let read = |(): &mut (), at: usize| {
            let (object, part) = parts[at];
            postcard::from_bytes::<Items>(&object.read(part)?).map_err(|e| object.broken(e))
        };
        workers::in_order(settings.workers, 0..parts.len(), || (), read, |_, items| out(items))?;
        for object in &objects {
            sums.append(&mut object.head()?);
        }
        Ok(sums)
    }

    fn spilled(&self, _: &Pass) -> u64 {
        0
    }
}
