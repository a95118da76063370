//! Growing memory: bytes of facts and names, while logs are read and until their day is drawn.
//!
//! Records for dedupe and join go to disk when memory runs short. Facts and names cannot. A day
//! with more of them than the run has memory for is refused before anything of it is noted: while
//! it is read, by what the workers hold, and after the merge, by what all later stages will take.

use std::sync::Arc;

use super::partitions::MemoryBudget;
use crate::error::Trouble;
use crate::intake::rows::interner::Lexicon;

// `just limits` has a log with a million facts of 720 callers, and one with 200,000 of as many.

/// Bytes of a fact that a worker holds.
const READ_FACT_BYTES: usize = 130;
/// Bytes of a name that a worker holds; of traits of attempts and statuses as well.
const READ_NAME_BYTES: usize = 200;
/// Bytes of a fact of the day, through all later stages.
const FACT_BYTES: usize = 850;
/// Bytes of a caller with a failure, in addition to its facts.
const CALLER_BYTES: usize = 450;
/// Rows between two looks at how many names there are.
const ROWS_PER_LOOK: u32 = 1 << 16;

/// Memory that one worker has taken of what a run is given.
pub struct GrowingMemory {
    budget: Arc<MemoryBudget>,
    /// Names and traits that memory was taken for.
    names: usize,
    rows: u32,
    /// Bytes that all workers need, once they are more than there are.
    needed: Option<usize>,
}

impl GrowingMemory {
    pub fn new(budget: &Arc<MemoryBudget>) -> Self {
        Self { budget: budget.clone(), names: 0, rows: 0, needed: None }
    }

    /// Takes the memory of a new fact.
    pub fn fact(&mut self) {
        self.take(READ_FACT_BYTES);
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
            Some(needed) => Err(too_large(&self.budget, needed, facts, std::iter::once(names))),
        }
    }

    #[cold]
    fn look(&mut self, names: &Lexicon, traits: usize) {
        let names: usize = names.by_field().iter().map(|(_, names)| names.all().len()).sum();
        let now = names + traits;
        self.take((now - self.names) * READ_NAME_BYTES);
        self.names = now;
    }

    fn take(&mut self, bytes: usize) {
        if let Err(needed) = self.budget.keep(bytes) {
            self.needed = Some(needed);
        }
    }
}

/// Checks that the merged facts of a day, and the callers that they name, fit until it is drawn.
///
/// # Errors
/// [`Trouble::TooLarge`], without a file.
pub fn check_day<'n>(
    budget: &MemoryBudget,
    facts: usize,
    callers: usize,
    names: impl Iterator<Item = &'n Lexicon>,
) -> Result<(), Trouble> {
    let needed = facts * FACT_BYTES + callers * CALLER_BYTES;
    if needed <= budget.most_staying() { Ok(()) } else { Err(too_large(budget, needed, facts, names)) }
}

/// Names the field that has most different values in the eyes of one worker.
#[cold]
fn too_large<'n>(
    budget: &MemoryBudget,
    needed: usize,
    facts: usize,
    names: impl Iterator<Item = &'n Lexicon>,
) -> Trouble {
    let counts = names.flat_map(Lexicon::by_field).map(|(field, names)| (field, names.all().len() - 1));
    let (field, values) = counts.max_by_key(|(_, values)| *values).unwrap_or_default();
    let (needed, memory) = (needed >> 20, budget.most_staying() >> 20);
    Trouble::TooLarge { path: String::new(), facts, field, values, needed, memory }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workers that read the same hours hold the same facts, which are merged afterwards.
    #[test]
    fn facts_of_many_workers_count_once_for_the_day() {
        let budget = MemoryBudget::new(1 << 20, 1);
        let mut workers: Vec<GrowingMemory> = (0..32).map(|_| GrowingMemory::new(&budget)).collect();
        let mut names = Lexicon::new();
        for worker in &mut workers {
            (0..100_000).for_each(|_| worker.fact());
            worker.check(&names, 100_000, 0).unwrap();
        }
        check_day(&budget, 100_000, 0, std::iter::once(&names)).unwrap();
        names.callers.id(b"b-1", usize::MAX);
        let told = check_day(&budget, 1_000_000, 1, std::iter::once(&names)).unwrap_err().to_string();
        assert!(told.contains("1 different values of `business_id` need 810 MiB"), "{told}");
        for worker in &mut workers {
            (0..100_000).for_each(|_| worker.fact());
        }
        let told = workers[31].check(&names, 200_000, 0).unwrap_err().to_string();
        assert!(
            told.contains("does not fit into 512 MiB") && told.contains("at least 200000 facts"),
            "{told}"
        );
    }
}
