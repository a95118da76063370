//! Simulation: sixty nights of a world that is drawn from one number, and every law of the ledger after each of them.
//!
//! - [`world`]: rows of logs, and when they stand in which file.
//! - [`acts`]: what people, machines and clocks do.
//! - [`hostile`]: rows that nobody should write.
//! - [`faults`]: kills, failing disks and flipped bits.
//! - [`truth`]: the books as a person would keep them from the same rows.
//! - [`office`]: the folder of a world, and the job that runs in it.
//! - [`laws`]: what holds after each night.
//!
//! `SIMULATION_SEED=123 cargo test --test main simulation::one_seed -- --nocapture` tries one world again; `just simulate 100`
//! tries as many worlds as a hundred years have nights for.

mod acts;
mod faults;
mod hostile;
mod laws;
mod office;
mod truth;
mod world;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use uptime_ledger::attention::AttentionKind;

use acts::{Act, Fault};
use faults::Flipped;
use laws::{Broken, Laws};
use office::Office;
use world::{MINUTE_US, NIGHTS, World};

use crate::disturb;

/// Worlds that every run of the tests tries, in addition to the one of [`one_seed`]; each takes about 90 CPU seconds.
const WORLDS: u64 = 2;
/// Nights of a world that every run of the tests lets come; `just simulate` and `SIMULATION_SEED` let all come.
const FIRST_NIGHTS: i64 = 24;

/// Lets the nights of a world come. Returns what went wrong, with the night.
fn live(world: &World, nights: i64) -> Result<(), (i64, String)> {
    let mut office = Office::new(world);
    let mut laws = Laws::default();
    for night in 0..nights {
        let done = catch_unwind(AssertUnwindSafe(|| one_night(&mut office, &mut laws, night)));
        let words = |panic: Box<dyn std::any::Any + Send>| {
            let words = panic.downcast_ref::<String>().cloned();
            words.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default()
        };
        let done = done.unwrap_or_else(|panic| Err(format!("panic: {}", words(panic))));
        done.map_err(|why| (night, format!("{why}\nflipped so far: {:#?}", laws.flips)))?;
    }
    Ok(())
}

fn one_night(office: &mut Office, laws: &mut Laws, night: i64) -> Broken {
    let acts = office.world.script.of(night);
    for act in acts {
        office.act(act);
    }
    if acts.contains(&Act::Skipped) {
        return Ok(());
    }
    laws.read(office, night);
    office.write(night);
    let now_us = Office::clock_us(night);
    for act in acts {
        match act {
            Act::Fault(Fault::Flip(file, bit)) => flipped(office, laws, night, [*file, *bit])?,
            Act::Fault(fault) if disturb::can_disturb() => {
                faults::disturbed(office, fault, &office.world.instant(now_us))?;
            }
            _ => {}
        }
    }
    let ran = office.run(now_us).map_err(|e| format!("the run failed: {e:#}"))?;
    if let Some(failure) = ran.failure {
        return Err(format!("not every day was published: {failure:#}"));
    }
    laws.hold(office, night)?;
    once(office, now_us)?;
    for act in acts {
        if let Act::Back(minutes) = act {
            once(office, now_us - minutes * MINUTE_US)?;
        }
    }
    Ok(())
}

/// What stands open after a run that found a file damaged, or could not do without it.
const DAMAGED: [AttentionKind; 6] = [
    AttentionKind::DamagedDay,
    AttentionKind::UnreadableDaybook,
    AttentionKind::MissingDaybook,
    AttentionKind::NotReadAgain,
    AttentionKind::NotSettled,
    AttentionKind::NotPublished,
];

/// A run over a file with one other bit tells of it, or shows the truth all the same.
fn flipped(office: &Office, laws: &mut Laws, night: i64, [file, bit]: [u64; 2]) -> Broken {
    if !office.reports().exists() {
        return Ok(());
    }
    let Some(flipped) = Flipped::new(office, file, bit) else { return Ok(()) };
    laws.flips.push((night, flipped.name()));
    let ran = office.run(Office::clock_us(night));
    let is_told = match &ran {
        Ok(ran) => {
            ran.failure.is_some() || ran.attention.iter().any(|it| DAMAGED.contains(&it.attention.kind))
        }
        Err(_) => true,
    };
    if !is_told {
        let name = flipped.name();
        laws.books(office, night).map_err(|why| format!("{name} was damaged, and nobody was told: {why}"))?;
        if flipped.stands() && laws::verify(office).is_ok() && !flipped.is_drawn() {
            return Err(format!("{name} is damaged, and verify does not find it"));
        }
    }
    flipped.restore();
    Ok(())
}

/// A run at once after another changes nothing.
fn once(office: &Office, us: i64) -> Broken {
    let before = laws::files(office);
    office.run(us).map_err(|e| format!("the same run again failed: {e:#}"))?;
    let now = laws::files(office);
    let few = disturb::differences(&before, &now);
    if few.is_empty() {
        return Ok(());
    }
    let journal = Path::new("ledger/journal.ndjson");
    let [before, now] = [&before, &now].map(|tree| tree.get(journal).cloned().flatten().unwrap_or_default());
    let more = String::from_utf8_lossy(&now[before.len().min(now.len())..]).into_owned();
    Err(format!("a run with nothing new has changed {few}; new lines: {more}"))
}

/// Tries the world of a number, and says how to try it again.
fn try_seed(seed: u64, nights: i64) -> Broken {
    let mut world = World::new(seed);
    world.script.disturb(seed, 3, 3);
    live(&world, nights).map_err(|(night, why)| {
        format!(
            "seed {seed}, night {night} (after {}): {why}\nacts so far:\n{}try it again: SIMULATION_SEED={seed} cargo test --test main \
             simulation::one_seed -- --nocapture",
            world.date(night),
            world.script.told(night),
        )
    })
}

/// Tries worlds on two threads.
fn try_seeds(first: u64, worlds: u64, nights: i64) {
    let (next, wrong) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    let work = || {
        while let Some(seed) =
            Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < first + worlds)
        {
            if let Err(why) = try_seed(seed, nights) {
                // Written as it is: a test that is not yet over shows nothing else.
                std::io::stderr().write_all(format!("{why}\n").as_bytes()).unwrap();
                wrong.lock().unwrap().push((seed, why));
            }
        }
    };
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    let all: Vec<String> = wrong.iter().map(|(_, why)| why.clone()).collect();
    assert!(wrong.is_empty(), "{} of {worlds} worlds:\n{}", wrong.len(), all.join("\n\n"));
}

#[test]
fn in_any_world_the_books_say_what_happened() {
    let number = |name: &str| std::env::var(name).ok().map(|n| n.parse().unwrap());
    let years: Option<u64> = number("SIMULATION_YEARS");
    let worlds = years.map_or(WORLDS, |years| (years * 365).div_ceil(NIGHTS as u64));
    let nights = if years.is_some() { NIGHTS } else { FIRST_NIGHTS };
    try_seeds(number("SIMULATION_FIRST").unwrap_or(2), worlds, nights);
}

/// The world of `SIMULATION_SEED`; the first one without it.
#[test]
fn one_seed() {
    let asked: Option<u64> = std::env::var("SIMULATION_SEED").ok().map(|seed| seed.parse().unwrap());
    let nights = if asked.is_some() { NIGHTS } else { FIRST_NIGHTS };
    if let Err(why) = try_seed(asked.unwrap_or(1), nights) {
        panic!("{why}");
    }
}
