//! Resolve: the daybooks of a day and of the days around it → the facts of the day as now known.
//!
//! A pure function of the daybooks: neither the order in which days were read, nor how often,
//! matters. A status that comes five days later leads to the same numbers as one in the day's own
//! files.

mod lost_evidence;
mod merge_join;
mod messages;
pub mod missing_logs;
mod notifications;
mod parts;
pub mod request_gaps;
mod spelling;
mod unreadable;
pub mod untold;
mod webhook_gaps;

use std::collections::BTreeMap;
use std::sync::Arc;

use lost_evidence::LostSpan;
use messages::OutcomeKey;
use messages::ambiguous_sends::{Orphan, Sends};
pub use parts::ResolveParts;
use spelling::SpellingCounts;
use unreadable::Undecided;
use webhook_gaps::Silence;

use crate::config::{Config, Log};
use crate::day::{DAY_US, Day, SECOND_US};
use crate::daybook::{self, Daybook, DaybookFolders};
use crate::error::Trouble;
use crate::facts::ids::{Id, Map};
use crate::facts::{
    Delays, Fact, Facts, Gap, Intake, Kind, Lost, MissingLog, OtherSpelling, Receipt, Reconciliation,
};

/// Returns the facts and the receipt of a day, from its daybook and those around it.
///
/// What `missing` logs could have settled is not known.
///
/// # Errors
/// [`Trouble::Usage`] without a daybook of the day; [`Trouble::Io`] or [`Trouble::Damaged`] if
/// one cannot be read; [`Trouble::Imbalance`] if the facts do not fit a frame.
pub fn resolve(
    day: Day,
    daybooks: &DaybookFolders,
    config: &Config,
    missing: &BTreeMap<Day, Vec<MissingLog>>,
    parts: ResolveParts,
) -> Result<Intake, Trouble> {
    let Some(folder) = daybooks.get(&day) else {
        return Err(Trouble::Usage(format!("{day} has no daybook")));
    };
    let mut own = daybook::read(folder)?;
    untold::decide(&mut own, daybooks)?;
    if !own.is_joined {
        return Resolver::new(day, own, BTreeMap::new(), config, missing).intake();
    }
    let reach = config.webhooks.reach_days();
    let mut around = BTreeMap::new();
    let mut known = DaybookFolders::new();
    for (other, folder) in daybooks.range(day.plus(-reach)..=day.plus(reach)) {
        if *other == day {
            known.insert(*other, folder.clone());
            continue;
        }
        // A day without webhook logs, or under another salt, has no items that could be matched.
        let head = daybook::head(folder)?;
        if head.is_joined && head.salt == own.salt {
            known.insert(*other, folder.clone());
            around.insert(*other, head);
        }
    }
    around.retain(|other, _| *other >= day.plus(-1));
    let mut resolver = Resolver::new(day, own, around, config, missing);
    let sends = Sends::read(&resolver, &known, reach)?;
    resolver.items(&sends, &known, &parts.ranges(&known)?, parts.threads)?;
    resolver.settle_sends(&sends)?;
    resolver.decide()?;
    resolver.leave_other_spellings_open();
    resolver.intake()
}

/// The webhook rows that prove how far the log of a region reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Speaks {
    OfMessages,
    OfItself,
}

/// Numbers of the kinds and callers of the day's own daybook.
struct OwnNumbers {
    kinds: Map<Kind, u32>,
    callers: Map<String, u32>,
}

/// What is known of a day, and what became of the items of some ids.
struct Resolver<'c> {
    day: Day,
    own: Arc<Daybook>,
    /// The heads of the day before and of later days within reach, without facts.
    around: Arc<BTreeMap<Day, Daybook>>,
    config: &'c Config,
    silences: Arc<Vec<Silence>>,
    /// Spans of missing logs, of the day and of the days within reach.
    lost: Arc<Vec<LostSpan>>,
    own_numbers: Arc<OwnNumbers>,
    /// Messages without a call that a call without an answer may have sent.
    orphans: Vec<Orphan>,
    /// Messages and notifications that are bad unless an unreadable row explains them.
    undecided: Undecided,
    spelling: SpellingCounts,
    other_spellings: Vec<OtherSpelling>,
    /// Latest instant up to which the webhook log of a region is known.
    watermarks: BTreeMap<(String, Speaks), Option<i64>>,
    /// Kinds and callers behind those of the day's own daybook.
    kinds: Vec<Kind>,
    callers: Vec<String>,
    kind_numbers: Map<Kind, u32>,
    /// Numbers of the kinds of messages, by the kind of the call and the outcome.
    outcome_kinds: Map<OutcomeKey, u32>,
    caller_numbers: Map<String, u32>,
    delays: Delays,
    /// Events by slot, kind and caller, with the sixtieths in which they began.
    resolved: Map<(u32, u32, u32), (i64, u64)>,
    counts: Reconciliation,
}

