//! Tables: columns with a fixed schema, the one shape in which numbers are stored and published.
//!
//! A table does not touch the disk: it becomes CSV or Parquet bytes, and comes back from Parquet.

mod cells;
mod delimited;
mod parquet;
mod record;

use std::borrow::Cow;
use std::sync::Arc;

use crate::redact::visible;

use cells::CellColumn;
pub use cells::Cells;
pub use delimited::decimal;
pub use parquet::{Metadata, TableReader, decoded, metadata_of};
pub(crate) use record::record;
pub use record::{CellValue, CellWord, Record, to_table, word};

/// The type of a column's values; every column can be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Integer,
    /// Six fixed digits after the point, held as an integer of millionths.
    Decimal,
    Boolean,
    /// Microseconds since 1970-01-01T00:00Z.
    Instant,
    /// Days since 1970-01-01.
    Date,
}

impl ColumnKind {
    /// Returns the name in the documentation of reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Instant => "instant",
            Self::Date => "date",
        }
    }
}

/// One column: its name (unit last), its type and its meaning.
#[derive(Debug, Clone, Copy)]
pub struct ColumnSpec {
    pub name: &'static str,
    pub kind: ColumnKind,
    pub doc: &'static str,
    /// True for a column that earlier versions did not store.
    ///
    /// It is written only if a row has a value there, so that tables without one keep their bytes.
    is_late: bool,
}

impl ColumnSpec {
    pub const fn new(name: &'static str, kind: ColumnKind, doc: &'static str) -> Self {
        Self { name, kind, doc, is_late: false }
    }

    /// Creates a column that earlier versions did not store; a table without it reads as all null.
    pub const fn late(name: &'static str, kind: ColumnKind) -> Self {
        Self { name, kind, doc: "", is_late: true }
    }
}

/// The schema of a table.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    pub name: &'static str,
    /// The thing that a row describes.
    pub row: &'static str,
    pub columns: &'static [ColumnSpec],
}

/// Only whole numbers, as facts are stored.
#[cfg(test)]
static NUMBERS: Spec = Spec {
    name: "numbers",
    row: "a test",
    columns: &[ColumnSpec::new("a", ColumnKind::Integer, ""), ColumnSpec::new("b", ColumnKind::Integer, "")],
};

/// One value of a row to be pushed.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Text(Arc<str>),
    Integer(i64),
    /// Millionths.
    Decimal(i64),
    Boolean(bool),
    /// Microseconds since 1970.
    Instant(i64),
    /// Days since 1970.
    Date(i64),
}

impl Value {
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// Returns null for `None`.
    pub fn or_null<T>(value: Option<T>, make: impl Fn(T) -> Self) -> Self {
        value.map_or(Self::Null, make)
    }
}

#[derive(Debug, Clone)]
enum Column {
    Text(Vec<Option<Arc<str>>>),
    Number(List),
    Cells(CellColumn),
}

/// Numbers, any of which can be null: eight bytes each as long as none is.
#[derive(Debug, Clone, PartialEq, Default)]
struct List {
    values: Vec<i64>,
    /// Empty as long as there is no null.
    nulls: Vec<bool>,
}

impl List {
    fn with_capacity(rows: usize) -> Self {
        Self { values: Vec::with_capacity(rows), nulls: Vec::new() }
    }

    fn push(&mut self, value: Option<i64>) {
        if value.is_none() && self.nulls.is_empty() {
            self.nulls = vec![false; self.values.len()];
        }
        self.values.push(value.unwrap_or_default());
        if value.is_none() || !self.nulls.is_empty() {
            self.nulls.push(value.is_none());
        }
    }

    fn extend(&mut self, values: impl Iterator<Item = Option<i64>>) {
        values.for_each(|value| self.push(value));
    }

    fn get(&self, row: usize) -> Option<i64> {
        let is_null = self.nulls.get(row).copied().unwrap_or_default();
        (!is_null).then(|| self.values[row])
    }
}

impl Column {
    fn is_blank(&self) -> bool {
        match self {
            Self::Text(list) => list.iter().all(Option::is_none),
            Self::Number(list) => (0..list.values.len()).all(|row| list.get(row).is_none()),
            Self::Cells(of) => of.cells.is_blank(of.column),
        }
    }

    fn push_nulls(&mut self, rows: usize) {
        match self {
            Self::Text(list) => list.resize(list.len() + rows, None),
            Self::Number(list) => list.extend(std::iter::repeat_n(None, rows)),
            Self::Cells(_) => unreachable!("cells are not pushed"),
        }
    }
}

