//! Intake: logs → Facts. The only heavy stage; it knows no policy.

mod facts;
mod latency;

pub use facts::{Admission, Evidence, Fact, Facts, Kind, Reached, RowRef, Stream, Symptom, Vantage};
pub use latency::{Histogram, Latencies};
