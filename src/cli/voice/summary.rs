//! The summary at the end of a run: rows read, availability, outages, and points of attention.

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::Table;
use serde_json::json;

use super::text::{align, table};
use crate::attention::AttentionKind;
use crate::cli::voice;
use crate::day::{minutes, rfc3339};
use crate::error::ExitCode;
use crate::facts::FileBalance;
use crate::ledger::{Cause, Edition, Published};
use crate::measure::{Figure, Outage, Period};
use crate::pipeline::{Accounted, Job, RunSummary};
use crate::slots::ScopeKind;
use crate::table::decimal;

/// Mistakes of the override file, and attentions of one kind, that are printed one by one.
const SHOWN: usize = 20;

pub struct SummaryText<'a> {
    pub outcome: &'a RunSummary,
    pub job: &'a Job,
    pub code: ExitCode,
}

impl SummaryText<'_> {
    /// Prints for people: tables on stdout, attention and mistakes on stderr.
    pub fn print(&self, is_quiet: bool) -> io::Result<()> {
        if !is_quiet {
            let mut out = voice::stdout();
            writeln!(out, "{}\n", self.read())?;
            if let Some(line) = self.no_calls() {
                writeln!(out, "{line}\n")?;
            }
            writeln!(out, "{}", self.availability())?;
            let outages: Vec<&Outage> = self.outages().collect();
            if outages.is_empty() {
                writeln!(out, "\nNo outages.")?;
            } else {
                writeln!(out, "\n{}", outage_table(&outages))?;
            }
            let mark = if self.outcome.is_simulated { " (simulated)" } else { "" };
            writeln!(out, "\nReports: {}{mark}", self.job.config.reports.display())?;
        }
        let mut err = voice::stderr();
        if let (Some(_), Some(day), false) =
            (&self.job.config.standard_input, self.outcome.accounted.first(), is_quiet)
        {
            let day = day.published.edition.day;
            writeln!(err, "read once: {day} was read from standard input, so no later run reads it again")?;
        }
        for Published { edition, causes, is_adjusting, .. } in self.changed() {
            let causes = causes.iter().map(Cause::name).collect::<Vec<_>>().join(", ");
            let Edition { day, number, .. } = edition;
            if *is_adjusting {
                writeln!(
                    err,
                    "adjusting: {day} is sealed; edition {number} stands beside it, because of {causes}"
                )?;
            } else {
                writeln!(err, "restated: {day} is now edition {number}, because of {causes}")?;
            }
        }
        if let (Some(first), Some(last)) = (self.outcome.kept.first(), self.outcome.kept.last()) {
            let days = self.outcome.kept.len();
            let which = if first == last {
                format!("{first} keeps its edition, although rows that it was made from")
            } else {
                format!(
                    "{days} days from {first} to {last} keep their editions, although rows that they were made from"
                )
            };
            writeln!(
                err,
                "kept: {which} are gone from the logs; to book what is left, let two persons acknowledge {}`{}`",
                if days == 1 { "" } else { "each day, as " },
                AttentionKind::FewerRows.key_on(*last)
            )?;
        }
        let mistakes = &self.outcome.mistakes;
        if !mistakes.is_empty() {
            // `err.0` is not escaped: the excerpts are made safe where they are drawn, and the
            // colours are ours.
            writeln!(err.0, "{}", crate::cli::render(&mistakes[..mistakes.len().min(SHOWN)]))?;
        }
        if let Some(more) = mistakes.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            writeln!(
                err,
                "and {more} more mistakes in the override file; `uptime-ledger check` shows each\n"
            )?;
        }
        self.print_new_attention(&mut err)?;
        if let Some(line) = crate::cli::ack::stood_before(&self.outcome.attention) {
            writeln!(err, "{line}")?;
        }
        Ok(())
    }

    /// Prints what stands open and is new, of each kind the first [`SHOWN`].
    fn print_new_attention(&self, err: &mut impl Write) -> io::Result<()> {
        let mut by_kind: BTreeMap<AttentionKind, usize> = BTreeMap::new();
        for standing in self.outcome.attention.iter().filter(|standing| standing.is_new) {
            let told = by_kind.entry(standing.attention.kind).or_default();
            *told += 1;
            if *told <= SHOWN {
                writeln!(err, "{}", standing.attention)?;
            }
        }
        for (kind, told) in by_kind.into_iter().filter(|(_, told)| *told > SHOWN) {
            let more = told - SHOWN;
            writeln!(err, "attention[{}]: and {more} more; `uptime-ledger ack` lists each", kind.name())?;
        }
        Ok(())
    }

    /// Iterates over editions that differ from an earlier one of their day.
    fn changed(&self) -> impl Iterator<Item = &Published> {
        let all = self.outcome.accounted.iter().chain(&self.outcome.restated).map(|a| &a.published);
        all.filter(|p| p.is_new && p.edition.number > 1)
    }

    /// Prints for programs: one JSON object on stdout.
    pub fn print_json(&self) -> io::Result<()> {
        let days: Vec<_> = self
            .outcome
            .accounted
            .iter()
            .map(|a| {
                let edition = &a.published.edition;
                let sum = |f: fn(&FileBalance) -> u64| edition.intake.iter().map(f).sum::<u64>();
                json!({
                    "day": edition.day.to_string(),
                    "edition": edition.number,
                    "is_new": a.published.is_new,
                    "state": edition.state.name(),
                    "files": edition.intake.len(),
                    "rows_read": sum(|f| f.rows_read),
                    "accepted": sum(|f| f.accepted),
                    "duplicate": sum(|f| f.duplicate),
                    "conflict": sum(|f| f.conflict),
                    "outside": sum(|f| f.outside),
                    "quarantine": sum(|f| f.quarantine),
                    "not_a_call": sum(|f| f.not_a_call),
                    "spilled_bytes": a.spilled_bytes,
                    "attention": a.attention.iter().flatten().map(|t| json!({"kind": t.kind.name(), "message": t.message})).collect::<Vec<_>>(),
                })
            })
            .collect();
        let availability: Vec<_> = self
            .components()
            .map(|f| {
                json!({
                    "day": period(f.period),
                    "component": &*f.scope.name,
                    "definition": f.definition.name,
                    "availability_percent_gross": f.gross_micro_percent.map(decimal),
                    "availability_percent_net": f.net_micro_percent.map(decimal),
                    "coverage_percent": f.coverage_micro_percent.map(decimal),
                })
            })
            .collect();
        let outages: Vec<_> = self
            .outages()
            .map(|o| {
                json!({
                    "outage_id": o.id,
                    "scope": &*o.scope.name,
                    "start": rfc3339(o.start_us),
                    "end": rfc3339(o.end_us),
                    "duration_seconds": o.down_seconds,
                    "class": o.class.name(),
                    "counted": o.is_counted,
                })
            })
            .collect();
        let mut summary = json!({
            "exit_code": self.code as u8,
            "reports": self.job.config.reports.display().to_string(),
            "policy_fingerprint": self.job.policy.fingerprint(),
            "days": days,
            "attention": self.outcome.attention.iter().map(crate::cli::ack::line).collect::<Vec<_>>(),
            "restated": self.changed().map(|p| json!({
                "day": p.edition.day.to_string(),
                "edition": p.edition.number,
                "causes": p.causes.iter().map(Cause::name).collect::<Vec<_>>(),
                "is_adjusting": p.is_adjusting,
            })).collect::<Vec<_>>(),
            "sealed": self.outcome.sealed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "kept": self.outcome.kept.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "availability": availability,
            "outages": outages,
        });
        if self.job.config.standard_input.is_some() {
            summary["is_read_once"] = true.into();
        }
        if self.outcome.is_simulated {
            summary["is_simulated"] = true.into();
        }
        voice::json(&summary, false)
    }

    fn read(&self) -> Table {
        // Most logs have no conflicts, so the column is there only when it says something.
        let all = self.outcome.accounted.iter().flat_map(|a| &a.published.edition.intake);
        let has_conflicts = all.into_iter().any(|file| file.conflict > 0);
        let mut names = vec!["Day", "Edition", "State", "Files", "Rows read", "Accepted", "Duplicate"];
        names.extend(has_conflicts.then_some("Conflict"));
        names.extend(["Outside", "Quarantine"]);
        let mut table = table(&names);
        for a in &self.outcome.accounted {
            let edition = &a.published.edition;
            let sum = |f: fn(&FileBalance) -> u64| grouped(edition.intake.iter().map(f).sum());
            let number = if a.published.is_new {
                edition.number.to_string()
            } else {
                format!("{} (as before)", edition.number)
            };
            let mut row = vec![
                edition.day.to_string(),
                number,
                edition.state.name().to_owned(),
                edition.intake.len().to_string(),
                sum(|f| f.rows_read),
                sum(|f| f.accepted),
                sum(|f| f.duplicate),
            ];
            row.extend(has_conflicts.then(|| sum(|f| f.conflict)));
            row.extend([sum(|f| f.outside), sum(|f| f.quarantine)]);
            table.add_row(row);
        }
        align(&mut table, 3);
        table
    }

    /// Returns a line on the lines that are no calls, if there are any, with the first reasons.
    fn no_calls(&self) -> Option<String> {
        let files = self.outcome.accounted.iter().flat_map(|a| &a.published.edition.intake);
        let no_calls = FileBalance::no_calls(files);
        let of = no_calls.text(3);
        (!no_calls.is_empty()).then(|| format!("Not a call: {} lines ({of}).", grouped(no_calls.sum())))
    }

    fn availability(&self) -> Table {
        let mut table = table(&[
            "Day",
            "Component",
            "Definition",
            "Good",
            "Bad",
            "Down slots",
            "Counted",
            "Coverage",
            "Availability",
        ]);
        for f in self.components() {
            let shown = |p: Option<i64>| p.map_or_else(|| "-".to_owned(), |p| format!("{} %", decimal(p)));
            table.add_row(vec![
                period(f.period),
                f.scope.name.to_string(),
                f.definition.name.to_owned(),
                grouped(f.net.events.good().unsigned_abs()),
                grouped(f.net.events.bad().unsigned_abs()),
                f.net.slots_down.to_string(),
                f.net.slots_counted.to_string(),
                shown(f.coverage_micro_percent),
                shown(f.net_micro_percent),
            ]);
        }
        align(&mut table, 3);
        table
    }

    /// Iterates over the figures of the run's days, for components in all regions.
    fn components(&self) -> impl Iterator<Item = &Figure> {
        self.outcome.figures.days.iter().filter(|f| {
            let is_ours =
                self.outcome.accounted.iter().any(|a| f.period == Period::Day(a.published.edition.day));
            is_ours && f.scope.kind == ScopeKind::Component && f.scope.is_all_regions()
        })
    }

    /// Iterates over outages that touch a day of the run, of components in all regions.
    fn outages(&self) -> impl Iterator<Item = &Outage> {
        self.outcome.figures.outages.iter().filter(|o| {
            let touches = |a: &Accounted| {
                let day = a.published.edition.day;
                o.start_us < day.end_us() && o.end_us > day.start_us()
            };
            o.scope.kind == ScopeKind::Component
                && o.scope.is_all_regions()
                && self.outcome.accounted.iter().any(touches)
        })
    }
}

fn outage_table(outages: &[&Outage]) -> Table {
    let mut table = table(&["Outage", "Start", "End", "Down", "Class", "Counts", "Top codes"]);
    for o in outages {
        table.add_row(vec![
            o.scope.name.to_string(),
            rfc3339(o.start_us),
            rfc3339(o.end_us),
            minutes(o.down_seconds),
            o.class.name().to_owned(),
            if o.is_counted { "yes" } else { "no" }.to_owned(),
            o.top_error_codes.clone(),
        ]);
    }
    table
}

fn period(period: Period) -> String {
    match period {
        Period::Day(day) => day.to_string(),
        Period::Month(month) => month.to_string(),
    }
}

/// Formats `1234567` as `1,234,567`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
