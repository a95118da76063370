//! Notes: what a day's logs tell of themselves: balances, hours, copies, words not understood.

pub mod file_hours;
pub mod receipts;
pub mod source_rows;
pub mod understood;
pub mod unreadable;
pub mod views;
