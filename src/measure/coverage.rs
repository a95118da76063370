//! Coverage: how much of a figure's time was observed at all.
//!
//! A scope that sums over others (all regions, a component) is covered as far as its single (service, region) pairs
//! are on average, so that a silent region does not hide behind a busy one.

use super::floor_percent;
use crate::day::{DAY_US, SECOND_US};
use crate::ledger::Edition;
use crate::slots::{ALL_REGIONS, Book, Scope, ScopeKind, State};

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

    pub fn micro_percent(self) -> Option<i64> {
        floor_percent(self.observed, self.all)
    }
}

pub(super) fn of_day(edition: &Edition, scope: &Scope) -> Coverage {
    let slots = &edition.slots;
    let seconds = i64::from(slots.length().seconds());
    let mut pairs: Vec<usize> =
        (0..slots.scopes().len()).filter(|at| is_pair_of(edition, &slots.scopes()[*at], scope)).collect();
    // A service that no region has a row of stands for itself, or its silence would not show.
    let has_pair = |service: &Scope| pairs.iter().any(|at| slots.scopes()[*at].name == service.name);
    let silent = |whole: &Scope| {
        whole.kind == ScopeKind::Service
            && whole.is_all_regions()
            && scope.is_all_regions()
            && edition.definition.includes(scope, &whole.name)
            && !has_pair(whole)
    };
    let more: Vec<usize> = (0..slots.scopes().len()).filter(|at| silent(&slots.scopes()[*at])).collect();
    pairs.extend(more);
    let observed: usize = pairs
        .iter()
        .map(|at| slots.book(*at, Book::Net).iter().filter(|t| t.state != State::Unobserved).count())
        .sum();
    Coverage { observed: observed as i64 * seconds, all: pairs.len() as i64 * (DAY_US / SECOND_US) }
}

/// Is `pair` a single service in a single region that `scope` sums over?
fn is_pair_of(edition: &Edition, pair: &Scope, scope: &Scope) -> bool {
    let is_single = pair.kind == ScopeKind::Service && !pair.is_all_regions();
    let is_there = &*scope.region == ALL_REGIONS || scope.region == pair.region;
    is_single && is_there && edition.definition.includes(scope, &pair.name)
}
