//! Rows: one row of a log → the values it holds, or the reason why it cannot be read.

pub mod attempt_reader;
pub mod endpoints;
pub mod fields;
pub mod instant;
pub mod interner;
pub mod mapping;
pub mod nginx;
pub mod raw_row;
pub mod request_shape;
pub mod sketch;
pub mod source_reader;
