//! A day's books, read once to explain any of its slots.

use std::collections::{BTreeMap, BTreeSet};

use super::verdict::{because, flips_when};
use super::{AppliedOverride, EditionOfSlot, ExplainedPosting, Explanation, RunOfSlots, ServiceVerdict};
use crate::day::{Day, rfc3339};
use crate::facts::{Gap, Kind};
use crate::ledger::{Basis, Cause, Edition, Extent, Ledger, Settings};
use crate::measure::Outage;
use crate::overrides::{Override, adjust};
use crate::policy::{Account, Group, Policy, Postings, Sum};
use crate::queries::booked_day::BookedDay;
use crate::queries::reported;
use crate::report::RedSlot;
use crate::report::missing_evidence::told;
use crate::slots::{Cell, Scope, ScopeKind, Side, SlotTally, State};
use crate::table::word;

/// Callers and codes shown for a slot.
const SHOWN: usize = 5;

/// The standing edition of a day with the facts and rules it was booked from, read once.
pub struct DayExplainer {
    edition: Edition,
    /// Spans in which a log of the day is missing.
    gaps: Vec<Gap>,
    policy: Policy,
    /// After overrides.
    postings: Postings,
    /// Events of each slot, by kind and account.
    accounts: BTreeMap<u32, Vec<Sum<2, (usize, Account)>>>,
    /// Bad events of each slot, by kind and caller.
    callers: BTreeMap<u32, Vec<Sum<3, usize>>>,
    outages: Vec<Outage>,
    /// Length from which a run of down slots counts.
    min_run_seconds: u32,
    /// All editions of the day, oldest first.
    editions: Vec<EditionOfDay>,
}

struct EditionOfDay {
    edition: Edition,
    published_at: String,
    causes: Vec<&'static str>,
    is_adjusting: bool,
}

impl DayExplainer {
    /// Reads the standing edition of a day, with its basis and its policy.
    ///
    /// # Errors
    /// The day has no edition, or the ledger cannot be read.
    pub fn read(ledger: &Ledger, day: Day) -> anyhow::Result<Self> {
        let edition = ledger.read(day, Extent::Whole)?;
        let Basis { facts, gaps, .. } = ledger.basis(day, edition.number)?;
        let policy = ledger.policy(&edition.policy)?;
        let rows: Vec<Override> = edition.overrides.iter().map(|applied| applied.row.clone()).collect();
        let (postings, _) = adjust(&policy.classify(facts)?, &rows)?;
        Self::by(policy, ledger, BookedDay { edition, gaps, postings })
    }

