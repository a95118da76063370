//! Kept heads: checkpoints in `heads/`, with the signatures and timestamps that stand beside them.
//!
//! A head is `<lines>-<begin of its root>.checkpoint`. Beside it may stand `.minisig`, a signature
//! that `minisign -S` made; `.tsq`, a request for a timestamp (RFC 3161); and `.tsr`, the answer to
//! it. The folder is public: copies of it elsewhere are what a rewritten ledger is found by.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use minisign_verify::{PublicKey, Signature};

use super::Checkpoint;
use super::timestamp::{self, Answer};
use crate::error::Trouble;
use crate::ledger::disk;
use crate::plain_file;

/// Folder of kept heads in the reports folder.
pub const HEADS: &str = "heads";
const CHECKPOINT: &str = "checkpoint";

/// A checkpoint that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptHead {
    pub path: PathBuf,
    /// The bytes of the file, which signatures and timestamps are of.
    text: Vec<u8>,
    pub checkpoint: Checkpoint,
}

/// The kept heads of a reports folder.
#[derive(Debug, Default)]
pub struct KeptHeads {
    /// By number of lines.
    pub heads: Vec<KeptHead>,
    /// Files that should be heads and are none.
    pub wrong: Vec<(PathBuf, Trouble)>,
}

/// What stands beside a kept head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seal {
    Absent,
    Good(String),
    /// It is there, and is not of this head.
    Bad(String),
}

impl KeptHead {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`Trouble::Damaged`] if it is none; [`Trouble::Io`].
    pub fn read(path: &Path) -> Result<Self, Trouble> {
        let text = plain_file::read(path)?;
        let checkpoint = str::from_utf8(&text).ok().and_then(Checkpoint::parse);
        let checkpoint = checkpoint.ok_or_else(|| disk::damaged(path, "it is no checkpoint"))?;
        Ok(Self { path: path.to_owned(), text, checkpoint })
    }

    /// Holds the signature beside the head against a public key.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn signature(&self, key: &PublicKey) -> Result<Seal, Trouble> {
        let Some(bytes) = plain_file::read_if_there(&self.beside("minisig"))? else {
            return Ok(Seal::Absent);
        };
        let signature = Signature::decode(&String::from_utf8_lossy(&bytes));
        let checked = signature.and_then(|signature| {
            key.verify(&self.text, &signature, false)?;
            Ok(signature.trusted_comment().to_owned())
        });
        Ok(match checked {
            Ok(comment) => Seal::Good(comment),
            Err(why) => Seal::Bad(why.to_string()),
        })
    }

    /// Reads the timestamp beside the head: the time that an authority says it had seen it by.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn timestamp(&self) -> Result<Seal, Trouble> {
        let Some(bytes) = plain_file::read_if_there(&self.beside("tsr"))? else { return Ok(Seal::Absent) };
        Ok(match Answer::parse(&bytes) {
            Ok(answer) if answer.imprint == timestamp::imprint(&self.text) => Seal::Good(answer.time),
            Ok(_) => Seal::Bad("the answer is about other bytes".to_owned()),
            Err(why) => Seal::Bad(why),
        })
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(".");
        name.push(ending);
        name.into()
    }
}

/// Keeps a checkpoint, and if asked a request for a timestamp beside it; returns its path.
///
/// # Errors
/// [`Trouble::Io`]; [`Trouble::Damaged`] if another content stands under its name.
pub fn keep(reports: &Path, checkpoint: &Checkpoint, with_request: bool) -> Result<PathBuf, Trouble> {
    let folder = reports.join(HEADS);
    if !plain_file::is_folder(&folder)? {
        fs::create_dir_all(&folder).map_err(|e| Trouble::io(&folder, "creating the folder", e))?;
    }
    let text = checkpoint.to_string();
    let root = plain_file::hex(&checkpoint.root[..4]);
    let path = folder.join(format!("{}-{root}.{CHECKPOINT}", checkpoint.lines));
    put(&path, text.as_bytes())?;
    if with_request {
        let head =
            KeptHead { path: path.clone(), text: text.clone().into_bytes(), checkpoint: checkpoint.clone() };
        put(&head.beside("tsq"), &timestamp::request(text.as_bytes()))?;
    }
    Ok(path)
}

/// Stores the answer of a timestamp authority beside the head that it is about.
///
/// # Errors
/// [`Trouble::Usage`] if it is no granted answer, or about no kept head; [`Trouble::Io`].
pub fn take_answer(reports: &Path, answer: &Path) -> Result<(PathBuf, String), Trouble> {
    let bytes = fs::read(answer).map_err(|e| Trouble::io(answer, "reading", e))?;
    let wrong = |why: &str| Trouble::Usage(format!("{}: {why}", answer.display()));
    let said = Answer::parse(&bytes).map_err(|why| wrong(&why))?;
    let kept = kept_heads(reports)?;
    let head =
        kept.heads.iter().find(|head| timestamp::imprint(&head.text) == said.imprint).ok_or_else(|| {
            wrong("it is about no kept head; `head --keep --request` writes the request that belongs to one")
        })?;
    put(&head.beside("tsr"), &bytes)?;
    Ok((head.path.clone(), said.time))
}

/// Lists the kept heads, by number of lines, and what is wrong with files that should be some.
///
/// # Errors
/// The folder cannot be listed.
pub fn kept_heads(reports: &Path) -> Result<KeptHeads, Trouble> {
    let folder = reports.join(HEADS);
    let mut kept = KeptHeads::default();
    if !plain_file::is_folder(&folder)? {
        return Ok(kept);
    }
    let names = disk::names(&folder)?;
    // A name with a point before it is one of a file system or an editor.
    let is_checkpoint = |name: &&String| {
        !name.starts_with('.') && Path::new(name).extension().is_some_and(|ending| ending == CHECKPOINT)
    };
    for path in names.iter().filter(is_checkpoint).map(|name| folder.join(name)) {
        match KeptHead::read(&path) {
            Ok(head) => kept.heads.push(head),
            Err(trouble) => kept.wrong.push((path, trouble)),
        }
    }
    kept.heads.sort_by_key(|head| head.checkpoint.lines);
    Ok(kept)
}

/// Reads a public key as `minisign -G` writes it.
///
/// # Errors
/// [`Trouble::Usage`] if it is none; [`Trouble::Io`].
pub fn public_key(path: &Path) -> Result<PublicKey, Trouble> {
    let text = fs::read_to_string(path).map_err(|e| Trouble::io(path, "reading", e))?;
    PublicKey::decode(text.trim_end()).map_err(|why| {
        Trouble::Usage(format!(
            "{}: it is no public key of minisign ({why}); give the file that `minisign -G` named .pub",
            path.display()
        ))
    })
}

/// Writes a file once: the same content may stand there, another is never replaced.
fn put(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    match plain_file::read_if_there(path)? {
        Some(there) if there == bytes => return Ok(()),
        Some(_) => {
            return Err(disk::damaged(path, "it has another content than the one to be kept there"));
        }
        None => {}
    }
    let folder = path.parent().unwrap_or(path);
    let trouble = |e: std::io::Error| Trouble::io(path, "writing", e);
    let mut file = disk::readable(0o666).tempfile_in(folder).map_err(trouble)?;
    std::io::Write::write_all(&mut file, bytes).and_then(|()| file.as_file().sync_all()).map_err(trouble)?;
    match file.persist_noclobber(path) {
        Ok(_) => disk::sync_folder(folder),
        Err(e) if e.error.kind() == ErrorKind::AlreadyExists => put(path, bytes),
        Err(e) => Err(trouble(e.error)),
    }
}
