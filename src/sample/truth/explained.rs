//! Explained: bad events that a row which cannot be read, or a lost file, may explain.
//!
//! Each broken row explains one message and one notification of its region that waited then; a lost
//! file explains all that waited while it should have been written.

/// A notification that is bad unless a missing attempt explains it.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    pub event_us: i64,
    pub verdict: super::accounts::Verdict,
    /// When the attempt was due, first and last instant.
    pub due_us: [i64; 2],
    /// True if it is late, or if the log shows that its retries have stopped.
    pub is_decided: bool,
}

/// Returns which of some spans are explained by rows at these instants, in the order of the spans.
///
/// In the order of time, each row explains the earliest span that holds it.
pub fn explained(rows: &[i64], spans: &[[i64; 2]]) -> Vec<bool> {
    let mut explained = vec![false; spans.len()];
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    for row in rows {
        let holds = |at: &usize| !explained[*at] && (spans[*at][0]..=spans[*at][1]).contains(&row);
        if let Some(first) = (0..spans.len()).filter(holds).min_by_key(|at| spans[*at][0]) {
            explained[first] = true;
        }
    }
    explained
}

#[cfg(test)]
mod tests {
    use super::explained;

    #[test]
    fn a_row_explains_the_earliest_span_that_holds_it() {
        assert_eq!(explained(&[5], &[[3, 9], [1, 6], [6, 9]]), [false, true, false]);
        assert_eq!(explained(&[5, 4], &[[3, 9], [1, 6]]), [true, true]);
        assert_eq!(explained(&[], &[[3, 9]]), [false]);
    }
}
