//! Records: rows of a stored table as structs, each declared once by [`record!`].

use std::sync::Arc;

use serde::Serialize;
use serde::de::value::{Error as Unknown, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::{ColumnKind, Row, Spec, Table, Value};

/// A struct that is stored as a row of a table of its own.
pub trait Record: Sized {
    /// Name and columns of the table.
    fn spec() -> &'static Spec;

    /// Adds this row to the end of a table.
    fn put(&self, table: &mut Table);

    /// Reads a row back.
    ///
    /// # Errors
    /// The column that is missing, null or out of range.
    fn take(row: Row<'_>) -> Result<Self, String>;

    /// Reads all rows of a table back.
    ///
    /// # Errors
    /// As [`Record::take`].
    fn all(table: &Table) -> Result<Vec<Self>, String> {
        let mut all = Vec::with_capacity(table.len());
        for row in table.rows() {
            all.push(Self::take(row)?);
        }
        Ok(all)
    }
}

/// Stores rows as a table, in their order.
pub fn to_table<T: Record>(rows: &[T]) -> Table {
    let mut table = Table::with_room(T::spec(), rows.len());
    for row in rows {
        row.put(&mut table);
    }
    table
}

/// A field of a [`Record`]: how its value is written into a column, and read back from it.
pub trait CellValue: Sized {
    fn put(&self, kind: ColumnKind) -> Value;

    /// # Errors
    /// The column is missing, null, or holds what the field cannot.
    fn take(row: Row<'_>, column: &str) -> Result<Self, String>;
}

/// A number as the kind of its column writes it.
fn number(kind: ColumnKind, n: i64) -> Value {
    match kind {
        ColumnKind::Decimal => Value::Decimal(n),
        ColumnKind::Instant => Value::Instant(n),
        ColumnKind::Date => Value::Date(n),
        ColumnKind::Boolean => Value::Boolean(n != 0),
        ColumnKind::Text | ColumnKind::Integer => Value::Integer(n),
    }
}

impl CellValue for String {
    fn put(&self, _: ColumnKind) -> Value {
        Value::text(self)
    }

    fn take(row: Row<'_>, column: &str) -> Result<Self, String> {
        Ok(row.text(column)?.to_owned())
    }
}

impl CellValue for Arc<str> {
    fn put(&self, _: ColumnKind) -> Value {
        Value::Text(self.clone())
    }

    fn take(row: Row<'_>, column: &str) -> Result<Self, String> {
        row.shared_text(column)
    }
}

impl CellValue for Option<String> {
    fn put(&self, _: ColumnKind) -> Value {
        Value::or_null(self.as_deref(), Value::text)
    }

    fn take(row: Row<'_>, column: &str) -> Result<Self, String> {
        Ok(row.optional_text(column)?.map(str::to_owned))
    }
}

impl CellValue for i64 {
    fn put(&self, kind: ColumnKind) -> Value {
        number(kind, *self)
    }

    fn take(row: Row<'_>, column: &str) -> Result<Self, String> {
        row.number(column)
    }
}

impl CellValue for Option<i64> {
    fn put(&self, kind: ColumnKind) -> Value {
        Value::or_null(*self, |n| number(kind, n))
    }

    fn take(row: Row<'_>, column: &str) -> Result<Self, String> {
        row.optional_number(column)
    }
}

impl CellValue for u64 {
    fn put(&self, kind: ColumnKind) -> Value {
        number(kind, i64::try_from(*self).unwrap_or(i64::MAX))
    }

    fn take(row: Row<'_>, column: &str) -> Result<Self, String> {
        let n = row.number(column)?;
        Self::try_from(n).map_err(|_| format!("column `{column}` is negative: {n}"))
    }
}

impl CellValue for u32 {
    fn put(&self, kind: ColumnKind) -> Value {
        number(kind, (*self).into())
    }

    fn take(row: Row<'_>, column: &str) -> Result<Self, String> {
        Self::try_from(row.number(column)?).map_err(|e| format!("column `{column}`: {e}"))
    }
}

/// A plain enum that is stored in a column of text, as the word that serde has for its value.
pub trait CellWord: Serialize + DeserializeOwned {}

impl<T: CellWord> CellValue for T {
    fn put(&self, _: ColumnKind) -> Value {
        Value::text(&word(self))
    }

    fn take(row: Row<'_>, column: &str) -> Result<Self, String> {
        let text: StrDeserializer<'_, Unknown> = row.text(column)?.into_deserializer();
        Self::deserialize(text).map_err(|e| format!("column `{column}`: {e}"))
    }
}

/// Returns the word that serde writes for a plain enum value.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("plain enums serialise as their name, not as {other:?}"),
    }
}

/// Declares a [`Record`]: the struct, the schema of its table, and how columns are put and taken.
///
/// `field: Type => "column" Kind` stores a field in a column; fields and columns have one order.
/// Fields under `beside` have no column: they came later than the table, whose stored form must
/// not change, and are stored in a table of their own.
macro_rules! record {
    (
        table $table:literal, a row is $row:literal;
        $(#[$meta:meta])*
        pub struct $Name:ident {
            $( $(#[$field_meta:meta])* pub $field:ident: $Type:ty => $column:literal $kind:ident, )+
        }
        $( beside { $( $(#[$extra_meta:meta])* pub $extra:ident: $Extra:ty, )+ } )?
    ) => {
        $(#[$meta])*
        pub struct $Name {
            $( $(#[$field_meta])* pub $field: $Type, )+
            $( $( $(#[$extra_meta])* pub $extra: $Extra, )+ )?
        }

        impl $crate::table::Record for $Name {
            fn spec() -> &'static $crate::table::Spec {
                use $crate::table::{ColumnKind, ColumnSpec, Spec};
                static SPEC: Spec = Spec {
                    name: $table,
                    row: $row,
                    columns: &[ $( ColumnSpec::new($column, ColumnKind::$kind, "") ),+ ],
                };
                &SPEC
            }

            fn put(&self, table: &mut $crate::table::Table) {
                use $crate::table::{CellValue, ColumnKind};
                table.push([ $( CellValue::put(&self.$field, ColumnKind::$kind) ),+ ]);
            }

            fn take(row: $crate::table::Row<'_>) -> Result<Self, String> {
                use $crate::table::CellValue;
                Ok(Self {
                    $( $field: CellValue::take(row, $column)?, )+
                    $( $( $extra: Default::default(), )+ )?
                })
            }
        }
    };
}
pub(crate) use record;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::ColumnKind;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Hand {
        Left,
        RightOne,
    }

    impl CellWord for Hand {}

    record! {
        table "samples", a row is "a test";
        /// Every type that a field can have.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Sample {
            pub name: String => "name" Text,
            pub why: Option<String> => "why" Text,
            pub slot: u32 => "slot" Integer,
            pub rows: u64 => "rows" Integer,
            pub percent: i64 => "percent" Decimal,
            pub at_us: Option<i64> => "at" Instant,
            pub side: Hand => "side" Text,
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let full = Sample {
            name: "a".into(),
            why: Some("b".into()),
            slot: 7,
            rows: 9,
            percent: -1,
            at_us: Some(5),
            side: Hand::Left,
        };
        let bare = Sample {
            name: String::new(),
            why: None,
            slot: 0,
            rows: 0,
            percent: 0,
            at_us: None,
            side: Hand::RightOne,
        };
        let table = to_table(&[full.clone(), bare.clone()]);
        assert_eq!(Sample::all(&table), Ok(vec![full, bare]));
        let kinds: Vec<ColumnKind> = table.spec().columns.iter().map(|column| column.kind).collect();
        assert_eq!(&kinds[3..6], [ColumnKind::Integer, ColumnKind::Decimal, ColumnKind::Instant]);
        assert_eq!(
            table.rows().map(|row| row.text("side").unwrap()).collect::<Vec<_>>(),
            ["left", "right_one"]
        );
    }

    #[test]
    fn a_value_that_the_field_cannot_hold_names_its_column() {
        let mut table = Table::new(Sample::spec());
        let row = |slot, rows, side| {
            [
                Value::text("a"),
                Value::Null,
                Value::Integer(slot),
                Value::Integer(rows),
                Value::Decimal(0),
                Value::Null,
                Value::text(side),
            ]
        };
        table.push(row(-1, 0, "left"));
        table.push(row(0, -1, "left"));
        table.push(row(0, 0, "behind"));
        let told: Vec<String> = table.rows().map(|row| Sample::take(row).unwrap_err()).collect();
        assert!(told[0].contains("`slot`") && told[1].contains("`rows` is negative"), "{told:?}");
        assert_eq!(told[2], "column `side`: unknown variant `behind`, expected `left` or `right_one`");
    }
}
