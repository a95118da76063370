//! Policy: Facts → Postings. Rules are data, first match wins, no match is suspense.

mod account;
mod postings;

pub use account::{Account, Group};
pub use postings::{Postings, Verdict};
