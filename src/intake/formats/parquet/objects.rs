//! Objects: rows of Parquet as lines of JSON, for the formats of other programs.
//!
//! It is slower than the columns of our own format, and reads whatever types a file has.

use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field as Value, Row};
use parquet::schema::types::Type;
use serde_json::{Map, Value as Json, json};

use super::Positioned;
use crate::intake::files::bytes::log_bytes::LogBytes;
use crate::table::decoded;

/// Rows of a file whose columns are the names of a format.
pub struct ObjectRows {
    /// Columns that the format can use.
    wanted: Type,
}

impl ObjectRows {
    /// Finds the columns of a file that a format names.
    ///
    /// # Errors
    /// The footer cannot be read, or the format names none of the columns; the message says which
    /// the file has.
    pub fn of(schema: &Type, is_wanted: impl Fn(&str) -> bool) -> Result<Self, String> {
        let fields: Vec<Arc<Type>> =
            schema.get_fields().iter().filter(|field| is_wanted(field.name())).cloned().collect();
        if fields.is_empty() {
            let there: Vec<&str> = schema.get_fields().iter().take(12).map(|field| field.name()).collect();
            return Err(format!(
                "none of its columns is a name of the format; it has {}; `uptime-ledger inspect` says which format it has",
                if there.is_empty() { "no columns".to_owned() } else { there.join(", ") }
            ));
        }
        let wanted = Type::group_type_builder(schema.name()).with_fields(fields).build();
        Ok(Self { wanted: wanted.map_err(|e| e.to_string())? })
    }

    /// Reads the rows of a row group, and hands on each as an object of JSON.
    ///
    /// # Errors
    /// The file is corrupt, or `take` ends the reading.
    pub fn read<E>(
        &self,
        file: &LogBytes,
        group: usize,
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
        corrupt: impl Fn(ParquetError) -> E,
    ) -> Result<u64, E> {
        let open = || SerializedFileReader::new(Positioned::new(file)?);
        let reader = decoded(open).map_err(&corrupt)?;
        let group = decoded(|| reader.get_row_group(group)).map_err(&corrupt)?;
        let mut rows = decoded(|| group.get_row_iter(Some(self.wanted.clone()))).map_err(&corrupt)?;
        let mut text = Vec::new();
        let mut seen = 0;
        while let Some(row) = decoded(|| rows.next().transpose()).map_err(&corrupt)? {
            text.clear();
            write_row(&row, &mut text);
            seen += 1;
            take(text.trim_ascii_end())?;
        }
        Ok(seen)
    }
}

/// Writes a row as a line of JSON.
pub fn write_row(row: &Row, text: &mut Vec<u8>) {
    text.extend(object(row).to_string().bytes());
    text.push(b'\n');
}

