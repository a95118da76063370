//! Plain files: files of the job itself, opened only where no link, pipe or device stands.
//!
//! Whoever can write to a folder of the job could otherwise make it read, overwrite or wait for
//! something else. Logs and files that people write may be links; they are not opened here.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::error::Trouble;

/// Opens a file for reading.
///
/// # Errors
/// [`Trouble::NotPlain`] if something else stands there; [`Trouble::Io`], also if nothing does.
pub fn open(path: &Path) -> Result<File, Trouble> {
    open_with(path, OpenOptions::new().read(true))
}

/// Opens a file that is there with options that neither create nor truncate it.
///
/// # Errors
/// As for [`open`].
pub fn open_with(path: &Path, options: &OpenOptions) -> Result<File, Trouble> {
    let trouble = |e| Trouble::io(path, "opening", e);
    let seen = fs::symlink_metadata(path).map_err(trouble)?;
    if !seen.is_file() {
        return Err(not_plain(path, seen.file_type(), "a file"));
    }
    let file = options.open(path).map_err(trouble)?;
    // Another file may have been put there since: a link would show as another file.
    let opened = file.metadata().map_err(trouble)?;
    if !is_same_file(&seen, &opened) {
        return Err(trouble(io::Error::other("it was replaced while it was opened")));
    }
    Ok(file)
}

/// Standard input, copied to a file without a name, so that it can be read more than once.
///
/// The file is gone when the process ends, however it ends.
#[derive(Debug, Clone)]
pub struct SpooledInput(Arc<File>);

impl SpooledInput {
    /// Copies an input to its end, into a file in `folder`.
    ///
    /// # Errors
    /// [`Trouble::Io`]: the input cannot be read, or the disk is full.
    pub fn copy(input: &mut impl Read, folder: &Path) -> Result<Self, Trouble> {
        fs::create_dir_all(folder).map_err(|e| Trouble::io(folder, "making the folder", e))?;
        let mut file = tempfile::tempfile_in(folder).map_err(|e| Trouble::io(folder, "making a file", e))?;
        io::copy(input, &mut file).map_err(|e| Trouble::io(folder, "copying standard input", e))?;
        Ok(Self(Arc::new(file)))
    }

    pub fn file(&self) -> Arc<File> {
        self.0.clone()
    }
}

/// Returns whether two descriptions are of one file.
pub fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Reads a file.
///
/// # Errors
/// As for [`open`].
pub fn read(path: &Path) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|e| Trouble::io(path, "reading", e))?;
    Ok(bytes)
}

/// Reads a file; `None` if nothing stands there.
///
/// # Errors
/// As for [`open`].
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Trouble> {
    match read(path) {
        Err(Trouble::Io { cause, .. }) if cause.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Reads a file as text.
///
/// # Errors
/// As for [`open`]; [`Trouble::Io`] if it is not UTF-8.
pub fn read_to_string(path: &Path) -> Result<String, Trouble> {
    let not_text = |e| Trouble::io(path, "reading", io::Error::new(ErrorKind::InvalidData, e));
    String::from_utf8(read(path)?).map_err(not_text)
}

/// Returns the SHA-256 of some bytes, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Writes bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Returns the SHA-256 of a file, in hex; it is read in pieces, as it may not fit into memory.
///
/// # Errors
/// As for [`open`].
pub fn sha256_of(path: &Path) -> Result<String, Trouble> {
    let mut file = open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(|e| Trouble::io(path, "reading", e))? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Reads a text that a person wrote, through links, of at most so many bytes.
///
/// # Errors
/// It is no file, larger, cannot be read, or is not UTF-8.
pub fn read_text(path: &Path, most_bytes: u64) -> io::Result<String> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let bytes = found.len();
    if bytes > most_bytes {
        return Err(io::Error::other(format!("it has {bytes} bytes, and at most {most_bytes} are read")));
    }
    fs::read_to_string(path)
}

/// Returns whether a folder is there.
///
/// # Errors
/// [`Trouble::NotPlain`] if something else stands there, a link to a folder included;
/// [`Trouble::Io`] if it cannot be looked at.
pub fn is_folder(path: &Path) -> Result<bool, Trouble> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(true),
        Ok(found) => Err(not_plain(path, found.file_type(), "a folder")),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Trouble::io(path, "looking at it", e)),
    }
}

/// Returns whether a file is there.
///
/// # Errors
/// As for [`is_folder`].
pub fn is_file(path: &Path) -> Result<bool, Trouble> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(found) => Err(not_plain(path, found.file_type(), "a file")),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Trouble::io(path, "looking at it", e)),
    }
}

fn not_plain(path: &Path, found: FileType, wanted: &'static str) -> Trouble {
    let what = match found {
        found if found.is_symlink() => "a symbolic link",
        found if found.is_dir() => "a folder",
        found if found.is_file() => "a file",
        found if found.is_fifo() => "a named pipe",
        found if found.is_socket() => "a socket",
        _ => "a device",
    };
    Trouble::NotPlain { path: path.to_owned(), what, wanted }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_a_file_is_read_and_only_a_folder_is_one() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::write(at("file"), "text").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink(at("folder"), at("link-to-folder")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        let _socket = UnixListener::bind(at("socket")).unwrap();

        assert_eq!(read_to_string(&at("file")).unwrap(), "text");
        assert_eq!(read_if_there(&at("nothing")).unwrap(), None);
        assert_eq!([is_folder(&at("folder")).unwrap(), is_folder(&at("nothing")).unwrap()], [true, false]);
        assert_eq!([is_file(&at("file")).unwrap(), is_file(&at("nothing")).unwrap()], [true, false]);
        for (name, what) in [
            ("folder", "a folder"),
            ("link", "a symbolic link"),
            ("dangling", "a symbolic link"),
            ("pipe", "a named pipe"),
            ("socket", "a socket"),
        ] {
            let told = read_if_there(&at(name)).unwrap_err().to_string();
            let is_told = told.contains(&format!("{name} is {what}, where a file should stand"));
            assert!(is_told, "{told}");
            assert!(is_file(&at(name)).is_err(), "{name}");
        }
        let told = is_folder(&at("link-to-folder")).unwrap_err().to_string();
        assert!(told.contains("is a symbolic link, where a folder should stand"), "{told}");
    }

    #[test]
    fn what_a_link_points_to_is_not_truncated() {
        let place = tempfile::tempdir().unwrap();
        let (file, link) = (place.path().join("file"), place.path().join("link"));
        fs::write(&file, "precious").unwrap();
        symlink(&file, &link).unwrap();
        open_with(&link, OpenOptions::new().write(true)).unwrap_err();
        assert_eq!(fs::read(&file).unwrap(), b"precious");
    }
}
