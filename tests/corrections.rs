//! Corrections: what holds whatever overrides are written, and in whatever order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use uptime_ledger::day::{Day, SlotLength};
use uptime_ledger::document::Document;
use uptime_ledger::facts::Salt;
use uptime_ledger::ledger::check_balance;
use uptime_ledger::overrides::{
    self, COLUMNS, Code, Decided, Decision, Filed, Override, Touched, Windows, adjust, plan,
};
use uptime_ledger::policy::{Account, Direction, Group, Policy, PostingLine, Postings};
use uptime_ledger::slots::Slots;

use crate::given::{self, CALLERS, Event, config, day};

const SLOT_US: i64 = SlotLength::Minutes5.us();

fn days() -> [Day; 2] {
    [day("2026-11-20"), day("2026-11-21")]
}

/// Events around midnight, in any account.
fn events(slots: std::ops::Range<u32>) -> impl Strategy<Value = Vec<Event>> {
    let service = prop::sample::select(vec!["messages", "media"]);
    let region = prop::sample::select(vec!["eu", "us"]);
    let account = prop::sample::select(Account::ALL.to_vec());
    let code = prop::option::of(prop::sample::select(vec![2_i64, 190]));
    let event = (slots, service, region, account, code, 0..3_usize, 1..40_i64);
    let event = event.prop_map(|(slot, service, region, account, code, caller, events)| Event {
        slot,
        service,
        region,
        account,
        code,
        caller,
        events,
    });
    prop::collection::vec(event, 0..40)
}

/// The books of both days: the last slots of the first one, the first slots of the second one.
fn books() -> impl Strategy<Value = [Postings; 2]> {
    let config = config(SlotLength::Minutes5);
    (events(280..288), events(0..8)).prop_map(move |(first, second)| {
        let [a, b] = days();
        [given::postings(a, &config, &first), given::postings(b, &config, &second)]
    })
}

fn opt<T: Clone + std::fmt::Debug + 'static>(of: &[T]) -> impl Strategy<Value = Option<T>> + use<T> {
    prop::option::weighted(0.3, prop::sample::select(of.to_vec()))
}

/// Well-formed rows of either direction, with ids of their own.
fn rows() -> impl Strategy<Value = Vec<Override>> {
    let selectors = (
        opt(&["messages", "media"]),
        opt(&["eu", "us"]),
        opt(&CALLERS[1..3]),
        opt(&[Code::None, Code::Number(2), Code::Number(190)]),
        opt(&[
            "bad:*",
            "user:*",
            "excluded:*",
            "bad:platform:missed",
            "user:caller",
            "excluded:scope",
            "unknown",
        ]),
    );
    let row = (any::<bool>(), 280..294_i64, 1..10_i64, selectors, 0..3_usize);
    let row =
        row.prop_map(|(is_up, start, length, (service, region, caller, error_code, account), reason)| {
            let direction = if is_up { Direction::ToUptime } else { Direction::ToDowntime };
            let (reason, to) = match direction {
                Direction::ToUptime => [
                    ("caller-misuse", "user:caller"),
                    ("caller-over-limit", "user:throttled"),
                    ("success-after-all", "good"),
                ][reason],
                Direction::ToDowntime => [
                    ("authorization-fault", "bad:platform:error"),
                    ("network-was-ours", "bad:platform:error"),
                    ("missed-after-all", "bad:platform:missed"),
                ][reason],
            };
            let text = |text: Option<&str>| text.map(str::to_owned);
            let takes = |selector: &&str| {
                let is_open = |account: &Account| direction.takes_from(account.group());
                Account::ALL.iter().any(|account| overrides::selects(selector, *account) && is_open(account))
            };
            let mut account = account.filter(takes);
            if direction == Direction::ToDowntime && error_code.is_none() && account.is_none() {
                account = Some("user:*");
            }
            let start_us = days()[0].start_us() + start * SLOT_US;
            Override {
                id: String::new(),
                direction,
                start_us,
                end_us: start_us + length * SLOT_US,
                service: text(service),
                region: text(region),
                business_id: caller.map(|caller| Salt::new("s").pseudonym(caller)),
                error_code,
                account: text(account),
                reason: reason.to_owned(),
                to: to.to_owned(),
                ticket: "OPS-1".to_owned(),
                author: "ann".to_owned(),
                approver: "bob".to_owned(),
                created_at_us: days()[1].end_us(),
                note: String::new(),
                also_business_id: Vec::new(),
            }
        });
    prop::collection::vec(row, 0..8).prop_map(|rows| {
        let name = |(at, row): (usize, Override)| Override { id: format!("ov-{at}"), ..row };
        rows.into_iter().enumerate().map(name).collect()
    })
}

