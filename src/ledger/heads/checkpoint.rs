//! Checkpoint: origin, number of lines and root of a journal, as C2SP tlog-checkpoint writes them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::tree::TreeHash;

/// A state of a journal that witnesses can sign and keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Names the log of lines.
    pub origin: String,
    pub lines: u64,
    pub root: TreeHash,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.lines, STANDARD.encode(self.root))
    }
}

impl Checkpoint {
    /// Reads the three lines; what follows them, as signatures of witnesses, is not looked at.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (origin, number, root) = (lines.next()?, lines.next()?, lines.next()?);
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let root = STANDARD.decode(root).ok()?.try_into().ok()?;
        Some(Self { origin: origin.to_owned(), lines: number.parse().ok()?, root })
    }
}

/// Writes a proof as its hashes in base64, a line each.
pub fn proof(nodes: &[TreeHash]) -> String {
    nodes.iter().map(|node| STANDARD.encode(node) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_comes_back_with_the_signatures_of_others_behind_it() {
        let checkpoint = Checkpoint { origin: "uptime-ledger/ab".to_owned(), lines: 12, root: [7; 32] };
        let text = checkpoint.to_string();
        assert_eq!(Checkpoint::parse(&text), Some(checkpoint.clone()));
        assert_eq!(Checkpoint::parse(&(text + "\n\u{2014} witness abc=\n")), Some(checkpoint));
        assert_eq!(Checkpoint::parse("a\nb\nc\n"), None);
    }
}
