//! uptime-ledger

pub mod cli;
pub mod config;
pub mod day;
pub mod error;
pub mod intake;
pub mod ledger;
pub mod measure;
pub mod pipeline;
pub mod policy;
pub mod report;
pub mod sample;
pub mod slots;
pub mod table;
