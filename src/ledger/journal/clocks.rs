//! Clocks of the journal: when a run's clock is doubted, and the instants that lines count as of.
//!
//! Seals, first sights and acknowledgements go by the wall clock, so a clock that is wrong for one
//! night must neither close the ledger nor hold against it later.

use chrono::{DateTime, TimeDelta, Utc};

use super::JournalLine;
use super::entry::Entry;
use crate::attention::CLOCK;
use crate::clock::Clock;
use crate::day::rfc3339;

/// Longest silence of a ledger after which a clock is believed, in days.
///
/// The job runs once a day; a month without a run may be a long outage of the machine.
const LONGEST_SILENCE_DAYS: i64 = 35;

/// Longest step back that counts as none, in minutes: a clock that was set right.
const LONGEST_STEP_BACK_MINUTES: i64 = 5;

impl JournalLine {
    /// Returns the wall clock of the line; lines of version 0.1.0 have one instant for both.
    pub fn wall(&self) -> DateTime<Utc> {
        self.wall.unwrap_or(self.at)
    }
}

/// Explains why the wall clock of a run is not believed after `last`; `None` if it is.
pub fn doubt(last: Option<&JournalLine>, wall: DateTime<Utc>) -> Option<String> {
    let last = last?.wall();
    let ago = wall - last;
    let shown = |instant: DateTime<Utc>| rfc3339(instant.timestamp_micros());
    let (place, cause) = if ago > TimeDelta::days(LONGEST_SILENCE_DAYS) {
        (
            format!("{} days after", ago.num_days()),
            "either no run was made for so long, or the clock is wrong",
        )
    } else if ago < -TimeDelta::minutes(LONGEST_STEP_BACK_MINUTES) {
        (length(-ago) + " before", "either it is wrong, or it was wrong when that line was written")
    } else {
        return None;
    };
    Some(format!(
        "the clock ({}) is {place} the last line of the ledger ({}): {cause}; nothing was written. Set the clock right, or, if it \
         is right, go on from it",
        shown(wall),
        shown(last)
    ))
}

fn length(time: TimeDelta) -> String {
    match (time.num_days(), time.num_hours()) {
        (0, 0) => format!("{} minutes", time.num_minutes()),
        (0, hours) => format!("{hours} hours"),
        (days, _) => format!("{days} days"),
    }
}

/// Returns the clock that a run works by: a small step back counts as the last line's instants.
pub fn steady(last: Option<&JournalLine>, clock: Clock) -> Clock {
    let Some(last) = last else { return clock };
    let is_near = |instant| last.at - instant <= TimeDelta::minutes(LONGEST_STEP_BACK_MINUTES);
    let at = if clock.at < last.at && is_near(clock.at) { last.at } else { clock.at };
    Clock { at, wall: clock.wall.max(last.wall()) }
}

/// Returns whether a line accepts the clock of its run.
pub fn is_accepted(entry: &Entry) -> bool {
    matches!(entry, Entry::Acknowledged(said) if said.key == CLOCK)
}

/// Gives earlier lines with a later clock the instant that a person has accepted instead.
pub fn settle(lines: &mut [JournalLine]) {
    let accepted: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| is_accepted(&line.entry)).map(|(at, _)| at).collect();
    for at in accepted {
        let (earlier, rest) = lines.split_at_mut(at);
        let wall = rest[0].wall();
        for line in earlier {
            line.at = line.at.min(wall);
            line.wall = line.wall.map(|own| own.min(wall));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::Acknowledgement;
    use crate::clock::ClockSource;

    fn line(at: &str, entry: Entry) -> JournalLine {
        let at = at.parse().unwrap();
        JournalLine { seq: 1, at, wall: Some(at), previous: String::new(), entry }
    }

    fn ledger(at: &str) -> JournalLine {
        line(at, Entry::Ledger { format: 1, clock: ClockSource::Real })
    }

    fn accepted(at: &str) -> JournalLine {
        let said = Acknowledgement {
            key: CLOCK.to_owned(),
            author: "ann".to_owned(),
            approver: Some("bob".to_owned()),
            reason: "set right".to_owned(),
            until: None,
            measure: 1,
            spans: Vec::new(),
            files: None,
        };
        line(at, Entry::Acknowledged(said))
    }

    #[test]
    fn a_clock_is_believed_for_thirty_five_days_and_five_minutes_back() {
        let last = ledger("2026-11-20T03:00:00Z");
        let is_doubted = |wall: &str| doubt(Some(&last), wall.parse().unwrap()).is_some();
        assert!(!is_doubted("2026-12-25T03:00:00Z") && is_doubted("2026-12-25T03:00:01Z"));
        assert!(!is_doubted("2026-11-20T02:55:00Z") && is_doubted("2026-11-20T02:54:59Z"));
        assert_eq!(doubt(None, "2062-01-01T00:00:00Z".parse().unwrap()), None);
        let told = doubt(Some(&last), "2026-11-19T01:00:00Z".parse().unwrap()).unwrap();
        assert!(told.starts_with("the clock (2026-11-19T01:00:00Z) is 1 days before"), "{told}");
    }

    #[test]
    fn a_small_step_back_counts_as_none() {
        let last = ledger("2026-11-20T03:00:00Z");
        let given = |at: &str| Clock::given(at.parse().unwrap());
        assert_eq!(steady(Some(&last), given("2026-11-20T02:56:00Z")), given("2026-11-20T03:00:00Z"));
        assert_eq!(steady(Some(&last), given("2026-11-20T03:01:00Z")), given("2026-11-20T03:01:00Z"));
    }

    #[test]
    fn earlier_lines_count_as_of_the_accepted_instant() {
        let mut lines = [
            ledger("2026-11-20T03:00:00Z"),
            ledger("2026-12-20T03:00:00Z"),
            accepted("2026-11-21T03:00:00Z"),
            ledger("2026-11-22T03:00:00Z"),
        ];
        settle(&mut lines);
        let walls: Vec<String> = lines.iter().map(|line| line.wall().to_string()).collect();
        let days: Vec<&str> = walls.iter().map(|wall| &wall[..10]).collect();
        assert_eq!(days, ["2026-11-20", "2026-11-21", "2026-11-21", "2026-11-22"]);
        assert!(lines.iter().all(|line| line.at == line.wall()));
    }
}
