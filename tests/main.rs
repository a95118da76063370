//! The integration tests: one binary, because each links polars.
//!
//! - `mistakes`: what is said about mistakes in config, policy and catalogue. To add a case, add a folder to
//!   `tests/mistakes/` with the bad files, run `BLESS=1 cargo test --test main mistakes` and read the diff.

mod mistakes;
