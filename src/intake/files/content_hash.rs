//! Content hash: the hash of a file, made of the hashes of its pieces.
//!
//! Several workers can then hash a file while they read it.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Bytes per piece; the last one may be shorter.
pub const PIECE: usize = 8 << 20;

/// Length in bytes and hash of a file as it was read; of an object what the store calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    pub bytes: u64,
    pub hash: String,
    /// Version of an object, if its store keeps versions.
    pub version: Option<String>,
}

/// Returns the hash of a piece.
pub fn hash(piece: &[u8]) -> u128 {
    debug_assert!(piece.len() <= PIECE);
    xxh3_128(piece)
}

/// Returns the hash of a file, in hex.
///
/// It is the XXH3-128 of its bytes, or of the hashes of its pieces if there are several.
pub fn of_file(pieces: &[u128]) -> String {
    let hash = match pieces {
        [] => xxh3_128(b""),
        [alone] => *alone,
        several => xxh3_128(&several.iter().flat_map(|hash| hash.to_le_bytes()).collect::<Vec<_>>()),
    };
    format!("{hash:032x}")
}

/// Hasher of pieces, for bytes that come in order.
pub struct Pieces {
    done: Vec<u128>,
    open: Box<Xxh3>,
    length: usize,
    /// Bytes seen so far.
    pub bytes: u64,
}

impl Pieces {
    pub fn new() -> Self {
        Self { done: Vec::new(), open: Box::default(), length: 0, bytes: 0 }
    }

    pub fn update(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.length));
            self.open.update(now);
            self.length += now.len();
            if self.length == PIECE {
                self.close();
            }
            bytes = later;
        }
    }

    fn close(&mut self) {
        self.done.push(self.open.digest128());
        self.open.reset();
        self.length = 0;
    }

    /// Returns the hashes of all pieces.
    pub fn finish(&mut self) -> Vec<u128> {
        if self.length > 0 {
            self.close();
        }
        std::mem::take(&mut self.done)
    }
}

/// Reader that hashes all bytes that pass through it.
pub struct Hashing<R> {
    reader: R,
    pieces: Arc<Mutex<Pieces>>,
}

impl<R> Hashing<R> {
    pub fn new(reader: R) -> (Self, Arc<Mutex<Pieces>>) {
        let pieces = Arc::new(Mutex::new(Pieces::new()));
        (Self { reader, pieces: Arc::clone(&pieces) }, pieces)
    }
}

/// Returns the pieces; to be called when no more bytes are added.
pub fn seen(pieces: &Mutex<Pieces>) -> MutexGuard<'_, Pieces> {
    pieces.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        seen(&self.pieces).update(&buffer[..n]);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_the_pieces_of_its_file() {
        let bytes: Vec<u8> = (0..PIECE * 2 + 5).map(|n| (n * 7 % 251) as u8).collect();
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, bytes.len()] {
            let whole: Vec<u128> = bytes[..length].chunks(PIECE).map(hash).collect();
            let mut stream = Pieces::new();
            bytes[..length].chunks(1_000_003).for_each(|part| stream.update(part));
            assert_eq!((stream.bytes, stream.finish()), (length as u64, whole.clone()));
            if length <= PIECE {
                assert_eq!(of_file(&whole), format!("{:032x}", xxh3_128(&bytes[..length])));
            }
        }
    }
}
