//! Logs that others have written: as their programs write them, and as the public has them.

mod formats;
mod realdata;
