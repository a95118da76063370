//! Types: which types of columns a field can have, and as which types they are read.

use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, Schema, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Type as PhysicalType;
use parquet::schema::types::ColumnDescPtr;

use super::Target;
use crate::config::Field;
use crate::intake::rows::mapping::{MappedField, is_alike};
use crate::table::decoded;

/// Returns metadata by which low-cardinality text is read as dictionaries, and ids as views.
///
/// A value of a dictionary is then decoded once per page, not once per row.
pub fn as_read(plain: &ArrowReaderMetadata, targets: &[Target]) -> Option<ArrowReaderMetadata> {
    let fields: Vec<Arc<ArrowField>> = plain
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let is_it = |target: &&Target| target.path.len() == 1 && target.path[0] == *field.name();
            let Some(target) = targets.iter().find(is_it) else { return field.clone() };
            let is_int96 = plain.parquet_schema().column(target.leaf).physical_type() == PhysicalType::INT96;
            match read_type(field.data_type(), target.field, is_int96) {
                Some(read) => Arc::new(field.as_ref().clone().with_data_type(read)),
                None => field.clone(),
            }
        })
        .collect();
    let schema = Schema::new_with_metadata(fields, plain.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    decoded(|| ArrowReaderMetadata::try_new(plain.metadata().clone(), options)).ok()
}

/// Returns the type as which a column of a field is read, if it is not its own.
fn read_type(own: &DataType, field: usize, is_int96: bool) -> Option<DataType> {
    let ids =
        [Field::RequestId, Field::TraceId, Field::MessageId, Field::WebhookId, Field::Ts, Field::EventTs]
            .map(|f| f as usize);
    let (value, is_dictionary) = match own {
        DataType::Dictionary(_, value) => (value.as_ref(), true),
        other => (other, false),
    };
    let (text, view) = match value {
        DataType::Utf8 | DataType::LargeUtf8 => (DataType::Utf8, DataType::Utf8View),
        // Text without annotation, as older writers leave it.
        DataType::Binary | DataType::LargeBinary => (DataType::Binary, DataType::BinaryView),
        // Nanoseconds of 64 bits hold only the years from 1677 to 2262.
        DataType::Timestamp(TimeUnit::Nanosecond, zone) if is_int96 => {
            return Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()));
        }
        _ => return is_dictionary.then(|| value.clone()),
    };
    // Other tools write categorical columns with keys of every width.
    let is_text = is_dictionary || !ids.contains(&field);
    Some(if is_text { DataType::Dictionary(Box::new(DataType::Int32), Box::new(text)) } else { view })
}

/// Returns the type of a column; `None` if it lies in a list or a map.
pub fn data_type<'s>(schema: &'s Schema, path: &[String]) -> Option<&'s DataType> {
    let (first, rest) = path.split_first()?;
    let mut found = schema.field_with_name(first).ok()?.data_type();
    for name in rest {
        let DataType::Struct(fields) = found else { return None };
        found = fields.find(name)?.1.data_type();
    }
    Some(found)
}

/// Refuses a column whose type its field cannot have.
///
/// One message for the file is better than one per row.
///
/// # Errors
/// The message names the column, its type and the types that the field can have.
pub fn check_type(schema: &Schema, path: &[String], field: usize) -> Result<(), String> {
    let name = path.join(".");
    let Some(own) = data_type(schema, path) else {
        return Err(format!(
            "the column `{name}` lies in a list or a map, whose values cannot be read; write the value that counts into a \
             column of its own, and name that one under [source.columns]"
        ));
    };
    let found = match own {
        // A dictionary inside a group is read as it is.
        DataType::Dictionary(key, value) if path.len() == 1 || is_plain_dictionary(key, value) => value,
        other => other,
    };
    let is_text = matches!(
        found,
        DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::Null
    );
    let scale = match found {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some(*scale),
        _ => None,
    };
    let is_whole = found.is_integer() || scale.is_some_and(|scale| scale <= 0);
    let is_number = is_whole || scale.is_some() || matches!(found, DataType::Float32 | DataType::Float64);
    let is_time = matches!(found, DataType::Timestamp(_, _));
    let is_bool = matches!(found, DataType::Boolean);
    let (is_fit, expected) = match Field::ALL.get(field) {
        Some(Field::Ts | Field::EventTs) => {
            (is_text || is_number || is_time, "a timestamp, a number or text")
        }
        Some(
            Field::Duration | Field::HttpStatus | Field::ErrorCode | Field::ErrorSubcode | Field::AttemptNo,
        ) => (is_text || is_number, "a number or text"),
        Some(Field::IsTransient | Field::IsSuccess | Field::Reached) => {
            (is_text || is_bool || is_whole, "a boolean or text")
        }
        _ => (is_text || is_whole, "text or a whole number"),
    };
    if is_fit {
        return Ok(());
    }
    Err(format!("the column `{name}` is {own}, expected {expected}"))
}

fn is_plain_dictionary(key: &DataType, value: &DataType) -> bool {
    *key == DataType::Int32 && matches!(value, DataType::Utf8 | DataType::Binary)
}

/// Refuses a file in which a list, a map or a group has the name of a field.
///
/// # Errors
/// The message names it and a column in it.
pub fn check_groups<'m>(
    leaves: &[ColumnDescPtr],
    entries: impl Iterator<Item = &'m MappedField>,
) -> Result<(), String> {
    for entry in entries {
        let is_inside = |leaf: &&ColumnDescPtr| {
            let parts = leaf.path().parts();
            parts.len() > 1 && is_alike(parts[0].as_bytes(), entry.name.as_bytes())
        };
        if let Some(leaf) = leaves.iter().find(is_inside) {
            return Err(format!(
                "the column `{}` is a list, a map or a group (it has `{}`), expected a single value; name a column with one under \
                 [source.columns]",
                leaf.path().parts()[0],
                leaf.path().parts().join(".")
            ));
        }
    }
    Ok(())
}
