//! Attention: the reasons for a person to look at a day, with their messages.

use std::collections::BTreeMap;
use std::fmt;

use super::AttentionKind;
use crate::config::{Config, WEBHOOK_SERVICE};
use crate::day::{Day, SlotLength, rfc3339};
use crate::document::spelling::closest;
use crate::facts::{FileBalance, FileRole, Gap, Lost, UNASSIGNED};
use crate::intake::{GuessedRows, OddWord, ReadNotes, SameCalls, SilentFiles, TwiceTold, WordList};
use crate::ledger::{AccountLine, Edition};
use crate::policy::Group;
use crate::redact::redacted;
use crate::slots::{ALL_REGIONS, Scope, ScopeKind, State};

/// Orphan statuses needed for attention; fewer may belong to messages of the day before the first.
const MIN_ORPHANS: i64 = 20;

/// One reason for a person to look (exit code 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    pub day: Day,
    pub kind: AttentionKind,
    pub message: String,
}

/// Lists the reasons to look at an edition that was drafted from logs.
pub(super) fn attention(edition: &Edition, gaps: &[Gap], config: &Config) -> Vec<Attention> {
    let limits = &config.limits;
    let day = edition.day;
    let mut found = Vec::new();
    let mut say = |kind, message: String| found.push(Attention { day, kind, message });

    if edition.intake.is_empty() {
        say(AttentionKind::NoLogs, "no log file was found; every slot of the day is unobserved".into());
    } else if edition.intake.iter().all(|f| f.accepted == 0 && f.failure.is_none()) {
        let first = edition.intake.iter().filter_map(|f| f.first_ts_us).min();
        let last = edition.intake.iter().filter_map(|f| f.last_ts_us).max();
        let span = match (first, last) {
            (Some(first), Some(last)) => {
                format!("; the logs reach from {} to {}", rfc3339(first), rfc3339(last))
            }
            _ => String::new(),
        };
        say(AttentionKind::NoRows, format!("the log files hold no row of this day{span}"));
    }
    for file in &edition.intake {
        if let Some(failure) = &file.failure {
            say(AttentionKind::UnreadableFile, format!("{}: {failure}; nothing of it is counted", file.path));
        }
        if is_above(file, limits.quarantine_ppm) {
            say(
                AttentionKind::Quarantine,
                format!("{}: {} of {} rows could not be read", file.path, file.quarantine, file.rows_read),
            );
        }
    }
    found.extend(conflicts(edition));
    let mut say = |kind, message: String| found.push(Attention { day, kind, message });
    let counted = |item: &str| edition.reconciliation.iter().find(|l| l.item == item).map_or(0, |l| l.count);
    let (statuses, orphans) = (counted("statuses"), counted("orphan_statuses"));
    if orphans * 2 > statuses && orphans >= MIN_ORPHANS {
        say(
            AttentionKind::Orphans,
            format!(
                "{orphans} of {statuses} statuses name no message of the request logs; is a request log missing, or do the two \
                 logs write message ids in different ways?"
            ),
        );
    }
    let unproven = counted("unproven_sends");
    if unproven > 0 {
        say(
            AttentionKind::UnprovenSends,
            format!(
                "calls without an answer that may have sent messages: {unproven}; as many messages of their callers have a \
                 status and no call, so these calls are `unknown`. If both logs name the correlation of a message \
                 (`correlation_id`, in the Cloud API `biz_opaque_callback_data`), it is known which of them were sent"
            ),
        );
    }
    let suspense: i64 = edition
        .accounts
        .iter()
        .filter(|line| line.account.group() == Group::Suspense)
        .map(|line| line.events_net)
        .sum();
    if suspense > 0 {
        say(
            AttentionKind::Suspense,
            format!("{suspense} events match no rule of the policy; see daily/{day}/accounts"),
        );
    }
    let unassigned: i64 =
        edition.accounts.iter().filter(|l| l.service == UNASSIGNED).map(|l| l.events_net).sum();
    if unassigned > 0 {
        let why = "their paths match no pattern under `endpoints`";
        say(
            AttentionKind::Unassigned,
            format!("events that belong to no service, because {why}: {unassigned}"),
        );
    }
    undeclared(edition, config, &mut say);
    for source in config.sources.iter().filter(|_| !edition.intake.is_empty()) {
        if !edition.intake.iter().any(|f| f.source == source.name && f.role == FileRole::Own) {
            say(
                AttentionKind::MissingSource,
                format!("source {}: no log file of this day was found", source.name),
            );
        }
    }
    for region in &config.regions {
        let has_rows = edition.accounts.iter().any(|line| line.region == *region);
        if !has_rows && edition.intake.iter().any(|f| f.accepted > 0) {
            say(AttentionKind::Gap, format!("region {region}: no row all day; its slots are unobserved"));
        }
    }
    for gap in gaps.iter().filter(|gap| gap.file.is_none()) {
        say(AttentionKind::Gap, gap_message(gap, edition.slot_length(), day));
    }
    let components =
        edition.slots.scopes().iter().filter(|s| s.kind == ScopeKind::Component && s.is_all_regions());
    for scope in components {
        let slots: Vec<_> = edition.slots.cells(scope).collect();
        let is_observed = |state| !matches!(state, State::Unobserved | State::Doubtful);
        let observed = slots.iter().filter(|c| is_observed(c.net.state)).count();
        if (observed as u64) * 1_000_000 < slots.len() as u64 * u64::from(limits.coverage_ppm) {
            let name = &scope.name;
            say(
                AttentionKind::Coverage,
                format!(
                    "{name}: {observed} of {} slots have something to judge by, less than `limits.coverage_percent` asks for",
                    slots.len()
                ),
            );
        }
    }
    doubtful(edition, gaps, &mut say);
    found
}

