//! Clear names: which names of a log are kept as they are, before they leave intake.
//!
//! A name that the config declares is kept. Any other may be a mistake of the mapping, or a text
//! that an attacker chose: it is kept as it is only if it looks like a name, and of each kind only
//! so many are kept at all.

use std::collections::BTreeMap;

use crate::config::{MOST_PAIRS, MOST_UNDECLARED, WEBHOOK_SERVICE};
use crate::facts::ids::Id;
use crate::facts::{IGNORED, OTHER_NAMES, Salt, UNASSIGNED};
use crate::intake::pass::Pass;
use crate::intake::rows::endpoints::ALL;
use crate::intake::rows::interner::{Lexicon, Names};
use crate::redact::is_clear_name;

/// Platforms of clients that the platform documents.
const PLATFORMS: [&str; 8] = ["android", "smba", "ios", "smbi", "kaios", "web", "windows", "mac"];

/// Names of one kind.
type Role = for<'a> fn(&'a mut Lexicon) -> &'a mut Names;

/// Replaces the names of a pass by those under which they are stored.
///
/// Which names are kept depends on the names alone, not on the order of files or rows.
pub fn settle_names(pass: &mut Pass, salt: &Salt) {
    let Some(declared) = pass.source_readers.first().map(|reader| reader.declared.clone()) else { return };
    let own = [ALL, UNASSIGNED, IGNORED, WEBHOOK_SERVICE].map(str::to_owned);
    let services: Vec<&str> = declared.services.iter().chain(&own).map(String::as_str).collect();
    let regions: Vec<&str> = declared.regions.iter().map(String::as_str).chain(["-"]).collect();
    let roles: [(Role, &[&str]); 2] =
        [(|names| &mut names.services, &services), (|names| &mut names.regions, &regions)];
    let mut undeclared = roles.map(|(role, known)| smallest(pass, role, known, salt));
    let declared = [declared.services.len() + 1, regions.len()];
    fit(&mut undeclared, declared);
    for ((role, known), undeclared) in roles.into_iter().zip(undeclared) {
        let stored = |name: String| {
            let stored = if is_clear_name(name.as_bytes()) { name.clone() } else { salt.word(&name) };
            (name, stored)
        };
        let kept: BTreeMap<String, String> = undeclared.into_values().map(stored).collect();
        for counts in &mut pass.counts {
            role(&mut counts.names).rename(|name| {
                if name.is_empty() || known.contains(&name) {
                    return None;
                }
                Some(kept.get(name).cloned().unwrap_or_else(|| OTHER_NAMES.to_owned()))
            });
        }
    }
    for counts in &mut pass.counts {
        let Lexicon { areas, platforms, versions, .. } = &mut counts.names;
        let told = |is_known: fn(&str) -> bool| {
            move |name: &str| (!name.is_empty() && !is_known(name)).then(|| salt.word(name))
        };
        areas.rename(told(is_area));
        platforms.rename(told(is_platform));
        versions.rename(told(is_version));
    }
}

/// Undeclared names by their keyed hash, so that nobody can choose which of them are kept.
type ByHash = BTreeMap<Id, String>;

/// Returns the undeclared names with the smallest hashes, at most [`MOST_UNDECLARED`].
fn smallest(pass: &mut Pass, role: Role, known: &[&str], salt: &Salt) -> ByHash {
    let mut by_hash = ByHash::new();
    for counts in &mut pass.counts {
        for name in role(&mut counts.names).all() {
            if !name.is_empty() && !known.contains(&&**name) {
                by_hash.insert(salt.id(name.as_bytes()), name.to_string());
                if by_hash.len() > MOST_UNDECLARED {
                    by_hash.pop_last();
                }
            }
        }
    }
    by_hash
}

/// Drops undeclared names until all pairs of a service and a region are few enough.
///
/// `declared` has the number of declared services and regions, with one for the others.
fn fit(undeclared: &mut [ByHash; 2], declared: [usize; 2]) {
    loop {
        let [services, regions] = [0, 1].map(|at| undeclared[at].len());
        if services + regions == 0 || (services + declared[0]) * (regions + declared[1]) <= MOST_PAIRS {
            return;
        }
        undeclared[usize::from(regions > services)].pop_last();
    }
}

/// Returns whether a text is a country or a part of one in ISO 3166: `TR`, `UA-43`.
fn is_area(text: &str) -> bool {
    let (country, part) = text.split_once('-').unwrap_or((text, "0"));
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (1..=3).contains(&part.len())
        && part.bytes().all(is_part)
}

fn is_platform(text: &str) -> bool {
    PLATFORMS.iter().any(|known| known.eq_ignore_ascii_case(text))
}

/// Returns whether a text is up to six numbers of at most four digits, with points between.
fn is_version(text: &str) -> bool {
    let is_number = |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    text.split('.').count() <= 6 && text.split('.').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_regions_share_a_limit_on_their_pairs() {
        let names = |n: usize| -> ByHash { (0..n).map(|n| (n as Id, format!("n{n}"))).collect() };
        let fitted = |services, regions, declared| {
            let mut undeclared = [names(services), names(regions)];
            fit(&mut undeclared, declared);
            undeclared.map(|names| names.len())
        };
        assert_eq!(fitted(64, 0, [1, 1]), [64, 0]);
        assert_eq!(fitted(3, 64, [1, 1]), [3, 63]);
        assert_eq!(fitted(64, 64, [1, 1]), [15, 15]);
        assert_eq!(fitted(64, 64, [30, 40]), [0, 0], "what is declared is always kept");
    }

    #[test]
    fn attributes_are_kept_if_they_are_of_a_closed_list_or_pattern() {
        for (text, want) in [("TR", true), ("UA-43", true), ("tr", false), ("Erika", false), ("491", false)] {
            assert_eq!(is_area(text), want, "{text}");
        }
        assert!(is_platform("Android") && !is_platform("Erika"));
        for (text, want) in
            [("2.21.15.15", true), ("2.2130.10", true), ("49176.1", false), ("a.1", false), ("1..2", false)]
        {
            assert_eq!(is_version(text), want, "{text}");
        }
    }
}
