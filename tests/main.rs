//! The one integration test binary (each binary links polars, so there is one).
//!
//! `laws.rs`: what holds for any input (property tests). `tidy.rs`: the house rules, and documents that must match
//! the code. `given.rs`: how the others make input without logs.

mod given;
mod laws;
mod tidy;
