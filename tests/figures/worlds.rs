//! Verdict: worlds of calls with a known truth, measured: runs, midnight, components, bounds, breadth.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uptime_ledger::config::{Config, Vantage};
use uptime_ledger::day::{Day, MINUTE_US, SlotLength};
use uptime_ledger::facts::{CallerLine, CallerSketch, Fact, Facts, Kind, Reached, Receipt, Salt, Stream};
use uptime_ledger::ledger::{Edition, Outline};
use uptime_ledger::measure::{self, Figure, Figures, Outage};
use uptime_ledger::policy::{Account, Booking, Postings};
use uptime_ledger::slots::Slots;

use crate::given;

const DAY_MINUTES: i64 = 1_440;

/// A call of `messages` or `media` in `eu`.
#[derive(Debug, Clone, Copy)]
struct Call {
    /// Microseconds from the start of the first day.
    us: i64,
    is_media: bool,
    caller: u32,
    is_bad: bool,
}

/// A small generator, so that a world is a function of its seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 up to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: i64) -> i64 {
        (self.share() * n as f64) as i64
    }

    /// How many calls a minute has at this rate (Poisson).
    fn poisson(&mut self, rate: f64) -> usize {
        let (mut n, mut p, floor) = (0, self.share(), (-rate).exp());
        while p > floor {
            n += 1;
            p *= self.share();
        }
        n
    }

    /// One of `callers`, by Zipf's law with this exponent.
    fn caller(&mut self, callers: u32, exponent: f64) -> u32 {
        let weight = |n: u32| f64::from(n + 1).powf(-exponent);
        let mut left = self.share() * (0..callers).map(weight).sum::<f64>();
        let found = (0..callers).find(|n| {
            left -= weight(*n);
            left < 0.0
        });
        found.unwrap_or(callers - 1)
    }
}

fn first() -> Day {
    given::day("2026-11-20")
}

/// The editions of as many days as the calls need.
fn editions(calls: &[Call], config: &Config) -> Vec<Edition> {
    let last = calls.iter().map(|call| call.us).max().unwrap_or(0).div_euclid(DAY_MINUTES * MINUTE_US);
    (0..=last).map(|at| edition(at, calls, config)).collect()
}

fn edition(at: i64, calls: &[Call], config: &Config) -> Edition {
    let day = first().plus(at);
    let of_day = calls.iter().filter(|call| call.us.div_euclid(DAY_MINUTES * MINUTE_US) == at);
    let callers: Vec<String> = (0..=calls.iter().map(|call| call.caller).max().unwrap_or(0))
        .map(|caller| format!("caller-{caller:04}"))
        .collect();
    let kind = |is_media: bool, is_bad: bool| {
        let account = if is_bad { Account::BadPlatformError } else { Account::Good };
        let service = if is_media { "media" } else { "messages" };
        let kind = Kind::bare(Stream::Request, account.name(), Vantage::FirstLayer, service, "eu");
        Kind { http_status: Some(200), reached: Reached::Yes, error_code: is_bad.then_some(131_016), ..kind }
    };
    let kinds = [kind(false, false), kind(false, true), kind(true, false), kind(true, true)];
    let mut rows = Vec::new();
    let mut active: BTreeMap<(u32, bool), BTreeSet<u32>> = BTreeMap::new();
    let mut events: BTreeMap<(u32, bool), i64> = BTreeMap::new();
    for call in of_day {
        let us = call.us.rem_euclid(DAY_MINUTES * MINUTE_US);
        let kind = u32::from(call.is_media) * 2 + u32::from(call.is_bad);
        rows.push(Fact {
            slot: (us / MINUTE_US) as u32,
            kind,
            caller: call.caller,
            events: 1,
            sixtieths: 1 << (us % MINUTE_US / (MINUTE_US / 60)),
        });
        let hour = ((us / (60 * MINUTE_US)) as u32, call.is_media);
        active.entry(hour).or_default().insert(call.caller);
        *events.entry(hour).or_default() += 1;
    }
    let facts = Facts::new(day, SlotLength::Minute, &kinds, &callers, rows, Vec::new()).unwrap();
    let booking =
        |kind: &Kind| Booking { account: kind.source.parse().unwrap(), rule: format!("to-{}", kind.source) };
    let bookings = facts.kinds().iter().map(booking).collect();
    let postings = Postings::new(facts, bookings).unwrap();
    let slots = Slots::count(&postings, &[], config).unwrap();
    let salt = Salt::new("a-salt-of-sixteen");
    let line = |((hour, is_media), callers): ((u32, bool), BTreeSet<u32>)| CallerLine {
        hour,
        service: if is_media { "media" } else { "messages" }.to_owned(),
        region: "eu".to_owned(),
        events: events[&(hour, is_media)],
        named: events[&(hour, is_media)],
        sketch: CallerSketch::of(callers.iter().map(|n| salt.caller(&n.to_le_bytes())).collect()),
    };
    let callers = active.into_iter().map(line).collect();
    let receipt = Receipt { callers, files: given::files(&postings), ..Receipt::default() };
    let as_of = chrono::DateTime::from_timestamp_micros(day.end_us()).unwrap();
    let edition = Edition::started(receipt, &slots, config, "policy-1", as_of);
    edition.booked(&postings, slots, Vec::new()).unwrap()
}