impl<'c> Resolver<'c> {
    fn new(
        day: Day,
        own: Daybook,
        around: BTreeMap<Day, Daybook>,
        config: &'c Config,
        missing: &BTreeMap<Day, Vec<MissingLog>>,
    ) -> Self {
        let kinds = own.kinds.iter().cloned().zip(0..).collect();
        let callers = own.callers.iter().cloned().zip(0..).collect();
        let numbers = Arc::new(OwnNumbers { kinds, callers });
        let mut resolver = Self::without_outcomes(day, config, Arc::new(own), Arc::new(around), numbers);
        resolver.lost = Arc::new(lost_evidence::spans(missing));
        resolver.silences = Arc::new(if resolver.own.is_joined { resolver.silences() } else { Vec::new() });
        resolver
    }

    fn without_outcomes(
        day: Day,
        config: &'c Config,
        own: Arc<Daybook>,
        around: Arc<BTreeMap<Day, Daybook>>,
        own_numbers: Arc<OwnNumbers>,
    ) -> Self {
        Self {
            day,
            config,
            own,
            around,
            own_numbers,
            silences: Arc::default(),
            lost: Arc::default(),
            orphans: Vec::new(),
            undecided: Undecided::default(),
            spelling: SpellingCounts::default(),
            other_spellings: Vec::new(),
            watermarks: BTreeMap::new(),
            kinds: Vec::new(),
            callers: Vec::new(),
            kind_numbers: Map::default(),
            outcome_kinds: Map::default(),
            caller_numbers: Map::default(),
            delays: Delays::default(),
            resolved: Map::default(),
            counts: Reconciliation::default(),
        }
    }

    fn silences(&self) -> Vec<Silence> {
        let is_like = |d: &&Daybook| d.slot_length == self.own.slot_length;
        let before = self.around.get(&self.day.plus(-1)).filter(is_like);
        let held_us = self.held_us();
        let later = (1..=1 + (held_us - 1) / DAY_US)
            .map_while(|n| self.around.get(&self.day.plus(n)).filter(is_like));
        let days: Vec<&Daybook> = before.into_iter().chain([&*self.own]).chain(later).collect();
        let (from, to) = (self.day.start_us(), self.day.end_us() + held_us);
        webhook_gaps::silences(&days).into_iter().filter(|s| s.touches(from, to)).collect()
    }

    fn deadline_us(&self) -> i64 {
        i64::from(self.config.webhooks.first_status_seconds) * SECOND_US
    }

    /// Returns how long a message or notification can change, from its admission or first attempt.
    fn window_us(&self) -> i64 {
        i64::from(self.config.webhooks.retry_days) * DAY_US
    }

    fn has_next(&self) -> bool {
        self.around.contains_key(&self.day.plus(1))
    }

    /// Returns the instant up to which webhook rows of a region are known, over consecutive days.
    fn watermark(&mut self, region: &str, speaks: Speaks) -> Option<i64> {
        let key = (region.to_owned(), speaks);
        if let Some(known) = self.watermarks.get(&key) {
            return *known;
        }
        // Only as far as day follows day: what lies behind a missing log proves nothing about it.
        let mut days: Vec<&Daybook> = vec![&*self.own];
        let mut last = None;
        loop {
            let lanes = match speaks {
                Speaks::OfMessages => webhook_gaps::lanes(&days, region),
                Speaks::OfItself => webhook_gaps::own_lanes(&days, region),
            };
            let newest = days.len() - 1;
            let own = lanes.iter().filter(|(at, _)| *at == newest).map(|(_, lane)| *lane);
            let has_next = self.around.get(&self.day.plus(newest as i64 + 1));
            let is_ahead_known = has_next.is_none() && newest == 0;
            let reached =
                own.flat_map(|lane| lane.last_us.into_iter().chain(lane.ahead_us.filter(|_| is_ahead_known)));
            let reached = reached.max();
            let is_waited_for =
                days[newest].lanes.iter().any(|lane| lane.region == region && !lane.admitted.is_empty());
            let is_whole =
                newest == 0 || !days[newest].has_lost(region) && (reached.is_some() || !is_waited_for);
            if !is_whole {
                break;
            }
            last = last.max(reached);
            match has_next {
                Some(next) => days.push(next),
                None => break,
            }
        }
        self.watermarks.insert(key, last);
        last
    }

