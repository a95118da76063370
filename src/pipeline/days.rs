//! Days: books the days that were read, and every open day that something else has changed.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::read::{self, LogsOfRun, open_days};
use super::suspicions::{fewer_files, unknown_fields};
use super::{Accounted, Job, attention, book, missing_files, overrides};
use crate::attention::{Attention, AttentionKind, Look, Looks};
use crate::clock::Clock;
use crate::config::RuleVersion;
use crate::day::Day;
use crate::daybook::DaybookFolders;
use crate::error::{Trouble, stops_all};
use crate::facts::{Facts, Gap, MissingLog};
use crate::intake::ReadNotes;
use crate::ledger::{self, Confirmation, DayRecord, Edition, Entry, Extent, Ledger, MadeFrom, Writer};
use crate::overrides::Override;
use crate::queries::booked_day::BookedDay;
use crate::resolve::untold;

#[derive(Default)]
pub(super) struct Booked {
    /// Days that the run was asked for.
    pub days: usize,
    /// Days that keep their edition although rows are gone from their logs.
    pub kept: Vec<Day>,
    pub accounted: Vec<Accounted>,
    pub restated: Vec<Accounted>,
    /// Trouble of the machine, or why no asked day was published.
    pub failure: Option<anyhow::Error>,
    pub looks: Looks,
    /// Editions that came out as they were.
    pub confirmed: Vec<Confirmation>,
    /// Daybooks of sealed days that wait for a damaged file to be mended.
    pub waiting_daybooks: BTreeSet<Day>,
    /// The booked day with the most facts: its reports are drawn without reading the edition back.
    ///
    /// Only one is kept, to bound memory.
    pub largest: Option<BookedDay>,
}

impl Booked {
    /// Tells that what the ledger keeps of a day is damaged.
    pub fn tell_damaged(&mut self, day: Day, why: &str) {
        let message = format!(
            "what the ledger keeps of it is damaged; its reports stay as they were drawn, and months and the days around it \
             use the figures that were last noted: {why}"
        );
        let told = Attention::new(AttentionKind::DamagedDay, day, &[], message);
        self.looks.replace(Look::Stored(day), Some(told));
    }

    /// Tells that a day could not be booked.
    pub fn tell_not_booked(&mut self, ledger: &Ledger, day: Day, error: &anyhow::Error) {
        let trouble = error.downcast_ref::<Trouble>();
        if trouble.is_some_and(|trouble| ledger.is_of_edition(day, trouble)) {
            self.tell_damaged(day, &format!("{error:#}"));
        } else if ledger.days().contains(&day) {
            let message = format!("what has changed about it could not be booked: {error:#}");
            let told = Attention::new(AttentionKind::NotSettled, day, &[], message);
            self.looks.take(Look::Tried(day), Some(told));
        } else {
            let message = format!("it could not be booked, and every run tries again: {error:#}");
            let told = Attention::new(AttentionKind::NotPublished, day, &[], message);
            self.looks.take(Look::Tried(day), Some(told));
        }
    }

    /// Reports the days that another version of the rule for slots has restated, in one line.
    fn new_definition(&self, before: &BTreeMap<Day, RuleVersion>) -> Option<Attention> {
        let editions = self.accounted.iter().chain(&self.restated).map(|done| &done.published.edition);
        let restated: BTreeMap<Day, [u32; 2]> = editions
            .filter_map(|edition| {
                let (old, new) = (before.get(&edition.day)?, edition.definition.version);
                (*old != new).then(|| (edition.day, [old.number(), new.number()]))
            })
            .collect();
        let ((first, [old, new]), (last, _)) = restated.first_key_value().zip(restated.last_key_value())?;
        let days = restated.len();
        let message = format!(
            "the {days} open days from {first} to {last} are judged by whatsapp@{new} now and were restated once (before: \
             whatsapp@{old}); sealed days keep theirs, so a month may hold both. See reports/verdict.md"
        );
        Some(Attention::new(AttentionKind::NewDefinition, *last, &[], message).of_measure(days as u64))
    }

