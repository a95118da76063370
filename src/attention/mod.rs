//! Attention: what needs a person, under a key that stands open until it is closed.

mod finding;
mod key;
mod kind;
mod register;

pub use finding::{Attention, Look, Looks, NamedFiles};
pub use key::{CLOCK, part};
pub use kind::{AttentionKind, Closing};
pub use register::{Acknowledgement, KnownDays, LONGEST_NOTICE_DAYS, Register, Standing};