/// Doubtful time of a service and region in one stretch from which on a person is told, in seconds.
const DOUBTFUL_SECONDS: i64 = 600;

/// Reports the longest doubtful stretch of each service and region, if it is long enough.
///
/// A stretch ends at a slot that is up, degraded or down. Slots in a gap are left out, because the
/// gap or the missing file is told already.
fn doubtful(edition: &Edition, gaps: &[Gap], say: &mut dyn FnMut(AttentionKind, String)) {
    let length = edition.slot_length();
    let instant = |slot: usize| rfc3339(edition.day.start_us() + slot as i64 * length.us());
    let single =
        edition.slots.scopes().iter().filter(|s| s.kind == ScopeKind::Service && !s.is_all_regions());
    for scope in single {
        let states: Vec<State> = edition.slots.cells(scope).map(|cell| cell.net.state).collect();
        let mut stretches: Vec<(usize, usize, i64)> = Vec::new();
        let mut is_open = false;
        let is_told = |slot: usize| {
            gaps.iter().any(|gap| {
                (gap.start_slot as usize..gap.end_slot as usize).contains(&slot)
                    && (gap.region == ALL_REGIONS || *gap.region == *scope.region)
                    // A missing log of webhooks takes away outcomes of calls of other services.
                    && (gap.lost == Lost::SomeOutcomes
                        || gap.services.iter().any(|service| **service == *scope.name))
            })
        };
        for (slot, state) in states.iter().enumerate() {
            match (state, stretches.last_mut()) {
                (State::Doubtful, _) if is_told(slot) => {}
                (State::Doubtful, Some((_, last, slots))) if is_open => {
                    (*last, *slots) = (slot, *slots + 1);
                }
                (State::Doubtful, _) => {
                    stretches.push((slot, slot, 1));
                    is_open = true;
                }
                (State::Unobserved, _) => {}
                _ => is_open = false,
            }
        }
        let seconds = i64::from(length.seconds());
        stretches.retain(|(.., slots)| slots * seconds >= DOUBTFUL_SECONDS);
        if let Some((first, last, slots)) = stretches.iter().max_by_key(|(.., slots)| *slots) {
            let more = match stretches.len() {
                1 => String::new(),
                n => format!(", the longest of {n} such stretches"),
            };
            let minutes = slots * seconds / 60;
            let (Scope { name, region, .. }, from, to) = (scope, instant(*first), instant(*last + 1));
            let message = format!(
                "{name} in {region}: {minutes} minutes from {from} to {to} are neither up nor down{more}; they lower the \
                 coverage. `explain` says why"
            );
            say(AttentionKind::Doubtful, message);
        }
    }
}

/// Names that are told one by one; a column with more holds no names of this kind.
const MOST_NAMES: usize = 20;

