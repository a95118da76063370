//! The integration tests: one binary, because each links polars.
//!
//! - `figures`: worked examples of slots, runs and months.
//! - `laws`: what holds for any input (property tests).
//! - `mistakes`: what is said about mistakes in config, policy and catalogue. To add a case, add a folder to
//!   `tests/mistakes/` with the bad files, run `BLESS=1 cargo test --test main mistakes` and read the diff.
//! - `tidy`: the house rules, and documents that must match the code.
//! - `given`: how the others make input without logs.

#![allow(
    clippy::unwrap_used,
    reason = "helpers outside #[test] functions stop at the first surprise as well"
)]

mod figures;
mod given;
mod job;
mod laws;
mod mistakes;
mod tidy;
mod truth;
