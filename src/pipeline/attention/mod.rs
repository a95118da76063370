//! Attention: what needs a person in an edition that was booked from logs.

mod ended_rows;
mod evidence;
mod names;
mod notes;
mod strays;
mod thin;

use std::collections::BTreeMap;

pub(super) use ended_rows::of_ended_rows;
pub(super) use notes::{of_notes, of_views};
pub(super) use strays::{of_reopened, of_strays};

use crate::attention::{Attention, AttentionKind};
use crate::config::Config;
use crate::facts::{FileBalance, Gap, UNASSIGNED};
use crate::ledger::Edition;
use crate::policy::Group;

/// Orphan statuses needed for attention; fewer may belong to messages of the day before the first.
const MIN_ORPHANS: i64 = 20;

/// Lists the reasons to look at an edition that was booked from logs.
pub(super) fn attention(edition: &Edition, gaps: &[Gap], config: &Config) -> Vec<Attention> {
    let mut found = evidence::attention(edition, gaps, config);
    found.extend(conflicts(edition));
    found.extend(of_events(edition));
    found.extend(names::undeclared(edition, config));
    found.extend(thin::coverage(edition, gaps, &config.limits));
    found.extend(thin::doubtful(edition, gaps));
    found
}

/// Reports orphans, unproven sends, and events that no rule or no service takes.
fn of_events(edition: &Edition) -> Vec<Attention> {
    let day = edition.day;
    let mut found = Vec::new();
    let mut say = |kind, subject: &[&str], measure: i64, message| {
        let measure = measure.unsigned_abs();
        found.push(Attention::new(kind, day, subject, message).of_measure(measure));
    };
    let counted = |item: &str| edition.reconciliation.iter().find(|l| l.item == item).map_or(0, |l| l.count);
    let (statuses, orphans) = (counted("statuses"), counted("orphan_statuses"));
    if orphans * 2 > statuses && orphans >= MIN_ORPHANS {
        let message = format!(
            "{orphans} of {statuses} statuses name no message of the request logs; is a request log missing, or do the two logs \
             write message ids in different ways?"
        );
        say(AttentionKind::Orphans, &[], orphans, message);
    }
    let unproven = counted("unproven_sends");
    if unproven > 0 {
        let message = format!(
            "calls without an answer that may have sent messages: {unproven}; as many messages of their callers have a status \
             and no call, so these calls are `unknown`. If both logs name the correlation of a message (`correlation_id`, in the \
             Cloud API `biz_opaque_callback_data`), it is known which of them were sent"
        );
        say(AttentionKind::UnprovenSends, &[], unproven, message);
    }
    let mut suspense: BTreeMap<Option<i64>, i64> = BTreeMap::new();
    for line in edition.accounts.iter().filter(|line| line.account.group() == Group::Suspense) {
        *suspense.entry(line.error_code).or_default() += line.events_net;
    }
    for (code, events) in suspense.into_iter().filter(|(_, events)| *events > 0) {
        let of_code =
            code.map_or_else(|| "without an error code".to_owned(), |code| format!("with error code {code}"));
        let subject = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let message =
            format!("{events} events {of_code} match no rule of the policy; see daily/{day}/accounts");
        say(AttentionKind::Suspense, &[&subject], events, message);
    }
    let unassigned: i64 =
        edition.accounts.iter().filter(|l| l.service == UNASSIGNED).map(|l| l.events_net).sum();
    if unassigned > 0 {
        let message = format!(
            "events that belong to no service, because their paths match no pattern under `endpoints`: {unassigned}; if they are \
             no part of the platform, as health checks are, name their paths under `ignore`"
        );
        say(AttentionKind::Unassigned, &[], unassigned, message);
    }
    found
}

/// Reports the sources with rows that have an id of an earlier row and are no copies of it.
fn conflicts(edition: &Edition) -> impl Iterator<Item = Attention> + '_ {
    let mut of: BTreeMap<&str, (u64, u64, &FileBalance)> = BTreeMap::new();
    for file in edition.intake.iter().filter(|file| file.conflict > 0) {
        let (conflicts, rows, most) = of.entry(&file.source).or_insert((0, 0, file));
        *conflicts += file.conflict;
        *rows += file.accepted + file.duplicate + file.conflict;
        if file.conflict > most.conflict {
            *most = file;
        }
    }
    of.into_iter().map(|(source, (conflicts, rows, most))| {
        let message = format!(
            "source {source}: {conflicts} of {rows} rows have the `request_id` of an earlier row and are no copies of it: they \
             differ in outcome, or lie a second or more behind (most of them in {}); each id counts as one call, by its first \
             row. If clients send the id and repeat it, write identity = \"client\" under this [[source]]; if the ids say \
             nothing, identity = \"none\"",
            most.path
        );
        Attention::new(AttentionKind::Conflict, edition.day, &[source], message).of_measure(conflicts)
    })
}