/// Reports the services and regions of events that the config does not declare.
///
/// A service outside `[[service]]` is in no component.
fn undeclared(edition: &Edition, config: &Config, say: &mut dyn FnMut(AttentionKind, String)) {
    let sum = |of: fn(&AccountLine) -> &str| {
        let mut events: BTreeMap<&str, i64> = BTreeMap::new();
        for line in &edition.accounts {
            *events.entry(of(line)).or_default() += line.events_gross;
        }
        events
    };
    let services: Vec<&str> = config.services.iter().map(|service| service.name.as_str()).collect();
    let outside = |name: &str| !services.contains(&name) && ![UNASSIGNED, WEBHOOK_SERVICE].contains(&name);
    for (name, events) in
        sum(|line| &line.service).into_iter().filter(|(name, _)| outside(name)).take(MOST_NAMES)
    {
        if services.is_empty() {
            break;
        }
        let (hint, name) = (hint(name, &services), redacted(name.as_bytes(), 40));
        say(
            AttentionKind::UndeclaredService,
            format!(
                "service `{name}`: {events} events; no [[service]] has this name, so they are in no component: declare it, or \
                 map it by `words` of its column{hint}"
            ),
        );
    }
    let regions: Vec<&str> = config.regions.iter().map(String::as_str).collect();
    let outside = |name: &str| !regions.contains(&name) && name != "-";
    for (name, events) in
        sum(|line| &line.region).into_iter().filter(|(name, _)| outside(name)).take(MOST_NAMES)
    {
        if regions.is_empty() {
            break;
        }
        let (hint, name) = (hint(name, &regions), redacted(name.as_bytes(), 40));
        say(
            AttentionKind::UndeclaredRegion,
            format!(
                "region `{name}`: {events} events; `regions` does not have this name: declare it, or map it by `words` of its \
                 column{hint}"
            ),
        );
    }
}

/// Guesses the declared name that a name was meant to be.
fn hint(name: &str, declared: &[&str]) -> String {
    let guess = closest(name, declared.iter().copied());
    guess.map_or_else(String::new, |guess| format!("; did you mean `{guess}`?"))
}

/// Reports what was noticed while the logs were read and is no part of the edition.
pub(super) fn of_notes(day: Day, notes: ReadNotes) -> impl Iterator<Item = Attention> {
    let copies = notes.copies.into_iter().map(|(copy, original)| {
        let message = format!(
            "{copy}: its text is that of {original}, and its rows have no ids, so it is not counted; keep one of the two"
        );
        (AttentionKind::CopiedFile, message)
    });
    let columns = notes.unseen_columns.into_iter().map(|(source, name)| {
        let message =
            format!("source {source}: no row has `{name}`, which [source.columns] names; is it misspelt?");
        (AttentionKind::UnseenColumn, message)
    });
    let special = notes.special_files.into_iter().map(|(path, what)| {
        let message = format!(
            "{path} is {what}, not a log, and was not opened; move it away, or let `paths` name the logs alone"
        );
        (AttentionKind::SpecialFile, message)
    });
    let silent = notes.silent_files.into_iter().map(|silent| {
        let SilentFiles { source, files, rows, keys, mapping, .. } = silent;
        let (first, others) = (files.first().cloned().unwrap_or_default(), files.len().saturating_sub(1));
        let others = if others == 0 { String::new() } else { format!(" and {others} more of this name") };
        let advice = mapping.map_or_else(
            || "name the column that tells it under [source.columns]".to_owned(),
            |line| format!("most likely, [source.columns] should have {line}"),
        );
        let message = format!(
            "source {source}: {first}{others}: no row has http_status, error_code, is_success, symptom or upstream_status, \
             so what became of its {rows} calls is `unknown`; its columns are {}; {advice}",
            keys.join(", ")
        );
        (AttentionKind::NoOutcome, message)
    });
    let guessed = notes.guessed_rows.into_iter().map(|guessed| {
        let GuessedRows { source, zone, rows, first_pass } = guessed;
        let (from, to) = (rfc3339(first_pass.start), rfc3339(first_pass.end));
        let message = format!(
            "source {source}: {rows} rows have a local time that {zone} has twice, and the rows around them in their file do \
             not tell which of the two is meant; they were put into the first, {from} to {to}. Let the log write UTC, or times \
             with an offset"
        );
        (AttentionKind::RepeatedHour, message)
    });
    let mut lists: BTreeMap<(WordList, String), Vec<(String, u64)>> = BTreeMap::new();
    for OddWord { source, list, word, rows } in notes.odd_words {
        lists.entry((list, source)).or_default().push((word, rows));
    }
    let odd = lists.into_iter().map(|((list, source), words)| {
        let told = words.iter().take(MOST_NAMES).map(|(word, rows)| format!("`{word}` ({rows} rows)"));
        let told: Vec<String> = told.collect();
        let more = words.len().saturating_sub(MOST_NAMES);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let told = told.join(", ") + &more;
        match list {
            WordList::Status => (
                AttentionKind::UnknownStatus,
                format!(
                    "source {source}: nobody knows these words of status: {told}; messages without a known status in time \
                     are `unknown`; map the words under [source.columns], for example status = {{ from = \"status\", \
                     words = {{ DELIVERY_ACK = \"delivered\" }} }}"
                ),
            ),
            WordList::Scope => (
                AttentionKind::UndeclaredScope,
                format!(
                    "source {source}: nobody knows these words of scope: {told}; the calls are judged as if they had none; \
                     if they are not part of the service, map the words under [source.columns], for example scope = {{ \
                     from = \"scope\", words = {{ synthetic = \"test\" }} }}"
                ),
            ),
        }
    });
    let all: Vec<(AttentionKind, String)> =
        copies.chain(columns).chain(special).chain(silent).chain(guessed).chain(odd).collect();
    all.into_iter().map(move |(kind, message)| Attention { day, kind, message })
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
    of.into_iter().map(|(source, (conflicts, rows, most))| Attention {
        day: edition.day,
        kind: AttentionKind::Conflict,
        message: format!(
            "source {source}: {conflicts} of {rows} rows have the `request_id` of an earlier row and are no copies of it: they \
             differ in outcome, or lie a second or more behind (most of them in {}); each id counts as one call, by its first \
             row. If clients send the id and repeat it, write identity = \"client\" under this [[source]]; if the ids say \
             nothing, identity = \"none\"",
            most.path
        ),
    })
}

