//! Selection: the postings of a day that a row selects, and the rows that hold them.

use std::collections::HashSet;
use std::ops::Range;

use polars::prelude::PolarsResult;

use super::Direction;
use super::override_row::Override;
use crate::facts::{Facts, Kind};
use crate::policy::{Group, PostingLine, Postings};

/// A posting by its content: slot, kind and caller's pseudonym.
pub type PostingKey = (u32, Kind, String);

/// Returns the postings of a day that were booked as bad, before overrides.
///
/// # Errors
/// The postings lack a column.
pub fn bad_postings(postings: &Postings) -> PolarsResult<HashSet<PostingKey>> {
    let bad = postings.originals(|account| account.group() == Group::Bad)?;
    Ok(bad.iter().map(|line| key(postings.facts(), line)).collect())
}

fn key(facts: &Facts, line: &PostingLine) -> PostingKey {
    (line.slot, facts.kinds()[line.kind as usize].clone(), facts.callers()[line.caller as usize].clone())
}

/// The postings of one day that overrides can move, each held by at most one row.
pub struct Movable<'a> {
    postings: &'a Postings,
    /// Original postings, by slot, without good and undecided ones.
    lines: Vec<PostingLine>,
    holders: Vec<Option<usize>>,
}

impl<'a> Movable<'a> {
    /// Collects the postings of a day in accounts that an override can move.
    pub fn new(postings: &'a Postings) -> PolarsResult<Self> {
        let is_movable = |group| Direction::ALL.into_iter().any(|direction| direction.takes_from(group));
        let mut lines = postings.originals(|account| is_movable(account.group()))?;
        lines.sort_by_key(|line| line.slot);
        let holders = vec![None; lines.len()];
        Ok(Self { postings, lines, holders })
    }

    pub fn line(&self, at: usize) -> &PostingLine {
        &self.lines[at]
    }

    /// Returns the slot, kind and caller of a posting: what it is, whatever edition it stands in.
    pub fn key(&self, at: usize) -> PostingKey {
        key(self.postings.facts(), &self.lines[at])
    }

    /// Returns the row that moves a posting, by the number that [`Movable::take`] got.
    pub fn holder(&self, at: usize) -> Option<usize> {
        self.holders[at]
    }

    /// Gives postings to a row.
    pub fn take(&mut self, lines: &[usize], holder: usize) {
        for at in lines {
            self.holders[*at] = Some(holder);
        }
    }

    /// Returns the postings that the row would move.
    ///
    /// All of its selectors match, and its direction takes from their account.
    pub fn selected(&self, row: &Override) -> Vec<usize> {
        let is_taken = |at: &usize| {
            let account = self.lines[*at].account;
            row.direction.takes_from(account.group()) && row.takes_account(account)
        };
        self.described(row).filter(is_taken).collect()
    }

