//! Spark in a build without the feature `spark`: it refuses.

use std::path::PathBuf;

use crate::error::Trouble;
use crate::intake::tasks::{StageRun, TaskRunner};

/// Stands for a Spark server, and is never made.
pub struct NoSpark(std::convert::Infallible);

impl NoSpark {
    /// Refuses.
    ///
    /// # Errors
    /// [`Trouble::Usage`], always.
    pub fn new(_: &str, _: PathBuf) -> Result<Self, Trouble> {
        Err(Trouble::Usage(
            "this build of uptime-ledger has no Spark: build it with the feature `spark`".to_owned(),
        ))
    }
}

impl TaskRunner for NoSpark {
    fn run(&self, _: &StageRun<'_>) -> Result<(), Trouble> {
        match self.0 {}
    }

    fn at_a_time(&self) -> Option<usize> {
        match self.0 {}
    }

    fn starts_this_program(&self) -> bool {
        match self.0 {}
    }
}