    /// Classifies days, and returns in addition those that could not even be classified.
    fn prepared(
        &mut self,
        ledger: &Ledger,
        days: impl Iterator<Item = Day>,
        prepare: &dyn Fn(&Ledger, Day) -> anyhow::Result<book::ClassifiedDay>,
        failed: &mut BTreeMap<Day, anyhow::Error>,
    ) -> anyhow::Result<(BTreeMap<Day, book::ClassifiedDay>, BTreeSet<Day>)> {
        let mut prepared = BTreeMap::new();
        let mut stuck = BTreeSet::new();
        for day in days {
            match prepare(ledger, day) {
                Ok(classified) => _ = prepared.insert(day, classified),
                Err(error) if stops_all(&error) => return Err(error),
                Err(error) => {
                    self.tell_not_booked(ledger, day, &error);
                    failed.insert(day, error);
                    stuck.insert(day);
                }
            }
        }
        Ok((prepared, stuck))
    }

    /// Takes a day that was published, with what was noted when its logs were read.
    fn take(
        &mut self,
        job: &Job,
        ledger: &Ledger,
        usable: &read::Usable,
        (mut done, fresh): (Accounted, BookedDay),
        notes: Option<ReadNotes>,
        is_asked: bool,
    ) -> anyhow::Result<()> {
        let day = done.published.edition.day;
        self.looks.take(Look::Tried(day), None);
        let (fresh_gaps, fresh_facts) = (fresh.gaps.clone(), fresh.postings.facts().clone());
        let facts = |day: &BookedDay| day.postings.facts().frame().height();
        // An unchanged edition keeps its files with their numbers, which may differ today.
        let is_new = done.published.is_new;
        if is_new && self.largest.as_ref().is_none_or(|kept| facts(kept) < facts(&fresh)) {
            self.largest = Some(fresh);
        }
        let edition = &done.published.edition;
        if let Some(notes) = notes {
            done.spilled_bytes = notes.spilled_bytes;
            let daybooks = &usable.daybooks;
            let told = of_reading(job, ledger, daybooks, edition, &fresh_gaps, &fresh_facts, notes)?;
            self.looks.take(Look::Read(day), told);
        }
        if let Some(told) = &done.attention {
            self.looks.take(Look::Booked(day), told.iter().cloned());
        }
        tracing::info!(%day, edition = edition.number, is_new, "published");
        match (is_asked, is_new) {
            (true, _) => self.accounted.push(done),
            (false, true) => self.restated.push(done),
            (false, false) => {}
        }
        Ok(())
    }

    /// Ends the run as failed if an asked day failed and no other day was published.
    fn fails_without_a_day(&mut self, failed: BTreeMap<Day, anyhow::Error>, asked: &[Day]) {
        if self.accounted.is_empty() && self.restated.is_empty() && self.failure.is_none() {
            let of_asked = failed.into_iter().find(|(day, _)| asked.contains(day));
            self.failure = of_asked.map(|(_, error)| error);
        }
    }

    /// Journals the days that came out as they were.
    fn note_confirmed(&mut self, ledger: &mut Writer, clock: Clock) -> anyhow::Result<()> {
        if !self.confirmed.is_empty() {
            self.confirmed.sort_by_key(|confirmed| confirmed.day);
            let days = std::mem::take(&mut self.confirmed);
            ledger.append(clock, Entry::Confirmed { days })?;
        }
        Ok(())
    }

    /// Lists the days with a new edition.
    pub fn new_days(&self) -> BTreeSet<Day> {
        let published = self.accounted.iter().chain(&self.restated).map(|done| &done.published);
        published.filter(|published| published.is_new).map(|published| published.edition.day).collect()
    }

    /// Takes a newer edition of a day in the place of the one that the run made before.
    pub fn replace(&mut self, done: Accounted) {
        let day = done.published.edition.day;
        self.largest.take_if(|largest| largest.edition.day == day);
        let mut known = self.accounted.iter_mut().chain(&mut self.restated);
        match known.find(|known| known.published.edition.day == day) {
            Some(known) => known.published = done.published,
            None => self.restated.push(done),
        }
    }
}

/// Returns the version of the rule for slots that each open day was published by.
///
/// A day whose edition is damaged has none.
fn versions(ledger: &Ledger) -> BTreeMap<Day, RuleVersion> {
    let version = |day: Day| Some((day, ledger.made_from(day).ok()??.definition.version));
    open_days(ledger).into_iter().filter_map(version).collect()
}

