//! Merge: the dictionaries and facts of all workers under one numbering.
//!
//! Merged numbers follow the order of the workers and may differ from run to run. The numbers in
//! the daybook are ranks in sorted order ([`Ranks`]), which do not.

use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::config::Vantage;
use crate::daybook::delivery::AttemptTraits;
use crate::daybook::message::StatusOrigin;
use crate::error::Trouble;
use crate::facts::ids::Map;
use crate::facts::{Admission, Kind, Outcome, Stream, Timing};
use crate::intake::files::find::LogFile;
use crate::intake::pass::Pass;
use crate::intake::records::growing_memory::check_day;
use crate::intake::records::numbers::{DayFact, DayKind, OUTSIDE, WorkerFact};

/// Items numbered in the order of their first mention.
struct Dictionary<T> {
    numbers: Map<T, u32>,
    items: Vec<T>,
}

impl<T: Clone + Eq + Hash + Ord> Dictionary<T> {
    fn new() -> Self {
        Self { numbers: Map::default(), items: Vec::new() }
    }

    fn number(&mut self, item: T) -> u32 {
        *self.numbers.entry(item).or_insert_with_key(|item| {
            self.items.push(item.clone());
            (self.items.len() - 1) as u32
        })
    }
}

/// Key of a fact, in merged numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MergedFact {
    pub slot: u32,
    pub kind: DayKind,
    pub caller: u32,
}

/// Facts of all workers under one numbering: the merged numbers.
///
/// Other processes are given what dedupe and join need of them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Merged {
    /// By [`DayKind`].
    #[serde(with = "as_json")]
    pub kinds: Vec<Kind>,
    /// By [`DayFact`]; the first [`OUTSIDE`] ones stand for rows outside the day.
    pub facts: Vec<MergedFact>,
    /// By [`DayFact`].
    #[serde(skip)]
    pub events: Vec<i64>,
    /// By [`DayFact`]: sixtieths of calls that neither dedupe nor the join looks at again.
    pub sixtieths: Vec<u64>,
    /// By worker: the merged fact of each of its facts, by [`WorkerFact`].
    of_worker: Vec<Vec<DayFact>>,
    /// By worker: the merged kind of each of its shapes.
    pub kind_of: Vec<Vec<DayKind>>,
    /// By worker: the merged caller of each of its callers; empty if there is no join.
    caller_of: Vec<Vec<u32>>,
    /// Traits of attempts, with the kind of their notification while its outcome is open.
    pub attempted: Vec<(AttemptTraits, DayKind)>,
    /// By worker: the merged number of each of its attempt traits.
    pub attempted_of: Vec<Vec<u32>>,
    /// Traits of the statuses of all workers, one worker after the other.
    pub statuses: Vec<StatusKind>,
    /// By worker: how many traits precede its own in `statuses`.
    pub statuses_before: Vec<u32>,
    /// Kind of the same event once it is delivered in time.
    ///
    /// Keys are the kind, and the HTTP status of a notification or 0 for a message.
    #[serde(skip)]
    pub closed: Map<(DayKind, u16), DayKind>,
    pub rank: Ranks,
}

/// Traits that statuses share.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct StatusKind {
    pub code: Option<i64>,
    /// The kind of the notification that reports them.
    pub kind: DayKind,
    pub origin: StatusOrigin,
    /// Bit of the participant of a group that they name; 0 for none.
    pub participant: u8,
}

/// Ranks of the merged kinds and callers in sorted order: their numbers in the daybook.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ranks {
    /// By [`DayKind`].
    pub kinds: Vec<u32>,
    /// Sorted by pseudonym, the only name under which callers leave intake.
    pub callers: Vec<u32>,
    #[serde(skip)]
    pub sorted_kinds: Vec<Kind>,
    #[serde(skip)]
    pub sorted_callers: Vec<String>,
}

impl Merged {
    /// Returns the key of a fact.
    pub fn fact(&self, fact: DayFact) -> MergedFact {
        self.facts[fact.at()]
    }

    pub fn kind(&self, kind: DayKind) -> &Kind {
        &self.kinds[kind.at()]
    }

    /// Returns the merged number of a worker's fact.
    pub fn day_fact(&self, worker: usize, fact: WorkerFact) -> DayFact {
        self.of_worker[worker][fact.at()]
    }

