//! Content hash: the BLAKE3 of a file, made of the hashes of its pieces.
//!
//! Several workers can then hash a file while they read it. The result is what `b3sum` prints.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::store::ObjectIdentity;

/// Bytes per piece; the last one may be shorter.
///
/// It is a power of two, so that each piece is a subtree of BLAKE3.
pub const PIECE: usize = 8 << 20;

/// Name before a hash; a hash without a name is one of a version that took XXH3-128.
const NAME: &str = "blake3:";

/// Length in bytes and hash of a file as it was read; of an object what the store calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    pub bytes: u64,
    pub hash: ContentHash,
    /// Version of an object, if its store keeps versions.
    pub version: Option<String>,
}

/// The hash of a file, under its name and under the one that earlier versions gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentHash {
    /// `blake3:` and 64 hex digits, or what a store calls an object.
    pub name: String,
    /// XXH3-128 in 32 hex digits, of the bytes or, beyond one piece, of the hashes of the pieces.
    ///
    /// Of an object it is its name.
    pub early: String,
}

impl Whole {
    /// Returns an object as its store knows it.
    pub fn of_object(identity: &ObjectIdentity, version: Option<&str>) -> Self {
        let hash = ContentHash { name: identity.name.clone(), early: identity.name.clone() };
        Self { bytes: identity.bytes, hash, version: version.map(str::to_owned) }
    }
}

/// Hash of a piece, from which the hash of its file is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PieceHash {
    subtree: ChainingValue,
    /// The hash of the file if the piece is its only one; of the first piece alone.
    alone: Option<blake3::Hash>,
    early: u128,
}

/// Returns the hash of a piece, by its number from 0.
pub fn hash(piece: &[u8], number: u64) -> PieceHash {
    assert!(piece.len() <= PIECE);
    let mut hasher = begun(number);
    hasher.update(piece);
    finished(&hasher, number, xxh3_128(piece))
}

fn begun(number: u64) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    if number > 0 {
        hasher.set_input_offset(number * PIECE as u64);
    }
    hasher
}

fn finished(hasher: &blake3::Hasher, number: u64, early: u128) -> PieceHash {
    let alone = (number == 0).then(|| hasher.finalize());
    PieceHash { subtree: hasher.finalize_non_root(), alone, early }
}

/// Returns the hash of a file of `bytes` bytes, from those of all its pieces.
pub fn of_file(pieces: &[PieceHash], bytes: u64) -> ContentHash {
    let early = match pieces {
        [] => xxh3_128(b""),
        [alone] => alone.early,
        several => xxh3_128(&several.iter().flat_map(|piece| piece.early.to_le_bytes()).collect::<Vec<_>>()),
    };
    let whole = match pieces {
        [] => blake3::hash(b""),
        [PieceHash { alone: Some(whole), .. }] => *whole,
        several => {
            let (left, right) = halves(several, bytes);
            merge_subtrees_root(&left, &right, Mode::Hash)
        }
    };
    ContentHash { name: format!("{NAME}{}", whole.to_hex()), early: format!("{early:032x}") }
}

/// Returns both halves of a tree over at least two pieces.
fn halves(pieces: &[PieceHash], bytes: u64) -> (ChainingValue, ChainingValue) {
    let left_bytes = left_subtree_len(bytes);
    let (left, right) = pieces.split_at((left_bytes / PIECE as u64) as usize);
    (subtree(left, left_bytes), subtree(right, bytes - left_bytes))
}

fn subtree(pieces: &[PieceHash], bytes: u64) -> ChainingValue {
    match pieces {
        [one] => one.subtree,
        several => {
            let (left, right) = halves(several, bytes);
            merge_subtrees_non_root(&left, &right, Mode::Hash)
        }
    }
}

/// Hasher of pieces, for bytes that come in order.
pub struct Pieces {
    done: Vec<PieceHash>,
    open: Box<(blake3::Hasher, Xxh3)>,
    length: usize,
    /// Bytes seen so far.
    pub bytes: u64,
}

impl Pieces {
    pub fn new() -> Self {
        Self { done: Vec::new(), open: Box::new((begun(0), Xxh3::new())), length: 0, bytes: 0 }
    }

    pub fn update(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.length));
            self.open.0.update(now);
            self.open.1.update(now);
            self.length += now.len();
            if self.length == PIECE {
                self.close();
            }
            bytes = later;
        }
    }

    fn close(&mut self) {
        let (hasher, early) = &*self.open;
        let number = self.done.len() as u64;
        self.done.push(finished(hasher, number, early.digest128()));
        *self.open = (begun(number + 1), Xxh3::new());
        self.length = 0;
    }

    /// Returns the hashes of all pieces.
    pub fn finish(&mut self) -> Vec<PieceHash> {
        if self.length > 0 {
            self.close();
        }
        std::mem::take(&mut self.done)
    }

    /// Returns the hash of all bytes.
    pub fn whole(&mut self) -> ContentHash {
        let bytes = self.bytes;
        of_file(&self.finish(), bytes)
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
    fn the_hash_of_a_file_is_blake3_however_it_is_cut() {
        let bytes: Vec<u8> = (0..PIECE * 5 + 5).map(|n| (n * 7 % 251) as u8).collect();
        for length in [
            0,
            1,
            1_024,
            1_025,
            PIECE - 1,
            PIECE,
            PIECE + 1,
            2 * PIECE,
            3 * PIECE + 9,
            4 * PIECE,
            bytes.len(),
        ] {
            let text = &bytes[..length];
            let whole: Vec<PieceHash> =
                text.chunks(PIECE).zip(0..).map(|(piece, n)| hash(piece, n)).collect();
            let mut stream = Pieces::new();
            text.chunks(1_000_003).for_each(|part| stream.update(part));
            assert_eq!((stream.bytes, stream.finish()), (length as u64, whole.clone()));
            let found = of_file(&whole, length as u64);
            assert_eq!(found.name, format!("blake3:{}", blake3::hash(text).to_hex()), "{length}");
            if length <= PIECE {
                assert_eq!(found.early, format!("{:032x}", xxh3_128(text)));
            }
        }
    }
}
