//! Names: services and regions that the config does not declare.

use std::collections::BTreeMap;

use crate::attention::{Attention, AttentionKind};
use crate::config::{Config, MOST_UNDECLARED, WEBHOOK_SERVICE};
use crate::document::spelling::closest;
use crate::facts::{IGNORED, OTHER_NAMES, UNASSIGNED};
use crate::ledger::{AccountLine, Edition};
use crate::redact::redacted;

/// Names that are told one by one; a column with more holds no names of this kind.
pub(super) const MOST_NAMES: usize = 20;

/// Reports the services and regions of events that the config does not declare.
///
/// A service outside `[[service]]` is in no component.
pub(super) fn undeclared(edition: &Edition, config: &Config) -> Vec<Attention> {
    let mut found = Vec::new();
    let mut say = |kind, name: &str, events: i64, message| {
        let attention = Attention::new(kind, edition.day, &[name], message);
        found.push(attention.of_measure(events.unsigned_abs()));
    };
    let sum = |of: fn(&AccountLine) -> &str| {
        let mut events: BTreeMap<&str, i64> = BTreeMap::new();
        for line in &edition.accounts {
            *events.entry(of(line)).or_default() += line.events_gross;
        }
        events
    };
    let services: Vec<&str> = config.services.iter().map(|service| service.name.as_str()).collect();
    let outside = |name: &str| {
        !services.contains(&name) && ![UNASSIGNED, IGNORED, OTHER_NAMES, WEBHOOK_SERVICE].contains(&name)
    };
    for (name, events) in
        sum(|line| &line.service).into_iter().filter(|(name, _)| outside(name)).take(MOST_NAMES)
    {
        if services.is_empty() {
            break;
        }
        let (hint, name) = (hint(name, &services), redacted(name.as_bytes(), 40));
        say(
            AttentionKind::UndeclaredService,
            &name,
            events,
            format!(
                "service `{name}`: {events} events; no [[service]] has this name, so they are in no component: declare it, or \
                 map it by `words` of its column{hint}"
            ),
        );
    }
    let regions: Vec<&str> = config.regions.iter().map(String::as_str).collect();
    let outside = |name: &str| !regions.contains(&name) && name != "-" && name != OTHER_NAMES;
    for (name, events) in
        sum(|line| &line.region).into_iter().filter(|(name, _)| outside(name)).take(MOST_NAMES)
    {
        if regions.is_empty() {
            break;
        }
        let (hint, name) = (hint(name, &regions), redacted(name.as_bytes(), 40));
        say(
            AttentionKind::UndeclaredRegion,
            &name,
            events,
            format!(
                "region `{name}`: {events} events; `regions` does not have this name: declare it, or map it by `words` of its \
                 column{hint}"
            ),
        );
    }
    let others = |of: fn(&AccountLine) -> &str| sum(of).get(OTHER_NAMES).copied().unwrap_or_default();
    let rest = [
        (AttentionKind::UndeclaredService, "services", "[[service]]", others(|line| &line.service)),
        (AttentionKind::UndeclaredRegion, "regions", "`regions`", others(|line| &line.region)),
    ];
    for (kind, what, declared, events) in rest {
        if events != 0 {
            let message = format!(
                "{what} beyond those that are kept without being declared (at most {MOST_UNDECLARED}): {events} events of them are counted \
                 together as `{OTHER_NAMES}`; declare those you mean in {declared}, or correct the mapping"
            );
            let attention = Attention::new(kind, edition.day, &[OTHER_NAMES], message);
            found.push(attention.of_measure(events.unsigned_abs()));
        }
    }
    found
}

/// Guesses the declared name that a name was meant to be.
fn hint(name: &str, declared: &[&str]) -> String {
    let guess = closest(name, declared.iter().copied());
    guess.map_or_else(String::new, |guess| format!("; did you mean `{guess}`?"))
}
