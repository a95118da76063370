//! Log bytes: the content of a log file, read by position, wherever the file lies.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Trouble;
use crate::plain_file::SpooledInput;
use crate::store::{Blocks, Parts as _, StoredObject};

/// Where a log file lies.
#[derive(Debug, Clone)]
pub enum LogPlace {
    Disk(PathBuf),
    /// Standard input, which was copied to the disk.
    Input(SpooledInput),
    /// An object in a store.
    Object(StoredObject),
}

impl LogPlace {
    /// Returns why a store did not give the file, if that has happened.
    ///
    /// Such a file is not corrupt, and nothing may be taken for absent: the day is not read.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Object(object) => object.trouble(),
            Self::Disk(_) | Self::Input(_) => None,
        }
    }
}

/// A log file that is open.
#[derive(Debug, Clone)]
pub enum LogBytes {
    Disk(Arc<File>),
    /// An object, with the parts of it that were read last.
    Object(StoredObject, Arc<Blocks>),
}

impl LogBytes {
    /// Opens a file.
    ///
    /// # Errors
    /// The file of a disk cannot be opened.
    pub fn open(place: &LogPlace) -> io::Result<Self> {
        Ok(match place {
            LogPlace::Disk(path) => Self::Disk(Arc::new(File::open(path)?)),
            LogPlace::Input(input) => Self::Disk(input.file()),
            LogPlace::Object(object) => Self::Object(object.clone(), Arc::new(Blocks::of_text())),
        })
    }

    /// Returns the same file, to be read by pages of Parquet columns.
    #[must_use]
    pub fn by_columns(&self) -> Self {
        match self {
            Self::Disk(file) => Self::Disk(file.clone()),
            Self::Object(object, _) => Self::Object(object.clone(), Arc::new(Blocks::of_columns())),
        }
    }

    /// Returns the length in bytes.
    ///
    /// # Errors
    /// The disk cannot tell it.
    pub fn size(&self) -> io::Result<u64> {
        match self {
            Self::Disk(file) => Ok(file.metadata()?.len()),
            Self::Object(object, _) => Ok(object.bytes()),
        }
    }

    /// Reads some bytes from a position on; 0 at the end of the file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::Disk(file) => file.read_at(buffer, at),
            Self::Object(object, blocks) => blocks.read_at(object, buffer, at),
        }
    }

    /// Fills the buffer from a position on.
    ///
    /// # Errors
    /// The file cannot be read, or ends before.
    pub fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        match self {
            Self::Disk(file) => file.read_exact_at(buffer, at),
            Self::Object(object, blocks) => blocks.read_exact_at(object, buffer, at),
        }
    }

    /// Returns a reader of the file from its beginning.
    pub fn reader(&self) -> Box<dyn Read + Send> {
        match self {
            Self::Disk(file) => Box::new(FromStart { file: file.clone(), at: 0 }),
            Self::Object(object, blocks) => Box::new(object.reader(blocks.clone())),
        }
    }
}

/// Reader by position, so that clones of one descriptor do not share a cursor.
struct FromStart {
    file: Arc<File>,
    at: u64,
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}
