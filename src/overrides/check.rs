//! Check: the cells of one row as values, with every mistake in them.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};

use super::override_row::{COLUMNS, Code, Override, selects};
use super::person::{is_listed, is_same_person};
use crate::config::{Config, ReviewHistory, WEBHOOK_SERVICE};
use crate::day::{DAY_US, Day, rfc3339};
use crate::document::csv::{self, CsvCell};
use crate::document::spelling::advice;
use crate::document::toml::MistakeNotes;
use crate::facts::Salt;
use crate::facts::UNASSIGNED;
use crate::policy::{Account, Direction, Policy, Reason};

const LONGEST_DAYS: i64 = 31;
const LONGEST_ID: usize = 64;
const INSTANT_HELP: &str =
    "write date, time and zone, for example 2026-11-20T10:07Z or 2026-11-20T11:07+01:00";

/// The check of one row against policy and config.
pub struct Lint<'a> {
    pub policy: &'a Policy,
    pub config: &'a Config,
    pub salt: &'a Salt,
    pub review: &'a ReviewHistory,
    pub notes: &'a MistakeNotes<'a>,
    pub row: &'a csv::CsvRow,
}

/// True if the text may be the id of a row.
pub fn is_id(text: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.len() <= LONGEST_ID
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(is_inner)
}