/// Rows as runs of three mornings saw them.
fn filed() -> impl Strategy<Value = Vec<Filed>> {
    (rows(), prop::collection::vec(0..3_i64, 8)).prop_map(|(rows, seen)| {
        let first_seen_us = |n: i64| days()[1].plus(n).end_us() + 1;
        rows.into_iter().zip(seen).map(|(row, n)| Filed::new(row, first_seen_us(n))).collect()
    })
}

/// Rows name callers by pseudonyms, as logs do once they are read.
fn with_pseudonyms(postings: &[Postings; 2]) -> [Postings; 2] {
    postings.each_ref().map(|postings| {
        let facts = postings.facts();
        let salt = Salt::new("s");
        let name = |caller: &String| if caller.is_empty() { String::new() } else { salt.pseudonym(caller) };
        let callers: Vec<String> = facts.callers().iter().map(name).collect();
        let facts = uptime_ledger::facts::Facts::new(
            facts.day(),
            facts.slot_length(),
            facts.kinds(),
            &callers,
            facts.rows(),
            Vec::new(),
        );
        Postings::new(facts.unwrap(), postings.bookings().to_vec()).unwrap()
    })
}

fn touched<'a>(books: &'a [Postings; 2], sealed: Option<&'a [Override]>) -> Vec<Touched<'a>> {
    (days().into_iter().zip(books).zip([sealed, None]))
        .map(|((day, postings), sealed)| Touched { day, postings, sealed })
        .collect()
}

fn judge(filed: &[Filed], books: &[Postings; 2]) -> Vec<Decided> {
    plan(filed, &touched(books, None), &Windows::default()).unwrap()
}

fn applied(judged: &[Decided], day: Day) -> Vec<Override> {
    let is_of =
        |judged: &&Decided| judged.verdict == Decision::Applied && judged.row.days().any(|d| d == day);
    judged.iter().filter(is_of).map(|judged| judged.row.clone()).collect()
}

/// Where the events of each slot, kind and caller stand.
type Balance = BTreeMap<[u32; 3], BTreeMap<Account, i64>>;

fn balance(postings: &Postings, is_gross: bool) -> Balance {
    let mut balance = Balance::new();
    for sum in postings.sums(["slot", "kind", "caller", "class"], |_, account| Some(account)).unwrap() {
        let [slot, kind, caller, _] = sum.key;
        let events = if is_gross { sum.gross } else { sum.net };
        if events != 0 {
            balance.entry([slot, kind, caller]).or_default().insert(sum.class, events);
        }
    }
    balance
}

/// Does the row mean this posting by everything but its account? Compared one by one, as a person would.
fn describes(row: &Override, postings: &Postings, line: &PostingLine) -> bool {
    let facts = postings.facts();
    let kind = &facts.kinds()[line.kind as usize];
    let slot_us = facts.day().start_us() + i64::from(line.slot) * SLOT_US;
    let is =
        |selector: &Option<String>, value: &String| selector.is_none() || selector.as_ref() == Some(value);
    let is_code = match row.error_code {
        None => true,
        Some(Code::None) => kind.error_code.is_none(),
        Some(Code::Number(code)) => kind.error_code == Some(code),
    };
    row.start_us <= slot_us
        && slot_us < row.end_us
        && is(&row.service, &kind.service)
        && is(&row.region, &kind.region)
        && is(&row.business_id, &facts.callers()[line.caller as usize])
        && is_code
}

fn moves(row: &Override, postings: &Postings, line: &PostingLine) -> bool {
    let group = line.account.group();
    let is_taken = match row.direction {
        Direction::ToUptime => group == Group::Bad,
        Direction::ToDowntime => {
            matches!(group, Group::User | Group::Excluded | Group::Unknown | Group::Suspense)
        }
    };
    is_taken && row.takes_account(line.account) && describes(row, postings, line)
}

