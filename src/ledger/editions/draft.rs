//! Drafting: puts a day's postings, slots, files and latencies together as an unpublished edition.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use polars::prelude::PolarsResult;

use super::instants::instants;
use crate::config::Config;
use crate::day::Day;
use crate::facts::{DelayKind, Delays, Histogram, Latencies, Receipt, Stream};
use crate::ledger::{
    AccountLine, Applied, BadLine, Basis, DayState, DefinitionSettings, DelayLine, DeliveryLine, Edition,
    LatencyLine, ReconciliationLine,
};
use crate::overrides::{Moved, Override};
use crate::policy::{Account, Group, Postings};
use crate::slots::{ALL_REGIONS, Scope, ScopeKind, Slots};
use crate::table::word;

/// An edition that is not published yet, with the inputs it was made from.
#[derive(Debug, Clone)]
pub struct Draft {
    pub edition: Edition,
    pub basis: Basis,
    /// SHA-256 of each daybook that it was resolved from, by day.
    pub daybooks: BTreeMap<Day, String>,
    /// Fingerprint of the rules of its policy.
    pub rules: String,
    /// Fingerprint of the config that it was booked with, which the ledger keeps.
    pub config: Option<String>,
    /// True if what was still pending became unknown, because the review window has passed.
    pub has_ended: bool,
}

impl Edition {
    /// Starts an edition with the parts that the logs alone decide.
    ///
    /// [`Edition::booked`] completes it, and [`crate::ledger::Writer::publish`] gives it its
    /// number.
    pub fn started(
        receipt: Receipt,
        slots: &Slots,
        config: &Config,
        policy: &str,
        as_of: DateTime<Utc>,
    ) -> Self {
        let Receipt { latencies, delays, reconciliation, is_joined, .. } = receipt;
        let Receipt { files: intake, quarantine, callers, fields, .. } = receipt;
        let definition = DefinitionSettings::new(config, slots);
        Self {
            day: slots.day(),
            number: 0,
            as_of,
            job_version: env!("CARGO_PKG_VERSION").to_owned(),
            state: DayState::Provisional,
            policy: policy.to_owned(),
            overrides: Vec::new(),
            bad: Vec::new(),
            instants: Vec::new(),
            callers,
            accounts: Vec::new(),
            intake,
            quarantine,
            latency: latency(&latencies, &definition),
            deliveries: Vec::new(),
            delays: spread(&delays),
            fields,
            reconciliation: if is_joined { ReconciliationLine::all(&reconciliation) } else { Vec::new() },
            definition,
            slots: slots.clone(),
        }
    }

    /// Starts an edition like [`Edition::started`], with the logs' parts taken from this one.
    #[must_use]
    pub fn restarted(self, slots: &Slots, config: &Config, policy: &str, as_of: DateTime<Utc>) -> Self {
        let definition = DefinitionSettings::new(config, slots);
        let (job_version, policy) = (env!("CARGO_PKG_VERSION").to_owned(), policy.to_owned());
        Self { number: 0, as_of, job_version, policy, definition, ..self }
    }

    /// Completes an edition with booked events: by a policy, with overrides, under a definition.
    ///
    /// The parts that the logs alone decide stay. Callers appear only as pseudonyms.
    ///
    /// # Errors
    /// A column of the postings is missing or has another type.
    pub fn booked(
        mut self,
        postings: &Postings,
        slots: Slots,
        overrides: Vec<(Override, Moved)>,
    ) -> PolarsResult<Self> {
        self.accounts = accounts(postings)?;
        self.bad = bad(postings)?;
        self.instants = instants(postings)?;
        self.deliveries = deliveries(postings)?;
        self.slots = slots;
        self.overrides = overrides.into_iter().map(|(row, moved)| self.applied(row, &moved)).collect();
        self.state = if self.is_provisional() { DayState::Provisional } else { DayState::Reported };
        Ok(self)
    }

    fn is_provisional(&self) -> bool {
        self.events_in(is_unsettled) != 0
            || self.intake.iter().any(|f| f.failure.is_some())
            || self.intake.iter().all(|f| f.accepted == 0)
    }

    /// Counts the events that are pending or in suspense, after overrides.
    ///
    /// While there are any, the day cannot be sealed.
    pub fn open_events(&self) -> i64 {
        self.events_in(is_open)
    }

    fn events_in(&self, is_in: fn(Account) -> bool) -> i64 {
        self.accounts.iter().filter(|line| is_in(line.account)).map(|line| line.events_net).sum()
    }

    fn applied(&self, row: Override, moved: &Moved) -> Applied {
        let whole = |s: &&Scope| s.kind == ScopeKind::Component && s.is_all_regions();
        let is_touched = |s: &&Scope| moved.services.iter().any(|name| self.definition.includes(s, name));
        let scopes = self.slots.scopes().iter().filter(whole).filter(is_touched);
        let changed = scopes.map(|scope| {
            let cells: Vec<_> = self.slots.cells(scope).collect();
            let is_other = |slot: &&u32| {
                cells.get(**slot as usize).is_some_and(|cell| cell.gross.state != cell.net.state)
            };
            moved.slots.iter().filter(is_other).count() as i64
        });
        Applied { slots_changed: changed.sum(), events: moved.events, row }
    }
}

/// True if an account holds undecided events, which keep a day from being sealed.
pub const fn is_open(account: Account) -> bool {
    matches!(account.group(), Group::Pending | Group::Suspense)
}

/// True if an account holds events whose outcome may still change by itself or by a new rule.
///
/// Evidence of unknown outcomes may come until the seal, but the seal does not wait for it.
const fn is_unsettled(account: Account) -> bool {
    is_open(account) || matches!(account.group(), Group::Unknown)
}

