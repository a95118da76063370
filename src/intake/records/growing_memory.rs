//! Growing memory: bytes that facts and names will take until their day is published.
//!
//! Records for dedupe and join go to disk when memory runs short. Facts and names cannot: they are
//! needed whole until the day is drawn. A day with more of them than the run has memory for is
//! refused while it is read, before anything of it is noted.

use std::sync::Arc;

use super::partitions::MemoryBudget;
use crate::error::Trouble;
use crate::intake::rows::interner::Lexicon;

/// Bytes of a fact, through all stages until its day is drawn.
///
/// A million failures of 720 callers in all minutes took 840 MB.
const FACT_BYTES: usize = 850;
/// Bytes of a caller with a failure, in addition to its facts.
///
/// 200,000 failures, each of another caller, took 1,300 bytes each.
const CALLER_BYTES: usize = 450;
/// Bytes of any other name, in the interner, merged, and as a pseudonym; of traits as well.
const NAME_BYTES: usize = 200;
/// Rows between two looks at how many names there are.
const ROWS_PER_LOOK: u32 = 1 << 16;

/// Memory that one worker has taken of what a run is given.
pub struct GrowingMemory {
    budget: Arc<MemoryBudget>,
    /// Bit set of callers with a fact, by their number.
    callers: Vec<u64>,
    /// Names and traits that are taken for.
    names: usize,
    rows: u32,
    /// Bytes that all workers need, once they are more than there are.
    needed: Option<usize>,
}

impl GrowingMemory {
    pub fn new(budget: &Arc<MemoryBudget>) -> Self {
        Self { budget: budget.clone(), callers: Vec::new(), names: 0, rows: 0, needed: None }
    }

    /// Takes the memory of a new fact; caller 0 is none.
    pub fn fact(&mut self, caller: u32) {
        let (word, bit) = (caller as usize / 64, 1 << (caller % 64));
        if word >= self.callers.len() {
            self.callers.resize(word + 1, 0);
        }
        let is_new = caller != 0 && self.callers[word] & bit == 0;
        self.callers[word] |= bit;
        self.take(FACT_BYTES + if is_new { CALLER_BYTES } else { 0 });
    }

    /// Checks, after a row was counted, that everything fits.
    ///
    /// `traits` is how many different traits attempts and statuses have.
    ///
    /// # Errors
    /// [`Trouble::TooLarge`], without the file, which this worker does not know by name.
    #[inline]
    pub fn check(&mut self, names: &Lexicon, facts: usize, traits: usize) -> Result<(), Trouble> {
        self.rows += 1;
        if self.rows == ROWS_PER_LOOK {
            self.rows = 0;
            self.look(names, traits);
        }
        match self.needed {
            None => Ok(()),
            Some(needed) => Err(self.too_large(names, facts, needed)),
        }
    }

    #[cold]
    fn look(&mut self, names: &Lexicon, traits: usize) {
        let names: usize = names.by_field().iter().map(|(_, names)| names.all().len()).sum();
        let now = names + traits;
        self.take((now - self.names) * NAME_BYTES);
        self.names = now;
    }

    fn take(&mut self, bytes: usize) {
        if let Err(needed) = self.budget.keep(bytes) {
            self.needed = Some(needed);
        }
    }

    #[cold]
    fn too_large(&self, names: &Lexicon, facts: usize, needed: usize) -> Trouble {
        let values = |names: &(&'static str, usize)| names.1;
        let counts = names.by_field().map(|(field, names)| (field, names.all().len() - 1));
        let (field, values) = counts.into_iter().max_by_key(values).unwrap_or_default();
        let (needed, memory) = (needed >> 20, self.budget.most_staying() >> 20);
        Trouble::TooLarge { path: String::new(), facts, field, values, needed, memory }
    }
}