    /// Checks that the facts fit into memory until their day is drawn.
    ///
    /// # Errors
    /// [`Trouble::TooLarge`], with the file that has most rows of the day.
    pub fn check_memory(&self, pass: &Pass, files: &[LogFile]) -> Result<(), Trouble> {
        let mut callers: Vec<u32> = self.facts.iter().map(|fact| fact.caller).collect();
        callers.sort_unstable();
        callers.dedup();
        let names = pass.counts.iter().map(|counts| &counts.names);
        let rows = |file: u32| pass.counts.iter().map(|counts| counts.tally(file).accepted).sum::<u64>();
        check_day(&pass.budget, self.facts.len(), callers.len(), names).map_err(|trouble| {
            let longest = (0..).zip(files).max_by_key(|(file, _)| rows(*file));
            trouble.in_log(longest.map_or("", |(_, file)| &file.shown))
        })
    }

    /// Returns the bytes of memory that the numbers of facts and callers take.
    pub fn bytes(&self) -> usize {
        let facts: usize = self.of_worker.iter().map(Vec::len).sum();
        let callers: usize = self.caller_of.iter().map(Vec::len).sum();
        let of_fact = size_of::<MergedFact>() + size_of::<u64>();
        self.facts.len() * of_fact + (facts + callers) * size_of::<u32>()
    }

    /// Returns the merged number of a worker's caller; 0 if there is no join.
    pub fn caller(&self, worker: usize, caller: u32) -> u32 {
        self.caller_of[worker].get(caller as usize).copied().unwrap_or(0)
    }
}

/// Merges the counts of all workers.
///
/// `untold` has, for each file, its name if no row in files of it tells what became of a call.
pub fn merge(pass: &Pass, is_joined: bool, untold: &[Option<String>]) -> Merged {
    let mut kinds = Dictionary::new();
    let mut callers = Dictionary::new();
    // Number 0 is the caller that is not recorded.
    callers.number(String::new());
    let mut fact_ids: Map<MergedFact, DayFact> = Map::default();
    let mut facts = vec![MergedFact { slot: 0, kind: DayKind(0), caller: 0 }; OUTSIDE as usize];
    let mut events = vec![0; OUTSIDE as usize];
    let mut sixtieths = vec![0; OUTSIDE as usize];
    let (mut of_worker, mut kind_of, mut caller_of) = (Vec::new(), Vec::new(), Vec::new());
    let mut attempted = Dictionary::new();
    let mut attempted_of: Vec<Vec<u32>> = Vec::new();
    let (mut services, mut regions) = (Dictionary::new(), Dictionary::new());

    for counts in &pass.counts {
        let of: Vec<DayKind> = counts
            .shape_list
            .iter()
            .map(|shape| {
                let of = &pass.source_readers[shape.source as usize];
                let mut kind = shape.kind(&of.name, of.vantage, &counts.names);
                if let Some(name) = shape.silent.checked_sub(1).and_then(|file| untold[file as usize].clone())
                {
                    kind.untold_by = name;
                }
                DayKind(kinds.number(kind))
            })
            .collect();
        let mut known: Map<u32, u32> = Map::default();
        let mut numbers: Vec<DayFact> = (0..OUTSIDE).map(DayFact).collect();
        let counted = counts.facts.iter().zip(&counts.events).zip(&counts.sixtieths);
        for ((fact, n), began) in counted.skip(OUTSIDE as usize) {
            let caller = *known
                .entry(fact.caller)
                .or_insert_with(|| callers.number(counts.names.callers.text(fact.caller).to_owned()));
            let key = MergedFact { slot: fact.slot, kind: of[fact.shape as usize], caller };
            let id = *fact_ids.entry(key).or_insert_with(|| {
                facts.push(key);
                events.push(0);
                sixtieths.push(0);
                DayFact((facts.len() - 1) as u32)
            });
            events[id.at()] += n;
            sixtieths[id.at()] |= began;
            numbers.push(id);
        }
        of_worker.push(numbers);
        kind_of.push(of);
        let all = if is_joined { counts.names.callers.all() } else { &[] };
        caller_of.push(all.iter().map(|name| callers.number(name.to_string())).collect());

        let numbers = counts.attempted_list.iter().map(|local| {
            let service = counts.names.services.text(local.service);
            let region = counts.names.regions.text(local.region);
            let source = &pass.source_readers[local.source_reader as usize].name;
            let kind = Kind::bare(Stream::Notification, source, Vantage::WebhookEgress, service, region);
            let kind = kinds.number(kind);
            let (service, region) = (services.number(service.to_owned()), regions.number(region.to_owned()));
            attempted.number((AttemptTraits { service, region, ..*local }, DayKind(kind)))
        });
        attempted_of.push(numbers.collect());
    }
    let (statuses, statuses_before) = status_kinds(pass, &attempted.items, &attempted_of);

    let mut closed: Map<(DayKind, u16), DayKind> = Map::default();
    if is_joined {
        for kind in kind_of.concat() {
            let call = kinds.items[kind.at()].clone();
            if call.admission != Admission::None {
                let twin = kinds.number(delivered(call, Stream::Message, None));
                closed.insert((kind, 0), DayKind(twin));
            }
        }
        // A notification may be delivered in another region than that of its first attempt.
        let mut statuses: Vec<u16> =
            attempted.items.iter().filter(|(s, _)| s.is_success).map(|(s, _)| s.http_status).collect();
        statuses.sort_unstable();
        statuses.dedup();
        let mut open: Vec<DayKind> = attempted.items.iter().map(|(_, kind)| *kind).collect();
        open.sort_unstable();
        open.dedup();
        for (kind, status) in open.iter().flat_map(|kind| statuses.iter().map(move |s| (*kind, *s))) {
            let open = kinds.items[kind.at()].clone();
            let twin = kinds.number(delivered(open, Stream::Notification, Some(status)));
            closed.insert((kind, status), DayKind(twin));
        }
    }
    let (kind_ranks, sorted_kinds) = ranks(&kinds.items);
    let (caller_ranks, sorted_callers) = ranks(&callers.items);
    Merged {
        kinds: kinds.items,
        facts,
        events,
        sixtieths,
        of_worker,
        kind_of,
        caller_of,
        attempted: attempted.items,
        attempted_of,
        statuses,
        statuses_before,
        closed,
        rank: Ranks { kinds: kind_ranks, callers: caller_ranks, sorted_kinds, sorted_callers },
    }
}

