//! Coverage: the observed share of a figure's time; doubtful slots are not observed.
//!
//! A scope that sums over others (all regions, a component) is covered as its single (service,
//! region) pairs are on average, so that a silent region does not hide behind a busy one.

use super::floor_percent;
use super::measured_day::MeasuredDay;
use crate::day::{DAY_US, SECOND_US};
use crate::ledger::Outline;
use crate::slots::{ALL_REGIONS, Scope, ScopeKind, Side};

/// Seconds over all pairs of a scope.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Coverage {
    pub observed: i64,
    pub all: i64,
}

impl Coverage {
    pub const fn add(&mut self, other: Self) {
        self.observed += other.observed;
        self.all += other.all;
    }

    /// Returns the observed share in millionths of a percent, rounded down.
    pub fn micro_percent(self) -> Option<i64> {
        floor_percent(self.observed, self.all)
    }
}

/// Returns the coverage of a scope on one day.
pub(super) fn of_day(day: &MeasuredDay<'_>, scope: &Scope) -> Coverage {
    if let Some(frozen) = day.frozen {
        let [observed, all] = frozen.scope(scope).map(|line| line.coverage).unwrap_or_default();
        return Coverage { observed, all };
    }
    let edition = day.edition;
    let seconds = i64::from(edition.slot_length.seconds());
    if let Some([_, _, _, unobserved, doubtful]) = edition.noted.get(scope).filter(|_| edition.is_stand_in) {
        // Only the slots of the whole are known of a day that can no longer be read.
        let all = DAY_US / SECOND_US;
        return Coverage { observed: all - (unobserved + doubtful) * seconds, all };
    }
    let all = || edition.scopes.iter().map(|line| &line.scope);
    let mut pairs: Vec<&Scope> = all().filter(|pair| is_pair_of(edition, pair, scope)).collect();
    // A service without a row in any region counts as a pair, because otherwise its silence would
    // not show.
    let silent: Vec<&Scope> = all()
        .filter(|whole| {
            whole.kind == ScopeKind::Service
                && whole.is_all_regions()
                && scope.is_all_regions()
                && edition.definition.includes(scope, &whole.name)
                && !pairs.iter().any(|pair| pair.name == whole.name)
        })
        .collect();
    pairs.extend(silent);
    let observed: i64 = pairs.iter().map(|pair| day.counts(pair, Side::Net).observed()).sum();
    Coverage { observed: observed * seconds, all: pairs.len() as i64 * (DAY_US / SECOND_US) }
}

/// True if `pair` is a single service in a single region that `scope` sums over.
fn is_pair_of(day: &Outline, pair: &Scope, scope: &Scope) -> bool {
    let is_single = pair.kind == ScopeKind::Service && !pair.is_all_regions();
    let is_there = &*scope.region == ALL_REGIONS || scope.region == pair.region;
    is_single && is_there && day.definition.includes(scope, &pair.name)
}