    /// Returns the number of a caller; the empty one stands for not recorded.
    fn caller(&mut self, caller: &str) -> u32 {
        if let Some(number) = self.own_numbers.callers.get(caller).or_else(|| self.caller_numbers.get(caller))
        {
            return *number;
        }
        let number = (self.own.callers.len() + self.callers.len()) as u32;
        self.callers.push(caller.to_owned());
        self.caller_numbers.insert(caller.to_owned(), number);
        number
    }

    fn kind(&mut self, kind: Kind) -> u32 {
        if let Some(number) = self.own_numbers.kinds.get(&kind).or_else(|| self.kind_numbers.get(&kind)) {
            return *number;
        }
        let number = (self.own.kinds.len() + self.kinds.len()) as u32;
        self.kinds.push(kind.clone());
        self.kind_numbers.insert(kind, number);
        number
    }

    /// Iterates over all kinds, in the order of their numbers.
    fn all_kinds(&self) -> impl Iterator<Item = &Kind> {
        self.own.kinds.iter().chain(&self.kinds)
    }

    /// Returns a kind of the day's own items.
    fn kind_of(&self, kind: u32, id: Id) -> Result<&Kind, Trouble> {
        self.own.kinds.get(kind as usize).ok_or_else(|| self.damaged(self.day, id))
    }

    /// Checks a caller of the day's own items.
    fn caller_of(&self, caller: u32, id: Id) -> Result<u32, Trouble> {
        let is_there = (caller as usize) < self.own.callers.len();
        if is_there { Ok(caller) } else { Err(self.damaged(self.day, id)) }
    }

    fn damaged(&self, day: Day, id: Id) -> Trouble {
        Trouble::Damaged {
            path: format!("the daybook of {day}").into(),
            why: format!("an item ({id:024x}) names a kind or caller that is not there"),
        }
    }

    /// Counts one event that began at an instant of the day.
    fn resolve_one(&mut self, us: i64, kind: u32, caller: u32) {
        let offset_us = (us - self.day.start_us()).clamp(0, DAY_US - 1);
        let place = self.own.slot_length.place(offset_us);
        let (events, sixtieths) = self.resolved.entry((place.slot, kind, caller)).or_default();
        *events += 1;
        // Sixtieths of some of the day's events alone would tell of no other events between them.
        *sixtieths |= if self.own.has_sixtieths { place.bit() } else { 0 };
    }

    fn intake(mut self) -> Result<Intake, Trouble> {
        let mut rows = self.own_facts();
        let of = |((slot, kind, caller), (events, sixtieths))| Fact { slot, kind, caller, events, sixtieths };
        rows.extend(std::mem::take(&mut self.resolved).into_iter().map(of));
        let Self { day, own, kinds, callers, mut delays, config, silences, other_spellings, .. } = self;
        let mut reconciliation = self.counts;
        let own = Arc::unwrap_or_clone(own);
        reconciliation.add(&Reconciliation {
            statuses: own.tally.statuses,
            attempts: own.tally.attempts,
            admitted_again: own.tally.admitted_again,
            ..Reconciliation::default()
        });
        delays.merge(&own.delays);
        let length = own.slot_length;
        let kinds: Vec<Kind> = own.kinds.into_iter().chain(kinds).collect();
        let callers: Vec<String> = own.callers.into_iter().chain(callers).collect();
        let facts = Facts::new(day, length, &kinds, &callers, rows, own.evidence)
            .map_err(|e| Trouble::Imbalance(format!("the facts do not fit a frame: {e}")))?;
        let slot_of = |us: i64| (us - day.start_us()).clamp(0, DAY_US) / length.us();
        let sources: Vec<&str> =
            (config.sources.iter()).filter(|s| s.log == Log::Webhooks).map(|s| s.name.as_str()).collect();
        let gaps = silences.iter().map(|silence| Gap {
            lost: Lost::Outcomes,
            source: sources.join(", "),
            region: silence.region.clone(),
            services: silence.services.clone(),
            start_slot: slot_of(silence.start_us) as u32,
            end_slot: slot_of(silence.end_us) as u32,
            expected: silence.admitted,
            file: None,
        });
        let gaps = gaps.filter(|gap| gap.start_slot < gap.end_slot).collect();
        Ok(Intake {
            facts,
            receipt: Receipt {
                latencies: own.latencies,
                delays,
                reconciliation,
                gaps,
                tally: own.tally,
                is_joined: own.is_joined,
                other_spellings,
                fields: own.fields,
                files: own.files,
                callers: own.callers_by_hour,
                quarantine: own.quarantine,
            },
        })
    }
}
