//! Counted slots: what counting gives and judging takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::scope_slots::{GapRun, position};
use super::{Counts, State};
use crate::policy::Group;

/// Gross and net counts of a slot with events.
#[derive(Debug, Clone, Copy)]
pub struct SlotCounts {
    pub slot: u32,
    /// Gross and net.
    pub sides: [Counts; 2],
}

/// Counts of one scope, by slot; slots without events are left out.
#[derive(Debug, Clone, Default)]
pub struct Series(Vec<SlotCounts>);

impl Series {
    /// Adds events to the last slot, or to one behind it.
    pub fn add(&mut self, slot: u32, group: Group, [gross, net]: [i64; 2]) {
        debug_assert!(self.0.last().is_none_or(|last| last.slot <= slot), "sums ascend by slot");
        if self.0.last().is_none_or(|last| last.slot != slot) {
            self.0.push(SlotCounts { slot, sides: [Counts::default(); 2] });
        }
        if let Some(SlotCounts { sides: [ours, ours_net], .. }) = self.0.last_mut() {
            ours.add(group, gross);
            ours_net.add(group, net);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &SlotCounts> {
        self.0.iter()
    }

    /// Returns the counts of one slot.
    pub fn at(&self, slot: u32) -> [Counts; 2] {
        position(&self.0, slot, |counts| counts.slot).map(|at| self.0[at].sides).unwrap_or_default()
    }

    /// True if no adjusting entry moves an event.
    pub fn is_unadjusted(&self) -> bool {
        self.0.iter().all(|SlotCounts { sides: [gross, net], .. }| gross == net)
    }
}

/// The counts of each (service, region), with all regions of each service.
pub type Counted = BTreeMap<(Arc<str>, Arc<str>), Series>;

/// The judged slots of one service and region.
pub struct JudgedScope {
    /// The state of every slot, gross and net.
    pub states: [Vec<State>; 2],
    /// Judged events where a gap makes them others than the counts say.
    pub in_gaps: Vec<GapRun>,
}
