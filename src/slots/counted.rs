//! Counted slots: what counting gives and judging takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Counts, SlotTally};

/// Gross and net counts of one scope, a pair per slot.
pub type Series = Vec<[Counts; 2]>;
/// Gross and net tallies of one scope, a pair per slot.
pub type Tallies = Vec<[SlotTally; 2]>;
/// The counts of each (service, region), with all regions of each service.
pub type Counted = BTreeMap<(Arc<str>, Arc<str>), Series>;