/// Books the days that were read, and every open day that something else has changed.
///
/// Such are webhook logs of other days, overrides, policy, and definition.
///
/// A day that cannot be booked is told, and the others go on.
///
/// # Errors
/// The ledger cannot be read or written; trouble of the machine before an asked day was published.
pub(super) fn book(
    job: &Job,
    ledger: &mut Writer,
    logs: LogsOfRun,
    desired: &mut overrides::Desired,
    clock: Clock,
) -> anyhow::Result<Booked> {
    let LogsOfRun { days: asked, read, kept, mut failed, trouble, looks } = logs;
    let read_days: Vec<Day> = read.iter().map(|read| read.day).collect();
    let mut notes: BTreeMap<Day, ReadNotes> = read.into_iter().map(|read| (read.day, read.notes)).collect();
    let usable = read::usable(job, ledger, &read_days)?;
    // Read only if a day is booked: most nights book few days.
    let missing: OnceCell<BTreeMap<Day, Vec<MissingLog>>> = OnceCell::new();
    let missing_logs = |ledger: &Ledger| -> anyhow::Result<&BTreeMap<Day, Vec<MissingLog>>> {
        match missing.get() {
            Some(known) => Ok(known),
            None => {
                let found = read::missing(job, ledger, &usable.daybooks)?.missing;
                Ok(missing.get_or_init(|| found))
            }
        }
    };
    let ToldLate { days: late, waiting_daybooks } = told_late(job, ledger, &usable)?;
    let prepare = |ledger: &Ledger, day: Day| {
        let is_settled = usable.daybooks.contains_key(&day) && !usable.stay.contains(&day);
        let is_sealed = ledger.record().days.get(&day).is_some_and(|record| record.sealed.is_some());
        if read_days.contains(&day) || late.contains(&day) || (is_settled && !is_sealed) {
            book::from_daybooks(job, ledger, day, &usable.daybooks, missing_logs(ledger)?)
        } else {
            book::from_edition(job, ledger, day)
        }
    };
    let mut days: BTreeSet<Day> = open_days(ledger).into_iter().chain(read_days.iter().copied()).collect();
    days.extend(&late);
    // A killed run may have read a day without publishing it, and its logs may be gone since.
    let is_kept = |day: &Day| kept.contains(day) && usable.daybooks.contains_key(day);
    days.extend(asked.iter().filter(|day| ledger.days().contains(day) || is_kept(day)));

    // Rows are decided over all days they touch before any of them is booked.
    let mut booked =
        Booked { days: asked.len(), kept, looks, failure: trouble, waiting_daybooks, ..Booked::default() };
    let published = ledger.days();
    let touched = overrides::touched(ledger, clock).into_iter();
    let touched = touched.filter(|day| days.contains(day) || published.contains(day));
    let (mut prepared, stuck) = booked.prepared(ledger, touched, &prepare, &mut failed)?;
    let postings = prepared.iter().map(|(day, prepared)| (*day, &prepared.postings)).collect();
    let mut plan = overrides::plan(job, ledger, &postings, clock)?;
    drop(postings);
    plan.hold(&stuck, ledger);
    days.extend(plan.days());
    days.retain(|day| !stuck.contains(day));

    let versions = versions(ledger);
    // Asked days come first, in order: if one fails, the days before it are published.
    let others = days.iter().copied().filter(|day| !asked.contains(day));
    for day in asked.iter().copied().filter(|day| days.contains(day)).chain(others) {
        job.cancellation.check()?;
        // A day that could not be read again is booked like any other.
        let is_asked = asked.contains(&day) && !failed.contains_key(&day);
        let as_before = || -> anyhow::Result<_> {
            let rows = rows_in_force(ledger, &plan, day)?;
            let is_new = read_days.contains(&day) || late.contains(&day);
            let is_as_before = !is_new && is_as_before(job, ledger, day, &rows, &usable)?;
            let stands = if is_as_before && is_asked { Some(standing(ledger, day)?) } else { None };
            Ok((rows, is_as_before, stands))
        };
        let rows = match as_before() {
            Ok((_, true, stands)) => {
                booked.accounted.extend(stands);
                booked.looks.take(Look::Tried(day), None);
                continue;
            }
            Ok((rows, ..)) => rows,
            Err(error) if stops_all(&error) => return Err(error),
            Err(error) => {
                booked.tell_not_booked(ledger, day, &error);
                failed.entry(day).or_insert(error);
                continue;
            }
        };
        let prepared = prepared.remove(&day).map_or_else(|| prepare(ledger, day), Ok);
        match prepared.and_then(|prepared| book::publish(job, ledger, prepared, rows, clock)) {
            Ok(published) => {
                if !published.0.published.is_new {
                    let is_late = late.contains(&day);
                    booked.confirmed.extend(confirmation(job, ledger, day, &usable, is_late)?);
                }
                booked.take(job, ledger, &usable, published, notes.remove(&day), is_asked)?;
            }
            // Trouble of the machine ends the booking. If no asked day stands, no more is
            // written: the next run then makes of it what this one would have made.
            Err(error) if is_asked && stops_all(&error) => {
                let error = error.context(format!("accounting {day}"));
                if booked.accounted.is_empty() {
                    return Err(error);
                }
                booked.failure.get_or_insert(error);
                break;
            }
            Err(error) => {
                booked.tell_not_booked(ledger, day, &error);
                failed.entry(day).or_insert(error.context(format!("accounting {day}")));
            }
        }
    }
    booked.fails_without_a_day(failed, &asked);
    if let Some(error) = booked.failure.take_if(|_| ledger.days().is_empty()) {
        return Err(error);
    }
    overrides::note(&plan, desired, ledger, clock)?;
    if let Some(told) = booked.new_definition(&versions) {
        booked.looks.take(Look::Happened(told.day), Some(told));
    }
    booked.looks.take(Look::Run, std::mem::take(&mut desired.attention).into_iter().chain(usable.attention));
    booked.note_confirmed(ledger, clock)?;
    Ok(booked)
}

