//! Intake: logs → Facts. The only heavy stage; it knows no policy.

mod balance;
mod facts;
mod latency;

pub use balance::FileBalance;
pub use facts::{Admission, Evidence, Fact, Facts, Kind, Reached, RowRef, Stream, Symptom, Vantage};
pub use latency::{Histogram, Latencies};
