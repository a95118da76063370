//! Drafting: postings, slots, files and latencies of a day, put together as an edition that is not yet published.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use polars::prelude::PolarsResult;
use serde::Serialize;

use super::{
    AccountLine, Applied, BadLine, Basis, DayState, Definition, DelayLine, DeliveryLine, Edition,
    LatencyLine, ReconciliationLine,
};
use crate::config::Config;
use crate::day::Day;
use crate::intake::{Delays, Histogram, Latencies, Measure, Receipt, Stream};
use crate::overrides::{Moved, Row};
use crate::policy::{Account, Group, Postings};
use crate::slots::{ALL_REGIONS, Scope, ScopeKind, Slots};

/// An edition that is not published yet, with what it was made from.
#[derive(Debug, Clone)]
pub struct Draft {
    pub edition: Edition,
    pub basis: Basis,
    /// The daybooks that it was resolved from, by day, with their SHA-256.
    pub daybooks: BTreeMap<Day, String>,
}

impl Edition {
    /// The beginning of an edition: what the logs alone decide. [`Edition::booked`] makes it whole, and [`super::Writer::publish`]
    /// gives it its number.
    pub fn started(
        receipt: Receipt,
        slots: &Slots,
        config: &Config,
        policy: &str,
        as_of: DateTime<Utc>,
    ) -> Self {
        let Receipt { latencies, delays, reconciliation, is_joined, files: intake, quarantine, .. } = receipt;
        let definition = Definition::new(config, slots);
        Self {
            day: slots.day(),
            number: 0,
            as_of,
            job_version: env!("CARGO_PKG_VERSION").to_owned(),
            state: DayState::Provisional,
            policy: policy.to_owned(),
            overrides: Vec::new(),
            bad: Vec::new(),
            accounts: Vec::new(),
            intake,
            quarantine,
            latency: latency(&latencies, &definition),
            deliveries: Vec::new(),
            delays: spread(&delays),
            reconciliation: if is_joined { ReconciliationLine::all(&reconciliation) } else { Vec::new() },
            definition,
            slots: slots.clone(),
        }
    }

    /// [`Edition::started`] from what an earlier one has of the logs.
    #[must_use]
    pub fn restarted(self, slots: &Slots, config: &Config, policy: &str, as_of: DateTime<Utc>) -> Self {
        let definition = Definition::new(config, slots);
        let (job_version, policy) = (env!("CARGO_PKG_VERSION").to_owned(), policy.to_owned());
        Self { number: 0, as_of, job_version, policy, definition, ..self }
    }

    /// The day with its events booked: by a policy, with overrides, under a definition. What the logs alone decide stays. Callers
    /// leave here only as pseudonyms.
    pub fn booked(
        mut self,
        postings: &Postings,
        slots: Slots,
        overrides: Vec<(Row, Moved)>,
    ) -> PolarsResult<Self> {
        self.accounts = accounts(postings)?;
        self.bad = bad(postings)?;
        self.deliveries = deliveries(postings)?;
        self.slots = slots;
        self.overrides = overrides.into_iter().map(|(row, moved)| self.applied(row, &moved)).collect();
        self.state = if self.is_provisional() { DayState::Provisional } else { DayState::Reported };
        Ok(self)
    }

    fn is_provisional(&self) -> bool {
        self.open_events() != 0
            || self.intake.iter().any(|f| f.failure.is_some())
            || self.intake.iter().all(|f| f.accepted == 0)
    }

    /// Events that are pending or in suspense: while there are any, the day cannot be sealed.
    pub fn open_events(&self) -> i64 {
        self.accounts.iter().filter(|line| is_open(&line.account)).map(|line| line.events_net).sum()
    }

    fn applied(&self, row: Row, moved: &Moved) -> Applied {
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

/// Does an account hold what is not decided yet?
pub(super) fn is_open(account: &str) -> bool {
    matches!(account.parse::<Account>().map(Account::group), Ok(Group::Pending | Group::Suspense))
}

fn accounts(postings: &Postings) -> PolarsResult<Vec<AccountLine>> {
    let sums = postings.sums(["class"], |kind, account| {
        let (verdict, kind) = (&postings.verdicts()[kind], &postings.facts().kinds()[kind]);
        Some((kind.stream, &kind.service, &kind.region, account, &verdict.rule, kind.error_code))
    })?;
    let lines = sums.into_iter().map(|sum| {
        let (stream, service, region, account, rule, error_code) = sum.class;
        AccountLine {
            stream: word(&stream),
            service: service.clone(),
            region: region.clone(),
            account: account.name().to_owned(),
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
    let caller = |number: u32| match facts.callers()[number as usize].as_str() {
        "" => "-".to_owned(),
        caller => caller.to_owned(),
    };
    let lines = sums.into_iter().filter(|sum| (sum.gross, sum.net) != (0, 0)).map(|sum| {
        let ([slot, _, number], (service, region, error_code, symptom)) = (sum.key, sum.class);
        BadLine {
            slot,
            service: service.clone(),
            region: region.clone(),
            error_code,
            symptom: word(&symptom),
            caller: caller(number),
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
            stream: word(&stream),
            service: service.clone(),
            region: region.clone(),
            outcome: word(&outcome),
            timing: word(&timing),
            account: account.name().to_owned(),
            events_gross: sum.gross,
            events_net: sum.net,
        }
    });
    Ok(lines.collect())
}

/// Quantiles of what was measured, by region and over all.
fn spread(delays: &Delays) -> Vec<DelayLine> {
    let mut merged: BTreeMap<(Measure, &str, &str), Histogram> = BTreeMap::new();
    for ((measure, service, region), histogram) in &delays.0 {
        for region in [ALL_REGIONS, region] {
            merged.entry((*measure, service, region)).or_default().merge(histogram);
        }
    }
    let line = |((measure, service, region), h): ((Measure, &str, &str), Histogram)| {
        // Durations are kept in microseconds, attempts as they are.
        let unit = if measure == Measure::AttemptsToSuccess { 1_000 } else { 1 };
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

/// Quantiles of every scope that the histograms speak of: they merge over regions and into components.
fn latency(latencies: &Latencies, definition: &Definition) -> Vec<LatencyLine> {
    // By scope first: slots are many, and comparing names takes time.
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

/// The word by which serde knows a plain enum value.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("plain enums serialise as their name, not as {other:?}"),
    }
}
