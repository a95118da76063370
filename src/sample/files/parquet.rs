//! Parquet: words of few values as dictionaries, ids as plain strings, row groups of 256k rows.

use std::fs::File;
use std::io::{self, BufWriter};
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, StringBuilder, StringDictionaryBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::text::FIELDS;
use crate::sample::Compression;
use crate::sample::traffic::callers::CallerRow;

pub const BATCH_ROWS: usize = 8_192;
const ROW_GROUP_ROWS: usize = 1 << 18;
/// Columns in which almost every value differs: a dictionary would only cost.
const IDS: [&str; 5] = ["ts", "duration_ms", "request_id", "trace_id", "message_id"];

/// The columns of a file of request rows, written batch by batch.
pub struct SampleColumns {
    schema: Arc<Schema>,
    writer: ArrowWriter<BufWriter<File>>,
    rows: usize,
    ts: TimestampMicrosecondBuilder,
    duration_ms: Float64Builder,
    /// `request_id`, `trace_id`, `message_id`.
    ids: [StringBuilder; 3],
    /// The columns of few values, in the order of the schema.
    words: [StringDictionaryBuilder<Int32Type>; 11],
    http_status: Int32Builder,
    codes: [Int64Builder; 2],
    flags: [BooleanBuilder; 2],
}

impl SampleColumns {
    pub fn new(file: BufWriter<File>, compression: Option<Compression>) -> io::Result<Self> {
        let schema = Arc::new(schema());
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties(compression, &IDS)?))
            .map_err(io::Error::other)?;
        Ok(Self {
            schema,
            writer,
            rows: 0,
            ts: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            duration_ms: Float64Builder::new(),
            ids: std::array::from_fn(|_| StringBuilder::new()),
            words: std::array::from_fn(|_| StringDictionaryBuilder::new()),
            http_status: Int32Builder::new(),
            codes: std::array::from_fn(|_| Int64Builder::new()),
            flags: std::array::from_fn(|_| BooleanBuilder::new()),
        })
    }

    /// Adds a row; flaws: 1 and 3 no timestamp, 2 a negative status.
    pub fn push(&mut self, row: &CallerRow<'_>, flaw: u8) -> io::Result<()> {
        let outcome = row.outcome;
        self.ts.append_option((flaw != 1 && flaw != 3).then_some(row.ts_us));
        self.duration_ms.append_value(f64::from(row.duration_tenths) / 10.0);
        let ids = [row.request_id.as_str(), row.trace_id.as_str(), row.message_id.as_str()];
        for (column, text) in self.ids.iter_mut().zip(ids) {
            column.append_option((!text.is_empty()).then_some(text));
        }
        let words = [
            row.business_id,
            row.service,
            row.endpoint,
            row.region,
            outcome.reached,
            outcome.symptom,
            row.message_status,
            outcome.scope,
            row.recipient_area,
            row.client_platform,
            row.client_version,
        ];
        for (column, text) in self.words.iter_mut().zip(words) {
            if text.is_empty() {
                column.append_null();
            } else {
                column.append(text).map_err(io::Error::other)?;
            }
        }
        self.http_status.append_option(if flaw == 2 { Some(-200) } else { outcome.http_status });
        self.codes[0].append_option(outcome.error_code);
        self.codes[1].append_option(outcome.error_subcode);
        self.flags[0].append_option(outcome.is_transient);
        self.flags[1].append_option(outcome.is_success);
        self.rows += 1;
        if self.rows == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.rows = 0;
        let [request_id, trace_id, message_id] = &mut self.ids;
        let [
            business_id,
            service,
            endpoint,
            region,
            reached,
            symptom,
            message_status,
            scope,
            area,
            platform,
            version,
        ] = &mut self.words;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.ts.finish()),
            Arc::new(self.duration_ms.finish()),
            Arc::new(request_id.finish()),
            Arc::new(trace_id.finish()),
            Arc::new(business_id.finish()),
            Arc::new(service.finish()),
            Arc::new(endpoint.finish()),
            Arc::new(region.finish()),
            Arc::new(self.http_status.finish()),
            Arc::new(reached.finish()),
            Arc::new(symptom.finish()),
            Arc::new(self.codes[0].finish()),
            Arc::new(self.codes[1].finish()),
            Arc::new(self.flags[0].finish()),
            Arc::new(self.flags[1].finish()),
            Arc::new(message_id.finish()),
            Arc::new(message_status.finish()),
            Arc::new(scope.finish()),
            Arc::new(area.finish()),
            Arc::new(platform.finish()),
            Arc::new(version.finish()),
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

/// Returns the properties of a file; `ids` are the columns without a dictionary.
pub fn properties(compression: Option<Compression>, ids: &[&'static str]) -> io::Result<WriterProperties> {
    let codec = match compression {
        Some(Compression::None) => Codec::UNCOMPRESSED,
        Some(Compression::Gz) => Codec::GZIP(GzipLevel::try_new(4).map_err(io::Error::other)?),
        Some(Compression::Zst) | None => Codec::ZSTD(ZstdLevel::try_new(1).map_err(io::Error::other)?),
    };
    let mut properties = WriterProperties::builder()
        .set_compression(codec)
        .set_created_by("uptime-ledger sample".into())
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
    for name in ids {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(*name), false);
    }
    Ok(properties.build())
}

fn schema() -> Schema {
    let word = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let field = |name: &&str| {
        let kind = match *name {
            "ts" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            "duration_ms" => DataType::Float64,
            "request_id" | "trace_id" | "message_id" => DataType::Utf8,
            "http_status" => DataType::Int32,
            "error_code" | "error_subcode" => DataType::Int64,
            "is_transient" | "is_success" => DataType::Boolean,
            _ => word(),
        };
        Field::new(*name, kind, true)
    };
    Schema::new(FIELDS.iter().map(field).collect::<Vec<_>>())
}
