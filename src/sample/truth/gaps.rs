//! Gaps of the webhook log: stretches with almost no rows in spite of admitted messages.
//!
//! A level rises by one for each admitted message and falls by ten for each row, never below zero
//! nor above `CEILING`. A gap begins where the level leaves zero and ends where it was last
//! highest before it came back to zero. Adjacent minutes with fewer rows than messages belong to
//! it.

/// Shortest silence that is a gap, in minutes.
const MIN_MINUTES: usize = 5;
/// Level that a gap must reach.
const MIN_LEVEL: i64 = 20;
const CEILING: i64 = 100;
const ROW: i64 = 10;
/// Minutes of a day.
const DAY: usize = 1_440;
/// Minutes within which the first status of a message is due.
pub const DUE_MINUTES: usize = 10;

/// The effect of one region's gaps on each minute of the sample.
#[derive(Debug, PartialEq, Eq)]
pub struct Gaps {
    /// The minute lies in a gap.
    pub inside: Vec<bool>,
    /// A gap touches the time from this minute to the deadline of a message admitted in it.
    pub touched: Vec<bool>,
}

impl Gaps {
    /// Finds the gaps from the rows and the admitted messages of each minute.
    pub fn find(rows: &[u64], admitted: &[u64]) -> Self {
        let minutes = rows.len();
        let mut gaps = Self { inside: vec![false; minutes], touched: vec![false; minutes] };
        let rise = |at: usize| admitted[at] as i64 - ROW * rows[at] as i64;
        let mut start = 0;
        while start < minutes {
            // The levels from this minute until it is back at zero.
            let mut levels: Vec<i64> = Vec::new();
            for at in start..minutes {
                let level = (levels.last().unwrap_or(&0) + rise(at)).min(CEILING);
                if level <= 0 {
                    break;
                }
                levels.push(level);
            }
            let highest = levels.iter().copied().max().unwrap_or(0);
            if highest < MIN_LEVEL {
                start += levels.len() + 1;
                continue;
            }
            let end = start + 1 + levels.iter().rposition(|level| *level == highest).unwrap_or(0);
            if end - start >= MIN_MINUTES {
                // Adjacent minutes with fewer rows than messages belong to the gap.
                let is_thin = |at: &usize| rows[*at] < admitted[*at];
                let first = start - (0..start).rev().take_while(is_thin).count();
                let last = end + (end..minutes).take_while(is_thin).count();
                gaps.inside[first..last].fill(true);
                gaps.touched[first.saturating_sub(DUE_MINUTES)..last].fill(true);
            }
            start = end;
        }
        // A day without any row is lost, however few its messages.
        for start in (0..minutes).step_by(DAY) {
            let day = start..(start + DAY).min(minutes);
            if rows[day.clone()].iter().all(|n| *n == 0) && admitted[day.clone()].iter().any(|n| *n > 0) {
                gaps.inside[day.clone()].fill(true);
                gaps.touched[start.saturating_sub(DUE_MINUTES)..day.end].fill(true);
            }
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lane: &str, admitted: u64) -> (String, String) {
        let rows: Vec<u64> = lane.chars().map(|c| u64::from(c == '#') * 20).collect();
        let gaps = Gaps::find(&rows, &vec![admitted; lane.len()]);
        let text = |minutes: &[bool]| minutes.iter().map(|is| if *is { 'x' } else { '.' }).collect();
        (text(&gaps.inside), text(&gaps.touched))
    }

    #[test]
    fn a_gap_is_five_silent_minutes_with_twenty_messages() {
        let none = ("............".to_owned(), "............".to_owned());
        assert_eq!(found("###....#####", 5), none);
        assert_eq!(found("##.....#####", 3), none);
        assert_eq!(found("##.....#####", 4), ("..xxxxx.....".to_owned(), "xxxxxxx.....".to_owned()));
        assert_eq!(found("#.....#.....", 4), (".xxxxx.xxxxx".to_owned(), "xxxxxxxxxxxx".to_owned()));
    }

    #[test]
    fn it_touches_the_ten_minutes_before_it() {
        let (_, touched) = found("############.....#", 4);
        assert_eq!(touched, "..xxxxxxxxxxxxxxx.");
    }
}
