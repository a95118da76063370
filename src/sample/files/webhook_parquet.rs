//! Webhook rows as Parquet, in the same way as request rows.

use std::fs::File;
use std::io::{self, BufWriter};
use std::sync::Arc;

use arrow_array::builder::{
    Int32Builder, Int64Builder, StringBuilder, StringDictionaryBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;

use super::parquet::{BATCH_ROWS, properties};
use super::webhook_rows::{WEBHOOK_FIELDS, WebhookRow};
use crate::sample::Compression;

/// Columns in which almost every value differs: a dictionary would only cost.
const IDS: [&str; 4] = ["ts", "event_ts", "webhook_id", "message_id"];

/// The columns of a file of webhook rows, written batch by batch.
pub struct WebhookColumns {
    schema: Arc<Schema>,
    writer: ArrowWriter<BufWriter<File>>,
    rows: usize,
    /// `ts`, `event_ts`.
    instants: [TimestampMicrosecondBuilder; 2],
    /// `webhook_id`, `message_id`.
    ids: [StringBuilder; 2],
    /// `business_id`, `service`, `region`, `field`, `status`, `outcome`.
    words: [StringDictionaryBuilder<Int32Type>; 6],
    error_code: Int64Builder,
    attempt_no: Int64Builder,
    http_status: Int32Builder,
}

impl WebhookColumns {
    pub fn new(file: BufWriter<File>, compression: Option<Compression>) -> io::Result<Self> {
        let schema = Arc::new(schema());
        let properties = properties(compression, &IDS)?;
        let writer =
            ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(io::Error::other)?;
        Ok(Self {
            schema,
            writer,
            rows: 0,
            instants: std::array::from_fn(|_| TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            ids: std::array::from_fn(|_| StringBuilder::new()),
            words: std::array::from_fn(|_| StringDictionaryBuilder::new()),
            error_code: Int64Builder::new(),
            attempt_no: Int64Builder::new(),
            http_status: Int32Builder::new(),
        })
    }

    /// Adds a row; flaws: 1 and 3 no timestamp, 2 a negative status.
    pub fn push(&mut self, row: &WebhookRow<'_>, flaw: u8) -> io::Result<()> {
        self.instants[0].append_option((flaw != 1 && flaw != 3).then_some(row.ts_us));
        self.instants[1].append_value(row.event_us);
        for (column, text) in self.ids.iter_mut().zip([&row.webhook_id, &row.message_id]) {
            column.append_option((!text.is_empty()).then_some(text));
        }
        let words = [row.business_id, "", "", row.field, row.status, row.outcome];
        for (column, text) in self.words.iter_mut().zip(words) {
            if text.is_empty() {
                column.append_null();
            } else {
                column.append(text).map_err(io::Error::other)?;
            }
        }
        self.error_code.append_option(row.error_code);
        self.attempt_no.append_value(row.attempt_no);
        self.http_status.append_option(if flaw == 2 { Some(-200) } else { row.http_status });
        self.rows += 1;
        if self.rows == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.rows = 0;
        let [ts, event_ts] = &mut self.instants;
        let [webhook_id, message_id] = &mut self.ids;
        let [business_id, service, region, field, status, outcome] = &mut self.words;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(ts.finish()),
            Arc::new(event_ts.finish()),
            Arc::new(webhook_id.finish()),
            Arc::new(business_id.finish()),
            Arc::new(service.finish()),
            Arc::new(region.finish()),
            Arc::new(field.finish()),
            Arc::new(message_id.finish()),
            Arc::new(status.finish()),
            Arc::new(self.error_code.finish()),
            Arc::new(self.attempt_no.finish()),
            Arc::new(outcome.finish()),
            Arc::new(self.http_status.finish()),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(io::Error::other)?;
        self.writer.write(&batch).map_err(io::Error::other)
    }

    pub fn close(mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.flush()?;
        }
        self.writer.close().map_err(io::Error::other)?;
        Ok(())
    }
}

fn schema() -> Schema {
    let field = |name: &&str| {
        let kind = match *name {
            "ts" | "event_ts" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            "webhook_id" | "message_id" => DataType::Utf8,
            "http_status" => DataType::Int32,
            "error_code" | "attempt_no" => DataType::Int64,
            _ => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        };
        Field::new(*name, kind, true)
    };
    Schema::new(WEBHOOK_FIELDS.iter().map(field).collect::<Vec<_>>())
}
