//! Blocks: the last parts of an object that were read, so that small reads cost no request each.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// Something that is read by parts.
pub trait Parts {
    /// Returns its length.
    fn bytes(&self) -> u64;

    /// Reads a part.
    ///
    /// # Errors
    /// The store does not give it, or the object was written anew since it was listed.
    fn part(&self, range: Range<u64>) -> io::Result<Bytes>;
}

/// Parts of one object, each of `size` bytes but the last.
#[derive(Debug)]
pub struct Blocks {
    size: u64,
    /// Number of blocks that are kept.
    most: usize,
    /// Numbers and content, the one used last at the end.
    kept: Mutex<VecDeque<(u64, Bytes)>>,
}

impl Blocks {
    pub const fn new(size: u64, most: usize) -> Self {
        Self { size, most, kept: Mutex::new(VecDeque::new()) }
    }

    /// For texts: their first bytes, and the ends of lines behind a chunk.
    pub const fn of_text() -> Self {
        Self::new(256 << 10, 4)
    }

    /// For Parquet: pages of some ten columns that are read side by side.
    pub const fn of_columns() -> Self {
        Self::new(1 << 20, 32)
    }

    /// Reads some bytes from a position on; 0 at the end of the object.
    ///
    /// # Errors
    /// The object cannot be read.
    pub fn read_at(&self, object: &impl Parts, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let left = object.bytes().saturating_sub(at);
        let length = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if length == 0 {
            return Ok(0);
        }
        // A large part is asked for as it is, and not kept.
        if length as u64 >= self.size {
            let part = object.part(at..at + length as u64)?;
            buffer[..length].copy_from_slice(&part);
            return Ok(length);
        }
        let number = at / self.size;
        let block = self.block(object, number)?;
        let from = (at - number * self.size) as usize;
        let length = length.min(block.len() - from);
        buffer[..length].copy_from_slice(&block[from..from + length]);
        Ok(length)
    }

    /// Fills the buffer from a position on.
    ///
    /// # Errors
    /// The object cannot be read, or ends before.
    pub fn read_exact_at(&self, object: &impl Parts, mut buffer: &mut [u8], mut at: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(object, buffer, at)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => {
                    buffer = &mut buffer[n..];
                    at += n as u64;
                }
            }
        }
        Ok(())
    }

    /// Returns the first block, which is often all that is needed.
    ///
    /// # Errors
    /// The object cannot be read.
    pub fn first(&self, object: &impl Parts) -> io::Result<Bytes> {
        if object.bytes() == 0 { Ok(Bytes::new()) } else { self.block(object, 0) }
    }

    fn block(&self, object: &impl Parts, number: u64) -> io::Result<Bytes> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = {
            let mut kept = kept();
            let at = kept.iter().position(|(n, _)| *n == number);
            let found = at.and_then(|at| kept.remove(at));
            if let Some(found) = &found {
                kept.push_back(found.clone());
            }
            found
        };
        if let Some((_, block)) = found {
            return Ok(block);
        }
        let start = number * self.size;
        let block = object.part(start..(start + self.size).min(object.bytes()))?;
        let mut kept = kept();
        if kept.len() >= self.most {
            kept.pop_front();
        }
        kept.push_back((number, block.clone()));
        Ok(block)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    struct Text(Vec<u8>, RefCell<Vec<Range<u64>>>);

    impl Parts for Text {
        fn bytes(&self) -> u64 {
            self.0.len() as u64
        }

        fn part(&self, range: Range<u64>) -> io::Result<Bytes> {
            self.1.borrow_mut().push(range.clone());
            Ok(Bytes::copy_from_slice(&self.0[range.start as usize..range.end as usize]))
        }
    }

    #[test]
    fn any_read_gives_the_bytes_of_the_object_and_small_ones_share_a_request() {
        let text = Text((0..=255).cycle().take(1_000).collect(), RefCell::default());
        let blocks = Blocks::new(100, 2);
        for (at, length) in
            [(0, 10), (5, 90), (95, 20), (990, 10), (300, 250), (0, 1_000), (999, 1), (100, 0)]
        {
            let mut buffer = vec![0; length];
            blocks.read_exact_at(&text, &mut buffer, at as u64).unwrap();
            assert_eq!(buffer, text.0[at..at + length], "{at} {length}");
        }
        // The first two reads and half of the third are in one block.
        assert_eq!(text.1.borrow()[..3], [0..100, 100..200, 900..1_000]);
        assert_eq!(blocks.read_at(&text, &mut [0; 10], 1_000).unwrap(), 0);
        assert!(blocks.read_exact_at(&text, &mut [0; 10], 995).is_err());
        assert_eq!(blocks.first(&Text(Vec::new(), RefCell::default())).unwrap(), Bytes::new());
    }
}
