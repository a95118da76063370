//! Tables: the reports for programs, one file per table or family of tables.

pub mod breaks;
pub mod daily;
pub mod deliveries;
pub mod failures;
pub mod outages;
pub mod overrides;
pub mod restatements;
pub mod rules;
pub mod summary;
