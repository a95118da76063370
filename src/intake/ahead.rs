//! Ahead: a thread of its own inflates a file while its rows are read, so that one huge compressed file keeps two cores busy.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Bytes that are handed over at once, and how many such blocks may wait.
const BLOCK: usize = 1 << 20;
const WAITING: usize = 4;

enum Part {
    Text(Vec<u8>),
    End(io::Result<()>),
}

/// What a reader on another thread has read ahead.
pub struct Ahead {
    parts: Receiver<Part>,
    text: Vec<u8>,
    at: usize,
    is_ended: bool,
}

/// Reads `reader`, which `open` makes on a thread of its own, ahead of whoever reads the result.
pub fn ahead<R: Read>(open: impl FnOnce() -> io::Result<R> + Send + 'static) -> Ahead {
    let (sender, parts) = sync_channel(WAITING);
    // Nobody joins it: it ends with the file, or when the other end is gone.
    thread::spawn(move || {
        let end = open().and_then(|mut reader| hand_over(&mut reader, &sender));
        _ = sender.send(Part::End(end));
    });
    Ahead { parts, text: Vec::new(), at: 0, is_ended: false }
}

fn hand_over(reader: &mut impl Read, sender: &SyncSender<Part>) -> io::Result<()> {
    loop {
        let mut text = Vec::with_capacity(BLOCK);
        let read = reader.take(BLOCK as u64).read_to_end(&mut text);
        // What came before an error was good.
        let is_end = text.is_empty();
        if !is_end && sender.send(Part::Text(text)).is_err() {
            return Ok(());
        }
        read?;
        if is_end {
            return Ok(());
        }
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() && !self.is_ended {
            match self.parts.recv() {
                Ok(Part::Text(text)) => (self.text, self.at) = (text, 0),
                Ok(Part::End(end)) => {
                    self.is_ended = true;
                    end?;
                }
                Err(_) => {
                    self.is_ended = true;
                    return Err(io::Error::other("the decoder gave up, so the file is corrupt"));
                }
            }
        }
        let n = (&self.text[self.at..]).read(buffer)?;
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives some bytes, then an error.
    struct Broken(usize);

    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::Error::other("torn"));
            }
            let n = buffer.len().min(self.0);
            buffer[..n].fill(b'x');
            self.0 -= n;
            Ok(n)
        }
    }

    #[test]
    fn what_is_read_ahead_is_what_is_there_and_ends_as_it_ends() {
        let bytes: Vec<u8> = (0..3 * BLOCK + 7).map(|n| (n % 253) as u8).collect();
        let mut found = Vec::new();
        let all = bytes.clone();
        ahead(move || Ok(io::Cursor::new(all))).read_to_end(&mut found).unwrap();
        assert!(found == bytes);

        let mut found = Vec::new();
        let error = ahead(|| Ok(Broken(BLOCK + 3))).read_to_end(&mut found).unwrap_err();
        assert_eq!((found.len(), error.to_string().as_str()), (BLOCK + 3, "torn"));

        let open = || -> io::Result<io::Empty> { panic!("a decoder that panics") };
        let error = ahead(open).read(&mut [0]).unwrap_err();
        assert!(error.to_string().contains("gave up"), "{error}");
    }
}
