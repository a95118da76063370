//! Files: which log files a day's rows are looked for in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::config::{Field, From, Placeholder, Source};
use crate::day::Day;
use crate::error::Trouble;

/// Whether a file is the day's own or that of a day beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Own,
    Neighbour,
}

impl Role {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Neighbour => "neighbour",
        }
    }
}

/// A log file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    pub path: PathBuf,
    /// The path as the reports show it: relative to the config's folder where it lies below.
    pub shown: String,
    /// Position of the source in the config.
    pub source: usize,
    pub role: Role,
    pub bytes: u64,
    /// What the path itself says, by `{service}` and `{region}`.
    pub constants: Vec<(Field, String)>,
}

/// The files of a day, by source and path.
///
/// # Errors
/// A path that was named on the command line does not exist, or a folder cannot be listed.
pub fn find(sources: &[Source], base: &Path, day: Day) -> Result<Vec<LogFile>, Trouble> {
    let mut found: BTreeMap<(usize, PathBuf), LogFile> = BTreeMap::new();
    for (number, source) in sources.iter().enumerate() {
        for pattern in &source.paths {
            let is_dated = Placeholder::all(pattern).iter().any(|(_, p)| matches!(p, Placeholder::Date(_)));
            let reach = if is_dated { i64::from(source.neighbours) } else { 0 };
            for shift in -reach..=reach {
                let pattern = absolute(&dated(pattern, day.plus(shift)), base);
                let role = if shift == 0 { Role::Own } else { Role::Neighbour };
                let paths = list(&pattern, source.is_named_by_hand)?;
                let captures = captures(&pattern);
                for path in paths {
                    let constants = captures.as_ref().map_or_else(Vec::new, |r| constants(r, &path));
                    let bytes = std::fs::metadata(&path).map_or(0, |m| m.len());
                    let shown = path.strip_prefix(base).unwrap_or(&path).display().to_string();
                    let file = LogFile { path: path.clone(), shown, source: number, role, bytes, constants };
                    let known = found.entry((number, path)).or_insert_with(|| file.clone());
                    // A pattern may hold one file for several days; it is the day's own if it is for any pattern.
                    known.role = known.role.min(role);
                }
            }
        }
    }
    Ok(found.into_values().collect())
}

/// The pattern with the day put in: `{date}` is ISO 8601, `{date:%Y/%m/%d}` any chrono format.
fn dated(pattern: &str, day: Day) -> String {
    let mut out = pattern.to_owned();
    for (at, placeholder) in Placeholder::all(pattern).into_iter().rev() {
        if let Placeholder::Date(format) = placeholder {
            out.replace_range(at, &day.date().format(format).to_string());
        }
    }
    out
}

fn absolute(pattern: &str, base: &Path) -> String {
    base.join(pattern).display().to_string()
}

fn list(pattern: &str, is_named_by_hand: bool) -> Result<Vec<PathBuf>, Trouble> {
    let literal = Path::new(pattern);
    // A name may hold `[` or `{` itself, so what exists under its very name is that file.
    if literal.is_dir() {
        let entries =
            std::fs::read_dir(literal).map_err(|e| Trouble::io(literal, "listing the folder", e))?;
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| Trouble::io(literal, "listing the folder", e))?.path();
            if path.is_file() && !path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')) {
                files.push(path);
            }
        }
        return Ok(files);
    }
    if literal.exists() {
        return Ok(vec![literal.to_path_buf()]);
    }
    let wildcard = pattern.replace("{service}", "*").replace("{region}", "*");
    let paths =
        glob::glob(&wildcard).map_err(|e| Trouble::Usage(format!("{pattern}: not a valid pattern: {e}")))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|e| Trouble::io(e.path().to_path_buf(), "listing the folder", e.into()))?;
        if path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() && is_named_by_hand {
        return Err(Trouble::Missing { path: literal.to_path_buf() });
    }
    Ok(files)
}

/// A matcher for patterns that read service or region from the path.
fn captures(pattern: &str) -> Option<Regex> {
    if !pattern.contains("{service}") && !pattern.contains("{region}") {
        return None;
    }
    let escaped = regex::escape(pattern)
        .replace(r"\*\*", ".*")
        .replace(r"\*", "[^/]*")
        .replace(r"\?", "[^/]")
        .replacen(r"\{service\}", "(?<service>[^/]+?)", 1)
        .replacen(r"\{region\}", "(?<region>[^/]+?)", 1);
    Regex::new(&format!("^{escaped}$")).ok()
}

fn constants(captures: &Regex, path: &Path) -> Vec<(Field, String)> {
    let text = path.display().to_string();
    let Some(found) = captures.captures(&text) else { return Vec::new() };
    [("service", Field::Service), ("region", Field::Region)]
        .into_iter()
        .filter_map(|(name, field)| Some((field, found.name(name)?.as_str().to_owned())))
        .collect()
}

/// The source as a file of it is read: constants of the path beat the preset, the config's own columns beat both.
pub fn source_of(file: &LogFile, source: &Source) -> Source {
    let mut source = source.clone();
    for (field, value) in &file.constants {
        if !source.columns.iter().any(|c| c.field == *field) {
            source.columns.push(crate::config::Column {
                field: *field,
                from: From::Value(value.clone()),
                cast: crate::config::Cast::Auto,
                words: Vec::new(),
            });
        }
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_put_into_patterns() {
        let day: Day = "2026-11-20".parse().unwrap();
        assert_eq!(dated("logs/{date}/*.gz", day), "logs/2026-11-20/*.gz");
        assert_eq!(dated("{date:%Y/%m}/r-{date:%d}.csv", day), "2026/11/r-20.csv");
        assert_eq!(dated("plain.log", day), "plain.log");
    }

    #[test]
    fn service_and_region_are_read_from_the_path() {
        let regex = captures("/logs/{region}/{service}_report.log*").unwrap();
        let found = constants(&regex, Path::new("/logs/eu/api_report.log.gz"));
        assert_eq!(found, [(Field::Service, "api".into()), (Field::Region, "eu".into())]);
        assert!(captures("/logs/*.gz").is_none());
    }
}