fn object(row: &Row) -> Json {
    Json::Object(
        row.get_column_iter().map(|(name, value)| (name.clone(), json(value))).collect::<Map<_, _>>(),
    )
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Byte(n) => json!(n),
        Value::Short(n) => json!(n),
        Value::Int(n) => json!(n),
        Value::Long(n) => json!(n),
        Value::UByte(n) => json!(n),
        Value::UShort(n) => json!(n),
        Value::UInt(n) => json!(n),
        Value::ULong(n) => json!(n),
        Value::Float(x) => json!(x),
        Value::Double(x) => json!(x),
        Value::TimestampMillis(n) | Value::TimestampMicros(n) => json!(n),
        Value::Str(text) => json!(text),
        Value::Bytes(bytes) => json!(String::from_utf8_lossy(bytes.data())),
        Value::Group(row) => object(row),
        Value::ListInternal(list) => list.elements().iter().map(json).collect(),
        Value::MapInternal(map) => {
            let entry = |(key, value): &(Value, Value)| {
                let key = match key {
                    Value::Str(key) => key.clone(),
                    other => other.to_string(),
                };
                (key, json(value))
            };
            Json::Object(map.entries().iter().map(entry).collect())
        }
        other => json!(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow_array::{Array, ArrayRef, Int64Array, StringArray, StructArray};
    use arrow_schema::{DataType, Field as ArrowField};

    use super::*;
    use crate::config::{Config, FormatChoice, Source};
    use crate::intake::Meter;
    use crate::intake::formats::parquet::tests::{facts, source, write_columns};
    use crate::intake::trial::source_of_format;

    /// Reads a file by a format: events by status, arrival and symptom, and what was set aside.
    fn read(format: &str, path: &std::path::Path) -> Result<(BTreeMap<String, i64>, Vec<String>), String> {
        let choice = FormatChoice::all().into_iter().find(|choice| choice.name == format).unwrap();
        let source = Source { paths: source(path).paths, neighbours: 0, ..source_of_format(&choice) };
        let config = Config { sources: vec![source], ..Config::bare("") };
        let spill = path.parent().unwrap();
        let intake = facts(&config, "2026-11-20".parse().unwrap(), 2, spill, &Meter::default())
            .map_err(|e| e.to_string())?;
        let mut found = BTreeMap::new();
        for fact in intake.facts.rows() {
            let kind = &intake.facts.kinds()[fact.kind as usize];
            let said = format!("{:?} {:?} {:?}", kind.http_status, kind.reached, kind.symptom);
            *found.entry(said).or_default() += fact.events;
        }
        let mut aside: Vec<String> = intake.receipt.quarantine.into_iter().map(|bad| bad.reason).collect();
        let no_calls = intake.receipt.files[0].not_a_call;
        aside.extend((no_calls > 0).then(|| format!("{no_calls} are no calls")));
        Ok((found, aside))
    }

    fn texts(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    #[test]
    fn rows_of_another_program_are_found_by_the_names_of_their_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write_columns(
            &path,
            vec![
                ("date", texts(&[Some("2026-11-20"), Some("2026-11-20"), Some("2026-11-20"), None])),
                ("time", texts(&[Some("03:10:21"), Some("03:10:22"), Some("03:10:23"), Some("03:10:24")])),
                ("sc_status", Arc::new(Int64Array::from(vec![Some(200), Some(502), Some(502), Some(200)]))),
                ("x_edge_request_id", texts(&[Some("r1"), Some("r2"), Some("r3"), Some("r4")])),
                ("x_edge_result_type", texts(&[Some("Miss"), Some("Error"), Some("Error"), Some("Miss")])),
                (
                    "x_edge_detailed_result_type",
                    texts(&[Some("Miss"), Some("OriginConnectError"), None, Some("Miss")]),
                ),
            ],
        );
        let (found, aside) = read("cloudfront", &path).unwrap();
        let found: Vec<(&str, i64)> = found.iter().map(|(said, n)| (said.as_str(), *n)).collect();
        assert_eq!(
            found,
            [("Some(200) Yes None", 1), ("Some(502) No Connect", 1), ("Some(502) Unknown None", 1),]
        );
        assert_eq!(aside.len(), 1, "{aside:?}");
    }

    #[test]
    fn columns_inside_others_are_paths() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let inner = |name: &str, array: ArrayRef| {
            (Arc::new(ArrowField::new(name, array.data_type().clone(), true)), array)
        };
        let request = StructArray::from(vec![
            inner("uri", texts(&[Some("/v21.0/1/messages?a=b")])),
            inner("method", texts(&[Some("POST")])),
        ]);
        assert!(matches!(request.data_type(), DataType::Struct(_)));
        write_columns(
            &path,
            vec![
                ("ts", texts(&[Some("2026-11-20T03:10:21Z")])),
                ("level", texts(&[Some("info")])),
                ("logger", texts(&[Some("http.log.access.log0")])),
                ("msg", texts(&[Some("handled request")])),
                ("request", Arc::new(request)),
                ("status", Arc::new(Int64Array::from(vec![200]))),
                ("duration", Arc::new(arrow_array::Float64Array::from(vec![0.5]))),
            ],
        );
        let (found, aside) = read("caddy", &path).unwrap();
        assert_eq!((found.values().sum::<i64>(), aside.len()), (1, 0), "{found:?} {aside:?}");
        let refused = read("varnish", &path).unwrap_err();
        assert!(
            refused.contains("none of its columns is a name of the format; it has ts, level, logger, msg"),
            "{refused}"
        );
    }
}
