//! Decompress: the text of gzip, zstd, xz and bzip2 files, which may have several members each.

use std::io::{self, BufRead, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::Stream;

use crate::error::guarded;

/// Compression around the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogCompression {
    None,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl LogCompression {
    /// Returns the compression that the first bytes of a file tell.
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // Skippable frames may come first.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            // A text may begin with `BZh`: the digit is the block size, and a block or the end of
            // the stream begins with the digits of pi or of its square root.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Self::Bzip2,
            _ => Self::None,
        }
    }

    /// Returns the ending of names in reports, such as `gz`; empty for plain text.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => "gz",
            Self::Zstd => "zst",
            Self::Xz => "xz",
            Self::Bzip2 => "bz2",
        }
    }
}

/// Limit on the memory of an xz decoder, in bytes.
///
/// A file names the size of its dictionary, up to 4 GiB. `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;

/// Returns the text of a file, decompressed; several members, frames or streams are one text.
///
/// # Errors
/// The decoder cannot be set up.
pub fn reader(
    raw: impl Read + Send + 'static,
    compression: LogCompression,
) -> io::Result<Box<dyn Read + Send>> {
    let buffered = |raw| io::BufReader::with_capacity(1 << 18, raw);
    Ok(match compression {
        LogCompression::None => Box::new(raw),
        LogCompression::Gzip => Box::new(Guarded(Some(Members::<GzDecoder<_>>::new(buffered(raw))?))),
        LogCompression::Zstd => {
            Box::new(Guarded(Some(Members::<zstd::stream::read::Decoder<'_, _>>::new(buffered(raw))?)))
        }
        LogCompression::Xz => Box::new(Guarded(Some(Members::<Xz<_>>::new(buffered(raw))?))),
        LogCompression::Bzip2 => Box::new(Guarded(Some(Members::<BzDecoder<_>>::new(buffered(raw))?))),
    })
}

/// A decoder of one gzip member, zstd frame, xz stream or bzip2 stream.
trait MemberDecoder: Read + Sized {
    type Raw: BufRead;
    fn begin(raw: Self::Raw) -> io::Result<Self>;
    /// Returns the bytes behind the member.
    fn rest(self) -> Self::Raw;
}

impl<R: BufRead> MemberDecoder for GzDecoder<R> {
    type Raw = R;

    fn begin(raw: R) -> io::Result<Self> {
        // The decoder reads the header of the member immediately.
        guarded(|| Self::new(raw)).map_err(io::Error::other)
    }

    fn rest(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> MemberDecoder for zstd::stream::read::Decoder<'static, R> {
    type Raw = R;

    fn begin(raw: R) -> io::Result<Self> {
        Ok(zstd::stream::read::Decoder::with_buffer(raw)?.single_frame())
    }

    fn rest(self) -> R {
        self.finish()
    }
}

impl<R: BufRead> MemberDecoder for BzDecoder<R> {
    type Raw = R;

    fn begin(raw: R) -> io::Result<Self> {
        Ok(Self::new(raw))
    }

    fn rest(self) -> R {
        self.into_inner()
    }
}

/// Decoder of one xz stream, with errors that say what to do.
struct Xz<R>(XzDecoder<R>);

impl<R: BufRead> MemberDecoder for Xz<R> {
    type Raw = R;

    fn begin(raw: R) -> io::Result<Self> {
        let stream = Stream::new_stream_decoder(XZ_MEMORY, 0)?;
        Ok(Self(XzDecoder::new_stream(raw, stream)))
    }

    fn rest(self) -> R {
        self.0.into_inner()
    }
}

impl<R: BufRead> Read for Xz<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let is_limit = |e: &io::Error| {
            let inner = e.get_ref().and_then(|inner| inner.downcast_ref::<liblzma::stream::Error>());
            inner == Some(&liblzma::stream::Error::MemLimit)
        };
        self.0.read(buffer).map_err(|e| {
            if is_limit(&e) {
                io::Error::other(format!(
                    "its dictionary needs more than {} MiB of memory; compress it anew with `xz -9` or less",
                    XZ_MEMORY >> 20
                ))
            } else {
                e
            }
        })
    }
}

/// Text of all members of a file, one after the other.
///
/// Zeros behind a member are no mistake: block devices and some archivers fill up with them, and
/// `gzip -d` takes them too. Anything else there fails the file.
struct Members<D>(Option<D>);

impl<D: MemberDecoder> Members<D> {
    fn new(raw: D::Raw) -> io::Result<Self> {
        D::begin(raw).map(|decoder| Self(Some(decoder)))
    }
}

impl<D: MemberDecoder> Read for Members<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.0 {
            let n = decoder.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let Some(mut raw) = self.0.take().map(D::rest) else { break };
            loop {
                let bytes = raw.fill_buf()?;
                let (all, zeros) = (bytes.len(), bytes.iter().take_while(|byte| **byte == 0).count());
                raw.consume(zeros);
                if all == 0 {
                    return Ok(0);
                }
                if zeros < all {
                    break;
                }
            }
            self.0 = Some(D::begin(raw)?);
        }
        Ok(0)
    }
}

