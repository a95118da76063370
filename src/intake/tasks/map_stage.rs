//! Map stage: which task reads which items, round by round.
//!
//! A file that turns out to be broken, or that must be read in one piece, makes another round: only
//! the tasks that hold items of it run again, without it or with it as one item.

use std::collections::{BTreeMap, BTreeSet};

use super::TaskDay;
use super::accepted;
use super::worker::MapHead;
use crate::error::Trouble;
use crate::intake::counting::task_counts::TaskCounts;
use crate::intake::meter::Meter;
use crate::intake::pass::map::TaskFindings;
use crate::intake::pass::plan::{Cut, Item, ReadPlan};
use crate::intake::pass::settings::PassSettings;
use crate::intake::pass::{Round, Rounds};
use crate::intake::records::partitions::MemoryBudget;
use crate::intake::wire::object::Stage;
use crate::intake::wire::receipt::{ObjectRef, RowSums, TaskReceipt};
use crate::intake::wire::stage_job::{ItemRange, MapTask, StageTasks};

/// The map tasks of a day.
pub struct MapStage<'a> {
    day: &'a TaskDay<'a>,
    settings: &'a PassSettings<'a>,
    /// Tasks by number, with the receipt of the last attempt that still holds.
    tasks: BTreeMap<u32, (Vec<ItemRange>, Option<TaskReceipt>)>,
    /// Number of the next round.
    round: u32,
}

impl<'a> MapStage<'a> {
    pub const fn new(day: &'a TaskDay<'a>, settings: &'a PassSettings<'a>) -> Self {
        Self { day, settings, tasks: BTreeMap::new(), round: 0 }
    }

    /// Runs all tasks that have no receipt that holds.
    fn run_open(&mut self, plan: &ReadPlan, meter: &Meter) -> Result<(), Trouble> {
        let items = plan.items_by_file();
        if self.round == 0 {
            self.divide(&items, plan);
        } else {
            self.follow(&items);
        }
        let open = self.tasks.iter().filter(|(_, (_, receipt))| receipt.is_none());
        let open: Vec<MapTask> =
            open.map(|(number, (items, _))| MapTask { number: *number, items: items.clone() }).collect();
        let bytes = |range: &ItemRange| -> u64 {
            let of_file = plan.opened[range.file as usize].as_ref().map_or(0, |open| open.size);
            let all = items.get(&range.file).map_or(1, Vec::len).max(1) as u64;
            of_file * u64::from(range.to - range.from) / all
        };
        let bytes: BTreeMap<u32, u64> =
            open.iter().map(|task| (task.number, task.items.iter().map(bytes).sum())).collect();
        let files: BTreeSet<u32> = open.iter().flat_map(MapTask::files).collect();
        meter.begin(files.len() as u64, bytes.values().sum());
        let numbers: Vec<u32> = open.iter().map(|task| task.number).collect();
        if !numbers.is_empty() {
            let folder = format!("map-{}", self.round);
            let done = |task: u32| meter.bytes(bytes.get(&task).copied().unwrap_or(0));
            let of_stage = StageTasks::Map { tasks: open };
            let receipts = self.day.stage(&folder, Stage::Map, &numbers, of_stage, meter, &done)?;
            for receipt in receipts {
                meter.rows(receipt.rows.rows_read)?;
                if let Some((_, known)) = self.tasks.get_mut(&receipt.object.task) {
                    *known = Some(receipt);
                }
            }
        }
        self.round += 1;
        Ok(())
    }

    /// Returns the objects of all tasks.
    pub fn objects(&self) -> Vec<ObjectRef> {
        let receipts = self.tasks.values().filter_map(|(_, receipt)| receipt.as_ref());
        receipts.map(|receipt| receipt.object.clone()).collect()
    }

    /// Divides all items: neighbours of a file go together, and each task gets about as many bytes.
    fn divide(&mut self, items: &BTreeMap<u32, Vec<Item>>, plan: &ReadPlan) {
        let size = |file: u32| plan.opened[file as usize].as_ref().map_or(0, |open| open.size).max(1);
        let total: u64 = items.keys().map(|file| size(*file)).sum();
        let cut = &self.day.engine.cut;
        let least = self.day.engine.runner.at_a_time().unwrap_or(1) as u64;
        let by_size = || total.div_ceil(cut.map_bytes.max(1)).max(least);
        let wanted = cut.maps.map_or_else(by_size, |maps| maps as u64).max(1);
        let mut before = 0;
        for (file, items) in items {
            let each = (size(*file) / items.len().max(1) as u64).max(1);
            for item in items {
                let number = (u128::from(before) * u128::from(wanted) / u128::from(total.max(1))) as u32;
                let (ranges, _) = self.tasks.entry(number).or_default();
                let (at, cut) = (item.position(), item.cut());
                match ranges.last_mut().filter(|range| range.file == *file && range.to == at) {
                    Some(range) => range.to += 1,
                    None => ranges.push(ItemRange { file: *file, cut, from: at, to: at + 1 }),
                }
                before = (before + each).min(total - 1);
            }
        }
    }

    /// Takes from the tasks what the plan no longer has, and gives them what it has instead.
    fn follow(&mut self, items: &BTreeMap<u32, Vec<Item>>) {
        let cut = |file: u32| items.get(&file).and_then(|items| items.first()).map(Item::cut);
        let mut given: BTreeSet<u32> = BTreeSet::new();
        for (ranges, receipt) in self.tasks.values_mut() {
            let mut now: Vec<ItemRange> = Vec::with_capacity(ranges.len());
            for range in ranges.iter() {
                match cut(range.file) {
                    Some(cut) if cut == range.cut => now.push(*range),
                    Some(Cut::Whole) if given.insert(range.file) => {
                        now.push(ItemRange { file: range.file, cut: Cut::Whole, from: 0, to: 1 });
                    }
                    _ => {}
                }
            }
            if now != *ranges {
                (*ranges, *receipt) = (now, None);
            }
        }
        self.tasks.retain(|_, (ranges, _)| !ranges.is_empty());
    }

    /// Reads the heads of all tasks, and checks them against their receipts.
    fn found(&self) -> Result<(Vec<TaskCounts>, TaskFindings), Trouble> {
        let (mut all, mut findings) = (Vec::new(), TaskFindings::default());
        for (_, receipt) in self.tasks.values() {
            let Some(receipt) = receipt else { continue };
            let object = accepted::open(&self.day.engine.exchange, &receipt.object, self.day.hash)?;
            let head: MapHead = object.head()?;
            let rows = RowSums::of(&head.counts);
            if rows != receipt.rows {
                return Err(object.broken(format!(
                    "its counts say {rows:?}, and the receipt of task {} says {:?}",
                    receipt.object.task, receipt.rows
                )));
            }
            findings.merge(head.findings);
            all.push(head.counts);
        }
        Ok((all, findings))
    }
}

impl Rounds for MapStage<'_> {
    fn round(&mut self, plan: &ReadPlan, meter: &Meter) -> Result<Round, Trouble> {
        self.run_open(plan, meter)?;
        let (counts, findings) = self.found()?;
        // The records stay in the exchange.
        let budget = MemoryBudget::new(self.settings.memory_bytes as usize, 1);
        Ok(Round { counts, records: Vec::new(), budget, findings })
    }
}
