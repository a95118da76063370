//! The text of an explanation, as people read it.

use std::fmt;

use super::{ExplainedPosting, Explanation, RunOfSlots};
use crate::day::minutes;

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = self;
        let region = if e.region == "*" { "all regions" } else { e.region.as_str() };
        writeln!(
            out,
            "{} {} ({region}) from {} to {}: {}",
            e.scope_kind, e.scope, e.slot_start, e.slot_end, e.state
        )?;
        writeln!(out, "edition {} of the day, {}", e.edition, e.day_state)?;
        if let Some(month) = &e.incomplete_month {
            writeln!(out, "its month is incomplete ({month} published), so its figure is never final")?;
        }
        if e.state != e.state_gross {
            writeln!(out, "before overrides it was {}", e.state_gross)?;
        }
        for gap in &e.gaps {
            writeln!(out, "{gap}: what is missing is not judged")?;
        }
        writeln!(out, "\nWhy")?;
        for s in &e.services {
            writeln!(out, "  {}: {}, because {}", s.service, s.state, s.because)?;
            writeln!(
                out,
                "    good {}, bad {}, user {}, excluded {}, pending {}, suspense {}, unknown {}; {}",
                s.good, s.bad, s.user, s.excluded, s.pending, s.suspense, s.unknown, s.flips_when
            )?;
        }
        if let Some(run) = &e.run {
            write!(out, "{run}")?;
        }
        writeln!(out, "\nEvents")?;
        e.postings.iter().try_for_each(|line| write!(out, "{line}"))?;
        if e.postings.is_empty() {
            writeln!(out, "  none")?;
        }
        let list = |items: &[(String, i64)]| {
            items.iter().map(|(name, n)| format!("{name} ({n})")).collect::<Vec<_>>().join(", ")
        };
        if !e.top_error_codes.is_empty() {
            writeln!(out, "\nBad events by code: {}", list(&e.top_error_codes))?;
            writeln!(out, "Bad events by caller: {}", list(&e.top_callers))?;
        }
        writeln!(out, "\nOverrides")?;
        for o in &e.overrides {
            writeln!(
                out,
                "  {} {} to {}, {}, {} (written by {}, approved by {})",
                o.id, o.direction, o.to, o.reason, o.ticket, o.author, o.approver
            )?;
        }
        if e.overrides.is_empty() {
            writeln!(out, "  none")?;
        }
        writeln!(out, "\nEditions")?;
        for edition in &e.editions {
            let adjusting =
                if edition.is_adjusting { ", an adjusting entry beside the sealed one" } else { "" };
            writeln!(
                out,
                "  {} of {} ({}; because of {}){adjusting}: {}, good {}, bad {}",
                edition.edition,
                edition.published_at,
                edition.day_state,
                edition.causes.join(", "),
                edition.state,
                edition.good,
                edition.bad
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for RunOfSlots {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self;
        let counts = match (run.is_counted, run.is_narrow) {
            (true, _) => "it counts",
            (false, true) => {
                "it does not count, because fewer callers than `min_callers` make it long enough"
            }
            (false, false) => "it does not count",
        };
        writeln!(
            out,
            "  It is part of an outage from {} to {} ({} down, class {}); {counts}, as runs count from {} on.",
            run.start,
            run.end,
            minutes(run.down_seconds),
            run.class,
            minutes(run.min_run_seconds.into())
        )?;
        if let Some(least) = run.at_least_seconds {
            let most = match run.at_most_seconds {
                Some(most) => format!("at most {}", minutes(most)),
                None if run.is_ongoing => "no success has followed yet".to_owned(),
                None => "no success is known on one side of it".to_owned(),
            };
            writeln!(out, "  By single events it took at least {}; {most}.", minutes(least))?;
        }
        if run.callers_hit > 0 {
            let active = run.callers_active.map_or(String::new(), |n| format!(" of {n} active ones"));
            let without = match run.leave_out {
                Some(1) => "; without the bad events of one of them it would be too short".to_owned(),
                Some(n) => format!("; without the bad events of {n} of them it would be too short"),
                None => String::new(),
            };
            let callers = if run.callers_hit == 1 { "caller" } else { "callers" };
            writeln!(out, "  It hit {} {callers}{active}{without}.", run.callers_hit)?;
        }
        Ok(())
    }
}

impl fmt::Display for ExplainedPosting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = self;
        let code = match (&p.error_code, &p.error_title) {
            (Some(code), Some(title)) => format!(", code {code} ({title})"),
            (Some(code), None) => format!(", code {code}"),
            (None, _) => String::new(),
        };
        let status = p.http_status.map_or_else(|| "no status".to_owned(), |s| format!("HTTP {s}"));
        let outcome = if p.stream == "request" {
            String::new()
        } else {
            format!(", outcome {} {}", p.outcome, p.timing)
        };
        let gross = if p.events == p.events_gross {
            String::new()
        } else {
            format!(" ({} before overrides)", p.events_gross)
        };
        writeln!(
            out,
            "  {:>7} {}{gross}  {} {} in {}: {status}{code}{outcome}",
            p.events, p.account, p.service, p.stream, p.region
        )?;
        writeln!(out, "          rule {} [{}]: {}", p.rule, p.cites.join(", "), p.because)?;
        if !p.evidence.is_empty() {
            writeln!(out, "          seen at {}", p.evidence.join(", "))?;
        }
        Ok(())
    }
}