impl Lint<'_> {
    /// Checks the text in the id column; `taken` has the lines of the ids before it.
    pub fn id(&self, taken: &BTreeMap<String, usize>) -> Option<String> {
        let cell = self.filled("id", "give each row a name of its own, for example ov-2026-11-20-1")?;
        if !is_id(&cell.text) {
            let help = format!(
                "begin with a letter or digit, and write a to z, A to Z, digits, `-`, `_` and `.` only, at most {LONGEST_ID} of \
                 them"
            );
            self.wrong(cell, format!("`{}` is not an id", cell.text), "not an id", &help);
        } else if let Some(line) = taken.get(&cell.text) {
            let message = format!("the id `{}` is taken by line {line}", cell.text);
            self.wrong(cell, message, "used a second time", "ids are never reused: give this row its own");
        }
        Some(cell.text.clone())
    }

    /// Returns the row, unless a cell that it needs is wrong.
    pub fn row(&self) -> Option<Override> {
        let direction = self.direction();
        let (start_us, end_us) = (self.boundary("start"), self.boundary("end"));
        let created_at_us = self.instant("created_at");
        self.times(start_us, end_us, created_at_us);
        let service = self.known("service", &self.services());
        let region = self.known("region", &self.regions());
        let business_id = self.caller();
        let error_code = self.code();
        let account = self.account(direction);
        let cell = |column| Some(&self.cell(column).text).filter(|text| !text.is_empty());
        if direction == Some(Direction::ToDowntime) && cell("error_code").or(cell("account")).is_none() {
            let help = "name the failures that were found to be the platform's, for example error_code 190 or account user:caller \
                        (R8, R9)";
            let message = "a `to_downtime` row needs an `error_code` or an `account`".to_owned();
            self.wrong(self.cell("error_code"), message, "both are empty", help);
        }
        let reason = self.reason(direction);
        let ticket = self.filled("ticket", "name the ticket or incident in which this was reviewed");
        let author = self.filled("author", "name who wrote the row");
        let approver = self.filled("approver", "name who approved the row");
        self.persons(author?, approver?, start_us.and_then(Day::of_us));
        let reason = reason?;
        Some(Override {
            id: self.cell("id").text.clone(),
            direction: direction?,
            start_us: start_us?,
            end_us: end_us?,
            service,
            region,
            business_id,
            error_code,
            account,
            reason: reason.id.clone(),
            to: reason.to.name().to_owned(),
            ticket: ticket?.text.clone(),
            author: author?.text.clone(),
            approver: approver?.text.clone(),
            created_at_us: created_at_us?,
            note: self.cell("note").text.clone(),
            also_business_id: Vec::new(),
        })
    }

    fn cell(&self, column: &str) -> &CsvCell {
        let Some(at) = COLUMNS.iter().position(|name| *name == column) else {
            unreachable!("every name here stands in COLUMNS")
        };
        self.row.cell(at)
    }

    fn wrong(&self, cell: &CsvCell, message: String, label: &str, help: &str) {
        self.notes.mistake(cell.span.clone(), message, label, help);
    }

    fn filled(&self, column: &str, help: &str) -> Option<&CsvCell> {
        let cell = self.cell(column);
        if cell.text.is_empty() {
            self.wrong(cell, format!("`{column}` is empty"), "nothing here", help);
        }
        Some(cell).filter(|cell| !cell.text.is_empty())
    }

    fn direction(&self) -> Option<Direction> {
        let valid = Direction::ALL.map(Direction::name);
        let cell = self.filled("direction", &advice("", valid))?;
        let found = Direction::ALL.into_iter().find(|direction| direction.name() == cell.text);
        if found.is_none() {
            let message = format!("`{}` is not a direction", cell.text);
            self.wrong(cell, message, "unknown direction", &advice(&cell.text, valid));
        }
        found
    }

    fn instant(&self, column: &str) -> Option<i64> {
        let cell = self.filled(column, INSTANT_HELP)?;
        let instant = instant(&cell.text);
        if instant.is_none() {
            let (message, label) = not_an_instant(&cell.text);
            self.wrong(cell, message, label, INSTANT_HELP);
        }
        instant
    }

    /// Reads an instant on the boundary of a slot.
    fn boundary(&self, column: &str) -> Option<i64> {
        let us = self.instant(column)?;
        let slot = self.config.slot;
        let over = us.rem_euclid(slot.us());
        if over == 0 {
            return Some(us);
        }
        let nearest = if column == "end" { us - over + slot.us() } else { us - over };
        let message = format!("`{column}` is not on the boundary of a slot");
        let help = format!("slots are {} seconds long here: write {}", slot.seconds(), rfc3339(nearest));
        self.wrong(self.cell(column), message, "within a slot", &help);
        None
    }

    fn times(&self, start: Option<i64>, end: Option<i64>, created_at: Option<i64>) {
        let (Some(start), Some(end)) = (start, end) else { return };
        if end <= start {
            let help = "a row is half-open: it holds the slots from start up to, and without, end";
            self.wrong(self.cell("end"), "`end` is not after `start`".to_owned(), "too early", help);
        } else if end - start > LONGEST_DAYS * DAY_US {
            let message = format!("the row spans more than {LONGEST_DAYS} days");
            let help = "compare the years and months of start and end, or write one row for each month";
            self.wrong(self.cell("end"), message, "too far from start", help);
        } else if created_at.is_some_and(|created_at| created_at < end) {
            // A row that excuses later events in advance cannot have been reviewed.
            let help = "a row tells of events that have happened: end it where the review ended, and compare the dates";
            let message = "`created_at` lies before `end`".to_owned();
            self.wrong(self.cell("created_at"), message, "before the events were over", help);
        }
    }

    /// Returns the services that rows can belong to; none if the config names none.
    ///
    /// Without services in the config, the logs may have any name.
    fn services(&self) -> Vec<&str> {
        if self.config.services.is_empty() {
            return Vec::new();
        }
        let named = self.config.services.iter().map(|service| service.name.as_str());
        let webhooks = self.config.has_webhooks().then_some(WEBHOOK_SERVICE);
        named.chain(webhooks).chain([UNASSIGNED]).collect()
    }

    fn regions(&self) -> Vec<&str> {
        if self.config.regions.is_empty() {
            return Vec::new();
        }
        self.config.regions.iter().map(String::as_str).chain(["-"]).collect()
    }

    fn known(&self, column: &str, valid: &[&str]) -> Option<String> {
        let cell = self.cell(column);
        if cell.text.is_empty() {
            return None;
        }
        if !valid.is_empty() && !valid.contains(&cell.text.as_str()) {
            let message = format!("no {column} is called `{}`", cell.text);
            let help = format!("{}; or leave it empty for any", advice(&cell.text, valid.iter().copied()));
            self.wrong(cell, message, &format!("unknown {column}"), &help);
        }
        Some(cell.text.clone())
    }

    fn caller(&self) -> Option<String> {
        let cell = self.cell("business_id");
        let text = cell.text.as_str();
        if text.is_empty() {
            return None;
        }
        let number = text.replace(',', ".");
        if number.to_ascii_lowercase().contains("e+") && number.parse::<f64>().is_ok() {
            // The message leaves out the id: the ledger stores messages, and must not store ids of
            // callers.
            let message = "`business_id` is a number that a spreadsheet has rounded".to_owned();
            let help = "write all of its digits, and keep the column as text";
            self.wrong(cell, message, "digits are lost", help);
        }
        Some(self.pseudonym(text))
    }

    fn code(&self) -> Option<Code> {
        let cell = self.cell("error_code");
        if cell.text.is_empty() {
            return None;
        }
        match cell.text.parse() {
            Ok(code) => Some(code),
            Err(message) => {
                let help = "write one number, `none` for events without a code, or nothing for any";
                self.wrong(cell, message, "not understood", help);
                None
            }
        }
    }

    fn account(&self, direction: Option<Direction>) -> Option<String> {
        let cell = self.cell("account");
        if cell.text.is_empty() {
            return None;
        }
        let is_open = |account: &Account| direction.is_none_or(|d| d.takes_from(account.group()));
        let beginnings = ["bad:*", "user:*", "excluded:*"];
        let valid = || {
            let beginnings = beginnings
                .into_iter()
                .filter(|b| Account::ALL.iter().any(|account| selects(b, *account) && is_open(account)));
            let names = Account::ALL.iter().filter(|a| is_open(a)).map(|a| a.name());
            beginnings.chain(names).collect::<Vec<_>>()
        };
        let mut selected = Account::ALL.iter().filter(|account| selects(&cell.text, **account)).peekable();
        if selected.peek().is_none() {
            let message = format!("no account is called `{}`", cell.text);
            let help = format!("{}; or leave it empty for any of these", advice(&cell.text, valid()));
            self.wrong(cell, message, "unknown account", &help);
        } else if let Some(direction) = direction
            && !selected.any(is_open)
        {
            let message = format!("`{}` takes nothing from `{}`", direction.name(), cell.text);
            let label = "the account in which the events are booked, not the one they go to";
            self.wrong(cell, message, label, &advice("", valid()));
        }
        Some(cell.text.clone())
    }

    fn reason(&self, direction: Option<Direction>) -> Option<&Reason> {
        let valid = || {
            let fits = |reason: &&Reason| direction.is_none_or(|d| reason.direction == d);
            self.policy.reasons().iter().filter(fits).map(|r| r.id.as_str()).collect::<Vec<_>>()
        };
        let cell = self.filled("reason", &advice("", valid()))?;
        let found = self.policy.reason(&cell.text);
        match (found, direction) {
            (None, _) if self.policy.reasons().is_empty() => {
                let help = "add [[reason]] tables to the policy file; the policy that comes with the program has some";
                self.wrong(cell, "the policy knows no reasons".to_owned(), "cannot be looked up", help);
            }
            (None, _) => {
                let message = format!("`{}` is not a reason of the policy", cell.text);
                self.wrong(cell, message, "unknown reason", &advice(&cell.text, valid()));
            }
            (Some(reason), Some(direction)) if reason.direction != direction => {
                let message = format!("`{}` is a reason for `{}`", cell.text, reason.direction.name());
                let label = format!("the row is `{}`", direction.name());
                self.wrong(cell, message, &label, &advice("", valid()));
            }
            _ => {}
        }
        found
    }

    /// Checks author and approver by the rules of review of the row's first day.
    fn persons(&self, author: &CsvCell, approver: &CsvCell, first_day: Option<Day>) {
        let review =
            first_day.map_or_else(|| self.config.overrides.review.clone(), |day| self.review.of(day));
        if review.needs_two_persons && is_same_person(&author.text, &approver.text) {
            let message = "author and approver are the same person".to_owned();
            let help = "have another person approve the row, or set two_persons = false under [overrides] in the config, which then \
                        holds for the days that follow";
            self.wrong(approver, message, "wrote the row as well", help);
        } else if !review.approvers.is_empty() && !is_listed(&approver.text, &review.approvers) {
            let message = format!("`{}` may not approve rows", approver.text);
            let names = review.approvers.iter().map(String::as_str);
            let help =
                format!("{}; the list is `approvers` under [overrides]", advice(&approver.text, names));
            self.wrong(approver, message, "not among the approvers", &help);
        }
    }

    /// Reads the values of a row without checking them; `None` if one cannot be read at all.
    ///
    /// A row that the ledger knows was checked when it was first seen. The target is left empty.
    pub fn values(&self) -> Option<Override> {
        let text = |column: &str| self.cell(column).text.clone();
        let optional = |column: &str| Some(text(column)).filter(|text| !text.is_empty());
        let direction = Direction::ALL.into_iter().find(|d| d.name() == self.cell("direction").text)?;
        Some(Override {
            id: text("id"),
            direction,
            start_us: instant(&text("start"))?,
            end_us: instant(&text("end"))?,
            service: optional("service"),
            region: optional("region"),
            business_id: optional("business_id").map(|text| self.pseudonym(&text)),
            error_code: match optional("error_code") {
                Some(code) => Some(code.parse().ok()?),
                None => None,
            },
            account: optional("account"),
            reason: text("reason"),
            to: String::new(),
            ticket: text("ticket"),
            author: text("author"),
            approver: text("approver"),
            created_at_us: instant(&text("created_at"))?,
            note: text("note"),
            also_business_id: Vec::new(),
        })
    }

    /// Returns the pseudonym of a caller; a pseudonym stays as it is.
    fn pseudonym(&self, text: &str) -> String {
        let is_hex = |b: u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f');
        let is_pseudonym =
            text.strip_prefix("c-").is_some_and(|hex| hex.len() == 12 && hex.bytes().all(is_hex));
        if is_pseudonym { text.to_owned() } else { self.salt.pseudonym(text) }
    }
}

