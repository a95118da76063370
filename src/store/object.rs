//! Object: one log in a store, read by ranges of the content that was listed and of no other.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;

use super::blocks::{Blocks, Parts};
use super::bucket::{Bucket, Later};
use super::patience::{Patience, WaitedTime};
use super::{ObjectEntry, ObjectIdentity, StoreAddress, StoreError};
use crate::error::Trouble;

/// An object that is read; clones share what happened to it.
#[derive(Clone)]
pub struct StoredObject(Arc<Inner>);

struct Inner {
    address: StoreAddress,
    entry: ObjectEntry,
    bucket: Arc<Bucket>,
    patience: Arc<Patience>,
    waited: WaitedTime,
    /// Version of the object, if the store keeps versions and an answer named it.
    version: OnceLock<String>,
    /// Why the store did not give it: no fault of its content.
    failed: Mutex<Option<StoreError>>,
}

impl std::fmt::Debug for StoredObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StoredObject").field(&self.0.address).field(&self.0.entry.identity).finish()
    }
}

impl StoredObject {
    pub(super) fn new(
        address: StoreAddress,
        entry: ObjectEntry,
        bucket: Arc<Bucket>,
        patience: Arc<Patience>,
    ) -> Self {
        Self(Arc::new(Inner {
            address,
            entry,
            bucket,
            patience,
            waited: WaitedTime::default(),
            version: OnceLock::new(),
            failed: Mutex::default(),
        }))
    }

    pub fn address(&self) -> &StoreAddress {
        &self.0.address
    }

    /// Returns the object as the listing showed it.
    pub fn entry(&self) -> &ObjectEntry {
        &self.0.entry
    }

    pub fn identity(&self) -> &ObjectIdentity {
        &self.0.entry.identity
    }

    /// Returns when it was written, in microseconds since 1970; 0 if the store does not say.
    pub fn modified_us(&self) -> i64 {
        self.0.entry.modified_us
    }

    /// Returns its version, once a part of it was read.
    pub fn version(&self) -> Option<&str> {
        self.0.version.get().map(String::as_str)
    }

    /// Returns why the store did not give the object, if that has happened.
    ///
    /// Readers see an error as of a broken file; with this it is trouble of the run instead.
    pub fn trouble(&self) -> Option<Trouble> {
        let failed = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.clone().map(|error| error.trouble(&self.0.address, "reading"))
    }

    fn ask(&self, range: Range<u64>) -> Later {
        self.0.bucket.get(&self.0.entry.key, range, &self.0.entry.identity)
    }

    fn wait(&self, later: Later) -> io::Result<Bytes> {
        let limit = match self.0.patience.left_of_file(self.0.waited.so_far()) {
            Ok(limit) => limit,
            Err(error) => return Err(self.fail(error)),
        };
        match self.0.waited.during(|| later.wait(limit)) {
            Ok(part) => {
                if let Some(version) = part.version {
                    _ = self.0.version.set(version);
                }
                Ok(part.bytes)
            }
            Err(StoreError::TimedOut(_)) => {
                let key = match self.0.patience.left_of_file(self.0.waited.so_far()) {
                    Err(StoreError::TimedOut(key)) => key,
                    _ => "file_timeout_minutes",
                };
                Err(self.fail(StoreError::TimedOut(key)))
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    fn fail(&self, error: StoreError) -> io::Error {
        let words = error.clone().trouble(&self.0.address, "reading").to_string();
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        io::Error::other(words)
    }

    /// Returns a reader of the whole object, which asks for the next parts ahead.
    pub fn reader(&self, blocks: Arc<Blocks>) -> impl Read + Send + use<> {
        ObjectReader { object: self.clone(), blocks, next: 0, ahead: VecDeque::new(), now: Bytes::new() }
    }
}

impl Parts for StoredObject {
    fn bytes(&self) -> u64 {
        self.identity().bytes
    }

    fn part(&self, range: Range<u64>) -> io::Result<Bytes> {
        self.wait(self.ask(range))
    }
}

/// Bytes per part that is asked for ahead.
const STEP: u64 = 4 << 20;
/// Parts that are on their way at a time.
const AHEAD: usize = 3;

struct ObjectReader {
    object: StoredObject,
    blocks: Arc<Blocks>,
    /// Where the part begins that is asked for next.
    next: u64,
    ahead: VecDeque<Later>,
    now: Bytes,
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.now.is_empty() {
            if self.next == 0 {
                // The first bytes are there since the format was looked for, and nothing further
                // may be wanted.
                self.now = self.blocks.first(&self.object)?;
                self.next = self.now.len() as u64;
            } else {
                while self.ahead.len() < AHEAD && self.next < self.object.bytes() {
                    let end = (self.next + STEP).min(self.object.bytes());
                    self.ahead.push_back(self.object.ask(self.next..end));
                    self.next = end;
                }
                if let Some(later) = self.ahead.pop_front() {
                    self.now = self.object.wait(later)?;
                }
            }
        }
        let n = self.now.len().min(buffer.len());
        buffer[..n].copy_from_slice(&self.now.split_to(n));
        Ok(n)
    }
}
