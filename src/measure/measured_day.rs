//! Measured days: the days of a window with the states and sums that figures are made of.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::timeline::{Judgement, Timeline, is_restated};
use crate::ledger::{FrozenDay, FrozenScope, Outline};
use crate::slots::{DayStates, Scope, Side, State};

/// One edition of a window, with the states of its scopes.
pub(super) struct MeasuredDay<'a> {
    pub edition: &'a Outline,
    pub judgement: &'a Judgement,
    /// Figures that its seal has left, if the day is shown by them.
    pub frozen: Option<&'a FrozenDay>,
    scopes: BTreeMap<&'a Scope, (&'a DayStates, [StateCounts; 2])>,
}

/// Number of slots in each of [`State::ALL`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StateCounts([i64; State::ALL.len()]);

impl StateCounts {
    fn of(states: &[State]) -> Self {
        let mut counts = [0; State::ALL.len()];
        for state in states {
            counts[*state as usize] += 1;
        }
        Self(counts)
    }

    pub const fn of_state(self, state: State) -> i64 {
        self.0[state as usize]
    }

    /// Returns the slots that are neither unobserved nor doubtful.
    pub fn observed(self) -> i64 {
        self.all() - self.of_state(State::Unobserved) - self.of_state(State::Doubtful)
    }

    pub fn all(self) -> i64 {
        self.0.iter().sum()
    }
}

impl<'a> MeasuredDay<'a> {
    /// Takes the states of each day from the rule that it was made by.
    pub fn all(editions: &'a [Outline], judgements: &'a [Judgement]) -> Vec<Self> {
        let day = |(at, edition): (usize, &'a Outline)| {
            let rule = edition.definition.measure();
            let judgement = judgements.iter().find(|judgement| judgement.rule == rule)?;
            let states = |(scope, timeline): (&'a Scope, &'a Timeline)| {
                let states = timeline.states.get(&at)?;
                Some((scope, (states, Side::ALL.map(|side| StateCounts::of(&states[side as usize])))))
            };
            let scopes = judgement.scopes.iter().filter_map(states).collect();
            Some(Self { edition, judgement, frozen: None, scopes })
        };
        editions.iter().enumerate().filter_map(day).collect()
    }

    /// Returns the day as it is shown: a sealed day as its seal has left it.
    pub fn shown(&self) -> Self {
        let Self { edition, judgement, .. } = *self;
        let Some(frozen) = edition.frozen.as_deref() else {
            return Self { edition, judgement, frozen: None, scopes: self.scopes.clone() };
        };
        let states = |line: &'a FrozenScope| {
            let counts = Side::ALL.map(|side| StateCounts::of(&line.states[side as usize]));
            (&line.scope, (&line.states, counts))
        };
        let scopes = frozen.scopes.iter().map(states).collect();
        Self { edition, judgement, frozen: Some(frozen), scopes }
    }

    pub fn states(&self, scope: &Scope, side: Side) -> Option<&'a Arc<[State]>> {
        self.scopes.get(scope).map(|(states, _)| &states[side as usize])
    }

    pub fn counts(&self, scope: &Scope, side: Side) -> StateCounts {
        self.scopes.get(scope).map(|(_, counts)| counts[side as usize]).unwrap_or_default()
    }

    /// Returns the scopes whose states differ from those of the day alone.
    pub fn restated(&self) -> Vec<(Scope, DayStates)> {
        let scopes = self.scopes.iter().map(|(scope, (states, _))| (*scope, *states));
        scopes
            .filter(|(scope, states)| {
                is_restated(self.edition, scope, states)
                    && self.edition.scope(scope).is_some_and(|line| {
                        Side::ALL.into_iter().any(|side| line.states(side) != &states[side as usize])
                    })
            })
            .map(|(s, states)| (s.clone(), states.clone()))
            .collect()
    }
}