/// A decoder whose panic becomes an error of its file; it is not used again afterwards.
struct Guarded<R>(Option<R>);

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(decoder) = &mut self.0 else { return Ok(0) };
        guarded(|| decoder.read(buffer)).unwrap_or_else(|words| {
            self.0 = None;
            Err(io::Error::other(words))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const ALL: [LogCompression; 4] =
        [LogCompression::Gzip, LogCompression::Zstd, LogCompression::Xz, LogCompression::Bzip2];

    fn pack(compression: LogCompression, text: &[u8]) -> Vec<u8> {
        match compression {
            LogCompression::None => text.to_vec(),
            LogCompression::Gzip => {
                let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                to.write_all(text).unwrap();
                to.finish().unwrap()
            }
            LogCompression::Zstd => zstd::encode_all(text, 1).unwrap(),
            LogCompression::Xz => {
                let mut to = liblzma::write::XzEncoder::new(Vec::new(), 1);
                to.write_all(text).unwrap();
                to.finish().unwrap()
            }
            LogCompression::Bzip2 => {
                let mut to = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                to.write_all(text).unwrap();
                to.finish().unwrap()
            }
        }
    }

    fn read(compression: LogCompression, bytes: Vec<u8>) -> io::Result<String> {
        let mut text = String::new();
        reader(io::Cursor::new(bytes), compression)?.read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn zeros_behind_the_last_member_are_skipped_and_anything_else_fails_the_file() {
        // A frame of zstd without text.
        let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
        for compression in ALL {
            let extra = if compression == LogCompression::Zstd { skippable.clone() } else { Vec::new() };
            let pack = |text: &[u8]| pack(compression, text);
            let read = |bytes: Vec<u8>| read(compression, bytes);
            let zeros = vec![0; 600_000];
            let whole = [&*extra, &*pack(b"one\n"), &extra, &zeros, &pack(b"two\n"), &extra].concat();
            assert_eq!(LogCompression::of(&whole), compression);
            assert_eq!(read([&*whole, &zeros].concat()).unwrap(), "one\ntwo\n");
            assert_eq!(read([&*whole, b"\0"].concat()).unwrap(), "one\ntwo\n");
            assert_eq!(read([pack(b""), pack(b""), pack(b"one\n")].concat()).unwrap(), "one\n");
            assert!(read([&*whole, &zeros, b"x"].concat()).is_err(), "{compression:?}");
            assert!(read([&*whole, b"2026-11-20T10:00:00Z"].concat()).is_err(), "{compression:?}");
            // A member that is torn is no end.
            assert!(read(pack(b"one\n")[..10].to_vec()).is_err(), "{compression:?}");
        }
    }

    #[test]
    fn a_file_that_is_cut_or_changed_anywhere_is_no_whole_text() {
        let text: String = (0..3_000).map(|n| format!("{n} {}\n", n * n)).collect();
        for compression in ALL {
            let whole = pack(compression, text.as_bytes());
            assert_eq!(read(compression, whole.clone()).unwrap(), text);
            let step = whole.len() / 97 + 1;
            for at in (1..whole.len()).step_by(step) {
                assert!(read(compression, whole[..at].to_vec()).is_err(), "{compression:?}: cut at {at}");
                let mut changed = whole.clone();
                changed[at] ^= 0x55;
                // Some bytes of a gzip header, such as its time, say nothing of the text; zstd has
                // no checksum here.
                let is_checked = matches!(compression, LogCompression::Xz | LogCompression::Bzip2);
                assert!(!is_checked || read(compression, changed).is_err(), "{compression:?}: byte {at}");
            }
        }
    }

    #[test]
    fn a_dictionary_of_gigabytes_is_refused_before_it_is_made() {
        // The header of a small block says 1 GiB; no encoder has to run with it.
        let mut whole = pack(LogCompression::Xz, b"one\n");
        let at = whole.windows(2).position(|w| w == [0x21, 0x01]).unwrap() + 2;
        whole[at] = 36; // 2^(36/2 + 12) bytes: 1 GiB
        let header = &whole[12..12 + (usize::from(whole[12]) + 1) * 4];
        let crc = crc32(&header[..header.len() - 4]);
        let end = 12 + header.len();
        whole[end - 4..end].copy_from_slice(&crc.to_le_bytes());
        let error = read(LogCompression::Xz, whole).unwrap_err().to_string();
        assert!(error.starts_with("its dictionary needs more than 256 MiB"), "{error}");
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32, byte: &u8| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        };
        !bytes.iter().fold(!0, step)
    }

    #[test]
    fn a_text_may_begin_as_a_compressed_file_does() {
        for text in [&b"BZh9,2026"[..], b"BZh", b"\xfd7zXZ", b"\x1f", b""] {
            assert_eq!(LogCompression::of(text), LogCompression::None, "{text:?}");
        }
    }

    struct Panics;

    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("a decoder of others")
        }
    }

    #[test]
    fn a_decoder_that_panics_spoils_its_file_alone() {
        for compression in ALL {
            let text = reader(Panics, compression).and_then(|mut text| text.read(&mut [0; 8]));
            let error = text.unwrap_err().to_string();
            assert_eq!(error, "the decoder gave up, so the file is corrupt: a decoder of others");
        }
    }
}
