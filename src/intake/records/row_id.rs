//! Row ids: what a log writes as the id of a call, a message or a notification.

use crate::config::{IdSpelling, Identity, Source};
use crate::facts::Salt;
use crate::facts::ids::Id;
use crate::intake::rows::raw_row::LogValue;

/// Words that stand for no id, in any case.
const NO_IDS: [&str; 4] = ["null", "nil", "none", "undefined"];

/// Returns whether an id names nothing: zeros and hyphens alone, or a word for nothing.
///
/// Rows that share such an id have nothing in common. Zeros are the nil UUID, with and without
/// hyphens, and the number 0.
#[inline]
pub fn is_nil(id: &[u8]) -> bool {
    match id.first() {
        None => true,
        // Most ids end here.
        Some(first) if !matches!(first, b'0' | b'-' | b'n' | b'N' | b'u' | b'U') => false,
        Some(b'0' | b'-') => id.iter().all(|byte| matches!(byte, b'0' | b'-')),
        Some(b'n' | b'N' | b'u' | b'U') => {
            id.len() <= 9 && NO_IDS.iter().any(|word| id.eq_ignore_ascii_case(word.as_bytes()))
        }
        Some(_) => false,
    }
}

/// Returns whether a value is a nil id ([`is_nil`]).
#[inline]
pub fn is_nil_value(value: &LogValue<'_>) -> bool {
    match value {
        LogValue::Text(id) => is_nil(id),
        LogValue::Int(id) => *id == 0,
        _ => false,
    }
}

/// Returns an id without hyphens and in lower case.
pub fn loose(id: &[u8]) -> Vec<u8> {
    id.iter().filter(|byte| **byte != b'-').map(u8::to_ascii_lowercase).collect()
}

/// How the ids of one source become hashes.
#[derive(Debug, Clone, Copy)]
pub struct IdHasher {
    is_loose: bool,
    /// True if calls with one id are one call.
    names_calls: bool,
}

impl IdHasher {
    pub fn of(source: &Source) -> Self {
        Self { is_loose: source.ids == IdSpelling::Loose, names_calls: source.identity != Identity::None }
    }

    /// Returns the keyed hash of a call's id; 0 if it does not tell calls apart.
    #[inline]
    pub fn call(&self, salt: &Salt, id: &[u8]) -> Id {
        match () {
            () if !self.names_calls || is_nil(id) => 0,
            () if self.is_loose => salt.id(&loose(id)),
            () => salt.id(id),
        }
    }

    /// Returns the keyed hash of a message or notification; `None` for a nil id.
    #[inline]
    pub fn keyed(&self, salt: &Salt, id: &[u8]) -> Option<Id> {
        match () {
            () if is_nil(id) => None,
            () if self.is_loose => Some(salt.id(&loose(id))),
            () => Some(salt.id(id)),
        }
    }

    /// Returns the keyed hash of a call's id; 0 for a call without one.
    ///
    /// # Errors
    /// The id is neither text nor a whole number.
    pub fn call_of(&self, salt: &Salt, id: &LogValue<'_>) -> Result<Id, String> {
        match id {
            LogValue::Missing => Ok(0),
            LogValue::Text(id) => Ok(self.call(salt, id)),
            LogValue::Int(id) => Ok(self.call(salt, id.to_string().as_bytes())),
            other => Err(format!("request_id is {}, expected text or a whole number", other.excerpt())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Log;

    #[test]
    fn ids_that_name_nothing_are_none() {
        let zeros = ["", "-", "0", "000", "00000000-0000-0000-0000-000000000000", "00000000000000000000"];
        let words = ["null", "NULL", "nil", "None", "undefined"];
        for id in zeros.iter().chain(&words) {
            assert!(is_nil(id.as_bytes()), "{id}");
        }
        for id in ["00000001-0000-4000-8000-000000000000", "none-1", "n", "01", "nilo", "a"] {
            assert!(!is_nil(id.as_bytes()), "{id}");
        }
        assert!(is_nil_value(&LogValue::Int(0)) && !is_nil_value(&LogValue::Int(10)));
    }

    #[test]
    fn loose_ids_meet_without_case_and_hyphens() {
        let source = |ids, identity| Source { identity, ids, ..Source::bare("a", Log::Requests) };
        let (spelt, bare) = (b"0000AB-CD".as_slice(), b"0000abcd".as_slice());
        let exact = IdHasher::of(&source(IdSpelling::Exact, Identity::Unique));
        let loose = IdHasher::of(&source(IdSpelling::Loose, Identity::Client));
        let salt = Salt::new("a");
        assert_ne!(exact.call(&salt, spelt), exact.call(&salt, bare));
        assert_eq!(loose.call(&salt, spelt), exact.call(&salt, bare));
        assert_eq!(loose.keyed(&salt, spelt), exact.keyed(&salt, bare));
        assert_eq!(IdHasher::of(&source(IdSpelling::Exact, Identity::None)).call(&salt, bare), 0);
    }
}
