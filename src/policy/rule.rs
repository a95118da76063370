//! Rules: conditions on kinds of events, each with an account and a reason.

use std::fmt;
use std::ops::Range;

use super::Account;
use super::condition::RuleCondition;
use super::validity::Validity;

/// One rule of the policy file; the first rule whose conditions all hold decides.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Kebab-case, unique, never reused.
    pub id: String,
    pub account: Account,
    /// The reason in plain English, for reviewers to quote.
    pub because: String,
    /// Its sources: rules of the platform, `R1` to `R20`, or of this product, `H1` to `H7`.
    pub cites: Vec<String>,
    pub validity: Validity,
    /// The ground on which a reviewer may later decide otherwise (R8, R9).
    pub review: Option<Review>,
    pub(super) when: RuleCondition,
    /// Byte range of the id in the policy file.
    pub(super) place: Range<usize>,
}

/// A hint for reviewers: failures that R8 and R9 allow them to book to the platform afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    /// R8: authorization that failed for a legitimate request.
    Authorization,
    /// R9: validation that rejected a legitimate request.
    Validation,
}

impl fmt::Display for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authorization => "R8",
            Self::Validation => "R9",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validity(from: &str, until: &str) -> Validity {
        Validity { from: from.parse().ok(), until: until.parse().ok() }
    }

    #[test]
    fn validity_is_half_open() {
        let v = validity("2026-01-01", "2026-02-01");
        let holds = |day: &str| v.holds(day.parse().unwrap());
        assert!(holds("2026-01-01") && holds("2026-01-31"));
        assert!(!holds("2025-12-31") && !holds("2026-02-01"));
    }

    #[test]
    fn validities_cover_and_overlap() {
        let (always, january, february) =
            (Validity::default(), validity("2026-01-01", "2026-02-01"), validity("2026-02-01", "2026-03-01"));
        assert!(always.covers(&january) && !january.covers(&always) && january.covers(&january));
        assert!(!january.covers(&february) && !january.overlaps(&february));
        assert!(always.overlaps(&january) && january.overlaps(&january));
        assert!(validity("2026-02-01", "2026-02-01").is_empty() && !always.is_empty());
    }
}
