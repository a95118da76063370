//! Refusals: the reasons why a well-formed row is not applied, with the remedy.

use std::fmt;

use crate::day::{Day, rfc3339};
use crate::policy::Direction;

/// The reason why a well-formed row is not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Written after its window closed.
    Late { direction: Direction, closes_us: i64, created_at_us: i64 },
    /// Said to be written in time, but first seen by a run long after the window closed.
    BackDated { closes_us: i64, created_at_us: i64, first_seen_us: i64, grace_hours: u32 },
    /// First seen after its window, which late evidence has opened again, and not about that alone.
    NotLate { closes_us: i64, first_seen_us: i64 },
    /// Said to be written after the run that first saw it.
    Future { created_at_us: i64, first_seen_us: i64 },
    /// One of its days is sealed.
    Sealed { day: Day },
    /// No posting that it could move.
    NoEffect,
    /// Another row moves some of the same counts in the same direction.
    Overlaps(Conflict),
    /// Another row moves some of the same counts in the other direction.
    Contradicts(Conflict),
}

/// Counts that another row moves already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub other: String,
    pub day: Day,
    pub events: i64,
    /// True if the day is sealed, so that the other row stays, whether in the file or not.
    pub is_final: bool,
}

impl Refusal {
    /// Returns the word in reports; stable.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Late { .. } => "late",
            Self::BackDated { .. } => "back-dated",
            Self::NotLate { .. } => "not-late",
            Self::Future { .. } => "future",
            Self::Sealed { .. } => "sealed",
            Self::NoEffect => "no-effect",
            Self::Overlaps(_) => "overlaps",
            Self::Contradicts(_) => "contradicts",
        }
    }

    /// Returns whether a stored reason still tells why the row is refused.
    ///
    /// However its day goes on, a row that came too late did so; and the remedy of an overlap says
    /// what holds before and after the seal.
    pub fn is_told_by(&self, why: &str) -> bool {
        let is_same = || why.starts_with(&format!("{}: {};", self.name(), self.what()));
        (is_too_late(self.name()) && is_too_late(why)) || is_same()
    }

    /// Returns the column of the row at fault.
    pub fn column(&self) -> &'static str {
        Self::column_of(self.name())
    }

    /// Returns the column at fault of a refusal with this name.
    pub fn column_of(name: &str) -> &'static str {
        match name {
            "sealed" | "no-effect" | "overlaps" => "start",
            "contradicts" => "direction",
            _ => "created_at",
        }
    }

    /// Returns the finding.
    pub fn what(&self) -> String {
        match self {
            Self::Late { closes_us, created_at_us, .. } => format!(
                "written at {}, after its window had closed at {}",
                rfc3339(*created_at_us),
                rfc3339(*closes_us)
            ),
            Self::BackDated { closes_us, created_at_us, first_seen_us, grace_hours } => format!(
                "said to be written at {}, and first seen by the run of {}: more than {grace_hours} hours after its window \
                 had closed at {}",
                rfc3339(*created_at_us),
                rfc3339(*first_seen_us),
                rfc3339(*closes_us)
            ),
            Self::NotLate { closes_us, first_seen_us } => format!(
                "first seen by the run of {}, after its window had closed at {}: it may move the failures that came later, and it \
                 selects others too",
                rfc3339(*first_seen_us),
                rfc3339(*closes_us)
            ),
            Self::Future { created_at_us, first_seen_us } => format!(
                "said to be written at {}, and seen by the run of {} already",
                rfc3339(*created_at_us),
                rfc3339(*first_seen_us)
            ),
            Self::Sealed { day } => format!("{day} is sealed, and nothing of it can become uptime any more"),
            Self::NoEffect => "it selects nothing that its direction could move".to_owned(),
            Self::Overlaps(Conflict { other, day, events, .. }) => {
                format!("row `{other}` moves {} of {day} already", counted(*events))
            }
            Self::Contradicts(Conflict { other, day, events, .. }) => {
                format!("row `{other}` moves {} of {day} the other way", counted(*events))
            }
        }
    }

    /// Returns the remedy.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Late { direction: Direction::ToUptime, .. } => {
                "remove the row: what is not reviewed within its window stays as it is booked (R2)"
            }
            Self::Late { direction: Direction::ToDowntime, .. } => "remove the row: the month is final (R20)",
            Self::BackDated { .. } => {
                "remove the row: it must be in the override file while its window is open, whatever created_at says"
            }
            Self::NotLate { .. } => {
                "narrow the row to the minutes and codes that came late (uptime-ledger diff shows them); the mended row counts as a \
                 new one"
            }
            Self::Future { .. } => {
                "write into created_at when the row was written, in UTC or with its offset; the mended row counts as a new one"
            }
            Self::Sealed { .. } => "remove the row, or let it begin after the sealed days",
            Self::NoEffect => {
                "compare its times and selectors with daily/<day>/accounts: to_uptime moves what is in bad:*, to_downtime what is \
                 in user:* and excluded:*; what is bad already is not booked twice (R10)"
            }
            Self::Overlaps(Conflict { is_final: true, .. })
            | Self::Contradicts(Conflict { is_final: true, .. }) => {
                "remove this row, or narrow it until the two have nothing in common: the day is sealed, and the other row stays"
            }
            Self::Overlaps(_) => {
                "narrow one of the two rows until they have nothing in common, or remove one; once the day is sealed, only this one can \
                 give way"
            }
            Self::Contradicts(_) => {
                "agree on one direction and remove the other row, or narrow one until they have nothing in common; once the day is \
                 sealed, only this one can give way"
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what(), self.remedy())
    }
}

/// Returns whether a stored reason, which begins with its word, is that a row came too late.
fn is_too_late(why: &str) -> bool {
    let word = why.split_once(':').map_or(why, |(word, _)| word);
    matches!(word, "late" | "back-dated" | "not-late" | "sealed")
}

fn counted(events: i64) -> String {
    format!("{events} event{}", if events == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overrides::COLUMNS;

    #[test]
    fn every_refusal_says_what_and_what_to_do_and_where() {
        let (direction, day) = (Direction::ToUptime, "2026-11-20".parse().unwrap());
        let met = |events, is_final| Conflict { other: "ov-1".to_owned(), day, events, is_final };
        let all = [
            Refusal::Late { direction, closes_us: 0, created_at_us: 1 },
            Refusal::Late { direction: Direction::ToDowntime, closes_us: 0, created_at_us: 1 },
            Refusal::BackDated { closes_us: 0, created_at_us: 0, first_seen_us: 1, grace_hours: 24 },
            Refusal::Future { created_at_us: 1, first_seen_us: 0 },
            Refusal::Sealed { day },
            Refusal::NoEffect,
            Refusal::Overlaps(met(1, false)),
            Refusal::Contradicts(met(2, false)),
            Refusal::Overlaps(met(1, true)),
            Refusal::Contradicts(met(2, true)),
        ];
        for refusal in &all {
            assert!(COLUMNS.contains(&refusal.column()));
            assert_eq!(refusal.to_string(), format!("{}; {}", refusal.what(), refusal.remedy()));
        }
        assert_eq!(all[6].what(), "row `ov-1` moves 1 event of 2026-11-20 already");
        assert_eq!(all[7].what(), "row `ov-1` moves 2 events of 2026-11-20 the other way");
        let stays = |refusal: &&Refusal| refusal.remedy().contains("the other row stays");
        assert_eq!(all.iter().filter(stays).count(), 2);
    }
}