/// Rows under a schema, in the order in which they were pushed.
#[derive(Debug, Clone)]
pub struct Table {
    spec: &'static Spec,
    columns: Vec<Column>,
    rows: usize,
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        let is_like = |(one, other): (&Column, &Column)| one.is_like(other, self.rows);
        self.spec.name == other.spec.name
            && (self.rows, self.columns.len()) == (other.rows, other.columns.len())
            && self.columns.iter().zip(&other.columns).all(is_like)
    }
}

impl Table {
    pub fn new(spec: &'static Spec) -> Self {
        Self::with_room(spec, 0)
    }

    /// Returns the table for people and other programs: no text has a character that does not show.
    #[must_use]
    pub fn visible(&self) -> Cow<'_, Self> {
        let rows = 0..self.rows;
        let is_hidden = |column: &Column| {
            let mut texts = column.texts(rows.clone()).flatten();
            column.is_text() && texts.any(|text| matches!(visible(text), Cow::Owned(_)))
        };
        if !self.columns.iter().any(is_hidden) {
            return Cow::Borrowed(self);
        }
        let mut table = self.clone();
        for column in &mut table.columns {
            if column.is_text() {
                let mut list: Vec<_> = column.texts(rows.clone()).map(Option::<&_>::cloned).collect();
                for text in list.iter_mut().flatten() {
                    if let Cow::Owned(shown) = visible(text) {
                        *text = shown.into();
                    }
                }
                *column = Column::Text(list);
            }
        }
        Cow::Owned(table)
    }

    /// Creates an empty table with memory reserved for `rows` rows.
    pub fn with_room(spec: &'static Spec, rows: usize) -> Self {
        let columns = spec
            .columns
            .iter()
            .map(|c| match c.kind {
                ColumnKind::Text => Column::Text(Vec::with_capacity(rows)),
                _ => Column::Number(List::with_capacity(rows)),
            })
            .collect();
        Self { spec, columns, rows: 0 }
    }

    /// Adds a row; its values are in the order of the schema and have its types.
    pub fn push<const N: usize>(&mut self, row: [Value; N]) {
        self.extend(row.into_iter());
    }

    /// Adds a row as [`Table::push`] does, for long tables of integers alone.
    pub fn push_integers<const N: usize>(&mut self, row: [i64; N]) {
        self.push_optional_integers(row.map(Some));
    }

    /// Adds a row as [`Table::push_integers`] does, some of whose values may be null.
    pub fn push_optional_integers<const N: usize>(&mut self, row: [Option<i64>; N]) {
        assert_eq!(N, self.columns.len(), "{}: a value per column", self.spec.name);
        for (at, n) in row.into_iter().enumerate() {
            match (&mut self.columns[at], self.spec.columns[at].kind) {
                (Column::Number(list), ColumnKind::Integer) => list.push(n),
                (_, kind) => unreachable!("{} holds {}, not {n:?}", self.spec.name, kind.name()),
            }
        }
        self.rows += 1;
    }

    /// Adds a row as [`Table::push`] does, from an iterator.
    pub fn extend(&mut self, row: impl Iterator<Item = Value>) {
        use ColumnKind as K;
        let mut filled = 0;
        for (at, value) in row.enumerate() {
            let Some(column) = self.spec.columns.get(at) else {
                unreachable!("{}: a row has more values than the schema has columns", self.spec.name)
            };
            match (&mut self.columns[at], column.kind, value) {
                (Column::Text(list), _, Value::Text(text)) => list.push(Some(text)),
                (Column::Text(list), _, Value::Null) => list.push(None),
                (Column::Number(list), _, Value::Null) => list.push(None),
                (Column::Number(list), K::Boolean, Value::Boolean(is)) => list.push(Some(i64::from(is))),
                (Column::Number(list), K::Integer, Value::Integer(n))
                | (Column::Number(list), K::Decimal, Value::Decimal(n))
                | (Column::Number(list), K::Instant, Value::Instant(n))
                | (Column::Number(list), K::Date, Value::Date(n)) => list.push(Some(n)),
                (_, kind, value) => {
                    unreachable!("{}.{} holds {}, not {value:?}", self.spec.name, column.name, kind.name())
                }
            }
            filled = at + 1;
        }
        if filled != self.columns.len() {
            unreachable!("{}: {filled} values for {} columns", self.spec.name, self.columns.len());
        }
        self.rows += 1;
    }

    /// Returns the columns that are written, with their specification.
    fn written(&self) -> impl Iterator<Item = (&Column, &'static ColumnSpec)> {
        let columns = self.columns.iter().zip(self.spec.columns);
        columns.filter(|(column, spec)| !spec.is_late || !column.is_blank())
    }

    pub const fn spec(&self) -> &'static Spec {
        self.spec
    }

    pub const fn len(&self) -> usize {
        self.rows
    }

    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.rows).map(move |at| Row { table: self, at })
    }

    /// Returns a column of numbers, so that long tables need not look up every cell by name.
    pub fn numbers(&self, name: &str) -> Result<Numbers<'_>, String> {
        let column = self.column(name)?;
        if column.is_text() {
            return Err(format!("column `{name}` holds text"));
        }
        Ok(Numbers { name: name.to_owned(), column })
    }

    /// Returns a column of text by name.
    pub fn texts(&self, name: &str) -> Result<Texts<'_>, String> {
        Ok(Texts { name: name.to_owned(), column: self.text_column(name)? })
    }

    fn column(&self, name: &str) -> Result<&Column, String> {
        let found = self.spec.columns.iter().position(|c| c.name == name);
        found.map(|at| &self.columns[at]).ok_or_else(|| format!("no column `{name}`"))
    }

    fn text_column(&self, name: &str) -> Result<&Column, String> {
        let column = self.column(name)?;
        if column.is_text() { Ok(column) } else { Err(format!("column `{name}` holds no text")) }
    }

    /// Returns the value as it was pushed.
    fn value(&self, row: usize, column: usize) -> Value {
        let (column, kind) = (&self.columns[column], self.spec.columns[column].kind);
        if column.is_text() {
            return column.text(row).cloned().map_or(Value::Null, Value::Text);
        }
        match (column.number(row), kind) {
            (None, _) => Value::Null,
            (Some(n), ColumnKind::Decimal) => Value::Decimal(n),
            (Some(n), ColumnKind::Boolean) => Value::Boolean(n != 0),
            (Some(n), ColumnKind::Instant) => Value::Instant(n),
            (Some(n), ColumnKind::Date) => Value::Date(n),
            (Some(n), ColumnKind::Integer | ColumnKind::Text) => Value::Integer(n),
        }
    }
}

