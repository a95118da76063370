//! Timestamp: the request to an RFC 3161 authority about a head, and what its answer says.
//!
//! The request is one fixed form: SHA-256, no policy, no nonce (a head is never asked about twice),
//! certificate wanted. Of an answer only status, imprint and time are read here. That an authority
//! signed it is checked by `openssl ts -verify`, which knows certificates.

use sha2::{Digest, Sha256};

/// `AlgorithmIdentifier` of SHA-256 with its NULL parameters, and without, as both are in use.
const SHA256: [&[u8]; 2] = [
    &[0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00],
    &[0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
];
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const GENERALIZED_TIME: u8 = 0x18;
/// `id-ct-TSTInfo`, with its tag and length: the content of a timestamp follows it.
const TST_INFO: [u8; 13] = [0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];

/// Hash of the bytes that a timestamp is about.
pub type Imprint = [u8; 32];

/// Returns the imprint of bytes.
pub fn imprint(bytes: &[u8]) -> Imprint {
    Sha256::digest(bytes).into()
}

/// Returns a `TimeStampReq` about bytes, in DER.
pub fn request(bytes: &[u8]) -> Vec<u8> {
    let mut message = SHA256[0].to_vec();
    message.extend(element(OCTETS, &imprint(bytes)));
    let mut request = element(INTEGER, &[1]);
    request.extend(element(SEQUENCE, &message));
    request.extend([0x01, 0x01, 0xff]);
    element(SEQUENCE, &request)
}

/// Writes an element of less than 128 bytes.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 128);
    let mut out = vec![tag, content.len() as u8];
    out.extend(content);
    out
}

/// What a `TimeStampResp` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub imprint: Imprint,
    /// The instant, as `2026-11-29T08:00:00Z`.
    pub time: String,
}

impl Answer {
    /// Reads an answer in DER.
    ///
    /// # Errors
    /// Why it is none, was not granted, or has no timestamp of a SHA-256.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let no = || "it is no answer to a request for a timestamp (RFC 3161, DER)".to_owned();
        let (response, _) = inner(bytes, SEQUENCE).ok_or_else(no)?;
        let (status, token) = inner(response, SEQUENCE).ok_or_else(no)?;
        let (status, _) = inner(status, INTEGER).ok_or_else(no)?;
        // 0 is granted, 1 granted with modifications.
        if !matches!(status, [0 | 1]) {
            return Err("the authority did not grant the timestamp; ask again".to_owned());
        }
        // Behind the name of the content stand its explicit tag, the octets, and in them TSTInfo.
        let at = memchr::memmem::find(token, &TST_INFO).ok_or_else(no)? + TST_INFO.len();
        let (octets, _) = inner(&token[at..], 0xa0).ok_or_else(no)?;
        let (info, _) = inner(octets, OCTETS).ok_or_else(no)?;
        let (info, _) = inner(info, SEQUENCE).ok_or_else(no)?;
        let (_, info) = inner(info, INTEGER).ok_or_else(no)?;
        let (_, info) = inner(info, 0x06).ok_or_else(no)?;
        let (message, info) = inner(info, SEQUENCE).ok_or_else(no)?;
        let digest = SHA256.iter().find_map(|algorithm| message.strip_prefix(*algorithm));
        let digest = digest.ok_or("the timestamp is not of a SHA-256")?;
        let (imprint, _) = inner(digest, OCTETS).ok_or_else(no)?;
        let imprint: Imprint = imprint.try_into().map_err(|_| no())?;
        let (_, info) = inner(info, INTEGER).ok_or_else(no)?;
        let (time, _) = inner(info, GENERALIZED_TIME).ok_or_else(no)?;
        Ok(Self { imprint, time: instant(time).ok_or_else(no)? })
    }
}

/// Writes `20261129080000Z` or `20261129080000.5Z` as `2026-11-29T08:00:00Z`, to the second.
fn instant(time: &[u8]) -> Option<String> {
    let text = str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let digits = text.get(..14)?;
    let at = chrono::NaiveDateTime::parse_from_str(digits, "%Y%m%d%H%M%S").ok()?;
    Some(at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Returns the content of an element with this tag at the beginning of `bytes`, and the rest.
fn inner(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // As many bytes of length follow; more than four are no timestamp.
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_59_bytes_about_the_hash() {
        let request = request(b"abc");
        assert_eq!((request.len(), &request[..5]), (59, &[0x30, 57, 2, 1, 1][..]));
        assert!(memchr::memmem::find(&request, &imprint(b"abc")).is_some());
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let refused = [0x30, 5, 0x30, 3, 2, 1, 2];
        assert!(Answer::parse(&refused).unwrap_err().contains("did not grant"));
        assert!(Answer::parse(b"").unwrap_err().contains("no answer"));
        assert_eq!(instant(b"20261129080000.25Z").as_deref(), Some("2026-11-29T08:00:00Z"));
        assert_eq!(instant("2026112908000é".as_bytes()), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..59) {
            let _ = Answer::parse(&bytes);
            let mut with = vec![0x30, 0x81, bytes.len() as u8 + 6, 0x30, 3, 2, 1, 0];
            with.extend(TST_INFO);
            with.extend(&bytes);
            let _ = Answer::parse(&with);
            let _ = Answer::parse(&request(&bytes)[..cut]);
        }
    }
}
