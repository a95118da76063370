//! Conditions: the values that a rule accepts under each key; all keys must hold.

use toml::de::DeValue;

use super::{catalogue, clients, restrictions};
use crate::document::spelling::advice;
use crate::document::toml::{TomlTable, TomlValue};

/// A key of a condition: an attribute of a kind, or knowledge of the catalogue or a policy table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionKey {
    Stream,
    Vantage,
    Reached,
    Symptom,
    HttpStatus,
    ErrorCode,
    ErrorSubcode,
    IsTransient,
    IsSuccess,
    Admission,
    Outcome,
    Timing,
    Scope,
    Service,
    Region,
    Source,
    /// From the catalogue, as are the next two.
    Fault,
    Family,
    Review,
    /// From the tables of the policy, as is the next.
    Recipient,
    Client,
}

/// The form of the values of a key.
#[derive(Debug, Clone, Copy)]
enum Sort {
    /// One of these words; `optional` if a kind may have none.
    Closed { words: &'static [&'static str], optional: bool },
    /// Any word; `optional` if a kind may have none.
    Open { optional: bool },
    /// A number within these bounds, or none.
    Number { least: i64, most: i64 },
}

impl ConditionKey {
    pub const ALL: [Self; 21] = [
        Self::Stream,
        Self::Vantage,
        Self::Reached,
        Self::Symptom,
        Self::HttpStatus,
        Self::ErrorCode,
        Self::ErrorSubcode,
        Self::IsTransient,
        Self::IsSuccess,
        Self::Admission,
        Self::Outcome,
        Self::Timing,
        Self::Scope,
        Self::Service,
        Self::Region,
        Self::Source,
        Self::Fault,
        Self::Family,
        Self::Review,
        Self::Recipient,
        Self::Client,
    ];

    /// Names in the order of [`ConditionKey::ALL`].
    pub const NAMES: [&'static str; 21] = [
        "stream",
        "vantage",
        "reached",
        "symptom",
        "http_status",
        "error_code",
        "error_subcode",
        "is_transient",
        "is_success",
        "admission",
        "outcome",
        "timing",
        "scope",
        "service",
        "region",
        "source",
        "fault",
        "family",
        "review",
        "recipient",
        "client",
    ];

    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Returns the closed list of words of a key that has one.
    #[cfg(test)]
    pub const fn words(self) -> Option<&'static [&'static str]> {
        match self.sort() {
            Sort::Closed { words, .. } => Some(words),
            _ => None,
        }
    }

    const fn sort(self) -> Sort {
        const fn always(words: &'static [&'static str]) -> Sort {
            Sort::Closed { words, optional: false }
        }
        const fn maybe(words: &'static [&'static str]) -> Sort {
            Sort::Closed { words, optional: true }
        }
        match self {
            Self::Stream => always(&["request", "notification", "message"]),
            Self::Vantage => always(&["caller_egress", "edge_ingress", "first_layer", "webhook_egress"]),
            Self::Reached => always(&["yes", "no", "unknown"]),
            Self::Symptom => always(&[
                "none",
                "dns",
                "connect",
                "tls",
                "proxy_local",
                "client_abort_early",
                "client_abort_waiting",
                "reset",
                "timeout",
                "cut_off",
            ]),
            Self::HttpStatus => Sort::Number { least: 100, most: 999 },
            Self::ErrorCode | Self::ErrorSubcode => Sort::Number { least: i64::MIN, most: i64::MAX },
            Self::IsTransient | Self::IsSuccess => maybe(&["true", "false"]),
            Self::Admission => always(&["none", "admitted", "held", "paused"]),
            Self::Outcome => always(&[
                "none",
                "sent",
                "delivered",
                "failed",
                "refused",
                "unreachable",
                "internal",
                "unknown",
            ]),
            Self::Timing => always(&["none", "in_time", "late", "overdue", "open", "stopped", "unseen"]),
            Self::Scope | Self::Region | Self::Family => Sort::Open { optional: true },
            Self::Service | Self::Source => Sort::Open { optional: false },
            Self::Fault => maybe(&catalogue::FAULT_WORDS),
            Self::Review => maybe(&catalogue::REVIEW_WORDS),
            Self::Recipient => always(&restrictions::WORDS),
            Self::Client => always(&clients::WORDS),
        }
    }
}