/// Reports what was noticed while the logs of a day were read, in the light of the days before.
fn of_reading(
    job: &Job,
    ledger: &Ledger,
    daybooks: &DaybookFolders,
    edition: &Edition,
    gaps: &[Gap],
    facts: &Facts,
    mut notes: ReadNotes,
) -> anyhow::Result<Vec<Attention>> {
    let day = edition.day;
    if !notes.silent_files.is_empty() {
        let told = untold::told_before(day, daybooks)?;
        notes.silent_files.retain(|s| !told.contains(&(s.source.clone(), s.name.clone())));
    }
    let mut found = missing_files::of_files(edition, &notes.file_hours, gaps, &job.config);
    let groups = missing_files::groups(job, daybooks, day)?;
    found.extend(missing_files::of_fallen(day, groups.fallen));
    found.extend(fewer_files::attention(ledger, day, facts, &groups.fewer)?);
    found.extend(unknown_fields::attention(edition));
    found.extend(attention::of_views(day, &notes.twice_told));
    found.extend(attention::of_notes(day, notes));
    Ok(found)
}

/// Sealed days of which logs of other days may tell since they were sealed.
#[derive(Default)]
struct ToldLate {
    /// Days that are booked again: what these logs tell is an adjusting entry.
    days: BTreeSet<Day>,
    /// Daybooks of days that cannot be booked before a damaged file is mended.
    waiting_daybooks: BTreeSet<Day>,
}

/// Finds sealed days of which logs of other days may tell since they were sealed.
///
/// They are booked again while all the daybooks stand that they were booked from. Once a daybook is
/// gone, its rows are orphans.
fn told_late(job: &Job, ledger: &Ledger, usable: &read::Usable) -> anyhow::Result<ToldLate> {
    let mut told_late = ToldLate::default();
    if !job.config.has_webhooks() {
        return Ok(told_late);
    }
    let mut late = BTreeSet::new();
    let mut known: BTreeMap<Day, &str> = BTreeMap::new();
    let reach = job.config.webhooks.reach_days();
    let is_sealed = |day: Day| ledger.record().days.get(&day).is_some_and(|record| record.sealed.is_some());
    for line in ledger.lines() {
        match &line.entry {
            // Read since, with another content, and neither booked nor confirmed after it.
            Entry::Read(reading) => {
                if known.insert(reading.day, &reading.daybook) == Some(&*reading.daybook) {
                    continue;
                }
                let told = reading.day.plus(-reach).through(reading.day.plus(1));
                late.extend(told.filter(|day| *day != reading.day && is_sealed(*day)));
            }
            Entry::Edition(publication) => _ = late.remove(&publication.day),
            Entry::Confirmed { days } => days.iter().for_each(|confirmed| _ = late.remove(&confirmed.day)),
            Entry::Sealed { day, .. } => _ = late.remove(day),
            _ => {}
        }
    }
    let stand = ledger.daybooks();
    for day in late.into_iter().filter(|day| !usable.stay.contains(day)) {
        let needed: BTreeSet<Day> = match ledger.made_from(day) {
            Ok(Some(made)) => made.daybooks.into_keys().chain([day]).collect(),
            Ok(None) => continue,
            Err(trouble) if trouble.stops_all() => return Err(trouble.into()),
            Err(_) => {
                // Booking it tells of the damage.
                told_late.days.insert(day);
                told_late.waiting_daybooks.extend(day.plus(-1).through(day.plus(reach)));
                continue;
            }
        };
        if needed.iter().all(|day| usable.daybooks.contains_key(day)) {
            told_late.days.insert(day);
        } else if needed.iter().all(|day| stand.contains_key(day)) {
            told_late.waiting_daybooks.extend(needed);
        }
    }
    Ok(told_late)
}

