//! Explaining: why a slot is what it is, from the ledger alone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::reported;
use crate::config::Measure;
use crate::day::{Day, rfc3339};
use crate::error::Trouble;
use crate::intake::Kind;
use crate::ledger::{Basis, Edition, Extent, Ledger, Settings, word};
use crate::overrides::{Row, adjust};
use crate::policy::{Account, Group, Policy, Postings};
use crate::slots::{ALL_REGIONS, Cell, Scope, ScopeKind, State, Tally};

/// Callers and codes that are shown.
const SHOWN: usize = 5;

/// What is asked.
pub struct Question {
    pub at: DateTime<Utc>,
    /// A service or component; the worst component when absent.
    pub scope: Option<String>,
    /// All regions when absent.
    pub region: Option<String>,
}

/// The answer. Instants are RFC 3339, counts are events.
#[derive(Debug, Serialize)]
pub struct Explanation {
    pub slot_start: String,
    pub slot_end: String,
    pub scope_kind: &'static str,
    pub scope: String,
    pub region: String,
    pub state: &'static str,
    /// Before overrides.
    pub state_gross: &'static str,
    pub services: Vec<ServiceVerdict>,
    /// The run of down slots that it belongs to.
    pub run: Option<RunOfSlots>,
    pub postings: Vec<PostingLine>,
    pub top_error_codes: Vec<(String, i64)>,
    pub top_callers: Vec<(String, i64)>,
    pub overrides: Vec<AppliedOverride>,
    pub editions: Vec<EditionOfSlot>,
    pub edition: u32,
    pub day_state: &'static str,
    pub gaps: Vec<String>,
}

/// How one service was judged; a component is as bad as the worst of its services.
#[derive(Debug, Serialize)]
pub struct ServiceVerdict {
    pub service: String,
    pub state: &'static str,
    pub good: i64,
    pub bad: i64,
    pub user: i64,
    pub excluded: i64,
    pub pending: i64,
    pub suspense: i64,
    /// In plain words, with the numbers.
    pub because: String,
    /// What it takes to turn it.
    pub flips_when: String,
}

#[derive(Debug, Serialize)]
pub struct RunOfSlots {
    pub start: String,
    pub end: String,
    pub down_seconds: i64,
    pub is_counted: bool,
    pub class: &'static str,
    /// Shortest run that counts.
    pub min_run_seconds: u32,
}

