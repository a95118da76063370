//! Booking: turns the facts of a day, from its daybooks or its edition, into the next edition.

use std::collections::BTreeMap;

use anyhow::Context;

use super::attention::attention;
use super::suspicions::{silent_first_layer, suspected_outage, undecided};
use super::{Job, missing_files};
use crate::attention::Attention;
use crate::clock::Clock;
use crate::config::Config;
use crate::day::{Day, SlotLength};
use crate::daybook::DaybookFolders;
use crate::facts::{Facts, Gap, Intake, Kind, MissingLog, Receipt, Timing};
use crate::ledger::{
    Basis, Cause, DayState, Draft, Edition, Extent, Kept, Ledger, Published, Writer, check_balance,
};
use crate::overrides::{Override, adjust};
use crate::policy::{Account, Booking, Policy, Postings};
use crate::queries::booked_day::BookedDay;
use crate::resolve::{ResolveParts, missing_logs, request_gaps, resolve, untold};
use crate::slots::Slots;

/// A day that was booked and published.
pub struct Accounted {
    pub published: Published,
    pub spilled_bytes: u64,
    /// Reasons for a person to look; `None` if the day was not booked from its daybooks.
    pub attention: Option<Vec<Attention>>,
}

/// A day whose events are classified, before overrides.
pub(super) struct ClassifiedDay {
    pub postings: Postings,
    gaps: Vec<Gap>,
    attempts: u64,
    policy: String,
    rules: String,
    config: Config,
    /// Fingerprint of the config that it is booked with.
    ///
    /// This is the config of the run. A sealed day keeps the config of its newest edition, which is
    /// `None` if version 0.1.0 wrote it.
    config_name: Option<String>,
    origin: Origin,
    daybooks: BTreeMap<Day, String>,
    /// True if what was still pending became unknown, because the review window has passed.
    has_ended: bool,
}

enum Origin {
    Logs(Box<Receipt>),
    /// The newest edition: the parts that come from logs stay.
    Edition(Box<Edition>),
}

/// The rules that a day is booked by: today's, or those that a sealed day was sealed with.
enum BookingRules<'a> {
    Today(&'a Job),
    Sealed(Box<SealedRules>),
}

struct SealedRules {
    policy: Policy,
    /// Definition and slots of the sealed edition.
    config: Config,
    /// Fingerprint of the config that it was booked with; `None` if version 0.1.0 wrote it.
    config_name: Option<String>,
}

impl BookingRules<'_> {
    fn of<'a>(job: &'a Job, ledger: &Ledger, day: Day) -> anyhow::Result<BookingRules<'a>> {
        let record = ledger.record().days.get(&day).filter(|record| record.sealed.is_some());
        let Some(sealed) = record.and_then(|record| record.standing()) else {
            return Ok(BookingRules::Today(job));
        };
        let edition = ledger.read(day, Extent::Slots)?;
        Ok(BookingRules::Sealed(Box::new(SealedRules {
            policy: ledger.policy(&edition.policy)?,
            config: Config { slot: edition.slot_length(), ..edition.definition.config() },
            config_name: sealed.publication.config.clone(),
        })))
    }

    const fn policy(&self) -> &Policy {
        match self {
            Self::Today(job) => &job.policy,
            Self::Sealed(sealed) => &sealed.policy,
        }
    }

    const fn is_sealed(&self) -> bool {
        matches!(self, Self::Sealed(_))
    }

    fn config_name(&self) -> Option<String> {
        match self {
            Self::Today(job) => Some(job.settings().fingerprint()),
            Self::Sealed(sealed) => sealed.config_name.clone(),
        }
    }

    /// Returns the config by which slots of a length are counted.
    ///
    /// # Errors
    /// The day was sealed with slots of another length.
    fn config(&self, day: Day, slot: SlotLength) -> anyhow::Result<Config> {
        match self {
            Self::Today(job) => Ok(Config { slot, ..job.config.clone() }),
            Self::Sealed(sealed) => {
                let was = sealed.config.slot;
                anyhow::ensure!(
                    was == slot,
                    "{day} was sealed with slots of {} seconds, and its logs were read in slots of {}; set `slot` back to add \
                     to it",
                    was.seconds(),
                    slot.seconds()
                );
                Ok(sealed.config.clone())
            }
        }
    }
}

