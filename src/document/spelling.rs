//! Spelling: the closest valid word to a misspelt one, for the help of a mistake.

/// Returns the end of every message about a wrong word: a guess, if any, and all valid words.
pub fn advice<'a>(word: &str, valid: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let list: Vec<String> = valid.clone().into_iter().map(|v| format!("`{v}`")).collect();
    let list = list.join(", ");
    match closest(word, valid) {
        Some(guess) => format!("did you mean `{guess}`? Valid: {list}"),
        None => format!("valid: {list}"),
    }
}

/// Returns the valid word with the fewest edits, if at most a third of the letters differ.
pub fn closest<'a>(word: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    valid
        .into_iter()
        .map(|candidate| (edits(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Counts insertions, deletions, replacements and swaps of neighbours between two words.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut two_back: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(two_back[j - 2] + 1);
            }
        }
        two_back = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let valid = ["regions", "reports", "policy"];
        assert_eq!(closest("region", valid), Some("regions"));
        assert_eq!(closest("reprots", valid), Some("reports"));
        assert_eq!(closest("Policy", valid), Some("policy"));
        assert_eq!(closest("colour", valid), None);
        assert_eq!(closest("", valid), None);
    }

    #[test]
    fn edits_count_a_swap_once() {
        assert_eq!(edits("ab", "ba"), 1);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("zone", "zones"), 1);
    }
}