fn accounts(postings: &Postings) -> PolarsResult<Vec<AccountLine>> {
    let sums = postings.sums(["class"], |kind, account| {
        let (booking, kind) = (&postings.bookings()[kind], &postings.facts().kinds()[kind]);
        Some((kind.stream, &kind.service, &kind.region, account, &booking.rule, kind.error_code))
    })?;
    let lines = sums.into_iter().map(|sum| {
        let (stream, service, region, account, rule, error_code) = sum.class;
        AccountLine {
            stream,
            service: service.clone(),
            region: region.clone(),
            account,
            rule: rule.clone(),
            error_code,
            events_gross: sum.gross,
            events_net: sum.net,
        }
    });
    Ok(lines.collect())
}

fn bad(postings: &Postings) -> PolarsResult<Vec<BadLine>> {
    let facts = postings.facts();
    let sums = postings.sums(["slot", "class", "caller"], |kind, account| {
        let kind = &facts.kinds()[kind];
        let class = (&kind.service, &kind.region, kind.error_code, kind.symptom);
        (account.group() == Group::Bad).then_some(class)
    })?;
    let shared = |text: &str| -> Arc<str> { text.into() };
    let callers: Vec<Arc<str>> =
        facts.callers().iter().map(|caller| shared(if caller.is_empty() { "-" } else { caller })).collect();
    let places = facts.kinds().iter().flat_map(|kind| [kind.service.as_str(), &kind.region]);
    let places: BTreeMap<&str, Arc<str>> = places.map(|name| (name, shared(name))).collect();
    let mut symptoms: BTreeMap<_, Arc<str>> = BTreeMap::new();
    let lines = sums.into_iter().filter(|sum| (sum.gross, sum.net) != (0, 0)).map(|sum| {
        let ([slot, _, number], (service, region, error_code, symptom)) = (sum.key, sum.class);
        BadLine {
            slot,
            service: places[&**service].clone(),
            region: places[&**region].clone(),
            error_code,
            symptom: symptoms.entry(symptom).or_insert_with(|| shared(&word(&symptom))).clone(),
            caller: callers[number as usize].clone(),
            events_gross: sum.gross,
            events_net: sum.net,
        }
    });
    Ok(lines.collect())
}

fn deliveries(postings: &Postings) -> PolarsResult<Vec<DeliveryLine>> {
    let sums = postings.sums(["class"], |kind, account| {
        let kind = &postings.facts().kinds()[kind];
        let class = (kind.stream, &kind.service, &kind.region, kind.outcome, kind.timing, account);
        (kind.stream != Stream::Request).then_some(class)
    })?;
    let lines = sums.into_iter().map(|sum| {
        let (stream, service, region, outcome, timing, account) = sum.class;
        DeliveryLine {
            stream,
            service: service.clone(),
            region: region.clone(),
            outcome,
            timing,
            account,
            events_gross: sum.gross,
            events_net: sum.net,
        }
    });
    Ok(lines.collect())
}

/// Works out the quantiles of delays, by region and over all regions.
fn spread(delays: &Delays) -> Vec<DelayLine> {
    let mut merged: BTreeMap<(DelayKind, &str, &str), Histogram> = BTreeMap::new();
    for ((measure, service, region), histogram) in &delays.0 {
        for region in [ALL_REGIONS, region] {
            merged.entry((*measure, service, region)).or_default().merge(histogram);
        }
    }
    let line = |((measure, service, region), h): ((DelayKind, &str, &str), Histogram)| {
        // Histograms of durations hold microseconds. Those of attempts hold plain numbers, which
        // `quantile_ms` divides by 1,000.
        let unit = if measure == DelayKind::AttemptsToSuccess { 1_000 } else { 1 };
        let quantile = |p| h.quantile_ms(p).map(|ms| (ms * 1e6).round() as i64 * unit);
        DelayLine {
            measure: measure.name().to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            events: h.events(),
            p50: quantile(50),
            p90: quantile(90),
            p99: quantile(99),
        }
    };
    merged.into_iter().map(line).collect()
}

/// Works out the latency quantiles of every service and component, by region and over all regions.
fn latency(latencies: &Latencies, definition: &DefinitionSettings) -> Vec<LatencyLine> {
    // Grouped by scope before slot: there are many slots, and comparing names takes time.
    let mut merged: BTreeMap<(ScopeKind, &str, &str), BTreeMap<u32, Histogram>> = BTreeMap::new();
    for ((slot, service, region), histogram) in &latencies.0 {
        let of = definition.components.iter().filter(|(_, services)| services.contains(service));
        let components = of.map(|(name, _)| (ScopeKind::Component, name));
        for (kind, name) in components.chain([(ScopeKind::Service, service)]) {
            for region in [ALL_REGIONS, region] {
                let slots = merged.entry((kind, name, region)).or_default();
                slots.entry(*slot).or_default().merge(histogram);
            }
        }
    }
    let quantile = |h: &Histogram, percent| h.quantile_ms(percent).map(|ms| (ms * 1e6).round() as i64);
    let line = |scope: &Scope, slot: u32, h: &Histogram| LatencyLine {
        scope: scope.clone(),
        slot,
        events: h.events(),
        p50: quantile(h, 50),
        p90: quantile(h, 90),
        p99: quantile(h, 99),
    };
    let mut lines = Vec::new();
    for ((kind, name, region), slots) in &merged {
        let scope = Scope::new(*kind, name, region);
        lines.extend(slots.iter().map(|(slot, histogram)| line(&scope, *slot, histogram)));
    }
    lines
}
