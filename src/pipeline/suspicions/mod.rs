//! Suspicions: what chance does not explain, and only a person can decide.

pub mod silent_first_layer;
pub mod suspected_outage;