    /// Takes the standing edition from memory instead of reading it back.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn of(ledger: &Ledger, booked_day: BookedDay) -> anyhow::Result<Self> {
        Self::by(ledger.policy(&booked_day.edition.policy)?, ledger, booked_day)
    }

    fn by(policy: Policy, ledger: &Ledger, booked_day: BookedDay) -> anyhow::Result<Self> {
        let BookedDay { mut edition, gaps, postings } = booked_day;
        let day = edition.day;
        let accounts = by_slot(postings.sums(["slot", "class"], |kind, account| Some((kind, account)))?);
        let bad = |kind, account: Account| (account.group() == Group::Bad).then_some(kind);
        let callers = by_slot(postings.sums(["slot", "class", "caller"], bad)?);
        let (outages, min_run_seconds) = match ledger.record().settings.as_ref().map(Settings::config) {
            Some(config) => {
                let figures = reported::figures(ledger, &BTreeSet::from([day]), &config)?;
                figures.restate(&mut edition);
                (figures.outages, config.measure.min_run_seconds)
            }
            None => (Vec::new(), 0),
        };
        let editions = editions(ledger, &edition)?;
        Ok(Self { edition, gaps, policy, postings, accounts, callers, outages, min_run_seconds, editions })
    }

    pub const fn edition(&self) -> &Edition {
        &self.edition
    }

    /// Returns the edition, and the spans in which a log of the day is missing.
    pub fn into_parts(self) -> (Edition, Vec<Gap>) {
        (self.edition, self.gaps)
    }

    /// Returns the postings after overrides.
    pub const fn postings(&self) -> &Postings {
        &self.postings
    }

    /// Explains the state of a slot of a scope.
    pub fn explain(&self, scope: &Scope, slot: u32) -> Explanation {
        let Self { edition, .. } = self;
        let cell = cell(edition, scope, slot);
        let start_us = edition.day.start_us() + i64::from(slot) * edition.slot_length().us();
        let end_us = start_us + edition.slot_length().us();
        let is_here = |row: &&Override| {
            row.start_us < end_us
                && start_us < row.end_us
                && row.service.as_ref().is_none_or(|s| edition.definition.includes(scope, s))
                && (scope.is_all_regions() || row.region.as_ref().is_none_or(|r| **r == *scope.region))
        };
        let rows = edition.overrides.iter().map(|applied| &applied.row);
        let gaps = self.gaps.iter().filter(|g| (g.start_slot..g.end_slot).contains(&slot));
        let bad = self.callers.get(&slot).map(Vec::as_slice).unwrap_or_default();
        let bad: Vec<&Sum<3, usize>> =
            bad.iter().filter(|sum| self.is_of(scope, self.kind(sum.class))).collect();
        let code = |sum: &Sum<3, usize>| {
            self.kind(sum.class).error_code.map_or_else(|| "none".to_owned(), |code| code.to_string())
        };
        let caller = |sum: &Sum<3, usize>| match self.postings.facts().callers()[sum.key[2] as usize].as_str()
        {
            "" => "-".to_owned(),
            caller => caller.to_owned(),
        };
        Explanation {
            slot_start: rfc3339(start_us),
            slot_end: rfc3339(end_us),
            scope_kind: scope.kind.name(),
            scope: scope.name.to_string(),
            region: scope.region.to_string(),
            state: cell.net.state.name(),
            state_gross: cell.gross.state.name(),
            services: self.services(scope, slot),
            run: self.run(scope, start_us),
            postings: self.lines(scope, slot),
            top_error_codes: top(bad.iter().map(|sum| (code(sum), sum.net))),
            top_callers: top(bad.iter().map(|sum| (caller(sum), sum.net))),
            overrides: rows.filter(is_here).map(applied).collect(),
            editions: self.editions.iter().map(|of_day| of_day.slot(scope, slot)).collect(),
            edition: edition.number,
            day_state: edition.state.name(),
            incomplete_month: None,
            gaps: gaps
                .map(|gap| told(gap, if gap.file.is_some() { "in this hour" } else { "then" }))
                .collect(),
        }
    }

    /// Explains the slots of the day that are down after overrides.
    ///
    /// The explanations of a slot cover all scopes that were down in it: components first, and a
    /// single service or region only if no wider scope that contains it was down too.
    pub fn red(&self) -> BTreeMap<u32, Vec<RedSlot>> {
        let slots = &self.edition.slots;
        let mut red: BTreeMap<u32, Vec<RedSlot>> = BTreeMap::new();
        // Scopes are sorted from wide to narrow.
        for (at, scope) in slots.scopes().iter().enumerate() {
            for (slot, state) in (0_u32..).zip(&**slots.book(at, Side::Net).states()) {
                if *state != State::Down {
                    continue;
                }
                let answers = red.entry(slot).or_default();
                if !answers.iter().any(|answer| self.covers(&answer.scope, scope)) {
                    let text = self.explain(scope, slot).to_string();
                    answers.push(RedSlot { scope: scope.clone(), text });
                }
            }
        }
        red
    }

    /// True if `wide` sums over everything that `narrow` sums over.
    fn covers(&self, wide: &Scope, narrow: &Scope) -> bool {
        let is_there = wide.is_all_regions() || wide.region == narrow.region;
        let is_part = match narrow.kind {
            ScopeKind::Component => wide.kind == narrow.kind && wide.name == narrow.name,
            ScopeKind::Service => self.edition.definition.includes(wide, &narrow.name),
        };
        is_there && is_part
    }

    fn kind(&self, number: usize) -> &Kind {
        &self.postings.facts().kinds()[number]
    }

    fn is_of(&self, scope: &Scope, kind: &Kind) -> bool {
        let is_there = scope.is_all_regions() || *scope.region == *kind.region;
        is_there && self.edition.definition.includes(scope, &kind.service)
    }

    fn services(&self, of: &Scope, slot: u32) -> Vec<ServiceVerdict> {
        let measure = self.edition.definition.measure();
        let is_part = |s: &&Scope| {
            s.kind == ScopeKind::Service
                && s.region == of.region
                && self.edition.definition.includes(of, &s.name)
        };
        let scopes = self.edition.slots.scopes().iter().filter(is_part);
        let verdict = |scope: &Scope| {
            let SlotTally { events, state } = cell(&self.edition, scope, slot).net;
            let judged = self.edition.slots.judged_at(scope, Side::Net, slot, &measure);
            ServiceVerdict {
                service: scope.name.to_string(),
                state: state.name(),
                good: events.good(),
                bad: events.bad(),
                user: events.of(Group::User),
                excluded: events.of(Group::Excluded),
                pending: events.of(Group::Pending),
                suspense: events.of(Group::Suspense),
                unknown: events.of(Group::Unknown),
                because: because(state, events.total(), &judged, &measure),
                flips_when: flips_when(state, &judged, &measure),
            }
        };
        scopes.map(verdict).collect()
    }

    /// Groups the postings of the slot by account, rule and the attributes that are shown.
    fn lines(&self, scope: &Scope, slot: u32) -> Vec<ExplainedPosting> {
        let mut lines: Vec<ExplainedPosting> = Vec::new();
        for sum in self.accounts.get(&slot).into_iter().flatten() {
            let (number, account) = sum.class;
            let kind = self.kind(number);
            if !self.is_of(scope, kind) || (sum.gross, sum.net) == (0, 0) {
                continue;
            }
            let rule = &self.postings.bookings()[number].rule;
            let known = self.policy.rule(rule);
            let day = self.edition.day;
            let entry = |code| self.policy.catalogue().entry(code, kind.error_subcode, day);
            let title = kind.error_code.and_then(entry);
            let line = ExplainedPosting {
                account: account.name().to_owned(),
                events: sum.net,
                events_gross: sum.gross,
                because: known
                    .map_or_else(|| "No rule of the policy matches.".to_owned(), |r| r.because.clone()),
                cites: known.map(|r| r.cites.clone()).unwrap_or_default(),
                rule: rule.clone(),
                stream: word(&kind.stream),
                service: kind.service.clone(),
                region: kind.region.clone(),
                http_status: kind.http_status,
                error_code: kind.error_code,
                error_title: title.map(|entry| entry.title.clone()),
                symptom: word(&kind.symptom),
                outcome: word(&kind.outcome),
                timing: word(&kind.timing),
                evidence: self.evidence(slot, number as u32),
            };
            match lines.iter_mut().find(|l| l.is_like(&line)) {
                Some(same) => same.join(line),
                None => lines.push(line),
            }
        }
        let rank = |line: &ExplainedPosting| match line.account.split(':').next() {
            Some("bad") => 0,
            Some("suspense" | "pending" | "unknown") => 1,
            Some("good") => 3,
            _ => 2,
        };
        lines.sort_by(|a, b| (rank(a), -a.events, &a.rule).cmp(&(rank(b), -b.events, &b.rule)));
        lines
    }

    fn evidence(&self, slot: u32, kind: u32) -> Vec<String> {
        // Evidence is sorted by slot and kind.
        let all = self.postings.facts().evidence();
        let first = all.partition_point(|found| (found.slot, found.kind) < (slot, kind));
        let found = all[first..].iter().take_while(|found| (found.slot, found.kind) == (slot, kind));
        let shown = |file: u32| self.edition.intake.get(file as usize).map_or("?", |f| f.path.as_str());
        found.flat_map(|found| &found.rows).map(|row| format!("{}:{}", shown(row.file), row.row)).collect()
    }

    /// Finds the outage of the scope that contains the slot.
    fn run(&self, scope: &Scope, start_us: i64) -> Option<RunOfSlots> {
        let holds = |o: &&Outage| o.scope == *scope && (o.start_us..o.end_us).contains(&start_us);
        self.outages.iter().find(holds).map(|o| RunOfSlots {
            start: rfc3339(o.start_us),
            end: rfc3339(o.end_us),
            down_seconds: o.down_seconds,
            at_least_seconds: o.at_least_seconds,
            at_most_seconds: o.at_most_seconds,
            is_ongoing: o.is_ongoing,
            is_counted: o.is_counted,
            is_narrow: o.is_narrow,
            class: o.class.name(),
            callers_hit: o.callers_hit,
            callers_active: o.callers_active.map(|active| active.count),
            leave_out: o.leave_out,
            min_run_seconds: self.min_run_seconds,
        })
    }
}

