//! Ids: keyed hashes of messages, notifications and callers, which can be matched but not read.

use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::{xxh3_64_with_secret, xxh3_128_with_secret};

use super::CallerSketch;

/// A message or notification: 96 bits of a keyed hash.
///
/// Message ids contain phone numbers, so they are stored in no other form. Among a billion ids, the
/// probability that two share a hash is below one in 10^11.
pub type Id = u128;

/// Returns the top 64 bits of an [`Id`], enough to test for membership among known ids.
pub const fn short(id: Id) -> u64 {
    (id >> 32) as u64
}

/// Key under which a call without an answer waits for a message that may be its own.
///
/// It stands where other calls have the hash of their message. The last bit, which [`short`] drops,
/// tells the two kinds apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitingKey {
    /// The call names no correlation; its caller alone is known.
    Caller(Id),
    Correlation(Id),
}

impl WaitingKey {
    const CALLER: Id = 1;

    /// Returns the key as an id, never 0.
    pub const fn id(self) -> Id {
        match self {
            Self::Caller(hash) => hash | Self::CALLER,
            // A hash of zeros alone would read as no key.
            Self::Correlation(hash) if hash & !Self::CALLER == 0 => 1 << 32,
            Self::Correlation(hash) => hash & !Self::CALLER,
        }
    }

    /// Returns the key that an id is, or `None` for 0.
    pub const fn of(id: Id) -> Option<Self> {
        match id {
            0 => None,
            id if id & Self::CALLER != 0 => Some(Self::Caller(id)),
            id => Some(Self::Correlation(id)),
        }
    }
}

/// Secret mixed into ids and callers, so that nobody finds a phone number by trying all of them.
#[derive(Clone)]
pub struct Salt {
    secret: [u8; 192],
    text: String,
}

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt")
    }
}

impl Salt {
    /// Derives the 192 bytes of the hash secret from the text of the salt.
    pub fn new(text: &str) -> Self {
        let mut secret = [0; 192];
        for (n, block) in secret.chunks_exact_mut(32).enumerate() {
            let hash =
                Sha256::new().chain_update("uptime-ledger ids").chain_update([n as u8]).chain_update(text);
            block.copy_from_slice(&hash.finalize());
        }
        Self { secret, text: text.to_owned() }
    }

    /// Returns the text of the salt, for a process that must make the same pseudonyms.
    pub fn secret(&self) -> &str {
        &self.text
    }

    /// Hashes the id of a message or notification.
    #[inline]
    pub fn id(&self, bytes: &[u8]) -> Id {
        xxh3_128_with_secret(bytes, &self.secret) >> 32
    }

    /// Hashes a caller for the count of active callers: 48 bits, never 0.
    #[inline]
    pub fn caller(&self, bytes: &[u8]) -> u64 {
        (xxh3_64_with_secret(bytes, &self.secret) >> (u64::BITS - CallerSketch::BITS)).max(1)
    }

    /// Returns a short hash that tells two salts apart without revealing them.
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::new().chain_update("uptime-ledger salt").chain_update(&self.text).finalize();
        hash[..6].iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Returns the name under which a caller is stored: stable under one salt, never the id itself.
    ///
    /// An empty caller stays empty: not recorded.
    pub fn pseudonym(&self, caller: &str) -> String {
        if caller.is_empty() {
            return String::new();
        }
        format!("c-{}", self.hex("uptime-ledger caller", caller))
    }

    /// Returns the name under which a word is stored that may say something about a person.
    pub fn word(&self, word: &str) -> String {
        format!("n-{}", self.hex("uptime-ledger word", word))
    }

    /// Returns twelve hexadecimal digits of a keyed hash.
    fn hex(&self, purpose: &str, text: &str) -> String {
        let hash = Sha256::new()
            .chain_update(purpose)
            .chain_update(self.text.len().to_le_bytes())
            .chain_update(&self.text)
            .chain_update(text)
            .finalize();
        hash[..6].iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// A hash map with the fast variant of foldhash.
pub type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_the_salt_and_stay_within_96_bits() {
        let (a, b) = (Salt::new("a"), Salt::new("b"));
        assert_eq!(a.id(b"wamid.x"), Salt::new("a").id(b"wamid.x"));
        assert_ne!(a.id(b"wamid.x"), b.id(b"wamid.x"));
        assert!(a.id(b"wamid.x") < 1 << 96);
        let id = a.id(b"wamid.x");
        assert_eq!(u128::from(short(id)), id >> 32);
    }

    #[test]
    fn callers_are_known_by_a_stable_pseudonym() {
        let salt = Salt::new("a");
        assert_eq!(salt.pseudonym(""), "");
        assert_eq!(salt.pseudonym("biz-1"), Salt::new("a").pseudonym("biz-1"));
        assert_ne!(salt.pseudonym("biz-1"), Salt::new("b").pseudonym("biz-1"));
        assert!(salt.pseudonym("biz-1").len() == 14 && !salt.pseudonym("biz-1").contains("biz"));
    }
}
