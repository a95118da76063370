//! Parse, run, show trouble, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(uptime_ledger::cli::main() as u8)
}
