//! Reduce: who runs dedupe and the join, which take records partition by partition.

use hashbrown::HashSet;

use super::correlate::JoinStep;
use super::correlate::items::Items;
use super::dedupe::{DedupeStep, Deduped, find_duplicates};
use super::merge::Merged;
use super::sums::Sums;
use crate::config::Identity;
use crate::error::Trouble;
use crate::intake::pass::Pass;
use crate::intake::pass::settings::PassSettings;
use crate::intake::records::record_sets::{RecordSource, Records};

/// Receiver of the items of each partition, in ascending order.
pub type ItemSink<'a> = &'a mut (dyn FnMut(Items) -> Result<(), Trouble> + Send);

/// A runner of dedupe and join over all partitions of a day.
pub trait Reducer {
    /// Finds surplus copies; the calls that stay are kept for [`Reducer::join`].
    ///
    /// # Errors
    /// Records cannot be read back, or a disk fails.
    fn dedupe(
        &mut self,
        pass: &Pass,
        merged: &Merged,
        settings: &PassSettings<'_>,
    ) -> Result<Deduped, Trouble>;

    /// Joins calls with webhook rows, after dedupe.
    ///
    /// # Errors
    /// Records cannot be read back, or `out` fails.
    fn join(
        &mut self,
        pass: &Pass,
        merged: &Merged,
        settings: &PassSettings<'_>,
        out: ItemSink<'_>,
    ) -> Result<Vec<Sums>, Trouble>;

    /// Returns how many bytes of records went to disk because memory was short.
    fn spilled(&self, pass: &Pass) -> u64;
}

/// Inputs of dedupe that are the same for all partitions, in addition to the merged numbers.
pub struct DedupeInputs {
    /// By file.
    pub identities: Vec<Identity>,
    /// Ids in the evidence of any worker.
    pub witnesses: HashSet<u64>,
}

impl DedupeInputs {
    pub fn of(pass: &Pass) -> Self {
        let identities = pass.reader_of.iter().map(|reader| pass.source_readers[*reader].source().identity);
        let witnesses = pass.counts.iter().flat_map(|counts| &counts.witnesses);
        let witnesses = witnesses.flat_map(|(_, rows)| rows.iter().map(|row| row.hash));
        Self { identities: identities.collect(), witnesses: witnesses.collect() }
    }
}

/// The threads of this process.
#[derive(Default)]
pub struct ThreadReducer {
    survivors: Vec<Box<dyn RecordSource>>,
}

impl Reducer for ThreadReducer {
    fn dedupe(
        &mut self,
        pass: &Pass,
        merged: &Merged,
        settings: &PassSettings<'_>,
    ) -> Result<Deduped, Trouble> {
        let DedupeInputs { identities, witnesses } = &DedupeInputs::of(pass);
        let (records, budget) = (&pass.records, &pass.budget);
        let partitions = 0..settings.partition_bits.partitions();
        let step = DedupeStep { merged, records, identities, witnesses, budget, settings, partitions };
        let (deduped, survivors) = find_duplicates(&step)?;
        self.survivors = survivors.into_iter().map(|set| Box::new(set) as Box<dyn RecordSource>).collect();
        Ok(deduped)
    }

    fn join(
        &mut self,
        pass: &Pass,
        merged: &Merged,
        settings: &PassSettings<'_>,
        out: ItemSink<'_>,
    ) -> Result<Vec<Sums>, Trouble> {
        let (records, survivors) = (&pass.records, &self.survivors);
        let partitions = 0..settings.partition_bits.partitions();
        JoinStep { merged, records, survivors, settings, partitions }.run(|_, items| out(items))
    }

    fn spilled(&self, pass: &Pass) -> u64 {
        let sets = pass.records.iter().flat_map(Records::all).chain(&self.survivors);
        sets.map(|set| set.spilled()).sum()
    }
}
