//! Notes: what was noticed while the logs of a day were read and is no part of its edition.

use std::collections::BTreeMap;

use super::names::MOST_NAMES;
use crate::attention::{Attention, AttentionKind};
use crate::day::{Day, rfc3339};
use crate::intake::{GuessedRows, OddWord, ReadNotes, SameCalls, SilentFiles, TwiceTold, WordList};

/// Reports copied and special files, columns and words that nobody knows, and guessed times.
pub fn of_notes(day: Day, notes: ReadNotes) -> Vec<Attention> {
    let mut found = Vec::new();
    if let Some((copy, original)) = notes.copies.first() {
        let more = match notes.copies.len() {
            1 => String::new(),
            n => format!(" ({} more files are such copies)", n - 1),
        };
        let message = format!(
            "{copy}: its text is that of {original}, and its rows have no ids, so it is not counted{more}; keep one of the two"
        );
        let measure = notes.copies.len() as u64;
        found.push(Attention::new(AttentionKind::CopiedFile, day, &[], message).of_measure(measure));
    }
    found.extend(notes.unseen_columns.into_iter().map(|(source, name)| {
        let message =
            format!("source {source}: no row has `{name}`, which [source.columns] names; is it misspelt?");
        Attention::new(AttentionKind::UnseenColumn, day, &[&source, &name], message)
    }));
    found.extend(notes.special_files.into_iter().map(|(path, what)| {
        let message = format!(
            "{path} is {what}, not a log, and was not opened; move it away, or let `paths` name the logs alone"
        );
        Attention::new(AttentionKind::SpecialFile, day, &[&path], message)
    }));
    found.extend(notes.silent_files.into_iter().map(|silent| of_silent(day, silent)));
    found.extend(notes.guessed_rows.into_iter().map(|guessed| {
        let GuessedRows { source, zone, rows, first_pass } = guessed;
        let (from, to) = (rfc3339(first_pass.start), rfc3339(first_pass.end));
        let message = format!(
            "source {source}: {rows} rows have a local time that {zone} has twice, and the rows around them in their file do not \
             tell which of the two is meant; they were put into the first, {from} to {to}. Let the log write UTC, or times with an \
             offset"
        );
        Attention::new(AttentionKind::RepeatedHour, day, &[&source], message).of_measure(rows)
    }));
    found.extend(of_words(day, notes.odd_words));
    found
}

/// Reports files of a name whose rows do not tell what became of their calls.
fn of_silent(day: Day, silent: SilentFiles) -> Attention {
    let SilentFiles { source, name, files, rows, keys, mapping } = silent;
    let (first, others) = (files.first().cloned().unwrap_or_default(), files.len().saturating_sub(1));
    let others = if others == 0 { String::new() } else { format!(" and {others} more of this name") };
    let advice = mapping.map_or_else(
        || "name the column that tells it under [source.columns]".to_owned(),
        |line| format!("most likely, [source.columns] should have {line}"),
    );
    let message = format!(
        "source {source}: {first}{others}: no row has http_status, error_code, is_success, symptom or upstream_status, so what \
         became of its {rows} calls is `unknown`; its columns are {}; {advice}",
        keys.join(", ")
    );
    Attention::new(AttentionKind::NoOutcome, day, &[&source, &name], message).of_measure(rows)
}

/// Reports words of closed lists that nobody knows, in one line for each source and list.
fn of_words(day: Day, odd_words: Vec<OddWord>) -> Vec<Attention> {
    let mut lists: BTreeMap<(WordList, String), Vec<(String, u64)>> = BTreeMap::new();
    for OddWord { source, list, word, rows } in odd_words {
        lists.entry((list, source)).or_default().push((word, rows));
    }
    let told = lists.into_iter().map(|((list, source), words)| {
        let rows = words.iter().map(|(_, rows)| rows).sum();
        let told = words.iter().take(MOST_NAMES).map(|(word, rows)| format!("`{word}` ({rows} rows)"));
        let told: Vec<String> = told.collect();
        let more = words.len().saturating_sub(MOST_NAMES);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let told = told.join(", ") + &more;
        let (kind, message) = match list {
            WordList::Status => (
                AttentionKind::UnknownStatus,
                format!(
                    "source {source}: nobody knows these words of status: {told}; messages without a known status in time are \
                     `unknown`; map the words under [source.columns], for example status = {{ from = \"status\", words = {{ \
                     DELIVERY_ACK = \"delivered\" }} }}"
                ),
            ),
            WordList::Scope => (
                AttentionKind::UndeclaredScope,
                format!(
                    "source {source}: nobody knows these words of scope: {told}; the calls are judged as if they had none; if \
                     they are not part of the service, map the words under [source.columns], for example scope = {{ from = \
                     \"scope\", words = {{ synthetic = \"test\" }} }}"
                ),
            ),
        };
        Attention::new(kind, day, &[&source], message).of_measure(rows)
    });
    told.collect()
}

/// Reports the pairs of request logs that tell of the same calls without their ids meeting.
pub fn of_views(day: Day, twice_told: &[TwiceTold]) -> impl Iterator<Item = Attention> + '_ {
    let message = |TwiceTold { one, other, why }: &TwiceTold| match why {
        SameCalls::Spelling { loosely, of, known } => format!(
            "sources {one} and {other}: {loosely} of {of} request ids of one are in the other only without case and hyphens \
             ({known} meet as they are), so the same calls count twice; write ids = \"loose\" under both [[source]]"
        ),
        SameCalls::Counts { rows } => format!(
            "sources {one} and {other} seem to be two views of the same calls: no request id is in both, but slot by slot they \
             have as many rows ({rows}), so each call counts twice; map `request_id` to an id that both have, or remove one \
             source"
        ),
        SameCalls::Copies { rows } => format!(
            "sources {one} and {other} seem to tell of the same calls: they have no request ids and the same number of rows in \
             every slot, service and region ({rows}), so each call counts twice; remove one source, or map `request_id` in both"
        ),
    };
    twice_told.iter().map(move |pair| {
        Attention::new(AttentionKind::TwiceTold, day, &[&pair.one, &pair.other], message(pair))
    })
}
