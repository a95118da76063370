//! Read-ahead: decompresses a file on a thread of its own while its rows are read.
//!
//! One huge compressed file then keeps two cores busy.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SendError, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

/// Bytes per block that is handed over.
const BLOCK: usize = 1 << 20;
/// Blocks that may wait; the other thread pauses when there are more.
const WAITING: usize = 4;

enum Part {
    Text(Vec<u8>),
    End(io::Result<()>),
}

/// Reader of the blocks that another thread has read ahead.
struct Ahead {
    parts: Receiver<Part>,
    /// Taken when the thread has ended.
    thread: Option<JoinHandle<()>>,
    text: Vec<u8>,
    at: usize,
}

/// Reads `reader` ahead on a thread of its own.
///
/// If the system gives no more threads, it returns `reader` itself.
pub fn ahead(reader: Box<dyn Read + Send>) -> Box<dyn Read> {
    let (sender, parts) = sync_channel(WAITING);
    // The reader is handed over once there is a thread to take it.
    let (give, take) = channel::<Box<dyn Read + Send>>();
    let work = move || {
        if let Ok(mut reader) = take.recv() {
            let end = hand_over(&mut reader, &sender);
            // If the file was given up, nobody receives this.
            _ = sender.send(Part::End(end));
        }
    };
    match thread::Builder::new().spawn(work) {
        Ok(thread) => match give.send(reader) {
            Ok(()) => Box::new(Ahead { parts, thread: Some(thread), text: Vec::new(), at: 0 }),
            Err(SendError(reader)) => reader,
        },
        Err(_) => reader,
    }
}

fn hand_over(reader: &mut impl Read, sender: &SyncSender<Part>) -> io::Result<()> {
    loop {
        let mut text = Vec::with_capacity(BLOCK);
        let read = reader.take(BLOCK as u64).read_to_end(&mut text);
        // The bytes before an error are good.
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
        while self.at == self.text.len() && self.thread.is_some() {
            match self.parts.recv() {
                Ok(Part::Text(text)) => (self.text, self.at) = (text, 0),
                Ok(Part::End(end)) => {
                    self.thread = None;
                    end?;
                }
                // The thread ended without a message. Panics of decoders are caught where decoders
                // are called, so this panic is a bug in this program.
                Err(_) => {
                    if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
                        resume_unwind(panic);
                    }
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

    /// Reader that gives some bytes, then an error.
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
        ahead(Box::new(io::Cursor::new(bytes.clone()))).read_to_end(&mut found).unwrap();
        assert!(found == bytes);

        let mut found = Vec::new();
        let error = ahead(Box::new(Broken(BLOCK + 3))).read_to_end(&mut found).unwrap_err();
        assert_eq!((found.len(), error.to_string().as_str()), (BLOCK + 3, "torn"));
    }

    #[test]
    #[should_panic(expected = "a bug of ours")]
    fn a_panic_on_the_other_thread_is_one_here() {
        struct Bug;
        impl Read for Bug {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("a bug of ours")
            }
        }
        drop(ahead(Box::new(Bug)).read(&mut [0]));
    }
}
