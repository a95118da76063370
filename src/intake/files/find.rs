//! Find: the log files in which the rows of a day are searched.

mod objects;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, FileType};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use objects::Listed;
use serde::{Deserialize, Serialize};

use super::bytes::log_bytes::LogPlace;
use crate::config::{
    ColumnSource, Config, Field, PathCaptures, PathPattern, Placeholder, STANDARD_INPUT, Source,
    is_beside_logs,
};
use crate::day::Day;
use crate::error::Trouble;
use crate::facts::FileRole;
use crate::store::StoreAddress;

/// A log file to read.
#[derive(Debug, Clone)]
pub struct LogFile {
    /// Path on the disk, `-` for standard input, or the address of an object.
    pub path: PathBuf,
    pub place: LogPlace,
    /// Path as reports show it: relative to the config's folder if it lies below.
    pub shown: String,
    /// Position of the source in the config.
    pub source: usize,
    /// Position of the path in the source that found the file, with its distance in days.
    pub found_by: FoundBy,
    pub role: FileRole,
    pub bytes: u64,
    /// Values of `{service}` and `{region}` in the path.
    pub constants: Vec<(Field, String)>,
}

/// How a file was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundBy {
    /// Position of the path among those of the source.
    pub pattern: usize,
    /// True if the path has a date.
    pub is_dated: bool,
    /// Days from the day that is read to the date in the path; 0 for a path without a date.
    pub shift: i64,
}

/// A named pipe, a socket or a device among the files of a pattern; opening it could block.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpecialFile {
    /// Position of the source in the config.
    pub source: usize,
    /// Path as reports show it.
    pub shown: String,
    pub what: &'static str,
}

/// The files of a day.
#[derive(Debug, Default)]
pub struct FoundFiles {
    /// Logs, by source and path.
    pub logs: Vec<LogFile>,
    pub special: BTreeSet<SpecialFile>,
}

/// Finds the files of a day.
///
/// Files of neighbour days are included, as far as the source says. Files that by convention stand
/// beside logs are left out unless their name is given.
///
/// # Errors
/// A path that was named on the command line does not exist or names a special file, a pattern is
/// not valid, or a folder cannot be listed.
pub fn find(config: &Config, day: Day) -> Result<FoundFiles, Trouble> {
    let base = &config.base;
    let mut found: BTreeMap<(usize, PathBuf), LogFile> = BTreeMap::new();
    let mut special = BTreeSet::new();
    for (number, source) in config.sources.iter().enumerate() {
        for (position, pattern) in source.paths.iter().enumerate() {
            if let Some(log) = standard_input(config, number, position) {
                found.insert((number, log.path.clone()), log);
                continue;
            }
            let is_dated = Placeholder::all(pattern).iter().any(|(_, p)| matches!(p, Placeholder::Date(_)));
            let reach = if is_dated { i64::from(source.neighbours) } else { 0 };
            for shift in -reach..=reach {
                let pattern = dated(pattern, day.plus(shift));
                let role = if shift == 0 { FileRole::Own } else { FileRole::Neighbour };
                if let Some(address) = StoreAddress::parse(&pattern) {
                    let address = address.map_err(|why| {
                        Trouble::Usage(format!(
                            "source {}: an address in `paths` cannot be used: {why}",
                            source.name
                        ))
                    })?;
                    let listed = objects::list(&config.stores, &address, source.is_named_by_hand)?;
                    for Listed { path, captures } in listed {
                        let object = config.stores.object(&address.root, path)?;
                        let shown = object.address().to_string();
                        let file = LogFile {
                            path: PathBuf::from(&shown),
                            bytes: object.identity().bytes,
                            place: LogPlace::Object(object),
                            shown,
                            source: number,
                            found_by: FoundBy { pattern: position, is_dated, shift },
                            role,
                            constants: constants(captures),
                        };
                        add(&mut found, file.path.clone(), file);
                    }
                    continue;
                }
                for Listed { path, captures } in list(&pattern, base, source.is_named_by_hand)? {
                    let shown = path.strip_prefix(base).unwrap_or(&path).display().to_string();
                    let metadata = fs::metadata(&path).ok();
                    if let Some(what) = metadata.as_ref().and_then(|m| special_type(m.file_type())) {
                        special.insert(SpecialFile { source: number, shown, what });
                        continue;
                    }
                    let constants = constants(captures);
                    let bytes = metadata.map_or(0, |m| m.len());
                    let found_by = FoundBy { pattern: position, is_dated, shift };
                    let file = LogFile {
                        path: path.clone(),
                        place: LogPlace::Disk(path.clone()),
                        shown,
                        source: number,
                        found_by,
                        role,
                        bytes,
                        constants,
                    };
                    // One file under two names (a link, or both `./x` and `x`) is one file.
                    let identity = fs::canonicalize(&path).unwrap_or(path);
                    add(&mut found, identity, file);
                }
            }
        }
    }
    let mut logs: Vec<LogFile> = found.into_values().collect();
    logs.sort_by(|a, b| (a.source, &a.path).cmp(&(b.source, &b.path)));
    Ok(FoundFiles { logs, special })
}

/// Adds a file, unless it is known by another name or pattern.
fn add(found: &mut BTreeMap<(usize, PathBuf), LogFile>, identity: PathBuf, file: LogFile) {
    let (role, found_by) = (file.role, file.found_by);
    let known = found.entry((file.source, identity)).or_insert(file);
    // One file may match the patterns of several days; if it matches the day's own, it is its own.
    if role < known.role {
        (known.role, known.found_by) = (role, found_by);
    }
}

