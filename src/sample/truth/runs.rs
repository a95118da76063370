//! Runs: consecutive down minutes of a scope, with their length and class.

use crate::sample::traffic::stories::{MAX_GAP_MINUTES, MIN_RUN_MINUTES};

/// The state of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruthState {
    Up,
    Degraded,
    Down,
    Unobserved,
}

/// One minute of one scope.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    pub state: TruthState,
    /// All bad events had code 2.
    pub only_update: bool,
}

/// Consecutive down minutes, with as many unobserved ones in between as the definition allows.
#[derive(Debug, Clone)]
pub struct TruthRun {
    pub start: usize,
    pub end: usize,
    /// Down minutes of the run.
    pub down: u32,
    only_update: bool,
}

impl TruthRun {
    /// True if the run is long enough to count under `whatsapp`.
    pub const fn is_counted(&self) -> bool {
        self.down >= MIN_RUN_MINUTES
    }

    pub fn holds(&self, minute: usize) -> bool {
        (self.start..self.end).contains(&minute)
    }

    /// Returns the class of the outage, by length and codes (R12, R13).
    pub const fn class(&self) -> &'static str {
        match self.down {
            0..=5 if self.only_update => "update",
            0 => "<1m",
            1..=5 => "1-5m",
            _ => ">5m",
        }
    }
}

/// Finds the runs of down minutes.
pub fn runs(slots: &[Slot]) -> Vec<TruthRun> {
    let mut runs: Vec<TruthRun> = Vec::new();
    // True while the last run can go on: it ends at a minute that is up or degraded.
    let mut is_open = false;
    for (minute, slot) in slots.iter().enumerate() {
        match (slot.state, runs.last_mut()) {
            (TruthState::Down, Some(run)) if is_open && minute - run.end <= MAX_GAP_MINUTES as usize => {
                run.end = minute + 1;
                run.down += 1;
                run.only_update &= slot.only_update;
            }
            (TruthState::Down, _) => {
                runs.push(TruthRun {
                    start: minute,
                    end: minute + 1,
                    down: 1,
                    only_update: slot.only_update,
                });
                is_open = true;
            }
            (TruthState::Unobserved, _) => {}
            (TruthState::Up | TruthState::Degraded, _) => is_open = false,
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(text: &str) -> Vec<Slot> {
        let state = |c| match c {
            'd' => TruthState::Down,
            'u' => TruthState::Up,
            _ => TruthState::Unobserved,
        };
        text.chars().map(|c| Slot { state: state(c), only_update: false }).collect()
    }

    fn shape(text: &str) -> Vec<(usize, usize, u32)> {
        runs(&slots(text)).into_iter().map(|run| (run.start, run.end, run.down)).collect()
    }

    #[test]
    fn a_run_goes_on_over_a_short_gap_that_adds_nothing() {
        assert_eq!(shape("uddd...dduu"), [(1, 9, 5)]);
        assert_eq!(shape("d..........d"), [(0, 12, 2)]);
    }

    #[test]
    fn a_run_ends_at_a_good_minute_or_a_long_gap() {
        assert_eq!(shape("dudd.u.d"), [(0, 1, 1), (2, 4, 2), (7, 8, 1)]);
        assert_eq!(shape("d...........d"), [(0, 1, 1), (12, 13, 1)]);
    }
}
