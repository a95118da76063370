//! Positioned reads: row groups of a file are read in parallel on one descriptor.

use std::io::{self, Read};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use crate::intake::files::bytes::log_bytes::LogBytes;

/// A file without a cursor, because clones of a plain file share one.
pub struct Positioned {
    file: LogBytes,
    size: u64,
}

impl Positioned {
    /// Returns the reader of a file.
    ///
    /// # Errors
    /// The disk cannot tell its size.
    pub fn new(file: &LogBytes) -> io::Result<Self> {
        Ok(Self { file: file.by_columns(), size: file.size()? })
    }
}

impl Length for Positioned {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Positioned {
    type T = io::BufReader<ReadFrom>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(io::BufReader::new(ReadFrom { file: self.file.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // A corrupt footer can claim any length.
        let end = start.checked_add(length as u64).filter(|end| *end <= self.size);
        if end.is_none() {
            let what = format!("{length} bytes from byte {start} lie beyond the end of the file");
            return Err(ParquetError::EOF(what));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// Reader with a position of its own.
pub struct ReadFrom {
    file: LogBytes,
    at: u64,
}

impl Read for ReadFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}
