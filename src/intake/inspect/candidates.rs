//! Candidates: the presets and formats that could read a text, and the one that reads it best.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::{Field, FormatChoice, Log, LogPreset, Source, TimeBasis, Vantage};
use crate::formats::{Expression, FormatFile, NoCall};
use crate::intake::formats::foreign::opened;
use crate::intake::trial::{TriedRow, source_of_format, try_each, try_text};

/// Lines of a text that the candidates are tried on: from its beginning, and from its end.
const FIRST_LINES: usize = 150;
const LAST_LINES: usize = 50;
/// Bytes of a text without line ends that the candidates are tried on.
const MOST_PROBED: usize = 1 << 20;
/// Fields that tell how much a candidate knows of a row; ids are left out, as they may be composed.
const TELLING: [Field; 10] = [
    Field::Ts,
    Field::Duration,
    Field::Endpoint,
    Field::HttpStatus,
    Field::UpstreamStatus,
    Field::ErrorCode,
    Field::EventTs,
    Field::AttemptNo,
    Field::Outcome,
    Field::Status,
];
/// Fields that take any text as it is, through which the names of a log are asked for.
const PLAIN: [Field; 4] = [Field::BusinessId, Field::MessageId, Field::Correlation, Field::Endpoint];
/// The same of webhook logs.
const PLAIN_OF_WEBHOOKS: [Field; 4] = [Field::BusinessId, Field::MessageId, Field::Correlation, Field::Topic];

/// A preset or a format, with a source that reads by it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The word of `preset`.
    pub name: String,
    pub source: Source,
}

/// How well a candidate reads a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    /// Rows that were understood, in thousandths.
    read: u64,
    calls: u64,
    has_hint: bool,
    /// Names of the log that it makes something of.
    names: usize,
}

/// The candidate that reads a text best.
#[derive(Debug, Clone)]
pub struct BestFit {
    pub candidate: Candidate,
    /// Share of the rows that it understands, in thousandths.
    pub read: u64,
    /// Others that read it as well, so that the text does not tell which it is.
    pub ties: Vec<String>,
}

impl Candidate {
    /// Returns a preset that is no format of a program.
    pub fn of_preset(preset: LogPreset, log: Log) -> Self {
        let is_ended = preset == LogPreset::NginxJson;
        let time_basis = if is_ended { TimeBasis::End } else { TimeBasis::Start };
        let source = Source { preset, time_basis, ..Source::bare("inspect", log) };
        Self { name: preset.name().to_owned(), source }
    }

    /// Returns a format of a program.
    pub fn of_format(choice: &FormatChoice) -> Self {
        Self { name: choice.name.clone(), source: source_of_format(choice) }
    }
}

/// Returns all candidates, the most neutral first: of several that fit alike it is taken.
fn all(probe: &[u8], log: Option<Log>) -> Vec<Candidate> {
    let delimiter = delimiter(probe);
    let canonical = |log| {
        let mut found = Candidate::of_preset(LogPreset::Canonical, log);
        found.source.delimiter = delimiter;
        found
    };
    let mut all = vec![
        canonical(Log::Requests),
        canonical(Log::Webhooks),
        Candidate::of_preset(LogPreset::Combined, Log::Requests),
        Candidate::of_preset(LogPreset::WhatsappWebhook, Log::Webhooks),
    ];
    all.extend(FormatChoice::all().map(|choice| Candidate::of_format(&choice)));
    // The most common servers before those whose lines merely look alike.
    all.sort_by_key(|one| {
        !matches!(one.name.as_str(), "canonical" | "combined" | "whatsapp-webhook" | "nginx")
    });
    all.retain(|one| log.is_none_or(|log| log == one.source.log));
    // Lines of containers are those of a program, whose format knows what its times are.
    let first = probe.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if opened(first).is_some() {
        all.retain(|one| one.source.preset != LogPreset::Combined);
    }
    all
}

/// Returns the character that separates the names in a header line.
fn delimiter(probe: &[u8]) -> u8 {
    let line = probe.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| line.iter().filter(|byte| **byte == wanted).count();
    let others = [b';', b'\t', b'|'].into_iter().max_by_key(|byte| count(*byte));
    others.filter(|byte| count(b',') == 0 && count(*byte) > 1).unwrap_or(b',')
}