fn figures(calls: &[Call]) -> Figures {
    let config = given::config(SlotLength::Minute);
    let outlines: Vec<Outline> = editions(calls, &config).iter().map(Outline::of).collect();
    measure::draw(&outlines, &config)
}

fn outages<'a>(figures: &'a Figures, scope: &str) -> Vec<&'a Outage> {
    figures.outages.iter().filter(|outage| outage.scope.to_string() == scope).collect()
}

const MESSAGES: &str = "service:messages:eu";

/// Down, counted and doubtful slots of a scope over all days.
fn slots(figures: &Figures, scope: &str) -> [i64; 3] {
    let ours = |f: &&Figure| f.scope.to_string() == scope && f.definition.name == "whatsapp";
    let days = figures.days.iter().filter(ours);
    days.fold([0; 3], |sum, day| {
        let net = &day.net;
        [sum[0] + net.slots_down, sum[1] + net.slots_counted, sum[2] + net.slots_doubtful]
    })
}

/// Calls of an hour, of which a share fails in `length` minutes from the 20th on.
struct Even {
    callers: u32,
    rate: f64,
    share: f64,
    length: i64,
    zipf: f64,
}

fn even(dice: &mut Dice, world: &Even, start_us: i64) -> Vec<Call> {
    let mut calls = Vec::new();
    for minute in 0..60 {
        let share = if (20..20 + world.length).contains(&minute) { world.share } else { 0.005 };
        for _ in 0..dice.poisson(world.rate) {
            let us = start_us + minute * MINUTE_US + dice.below(MINUTE_US);
            let caller = dice.caller(world.callers, world.zipf);
            calls.push(Call { us, is_media: false, caller, is_bad: dice.share() < share });
        }
    }
    calls
}

const NINE_OCLOCK: i64 = 9 * 60 * MINUTE_US;

#[test]
fn an_even_outage_is_never_put_on_one_caller() {
    let worlds = [
        (1, 5.0, 1.0, 20, 0.0),
        (1, 20.0, 0.6, 20, 0.0),
        (3, 5.0, 0.9, 20, 0.0),
        (3, 20.0, 0.6, 15, 1.2),
        (4, 20.0, 0.7, 20, 0.0),
        (5, 20.0, 0.9, 15, 1.5),
        (300, 3.0, 1.0, 11, 0.0),
        (300, 20.0, 0.6, 12, 0.0),
        (300, 20.0, 0.7, 30, 1.2),
    ];
    let mut counted = 0;
    for (callers, rate, share, length, zipf) in worlds {
        for seed in 0..8 {
            let world = Even { callers, rate, share, length, zipf };
            let found = figures(&even(&mut Dice(seed), &world, NINE_OCLOCK));
            for outage in outages(&found, MESSAGES).into_iter().filter(|outage| outage.is_counted) {
                counted += 1;
                assert_eq!(outage.suspected_callers(), [""; 0], "{callers} callers, {share}, seed {seed}");
            }
        }
    }
    assert!(counted > 50, "{counted} outages counted");
}

