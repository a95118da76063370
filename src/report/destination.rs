//! Destination: where finished reports are published, a bucket or a folder that may be served.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::write::{RANDOM, TEMPORARY};
use crate::error::Trouble;
use crate::plain_file;
use crate::store::{StoreAddress, Stores};

/// Marks a folder as one that this job publishes to.
const MARK: &str = ".uptime-ledger";

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
                let (folder, reports) = (real(&base.join(text)), real(reports));
                if folder.starts_with(&reports) || reports.starts_with(&folder) {
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

    /// Makes a folder ready: it is empty, or one that this job has made.
    ///
    /// What killed runs left there is cleared away.
    ///
    /// # Errors
    /// The folder has files of others, or cannot be written.
    pub fn open(&self) -> Result<(), Trouble> {
        let Self::Folder(folder) = self else { return Ok(()) };
        let mark = folder.join(MARK);
        if !plain_file::is_file(&mark)? {
            make_readable(folder, folder)?;
            if super::write::entries(folder)?.iter().any(|path| !is_temporary(path)) {
                return Err(Trouble::Refused(format!(
                    "{}: it has files that this job has not written; name a folder of its own, or an empty one",
                    folder.display()
                )));
            }
            File::create_new(&mark)
                .and_then(|file| file.sync_all())
                .map_err(|e| Trouble::io(&mark, "writing", e))?;
        }
        let mut folders = vec![folder.clone()];
        while let Some(folder) = folders.pop() {
            for path in super::write::entries(&folder)? {
                let found = fs::symlink_metadata(&path);
                let found = found.map_err(|e| Trouble::io(&path, "looking at it", e))?;
                if found.is_dir() {
                    folders.push(path);
                } else if found.is_file() && is_temporary(&path) {
                    fs::remove_file(&path).map_err(|e| Trouble::io(&path, "clearing away", e))?;
                }
            }
        }
        Ok(())
    }

    /// Returns whether a report that was copied still stands there, as far as can be seen at once.
    pub fn has(&self, path: &str, bytes: u64) -> bool {
        match self {
            Self::Store(_) => true,
            Self::Folder(folder) => fs::symlink_metadata(folder.join(path))
                .is_ok_and(|found| found.is_file() && found.len() == bytes),
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
            Self::Folder(folder) => {
                let place = folder.join(path);
                // A link on the way would lead out of the folder.
                for at in place.ancestors().skip(1).take_while(|at| at.starts_with(folder)) {
                    if !plain_file::is_folder(at)? {
                        return Ok(());
                    }
                }
                if plain_file::is_file(&place)? {
                    fs::remove_file(&place).map_err(|e| Trouble::io(&place, "removing", e))
                } else {
                    Ok(())
                }
            }
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

/// Returns a path without links and points, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut real = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = real.pop(),
            Component::CurDir => {}
            part => {
                real.push(part);
                real = real.canonicalize().unwrap_or(real);
            }
        }
    }
    real
}

/// Returns whether a path below a folder stays in it, and names no hidden file.
pub(super) fn is_inside(path: &str) -> bool {
    let is_plain = |part: Component<'_>| match part {
        Component::Normal(name) => !name.to_string_lossy().starts_with('.'),
        _ => false,
    };
    !path.is_empty() && Path::new(path).components().all(is_plain)
}

fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| super::write::is_temporary(&name.to_string_lossy()))
}

/// Makes a folder with those above it; everybody may read those that it makes or finds in `root`.
fn make_readable(root: &Path, folder: &Path) -> Result<(), Trouble> {
    let mut open = Vec::new();
    for at in folder.ancestors() {
        let is_ours = at.starts_with(root);
        let is_there = if is_ours { plain_file::is_folder(at)? } else { at.exists() };
        if is_ours || !is_there {
            open.push(at);
        }
    }
    for at in open.into_iter().rev() {
        match fs::create_dir(at) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Trouble::io(at, "creating the folder", e));
            }
            _ => {}
        }
        let found = fs::metadata(at).map_err(|e| Trouble::io(at, "looking at it", e))?;
        let wanted = for_everybody(&found, 0o755);
        if found.permissions() != wanted {
            fs::set_permissions(at, wanted).map_err(|e| Trouble::io(at, "making it readable", e))?;
        }
    }
    Ok(())
}

/// Copies a report into the folder that is served: whole or not at all, and readable by everybody.
fn serve(folder: &Path, path: &str, mut report: File) -> Result<(), Trouble> {
    let place = folder.join(path);
    let parent = place.parent().unwrap_or(folder);
    make_readable(folder, parent)?;
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
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(|e| Trouble::io(parent, "syncing", e))
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
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        let reports = root.join("srv/reports");
        fs::create_dir_all(&reports).unwrap();
        std::os::unix::fs::symlink(&reports, root.join("link")).unwrap();
        let parsed = |text: &str| Destination::parse(text, &root, &reports);
        assert_eq!(parsed("./public"), Ok(Destination::Folder(root.join("public"))));
        assert_eq!(parsed("/srv/www"), Ok(Destination::Folder("/srv/www".into())));
        assert_eq!(parsed("s3://b/c").map(|to| to.to_string()), Ok("s3://b/c".to_owned()));
        for bad in [
            "reports",
            "./srv/reports/public",
            "./srv",
            "./",
            "./x/../srv/reports",
            "./link",
            "./link/public",
            "../",
            "https://example.com/a",
            "s3://k:secret@b/a",
        ] {
            let why = parsed(bad).unwrap_err();
            assert!(!why.contains("secret"), "{bad}: {why}");
        }
    }

    #[test]
    fn nothing_outside_the_folder_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let (folder, outside) = (place.path().join("www"), place.path().join("outside"));
        for made in [&folder, &outside] {
            fs::create_dir(made).unwrap();
        }
        fs::write(outside.join("a.csv"), "mine").unwrap();
        std::os::unix::fs::symlink(&outside, folder.join("months")).unwrap();
        let to = Destination::Folder(folder);
        assert!(to.delete("months/a.csv", &crate::config::Config::bare("").stores).is_err());
        assert!(outside.join("a.csv").exists());
        for path in ["../outside/a.csv", "/etc/passwd", "daily/../../a", "", ".published", "daily/.x/a"] {
            assert!(!is_inside(path), "{path}");
        }
        assert!(is_inside("daily/2026-11-20/index.html"));
    }
}
