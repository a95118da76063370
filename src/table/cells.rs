//! Cells: values of a long table that are computed when they are read, so that no row is stored.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::{Column, ColumnKind, Spec, Table};

/// The values of a table, by row and column.
///
/// Columns are counted in the order of the schema. Numbers are as [`super::Value`] holds them.
pub trait Cells: fmt::Debug + Send + Sync {
    /// Returns the number of rows.
    fn rows(&self) -> usize;

    /// Returns a value of a column of text; `None` for null.
    fn text(&self, column: usize, row: usize) -> Option<&Arc<str>>;

    /// Returns a value of any other column; `None` for null.
    fn number(&self, column: usize, row: usize) -> Option<i64>;

    /// Returns whether a late column has no value in any row.
    fn is_blank(&self, column: usize) -> bool;
}

/// A column of cells.
#[derive(Debug, Clone)]
pub(super) struct CellColumn {
    pub cells: Arc<dyn Cells>,
    pub column: usize,
    is_text: bool,
}

impl Table {
    /// Creates a table whose values are computed when they are read.
    pub fn of_cells(spec: &'static Spec, cells: Arc<dyn Cells>) -> Self {
        let column = |(column, spec): (usize, &super::ColumnSpec)| {
            let is_text = spec.kind == ColumnKind::Text;
            Column::Cells(CellColumn { cells: Arc::clone(&cells), column, is_text })
        };
        let columns = spec.columns.iter().enumerate().map(column).collect();
        Self { spec, columns, rows: cells.rows() }
    }

    /// True if the values are computed when they are read.
    pub fn has_cells(&self) -> bool {
        self.columns.iter().any(|column| matches!(column, Column::Cells(_)))
    }
}

impl Column {
    pub(super) fn is_text(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Number(_) => false,
            Self::Cells(cells) => cells.is_text,
        }
    }

    /// Returns a text; `None` for null, and in a column of numbers.
    pub(super) fn text(&self, row: usize) -> Option<&Arc<str>> {
        match self {
            Self::Text(list) => list.get(row).and_then(Option::as_ref),
            Self::Number(_) => None,
            Self::Cells(of) => {
                if of.is_text {
                    of.cells.text(of.column, row)
                } else {
                    None
                }
            }
        }
    }

    /// Returns a number; `None` for null, and in a column of text.
    pub(super) fn number(&self, row: usize) -> Option<i64> {
        match self {
            Self::Text(_) => None,
            Self::Number(list) => list.get(row),
            Self::Cells(of) => {
                if of.is_text {
                    None
                } else {
                    of.cells.number(of.column, row)
                }
            }
        }
    }

    pub(super) fn texts(&self, rows: Range<usize>) -> impl Iterator<Item = Option<&Arc<str>>> {
        rows.map(|row| self.text(row))
    }

    pub(super) fn numbers(&self, rows: Range<usize>) -> impl Iterator<Item = Option<i64>> {
        rows.map(|row| self.number(row))
    }

    /// Returns whether one of the first `rows` rows is null.
    pub(super) fn has_null(&self, rows: usize) -> bool {
        if self.is_text() {
            self.texts(0..rows).any(|text| text.is_none())
        } else {
            self.numbers(0..rows).any(|number| number.is_none())
        }
    }

    /// Returns whether both columns have the same values in the first `rows` rows.
    pub(super) fn is_like(&self, other: &Self, rows: usize) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Number(one), Self::Number(other)) => one == other,
            _ if self.is_text() != other.is_text() => false,
            _ if self.is_text() => self.texts(0..rows).eq(other.texts(0..rows)),
            _ => self.numbers(0..rows).eq(other.numbers(0..rows)),
        }
    }
}