/// The rules of the override file, word for word: rows in the order of first sight, then of ids; one that meets counts
/// that another moves is refused as a whole.
fn by_the_rules(filed: &[Filed], books: &[Postings; 2]) -> BTreeMap<String, (&'static str, i64)> {
    let lines: Vec<(&Postings, PostingLine)> =
        books.iter().flat_map(|p| p.originals(|_| true).unwrap().into_iter().map(move |l| (p, l))).collect();
    let mut holders: Vec<Option<&Override>> = vec![None; lines.len()];
    let mut order: Vec<&Filed> = filed.iter().collect();
    order.sort_by_key(|filed| (filed.first_seen_us, &filed.row.id));
    let mut bookings = BTreeMap::new();
    for Filed { row, .. } in order {
        let is_meant = |at: &usize| describes(row, lines[*at].0, &lines[*at].1);
        let meant: Vec<usize> = (0..lines.len()).filter(is_meant).collect();
        let mine: Vec<usize> =
            meant.iter().copied().filter(|at| moves(row, lines[*at].0, &lines[*at].1)).collect();
        let is_opposed = |at: &usize| {
            holders[*at].is_some_and(|other| {
                other.direction != row.direction && row.takes_account(other.to.parse().unwrap())
            })
        };
        let verdict = if meant.iter().any(is_opposed) {
            ("contradicts", 0)
        } else if mine.iter().any(|at| holders[*at].is_some()) {
            ("overlaps", 0)
        } else if mine.is_empty() {
            ("no-effect", 0)
        } else {
            for at in &mine {
                holders[*at] = Some(row);
            }
            ("applied", mine.iter().map(|at| lines[*at].1.events).sum())
        };
        bookings.insert(row.id.clone(), verdict);
    }
    bookings
}

fn bookings(judged: &[Decided]) -> BTreeMap<String, (&'static str, i64)> {
    let word = |judged: &Decided| match &judged.verdict {
        Decision::Applied => "applied",
        Decision::Waiting => "waiting",
        Decision::Settled => "settled",
        Decision::Asks => "asks",
        Decision::Refused(refusal) => refusal.name(),
    };
    judged.iter().map(|judged| (judged.row.id.clone(), (word(judged), judged.events))).collect()
}