/// Returns the lines of a text that candidates are tried on, and whether they are all of it.
pub fn probe(text: &[u8], is_whole: bool) -> (Vec<u8>, bool) {
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let first = text.trim_ascii_start().first();
    let is_json_text = matches!(first, Some(b'{' | b'[')) && lines.first().is_some_and(|l| l.len() < 3);
    if text.len() <= MOST_PROBED && (lines.len() <= FIRST_LINES + LAST_LINES || is_json_text) {
        return (text.to_vec(), is_whole);
    }
    if lines.len() <= FIRST_LINES + LAST_LINES || is_json_text {
        // A first line of many rows is needed whole.
        let end = lines.first().map_or(0, |line| line.len()).max(MOST_PROBED.min(text.len()));
        return (text[..end].to_vec(), false);
    }
    let mut bytes = 0;
    let mut taken = |line: &&&[u8]| {
        bytes += line.len();
        bytes <= MOST_PROBED
    };
    let mut probe: Vec<u8> =
        lines.iter().take(FIRST_LINES).take_while(&mut taken).copied().collect::<Vec<_>>().concat();
    probe.extend(
        lines[lines.len() - LAST_LINES..].iter().take_while(taken).copied().collect::<Vec<_>>().concat(),
    );
    (probe, is_whole)
}

/// Returns the candidate that reads a text best; `None` if none makes a call of any row.
///
/// What counts is the share of rows that are understood, then hints of the formats, then how many
/// names of the log a candidate makes something of.
pub fn best(probe: &[u8], is_whole: bool, log: Option<Log>) -> Option<BestFit> {
    let mut fits: Vec<(Fit, Candidate)> = Vec::new();
    for candidate in all(probe, log) {
        let (mut rows, mut read, mut calls) = (0_u64, 0_u64, 0_u64);
        let mut seen = BTreeSet::new();
        try_each(&candidate.source, probe, is_whole, &mut |_, row| {
            rows += 1;
            match row {
                TriedRow::Call(call) => {
                    (read, calls) = (read + 1, calls + 1);
                    seen.extend(call.logged.into_iter().filter(|field| TELLING.contains(field)));
                }
                TriedRow::NotACall(_) => read += 1,
                TriedRow::Unreadable(_) => {}
            }
        });
        if calls > 0 && rows > 0 {
            let fit = Fit { read: read * 1_000 / rows, calls, has_hint: false, names: seen.len() };
            fits.push((fit, candidate));
        }
    }
    let most = fits.iter().map(|(fit, _)| fit.read).max()?;
    fits.retain(|(fit, _)| fit.read == most);
    if fits.len() > 1 {
        for (fit, candidate) in &mut fits {
            fit.calls = 0;
            if let Some(choice) = &candidate.source.format {
                fit.has_hint = has_hint(choice, probe);
                fit.names = names_logged(choice, probe, is_whole).len();
            }
        }
    }
    let best = fits.iter().map(|(fit, _)| *fit).max()?;
    fits.retain(|(fit, _)| *fit == best);
    let mut fits = fits.into_iter().map(|(_, candidate)| candidate);
    let candidate = fits.next()?;
    let ties = fits.map(|other| other.name).filter(|name| *name != candidate.name).collect();
    Some(BestFit { candidate, read: most, ties })
}

/// Returns whether a row shows what the format gives as evidence for itself.
fn has_hint(choice: &FormatChoice, probe: &[u8]) -> bool {
    let hints = choice.file.layouts.iter().filter_map(|layout| Some((layout, layout.hint.as_ref()?)));
    hints.into_iter().any(|(layout, hint)| {
        let only = Some(NoCall { when: hint.clone(), why: String::new() });
        let file = FormatFile { layouts: vec![layout.clone()], only, ..(*choice.file).clone() };
        let source = source_of_format(&FormatChoice { file: Arc::new(file), ..choice.clone() });
        try_text(&source, probe).iter().any(|row| matches!(row, TriedRow::Call(_)))
    })
}