#[test]
fn one_loud_caller_among_others_is_always_suspected() {
    let mut counted = 0;
    for (callers, rate, loud) in [(4, 3.0, 9.0), (4, 30.0, 90.0), (200, 20.0, 60.0), (200, 100.0, 300.0)] {
        for seed in 0..4 {
            let mut dice = Dice(seed);
            let world = Even { callers, rate, share: 0.0, length: 0, zipf: 0.0 };
            let mut calls = even(&mut dice, &world, NINE_OCLOCK);
            for minute in 20..40 {
                for _ in 0..dice.poisson(loud) {
                    let us = NINE_OCLOCK + minute * MINUTE_US + dice.below(MINUTE_US);
                    calls.push(Call { us, is_media: false, caller: callers, is_bad: dice.share() < 0.98 });
                }
            }
            let found = figures(&calls);
            let found = outages(&found, MESSAGES);
            // Where few call, the others may cut it by chance into two that do not count.
            let Some(outage) = found.iter().find(|outage| outage.is_counted) else { continue };
            counted += 1;
            assert_eq!(outage.leave_out, Some(1), "{callers} callers, seed {seed}");
            assert_eq!(outage.suspected_callers(), [format!("caller-{callers:04}")]);
            // Few may have rested in that hour; many are estimated.
            let active = outage.callers_active.unwrap().count as f64;
            assert!((f64::from(callers) * 0.8..f64::from(callers) * 1.3 + 1.0).contains(&active), "{active}");
        }
    }
    assert!(counted > 12, "{counted} of 16 outages counted");
}

/// Without the bad events of one caller fewer the outage counts, without those of `leave_out` callers it does not.
#[test]
fn leave_out_is_the_least_number_of_callers() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let callers = [3, 8, 30][seed as usize % 3];
        let world =
            Even { callers, rate: 9.0, share: 0.8, length: 12, zipf: [0.0, 1.2, 2.0][seed as usize / 3 % 3] };
        let calls = even(&mut dice, &world, NINE_OCLOCK);
        let found = figures(&calls);
        for outage in outages(&found, MESSAGES).into_iter().filter(|outage| outage.is_counted) {
            let Some(leave_out) = outage.leave_out else { continue };
            let is_in = |us: i64| (outage.start_us..outage.end_us).contains(&(first().start_us() + us));
            let mut bad: BTreeMap<u32, i64> = BTreeMap::new();
            for call in calls.iter().filter(|call| call.is_bad && is_in(call.us)) {
                *bad.entry(call.caller).or_default() += 1;
            }
            let mut order: Vec<(i64, u32)> = bad.into_iter().map(|(caller, n)| (-n, caller)).collect();
            order.sort_unstable();
            let counts_without = |n: i64| {
                let out: Vec<u32> = order[..n as usize].iter().map(|(_, caller)| *caller).collect();
                let left: Vec<Call> =
                    calls.iter().filter(|c| !(c.is_bad && out.contains(&c.caller))).copied().collect();
                let found = figures(&left);
                outages(&found, MESSAGES).iter().any(|other| {
                    other.is_counted && other.start_us < outage.end_us && outage.start_us < other.end_us
                })
            };
            assert!(counts_without(leave_out - 1), "seed {seed}: {leave_out} are more than needed");
            assert!(!counts_without(leave_out), "seed {seed}: {leave_out} are too few");
            seen.insert(leave_out);
        }
    }
    assert!(seen.len() > 3, "{seen:?}");
}