impl EditionOfDay {
    /// Returns the counts and the state of a slot in this edition.
    fn slot(&self, scope: &Scope, slot: u32) -> EditionOfSlot {
        let tally = cell(&self.edition, scope, slot).net;
        EditionOfSlot {
            edition: self.edition.number,
            published_at: self.published_at.clone(),
            day_state: self.edition.state.name(),
            causes: self.causes.clone(),
            is_adjusting: self.is_adjusting,
            state: tally.state.name(),
            good: tally.events.good(),
            bad: tally.events.bad(),
        }
    }
}

impl ExplainedPosting {
    /// True if two lines look alike to a reader.
    ///
    /// Attributes of recipients and clients are ignored: rules may look at them, but readers need
    /// not.
    fn is_like(&self, other: &Self) -> bool {
        let key = |l: &Self| {
            let words =
                [&l.account, &l.rule, &l.stream, &l.service, &l.region, &l.symptom, &l.outcome, &l.timing];
            (words.map(String::clone), l.http_status, l.error_code)
        };
        key(self) == key(other)
    }

    fn join(&mut self, other: Self) {
        self.events += other.events;
        self.events_gross += other.events_gross;
        self.evidence.extend(other.evidence);
        self.evidence.sort();
        self.evidence.truncate(3);
    }
}