/// The value of a kind under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute<'a> {
    Nothing,
    Number(i64),
    Word(&'a str),
}

/// The values that a condition accepts under one key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// Accepts a kind without a value here.
    pub none: bool,
    /// Accepts a kind with any value here.
    pub any: bool,
    pub words: Vec<String>,
    /// Inclusive, sorted and disjoint.
    pub ranges: Vec<(i64, i64)>,
}

impl Values {
    /// True if the value is accepted.
    pub fn accept(&self, seen: Attribute<'_>) -> bool {
        match seen {
            Attribute::Nothing => self.none,
            Attribute::Word(word) => self.any || self.words.iter().any(|w| w == word),
            Attribute::Number(number) => self.any || self.accepts_range(number, number),
        }
    }

    fn accepts_range(&self, first: i64, last: i64) -> bool {
        self.ranges.iter().any(|(a, b)| *a <= first && last <= *b)
    }

    /// True if `self` accepts every value that `other` accepts.
    pub fn cover(&self, other: &Self) -> bool {
        (self.none || !other.none)
            && (self.any
                || (!other.any
                    && other.words.iter().all(|word| self.words.contains(word))
                    && other.ranges.iter().all(|(first, last)| self.accepts_range(*first, *last))))
    }

    /// True if no value is accepted both here and by `other`.
    pub fn exclude(&self, other: &Self) -> bool {
        let shows = |v: &Self| v.any || !v.words.is_empty() || !v.ranges.is_empty();
        let common_word = self.words.iter().any(|word| other.words.contains(word));
        let common_number =
            self.ranges.iter().any(|(a, b)| other.ranges.iter().any(|(first, last)| a <= last && first <= b));
        !(self.none && other.none
            || self.any && shows(other)
            || other.any && shows(self)
            || common_word
            || common_number)
    }

    /// True if every possible value is accepted.
    pub fn is_everything(&self, key: ConditionKey) -> bool {
        match key.sort() {
            Sort::Closed { words, optional } => {
                let all = self.any || words.iter().all(|word| self.words.iter().any(|w| w == word));
                all && (self.none || !optional)
            }
            Sort::Open { optional } => self.any && (self.none || !optional),
            Sort::Number { .. } => self.any && self.none,
        }
    }

    fn read(key: ConditionKey, value: &TomlValue<'_>) -> Self {
        let mut values = Self::default();
        let items = value.items();
        if items.is_empty() {
            let message = format!("`{}` accepts nothing", key.name());
            value.wrong(message, "an empty list", "name a value, or remove the condition");
        }
        for item in &items {
            values.add(key, item);
        }
        values.merge_ranges();
        values
    }

    fn add(&mut self, key: ConditionKey, item: &TomlValue<'_>) {
        let (words, optional): (&[&str], bool) = match key.sort() {
            Sort::Number { least, most } => {
                if !self.add_number(item, least, most) {
                    item.wrong(format!("not a value of `{}`", key.name()), "this", number_help(key));
                }
                return;
            }
            Sort::Closed { words, optional } => (words, optional),
            Sort::Open { optional } => (&[], optional),
        };
        let is_open = words.is_empty();
        let word = match item.raw() {
            DeValue::Boolean(flag) if words.contains(&"true") => flag.to_string(),
            _ => match item.text() {
                Some(word) => word.to_owned(),
                None => return,
            },
        };
        match word.as_str() {
            "none" if optional => self.none = true,
            "any" if optional => self.any = true,
            _ if is_open || words.contains(&word.as_str()) => self.words.push(word),
            _ => {
                let reserved: &[&str] = if optional { &["none", "any"] } else { &[] };
                let message = format!("`{word}` is not a value of `{}`", key.name());
                item.wrong(message, "not known", advice(&word, words.iter().chain(reserved).copied()));
            }
        }
    }