#[test]
fn an_outage_lasted_between_its_bounds() {
    let mut classes = BTreeSet::new();
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let rate = [6.0, 30.0, 120.0][seed as usize % 3];
        let length_us = 20_000_000 + dice.below(700_000_000);
        // Some of them over midnight.
        let from_us = [NINE_OCLOCK, 1_435 * MINUTE_US][seed as usize / 3 % 2] + dice.below(MINUTE_US);
        let mut calls = Vec::new();
        for minute in from_us / MINUTE_US - 20..from_us / MINUTE_US + 40 {
            for _ in 0..dice.poisson(rate) {
                let us = minute * MINUTE_US + dice.below(MINUTE_US);
                let is_bad = (from_us..from_us + length_us).contains(&us);
                calls.push(Call { us, is_media: false, caller: 0, is_bad });
            }
        }
        let found = figures(&calls);
        for scope in [MESSAGES, "component:Cloud API:*"] {
            let found = outages(&found, scope);
            let Some(outage) = found.first() else { continue };
            let [least, most] = [outage.at_least_seconds, outage.at_most_seconds].map(Option::unwrap);
            let true_seconds = length_us as f64 / 1e6;
            assert!(
                least as f64 <= true_seconds && true_seconds <= most as f64,
                "{scope}, seed {seed}: {least} <= {true_seconds} <= {most}"
            );
            assert!(!outage.is_ongoing, "{scope}, seed {seed}");
            classes.insert(outage.class.name());
        }
    }
    assert!(classes.len() >= 4, "{classes:?}");
}

#[test]
fn an_outage_at_the_end_of_the_data_may_go_on() {
    let call = |minute: i64, is_bad| Call { us: minute * MINUTE_US, is_media: false, caller: 0, is_bad };
    let dead = |to: i64| -> Vec<Call> {
        (1_400..to).map(|m| call(m, m >= 1_420)).chain((to..1_440).map(|m| call(m, false))).collect()
    };
    for (to, is_ongoing) in [(1_440, true), (1_439, false)] {
        let found = figures(&dead(to));
        let found = outages(&found, MESSAGES);
        assert_eq!((found.len(), found[0].is_ongoing), (1, is_ongoing), "until {to}");
        assert_eq!(found[0].at_most_seconds.is_none(), is_ongoing);
    }
}

/// A service that is dead for an hour is found at any traffic, whether or not another service of its component is well.
///
/// `cargo test --test main worlds::a_dead -- --nocapture` prints the table.
#[test]
fn a_dead_service_is_found_at_any_traffic() {
    const WORLDS: u64 = 20;
    println!("calls/min  share failing  second service  counted of 60 minutes  found  counted outside");
    for rate in [1.0 / 3.0, 1.0, 3.0, 9.0, 20.0] {
        for share in [1.0, 0.9] {
            for has_second in [false, true] {
                let (mut inside, mut outside, mut found) = (0, 0, 0);
                for seed in 0..WORLDS {
                    let mut dice = Dice(seed);
                    let mut calls = Vec::new();
                    for minute in 0..240_i64 {
                        let us = |dice: &mut Dice| (8 * 60 + minute) * MINUTE_US + dice.below(MINUTE_US);
                        let bad = if (90..150).contains(&minute) { share } else { 0.005 };
                        for _ in 0..dice.poisson(rate) {
                            let (us, is_bad) = (us(&mut dice), dice.share() < bad);
                            calls.push(Call { us, is_media: false, caller: 0, is_bad });
                        }
                        for _ in 0..if has_second { dice.poisson(20.0) } else { 0 } {
                            let (us, is_bad) = (us(&mut dice), dice.share() < 0.005);
                            calls.push(Call { us, is_media: true, caller: 0, is_bad });
                        }
                    }
                    let of_world = figures(&calls);
                    let counted = slots(&of_world, "component:Cloud API:eu")[1];
                    let start_us = first().start_us() + (8 * 60 + 90) * MINUTE_US;
                    let is_it = |o: &&Outage| {
                        o.start_us < start_us + 60 * MINUTE_US && start_us < o.end_us && o.is_counted
                    };
                    let it: i64 = outages(&of_world, "component:Cloud API:eu")
                        .into_iter()
                        .filter(is_it)
                        .map(|o| o.down_seconds / 60)
                        .sum();
                    inside += it;
                    outside += counted - it;
                    found += u64::from(it > 0);
                }
                let mean = inside as f64 / WORLDS as f64;
                println!(
                    "{rate:9.2}  {share:13.1}  {has_second:14}  {mean:21.1}  {:4} %  {outside:15}",
                    found * 100 / WORLDS
                );
                let least = if rate < 0.5 { WORLDS * 8 / 10 } else { WORLDS };
                assert!(found >= least, "{rate} calls a minute, {share}: {found} of {WORLDS} found");
                assert_eq!(outside, 0, "{rate} calls a minute, {share}");
            }
        }
    }
}

