//! Destination: where finished reports are published, a bucket or a folder that may be served.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::write::{RANDOM, TEMPORARY};
use crate::error::Trouble;
use crate::plain_file;
use crate::store::{StoreAddress, Stores};

/// A bucket, or a folder of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Store(StoreAddress),
    Folder(PathBuf),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(address) => address.fmt(f),
            Self::Folder(folder) => folder.display().fmt(f),
        }
    }
}

impl Destination {
    /// Reads `[outputs] publish`; a relative folder is one of `base`.
    ///
    /// A folder begins with `/`, `./` or `../`, so that a bucket without its scheme is none.
    ///
    /// # Errors
    /// The reason, which quotes nothing of an address, because it may have a secret.
    pub fn parse(text: &str, base: &Path, reports: &Path) -> Result<Self, String> {
        match StoreAddress::parse(text) {
            Some(Ok(address)) if !address.root.kind.is_web() => Ok(Self::Store(address)),
            Some(Err(why)) => Err(why),
            None if ["/", "./", "../"].iter().any(|begin| text.starts_with(begin)) => {
                let folder = base.join(text.strip_prefix("./").unwrap_or(text));
                if folder.starts_with(reports) || reports.starts_with(&folder) {
                    return Err(format!(
                        "the folder `{text}` and the reports folder lie in one another; what is served must not hold the ledger"
                    ));
                }
                Ok(Self::Folder(folder))
            }
            _ => Err("write s3://BUCKET/FOLDER, gs://BUCKET/FOLDER, az://CONTAINER/FOLDER, or a folder as /PATH or ./PATH"
                .to_owned()),
        }
    }

    /// Copies a report to its place there.
    ///
    /// # Errors
    /// The report cannot be read, or the copy not be written.
    pub fn put(
        &self,
        path: &str,
        mut report: File,
        media_type: &'static str,
        stores: &Stores,
    ) -> Result<(), Trouble> {
        match self {
            Self::Store(_) => {
                let to = self.address(path);
                stores.put(&to, &mut report, media_type).map_err(|e| e.trouble(to, "writing"))
            }
            Self::Folder(folder) => serve(folder, path, report),
        }
    }

    /// Removes a report that is no longer published.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn delete(&self, path: &str, stores: &Stores) -> Result<(), Trouble> {
        match self {
            Self::Store(_) => {
                let to = self.address(path);
                stores.delete(&to).map_err(|e| e.trouble(to, "removing"))
            }
            Self::Folder(folder) => match fs::remove_file(folder.join(path)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    Err(Trouble::io(folder.join(path), "removing", e))
                }
                _ => Ok(()),
            },
        }
    }

    /// Returns the address of a report in a bucket.
    fn address(&self, path: &str) -> StoreAddress {
        let Self::Store(to) = self else { unreachable!("only called for a bucket") };
        let key = match to.key.trim_matches('/') {
            "" => path.to_owned(),
            folder => format!("{folder}/{path}"),
        };
        StoreAddress { root: to.root.clone(), key }
    }
}

/// Copies a report into the folder that is served: whole or not at all, and readable by everybody.
fn serve(folder: &Path, path: &str, mut report: File) -> Result<(), Trouble> {
    let place = folder.join(path);
    let parent = place.parent().unwrap_or(folder);
    let mut missing = Vec::new();
    for at in parent.ancestors().take_while(|at| at.starts_with(folder)) {
        if !plain_file::is_folder(at)? {
            missing.push(at);
        }
    }
    fs::create_dir_all(parent).map_err(|e| Trouble::io(parent, "creating the folder", e))?;
    for made in missing {
        let open =
            fs::metadata(made).and_then(|found| fs::set_permissions(made, for_everybody(&found, 0o755)));
        open.map_err(|e| Trouble::io(made, "making it readable", e))?;
    }
    plain_file::is_file(&place)?;
    let trouble = |e| Trouble::io(&place, "writing", e);
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY).rand_bytes(RANDOM);
    let mut copy = builder.tempfile_in(parent).map_err(trouble)?;
    io::copy(&mut report, &mut copy).map_err(trouble)?;
    let file = copy.as_file();
    let found = file.metadata().map_err(trouble)?;
    file.set_permissions(for_everybody(&found, 0o644)).and_then(|()| file.sync_all()).map_err(trouble)?;
    copy.persist(&place).map_err(|e| trouble(e.error))?;
    Ok(())
}

/// Returns permissions under which everybody may read, and the job's user alone may write.
fn for_everybody(found: &fs::Metadata, mode: u32) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;

    let mut permissions = found.permissions();
    permissions.set_mode(mode);
    permissions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_bucket_or_a_folder_apart_from_the_reports() {
        let parsed = |text| Destination::parse(text, Path::new("/etc/job"), Path::new("/srv/reports"));
        assert_eq!(parsed("./public"), Ok(Destination::Folder("/etc/job/public".into())));
        assert_eq!(parsed("/srv/www"), Ok(Destination::Folder("/srv/www".into())));
        assert_eq!(parsed("s3://b/c").map(|to| to.to_string()), Ok("s3://b/c".to_owned()));
        for bad in ["reports", "/srv/reports/public", "/srv", "https://example.com/a", "s3://k:secret@b/a"] {
            let why = parsed(bad).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
    }
}
