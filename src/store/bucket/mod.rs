//! Bucket: the requests to one store, each within a time limit and without its secrets in words.

mod connect;
mod profile;
mod words;

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use connect::Client;
use futures_util::TryStreamExt;
use object_store::list::PaginatedListOptions;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, ListResult, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutOptions, PutPayload,
};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use words::error;

use super::{Depth, ObjectEntry, ObjectIdentity, ObjectListing, ObjectPart, StoreError, StoreRoot};

/// A connection to one bucket, container or web server.
pub(super) struct Bucket {
    runtime: Runtime,
    client: Client,
}

impl Bucket {
    /// Connects: finds credentials, and the region of the bucket if no setting names it.
    pub fn open(root: &StoreRoot, limit: Duration) -> Result<Self, StoreError> {
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("store").enable_all().build();
        let runtime = runtime.map_err(|e| StoreError::Other(e.to_string()))?;
        let client = within(&runtime, limit, connect::connect(root))?;
        Ok(Self { runtime, client })
    }

    pub fn list(&self, prefix: &str, depth: Depth, limit: Duration) -> Result<ObjectListing, StoreError> {
        let listing = async {
            let mut listing = ObjectListing::default();
            match &self.client.pages {
                Some(pages) => {
                    let mut token = None;
                    loop {
                        let options = PaginatedListOptions {
                            delimiter: (depth == Depth::Folder).then(|| "/".into()),
                            page_token: token,
                            ..PaginatedListOptions::default()
                        };
                        let wanted = Some(prefix).filter(|prefix| !prefix.is_empty());
                        let page = pages.list_paginated(wanted, options).await.map_err(|e| error(&e))?;
                        take(&mut listing, prefix, page.result)?;
                        token = page.page_token;
                        if token.is_none() {
                            return Ok(listing);
                        }
                    }
                }
                None => {
                    // The folder of the prefix; only its own names can be listed.
                    let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
                    let folder = path(folder)?;
                    let found = match depth {
                        Depth::Folder => self.client.store.list_with_delimiter(Some(&folder)).await,
                        Depth::All => {
                            let all = self.client.store.list(Some(&folder)).try_collect::<Vec<_>>().await;
                            all.map(|objects| ListResult {
                                objects,
                                common_prefixes: Vec::new(),
                                extensions: object_store::Extensions::default(),
                            })
                        }
                    };
                    take(&mut listing, prefix, found.map_err(|e| error(&e))?)?;
                    Ok(listing)
                }
            }
        };
        within(&self.runtime, limit, listing)
    }

    pub fn head(&self, key: &str, limit: Duration) -> Result<Option<ObjectEntry>, StoreError> {
        let head = async {
            match self.client.store.head(&path(key)?).await {
                Ok(meta) => entry(&meta).map(Some),
                Err(e) => match error(&e) {
                    StoreError::Absent => Ok(None),
                    other => Err(other),
                },
            }
        };
        within(&self.runtime, limit, head)
    }

    /// Begins to read a part of the content that `identity` names.
    pub fn get(&self, key: &str, range: Range<u64>, identity: &ObjectIdentity) -> Later {
        let (store, key, identity) = (self.client.store.clone(), key.to_owned(), identity.clone());
        let get = async move { get(&*store, &key, range, &identity).await };
        Later { task: self.runtime.spawn(get), runtime: self.runtime.handle().clone() }
    }

    pub fn put(
        &self,
        key: &str,
        bytes: Vec<u8>,
        kind: &'static str,
        limit: Duration,
    ) -> Result<(), StoreError> {
        let put = async {
            let mut attributes = Attributes::new();
            attributes.insert(Attribute::ContentType, kind.into());
            let options = PutOptions { attributes, ..PutOptions::default() };
            let put = self.client.store.put_opts(&path(key)?, PutPayload::from(bytes), options).await;
            put.map(|_| ()).map_err(|e| error(&e))
        };
        within(&self.runtime, limit, put)
    }

    pub fn delete(&self, key: &str, limit: Duration) -> Result<(), StoreError> {
        let delete = async {
            match self.client.store.delete(&path(key)?).await.map_err(|e| error(&e)) {
                Ok(()) | Err(StoreError::Absent) => Ok(()),
                Err(other) => Err(other),
            }
        };
        within(&self.runtime, limit, delete)
    }
}

/// A part that is on its way.
pub(super) struct Later {
    task: JoinHandle<Result<ObjectPart, StoreError>>,
    runtime: Handle,
}

impl Later {
    /// Waits for the part.
    pub fn wait(mut self, limit: Duration) -> Result<ObjectPart, StoreError> {
        let done = self.runtime.clone().block_on(async { timeout(limit, &mut self.task).await });
        match done {
            Ok(Ok(part)) => part,
            Ok(Err(e)) => Err(StoreError::Other(format!("the request broke off: {e}"))),
            Err(_) => Err(StoreError::TimedOut("")),
        }
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        // Nobody waits for it any more.
        self.task.abort();
    }
}

fn within<T>(
    runtime: &Runtime,
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let done = runtime.block_on(async { timeout(limit, work).await });
    done.unwrap_or(Err(StoreError::TimedOut("run_timeout_minutes")))
}

async fn get(
    store: &dyn ObjectStore,
    key: &str,
    range: Range<u64>,
    identity: &ObjectIdentity,
) -> Result<ObjectPart, StoreError> {
    let options = GetOptions {
        range: Some(GetRange::Bounded(range.clone())),
        if_match: identity.strong_etag().map(str::to_owned),
        ..GetOptions::default()
    };
    let got = store.get_opts(&path(key)?, options).await.map_err(|e| error(&e))?;
    // Some servers pass by `If-Match`, and a weak ETag cannot be asked for.
    if entry(&got.meta)?.identity != *identity {
        return Err(StoreError::Rewritten);
    }
    let version = got.meta.version.clone();
    let bytes: Bytes = got.bytes().await.map_err(|e| error(&e))?;
    if bytes.len() as u64 != range.end - range.start {
        return Err(StoreError::Other(format!(
            "the store gave {} bytes instead of {}",
            bytes.len(),
            range.end - range.start
        )));
    }
    Ok(ObjectPart { bytes, version })
}

fn path(key: &str) -> Result<Path, StoreError> {
    Path::parse(key).map_err(|_| StoreError::Other("its name has an empty part, `.` or `..`".to_owned()))
}

fn take(listing: &mut ObjectListing, prefix: &str, found: ListResult) -> Result<(), StoreError> {
    for meta in found.objects.iter().filter(|meta| meta.location.as_ref().starts_with(prefix)) {
        listing.objects.push(entry(meta)?);
    }
    let folders = found.common_prefixes.iter().map(|folder| format!("{folder}/"));
    listing.folders.extend(folders.filter(|folder| folder.starts_with(prefix)));
    Ok(())
}

fn entry(meta: &ObjectMeta) -> Result<ObjectEntry, StoreError> {
    let modified_us = meta.last_modified.timestamp_micros();
    let etag = meta.e_tag.as_deref().map(quoted);
    let identity = ObjectIdentity::of(meta.size, etag.as_deref(), modified_us).ok_or_else(|| {
        let why =
            "the server tells neither ETag nor Last-Modified, so nobody could see that a log was rewritten";
        StoreError::Other(why.to_owned())
    })?;
    Ok(ObjectEntry { key: meta.location.to_string(), identity, modified_us })
}

/// Returns an ETag with its quotes, which the listings of some stores leave out.
fn quoted(etag: &str) -> String {
    if etag.starts_with("W/") || etag.starts_with('"') { etag.to_owned() } else { format!("\"{etag}\"") }
}