proptest! {
    #![proptest_config(given::cases(96))]

    #[test]
    fn rows_move_counts_and_neither_make_nor_lose_any(books in books(), rows in rows()) {
        let config = config(SlotLength::Minutes5);
        for before in &with_pseudonyms(&books) {
            let (after, moved) = adjust(before, &rows).unwrap();
            prop_assert_eq!(after.originals(|_| true).unwrap(), before.originals(|_| true).unwrap());
            prop_assert_eq!(balance(&after, true), balance(before, true), "gross stays");
            let net = balance(&after, false);
            let mut sum = 0;
            for line in before.originals(|_| true).unwrap() {
                // All of a posting stands in one account: it was moved as a whole, and once at most.
                let here = &net[&[line.slot, line.kind, line.caller]];
                prop_assert_eq!(here.values().copied().collect::<Vec<_>>(), [line.events]);
                let to = *here.keys().next().unwrap();
                let first = rows.iter().find(|row| moves(row, before, &line));
                prop_assert_eq!(to.name(), first.map_or(line.account.name(), |row| &row.to));
                sum += if first.is_some() { line.events } else { 0 };
                let (from, to) = (line.account.group(), to.group());
                match from {
                    _ if first.is_none() => prop_assert_eq!(from, to),
                    Group::Bad => prop_assert!(matches!(to, Group::User | Group::Good)),
                    Group::User | Group::Excluded | Group::Unknown | Group::Suspense => prop_assert_eq!(to, Group::Bad),
                    _ => prop_assert!(false, "{from:?} was moved"),
                }
            }
            prop_assert_eq!(net.len(), balance(before, true).len());
            prop_assert_eq!(moved.iter().map(|moved| moved.events).sum::<i64>(), sum);
            let slots = Slots::count(&after, &[], &config).unwrap();
            check_balance(&given::files(&after), 0, &after, &slots).unwrap();
        }
    }

    #[test]
    fn what_is_withdrawn_is_put_back(books in books(), rows in rows(), left in prop::collection::vec(any::<bool>(), 8)) {
        for before in &with_pseudonyms(&books) {
            let (after, _) = adjust(before, &rows).unwrap();
            let (again, _) = adjust(&after, &[]).unwrap();
            prop_assert!(again.frame().equals(before.frame()));
            // Without some of them it is as if those had never been.
            let rest: Vec<Override> = rows.iter().zip(&left).filter(|(_, left)| **left).map(|(row, _)| row.clone()).collect();
            let (fewer, _) = adjust(&after, &rest).unwrap();
            let (never, _) = adjust(before, &rest).unwrap();
            prop_assert!(fewer.frame().equals(never.frame()));
        }
    }

    #[test]
    fn rows_are_judged_by_the_rules(books in books(), filed in filed()) {
        let books = with_pseudonyms(&books);
        prop_assert_eq!(bookings(&judge(&filed, &books)), by_the_rules(&filed, &books));
    }

    #[test]
    fn the_order_of_the_file_decides_nothing(
        books in books(),
        filed in filed(),
        order in prop::collection::vec(any::<u32>(), 8),
    ) {
        let books = with_pseudonyms(&books);
        let mut shuffled: Vec<(u32, Filed)> = order.into_iter().zip(filed.iter().cloned()).collect();
        shuffled.sort_by_key(|(place, _)| *place);
        let shuffled: Vec<Filed> = shuffled.into_iter().map(|(_, filed)| filed).collect();

        // Written and read again, rows mean the same wherever they stand.
        let lines: Vec<String> = shuffled.iter().map(|filed| filed.row.to_csv()).collect();
        let text = format!("{}\n{}\n", COLUMNS.join(","), lines.join("\n"));
        let (policy, config) = (Policy::built_in(), config(SlotLength::Minutes5));
        let sheet = overrides::read(&Document::new("o.csv", text), &policy, &config, &Salt::new("s")).unwrap();
        prop_assert!(sheet.mistakes().is_empty(), "{:?}", sheet.mistakes());
        let read: Vec<Filed> = (sheet.rows.iter().zip(&shuffled))
            .map(|(row, filed)| Filed { row: row.clone(), ..filed.clone() })
            .collect();
        prop_assert_eq!(&read, &shuffled);

        let (one, other) = (judge(&filed, &books), judge(&read, &books));
        prop_assert_eq!(bookings(&one), bookings(&other));
        for (day, before) in days().into_iter().zip(&books) {
            let (one, _) = adjust(before, &applied(&one, day)).unwrap();
            let (other, _) = adjust(before, &applied(&other, day)).unwrap();
            prop_assert_eq!(balance(&one, false), balance(&other, false));
        }
    }

    #[test]
    fn what_is_said_to_move_is_what_moves(books in books(), filed in filed()) {
        let books = with_pseudonyms(&books);
        let judged = judge(&filed, &books);
        let mut moved: BTreeMap<String, i64> = BTreeMap::new();
        for (day, before) in days().into_iter().zip(&books) {
            for row in adjust(before, &applied(&judged, day)).unwrap().1 {
                *moved.entry(row.id).or_default() += row.events;
            }
        }
        let said: BTreeMap<String, i64> = judged.iter()
            .filter(|judged| judged.verdict == Decision::Applied)
            .map(|judged| (judged.row.id.clone(), judged.events))
            .collect();
        prop_assert_eq!(moved, said);
    }

    #[test]
    fn a_sealed_day_never_turns_out_better(books in books(), filed in filed(), sealed in 0..8_usize) {
        let books = with_pseudonyms(&books);
        let [first, _] = days();
        let early: Vec<Filed> = filed.iter().take(sealed).cloned().collect();
        let frozen = applied(&judge(&early, &books), first);
        let judged = plan(&filed, &touched(&books, Some(&frozen)), &Windows::default()).unwrap();
        let (sealed, _) = adjust(&books[0], &frozen).unwrap();
        let later = applied(&judged, first).into_iter().filter(|row| !frozen.contains(row));
        let all: Vec<Override> = frozen.iter().cloned().chain(later).collect();
        prop_assert!(all[frozen.len()..].iter().all(|row| row.direction == Direction::ToDowntime));
        let (adjusted, _) = adjust(&books[0], &all).unwrap();
        let bad = |postings: &Postings| -> BTreeMap<[u32; 3], bool> {
            let is_bad = |here: BTreeMap<Account, i64>| here.keys().all(|account| account.group() == Group::Bad);
            balance(postings, false).into_iter().map(|(key, here)| (key, is_bad(here))).collect()
        };
        let after = bad(&adjusted);
        for (key, was_bad) in bad(&sealed) {
            prop_assert!(!was_bad || after[&key], "{key:?}");
        }
        for judged in judged.iter().filter(|judged| frozen.contains(&judged.row)) {
            prop_assert_eq!(&judged.verdict, &Decision::Applied);
        }
    }
}
