//! Webhook gaps: spans in which a region admits messages but its webhook log is almost empty.
//!
//! The outcome of these messages is unknown: a lost log looks like statuses that never came.
//!
//! Every admitted message brings a status immediately, so a complete log has more rows than
//! admitted messages. In an outage of messages the other webhooks go on; in a lost log only a few
//! stray rows remain that were logged elsewhere. The two are told apart by a cumulative sum over
//! the slots (E. S. Page, 1954) of messages minus [`WEIGHT`] times rows.

use std::collections::BTreeSet;

use crate::daybook::{Daybook, RegionActivity};

/// Shortest silence that counts as a lost log, in seconds.
const MIN_SECONDS: u32 = 300;
/// Admitted messages per webhook row from which on a log counts as silent.
const WEIGHT: i64 = 10;
/// Height of the sum that is no chance: so many messages more than [`WEIGHT`] times the rows.
const MIN_SUM: i64 = 20;
/// Upper limit of the sum, so that a long silence ends as quickly as a short one when rows return.
const MAX_SUM: i64 = 100;

/// A silent span, in microseconds since 1970, half-open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    pub region: String,
    pub start_us: i64,
    pub end_us: i64,
    /// Messages admitted in the span, and their services.
    pub admitted: i64,
    pub services: Vec<String>,
}

impl Silence {
    /// True if the span touches `[from_us, to_us]`.
    pub const fn touches(&self, from_us: i64, to_us: i64) -> bool {
        self.start_us <= to_us && from_us < self.end_us
    }
}

/// Returns the lanes of the webhook log that can carry the statuses of a region, with their day.
///
/// These are its own lane and the one without region, or all lanes if the log does not tell
/// regions.
pub fn lanes<'d>(days: &[&'d Daybook], region: &str) -> Vec<(usize, &'d RegionActivity)> {
    let admitting: BTreeSet<&str> = days
        .iter()
        .flat_map(|d| &d.lanes)
        .filter(|l| !l.admitted.is_empty())
        .map(|l| l.region.as_str())
        .collect();
    let knows_regions = days
        .iter()
        .flat_map(|d| &d.lanes)
        .any(|l| l.region != "-" && !l.rows.is_empty() && admitting.contains(l.region.as_str()));
    let speaks = |lane: &RegionActivity| !knows_regions || lane.region == region || lane.region == "-";
    let of = |(at, day): (usize, &&'d Daybook)| {
        let day: &'d Daybook = day;
        day.lanes.iter().filter(|l| speaks(l)).map(move |l| (at, l)).collect::<Vec<_>>()
    };
    days.iter().enumerate().flat_map(of).collect()
}

/// The lanes of one region, by day.
pub fn own_lanes<'d>(days: &[&'d Daybook], region: &str) -> Vec<(usize, &'d RegionActivity)> {
    let of = |(at, day): (usize, &&'d Daybook)| {
        let day: &'d Daybook = day;
        day.lanes.iter().filter(|l| l.region == region).map(move |l| (at, l)).collect::<Vec<_>>()
    };
    days.iter().enumerate().flat_map(of).collect()
}