/// Returns standard input as a log, if a path of a source names it and it was given.
fn standard_input(config: &Config, source: usize, position: usize) -> Option<LogFile> {
    let path = &config.sources[source].paths[position];
    let input = config.standard_input.as_ref().filter(|_| path == STANDARD_INPUT)?;
    Some(LogFile {
        path: PathBuf::from(path),
        place: LogPlace::Input(input.clone()),
        shown: path.clone(),
        source,
        found_by: FoundBy { pattern: position, is_dated: false, shift: 0 },
        role: FileRole::Own,
        bytes: input.file().metadata().map_or(0, |m| m.len()),
        constants: Vec::new(),
    })
}

/// Returns the pattern with the day put in.
///
/// `{date}` is ISO 8601, `{date:%Y/%m/%d}` any chrono format.
fn dated(pattern: &str, day: Day) -> String {
    let mut out = pattern.to_owned();
    for (at, placeholder) in Placeholder::all(pattern).into_iter().rev() {
        if let Placeholder::Date(format) = placeholder {
            out.replace_range(at, &day.date().format(format).to_string());
        }
    }
    out
}

fn list(pattern: &str, base: &Path, is_named_by_hand: bool) -> Result<Vec<Listed>, Trouble> {
    let literal = base.join(pattern);
    let invalid = |why: &dyn std::fmt::Display| {
        Trouble::Usage(format!("{pattern}: not a valid pattern: {why}; correct `paths`"))
    };
    let plain = |path| Listed { path, captures: PathCaptures::default() };
    // A name may contain `[` or `{` itself, so a file with exactly this name is taken first.
    if literal.is_dir() {
        let entries = fs::read_dir(&literal).map_err(|e| Trouble::io(&literal, "listing the folder", e))?;
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| Trouble::io(&literal, "listing the folder", e))?.path();
            let is_beside = path.file_name().is_some_and(|name| is_beside_logs(&name.to_string_lossy()));
            if !is_beside && is_no_folder(&path) {
                files.push(plain(path));
            }
        }
        return Ok(files);
    }
    if fs::symlink_metadata(&literal).is_ok() {
        let found = fs::metadata(&literal).ok();
        return match found.and_then(|found| special_type(found.file_type())) {
            Some(what) if is_named_by_hand => Err(Trouble::SpecialFile { path: literal, what }),
            _ => Ok(vec![plain(literal)]),
        };
    }
    let matcher = PathPattern::of(pattern).map_err(|why| invalid(&why))?;
    // The config's folder is a plain name, whatever characters it has.
    let folder = PathBuf::from(glob::Pattern::escape(&base.display().to_string()));
    let wildcard = folder.join(PathPattern::wildcard(pattern)).display().to_string();
    // An absolute pattern says nothing of the config's folder, even if it leads there.
    let base = if Path::new(pattern).is_absolute() { Path::new("") } else { base };
    let below_base = |path: &Path| below(&path.display().to_string(), &base.display().to_string());
    let mut files = Vec::new();
    for path in glob::glob(&wildcard).map_err(|e| invalid(&e))? {
        match path {
            Ok(path) => {
                let captures = matcher.captures(&below_base(&path)).filter(|_| is_no_folder(&path));
                files.extend(captures.map(|captures| Listed { path, captures }));
            }
            Err(e) if !matcher.may_lie_in(&below_base(e.path())) => {}
            Err(e) => {
                return Err(Trouble::io(e.path().to_path_buf(), "listing the folder", e.into()));
            }
        }
    }
    if files.is_empty() && is_named_by_hand {
        return Err(Trouble::Missing { path: literal });
    }
    Ok(files)
}

/// Returns a path from a folder on; `/./` in either of them says nothing.
fn below(path: &str, folder: &str) -> String {
    let names = |text| str::split(text, '/').filter(|name| !matches!(*name, "" | "."));
    let skipped = names(folder).count();
    let is_below = names(folder).eq(names(path).take(skipped));
    let rest: Vec<&str> = names(path).skip(if is_below { skipped } else { 0 }).collect();
    rest.join("/")
}

/// Returns whether a path is a file of any kind; a link that leads nowhere is one.
///
/// A file that has been removed since its folder was listed is none.
fn is_no_folder(path: &Path) -> bool {
    fs::metadata(path).or_else(|_| fs::symlink_metadata(path)).is_ok_and(|found| !found.is_dir())
}

/// Returns what a special file is; `None` for files and folders.
fn special_type(found: FileType) -> Option<&'static str> {
    match found {
        found if found.is_fifo() => Some("a named pipe"),
        found if found.is_socket() => Some("a socket"),
        found if found.is_char_device() || found.is_block_device() => Some("a device"),
        _ => None,
    }
}

fn constants(captures: PathCaptures) -> Vec<(Field, String)> {
    [(Field::Service, captures.service), (Field::Region, captures.region)]
        .into_iter()
        .filter_map(|(field, found)| Some((field, found?)))
        .collect()
}

/// Returns the source as it applies to one of its files.
///
/// Constants of the path replace the preset; the config's own columns replace both.
pub fn source_of(file: &LogFile, source: &Source) -> Source {
    let mut source = source.clone();
    for (field, value) in &file.constants {
        let is_of_format = source.format.iter().flat_map(|format| &format.columns).any(|(f, _)| f == field);
        if !is_of_format && !source.columns.iter().any(|c| c.field == *field) {
            source.columns.push(crate::config::Column {
                field: *field,
                from: ColumnSource::Value(value.clone()),
                cast: crate::config::Cast::Auto,
                words: Vec::new(),
            });
        }
    }
    source
}

#[cfg(test)]
mod tests;