    fn add_number(&mut self, item: &TomlValue<'_>, least: i64, most: i64) -> bool {
        let range = match item.raw() {
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| (number, number))
            }
            DeValue::String(text) if text == "none" => {
                self.none = true;
                return true;
            }
            DeValue::String(text) if text == "any" => {
                self.any = true;
                return true;
            }
            DeValue::String(text) => text
                .split_once('-')
                .and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?))),
            _ => None,
        };
        let range = range.filter(|(first, last)| least <= *first && first <= last && *last <= most);
        self.ranges.extend(range);
        range.is_some()
    }

    fn merge_ranges(&mut self) {
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|next, kept| {
            let touches = next.0 <= kept.1.saturating_add(1);
            if touches {
                kept.1 = kept.1.max(next.1);
            }
            touches
        });
    }
}

fn number_help(key: ConditionKey) -> &'static str {
    match key {
        ConditionKey::HttpStatus => {
            "write a status from 100 to 999, a range such as \"500-599\", \"none\" or \"any\""
        }
        _ => "write a number, a range such as \"200-299\", \"none\" or \"any\"",
    }
}

/// The condition of a rule; a key that is absent accepts every value.
#[derive(Debug, Clone, Default)]
pub struct RuleCondition(Vec<(ConditionKey, Values)>);

impl RuleCondition {
    /// Reads `when = { ... }`.
    pub fn read(value: &TomlValue<'_>) -> Self {
        let Some(table) = value.table("when", &ConditionKey::NAMES) else { return Self::default() };
        Self::of(&table)
    }

    fn of(table: &TomlTable<'_>) -> Self {
        let asked = |key: ConditionKey| table.get(key.name()).map(|value| (key, Values::read(key, &value)));
        Self(ConditionKey::ALL.into_iter().filter_map(asked).collect())
    }

    /// True if every key accepts its value; `seen` is parallel to [`ConditionKey::ALL`].
    pub fn holds(&self, seen: &[Attribute<'_>; 21]) -> bool {
        self.0.iter().all(|(key, values)| values.accept(seen[*key as usize]))
    }

    pub fn get(&self, key: ConditionKey) -> Option<&Values> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, values)| values)
    }

    pub fn iter(&self) -> impl Iterator<Item = (ConditionKey, &Values)> {
        self.0.iter().map(|(key, values)| (*key, values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(ranges: &[(i64, i64)]) -> Values {
        let mut values = Values { ranges: ranges.to_vec(), ..Values::default() };
        values.merge_ranges();
        values
    }

    fn words(words: &[&str]) -> Values {
        Values { words: words.iter().map(|w| (*w).to_owned()).collect(), ..Values::default() }
    }

    #[test]
    fn keys_know_their_position() {
        for (position, key) in ConditionKey::ALL.into_iter().enumerate() {
            assert_eq!(key as usize, position);
        }
    }

    #[test]
    fn touching_ranges_become_one() {
        assert_eq!(numbers(&[(500, 509), (510, 599), (400, 400)]).ranges, [(400, 400), (500, 599)]);
        assert!(numbers(&[(500, 509), (510, 599)]).cover(&numbers(&[(505, 515)])));
    }

    #[test]
    fn values_cover_and_exclude_each_other() {
        let any = Values { any: true, ..Values::default() };
        let none = Values { none: true, ..Values::default() };
        assert!(any.cover(&words(&["a"])) && !any.cover(&none) && !words(&["a"]).cover(&any));
        assert!(any.exclude(&none) && !any.exclude(&numbers(&[(1, 2)])));
        assert!(
            numbers(&[(1, 2)]).exclude(&numbers(&[(3, 4)]))
                && !numbers(&[(1, 3)]).exclude(&numbers(&[(3, 4)]))
        );
        assert!(words(&["a", "b"]).cover(&words(&["b"])) && words(&["a"]).exclude(&words(&["b"])));
    }

    #[test]
    fn a_closed_list_that_is_complete_is_everything() {
        assert!(words(&["yes", "no", "unknown"]).is_everything(ConditionKey::Reached));
        assert!(!words(&["yes", "no"]).is_everything(ConditionKey::Reached));
        assert!(!words(&["true", "false"]).is_everything(ConditionKey::IsSuccess));
        assert!(Values { none: true, ..words(&["true", "false"]) }.is_everything(ConditionKey::IsSuccess));
    }
}
