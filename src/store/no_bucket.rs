//! The door of a build without the feature `store`: it refuses, and says why.

use std::ops::Range;
use std::time::Duration;

use super::{Depth, ObjectEntry, ObjectIdentity, ObjectListing, ObjectPart, StoreError, StoreRoot};

/// Nothing of these types is ever made.
enum Never {}

pub(super) struct Bucket(Never);

pub(super) struct Later(Never);

impl Bucket {
    pub fn open(_: &StoreRoot, _: Duration) -> Result<Self, StoreError> {
        let why = "this program was built without the feature `store`; build it with `cargo build --features store`";
        Err(StoreError::Other(why.to_owned()))
    }

    pub fn list(&self, _: &str, _: Depth, _: Duration) -> Result<ObjectListing, StoreError> {
        match self.0 {}
    }

    pub fn head(&self, _: &str, _: Duration) -> Result<Option<ObjectEntry>, StoreError> {
        match self.0 {}
    }

    pub fn get(&self, _: &str, _: Range<u64>, _: &ObjectIdentity) -> Later {
        match self.0 {}
    }

    pub fn put(&self, _: &str, _: Vec<u8>, _: &'static str, _: Duration) -> Result<(), StoreError> {
        match self.0 {}
    }

    pub fn delete(&self, _: &str, _: Duration) -> Result<(), StoreError> {
        match self.0 {}
    }
}

impl Later {
    pub fn wait(self, _: Duration) -> Result<ObjectPart, StoreError> {
        match self.0 {}
    }
}