/// Events with the same account, rule and code.
#[derive(Debug, Serialize)]
pub struct PostingLine {
    pub account: String,
    pub events: i64,
    pub events_gross: i64,
    pub rule: String,
    pub because: String,
    pub cites: Vec<String>,
    pub stream: String,
    pub service: String,
    pub region: String,
    pub http_status: Option<u16>,
    pub error_code: Option<i64>,
    pub error_title: Option<String>,
    pub symptom: String,
    pub outcome: String,
    pub timing: String,
    /// `file:row` of up to three rows.
    pub evidence: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct AppliedOverride {
    pub id: String,
    pub direction: &'static str,
    pub reason: String,
    pub ticket: String,
    pub author: String,
    pub approver: String,
    pub to: String,
}

#[derive(Debug, Serialize)]
pub struct EditionOfSlot {
    pub edition: u32,
    pub published_at: String,
    pub day_state: &'static str,
    pub causes: Vec<&'static str>,
    pub is_adjusting: bool,
    pub state: &'static str,
    pub good: i64,
    pub bad: i64,
}

/// Answers.
///
/// # Errors
/// The day has no edition, there is no such scope, or the ledger cannot be read.
pub fn explain(ledger: &Ledger, question: &Question) -> anyhow::Result<Explanation> {
    let us = question.at.timestamp_micros();
    let day = Day::of(question.at);
    let edition = ledger.read(day, Extent::Slots)?;
    let basis = ledger.basis(day, edition.number)?;
    let policy = ledger.policy(&edition.policy)?;
    let scope = scope(&edition, question, us)?;
    let slot = ((us - day.start_us()) / edition.slot_length().us()) as u32;
    let cell = cell(&edition, &scope, slot);

    let rows: Vec<Row> = edition.overrides.iter().map(|applied| applied.row.clone()).collect();
    let (postings, _) = adjust(&policy.classify(basis.facts.clone())?, &rows)?;
    let here = Here { edition: &edition, basis: &basis, policy: &policy, scope: &scope, slot };
    let start_us = day.start_us() + i64::from(slot) * edition.slot_length().us();
    let end_us = start_us + edition.slot_length().us();
    let (codes, callers) = here.tops(&postings)?;
    let is_here = |row: &&Row| {
        row.start_us < end_us
            && start_us < row.end_us
            && row.service.as_ref().is_none_or(|s| edition.definition.includes(&scope, s))
            && (scope.is_all_regions() || row.region.as_ref().is_none_or(|r| **r == *scope.region))
    };
    let gaps = basis.gaps.iter().filter(|g| (g.start_slot..g.end_slot).contains(&slot));
    Ok(Explanation {
        slot_start: rfc3339(start_us),
        slot_end: rfc3339(end_us),
        scope_kind: scope.kind.name(),
        scope: scope.name.to_string(),
        region: scope.region.to_string(),
        state: cell.net.state.name(),
        state_gross: cell.gross.state.name(),
        services: here.services(),
        run: run(ledger, day, &scope, start_us)?,
        postings: here.lines(&postings)?,
        top_error_codes: codes,
        top_callers: callers,
        overrides: rows.iter().filter(is_here).map(applied).collect(),
        editions: editions(ledger, day, &scope, slot)?,
        edition: edition.number,
        day_state: edition.state.name(),
        gaps: gaps
            .map(|g| format!("source {} had next to no rows of region {}", g.source, g.region))
            .collect(),
    })
}

/// The scope that is asked for, or the worst component.
fn scope(edition: &Edition, question: &Question, us: i64) -> Result<Scope, Trouble> {
    let region = question.region.as_deref().unwrap_or(ALL_REGIONS);
    let slot = (us - edition.day.start_us()) / edition.slot_length().us();
    let state = |scope: &Scope| {
        let cell = cell(edition, scope, slot as u32);
        (cell.net.state, cell.gross.state)
    };
    let mut there = edition.slots.scopes().iter().filter(|scope| *scope.region == *region);
    let found = match &question.scope {
        Some(name) => there.find(|scope| *scope.name == **name),
        // The first of the worst.
        None => there.filter(|scope| scope.kind == ScopeKind::Component).fold(
            None,
            |worst: Option<&Scope>, next| {
                if worst.is_some_and(|worst| state(worst) >= state(next)) { worst } else { Some(next) }
            },
        ),
    };
    found.cloned().ok_or_else(|| {
        let mut known: Vec<String> =
            edition.slots.scopes().iter().map(|s| format!("{} ({})", s.name, s.region)).collect();
        known.dedup();
        let wanted = question.scope.as_deref().unwrap_or("a component");
        Trouble::Usage(format!(
            "{} does not know {wanted} in region {region}; it knows {}",
            edition.day,
            known.join(", ")
        ))
    })
}

fn cell(edition: &Edition, scope: &Scope, slot: u32) -> Cell {
    edition.slots.cells(scope).nth(slot as usize).unwrap_or_default()
}

fn applied(row: &Row) -> AppliedOverride {
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

impl PostingLine {
    /// The same but for what explains recipients and clients, which rules may look at and people need not.
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

struct Here<'a> {
    edition: &'a Edition,
    basis: &'a Basis,
    policy: &'a Policy,
    scope: &'a Scope,
    slot: u32,
}

impl Here<'_> {
    fn is_of(&self, kind: &Kind) -> bool {
        let is_there = self.scope.is_all_regions() || *self.scope.region == *kind.region;
        is_there && self.edition.definition.includes(self.scope, &kind.service)
    }

    fn services(&self) -> Vec<ServiceVerdict> {
        let measure = self.edition.definition.measure();
        let is_part = |s: &&Scope| {
            s.kind == ScopeKind::Service
                && s.region == self.scope.region
                && self.edition.definition.includes(self.scope, &s.name)
        };
        let scopes = self.edition.slots.scopes().iter().filter(is_part);
        let verdict = |scope: &Scope| {
            let Tally { events, state } = cell(self.edition, scope, self.slot).net;
            ServiceVerdict {
                service: scope.name.to_string(),
                state: state.name(),
                good: events.good(),
                bad: events.bad(),
                user: events.of(Group::User),
                excluded: events.of(Group::Excluded),
                pending: events.of(Group::Pending),
                suspense: events.of(Group::Suspense),
                because: because(&Tally { events, state }, &measure),
                flips_when: flips_when(&Tally { events, state }, &measure),
            }
        };
        scopes.map(verdict).collect()
    }

    /// Postings of the slot by account, rule and what they have in common.
    fn lines(&self, postings: &Postings) -> anyhow::Result<Vec<PostingLine>> {
        let mut lines: Vec<PostingLine> = Vec::new();
        for sum in postings.sums(["slot", "kind", "account"], |_| true)? {
            let [slot, number, account] = sum.key;
            let kind = &postings.facts().kinds()[number as usize];
            if slot != self.slot || !self.is_of(kind) || (sum.gross, sum.net) == (0, 0) {
                continue;
            }
            let rule = &postings.verdicts()[number as usize].rule;
            let known = self.policy.rule(rule);
            let title =
                kind.error_code.and_then(|code| self.policy.catalogue().entry(code, kind.error_subcode));
            let line = PostingLine {
                account: Account::ALL[account as usize].name().to_owned(),
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
                evidence: self.evidence(number),
            };
            match lines.iter_mut().find(|l| l.is_like(&line)) {
                Some(same) => same.join(line),
                None => lines.push(line),
            }
        }
        let rank = |line: &PostingLine| match line.account.split(':').next() {
            Some("bad") => 0,
            Some("suspense" | "pending") => 1,
            Some("good") => 3,
            _ => 2,
        };
        lines.sort_by(|a, b| (rank(a), -a.events, &a.rule).cmp(&(rank(b), -b.events, &b.rule)));
        Ok(lines)
    }

    fn evidence(&self, kind: u32) -> Vec<String> {
        let of_kind = self.basis.facts.evidence().iter().filter(|e| (e.slot, e.kind) == (self.slot, kind));
        let shown = |file: u32| self.edition.intake.get(file as usize).map_or("?", |f| f.path.as_str());
        of_kind.flat_map(|e| &e.rows).map(|row| format!("{}:{}", shown(row.file), row.row)).collect()
    }

    /// Codes and callers of bad events, most frequent first.
    #[expect(clippy::type_complexity, reason = "two lists of the same shape")]
    fn tops(&self, postings: &Postings) -> anyhow::Result<(Vec<(String, i64)>, Vec<(String, i64)>)> {
        let mut codes: BTreeMap<String, i64> = BTreeMap::new();
        let mut callers: BTreeMap<String, i64> = BTreeMap::new();
        for sum in postings.sums(["slot", "kind", "caller"], |account| account.group() == Group::Bad)? {
            let [slot, kind, caller] = sum.key;
            let kind = &postings.facts().kinds()[kind as usize];
            if slot == self.slot && self.is_of(kind) {
                let code = kind.error_code.map_or_else(|| "none".to_owned(), |code| code.to_string());
                *codes.entry(code).or_default() += sum.net;
                let caller = &postings.facts().callers()[caller as usize];
                *callers
                    .entry(if caller.is_empty() { "-".to_owned() } else { caller.clone() })
                    .or_default() += sum.net;
            }
        }
        Ok((top(codes), top(callers)))
    }
}

fn top(counts: BTreeMap<String, i64>) -> Vec<(String, i64)> {
    let mut counts: Vec<_> = counts.into_iter().filter(|(_, n)| *n != 0).collect();
    counts.sort_by_key(|(_, n)| -n);
    counts.truncate(SHOWN);
    counts
}

/// A ratio in percent with two places, rounded down.
fn percent(part: i64, whole: i64) -> String {
    let hundredths = i128::from(part) * 10_000 / i128::from(whole.max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

fn because(tally: &Tally, measure: &Measure) -> String {
    let (bad, judged) = (tally.events.bad(), tally.events.judged(measure));
    let Measure { min_events, unable_ppm, .. } = measure;
    let limit = percent(i64::from(*unable_ppm), 1_000_000);
    let share = percent(bad, judged);
    match tally.state {
        State::Down if bad == 0 => "worse before overrides than now".to_owned(),
        State::Down => format!("{bad} of {judged} judged events were bad, {share}; down from {limit} on"),
        State::Degraded if judged < i64::from(*min_events) => {
            format!("{bad} of {judged} judged events were bad, but fewer than {min_events} were judged")
        }
        State::Degraded => {
            format!("{bad} of {judged} judged events were bad, {share}; down only from {limit} on")
        }
        State::Up => "something good or user-caused was seen, and nothing bad".to_owned(),
        State::Unobserved if tally.events.total() == 0 => "there is nothing to judge by: no event".to_owned(),
        State::Unobserved => {
            "there is nothing to judge by: only excluded or pending events, or a gap in the logs".to_owned()
        }
    }
}

/// How far it is from flipping.
fn flips_when(tally: &Tally, measure: &Measure) -> String {
    let is_down = |bad: i64, judged: i64| {
        bad > 0
            && judged >= i64::from(measure.min_events)
            && i128::from(bad) * 1_000_000 >= i128::from(measure.unable_ppm) * i128::from(judged)
    };
    let (bad, judged) = (tally.events.bad(), tally.events.judged(measure));
    match tally.state {
        // Events that are excused leave the judged ones, too.
        State::Down => {
            let excused = i64::from(!measure.user_counts_as_good);
            let least = (1..=bad).find(|n| !is_down(bad - n, judged - n * excused)).unwrap_or(bad);
            format!("not down if {least} of the {bad} bad events were not the platform's")
        }
        State::Degraded | State::Up => {
            let limit = judged.max(i64::from(measure.min_events)) + 1;
            match (1..=limit * 2).find(|n| is_down(bad + n, judged + n)) {
                Some(more) => format!("down with {more} more bad events"),
                None => "no number of bad events alone turns it".to_owned(),
            }
        }
        State::Unobserved => "judged as soon as there is a good, bad or user-caused event".to_owned(),
    }
}

/// The outage of the scope that holds the slot.
fn run(ledger: &Ledger, day: Day, scope: &Scope, start_us: i64) -> anyhow::Result<Option<RunOfSlots>> {
    let Some(settings) = ledger.record().settings.as_ref() else { return Ok(None) };
    let config = Settings::config(settings);
    let figures = reported::figures(ledger, &BTreeSet::from([day]), &config)?;
    let holds = |o: &&crate::measure::Outage| o.scope == *scope && (o.start_us..o.end_us).contains(&start_us);
    Ok(figures.outages.iter().find(holds).map(|o| RunOfSlots {
        start: rfc3339(o.start_us),
        end: rfc3339(o.end_us),
        down_seconds: o.down_seconds,
        is_counted: o.is_counted,
        class: o.class.name(),
        min_run_seconds: config.measure.min_run_seconds,
    }))
}

/// What each edition of the day said of the slot.
fn editions(ledger: &Ledger, day: Day, scope: &Scope, slot: u32) -> anyhow::Result<Vec<EditionOfSlot>> {
    let record = ledger.record().days.get(&day).cloned().unwrap_or_default();
    let of = |e: &crate::ledger::EditionRecord| -> anyhow::Result<EditionOfSlot> {
        let edition = ledger.edition(day, e.publication.edition, Extent::Slots)?;
        let tally = cell(&edition, scope, slot).net;
        Ok(EditionOfSlot {
            edition: edition.number,
            published_at: rfc3339(e.at.timestamp_micros()),
            day_state: edition.state.name(),
            causes: e.publication.causes.iter().map(crate::ledger::Cause::name).collect(),
            is_adjusting: e.publication.is_adjusting,
            state: tally.state.name(),
            good: tally.events.good(),
            bad: tally.events.bad(),
        })
    };
    record.editions.iter().map(of).collect()
}
