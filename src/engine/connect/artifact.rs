//! Artifact: a file cut into the messages that carry it to a Spark session.

use std::fs::File;
use std::io::{self, Read};

use super::messages::{AddArtifactsRequest, ArtifactBatch, ArtifactChunk, BeginArtifact, WholeArtifact};

/// Bytes in a chunk, as in Spark's own clients.
const CHUNK: usize = 32 << 10;

/// The messages of one file, read as they are taken, so that a large file is never held whole.
pub(crate) struct ArtifactParts<R> {
    name: String,
    from: R,
    total: u64,
    sent: u64,
    is_begun: bool,
    /// Session, user and client, as every message repeats them.
    envelope: AddArtifactsRequest,
}

impl ArtifactParts<File> {
    pub(crate) fn of_file(name: &str, from: File, envelope: AddArtifactsRequest) -> io::Result<Self> {
        let total = from.metadata()?.len();
        Ok(Self::new(name, from, total, envelope))
    }
}

impl<R: Read> ArtifactParts<R> {
    /// `files/` is the folder whose artifacts Spark puts into the working folder of every task.
    fn new(name: &str, from: R, total: u64, envelope: AddArtifactsRequest) -> Self {
        Self { name: format!("files/{name}"), from, total, sent: 0, is_begun: false, envelope }
    }

    /// Returns the next message; `None` after the last.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file became shorter since it was opened.
    pub(crate) fn next_part(&mut self) -> io::Result<Option<AddArtifactsRequest>> {
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        if self.sent == self.total && !is_first {
            return Ok(None);
        }
        let bytes = (self.total - self.sent).min(CHUNK as u64) as usize;
        let mut data = vec![0; bytes];
        self.from.read_exact(&mut data)?;
        self.sent += bytes as u64;
        let chunk = ArtifactChunk { crc: i64::from(crc32fast::hash(&data)), data };
        let mut part = self.envelope.clone();
        if !is_first {
            part.chunk = Some(chunk);
        } else if self.sent == self.total {
            let whole = WholeArtifact { name: self.name.clone(), data: Some(chunk) };
            part.batch = Some(ArtifactBatch { artifacts: vec![whole] });
        } else {
            part.begin_chunk = Some(BeginArtifact {
                name: self.name.clone(),
                total_bytes: self.total as i64,
                num_chunks: self.total.div_ceil(CHUNK as u64) as i64,
                initial_chunk: Some(chunk),
            });
        }
        Ok(Some(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(bytes: &[u8], total: u64) -> io::Result<Vec<AddArtifactsRequest>> {
        let mut parts = ArtifactParts::new("n", bytes, total, AddArtifactsRequest::default());
        std::iter::from_fn(|| parts.next_part().transpose()).collect()
    }

    #[test]
    fn a_small_file_is_one_batch() {
        let found = parts(b"123456789", 9).unwrap();
        let [part] = found.as_slice() else { panic!("{} parts", found.len()) };
        let artifact = &part.batch.as_ref().unwrap().artifacts[0];
        assert_eq!(artifact.name, "files/n");
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(artifact.data.as_ref().unwrap().crc, 0xcbf4_3926);
        assert_eq!(parts(&vec![7; CHUNK], CHUNK as u64).unwrap().len(), 1);
    }

    #[test]
    fn a_large_file_begins_and_goes_on_in_chunks() {
        let bytes: Vec<u8> = (0..=255).cycle().take(2 * CHUNK + 5).collect();
        let found = parts(&bytes, bytes.len() as u64).unwrap();
        assert_eq!(found.len(), 3);
        let begin = found[0].begin_chunk.as_ref().unwrap();
        assert_eq!((begin.name.as_str(), begin.num_chunks), ("files/n", 3));
        assert_eq!(begin.total_bytes, bytes.len() as i64);
        let mut chunks = vec![begin.initial_chunk.as_ref().unwrap()];
        chunks.extend(found[1..].iter().map(|part| part.chunk.as_ref().unwrap()));
        assert!(chunks.iter().all(|chunk| chunk.crc == i64::from(crc32fast::hash(&chunk.data))));
        assert_eq!(chunks.iter().flat_map(|chunk| chunk.data.clone()).collect::<Vec<_>>(), bytes);
        assert_eq!(parts(&vec![7; 2 * CHUNK], 2 * CHUNK as u64).unwrap().len(), 2);
    }

    #[test]
    fn an_empty_file_is_sent_and_a_shrunk_one_is_not() {
        let found = parts(b"", 0).unwrap();
        assert_eq!(found[0].batch.as_ref().unwrap().artifacts[0].data.as_ref().unwrap().crc, 0);
        assert_eq!(parts(b"abc", 4).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
