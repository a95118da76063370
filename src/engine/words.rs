//! Words: the end of what a worker wrote to its standard error.

use std::io::Read;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::redact::visible_lines;

/// Bytes of a worker's last words that a message quotes.
const MOST: usize = 2_048;

/// The last words of a program, which are read until nobody can write any more.
pub struct LastWords {
    kept: Arc<Mutex<Vec<u8>>>,
    ended: Receiver<()>,
}

impl LastWords {
    /// Reads on a thread of its own.
    pub fn of(from: impl Read + Send + 'static) -> Self {
        let (kept, (end, ended)) = (Arc::new(Mutex::new(Vec::new())), channel());
        let keep = kept.clone();
        thread::spawn(move || {
            read(from, &keep);
            // Nobody waits for words that are no longer wanted.
            _ = end.send(());
        });
        Self { kept, ended }
    }

    /// Returns the last words, or those until then: a program may leave others that hold its
    /// standard error open.
    pub fn within(&self, most: Duration) -> String {
        _ = self.ended.recv_timeout(most);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&kept[kept.len().saturating_sub(MOST)..]);
        visible_lines(text.trim()).into_owned()
    }
}

fn read(mut from: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4_096];
    while let Ok(n) = from.read(&mut buffer) {
        if n == 0 {
            break;
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&buffer[..n]);
        let before = kept.len().saturating_sub(MOST);
        if before > MOST {
            kept.drain(..before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_whatever_came_before() {
        let text = "x".repeat(100_000) + "the reason\n";
        let last = LastWords::of(std::io::Cursor::new(text)).within(Duration::from_mins(1));
        assert!(last.ends_with("xthe reason") && last.len() <= MOST, "{}", last.len());
    }

    #[test]
    fn words_are_told_although_somebody_could_still_write() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut writer, b"refused\n").unwrap();
        let words = LastWords::of(reader);
        let told = || words.within(Duration::from_millis(10));
        assert!((0..1_000).any(|_| told() == "refused"));
        drop(writer);
    }
}
