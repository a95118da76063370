//! Interner: names as small numbers, so that rows are compared and counted without text.

use std::borrow::Cow;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize, Serializer};

use super::endpoints::Declared;
use crate::facts::Salt;
use crate::redact::{is_area, is_clear_name, is_platform, is_version};

/// Entries of the cache of recent names.
const RECENT: usize = 1_024;

/// Names seen by one worker, as small numbers; 0 is the empty name.
///
/// Stored are the texts alone: no name can be added to those that are read back.
#[derive(Debug, Deserialize)]
#[serde(from = "Vec<Box<str>>")]
pub struct Names {
    by_text: HashMap<Box<str>, u32, foldhash::fast::RandomState>,
    texts: Vec<Box<str>>,
    /// By name: the work item in which it was last seen.
    ///
    /// The limit on names holds per item, because items do not depend on which worker takes them.
    seen_in: Vec<u32>,
    item: u32,
    /// Number of names seen in the current item.
    in_item: usize,
    /// Recent names, by their last bytes.
    ///
    /// A few names make up most rows, and comparing is cheaper than hashing.
    recent: Box<[u32; RECENT]>,
}

impl From<Vec<Box<str>>> for Names {
    fn from(texts: Vec<Box<str>>) -> Self {
        let (by_text, seen_in) = (HashMap::default(), vec![0]);
        Self { by_text, texts, seen_in, item: 0, in_item: 0, recent: Box::new([0; RECENT]) }
    }
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.texts.serialize(to)
    }
}

impl Names {
    pub fn new() -> Self {
        Self::from(vec!["".into()])
    }

    fn begin_item(&mut self) {
        self.item += 1;
        self.in_item = 0;
    }

    /// Returns all names, by number.
    pub fn all(&self) -> &[Box<str>] {
        &self.texts
    }

    /// Gives names another text; several may share one. No name can be added afterwards.
    pub fn rename(&mut self, new: impl Fn(&str) -> Option<String>) {
        self.by_text.clear();
        for text in &mut self.texts {
            if let Some(new) = new(text) {
                *text = new.into();
            }
        }
    }

    pub fn text(&self, id: u32) -> &str {
        &self.texts[id as usize]
    }

    /// Returns the number of a name; `None` if it exceeds `limit` names per item.
    pub fn id(&mut self, bytes: &[u8], limit: usize) -> Option<u32> {
        if bytes.is_empty() {
            return Some(0);
        }
        let place = place(bytes);
        let recent = self.recent[place];
        if self.texts[recent as usize].as_bytes() == bytes && self.seen_in[recent as usize] == self.item {
            return Some(recent);
        }
        let text = readable(bytes);
        let known = self.by_text.get(&*text).copied();
        let is_new_here = known.is_none_or(|id| self.seen_in[id as usize] != self.item);
        if is_new_here && self.in_item >= limit {
            return None;
        }
        let id = match known {
            Some(id) => id,
            None => {
                let id = u32::try_from(self.texts.len()).ok()?;
                self.texts.push((&*text).into());
                self.seen_in.push(0);
                self.by_text.insert((&*text).into(), id);
                id
            }
        };
        if is_new_here {
            self.seen_in[id as usize] = self.item;
            self.in_item += 1;
        }
        self.recent[place] = id;
        Some(id)
    }
}

/// Returns a name as text: UTF-8, or Latin-1 if it is not UTF-8.
///
/// Latin-1 gives a character to every byte, so that different names stay different.
pub fn readable(name: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(name) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => name.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Returns the place of a name in the cache.
///
/// Names that differ mostly differ in the last bytes.
#[inline]
fn place(bytes: &[u8]) -> usize {
    let end = bytes.last_chunk::<8>().map_or_else(
        || bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
        |end| u64::from_le_bytes(*end),
    );
    (end.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - RECENT.ilog2())) as usize
}

/// Names of one worker, by role.
#[derive(Debug, Serialize, Deserialize)]
pub struct Lexicon {
    pub services: Names,
    pub regions: Names,
    pub scopes: Names,
    pub areas: Names,
    pub platforms: Names,
    pub versions: Names,
    pub callers: Names,
    pub codes: Names,
}

impl Lexicon {
    pub fn new() -> Self {
        let names = Names::new;
        Self {
            services: names(),
            regions: names(),
            scopes: names(),
            areas: names(),
            platforms: names(),
            versions: names(),
            callers: names(),
            codes: names(),
        }
    }

    /// Returns the names of each field, with the name of the field in a config.
    pub const fn by_field(&self) -> [(&'static str, &Names); 8] {
        [
            ("service", &self.services),
            ("region", &self.regions),
            ("scope", &self.scopes),
            ("recipient_area", &self.areas),
            ("client_platform", &self.platforms),
            ("client_version", &self.versions),
            ("business_id", &self.callers),
            ("error_code", &self.codes),
        ]
    }

    /// Replaces each name that may say something about a person by a pseudonym.
    ///
    /// No name can be added afterwards. Declared services and regions are kept, attributes of
    /// closed lists and patterns, and services and regions that look like names.
    pub fn make_clear(&mut self, declared: &Declared, salt: &Salt) {
        let Self { services, regions, areas, platforms, versions, callers, scopes: _, codes: _ } = self;
        let word = |is_kept: fn(&str) -> bool| {
            move |name: &str| (!name.is_empty() && !is_kept(name)).then(|| salt.word(name))
        };
        areas.rename(word(is_area));
        platforms.rename(word(is_platform));
        versions.rename(word(is_version));
        callers.rename(|name| Some(salt.pseudonym(name)));
        for (names, known) in [(services, declared.all_services()), (regions, declared.all_regions())] {
            let told = word(|name| is_clear_name(name.as_bytes()));
            names.rename(|name| if known.contains(&name) { None } else { told(name) });
        }
    }

    /// Begins a work item (a chunk, file or slice): limits on the number of names start anew.
    pub fn begin_item(&mut self) {
        let Self { services, regions, scopes, areas, platforms, versions, callers, codes } = self;
        for names in [services, regions, scopes, areas, platforms, versions, callers, codes] {
            names.begin_item();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_one_per_item_whatever_was_known_before() {
        let mut names = Names::new();
        for item in 0..3 {
            names.begin_item();
            // The same hundred names, in another order each time: the first three of the item are
            // taken.
            let order: Vec<String> =
                (0..100).map(|n| format!("name-{}", (n * 7 + item * 13) % 100)).collect();
            let taken: Vec<bool> = order.iter().map(|name| names.id(name.as_bytes(), 3).is_some()).collect();
            assert_eq!(taken.iter().filter(|t| **t).count(), 3);
            assert!(taken[..3].iter().all(|t| *t));
            assert!(order[..3].iter().all(|name| names.id(name.as_bytes(), 3).is_some()));
        }
        assert_eq!(names.id(b"", 0), Some(0));
    }

    #[test]
    fn a_name_that_is_not_utf8_is_read_as_latin1() {
        let mut names = Names::new();
        let id = names.id(b"S\xe3o Paulo", 99).unwrap();
        assert_eq!(names.text(id), "São Paulo");
        assert_eq!(names.id("São Paulo".as_bytes(), 99), Some(id));
    }
}
