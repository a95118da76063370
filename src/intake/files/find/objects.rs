//! Objects: the objects of a store that a path or a pattern leads to.
//!
//! A store has no folders, so a pattern is followed part by part: listed is only what begins with
//! the text before its first wildcard, and below that only folders in which its files may lie.

use std::path::PathBuf;

use crate::config::{PathCaptures, PathPattern, Placeholder, is_beside_logs};
use crate::error::Trouble;
use crate::store::{Depth, ObjectEntry, StoreAddress, Stores};

/// A path or object that a pattern leads to, and the values of the pattern's placeholders in it.
pub struct Listed<P = PathBuf> {
    pub path: P,
    pub captures: PathCaptures,
}

/// Lists the objects of an address, which may be a pattern.
///
/// # Errors
/// A path that was named on the command line does not exist, the pattern is not valid, or the store
/// cannot be listed.
pub fn list(
    stores: &Stores,
    address: &StoreAddress,
    is_named_by_hand: bool,
) -> Result<Vec<Listed<ObjectEntry>>, Trouble> {
    let parts: Vec<&str> = address.key.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let found = if parts.iter().all(|part| is_literal(part)) {
        literal(stores, address)?
    } else {
        let pattern = PathPattern::of(&address.key).map_err(|why| {
            Trouble::Usage(format!("{address}: not a valid pattern: {why}; correct `paths`"))
        })?;
        let mut search = Search { stores, address, pattern, found: Vec::new() };
        search.below(String::new(), &parts)?;
        search.found
    };
    if found.is_empty() && is_named_by_hand {
        return Err(Trouble::Missing { path: PathBuf::from(address.to_string()) });
    }
    Ok(found)
}

/// Returns the object of this name, or else those directly in the folder of this name.
fn literal(stores: &Stores, address: &StoreAddress) -> Result<Vec<Listed<ObjectEntry>>, Trouble> {
    let plain = |path| Listed { path, captures: PathCaptures::default() };
    let is_folder = address.key.is_empty() || address.key.ends_with('/');
    if !is_folder {
        if let Some(entry) = stores.head(address)? {
            return Ok(vec![plain(entry)]);
        }
        // A web server that has no file of this name has said so; most of them list nothing.
        if address.root.kind.is_web() {
            return Ok(Vec::new());
        }
    }
    let folder = match address.key.trim_end_matches('/') {
        "" => String::new(),
        key => format!("{key}/"),
    };
    // This also proves that the bucket is there and may be listed: only then is the object absent.
    let listing = stores.list(&address.root, &folder, Depth::Folder)?;
    let is_log = |entry: &ObjectEntry| {
        let name = entry.key.rsplit('/').next().unwrap_or(&entry.key);
        entry.key.len() > folder.len() && !is_beside_logs(name)
    };
    Ok(listing.objects.into_iter().filter(is_log).map(plain).collect())
}

struct Search<'a> {
    stores: &'a Stores,
    address: &'a StoreAddress,
    pattern: PathPattern,
    found: Vec<Listed<ObjectEntry>>,
}

impl Search<'_> {
    /// Follows the rest of a pattern from a folder on; its name is empty or ends in a slash.
    fn below(&mut self, mut folder: String, rest: &[&str]) -> Result<(), Trouble> {
        let literals = rest.iter().take_while(|part| is_literal(part)).count();
        let Some((next, behind)) = rest[literals..].split_first() else {
            let key = format!("{folder}{}", rest.join("/"));
            return self.take(&key, Depth::Folder);
        };
        for part in &rest[..literals] {
            folder.extend([part, "/"]);
        }
        if *next == "**" {
            return self.take(&folder, Depth::All);
        }
        let begin = next.find(['*', '?', '[', '{']).unwrap_or(next.len());
        let prefix = format!("{folder}{}", &next[..begin]);
        if behind.is_empty() {
            return self.take(&prefix, Depth::Folder);
        }
        for folder in self.stores.list(&self.address.root, &prefix, Depth::Folder)?.folders {
            if self.pattern.may_lie_in(&folder) {
                self.below(folder, behind)?;
            }
        }
        Ok(())
    }

    /// Lists what begins with a prefix, and keeps what the pattern matches.
    fn take(&mut self, prefix: &str, depth: Depth) -> Result<(), Trouble> {
        for path in self.stores.list(&self.address.root, prefix, depth)?.objects {
            // A name that ends in a slash stands for a folder.
            if let (Some(captures), false) = (self.pattern.captures(&path.key), path.key.ends_with('/')) {
                self.found.push(Listed { path, captures });
            }
        }
        Ok(())
    }
}

fn is_literal(part: &str) -> bool {
    !part.contains(['*', '?', '[']) && Placeholder::all(part).is_empty()
}