/// Returns the silences of consecutive days.
pub fn silences(days: &[&Daybook]) -> Vec<Silence> {
    let Some(first) = days.first() else { return Vec::new() };
    let (length, per_day) = (first.slot_length, first.slot_length.per_day() as usize);
    let regions: BTreeSet<&str> = days
        .iter()
        .flat_map(|d| &d.lanes)
        .filter(|l| !l.admitted.is_empty())
        .map(|l| l.region.as_str())
        .collect();
    let shortest = MIN_SECONDS.div_ceil(length.seconds()) as usize;
    let mut found = Vec::new();
    for region in regions {
        let mut score = vec![0_i64; per_day * days.len()];
        for (at, lane) in lanes(days, region) {
            lane.rows
                .iter()
                .for_each(|(slot, n)| score[at * per_day + *slot as usize] -= WEIGHT * i64::from(*n));
        }
        let mut admitted = vec![0_i64; score.len()];
        let mut services: BTreeSet<&str> = BTreeSet::new();
        for (at, day) in days.iter().enumerate() {
            for lane in day.lanes.iter().filter(|l| l.region == region) {
                for (slot, n) in &lane.admitted {
                    admitted[at * per_day + *slot as usize] += i64::from(*n);
                }
                services.extend(lane.services.iter().map(String::as_str));
            }
        }
        score.iter_mut().zip(&admitted).for_each(|(score, n)| *score += n);
        let mut silent = vec![false; score.len()];
        for (start, end) in stretches(&score).filter(|(start, end)| end - start >= shortest) {
            // A stray row at the edge may stop the sum short of the last thin slots.
            let is_thin = |at: usize| score[at] > (1 - WEIGHT) * admitted[at];
            let before = (0..start).rev().take_while(|at| is_thin(*at)).count();
            let behind = (end..score.len()).take_while(|at| is_thin(*at)).count();
            silent[start - before..end + behind].fill(true);
        }
        for (at, day) in days.iter().enumerate() {
            let slots = at * per_day..(at + 1) * per_day;
            let is_waited_for = admitted[slots.clone()].iter().any(|n| *n > 0);
            if is_waited_for && is_lost(day, region, &lanes(days, region), at) {
                silent[slots].fill(true);
            }
        }
        let mut start = 0;
        for run in silent.chunk_by(|a, b| a == b) {
            let end = start + run.len();
            if run[0] {
                let us = |slot: usize| first.day.start_us() + slot as i64 * length.us();
                found.push(Silence {
                    region: region.to_owned(),
                    start_us: us(start),
                    end_us: us(end),
                    admitted: admitted[start..end].iter().sum(),
                    services: services.iter().map(|s| (*s).to_owned()).collect(),
                });
            }
            start = end;
        }
    }
    found
}

/// True if the log of a whole day is known to be missing, whatever the counts.
fn is_lost(day: &Daybook, region: &str, lanes: &[(usize, &RegionActivity)], at: usize) -> bool {
    let has_rows = lanes.iter().any(|(day, lane)| *day == at && !lane.rows.is_empty());
    !has_rows || day.has_lost(region)
}

/// Returns the spans in which the cumulative sum reaches [`MIN_SUM`], up to its highest point.
fn stretches(scores: &[i64]) -> impl Iterator<Item = (usize, usize)> {
    let mut found = Vec::new();
    let (mut sum, mut start, mut highest, mut end) = (0, 0, 0, 0);
    let mut at = 0;
    while at <= scores.len() {
        let step = scores.get(at).copied().unwrap_or(i64::MIN / 2);
        if sum == 0 && step > 0 {
            (start, highest) = (at, 0);
        }
        sum = (sum + step).min(MAX_SUM);
        if sum <= 0 {
            if highest >= MIN_SUM {
                found.push((start, end));
                // The slots after the highest point may begin another span.
                at = end;
            } else {
                at += 1;
            }
            (sum, highest) = (0, 0);
            continue;
        }
        if sum >= highest {
            (highest, end) = (sum, at + 1);
        }
        at += 1;
    }
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the detector over one slot per letter.
    ///
    /// `.` is five messages and no row, `x` a stray row, `#` a log that goes on, `o` an outage.
    fn found(slots: &str) -> String {
        let score = |c| match c {
            '.' => 5,
            'x' => 5 - WEIGHT,
            'o' => 5 - 2 * WEIGHT,
            '#' => 5 - 12 * WEIGHT,
            _ => 0,
        };
        let scores: Vec<i64> = slots.chars().map(score).collect();
        let mut shown: Vec<char> = vec!['.'; slots.len()];
        stretches(&scores).for_each(|(start, end)| shown[start..end].fill('s'));
        shown.into_iter().collect()
    }

    #[test]
    fn a_lost_log_is_silent_and_an_outage_is_not() {
        assert_eq!(found("###......###"), "...ssssss...");
        assert_eq!(found("###...###"), ".........", "too few to tell");
        assert_eq!(found("###oooooooooo###"), "................");
        assert_eq!(found("......"), "ssssss");
        assert_eq!(found("      "), "......");
    }

    #[test]
    fn stray_rows_do_not_break_a_silence_and_a_log_that_goes_on_does() {
        assert_eq!(found("#....x....x.x.....#"), ".sssssssssssssssss.");
        assert_eq!(
            found("....................##...................."),
            "ssssssssssssssssssss..ssssssssssssssssssss"
        );
        assert_eq!(found("#x.x.x.x.x#"), "...........");
    }
}
