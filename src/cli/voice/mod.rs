//! Voice: what commands write to standard output and standard error, and whether it arrived.
//!
//! A command does not stop because nobody reads it: the first failure of a stream is kept, the rest
//! of what is written there is dropped, and [`crate::cli::main`] tells it at the end.

pub mod progress;
pub mod summary;
pub mod text;

use std::io::{self, ErrorKind, Stderr, StderrLock, StdoutLock, Write};
use std::sync::OnceLock;

use serde::Serialize;

use crate::redact::{printable, visible_json};

/// Why standard output stopped taking what was written.
static UNHEARD: OnceLock<io::Error> = OnceLock::new();

/// A writer that goes on where its stream does not take what is written.
pub struct Heard<W> {
    stream: W,
    /// Where the first failure is kept; `None` if there is no stream left to tell it on.
    failure: Option<&'static OnceLock<io::Error>>,
}

impl<W> Heard<W> {
    fn keep<T>(&self, written: io::Result<T>, otherwise: T) -> io::Result<T> {
        match written {
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                if let Some(failure) = self.failure {
                    let _ = failure.set(error);
                }
                Ok(otherwise)
            }
            written => written,
        }
    }
}

impl<W: Write> Write for Heard<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failure.is_some_and(|failure| failure.get().is_some()) {
            return Ok(bytes.len());
        }
        let written = self.stream.write(bytes);
        self.keep(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.stream.flush();
        self.keep(flushed, ())
    }
}

/// A writer that lets no text steer the terminal.
///
/// Hidden characters other than line ends become `\u{..}`. Names of services, regions and files
/// come from logs, so they may hold such characters.
pub struct TerminalSafe<W>(pub W);

impl<W: Write> Write for TerminalSafe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.0.write_all(b"\n")?;
            }
            self.0.write_all(printable(line.as_bytes(), line.len()).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Returns standard output for people.
pub fn stdout() -> TerminalSafe<Heard<StdoutLock<'static>>> {
    TerminalSafe(data())
}

/// Writes a value as JSON to standard output: on one line, or laid out for people to read as well.
///
/// # Errors
/// The value is no JSON.
pub fn json(value: &impl Serialize, is_laid_out: bool) -> io::Result<()> {
    let text = if is_laid_out { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) }?;
    writeln!(data(), "{}", visible_json(&text))
}

/// Returns standard output as it is, for text that was checked before.
pub fn data() -> Heard<StdoutLock<'static>> {
    Heard { stream: io::stdout().lock(), failure: Some(&UNHEARD) }
}

/// Returns standard error for people.
pub fn stderr() -> TerminalSafe<Heard<StderrLock<'static>>> {
    TerminalSafe(Heard { stream: io::stderr().lock(), failure: None })
}

/// Returns standard error for lines of the log, whose colours are ours.
pub fn log() -> Heard<Stderr> {
    Heard { stream: io::stderr(), failure: None }
}

/// Returns why standard output did not take everything, if it did not.
pub fn unheard() -> Option<&'static io::Error> {
    let _ = data().flush();
    UNHEARD.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_written_steers_no_terminal() {
        let mut out = TerminalSafe(Vec::new());
        out.write_all("a \u{1b}[31m\n\u{202e} é\u{200b}".as_bytes()).unwrap();
        assert_eq!(String::from_utf8(out.0).unwrap(), "a \\u{1b}[31m\n\\u{202e} é\\u{200b}");
    }

    #[test]
    fn a_stream_that_takes_nothing_stops_nobody_and_is_told() {
        static FAILURE: OnceLock<io::Error> = OnceLock::new();
        let mut out = Heard { stream: Full, failure: Some(&FAILURE) };
        writeln!(out, "one").unwrap();
        writeln!(out, "two").unwrap();
        assert_eq!(FAILURE.get().map(io::Error::kind), Some(ErrorKind::StorageFull));
        writeln!(Heard { stream: Full, failure: None }, "three").unwrap();
    }
}
