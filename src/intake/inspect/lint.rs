//! Lint: whether the samples of a format give what they say, and each mark is true by itself.

use std::sync::Arc;

use crate::config::{FormatChoice, Log, Vantage};
use crate::document::{Document, Mistake};
use crate::facts::Reached;
use crate::formats::{FormatSample, SampleRow};
use crate::intake::trial::{TriedRow, source_of_format, try_text, wrong_samples};

/// Returns what is wrong with the samples of a format, each at its place in `document`.
pub fn lint(choice: &FormatChoice, document: &Document) -> Vec<Mistake> {
    let place = |sample: &FormatSample| sample.span.0..sample.span.1;
    let wrong = wrong_samples(choice).into_iter().map(|(sample, why)| {
        let help = "correct `gives`, or the fields and marks that lead to it";
        document.mistake(place(sample), format!("the sample does not give this: {why}"), why, help)
    });
    let alone = marks_not_alone(choice).into_iter().map(|(sample, why)| {
        let help = "each mark must be true by itself, as a log may lack any name: ask for more names in the mark that \
                    then fits, or say reached = \"unknown\" there";
        document.mistake(place(sample), format!("a mark is only true behind others: {why}"), why, help)
    });
    wrong.chain(alone).collect()
}

/// Returns the samples that turn to the opposite if a log lacks one or two names of the marks.
///
/// With fewer names less is known: a call that arrived may become unknown, but never one that did
/// not arrive. Each sample is told once, with the names and what then follows.
pub fn marks_not_alone(choice: &FormatChoice) -> Vec<(&FormatSample, String)> {
    let names: Vec<String> = choice.file.mark_names().into_iter().collect();
    let alone = names.iter().map(|name| vec![name.as_str()]);
    let pairs = names
        .iter()
        .enumerate()
        .flat_map(|(at, one)| names[at + 1..].iter().map(move |other| vec![one.as_str(), other.as_str()]));
    turned(choice, alone.chain(pairs))
}

/// Returns the samples that turn to the opposite if a log lacks some of these sets of names.
fn turned<'c, 'n>(
    choice: &'c FormatChoice,
    sets: impl Iterator<Item = Vec<&'n str>>,
) -> Vec<(&'c FormatSample, String)> {
    let samples = decided(choice);
    let mut wrong: Vec<(&FormatSample, String)> = Vec::new();
    for gone in sets {
        let less = FormatChoice { file: Arc::new(choice.file.without(&gone)), ..choice.clone() };
        for (sample, text, before) in &samples {
            if wrong.iter().any(|(known, _)| std::ptr::eq(*known, *sample)) {
                continue;
            }
            let after = reached(&less, text).unwrap_or(Reached::Unknown);
            if after != Reached::Unknown && after != *before {
                let names = gone.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
                let why = format!("where a log lacks {names}, it gives reached = {}", word(after));
                wrong.push((sample, why));
            }
        }
    }
    wrong
}

/// Returns the samples of which the marks prove whether they arrived, with their texts.
fn decided(choice: &FormatChoice) -> Vec<(&FormatSample, Vec<u8>, Reached)> {
    let file = &choice.file;
    if file.log != Log::Requests || file.vantage == Vantage::FirstLayer {
        return Vec::new();
    }
    file.samples
        .iter()
        .filter(|sample| matches!(sample.gives, SampleRow::Call(_)))
        .filter_map(|sample| {
            let text = sample.lines.join("\n").into_bytes();
            let reached = reached(choice, &text)?;
            (reached != Reached::Unknown).then_some((sample, text, reached))
        })
        .collect()
}

fn reached(choice: &FormatChoice, text: &[u8]) -> Option<Reached> {
    try_text(&source_of_format(choice), text).into_iter().find_map(|row| match row {
        TriedRow::Call(call) => Some(call.reached),
        _ => None,
    })
}

const fn word(reached: Reached) -> &'static str {
    match reached {
        Reached::Yes => "yes",
        Reached::No => "no",
        Reached::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    #[test]
    fn marks_of_all_formats_are_true_by_themselves() {
        let mut wrong = Vec::new();
        for choice in FormatChoice::all() {
            for (sample, why) in marks_not_alone(&choice) {
                wrong.push(format!("{}: {why}\n  {}", choice.name, sample.lines.join("\n  ")));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_mark_that_only_holds_because_another_comes_first_is_found() {
        let text = r#"
name = "a"
about = "b"
vantage = "edge_ingress"
mark = [{ when = { upstream = true }, reached = "yes" }, { when = { status = "500.." }, reached = "no" }]
[[layout]]
json = true
[fields]
ts = "t"
[[sample]]
line = '{"t":"2026-11-28T03:10:21Z","status":502,"upstream":"502"}'
gives = { reached = "yes" }
"#;
        let choice = FormatChoice::of_document("a.toml", &Document::new("a.toml", text)).unwrap();
        let wrong = marks_not_alone(&choice);
        assert_eq!(wrong.len(), 1);
        assert_eq!(wrong[0].1, "where a log lacks `upstream`, it gives reached = no");
    }

    /// Numbers that look random and are the same in every run.
    struct Dice(u64);

    impl Dice {
        fn is_one_in(&mut self, of: u64) -> bool {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33).is_multiple_of(of)
        }
    }

    #[test]
    fn with_any_names_gone_no_call_turns_to_the_opposite() {
        let mut dice = Dice(1);
        for choice in FormatChoice::all() {
            let names: Vec<String> = choice.file.mark_names().into_iter().collect();
            let mut some = |of: u64| -> Vec<&str> {
                names.iter().filter(|_| dice.is_one_in(of)).map(String::as_str).collect()
            };
            let sets: Vec<Vec<&str>> = (0..60).map(|n| some(2 + n % 3)).collect();
            let wrong: Vec<String> =
                turned(&choice, sets.into_iter()).into_iter().map(|(_, why)| why).collect();
            assert!(wrong.is_empty(), "{}: {}", choice.name, wrong.join("\n"));
        }
    }

    /// Takes keys out of an object, wherever they stand.
    fn thin(value: &mut serde_json::Value, dice: &mut Dice) {
        match value {
            serde_json::Value::Object(object) => {
                object.retain(|_, _| !dice.is_one_in(3));
                object.values_mut().for_each(|value| thin(value, dice));
            }
            serde_json::Value::Array(list) => {
                list.retain(|_| !dice.is_one_in(3));
                for value in list {
                    thin(value, dice);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn objects_without_some_of_their_keys_never_say_the_opposite() {
        let (mut dice, mut read, mut wrong) = (Dice(2), 0, Vec::new());
        for choice in FormatChoice::all() {
            for (sample, text, before) in decided(&choice) {
                let Ok(value) = serde_json::from_slice::<serde_json::Value>(&text) else { continue };
                for _ in 0..60 {
                    let mut less = value.clone();
                    thin(&mut less, &mut dice);
                    let Some(after) = reached(&choice, less.to_string().as_bytes()) else { continue };
                    read += 1;
                    if after != before && after != Reached::Unknown {
                        let line = &sample.lines[0];
                        wrong.push(format!("{}: {line}\nwithout some keys: {less}", choice.name));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(read > 500, "{read}");
    }
}