/// Returns the rows that apply to a day.
///
/// A sealed day for which no row was decided anew keeps the rows it has.
fn rows_in_force(ledger: &Ledger, plan: &overrides::Plan, day: Day) -> anyhow::Result<Vec<Override>> {
    let is_sealed = ledger.record().days.get(&day).is_some_and(|record| record.sealed.is_some());
    match plan.rows(day) {
        Some(rows) => Ok(rows),
        None if is_sealed => Ok(ledger.made_from(day)?.map(|made| made.rows).unwrap_or_default()),
        None => Ok(Vec::new()),
    }
}

/// Returns whether the newest edition of a day was made from all that it would be made from now.
fn is_as_before(
    job: &Job,
    ledger: &Ledger,
    day: Day,
    rows: &[Override],
    usable: &read::Usable,
) -> anyhow::Result<bool> {
    let Some(made) = ledger.made_from(day)? else { return Ok(false) };
    if !Override::are_same_rows(&made.rows, rows) {
        return Ok(false);
    }
    if ledger.record().days.get(&day).is_some_and(|record| record.sealed.is_some()) {
        return Ok(true);
    }
    let is_settled = usable.daybooks.contains_key(&day) && !usable.stay.contains(&day);
    let daybooks = book::around(job, ledger, day, &usable.daybooks);
    let is_alike = (!is_settled || made.daybooks == daybooks)
        && ledger.has_rules(&made.policy, made.rules.as_deref(), &job.policy);
    Ok((is_alike || is_confirmed(job, ledger, day, &daybooks, &made)) && made.definition.is_of(&job.config))
}

/// Returns whether the newest edition of a day, made from `made`, came out the same before.
///
/// It was then booked from these daybooks and by the rules of today.
fn is_confirmed(
    job: &Job,
    ledger: &Ledger,
    day: Day,
    daybooks: &BTreeMap<Day, String>,
    made: &MadeFrom,
) -> bool {
    let Some(record) = ledger.record().days.get(&day) else { return false };
    let Some((confirmed, newest)) = record.confirmed.as_ref().zip(record.newest()) else { return false };
    let is_ruled_alike = match &confirmed.rules {
        Some(rules) => rules == job.policy.rules_name(),
        None => ledger.has_rules(&made.policy, made.rules.as_deref(), &job.policy),
    };
    confirmed.edition == newest.publication.edition
        && confirmed.daybooks == ledger::fingerprint(daybooks)
        && is_ruled_alike
}

/// Returns the note on a day that came out as it was: the next run need not book it again.
fn confirmation(
    job: &Job,
    ledger: &Ledger,
    day: Day,
    usable: &read::Usable,
    is_late: bool,
) -> anyhow::Result<Option<Confirmation>> {
    let is_settled = usable.daybooks.contains_key(&day) && !usable.stay.contains(&day);
    let is_open = |record: &&DayRecord| record.sealed.is_none() || is_late;
    let record = ledger.record().days.get(&day).filter(is_open).filter(|_| is_settled);
    let Some(newest) = record.and_then(|record| record.newest()) else { return Ok(None) };
    let daybooks = book::around(job, ledger, day, &usable.daybooks);
    let Some(made) = ledger.made_from(day)? else { return Ok(None) };
    let is_ruled_alike = ledger.has_rules(&made.policy, made.rules.as_deref(), &job.policy);
    let is_known = made.daybooks == daybooks && is_ruled_alike;
    if is_known || is_confirmed(job, ledger, day, &daybooks, &made) {
        return Ok(None);
    }
    let edition = newest.publication.edition;
    let rules = (!is_ruled_alike).then(|| job.policy.rules_name().to_owned());
    Ok(Some(Confirmation { day, edition, daybooks: ledger::fingerprint(&daybooks), rules }))
}

/// Returns a day as it stands.
fn standing(ledger: &Ledger, day: Day) -> anyhow::Result<Accounted> {
    let edition = ledger.read(day, Extent::Whole)?;
    let published =
        crate::ledger::Published { edition, is_new: false, causes: Vec::new(), is_adjusting: false };
    Ok(Accounted { published, spilled_bytes: 0, attention: None })
}
