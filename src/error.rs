//! Errors: trouble in the world, and the exit codes of the process.
//!
//! There are three kinds, never mixed. A mistake ([`crate::document::Mistake`]) is in a file that a
//! person wrote; mistakes are collected and shown together. [`Trouble`] comes from the world: a log
//! that cannot be read, a full disk, a lock that is held. A bug is books that do not balance
//! ([`Trouble::Imbalance`]): nothing is published. A bad log row is none of these: it is data.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::redact::harmless;

/// The result of the process, as cron sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitCode {
    /// Published, or nothing to do.
    Done = 0,
    /// Failed; nothing was published.
    Failed = 1,
    /// The command line, the config, the policy or the catalogue is wrong; nothing was published.
    Usage = 2,
    /// Published, but a person should look: suspense, unreadable files, low coverage, quarantine.
    Attention = 3,
}

/// A request from outside to stop, which long work looks for between its steps.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<CancellationState>);

#[derive(Debug, Default)]
struct CancellationState {
    by: OnceLock<&'static str>,
    is_watched: AtomicBool,
}

impl Cancellation {
    /// Says that work has begun which looks for the request.
    pub fn watch(&self) {
        self.0.is_watched.store(true, Ordering::Relaxed);
    }

    /// Asks to stop, by the name of who asks.
    ///
    /// Returns false if no work looks for the request, or if it was made before.
    pub fn cancel(&self, by: &'static str) -> bool {
        self.0.is_watched.load(Ordering::Relaxed) && self.0.by.set(by).is_ok()
    }

    /// Checks that nobody asked to stop.
    ///
    /// # Errors
    /// [`Trouble::Stopped`].
    pub fn check(&self) -> Result<(), Trouble> {
        self.0.by.get().map_or(Ok(()), |by| Err(Trouble::Stopped { by }))
    }
}

/// Calls a foreign decoder and turns its panic into an error.
///
/// Some corrupt files make decoders panic, which is an error of the file like any other. `decode`
/// holds only the decoder and the code that feeds it: a panic of our own code is a bug, and nothing
/// may be published.
///
/// # Errors
/// The first line of the panic's message.
pub fn guarded<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|panic| {
        let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let words = harmless(words.lines().next().unwrap_or_default());
        format!("the decoder gave up, so the file is corrupt: {words}")
    })
}

/// Returns whether an error is trouble that stops the whole run ([`Trouble::stops_all`]).
pub fn stops_all(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Trouble>().is_some_and(Trouble::stops_all)
}

/// Trouble in the world; every message ends with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{path}: no such file or folder; check the spelling of the path")]
    Missing { path: PathBuf },
    #[error(
        "{path} is {what}, not a file, and was not opened; write what it gives to a file, and name that one"
    )]
    SpecialFile { path: PathBuf, what: &'static str },
    #[error(
        "{path} is {what}, where {wanted} should stand; nothing was read through it or written through it. Move it away, and put \
         back from a backup what belongs there; a lock or a report is made anew"
    )]
    NotPlain { path: PathBuf, what: &'static str, wanted: &'static str },
    #[error("{path}: {doing} failed: {cause}; {remedy}")]
    Io { path: PathBuf, doing: &'static str, cause: std::io::Error, remedy: &'static str },
    /// A store did not give what was asked for, which says nothing of what is there.
    #[error("{place}: {doing} failed: {why}; {remedy}")]
    Store { place: String, doing: &'static str, why: String, remedy: &'static str },
    #[error("{path} is in use by another run ({holder}); wait for it to end, or give this run another --out")]
    Locked { path: PathBuf, holder: String },
    #[error(
        "{path} was changed while this run held it: {why}; this run has written nothing since. See that one job alone uses this \
         folder, and run again"
    )]
    Replaced { path: PathBuf, why: String },
    #[error(
        "{path} is damaged: {why}. `uptime-ledger repair` rebuilds what follows from other files, and names what only a backup has"
    )]
    Damaged { path: PathBuf, why: String },
    #[error(
        "{path} is not damaged, but its format is {format}, and this version of the job reads formats up to {newest}: a newer \
         version has written it. Run that version, or a newer one"
    )]
    Newer { path: PathBuf, format: u32, newest: u32 },
    #[error(
        "stopped by {by}: what was published before stands, and all else is as it was; run again to go on"
    )]
    Stopped { by: &'static str },
    /// The process ends in the middle of something.
    #[error(
        "ended by {by} before it was done: the next run clears away what it was writing; give any other command again"
    )]
    Ended { by: &'static str },
    /// The facts and names of a day need more memory than a run may take; sizes are in MiB.
    #[error(
        "{path}: the day does not fit into {memory} MiB of memory: at least {facts} facts (a minute, a kind of outcome and a caller each) and \
         {values} different values of `{field}` need {needed} MiB or more. If `{field}` is mapped by mistake, name \
         another column under [source.columns], or none (`{field} = false`); else give the run more: --memory {suggested}MiB",
        suggested = 2 * needed
    )]
    TooLarge { path: String, facts: usize, field: &'static str, values: usize, needed: usize, memory: usize },
    /// A worker or a file of an exchange is not of this run.
    #[error(
        "{name} is not of this job: its {what} is {found}, expected {wanted}; nothing of it was used. See that all workers are the \
         uptime-ledger that runs, and that nothing else writes to this exchange"
    )]
    OtherJob { name: String, what: &'static str, found: String, wanted: String },
    /// A file of an exchange cannot be used.
    #[error("{name} cannot be used: {why}; run again, and look at the exchange if it stays")]
    BrokenExchange { name: String, why: String },
    /// An engine did not run the tasks of a stage.
    #[error("the {stage} tasks were not done: {why}; the ledger is as it was. {remedy}")]
    Engine { stage: String, why: String, remedy: &'static str },
    /// Nothing is written until persons say how to go on.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Usage(String),
    #[error("no log file of the run could be read; nothing was published:\n{0}")]
    NothingReadable(String),
    #[error(
        "the books do not balance: {0}; nothing was published. This is a bug: please report it with this message"
    )]
    Imbalance(String),
}

