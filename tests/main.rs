//! The one integration test binary (each binary links polars, so there is one).
//!
//! `figures.rs`: worked examples. `laws.rs`: what holds for any input (property tests). `tidy.rs`: the house rules, and documents that must match
//! the code. `given.rs`: how the others make input without logs.

mod figures;
mod given;
mod laws;
mod tidy;