/// Calls of two services over four hours around a midnight: quiet or busy, with bad stretches in them.
fn world() -> impl Strategy<Value = Vec<Call>> {
    let rate = prop::sample::select(vec![0.2_f64, 0.7, 3.0, 12.0]);
    let stretch = (0..240_i64, 1..40_i64, 0.3..=1.0_f64);
    (any::<u64>(), rate, prop::collection::vec((any::<bool>(), stretch), 0..5)).prop_map(
        |(seed, rate, stretches)| {
            let mut dice = Dice(seed);
            let mut calls = Vec::new();
            for minute in 0..240_i64 {
                for is_media in [false, true] {
                    let inside = stretches.iter().filter(|(of_media, (from, length, _))| {
                        *of_media == is_media && (*from..from + length).contains(&minute)
                    });
                    let share = inside.map(|(_, (_, _, share))| *share).fold(0.01, f64::max);
                    for _ in 0..dice.poisson(rate) {
                        let us = minute * MINUTE_US + dice.below(MINUTE_US);
                        calls.push(Call { us, is_media, caller: 0, is_bad: dice.share() < share });
                    }
                }
            }
            calls
        },
    )
}

proptest! {
    #![proptest_config(given::cases(40))]

    #[test]
    fn a_verdict_does_not_depend_on_where_midnight_falls(calls in world(), minute in 1..239_i64) {
        let at = |start: i64| -> Vec<Call> {
            calls.iter().map(|call| Call { us: call.us + start * MINUTE_US, ..*call }).collect()
        };
        // The first on one day; the second with a midnight in it, on two.
        let (whole, split) = (figures(&at(600)), figures(&at(DAY_MINUTES - minute)));
        for scope in [MESSAGES, "service:media:*", "component:Cloud API:eu"] {
            prop_assert_eq!(slots(&whole, scope), slots(&split, scope), "{}", scope);
            let shape = |found: &Figures| {
                let found = outages(found, scope);
                found.iter().map(|o| (o.down_seconds, o.is_counted, o.at_least_seconds, o.leave_out)).collect::<Vec<_>>()
            };
            prop_assert_eq!(shape(&whole), shape(&split), "{}", scope);
        }
    }

    #[test]
    fn a_component_counts_what_each_of_its_services_counts(calls in world()) {
        let found = figures(&calls);
        let [down, counted, _] = slots(&found, "component:Cloud API:eu");
        for service in [MESSAGES, "service:media:eu"] {
            let [of_service, counted_of_service, _] = slots(&found, service);
            prop_assert!(of_service <= down && counted_of_service <= counted);
        }
        // Every down minute is in one outage; those of outages that count are the counted ones.
        for scope in ["component:Cloud API:eu", MESSAGES] {
            let [down, counted, _] = slots(&found, scope);
            let found = outages(&found, scope);
            let minutes = |is_wanted: &dyn Fn(&Outage) -> bool| -> i64 {
                found.iter().filter(|o| is_wanted(o)).map(|o| o.down_seconds / 60).sum()
            };
            prop_assert_eq!((minutes(&|_| true), minutes(&|o| o.is_counted)), (down, counted));
        }
    }
}