/// Classifies the facts of a day, resolved from its daybook and those around it.
///
/// A sealed day is booked by the policy and the definition that it was sealed with.
pub(super) fn from_daybooks(
    job: &Job,
    ledger: &Ledger,
    day: Day,
    daybooks: &DaybookFolders,
    missing: &BTreeMap<Day, Vec<MissingLog>>,
) -> anyhow::Result<ClassifiedDay> {
    let Intake { facts, receipt } =
        resolve(day, daybooks, &job.config, missing, ResolveParts::on(job.workers))?;
    let mut gaps = request_gaps::gaps(&facts, &job.config.sources);
    gaps.extend(receipt.gaps.iter().cloned());
    let of_day = missing.get(&day).map(Vec::as_slice).unwrap_or_default();
    gaps.extend(of_day.iter().flat_map(|log| missing_logs::gaps(log, &facts)));
    let rules = BookingRules::of(job, ledger, day)?;
    let config = rules.config(day, facts.slot_length())?;
    let prepared = ClassifiedDay {
        postings: rules.policy().classify(facts).context("classifying the facts")?,
        gaps,
        attempts: receipt.tally.attempts,
        policy: rules.policy().fingerprint(),
        rules: rules.policy().rules_name().to_owned(),
        config,
        config_name: rules.config_name(),
        daybooks: around(job, ledger, day, daybooks),
        origin: Origin::Logs(Box::new(receipt)),
        has_ended: false,
    };
    // Once its window has passed, nothing of a day is pending again.
    let is_over = rules.is_sealed() || has_ended(ledger, day);
    if is_over { prepared.without_pending(rules.policy()) } else { Ok(prepared) }
}

/// Returns whether an edition of the day says that its pending events have become unknown.
fn has_ended(ledger: &Ledger, day: Day) -> bool {
    let editions = ledger.record().days.get(&day).into_iter().flat_map(|record| &record.editions);
    editions.into_iter().any(|edition| edition.publication.causes.contains(&Cause::Window))
}

/// Returns how many days before and after a day have daybooks that can settle it.
///
/// Webhook logs of other days settle the day; the days before it show which files and columns to
/// expect.
pub(super) fn reaches(job: &Job) -> [i64; 2] {
    let reach = if job.config.has_webhooks() { job.config.webhooks.reach_days() } else { 0 };
    [reach.max(missing_logs::JUDGED_DAYS as i64).max(untold::WEEK_DAYS), reach]
}

/// Returns the hashes of the daybooks that can settle a day, by their days.
pub(super) fn around(
    job: &Job,
    ledger: &Ledger,
    day: Day,
    daybooks: &DaybookFolders,
) -> BTreeMap<Day, String> {
    let [before, after] = reaches(job);
    let near = daybooks.range(day.plus(-before)..=day.plus(after)).map(|(day, _)| *day);
    near.filter_map(|day| Some((day, ledger.daybook(day)?.daybook.clone()))).collect()
}

/// Classifies the facts of a day's newest edition.
///
/// The policy is today's, or for a sealed day the policy that it was sealed with.
pub(super) fn from_edition(job: &Job, ledger: &Ledger, day: Day) -> anyhow::Result<ClassifiedDay> {
    let record = ledger.record().days.get(&day);
    let number = record.and_then(|r| r.newest()).map_or(0, |newest| newest.publication.edition);
    let edition = ledger.edition(day, number, Extent::Whole)?;
    let Basis { facts, gaps, attempts } = ledger.basis(day, number)?;
    let rules = BookingRules::of(job, ledger, day)?;
    Ok(ClassifiedDay {
        postings: rules.policy().classify(facts).context("classifying the facts")?,
        gaps,
        attempts,
        policy: rules.policy().fingerprint(),
        rules: rules.policy().rules_name().to_owned(),
        config: rules.config(day, edition.slot_length())?,
        config_name: rules.config_name(),
        daybooks: ledger.made_from(day)?.map(|made| made.daybooks).unwrap_or_default(),
        origin: Origin::Edition(Box::new(edition)),
        has_ended: false,
    })
}

