//! Main: runs the command line and exits with its code.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(uptime_ledger::cli::main())
}
