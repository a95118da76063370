//! Store: objects in S3, Google Cloud Storage and Azure, and files of web servers, behind one door.
//!
//! The rest of the job reads by position and waits; everything asynchronous stays in [`bucket`],
//! on two threads for each bucket. A build without the feature `store` has the same door, which
//! refuses.
//!
//! - **An object is known by its ETag, and every part of it is asked for by that**, and compared
//!   again. A log that is written anew meanwhile is trouble of its day, never a mixture. Given up:
//!   a log that is written all night long is not read that night.
//! - **What a store does not give is trouble; what it gives broken is a bad file.** The reason
//!   stays with the object, so that no decoder has to tell the two apart. Given up: one log without
//!   permission stops its day.

mod address;
mod blocks;
#[cfg(feature = "store")]
mod bucket;
#[cfg(not(feature = "store"))]
#[path = "no_bucket.rs"]
mod bucket;
mod object;
mod patience;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

pub use address::{StoreAddress, StoreRoot};
pub use blocks::{Blocks, Parts};
use bucket::Bucket;
use bytes::Bytes;
pub use object::StoredObject;
use patience::Patience;
pub use patience::StoreLimits;
use serde::{Deserialize, Serialize};

use crate::error::Trouble;

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectEntry {
    /// Name of the object in its store.
    pub key: String,
    pub identity: ObjectIdentity,
    /// Microseconds since 1970; 0 if the store does not say.
    pub modified_us: i64,
}

/// What tells one content of an object from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectIdentity {
    pub bytes: u64,
    /// The ETag with its quotes, or else the time of the last change; what it is stands before it.
    pub name: String,
}

impl ObjectIdentity {
    const ETAG: &str = "etag:";
    const MODIFIED: &str = "modified:";

    /// Returns the identity of an object; `None` if the store tells neither ETag nor time.
    pub fn of(bytes: u64, etag: Option<&str>, modified_us: i64) -> Option<Self> {
        let name = match etag {
            Some(etag) => format!("{}{etag}", Self::ETAG),
            None if modified_us != 0 => format!("{}{modified_us}", Self::MODIFIED),
            None => return None,
        };
        Some(Self { bytes, name })
    }

    /// Returns the ETag that a read may ask for: a weak one never matches.
    pub fn strong_etag(&self) -> Option<&str> {
        self.name.strip_prefix(Self::ETAG).filter(|etag| !etag.starts_with("W/"))
    }
}

/// A part of an object, with the version that it is of.
#[derive(Debug)]
pub struct ObjectPart {
    pub bytes: Bytes,
    pub version: Option<String>,
}

/// Objects and folders directly below a prefix, or all objects below it.
#[derive(Debug, Default)]
pub struct ObjectListing {
    pub objects: Vec<ObjectEntry>,
    /// Names that end in a slash.
    pub folders: Vec<String>,
}

/// How much of a store is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Up to the next slash behind the prefix.
    Folder,
    All,
}

/// Why a store could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// There is no object of this name.
    Absent,
    /// The object is no longer the one that was listed.
    Rewritten,
    /// A limit of `[store]` has passed; its key.
    TimedOut(&'static str),
    /// In plain words, without secrets.
    Other(String),
}

impl StoreError {
    /// Returns the trouble that a person is told.
    pub fn trouble(self, place: impl ToString, doing: &'static str) -> Trouble {
        let (why, remedy) = match self {
            Self::Absent => {
                ("it is not there any more".to_owned(), "run again: what is there is listed anew")
            }
            Self::Rewritten => {
                ("it was written anew while it was read".to_owned(), "run again when its writer is done")
            }
            Self::TimedOut(key) => {
                (format!("`{key}` has passed"), "look at the network, or give it more time under [store]")
            }
            Self::Other(why) => (why, "nothing was taken for absent; the next run tries again"),
        };
        Trouble::Store { place: place.to_string(), doing, why, remedy }
    }
}

/// The stores that a run reads and writes; connections are made when they are first needed.
#[derive(Clone)]
pub struct Stores {
    limits: StoreLimits,
    patience: Arc<Patience>,
    open: Arc<Mutex<BTreeMap<StoreRoot, Arc<Bucket>>>>,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stores").field(&self.limits).finish()
    }
}

impl Stores {
    pub fn new(limits: StoreLimits) -> Self {
        Self { limits, patience: Arc::new(Patience::new(limits)), open: Arc::default() }
    }

    pub const fn limits(&self) -> StoreLimits {
        self.limits
    }

    fn bucket(&self, root: &StoreRoot) -> Result<Arc<Bucket>, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = open.get(root) {
            return Ok(bucket.clone());
        }
        let bucket = Arc::new(Bucket::open(root, self.patience.left_of_run()?)?);
        open.insert(root.clone(), bucket.clone());
        Ok(bucket)
    }

    /// Lists the objects whose names begin with a prefix.
    ///
    /// # Errors
    /// [`Trouble::Store`]: the store cannot be reached or refuses.
    pub fn list(&self, root: &StoreRoot, prefix: &str, depth: Depth) -> Result<ObjectListing, Trouble> {
        let list = || self.bucket(root)?.list(prefix, depth, self.patience.left_of_run()?);
        list().map_err(|e| e.trouble(format!("{root}/{prefix}"), "listing"))
    }

    /// Returns the object of exactly this name; `None` if there is none.
    ///
    /// # Errors
    /// [`Trouble::Store`]: the store cannot be reached or refuses.
    pub fn head(&self, address: &StoreAddress) -> Result<Option<ObjectEntry>, Trouble> {
        let head = || self.bucket(&address.root)?.head(&address.key, self.patience.left_of_run()?);
        head().map_err(|e| e.trouble(address, "looking for it"))
    }

    /// Returns an object that a listing showed, ready to be read.
    ///
    /// # Errors
    /// [`Trouble::Store`]: the connection cannot be set up.
    pub fn object(&self, root: &StoreRoot, entry: ObjectEntry) -> Result<StoredObject, Trouble> {
        let address = StoreAddress { root: root.clone(), key: entry.key.clone() };
        let bucket = self.bucket(root).map_err(|e| e.trouble(&address, "reading"))?;
        Ok(StoredObject::new(address, entry, bucket, self.patience.clone()))
    }

    /// Writes an object in one piece: readers see the old one or the new one.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub fn put(
        &self,
        address: &StoreAddress,
        content: &mut dyn Read,
        kind: &'static str,
    ) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|e| StoreError::Other(e.to_string()))?;
        self.bucket(&address.root)?.put(&address.key, bytes, kind, self.patience.left_of_run()?)
    }

    /// Removes an object; one that is not there is removed already.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub fn delete(&self, address: &StoreAddress) -> Result<(), StoreError> {
        self.bucket(&address.root)?.delete(&address.key, self.patience.left_of_run()?)
    }
}
