//! Connect: a client of Spark Connect that runs statements and ships files to their tasks.
//!
//! It is what the Spark engine needs and no more: a session, files for the executors, statements
//! whose rows are only counted, progress, and a way to stop. Everything asynchronous stays inside.

mod address;
mod artifact;
mod client;
mod error;
mod failure;
mod link;
mod messages;
mod session;
mod statement;

pub use address::Address;
pub use client::SparkClient;
pub use error::ConnectError;
pub use statement::StatementProgress;