/// Parses RFC 3339, in which the seconds may be left out.
fn instant(text: &str) -> Option<i64> {
    let parse = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    let with_seconds = || {
        let (minutes, zone) = text.split_at_checked("2026-11-20T10:07".len())?;
        parse(&format!("{minutes}:00{zone}"))
    };
    Some(parse(text).or_else(with_seconds)?.timestamp_micros())
}

/// Explains why a text is no instant: message and label.
fn not_an_instant(text: &str) -> (String, &'static str) {
    let date = text.get(.."2026-11-20".len()).unwrap_or_default();
    let is_date =
        |date: &str| date.bytes().map(|b| if b.is_ascii_digit() { b'0' } else { b }).eq(*b"0000-00-00");
    if is_date(date) && date.parse::<NaiveDate>().is_err() {
        return (format!("`{date}` is no day of the calendar"), "no such day");
    }
    if instant(&format!("{text}Z")).is_some() {
        return (format!("`{text}` has no zone"), "of which zone?");
    }
    (format!("`{text}` is not an instant in RFC 3339"), "not understood")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_instant_is_told_why() {
        let told = |text| not_an_instant(text).0;
        assert_eq!(told("2026-02-29T10:07Z"), "`2026-02-29` is no day of the calendar");
        assert_eq!(told("2026-11-20T10:07"), "`2026-11-20T10:07` has no zone");
        assert_eq!(told("2026-11-20 10:07:30"), "`2026-11-20 10:07:30` has no zone");
        for text in ["2026-11-20", "20.11.2026 10:07", "2026-11-20T24:01Z", "2026-11-2ö", "x"] {
            assert_eq!(told(text), format!("`{text}` is not an instant in RFC 3339"));
        }
    }

    #[test]
    fn instants_may_leave_out_seconds_but_not_the_zone() {
        let minute = instant("2026-11-20T10:07:00Z");
        assert!(minute.is_some());
        for same in ["2026-11-20T10:07Z", "2026-11-20T11:07+01:00", "2026-11-20T10:07:00.000Z"] {
            assert_eq!(instant(same), minute, "{same}");
        }
        for bad in
            ["", "2026-11-20", "2026-11-20T10:07", "2026-02-30T10:07Z", "20/11/2026 10:07", "2026-11-20T10Z"]
        {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_are_letters_digits_and_few_signs() {
        assert!(["1", "ov-1", "INC_7.2"].into_iter().all(is_id));
        assert!(!["", "-1", "ov 1", "a,b", "ö", &"x".repeat(65)].into_iter().any(is_id));
    }
}
