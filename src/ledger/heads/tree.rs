//! Tree: the Merkle tree of RFC 6962 over the lines of a journal, with its consistency proofs.

use sha2::{Digest, Sha256};

/// A hash of the tree.
pub type TreeHash = [u8; 32];

/// The hashes of all leaves; a leaf is a whole line without its line end.
#[derive(Debug, Clone)]
pub struct LineTree(Vec<TreeHash>);

impl LineTree {
    pub fn of<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Self {
        let leaf = |line| Sha256::new_with_prefix([0]).chain_update(line).finalize().into();
        Self(lines.map(leaf).collect())
    }

    pub const fn len(&self) -> usize {
        self.0.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the root over the first lines (RFC 6962, section 2.1).
    pub fn root(&self, lines: usize) -> TreeHash {
        root(&self.0[..lines.min(self.0.len())])
    }

    /// Returns the proof that the tree over some first lines is the beginning of the whole one
    /// (RFC 6962, section 2.1.2); empty if there is nothing to prove.
    pub fn consistency(&self, lines: usize) -> Vec<TreeHash> {
        let mut proof = Vec::new();
        if lines > 0 && lines < self.0.len() {
            subproof(&self.0, lines, true, &mut proof);
        }
        proof
    }
}

fn root(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        leaves => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            Sha256::new_with_prefix([1]).chain_update(root(left)).chain_update(root(right)).finalize().into()
        }
    }
}

/// Returns the largest power of two below a number of leaves.
const fn split(leaves: usize) -> usize {
    1 << (usize::BITS - 1 - (leaves - 1).leading_zeros())
}

fn subproof(leaves: &[TreeHash], lines: usize, is_known: bool, proof: &mut Vec<TreeHash>) {
    if lines == leaves.len() {
        if !is_known {
            proof.push(root(leaves));
        }
        return;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if lines <= left.len() {
        subproof(left, lines, is_known, proof);
        proof.push(root(right));
    } else {
        subproof(right, lines - left.len(), false, proof);
        proof.push(root(left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain_file::hex;

    /// The leaves and roots that the test suite of Certificate Transparency has.
    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let leaves: [&[u8]; 8] = [
            &[],
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let tree = LineTree::of(leaves.into_iter());
        let roots = [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ];
        for (lines, root) in roots {
            assert_eq!(hex(&tree.root(lines)), root, "{lines}");
        }
        let proof: Vec<String> = tree.consistency(6).iter().map(|node| hex(node)).collect();
        assert_eq!(proof.len(), 3);
        assert_eq!(proof[0], "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a");
    }
}