/// Classifies the facts of a day whose review window has passed: what is pending is unknown.
pub(super) fn ended(job: &Job, ledger: &Ledger, day: Day) -> anyhow::Result<ClassifiedDay> {
    let prepared = from_edition(job, ledger, day)?.without_pending(&job.policy)?;
    Ok(ClassifiedDay { has_ended: true, ..prepared })
}

impl ClassifiedDay {
    /// Books pending events as unknown: evidence of them comes too late.
    fn without_pending(self, policy: &Policy) -> anyhow::Result<Self> {
        if self.postings.bookings().iter().all(|booking| booking.account != Account::Pending) {
            return Ok(self);
        }
        let facts = self.postings.facts();
        let end = |(kind, booking): (&Kind, &Booking)| match booking.account {
            Account::Pending => Kind { timing: Timing::Unseen, ..kind.clone() },
            _ => kind.clone(),
        };
        let kinds: Vec<Kind> = facts.kinds().iter().zip(self.postings.bookings()).map(end).collect();
        let (rows, evidence) = (facts.rows(), facts.evidence().to_vec());
        let facts = Facts::new(facts.day(), facts.slot_length(), &kinds, facts.callers(), rows, evidence)?;
        let postings = policy.classify(facts).context("classifying the facts")?;
        Ok(Self { postings, ..self })
    }
}

/// Applies overrides, counts the slots, checks the books and publishes.
///
/// # Errors
/// The books do not balance, or the ledger cannot be read or written. Nothing is published then.
pub(super) fn publish(
    job: &Job,
    ledger: &mut Writer,
    prepared: ClassifiedDay,
    rows: Vec<Override>,
    clock: Clock,
) -> anyhow::Result<(Accounted, BookedDay)> {
    let ClassifiedDay {
        postings,
        gaps,
        attempts,
        policy,
        rules,
        config,
        config_name,
        origin,
        daybooks,
        has_ended,
    } = prepared;
    let (postings, moved) = adjust(&postings, &rows).context("applying the overrides")?;
    let slots = Slots::count(&postings, &gaps, &config).context("counting the slots")?;
    let files = match &origin {
        Origin::Logs(receipt) => &receipt.files,
        Origin::Edition(edition) => &edition.intake,
    };
    check_balance(files, attempts, &postings, &slots)?;
    let is_from_logs = matches!(origin, Origin::Logs(_));
    let other_spellings = match &origin {
        Origin::Logs(receipt) => receipt.other_spellings.clone(),
        Origin::Edition(_) => Vec::new(),
    };
    let edition = match origin {
        Origin::Logs(receipt) => Edition::started(*receipt, &slots, &config, &policy, clock.at),
        Origin::Edition(edition) => edition.restarted(&slots, &config, &policy, clock.at),
    };
    let moved = rows.into_iter().zip(moved).collect();
    let edition = edition.booked(&postings, slots, moved).context("drafting the edition")?;
    let mut told = is_from_logs.then(|| attention(&edition, &gaps, &config));
    if let Some(told) = &mut told {
        told.extend(missing_files::attention(&edition, &gaps));
        told.extend(suspected_outage::attention(edition.day, &gaps, postings.facts()));
        told.extend(silent_first_layer::attention(edition.day, &gaps, postings.facts(), &config.sources));
        told.extend(undecided::attention(edition.day, postings.facts(), &config.sources));
        told.extend(suspected_outage::of_spellings(edition.day, &other_spellings, postings.facts()));
    }
    let settings = job.settings();
    let with = Kept {
        policy: (policy == job.policy.fingerprint()).then_some(&job.policy),
        settings: (config_name.as_deref() == Some(&*settings.fingerprint())).then_some(&settings),
    };
    let basis = Basis { facts: postings.facts().clone(), gaps: gaps.clone(), attempts };
    let mut edition = edition;
    if basis.has_missing_files() {
        // What is missing may still come.
        edition.state = DayState::Provisional;
    }
    let draft = Draft { edition, basis, daybooks, rules, config: config_name, has_ended };
    let published = ledger.publish(draft, &with, clock)?;
    let papers = BookedDay { edition: published.edition.clone(), gaps, postings };
    Ok((Accounted { published, spilled_bytes: 0, attention: told }, papers))
}
