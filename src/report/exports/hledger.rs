//! `months/<month>.journal`: a month's books for `hledger`, each posting with a balance assertion.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::LINE;
use crate::day::{Day, Month};
use crate::error::Trouble;
use crate::facts::FileBalance;
use crate::ledger::{AccountLine, DayState, Ledger};
use crate::policy::Account;
use crate::redact::line;
use crate::report::DamagedDays;

/// Account on the other side of every posting of events.
const EVENTS: &str = "events";

pub fn journal(
    ledger: &Ledger,
    month: Month,
    title: &str,
    put_back: &[String],
    damaged: &DamagedDays,
) -> Result<String, Trouble> {
    let mut books = Books::default();
    for (day, record) in ledger.record().days.range(month.first()..=month.last()) {
        let Some(standing) = record.standing() else { continue };
        let state = match record.sealed {
            Some(_) => DayState::Sealed,
            None => standing.publication.state,
        };
        let Some((accounts, files)) = damaged.or_note(*day, ledger.accounts(*day))? else {
            let _ = writeln!(books.text, "; {day}: its edition is damaged, so it is not here\n");
            continue;
        };
        books.day(*day, standing.publication.edition, state, &accounts, &files);
    }
    let mut text = format!(
        "; {}: the books of {month}, for hledger\n; https://hledger.org; try: hledger -f {month}.journal balance --tree\n\n\
         commodity 1000. rows\ncommodity 1000. ev\n\n",
        line(title, LINE)
    );
    for sentence in put_back {
        text.extend(["; ", &line(sentence, 4 * LINE), "\n"]);
    }
    for account in books.totals.keys() {
        text.push_str("account ");
        text.push_str(account);
        text.push('\n');
    }
    Ok(text + &books.text)
}

/// The transactions written so far, and the balance of each account after them.
#[derive(Default)]
struct Books {
    text: String,
    totals: BTreeMap<String, i64>,
}

/// Account and amount.
type Posting = (String, i64);

impl Books {
    /// Writes a day's transactions: rows of its files, events as booked, and moves by overrides.
    fn day(
        &mut self,
        day: Day,
        edition: u32,
        state: DayState,
        accounts: &[AccountLine],
        files: &[FileBalance],
    ) {
        // The marks of plain-text accounting: `*` is settled, `!` is not yet.
        let mark = match state {
            DayState::Sealed => "* ",
            DayState::Provisional => "! ",
            DayState::Reported | DayState::Restated => "",
        };
        let head = |what: &str| format!("{day} {mark}(edition {edition}) {what}");
        self.transaction(&head(&format!("rows of {} files", files.len())), "rows", rows(files));

        let mut sums: BTreeMap<(Account, &str), [i64; 2]> = BTreeMap::new();
        for line in accounts {
            let sum = sums.entry((line.account, &line.service)).or_default();
            *sum = [sum[0] + line.events_gross, sum[1] + line.events_net];
        }
        let name = |account: Account, service: &str| format!("{account}:{}", safe(service));
        let booked = sums.iter().map(|((account, service), [gross, _])| (name(*account, service), *gross));
        let all: i64 = sums.values().map(|[gross, _]| gross).sum();
        let booked = booked.chain([(EVENTS.to_owned(), -all)]);
        self.transaction(&head("events before overrides"), "ev", booked.collect());
        let moved =
            sums.iter().map(|((account, service), [gross, net])| (name(*account, service), net - gross));
        self.transaction(&head("overrides"), "ev", moved.collect());
    }

    /// Writes a transaction without its zero postings, or nothing if all are zero.
    fn transaction(&mut self, head: &str, commodity: &str, postings: Vec<Posting>) {
        let postings: Vec<Posting> = postings.into_iter().filter(|(_, amount)| *amount != 0).collect();
        if postings.is_empty() {
            return;
        }
        let mut put = |text: std::fmt::Arguments<'_>| match self.text.write_fmt(text) {
            Ok(()) => {}
            Err(e) => unreachable!("writing to memory does not fail: {e}"),
        };
        put(format_args!("\n{head}\n"));
        for (account, amount) in postings {
            let total = self.totals.entry(account.clone()).or_default();
            *total += amount;
            put(format_args!("    {account:<46}  {amount:>12} {commodity} = {total} {commodity}\n"));
        }
    }
}

/// Returns the postings for the rows of a day's files.
fn rows(files: &[FileBalance]) -> Vec<Posting> {
    let sum = |count: fn(&FileBalance) -> u64| files.iter().map(|file| count(file) as i64).sum::<i64>();
    [
        ("rows:accepted", sum(|f| f.accepted)),
        ("rows:duplicate", sum(|f| f.duplicate)),
        ("rows:conflict", sum(|f| f.conflict)),
        ("rows:outside", sum(|f| f.outside)),
        ("rows:quarantine", sum(|f| f.quarantine)),
        ("rows:not-a-call", sum(|f| f.not_a_call)),
        ("rows:read", -sum(|f| f.rows_read)),
    ]
    .map(|(account, rows)| (account.to_owned(), rows))
    .into()
}

/// Makes a service safe as the last part of an account name.
///
/// Two blanks would end the name, `:` would divide it, and `;` would begin a comment. If a
/// character is replaced, a hash is appended, so that different services keep different names.
fn safe(service: &str) -> String {
    let mut safe = String::new();
    for c in service.chars().take(80) {
        let is_plain = c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        let is_single_blank = c == ' ' && !safe.is_empty() && !safe.ends_with(' ');
        safe.push(if is_plain || is_single_blank { c } else { '_' });
    }
    let kept = safe.trim_end().len();
    safe.truncate(kept);
    if safe.is_empty() || safe != service {
        safe.push('~');
        safe.extend(Sha256::digest(service).iter().take(4).map(|byte| format!("{byte:02x}")));
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn services_stay_apart_and_end_no_account() {
        for plain in ["messages", "media upload", "v1.2/graph_x-y", "Überwachung"] {
            assert_eq!(safe(plain), plain);
        }
        let bad = [
            "",
            " ",
            "a  b",
            "a;b",
            "a\nb",
            "a:b",
            "(a)",
            "[a]",
            " a",
            "a ",
            "a\u{a0}\u{a0}b",
            "a\t\tb",
            "=1",
            "a_b;",
        ];
        let long = ["x".repeat(10_000), "x".repeat(9_999)];
        let all: Vec<String> = bad.iter().copied().chain(long.iter().map(String::as_str)).map(safe).collect();
        for (at, safe) in all.iter().enumerate() {
            assert!(
                !safe.contains("  ") && !safe.contains([';', ':', '\n', '\t', '(', ')', '[', ']', '=']),
                "{safe}"
            );
            assert!(safe.trim() == safe && safe.len() <= 100 && !all[..at].contains(safe), "{safe}");
        }
    }
}