/// Returns the names that a log has, of those that a format makes something of.
///
/// Composed ids are left out: they are made of names that say nothing by themselves.
pub fn names_logged(choice: &FormatChoice, probe: &[u8], is_whole: bool) -> BTreeSet<String> {
    let file = &choice.file;
    let fields = choice.fields();
    let mut wanted = file.mark_names();
    for (_, read) in fields.iter().filter(|(field, _)| *field != Field::RequestId) {
        wanted.extend(crate::formats::names_of(read).flat_map(|name| file.made_of(name)));
    }
    let is_request = file.log == Log::Requests;
    let plain = if is_request { PLAIN } else { PLAIN_OF_WEBHOOKS };
    // An attempt is none without its outcome.
    let is_needed = |field: Field| field == Field::Ts || (!is_request && !plain.contains(&field));
    let needed: Vec<_> = fields.into_iter().filter(|(field, _)| is_needed(*field)).collect();
    let wanted: Vec<String> = wanted.into_iter().collect();
    let mut found = BTreeSet::new();
    for names in wanted.chunks(plain.len()) {
        let asked = plain.iter().zip(names).map(|(field, name)| (*field, vec![Expression::name(name)]));
        let asking = FormatFile {
            fields: needed.iter().cloned().chain(asked).collect(),
            marks: if is_request { Vec::new() } else { file.marks.clone() },
            omits_empty: false,
            ..(**file).clone()
        };
        let mut source =
            source_of_format(&FormatChoice { file: Arc::new(asking), columns: Vec::new(), ..choice.clone() });
        source.vantage = Vantage::FirstLayer;
        try_each(&source, probe, is_whole, &mut |_, row| {
            let TriedRow::Call(call) = row else { return };
            for (field, name) in plain.iter().zip(names) {
                if call.logged.contains(field) {
                    found.insert(name.clone());
                }
            }
        });
    }
    found
}

/// Returns the name of the layout that most rows have; `None` if it has no name.
pub fn layout(choice: &FormatChoice, probe: &[u8]) -> Option<String> {
    if choice.log_format.is_some() {
        return Some("log_format".to_owned());
    }
    let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, layout) in choice.file.layouts.iter().enumerate().filter(|(_, one)| !one.name.is_empty()) {
        let file = FormatFile { layouts: vec![layout.clone()], ..(*choice.file).clone() };
        let source = source_of_format(&FormatChoice { file: Arc::new(file), ..choice.clone() });
        let calls = try_text(&source, probe).iter().filter(|row| matches!(row, TriedRow::Call(_))).count();
        rows.insert(at, calls);
    }
    // The first layout that fits a line reads it.
    let most = rows.values().copied().max().filter(|calls| *calls > 0)?;
    let at = rows.into_iter().find(|(_, calls)| *calls == most)?.0;
    Some(choice.file.layouts[at].name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (String, Vec<String>) {
        let found = best(text.as_bytes(), true, None);
        found.map_or_else(Default::default, |best| (best.candidate.name, best.ties))
    }

    #[test]
    fn the_samples_of_each_format_are_of_that_format() {
        let mut wrong = Vec::new();
        for choice in FormatChoice::all() {
            for sample in &choice.file.samples {
                let text = sample.lines.join("\n");
                let is_call = try_text(&source_of_format(&choice), text.as_bytes())
                    .iter()
                    .any(|row| matches!(row, TriedRow::Call(_)));
                let (name, ties) = found(&text);
                if is_call && name != choice.name && !ties.contains(&choice.name) {
                    wrong.push(format!("{}: {name} {ties:?}\n  {text}", choice.name));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn our_own_presets_are_found_and_what_cannot_be_told_is_told() {
        let csv = "ts,request_id,http_status\n2026-11-20T10:00:00Z,a,200\n";
        assert_eq!(found(csv), ("canonical".to_owned(), Vec::new()));
        assert_eq!(found(&csv.replace(',', ";")).0, "canonical");
        let payload = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","statuses":[{"id":"m-1","status":"sent","timestamp":"1794996004"}]}}]}]}"#;
        assert_eq!(found(payload).0, "whatsapp-webhook");
        let line = r#"1.2.3.4 - - [18/Nov/2026:10:00:00 +0000] "GET /1/messages HTTP/1.1" 200 12 "-" "x""#;
        let (name, ties) = found(line);
        assert_eq!(name, "combined");
        assert!(ties.contains(&"nginx".to_owned()) && ties.contains(&"apache".to_owned()), "{ties:?}");
        assert_eq!(found(&line.replace("\"x\"", r#""x\x22""#)).0, "nginx");
        assert_eq!(found("hello\nworld\n").0, "");
    }
}
