//! Suspicions: what chance does not explain, and only a person can decide.

pub mod fewer_files;
pub mod silent_first_layer;
pub mod suspected_caller;
pub mod suspected_outage;
pub mod undecided;
pub mod unknown_fields;