/// Reports the pairs of request logs that tell of the same calls without their ids meeting.
pub(super) fn of_views(day: Day, twice_told: &[TwiceTold]) -> impl Iterator<Item = Attention> + '_ {
    let message = |TwiceTold { one, other, why }: &TwiceTold| match why {
        SameCalls::Spelling { loosely, of, known } => format!(
            "sources {one} and {other}: {loosely} of {of} request ids of one are in the other only without case and hyphens \
             ({known} meet as they are), so the same calls count twice; write ids = \"loose\" under both [[source]]"
        ),
        SameCalls::Counts { rows } => format!(
            "sources {one} and {other} seem to be two views of the same calls: no request id is in both, but slot by slot they \
             have as many rows ({rows}), so each call counts twice; map `request_id` to an id that both have, or remove one \
             source"
        ),
        SameCalls::Copies { rows } => format!(
            "sources {one} and {other} seem to tell of the same calls: they have no request ids and the same number of rows in \
             every slot, service and region ({rows}), so each call counts twice; remove one source, or map `request_id` in both"
        ),
    };
    twice_told.iter().map(move |pair| Attention {
        day,
        kind: AttentionKind::TwiceTold,
        message: message(pair),
    })
}

fn is_above(file: &FileBalance, ppm: u32) -> bool {
    file.role == FileRole::Own && file.quarantine * 1_000_000 > file.rows_read * u64::from(ppm)
}

fn gap_message(gap: &Gap, length: SlotLength, day: Day) -> String {
    if gap.region == ALL_REGIONS {
        return format!(
            "source {}: no rows all day, only sources further out had some; nothing can be judged by those alone, \
             so every slot is unobserved",
            gap.source
        );
    }
    let at = |slot: u32| rfc3339(day.start_us() + i64::from(slot) * length.us());
    let Gap { source, region, expected, .. } = gap;
    let (start, end) = (at(gap.start_slot), at(gap.end_slot));
    match gap.lost {
        Lost::Events | Lost::SomeEvents => format!(
            "source {source}: no rows of region {region} from {start} to {end} while others went on (about {expected} were \
             to be expected); those slots are unobserved"
        ),
        Lost::Outcomes | Lost::SomeOutcomes => format!(
            "source {source}: next to no rows of region {region} from {start} to {end}, in which {expected} messages were \
             admitted; what became of them is not known, and those slots are unobserved"
        ),
    }
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attention[{}]: {}: {}", self.kind.name(), self.day, self.message)
    }
}
