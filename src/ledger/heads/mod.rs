//! Heads: what was published of the journal outside, by which a rewritten one is found.
//!
//! A head is number and hash of a line, or a checkpoint: number of lines and root of the tree over
//! them. Whoever kept one can ask whether the journal still goes on from it.

mod checkpoint;
mod kept;
mod published;
mod timestamp;
mod tree;

use std::fmt;
use std::path::Path;

pub use checkpoint::{Checkpoint, proof};
pub use kept::{HEADS, KeptHeads, Seal, keep, kept_heads, public_key, take_answer};
pub use published::{PublishedHead, read_heads};
pub use tree::LineTree;

use super::HeadName;
use super::Ledger;
use super::journal::JOURNAL;
use crate::day::Day;
use crate::error::Trouble;
use crate::plain_file;

/// How a journal stands to a head that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extends {
    /// It goes on from the head, which is this line.
    From(u64),
    /// Two persons gave the head up, or what came before it, with this line.
    GivenUp(u64),
    /// It does not go on from the head.
    No(String),
}

impl fmt::Display for Extends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(line) => write!(f, "the journal goes on from it: it is line {line}"),
            Self::GivenUp(line) => write!(f, "given up by line {line} of the journal"),
            Self::No(why) => write!(
                f,
                "the journal does not go on from it: {why}. Lines were rewritten or cut off since it was published; put the newest \
                 journal back from a backup"
            ),
        }
    }
}

impl Ledger {
    /// Makes the tree over the lines of the journal, as they stand in its file.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn tree(&self) -> Result<LineTree, Trouble> {
        let bytes = plain_file::read(&self.folder.join(JOURNAL))?;
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let whole = lines.filter_map(|line| line.strip_suffix(b"\n"));
        Ok(LineTree::of(whole.take(usize::try_from(self.head().0).unwrap_or(usize::MAX))))
    }

    /// Returns number and hash of the line that published an edition; empty if there is none.
    pub fn line_of(&self, day: Day, number: u32) -> String {
        let editions = self.record.days.get(&day).map(|record| &record.editions);
        let said = editions.into_iter().flatten().find(|it| it.publication.edition == number);
        let line = said.and_then(|said| Some((said.seq, self.journal.hash_of(said.seq)?)));
        line.map_or_else(String::new, |(seq, hash)| format!("{seq} {hash}"))
    }

    /// Returns the name of this log of lines, for checkpoints.
    ///
    /// It changes when two persons go on from an older journal.
    pub fn origin(&self) -> String {
        let first = self.journal.hash_of(1).unwrap_or_default();
        let begun = format!("uptime-ledger/{}", first.get(..16).unwrap_or(first));
        match self.record.resumed.last() {
            Some((line, _)) => format!("{begun}/{line}"),
            None => begun,
        }
    }

    /// Returns the checkpoint of the journal as it stands.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn checkpoint(&self) -> Result<Checkpoint, Trouble> {
        let (tree, lines) = (self.tree()?, self.head().0);
        Ok(Checkpoint { origin: self.origin(), lines, root: tree.root(tree.len()) })
    }

    /// Finds out whether the journal goes on from a head.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn extends(&self, head: &PublishedHead) -> Result<Extends, Trouble> {
        match head {
            PublishedHead::Line { seq, hash } => Ok(self.extends_line(*seq, hash)),
            PublishedHead::Checkpoint(checkpoint) => {
                let tree = self.tree()?;
                let lines = usize::try_from(checkpoint.lines).unwrap_or(usize::MAX);
                if lines > 0 && lines <= tree.len() && tree.root(lines) == checkpoint.root {
                    return Ok(Extends::From(checkpoint.lines));
                }
                Ok(self.given_up(checkpoint).map_or_else(
                    || self.other(checkpoint.lines, "the root of its lines is another"),
                    Extends::GivenUp,
                ))
            }
        }
    }

    /// Returns the line by which two persons gave up lines that a checkpoint has.
    ///
    /// It is one of the log before that line: the origin of later checkpoints is another.
    fn given_up(&self, checkpoint: &Checkpoint) -> Option<u64> {
        let gave_up = self.record.resumed.iter().find(|(_, resumed)| {
            let is_known = |until: &HeadName| checkpoint.lines <= until.seq;
            resumed.from.seq < checkpoint.lines && resumed.given_up.as_ref().is_none_or(is_known)
        });
        gave_up.map(|(line, _)| *line).filter(|_| checkpoint.origin != self.origin())
    }

    fn extends_line(&self, seq: Option<u64>, hash: &str) -> Extends {
        if let Some((line, _)) = self
            .record
            .resumed
            .iter()
            .find(|(_, resumed)| resumed.given_up.as_ref().is_some_and(|given_up| given_up.hash == hash))
        {
            return Extends::GivenUp(*line);
        }
        match seq {
            Some(seq) if self.journal.hash_of(seq) == Some(hash) => Extends::From(seq),
            Some(seq) => {
                let there = self.journal.hash_of(seq).map_or_else(
                    || format!("it ends with line {}, before line {seq}", self.journal.head().0),
                    |there| format!("line {seq} has the hash {there}"),
                );
                self.other(seq, &there)
            }
            None => match (1..=self.journal.head().0).find(|seq| self.journal.hash_of(*seq) == Some(hash)) {
                Some(seq) => Extends::From(seq),
                None => Extends::No("no line has this hash".to_owned()),
            },
        }
    }

    /// A line that is not there may have been given up with the lines around it.
    fn other(&self, seq: u64, why: &str) -> Extends {
        let gave_up = self.record.resumed.iter().find(|(_, resumed)| {
            resumed.from.seq < seq && resumed.given_up.as_ref().is_none_or(|given_up| seq < given_up.seq)
        });
        match gave_up {
            Some((line, _)) => Extends::No(format!(
                "{why}; it may be one of the lines that were given up by line {line}, of which only the last is known"
            )),
            None => Extends::No(why.to_owned()),
        }
    }
}

/// Reads the heads that a file or a hash on the command line names.
///
/// # Errors
/// [`Trouble::Usage`] if there is none.
pub fn heads_of(text: &str) -> Result<Vec<PublishedHead>, Trouble> {
    match published::line_of(text) {
        Some(head) => Ok(vec![head]),
        None => read_heads(Path::new(text)),
    }
}
