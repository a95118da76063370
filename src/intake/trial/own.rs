//! Own: trial of the formats that are no format file, bare and inside the lines of other programs.

use std::collections::BTreeMap;

use super::{Tried, TriedCall, TriedRow, each_line};
use crate::config::{Field, LogPreset};
use crate::facts::Reached;
use crate::intake::formats::csv::Layout;
use crate::intake::formats::foreign::{Unwrapper, WrappedLog, is_spread, opened};
use crate::intake::formats::{access_log, ndjson, webhook_payload};
use crate::intake::rows::raw_row::RawRow;

/// Reads a text; one line is one row here, also where a field of CSV has line ends.
pub fn try_each(tried: &mut Tried<'_>, text: &[u8], is_whole: bool) {
    let source = tried.reader.source();
    let is_before = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf);
    let start = text.iter().position(|byte| !is_before(byte)).unwrap_or(text.len());
    let first = text[start..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let begins_json = |text: &[u8]| matches!(text, [b'{' | b'[', ..]);
    let is_json = begins_json(first) || opened(first).is_some_and(|opened| begins_json(&opened.inner));
    let is_csv = source.preset == LogPreset::Canonical && !is_json;
    let tree = ndjson::Tree::of(&tried.reader.mapping);
    let mut unwrapper = Unwrapper::default();
    let mut rows = OwnRows { tried, tree, layout: None, why: None };
    let is_spread = source.preset != LogPreset::Combined && !is_csv && is_spread(text);
    each_line(text, is_whole, is_spread, &mut |lines, line| {
        rows.tried.line += lines;
        if is_csv {
            rows.delimited(line);
        } else if !rows.row(line, None) {
            let why = rows.why.take();
            if !unwrapper.open(line, &mut rows) {
                rows.unreadable(why, line);
            }
        }
    });
    if is_whole {
        unwrapper.finish(&mut rows);
    }
}

struct OwnRows<'t, 'a> {
    tried: &'t mut Tried<'a>,
    tree: ndjson::Tree,
    layout: Option<Result<Layout, String>>,
    /// Why the last line cannot be read.
    why: Option<String>,
}

impl OwnRows<'_, '_> {
    fn row(&mut self, line: &[u8], received: Option<i64>) -> bool {
        let call = self.call(line, received);
        match call {
            Ok(call) => self.tried.row(TriedRow::Call(call)),
            Err(why) => {
                self.why = Some(why);
                return false;
            }
        }
        true
    }

    fn call(&mut self, line: &[u8], received: Option<i64>) -> Result<TriedCall, String> {
        let reader = self.tried.reader;
        let mut row = RawRow::new();
        match reader.source().preset {
            LogPreset::WhatsappWebhook => return self.payload(line, received),
            LogPreset::Combined => access_log::read(line, &mut row)?,
            _ => ndjson::read(line, &mut self.tree, &mut row)?,
        }
        self.tried.call(&mut row)
    }

    fn delimited(&mut self, line: &[u8]) {
        let reader = self.tried.reader;
        let Some(layout) = &self.layout else {
            self.layout = Some(Layout::from_header(line, reader.source().delimiter, &reader.mapping));
            return;
        };
        let mut row = RawRow::new();
        let read = layout.as_ref().map_err(Clone::clone).and_then(|layout| layout.read(line, &mut row));
        self.tried.read(read, &mut row);
    }

    /// Reads a notification payload; its statuses are not told one by one.
    fn payload(&self, line: &[u8], received: Option<i64>) -> Result<TriedCall, String> {
        let payload = webhook_payload::read(line, self.tried.reader.source().zone)?;
        let start_us = payload.received_us.or(received).or(payload.latest_us).ok_or("no timestamp")?;
        let mut values = BTreeMap::from([(Field::HttpStatus, "200".to_owned())]);
        values.extend(payload.fields.first().map(|field| (Field::Topic, field.name.to_string())));
        values.extend(payload.statuses.first().map(|status| (Field::Status, status.status.to_string())));
        values.insert(Field::BusinessId, payload.business_id.to_string());
        let logged = [Field::Ts].into_iter().chain(values.keys().copied()).collect();
        Ok(TriedCall { start_us, duration_us: None, reached: Reached::Unknown, values, logged })
    }
}

impl WrappedLog for OwnRows<'_, '_> {
    fn line(&mut self, line: &[u8], received: Option<i64>) -> bool {
        self.row(line, received)
    }

    fn object(&mut self, object: &[u8], _: &[&[u8]], received: Option<i64>) -> bool {
        self.row(object, received)
    }

    fn not_a_call(&mut self, why: &'static str, _: &[u8]) {
        self.tried.row(TriedRow::NotACall(why.to_owned()));
    }

    fn unreadable(&mut self, why: Option<String>, _: &[u8]) {
        let why = why.or_else(|| self.why.take()).unwrap_or_else(|| "it is no row of the log".to_owned());
        self.tried.row(TriedRow::Unreadable(why));
    }
}