impl Trouble {
    /// Creates an I/O error in a file of our own, with the remedy that fits its kind.
    pub fn io(path: impl Into<PathBuf>, doing: &'static str, cause: std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let remedy = match cause.kind() {
            Kind::NotFound => "check the spelling of the path",
            Kind::PermissionDenied => "give the user of the job access to it",
            Kind::StorageFull | Kind::QuotaExceeded => "free some space on that disk and run again",
            Kind::NotADirectory | Kind::IsADirectory | Kind::AlreadyExists => {
                "a file stands where a folder is needed, or the reverse"
            }
            Kind::ReadOnlyFilesystem => "choose a folder on a disk that can be written to",
            _ => "run again; if it stays, look at the disk",
        };
        Self::Io { path: path.into(), doing, cause, remedy }
    }

    /// Returns trouble with a stored file as damage: the day that needs the file stops alone.
    #[must_use]
    pub fn of_stored(self) -> Self {
        match self {
            Self::Io { path, doing, cause, .. } => {
                Self::Damaged { path, why: format!("{doing} failed: {cause}") }
            }
            other => other,
        }
    }

    /// Returns trouble of a worker that knows its file by number alone, with the name of that file.
    #[must_use]
    pub fn in_log(self, shown: &str) -> Self {
        match self {
            Self::TooLarge { facts, field, values, needed, memory, .. } => {
                Self::TooLarge { path: shown.to_owned(), facts, field, values, needed, memory }
            }
            other => other,
        }
    }

    /// Returns whether a stored file cannot be read by this job: it is damaged, or too new.
    pub const fn is_of_stored(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Newer { .. })
    }

    /// Returns whether it is of the machine or of how the run was asked for, and not of one day.
    ///
    /// Any other trouble stops its day alone.
    pub const fn stops_all(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::SpecialFile { .. }
            | Self::Io { .. }
            | Self::Locked { .. }
            | Self::NotPlain { .. }
            | Self::Replaced { .. }
            | Self::Stopped { .. }
            | Self::Ended { .. }
            | Self::Refused(_)
            | Self::Usage(_) => true,
            Self::Store { .. }
            | Self::OtherJob { .. }
            | Self::BrokenExchange { .. }
            | Self::Engine { .. }
            | Self::Damaged { .. }
            | Self::Newer { .. }
            | Self::TooLarge { .. }
            | Self::NothingReadable(_)
            | Self::Imbalance(_) => false,
        }
    }

    /// Returns the exit code of a run that ends with this trouble.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::Missing { .. } | Self::SpecialFile { .. } => ExitCode::Usage,
            _ => ExitCode::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_that_panics_is_an_error_with_its_words() {
        assert_eq!(guarded(|| 1), Ok(1));
        let words = |decode: fn()| guarded(decode).unwrap_err();
        assert_eq!(words(|| panic!("torn")), "the decoder gave up, so the file is corrupt: torn");
        let told = "page 7\nof many";
        assert!(guarded(|| panic!("{told}")).map(drop).unwrap_err().ends_with("corrupt: page 7"));
    }
}
