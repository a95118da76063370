//! Tree: the mapped names of a log as a tree of keys, in any spelling.

use std::cell::Cell;

use crate::intake::rows::mapping::{MappedField, Mapping, is_alike};

/// Limit on keys without a mapped name that a tree remembers on each level.
const MOST_LEARNED: usize = 64;
/// Limit on bytes of such a key; a longer one fills no field.
const LONGEST_LEARNED: usize = 256;

/// Mapped names as a tree of keys, in which lines leave the other keys that they have.
///
/// A key that is no mapped name is compared with all of them in any spelling, which is slow. It is
/// therefore remembered, with the fields that it fills, and found at the next line like the others.
#[derive(Debug, Default, Clone)]
pub struct Tree {
    keys: Vec<TreeKey>,
    /// Number of keys that were learned, including those that have been replaced since.
    learned: usize,
}

/// A field that a key fills, and the rank of the key among the names of the field.
#[derive(Debug, Clone, Copy)]
pub struct FieldTarget {
    pub field: usize,
    pub rank: u8,
}

/// One key, and what stands under it.
#[derive(Debug, Default, Clone)]
pub struct TreeKey {
    pub name: String,
    pub targets: Vec<FieldTarget>,
    pub below: Tree,
    /// True if no mapped name is spelled like this.
    is_learned: bool,
    /// Other learned keys that stand for the same mapped name.
    pub others: Vec<String>,
}

impl TreeKey {
    pub fn is_mapped(&self) -> bool {
        !self.targets.is_empty() || !self.below.keys.is_empty()
    }
}

impl Tree {
    pub fn of(mapping: &Mapping) -> Self {
        let mut tree = Self::default();
        for entry in &mapping.entries {
            tree.insert_name(&entry.name, entry);
        }
        tree
    }

    /// Adds a name of a mapped field, or what is left of it below a list of rows.
    pub fn insert_name(&mut self, name: &str, entry: &MappedField) {
        // Odd ranks are for other spellings of the name.
        let target = FieldTarget { field: entry.field, rank: entry.rank * 2 };
        // A key that itself contains dots is tried as a whole, in addition to its path.
        self.insert(&[name], target);
        let path: Vec<&str> = name.split('.').collect();
        if path.len() > 1 {
            self.insert(&path, target);
        }
    }

    pub fn insert(&mut self, path: &[&str], target: FieldTarget) {
        let Some((name, rest)) = path.split_first() else { return };
        let key = self.key(name);
        if rest.is_empty() {
            key.targets.push(target);
        } else {
            key.below.insert(rest, target);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the key at a place that [`Tree::find`] gave.
    pub fn at(&mut self, place: usize) -> &mut TreeKey {
        &mut self.keys[place]
    }

    /// Returns the key of an element of a list, which is its position.
    pub fn element(&mut self, at: usize) -> Option<&mut TreeKey> {
        self.keys.iter_mut().filter(|key| !key.is_learned).find(|key| key.name.parse() == Ok(at))
    }

    fn key(&mut self, name: &str) -> &mut TreeKey {
        let at = self.keys.iter().position(|key| key.name == name).unwrap_or_else(|| {
            self.keys.push(TreeKey { name: name.to_owned(), ..TreeKey::default() });
            self.keys.len() - 1
        });
        &mut self.keys[at]
    }

    /// Returns the fields that a top-level key fills; `None` if only the parser can tell.
    pub fn targets(&self, name: &[u8]) -> Option<&[FieldTarget]> {
        match self.keys.iter().find(|key| key.name.as_bytes() == name) {
            None if self.alike(name).next().is_some() => None,
            None => Some(&[]),
            Some(key) if key.below.keys.is_empty() => Some(&key.targets),
            Some(_) => None,
        }
    }

    /// Returns the mapped names that a key without an exact name is alike to.
    fn alike(&self, name: &[u8]) -> impl Iterator<Item = &TreeKey> {
        let mapped = self.keys.iter().filter(|key| !key.is_learned);
        mapped.filter(move |key| name.len() <= LONGEST_LEARNED && is_alike(key.name.as_bytes(), name))
    }

    /// Finds the place of a key, starting after the last hit: logs repeat their keys in one order.
    ///
    /// `None` if the key fills no field.
    pub fn find(&mut self, name: &str, hint: &Cell<usize>) -> Option<usize> {
        let n = self.keys.len();
        let start = hint.get();
        for step in 0..n {
            let at = if start + step < n { start + step } else { start + step - n };
            if self.keys[at].name == name {
                hint.set(if at + 1 < n { at + 1 } else { 0 });
                return Some(at);
            }
        }
        (name.len() <= LONGEST_LEARNED).then(|| self.learn(name, hint))
    }

    /// Remembers a key that is no mapped name, where it is looked for first in the next line.
    #[cold]
    fn learn(&mut self, name: &str, hint: &Cell<usize>) -> usize {
        let mut new = TreeKey { name: name.to_owned(), is_learned: true, ..TreeKey::default() };
        for mapped in self.alike(name.as_bytes()) {
            new.targets.extend(mapped.targets.iter().map(|target| target.in_other_spelling()));
            new.below.absorb(&mapped.below);
        }
        let is_same = |key: &TreeKey| {
            key.is_learned && key.is_mapped() && is_alike(key.name.as_bytes(), name.as_bytes())
        };
        for key in self.keys.iter_mut().filter(|key| is_same(key)) {
            new.others.push(key.name.clone());
            key.others.push(name.to_owned());
        }
        let mut at = hint.get().min(self.keys.len());
        if self.learned < MOST_LEARNED {
            self.keys.insert(at, new);
        } else {
            let learned = self.keys.iter().enumerate().filter(|(_, key)| key.is_learned);
            at = learned.map(|(at, _)| at).nth(self.learned % MOST_LEARNED).unwrap_or_default();
            self.keys[at] = new;
        }
        self.learned += 1;
        hint.set(if at + 1 < self.keys.len() { at + 1 } else { 0 });
        at
    }

    /// Adds the mapped keys of another tree, as those of another spelling.
    fn absorb(&mut self, other: &Self) {
        for mapped in other.keys.iter().filter(|key| !key.is_learned) {
            let key = self.key(&mapped.name);
            key.targets.extend(mapped.targets.iter().map(|target| target.in_other_spelling()));
            key.below.absorb(&mapped.below);
        }
    }
}

impl FieldTarget {
    /// Returns the target for a key that is not spelled like the mapped name, which wins.
    const fn in_other_spelling(self) -> Self {
        Self { field: self.field, rank: self.rank | 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_other_keys_hides_no_mapped_one() {
        let mut tree = Tree::default();
        let target = FieldTarget { field: 7, rank: 0 };
        tree.insert(&["error_code"], target);
        let hint = Cell::new(0);
        for n in 0..5 * MOST_LEARNED {
            for other in [format!("key{n}"), "long".repeat(n), format!("error_code{n}")] {
                assert!(tree.find(&other, &hint).is_none_or(|at| !tree.at(at).is_mapped()), "{other}");
            }
            let at = tree.find("Error Code", &hint).unwrap();
            assert_eq!(tree.at(at).targets.iter().map(|t| (t.field, t.rank)).collect::<Vec<_>>(), [(7, 1)]);
            assert!(tree.keys.len() <= MOST_LEARNED + 1);
        }
        let at = tree.find("error_code", &hint).unwrap();
        assert_eq!(tree.at(at).targets.len(), 1);
    }
}
