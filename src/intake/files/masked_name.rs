//! Masked names: the part of a log's path that stays the same from day to day.

use std::sync::LazyLock;

use regex::Regex;

/// Text between separators: the parts that are masked one by one.
static PART: LazyLock<Regex> = LazyLock::new(|| regex(r"[0-9A-Za-z]+"));

/// Endings that say how a log is compressed.
const PACKED: [&str; 4] = [".gz", ".zst", ".xz", ".bz2"];

/// What changes from day to day, with what stands before it; the first group stays.
static CHANGING: LazyLock<[Regex; 5]> = LazyLock::new(|| {
    [
        regex(r"()[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"),
        regex(r"()\b(?:year=)?(?:19|20)\d\d/(?:month=)?\d\d?(?:/(?:day=)?\d\d?)?\b"),
        regex(
            r"()(?:19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d(?:[-T_. ]?[0-2]\d(?:[-:_.]?[0-5]\d(?:[-:_.]?[0-5]\d(?:\.\d+)?)?)?Z?)?",
        ),
        regex(r"(\b(?:hour=|part-|[hT]))\d\d+\b"),
        regex(r"(\bhour=)\d\b"),
    ]
});

fn regex(pattern: &str) -> Regex {
    match Regex::new(pattern) {
        Ok(regex) => regex,
        Err(e) => unreachable!("a constant pattern is valid: {e}"),
    }
}

/// Returns the path of a log without what changes from day to day: `logs/*/node2-*.csv`.
///
/// Masked are dates, instants, hours (two digits behind `h`, `hour=` or `T`), UUIDs, hexadecimal
/// numbers of at least eight characters with a digit, parts of at least five characters in which a
/// letter follows a digit, numbers behind `part-`, and the number of a rotation (`.log.1`). An
/// ending that says how the log is compressed is left out. Other letters and numbers, such as `b`
/// and `node2`, tell logs apart and stay.
pub fn masked(path: &str) -> String {
    let path = PACKED.iter().find_map(|ending| path.strip_suffix(ending)).unwrap_or(path);
    let mut name = path.to_owned();
    for changing in CHANGING.iter() {
        name = changing.replace_all(&name, "${1}*").into_owned();
    }
    let name = PART.replace_all(&name, |part: &regex::Captures<'_>| {
        let part = &part[0];
        if is_changing(part) { "*".to_owned() } else { part.to_owned() }
    });
    without_rotation(&name).to_owned()
}

/// Returns whether a part of a name looks like an id that is made anew.
fn is_changing(part: &str) -> bool {
    let bytes = part.as_bytes();
    let has_digit = bytes.iter().any(u8::is_ascii_digit);
    let is_hex = bytes.len() >= 8 && has_digit && bytes.iter().all(u8::is_ascii_hexdigit);
    let is_mixed =
        bytes.len() >= 5 && bytes.windows(2).any(|w| w[0].is_ascii_digit() && w[1].is_ascii_alphabetic());
    is_hex || is_mixed
}

/// Removes the number of a rotation: `access.log.2` is a later name of `access.log`.
fn without_rotation(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, number))
            if !stem.is_empty()
                && !stem.ends_with('/')
                && (1..=3).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            stem
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_from_day_to_day_is_masked() {
        for (path, name) in [
            ("logs/requests-2026-11-18-eu.csv.gz", "logs/requests-*-eu.csv"),
            ("logs/2026/11/18/node2.csv", "logs/*/node2.csv"),
            ("year=2026/month=11/day=18/a.parquet", "*/a.parquet"),
            (
                "date=2026-11-18/hour=07/part-00000-c000.snappy.parquet",
                "date=*/hour=*/part-*-c000.snappy.parquet",
            ),
            ("edge/20261118T0710Z.ndjson", "edge/*.ndjson"),
            ("api-2026-11-18T07:10:00.log", "api-*.log"),
            ("api-h07.log", "api-h*.log"),
            ("web-7d4b9c6f5d-x2k4q.log", "web-*-*.log"),
            ("pod/0b9f5a52-0c5e-4f0e-9f6c-0d9c6a3f1b2e.log", "pod/*.log"),
            ("access.log.1", "access.log"),
            ("access.log.12.gz", "access.log"),
            ("access.log.3.xz", "access.log"),
            ("access.log.4.bz2", "access.log"),
            ("access.log", "access.log"),
            ("1763424000123.log", "*.log"),
        ] {
            assert_eq!(masked(path), name, "{path}");
        }
    }

    #[test]
    fn what_tells_logs_apart_stays() {
        for path in
            ["logs/node2.csv", "logs/b.csv", "eu-west-1/api.log", "a/web3/x.ndjson", ".1", "v2/b2b.csv"]
        {
            assert_eq!(masked(path), path);
        }
    }
}
