//! Overrides: postings → postings; reviewed rows move counts, and no posting is ever edited.
//!
//! `sheet` reads the file that people write, `plan` decides which of its rows apply, and `adjust`
//! books them. A row that cannot be read is refused by itself, with its place in the file: it
//! spoils neither the other rows nor the run.

mod adjust;
mod check;
mod known;
mod override_row;
mod person;
mod plan;
mod refusal;
mod select;
mod sheet;
mod window;

pub use crate::policy::Direction;
pub use adjust::{Moved, adjust};
pub use known::{KnownRows, LedgerRow};
pub use override_row::{COLUMNS, Code, Override, selects};
pub use person::{is_listed, is_same_person};
pub use plan::{Decided, Decision, Filed, Touched, plan, plan_with_gone};
pub use refusal::{Conflict, Refusal};
pub use select::{PostingKey, bad_postings};
pub use sheet::{Malformed, OverrideSheet, read, read_known};
pub use window::{LateEvidence, MoreTime, RowTiming, Windows};
