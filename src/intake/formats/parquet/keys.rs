//! Keys: the sketch keys of a batch, one number per row, built column by column.

use super::cells::Cells;
use crate::intake::rows::sketch::{FieldRole, PerRowField, Sketch};

/// A column of one batch.
pub struct BatchColumn<'a> {
    pub field: usize,
    pub rank: u8,
    pub cells: Cells<'a>,
}

/// Keys of one batch.
pub struct Keys<'c, 'a> {
    numbers: Vec<u64>,
    /// Rows that must take the slow path.
    odd: Vec<bool>,
    /// Columns that are read in every row.
    own: Vec<(PerRowField, &'c Cells<'a>)>,
    /// Bit set of the fields outside the key that any row has.
    seen: u32,
}

impl<'c, 'a> Keys<'c, 'a> {
    /// Builds the keys from the columns of a batch and their roles.
    ///
    /// `None` if a column has no cheap digits, or if the digits of all columns do not fit into 64
    /// bits.
    pub fn of(
        rows: usize,
        columns: &'c [BatchColumn<'a>],
        parts: &[FieldRole],
        is_joined: bool,
    ) -> Option<Self> {
        let mut keys = Self { numbers: vec![0; rows], odd: vec![false; rows], own: Vec::new(), seen: 0 };
        // As long as this product does not overflow, all numbers are below it.
        let mut bound = 1_u64;
        for (BatchColumn { field, cells, .. }, part) in columns.iter().zip(parts) {
            match part {
                FieldRole::SketchKey => {
                    let base = cells.add_digits(&mut keys.numbers, &mut keys.odd)?;
                    bound = bound.checked_mul(base)?;
                }
                FieldRole::Ignored => {
                    let is_seen = (0..rows).any(|n| !cells.value(n).is_nothing());
                    keys.seen |= u32::from(is_seen) << field;
                }
                FieldRole::PerRowField(_) | FieldRole::PresenceOnly => {
                    let is_there = |n| cells.is_there(n);
                    keys.seen |= u32::from((0..rows).any(is_there)) << field;
                    if part.is_there() {
                        for (n, number) in keys.numbers.iter_mut().enumerate() {
                            *number = number.wrapping_mul(2).wrapping_add(u64::from(is_there(n)));
                        }
                        bound = bound.checked_mul(2)?;
                    }
                    // Without webhook logs, no message is needed.
                    if let FieldRole::PerRowField(own) = part
                        && (is_joined || *own != PerRowField::Message)
                    {
                        // Two columns of one field: the slow path knows which of them counts.
                        if keys.own.iter().any(|(known, _)| known == own) {
                            return None;
                        }
                        keys.own.push((*own, cells));
                    }
                }
            }
        }
        Some(keys)
    }

    /// Sketches a row; false if it must take the slow path.
    #[inline]
    pub fn sketch(&self, row: usize, sketch: &mut Sketch<'a>) -> bool {
        if self.odd[row] {
            return false;
        }
        sketch.clear();
        sketch.key.number = self.numbers[row];
        for (own, cells) in &self.own {
            cells.put(row, sketch.own_mut(*own));
        }
        sketch.seen = self.seen;
        true
    }
}
