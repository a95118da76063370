//! Signals: SIGTERM and SIGINT stop a command where nothing is half done, with a message.

use std::io::Write;
use std::process;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

use super::voice;
use crate::error::{Cancellation, ExitCode, Trouble};

/// Time that a command has to stop by itself, such as while it waits for a slow disk.
///
/// Service managers kill a process some 30 to 90 seconds after they asked it to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens for signals on a thread of its own.
///
/// Work that looks at `cancellation` between its steps stops itself. A process is ended where it is
/// if it has no such work, is asked twice, or does not stop in time. This is what a kill does, and
/// the next run clears it away.
///
/// # Errors
/// The system does not take the handlers.
pub fn listen(cancellation: &Cancellation) -> Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("listening for signals")?;
    let cancellation = cancellation.clone();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                let by = signal_name(signal).unwrap_or("a signal");
                if !cancellation.cancel(by) {
                    end(by);
                }
                thread::spawn(move || {
                    thread::sleep(PATIENCE);
                    end(by);
                });
            }
        })
        .context("listening for signals")?;
    Ok(())
}

/// Ends the process, with a message if standard error takes it in time.
///
/// The thread that is to be ended may hold standard error and be stuck there.
fn end(by: &'static str) -> ! {
    let (told, is_told) = mpsc::channel();
    thread::spawn(move || {
        let _ = writeln!(voice::stderr(), "error: {}", Trouble::Ended { by });
        let _ = told.send(());
    });
    let _ = is_told.recv_timeout(Duration::from_secs(1));
    process::exit(ExitCode::Failed as i32)
}
