//! Exchange file: a file of an exchange, which is opened anew for each read.
//!
//! A task reads from the results of all others, and a run from those of all its tasks: there may be
//! thousands, and most systems allow a process 1,024 open files.

use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Trouble;
use crate::intake::files::bytes::log_bytes::LogBytes;
use crate::plain_file;

/// A file of an exchange.
#[derive(Debug, Clone)]
pub struct ExchangeFile {
    /// Path or address, for messages.
    pub name: String,
    place: FilePlace,
}

#[derive(Debug, Clone)]
enum FilePlace {
    Disk(PathBuf),
    Bucket(LogBytes),
}

impl ExchangeFile {
    pub fn of_disk(path: PathBuf) -> Self {
        Self { name: path.display().to_string(), place: FilePlace::Disk(path) }
    }

    pub const fn of_bucket(name: String, object: LogBytes) -> Self {
        Self { name, place: FilePlace::Bucket(object) }
    }

    /// Opens the file for some reads.
    ///
    /// # Errors
    /// [`Trouble::BrokenExchange`]: it is not there, or no plain file; [`Trouble::Io`].
    pub fn open(&self) -> Result<LogBytes, Trouble> {
        match &self.place {
            FilePlace::Bucket(object) => Ok(object.clone()),
            FilePlace::Disk(path) => match plain_file::open(path) {
                Ok(file) => Ok(LogBytes::Disk(Arc::new(file))),
                Err(Trouble::Io { cause, .. }) if cause.kind() == ErrorKind::NotFound => {
                    Err(self.broken("it is not there"))
                }
                Err(trouble @ Trouble::NotPlain { .. }) => Err(self.broken(trouble)),
                Err(trouble) => Err(trouble),
            },
        }
    }

    /// Reads so many bytes of an open file from a position on.
    ///
    /// # Errors
    /// [`Trouble::BrokenExchange`]: it ends before; [`Trouble::Io`].
    pub fn read_at(&self, open: &LogBytes, length: usize, at: u64) -> Result<Vec<u8>, Trouble> {
        let mut bytes = vec![0; length];
        open.read_exact_at(&mut bytes, at).map_err(|e| self.unread(e))?;
        Ok(bytes)
    }

    /// Reads the whole file.
    ///
    /// # Errors
    /// As for [`ExchangeFile::open`].
    pub fn read(&self) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        self.open()?.reader().read_to_end(&mut bytes).map_err(|e| self.unread(e))?;
        Ok(bytes)
    }

    /// Reads at most so many bytes from the beginning.
    ///
    /// # Errors
    /// As for [`ExchangeFile::open`].
    pub fn read_first(&self, most: usize) -> Result<Vec<u8>, Trouble> {
        let open = self.open()?;
        let size = open.size().map_err(|e| self.unread(e))?;
        self.read_at(&open, size.min(most as u64) as usize, 0)
    }

    /// Returns trouble with the content of this file.
    pub fn broken(&self, why: impl ToString) -> Trouble {
        Trouble::BrokenExchange { name: self.name.clone(), why: why.to_string() }
    }

    /// Returns trouble of a read; what a store says is told in its words.
    pub fn unread(&self, e: std::io::Error) -> Trouble {
        match (&self.place, e.kind()) {
            (FilePlace::Disk(path), kind) if kind != ErrorKind::UnexpectedEof => {
                Trouble::io(path, "reading a file of the exchange", e)
            }
            _ => self.broken(e),
        }
    }
}