/// One row of a table that was read back; errors name the column.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    at: usize,
}

impl<'a> Row<'a> {
    /// Returns the value of a column by name; null without such a column.
    pub fn value(&self, name: &str) -> Value {
        match self.table.spec.columns.iter().position(|c| c.name == name) {
            Some(column) => self.table.value(self.at, column),
            None => Value::Null,
        }
    }

    pub fn optional_text(&self, name: &str) -> Result<Option<&'a str>, String> {
        Ok(self.table.text_column(name)?.text(self.at).map(|text| &**text))
    }

    pub fn optional_number(&self, name: &str) -> Result<Option<i64>, String> {
        let column = self.table.column(name)?;
        if column.is_text() {
            return Err(format!("column `{name}` holds text"));
        }
        Ok(column.number(self.at))
    }

    pub fn text(&self, name: &str) -> Result<&'a str, String> {
        self.optional_text(name)?.ok_or_else(|| is_null(name, self.at))
    }

    /// Returns a text as the table holds it.
    pub fn shared_text(&self, name: &str) -> Result<Arc<str>, String> {
        self.table.text_column(name)?.text(self.at).cloned().ok_or_else(|| is_null(name, self.at))
    }

    pub fn number(&self, name: &str) -> Result<i64, String> {
        self.optional_number(name)?.ok_or_else(|| is_null(name, self.at))
    }
}

fn is_null(name: &str, row: usize) -> String {
    format!("column `{name}` is null in row {}", row + 1)
}

/// A column of numbers of a table that was read back.
#[derive(Debug, Clone)]
pub struct Numbers<'a> {
    name: String,
    column: &'a Column,
}

impl Numbers<'_> {
    pub fn at(&self, row: usize) -> Result<i64, String> {
        self.optional(row).ok_or_else(|| is_null(&self.name, row))
    }

    pub fn optional(&self, row: usize) -> Option<i64> {
        self.column.number(row)
    }
}

/// A column of text of a table that was read back.
#[derive(Debug, Clone)]
pub struct Texts<'a> {
    name: String,
    column: &'a Column,
}

impl<'a> Texts<'a> {
    pub fn optional(&self, row: usize) -> Option<&'a Arc<str>> {
        self.column.text(row)
    }

    pub fn at(&self, row: usize) -> Result<&'a Arc<str>, String> {
        self.column.text(row).ok_or_else(|| is_null(&self.name, row))
    }
}