/// Returns the traits of the statuses of all workers, and by worker how many precede its own.
fn status_kinds(
    pass: &Pass,
    attempted: &[(AttemptTraits, DayKind)],
    attempted_of: &[Vec<u32>],
) -> (Vec<StatusKind>, Vec<u32>) {
    let (mut statuses, mut statuses_before) = (Vec::new(), Vec::new());
    for (counts, attempted_of) in pass.counts.iter().zip(attempted_of) {
        statuses_before.push(statuses.len() as u32);
        statuses.extend(counts.status_list.iter().map(|traits| StatusKind {
            code: traits.code,
            kind: attempted[attempted_of[traits.attempted as usize] as usize].1,
            origin: traits.origin,
            participant: traits.participant,
        }));
    }
    (statuses, statuses_before)
}

/// Returns the kind of the same event once it is delivered in time.
///
/// A held message has no due time, so its timing stays unset.
fn delivered(kind: Kind, stream: Stream, http_status: Option<u16>) -> Kind {
    let http_status = http_status.or(kind.http_status);
    let timing = if kind.is_held() { Timing::None } else { Timing::InTime };
    Kind { stream, http_status, outcome: Outcome::Delivered, timing, ..kind }
}

/// Kinds as one text: some of their fields are left out where they are empty, which only a format
/// with names can read back.
mod as_json {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::facts::Kind;

    pub fn serialize<S: Serializer>(kinds: &[Kind], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&serde_json::to_string(kinds).map_err(S::Error::custom)?)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Kind>, D::Error> {
        serde_json::from_str(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// Returns the rank of each item, and the items sorted without repetition.
fn ranks<T: Clone + Ord>(items: &[T]) -> (Vec<u32>, Vec<T>) {
    let mut sorted = items.to_vec();
    sorted.sort();
    sorted.dedup();
    let rank = |item| sorted.binary_search(item).unwrap_or_default() as u32;
    (items.iter().map(rank).collect(), sorted)
}
