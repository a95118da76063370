//! Text logs of every preset and every built-in format. The first byte chooses how the rest is read. Rows must balance, and sketches must change nothing.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use uptime_ledger::config::{Cast, Column, ColumnSource, Field, FormatChoice, Log, LogPreset, Source};
use uptime_ledger::day::Day;
use uptime_ledger::intake::kernels::{Form, Reader};

fn source(log: Log, preset: LogPreset, has_header: bool, is_sketched: bool) -> Source {
    // A word that is in no log keeps rows from being sketched.
    let words = (!is_sketched).then(|| ("a word of no log".to_owned(), "x".to_owned()));
    let fields: &[Field] = match (has_header, log) {
        (true, _) => &[Field::MessageId],
        (false, Log::Requests) => {
            &[Field::Ts, Field::RequestId, Field::HttpStatus, Field::Region, Field::MessageId]
        }
        (false, Log::Webhooks) => {
            &[Field::Ts, Field::WebhookId, Field::HttpStatus, Field::Status, Field::MessageId]
        }
    };
    let column = |(at, field): (usize, &Field)| Column {
        field: *field,
        from: ColumnSource::Name(if has_header { field.column().to_owned() } else { (at + 1).to_string() }),
        cast: Cast::Auto,
        words: if *field == Field::MessageId { words.clone().into_iter().collect() } else { Vec::new() },
    };
    let columns = if preset == LogPreset::Canonical {
        fields.iter().enumerate().map(column).collect()
    } else {
        Vec::new()
    };
    Source { preset, has_header, columns, ..Source::bare("fuzz", log) }
}

static WAYS: LazyLock<Vec<[Reader; 2]>> = LazyLock::new(|| {
    let day: Day = "2026-11-18".parse().expect("a day");
    let ways = [
        (Log::Requests, LogPreset::Canonical, true, Form::Ndjson),
        (Log::Requests, LogPreset::Canonical, true, Form::Delimited),
        (Log::Webhooks, LogPreset::Canonical, true, Form::Ndjson),
        (Log::Webhooks, LogPreset::Canonical, true, Form::Delimited),
        (Log::Requests, LogPreset::Canonical, false, Form::Delimited),
        (Log::Webhooks, LogPreset::Canonical, false, Form::Delimited),
        (Log::Requests, LogPreset::NginxJson, true, Form::Ndjson),
        (Log::Requests, LogPreset::Combined, true, Form::Combined),
        (Log::Webhooks, LogPreset::WhatsappWebhook, true, Form::Ndjson),
    ];
    let reader = |(log, preset, has_header, form): (Log, LogPreset, bool, Form), is_sketched| {
        Reader::new(source(log, preset, has_header, is_sketched), form, day)
    };
    let own = ways.into_iter().map(|way| [true, false].map(|is_sketched| reader(way, is_sketched)));
    // Their rows are never sketched.
    let foreign = FormatChoice::all().map(|choice| {
        let source = Source {
            preset: LogPreset::Format,
            format: Some(choice.clone()),
            ..Source::bare("fuzz", choice.file.log)
        };
        [(); 2].map(|()| Reader::new(source.clone(), Form::Foreign, day))
    });
    own.chain(foreign).collect()
});

fuzz_target!(|data: &[u8]| {
    let Some((way, text)) = data.split_first() else { return };
    let [sketched, plain] = &WAYS[usize::from(*way) % WAYS.len()];
    match (sketched.find(text), plain.find(text)) {
        (Ok(mut found), Ok(whole)) => {
            assert_eq!(found.rows_read, found.accepted + found.outside + found.quarantine + found.not_a_call);
            found.sketched = whole.sketched;
            assert_eq!(found, whole);
        }
        (found, whole) => assert_eq!(found.is_err(), whole.is_err()),
    }
});