pub fn cell(edition: &Edition, scope: &Scope, slot: u32) -> Cell {
    edition.slots.cells(scope).nth(slot as usize).unwrap_or_default()
}

fn by_slot<const N: usize, K>(sums: Vec<Sum<N, K>>) -> BTreeMap<u32, Vec<Sum<N, K>>> {
    let mut slots: BTreeMap<u32, Vec<Sum<N, K>>> = BTreeMap::new();
    for sum in sums {
        slots.entry(sum.key[0]).or_default().push(sum);
    }
    slots
}

/// Returns the most frequent names, with their counts, largest first.
fn top(counts: impl Iterator<Item = (String, i64)>) -> Vec<(String, i64)> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for (name, n) in counts {
        *sums.entry(name).or_default() += n;
    }
    let mut sums: Vec<_> = sums.into_iter().filter(|(_, n)| *n != 0).collect();
    sums.sort_by_key(|(_, n)| -n);
    sums.truncate(SHOWN);
    sums
}

fn applied(row: &Override) -> AppliedOverride {
    AppliedOverride {
        id: row.id.clone(),
        direction: row.direction.name(),
        reason: row.reason.clone(),
        ticket: row.ticket.clone(),
        author: row.author.clone(),
        approver: row.approver.clone(),
        to: row.to.clone(),
    }
}

/// Reads all editions of a day; `known` is the one that is read already.
fn editions(ledger: &Ledger, known: &Edition) -> anyhow::Result<Vec<EditionOfDay>> {
    let day = known.day;
    let record = ledger.record().days.get(&day).cloned().unwrap_or_default();
    let read = |e: &crate::ledger::EditionRecord| -> anyhow::Result<EditionOfDay> {
        let number = e.publication.edition;
        let is_known = number == known.number;
        let edition = if is_known { known.clone() } else { ledger.edition(day, number, Extent::Slots)? };
        Ok(EditionOfDay {
            edition,
            published_at: rfc3339(e.at.timestamp_micros()),
            causes: e.publication.causes.iter().map(Cause::name).collect(),
            is_adjusting: e.publication.is_adjusting,
        })
    };
    record.editions.iter().map(read).collect()
}
