//! Clear names: which services and regions of a log are kept apart.
//!
//! A name that the config declares is kept. Any other may be a mistake of the mapping, or a text
//! that an attacker chose: workers keep it as it is only if it looks like a name
//! ([`Lexicon::make_clear`]), and of each kind only so many are kept at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{MOST_PAIRS, MOST_UNDECLARED};
use crate::facts::ids::Id;
use crate::facts::{OTHER_NAMES, Salt};
use crate::intake::pass::Pass;
use crate::intake::rows::interner::{Lexicon, Names};

/// Names of one kind.
type Role = for<'a> fn(&'a mut Lexicon) -> &'a mut Names;

/// Folds the undeclared names of a pass that are too many into one.
///
/// Which names are kept depends on the names alone, not on the order of files or rows.
pub fn settle_names(pass: &mut Pass, salt: &Salt) {
    let Some(declared) = pass.source_readers.first().map(|reader| reader.declared.clone()) else { return };
    let (services, regions) = (declared.all_services(), declared.all_regions());
    let roles: [(Role, &[&str]); 2] =
        [(|names| &mut names.services, &services), (|names| &mut names.regions, &regions)];
    let mut undeclared = roles.map(|(role, known)| smallest(pass, role, known, salt));
    let declared = [declared.services.len() + 1, regions.len()];
    fit(&mut undeclared, declared);
    for ((role, known), undeclared) in roles.into_iter().zip(undeclared) {
        let kept: BTreeSet<String> = undeclared.into_values().collect();
        for counts in &mut pass.counts {
            role(&mut counts.names).rename(|name| {
                let is_kept = name.is_empty() || known.contains(&name) || kept.contains(name);
                (!is_kept).then(|| OTHER_NAMES.to_owned())
            });
        }
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
}
