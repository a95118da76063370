//! Acts: what people, machines and clocks do in the nights of a world.

use std::collections::BTreeMap;

use super::world::{Answer, DAY_US, Dice, MINUTE_US, NIGHTS, Outage};

/// Something that happens before the run of a night, or to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// `min_run_minutes`, `min_events` and `max_gap_minutes`.
    Definition([u32; 3]),
    /// The other of two policies: callers that are refused are the platform's fault, or their own.
    Policy,
    /// `review_days` and `grace_hours` of days to come.
    Review([u32; 2]),
    /// Logs are read as those of another place, or again as before.
    Vantage,
    /// A row that is new in the override file.
    Row(Row),
    /// A row has another approver from now on.
    Edited(String),
    Withdrawn(String),
    /// Nobody runs the job.
    Skipped,
    /// Another run goes by a clock that was set back by so many minutes.
    Back(i64),
    Fault(Fault),
}

/// What goes wrong in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A bit of a stored file is another one; both numbers say which.
    Flip(u64, u64),
    /// The run is killed at the nth call of this name.
    Kill(&'static str, u32),
    /// The nth call of this name fails.
    Fails(&'static str, &'static str, u32),
}

/// A row of the override file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: String,
    pub is_to_uptime: bool,
    pub day: i64,
    /// In minutes of the day.
    pub from: i64,
    pub to: i64,
    pub service: &'static str,
    pub region: &'static str,
    pub approver: &'static str,
    pub created_us: i64,
}

impl Row {
    /// Returns the code that it selects.
    pub const fn code(&self) -> i64 {
        if self.is_to_uptime { 131_016 } else { 190 }
    }

    /// True if it selects events of an instant, in slots of so many minutes.
    pub fn selects(&self, us: i64) -> bool {
        let minute = us.div_euclid(MINUTE_US) - self.day * 1_440;
        (self.from..self.to).contains(&minute)
    }
}

/// The acts of each night.
#[derive(Debug, Clone, Default)]
pub struct Script(BTreeMap<i64, Vec<Act>>);

impl Script {
    pub fn new(dice: &mut Dice, outages: &[Option<Outage>]) -> Self {
        let mut script = Self::default();
        for outage in outages.iter().flatten() {
            script.reviewed(dice, *outage);
        }
        for night in 1..NIGHTS {
            let act = match dice.below(48) {
                0 | 1 => Act::Definition(dice.pick(&[[10, 2, 15], [5, 2, 15], [10, 8, 0], [3, 2, 5]])),
                2 => Act::Policy,
                3 => Act::Review(dice.pick(&[[2, 6], [1, 24], [3, 0], [2, 12]])),
                4 if dice.one_in(2) => Act::Vantage,
                5 | 6 => Act::Skipped,
                7..10 => Act::Back(1 + dice.below(5)),
                _ => continue,
            };
            script.add(night, act);
        }
        script
    }

    /// Faults come from dice of their own, so that a world is the same with and without them.
    pub fn disturb(&mut self, seed: u64, flips: i64, disturbed: i64) {
        let mut dice = Dice::new(seed ^ 0x5eed);
        for _ in 0..flips {
            let night = 2 + dice.below(NIGHTS - 2);
            let fault = Fault::Flip(dice.below(1 << 40).unsigned_abs(), dice.below(1 << 40).unsigned_abs());
            self.add(night, Act::Fault(fault));
        }
        for _ in 0..disturbed {
            let night = 1 + dice.below(NIGHTS - 1);
            let fault = if dice.one_in(2) {
                let (name, most) =
                    dice.pick(&[("write", 60), ("fsync", 60), ("rename", 40), ("mkdir", 12), ("unlink", 12)]);
                Fault::Kill(name, 1 + dice.below(most) as u32)
            } else {
                let (name, error, most) = dice.pick(&[
                    ("write", "ENOSPC", 60),
                    ("write", "EIO", 60),
                    ("fsync", "EIO", 60),
                    ("rename", "EIO", 40),
                    ("mkdir", "ENOSPC", 12),
                ]);
                Fault::Fails(name, error, 1 + dice.below(most) as u32)
            };
            self.add(night, Act::Fault(fault));
        }
    }

    pub fn of(&self, night: i64) -> &[Act] {
        self.0.get(&night).map_or(&[], Vec::as_slice)
    }

    /// Returns every act up to a night, a line each.
    pub fn told(&self, last: i64) -> String {
        let nights = self.0.range(..=last);
        nights
            .flat_map(|(night, acts)| acts.iter().map(move |act| format!("  night {night}: {act:?}\n")))
            .collect()
    }

    fn add(&mut self, night: i64, act: Act) {
        self.0.entry(night).or_default().push(act);
    }

    /// What reviewers say of an outage: in time or late, once or twice, and sometimes not for long.
    fn reviewed(&mut self, dice: &mut Dice, outage: Outage) {
        let Outage { day, from, to, service, region, answer } = outage;
        if dice.one_in(3) {
            return;
        }
        let is_to_uptime = answer == Answer::Unavailable;
        let within = if dice.one_in(5) { 12 } else { 3 };
        let night = day + 1 + dice.below(within);
        let to = to - 5 * dice.below((to - from) / 5);
        // Some say that they were written before they were seen.
        let created_us =
            if dice.one_in(6) { (day + 1) * DAY_US } else { (night + 1) * DAY_US + 60 * MINUTE_US };
        let id = format!("o{day}");
        let row =
            Row { id: id.clone(), is_to_uptime, day, from, to, service, region, approver: "bob", created_us };
        if dice.one_in(4) {
            let again = Row {
                id: format!("o{day}-again"),
                from: from + 5 * dice.below((to - from) / 5),
                ..row.clone()
            };
            self.add(night + dice.below(2), Act::Row(again));
        }
        self.add(night, Act::Row(row));
        match dice.below(4) {
            0 => self.add(night + 1 + dice.below(3), Act::Withdrawn(id)),
            1 => self.add(night + 1 + dice.below(3), Act::Edited(id)),
            _ => {}
        }
    }
}