    /// Returns the postings that all selectors but the account match.
    pub fn described<'r>(&'r self, row: &'r Override) -> impl Iterator<Item = usize> + use<'r, 'a> {
        let facts = self.postings.facts();
        let has = |selector: &Option<String>, value: &str| selector.as_deref().is_none_or(|s| s == value);
        let takes = move |kind: &Kind| {
            has(&row.service, &kind.service)
                && has(&row.region, &kind.region)
                && row.error_code.is_none_or(|code| code.takes(kind.error_code))
        };
        let slots = self.slots(row);
        let first = self.lines.partition_point(|line| line.slot < slots.start);
        let last = self.lines.partition_point(|line| line.slot < slots.end).max(first);
        // Most rows reach over few lines: thousands of rows must not each look at every kind.
        let is_long = last - first > facts.kinds().len();
        let kinds: Option<Vec<bool>> = is_long.then(|| facts.kinds().iter().map(takes).collect());
        (first..last).filter(move |at| {
            let line = &self.lines[*at];
            let kind = line.kind as usize;
            let is_kind = kinds.as_ref().map_or_else(|| takes(&facts.kinds()[kind]), |kinds| kinds[kind]);
            is_kind && row.takes_caller(&facts.callers()[line.caller as usize])
        })
    }

    /// Returns the slots of the day that start within the row.
    fn slots(&self, row: &Override) -> Range<u32> {
        let facts = self.postings.facts();
        let (day, length) = (facts.day().start_us(), facts.slot_length());
        // If slots are longer than when the row was written, it counts for the slots that start in
        // it.
        let slot = |us: i64| {
            let slots = us.saturating_sub(day).max(0) as u64;
            slots.div_ceil(length.us() as u64).min(u64::from(length.per_day())) as u32
        };
        slot(row.start_us)..slot(row.end_us)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::config::Vantage;
    use crate::day::{Day, SECOND_US, SlotLength};
    use crate::facts::{Fact, Reached, Stream};
    use crate::overrides::Code;
    use crate::overrides::override_row::tests::{row, us};
    use crate::policy::{Account, Booking};

    /// Ten events: slot, service, region, account, error code, caller.
    pub type SelectedEvent = (u32, &'static str, &'static str, Account, Option<i64>, &'static str);

    pub fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    /// Ten events of one caller of messages in `eu`.
    pub fn event(slot: u32, account: Account, code: Option<i64>) -> SelectedEvent {
        (slot, "messages", "eu", account, code, "c-1")
    }

    pub fn postings(day: Day, length: SlotLength, events: &[SelectedEvent]) -> Postings {
        let kind = |(_, service, region, account, code, _): &SelectedEvent| {
            // The account decides the kind here, so that every kind has one booking.
            let kind = Kind::bare(Stream::Request, account.name(), Vantage::FirstLayer, service, region);
            Kind { reached: Reached::Yes, error_code: *code, ..kind }
        };
        let kinds: Vec<Kind> = events.iter().map(kind).collect();
        let callers: Vec<String> = events.iter().map(|event| event.5.to_owned()).collect();
        let fact = |(at, event): (usize, &SelectedEvent)| {
            let at = u32::try_from(at).unwrap();
            Fact { slot: event.0, kind: at, caller: at, events: 10, sixtieths: 1 }
        };
        let rows = events.iter().enumerate().map(fact).collect();
        let facts = Facts::new(day, length, &kinds, &callers, rows, Vec::new()).unwrap();
        let verdict =
            |kind: &Kind| Booking { account: kind.source.parse().unwrap(), rule: "by-hand".to_owned() };
        let bookings = facts.kinds().iter().map(verdict).collect();
        Postings::new(facts, bookings).unwrap()
    }

    fn slots(movable: &Movable<'_>, row: &Override) -> Vec<u32> {
        movable.selected(row).into_iter().map(|at| movable.line(at).slot).collect()
    }

    /// A row from minute `start` to minute `end` after 2026-11-20T10:00.
    fn minutes(start: i64, end: i64) -> Override {
        let ten = us("2026-11-20T10:00:00Z");
        Override {
            start_us: ten + start * 60 * SECOND_US,
            end_us: ten + end * 60 * SECOND_US,
            ..row("a", Direction::ToUptime)
        }
    }

    #[test]
    fn a_row_holds_its_first_slot_and_not_the_one_at_its_end() {
        let events: Vec<SelectedEvent> =
            (0..1_440).map(|slot| event(slot, Account::BadPlatformError, Some(2))).collect();
        let of = |date| postings(day(date), SlotLength::Minute, &events);
        let (before, that, after) = (of("2026-11-19"), of("2026-11-20"), of("2026-11-21"));
        let [before, that, after] = [&before, &that, &after].map(|p| Movable::new(p).unwrap());
        assert_eq!(slots(&that, &minutes(0, 2)), [600, 601]);
        assert_eq!(slots(&that, &minutes(-600, -599)), [0]);
        assert_eq!(slots(&that, &minutes(839, 840)), [1_439]);
        // Over both midnights each day gives its own part.
        let long = minutes(-601, 842);
        let lengths = [&before, &that, &after].map(|movable| slots(movable, &long).len());
        assert_eq!((slots(&before, &long), lengths), (vec![1_439], [1, 1_440, 2]));
        // A row that ends with the day leaves the next day alone.
        assert_eq!(slots(&after, &minutes(0, 840)), Vec::<u32>::new());
        assert_eq!(slots(&before, &minutes(-600, 840)), Vec::<u32>::new());
    }

    #[test]
    fn longer_slots_than_the_row_was_cut_for_count_when_they_start_in_it() {
        let events: Vec<SelectedEvent> =
            (118..124).map(|slot| event(slot, Account::BadPlatformError, Some(2))).collect();
        let postings = postings(day("2026-11-20"), SlotLength::Minutes5, &events);
        let movable = Movable::new(&postings).unwrap();
        for (start, end, held) in [(0, 5, vec![120]), (1, 6, vec![121]), (1, 5, vec![]), (-4, 1, vec![120])] {
            assert_eq!(slots(&movable, &minutes(start, end)), held, "{start} {end}");
        }
    }

    #[test]
    fn each_selector_leaves_out_all_else() {
        let bad = Account::BadPlatformError;
        let events: [SelectedEvent; 5] = [
            (600, "messages", "eu", bad, Some(2), "c-1"),
            (601, "media", "eu", bad, Some(2), "c-1"),
            (602, "messages", "us", bad, Some(2), "c-1"),
            (603, "messages", "eu", bad, None, "c-1"),
            (604, "messages", "eu", Account::BadPlatformMissed, Some(2), "c-2"),
        ];
        let postings = postings(day("2026-11-20"), SlotLength::Minute, &events);
        let movable = Movable::new(&postings).unwrap();
        let any = row("a", Direction::ToUptime);
        let text = |text: &str| Some(text.to_owned());
        let found = |row: Override| slots(&movable, &row);
        assert_eq!(found(any.clone()), [600, 601, 602, 603, 604]);
        assert_eq!(found(Override { service: text("media"), ..any.clone() }), [601]);
        assert_eq!(found(Override { region: text("us"), ..any.clone() }), [602]);
        assert_eq!(found(Override { error_code: Some(Code::None), ..any.clone() }), [603]);
        assert_eq!(
            found(Override { error_code: Some(Code::Number(2)), ..any.clone() }),
            [600, 601, 602, 604]
        );
        assert_eq!(found(Override { business_id: text("c-2"), ..any.clone() }), [604]);
        assert_eq!(found(Override { account: text("bad:platform:missed"), ..any.clone() }), [604]);
        assert_eq!(
            found(Override { region: text("us"), business_id: text("c-2"), ..any }),
            Vec::<u32>::new()
        );
    }

    #[test]
    fn a_direction_takes_from_its_own_accounts_only() {
        let slot = |account: Account| 600 + account.code();
        let events: Vec<SelectedEvent> =
            Account::ALL.iter().map(|account| event(slot(*account), *account, Some(190))).collect();
        let postings = postings(day("2026-11-20"), SlotLength::Minute, &events);
        let movable = Movable::new(&postings).unwrap();
        let taken = |direction| {
            let row = Override { account: None, error_code: Some(Code::Number(190)), ..row("a", direction) };
            slots(&movable, &row)
        };
        let of = |groups: &[Group]| -> Vec<u32> {
            Account::ALL.into_iter().filter(|a| groups.contains(&a.group())).map(slot).collect()
        };
        assert_eq!(taken(Direction::ToUptime), of(&[Group::Bad]));
        assert_eq!(
            taken(Direction::ToDowntime),
            of(&[Group::User, Group::Excluded, Group::Suspense, Group::Unknown])
        );
    }
}
