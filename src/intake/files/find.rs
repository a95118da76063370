//! Find: the log files in which the rows of a day are searched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::config::{ColumnSource, Field, Placeholder, Source};
use crate::day::Day;
use crate::error::Trouble;
use crate::facts::FileRole;

/// A log file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    pub path: PathBuf,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundBy {
    /// Position of the path among those of the source.
    pub pattern: usize,
    /// True if the path has a date.
    pub is_dated: bool,
    /// Days from the day that is read to the date in the path; 0 for a path without a date.
    pub shift: i64,
}

/// Returns the files of a day, by source and path.
///
/// Files of neighbour days are included, as far as the source says.
///
/// # Errors
/// A path that was named on the command line does not exist, or a folder cannot be listed.
pub fn find(sources: &[Source], base: &Path, day: Day) -> Result<Vec<LogFile>, Trouble> {
    let mut found: BTreeMap<(usize, PathBuf), LogFile> = BTreeMap::new();
    for (number, source) in sources.iter().enumerate() {
        for (position, pattern) in source.paths.iter().enumerate() {
            let is_dated = Placeholder::all(pattern).iter().any(|(_, p)| matches!(p, Placeholder::Date(_)));
            let reach = if is_dated { i64::from(source.neighbours) } else { 0 };
            for shift in -reach..=reach {
                let pattern = dated(pattern, day.plus(shift));
                let role = if shift == 0 { FileRole::Own } else { FileRole::Neighbour };
                let paths = list(&pattern, base, source.is_named_by_hand)?;
                let captures = captures(&pattern, base);
                for path in paths {
                    let constants = captures.as_ref().map_or_else(Vec::new, |r| constants(r, &path));
                    let bytes = std::fs::metadata(&path).map_or(0, |m| m.len());
                    let shown = path.strip_prefix(base).unwrap_or(&path).display().to_string();
                    let found_by = FoundBy { pattern: position, is_dated, shift };
                    let path_of = path.clone();
                    let file =
                        LogFile { path: path_of, shown, source: number, found_by, role, bytes, constants };
                    // One file under two names (a link, or both `./x` and `x`) is one file.
                    let identity = std::fs::canonicalize(&path).unwrap_or(path);
                    let known = found.entry((number, identity)).or_insert_with(|| file.clone());
                    // One file may match the patterns of several days; if it matches the day's own,
                    // it is its own.
                    if role < known.role {
                        (known.role, known.found_by) = (role, found_by);
                    }
                }
            }
        }
    }
    let mut files: Vec<LogFile> = found.into_values().collect();
    files.sort_by(|a, b| (a.source, &a.path).cmp(&(b.source, &b.path)));
    Ok(files)
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

fn list(pattern: &str, base: &Path, is_named_by_hand: bool) -> Result<Vec<PathBuf>, Trouble> {
    let literal = base.join(pattern);
    // A name may contain `[` or `{` itself, so a file with exactly this name is taken first.
    if literal.is_dir() {
        let entries =
            std::fs::read_dir(&literal).map_err(|e| Trouble::io(&literal, "listing the folder", e))?;
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| Trouble::io(&literal, "listing the folder", e))?.path();
            if path.is_file() && !path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')) {
                files.push(path);
            }
        }
        return Ok(files);
    }
    if literal.exists() {
        return Ok(vec![literal]);
    }
    let wildcard = pattern.replace("{service}", "*").replace("{region}", "*");
    // The config's folder is a plain name, whatever characters it has.
    let folder = PathBuf::from(glob::Pattern::escape(&base.display().to_string()));
    let wildcard = folder.join(wildcard).display().to_string();
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
        return Err(Trouble::Missing { path: literal });
    }
    Ok(files)
}

/// Returns a matcher for patterns that read service or region from the path.
///
/// Wildcards mean the same as in `glob`.
fn captures(pattern: &str, base: &Path) -> Option<Regex> {
    if !pattern.contains("{service}") && !pattern.contains("{region}") {
        return None;
    }
    let mut regex = String::from("^");
    if Path::new(pattern).is_relative() && !base.as_os_str().is_empty() {
        regex.push_str(&regex::escape(&base.join("").display().to_string()));
    }
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let (taken, meaning) = match c {
            _ if rest.starts_with("{service}") => (9, "(?<service>[^/]+?)".to_owned()),
            _ if rest.starts_with("{region}") => (8, "(?<region>[^/]+?)".to_owned()),
            _ if rest.starts_with("**/") => (3, "(?:.*/)?".to_owned()),
            '*' => (1, "[^/]*".to_owned()),
            '?' => (1, "[^/]".to_owned()),
            '[' => match rest[1..].find(']') {
                Some(end) => (end + 2, format!("[{}]", rest[1..=end].replacen('!', "^", 1))),
                None => (1, r"\[".to_owned()),
            },
            _ => (c.len_utf8(), regex::escape(&rest[..c.len_utf8()])),
        };
        regex.push_str(&meaning);
        rest = &rest[taken..];
    }
    Regex::new(&(regex + "$")).ok()
}

fn constants(captures: &Regex, path: &Path) -> Vec<(Field, String)> {
    let text = path.display().to_string();
    let Some(found) = captures.captures(&text) else { return Vec::new() };
    [("service", Field::Service), ("region", Field::Region)]
        .into_iter()
        .filter_map(|(name, field)| Some((field, found.name(name)?.as_str().to_owned())))
        .collect()
}

/// Returns the source as it applies to one of its files.
///
/// Constants of the path replace the preset; the config's own columns replace both.
pub fn source_of(file: &LogFile, source: &Source) -> Source {
    let mut source = source.clone();
    for (field, value) in &file.constants {
        if !source.columns.iter().any(|c| c.field == *field) {
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
mod tests {
    use super::*;

    #[test]
    fn a_file_under_two_names_is_one_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.log"), "x").unwrap();
        std::os::unix::fs::symlink("a.log", folder.path().join("current.log")).unwrap();
        let mut source = crate::intake::formats::parquet::tests::source(&folder.path().join("*.log"));
        source.paths.push(folder.path().join("./a.log").display().to_string());
        let found = find(&[source], Path::new(""), "2026-11-20".parse().unwrap()).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn dates_are_put_into_patterns() {
        let day: Day = "2026-11-20".parse().unwrap();
        assert_eq!(dated("logs/{date}/*.gz", day), "logs/2026-11-20/*.gz");
        assert_eq!(dated("{date:%Y/%m}/r-{date:%d}.csv", day), "2026/11/r-20.csv");
        assert_eq!(dated("plain.log", day), "plain.log");
    }

    #[test]
    fn service_and_region_are_read_from_the_path() {
        let regex = captures("/logs/{region}/{service}_report.log*", Path::new("")).unwrap();
        let found = constants(&regex, Path::new("/logs/eu/api_report.log.gz"));
        assert_eq!(found, [(Field::Service, "api".into()), (Field::Region, "eu".into())]);
        assert!(captures("/logs/*.gz", Path::new("")).is_none());
        let base = Path::new("/data[1]");
        for (pattern, path) in [
            ("**/{region}.csv", "/data[1]/eu.csv"),
            ("**/{region}.csv", "/data[1]/a/b/eu.csv"),
            ("{region}/node[0-9]-x.csv", "/data[1]/eu/node7-x.csv"),
        ] {
            let regex = captures(pattern, base).unwrap();
            assert_eq!(constants(&regex, Path::new(path)), [(Field::Region, "eu".into())], "{pattern}");
        }
    }
}
