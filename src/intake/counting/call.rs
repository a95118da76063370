//! Call: one row of a request log that has been read.

use crate::facts::ids::Id;
use crate::intake::rows::sketch::Scalar;

/// Call that has been read, in worker-local numbers.
#[derive(Debug, Clone, Copy)]
pub struct Call<'b> {
    /// Microseconds since 1970.
    pub start_us: i64,
    pub duration_us: Option<u64>,
    /// 0 for a call outside the day, which adds to no fact.
    pub shape: u32,
    pub caller: u32,
    /// Its caller as the row names it, for the count of active callers.
    pub active: Scalar<'b>,
    /// Hash of the call's id; 0 without one.
    pub hash: u128,
    /// Message that the call admitted, and the caller that sent it; 0 for none.
    pub message: Id,
    pub sender: u32,
}
