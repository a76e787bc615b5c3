use std::fmt;
use std::io::{self, Read, Write};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::arrivals::Arrivals;
use super::stream::Stream;
use crate::error::{Error, ErrorKind};

/// How much of what came is inflated before more is read.
const CHUNK: usize = 16 << 10;

/// How many bytes may come in a row that inflate to nothing. A flush is five.
const IDLE_BYTES: usize = 64 << 10;

/// A stream whose bytes are deflated in both directions (RFC 4978).
///
/// Never inflates more than a reader has asked for: what came stays deflated until then.
pub(super) struct Deflate {
    stream: Stream,
    inflater: Decompress,
    deflater: Compress,
    /// What came and is not inflated yet.
    came: Arrivals,
    /// The server has ended its stream.
    ended: bool,
    /// What is deflated and has not left.
    leaving: Vec<u8>,
}

impl Deflate {
    /// Takes the stream, and what was read of it and is deflated already.
    pub(super) fn new(stream: Stream, came: Vec<u8>) -> Self {
        Self {
            stream,
            inflater: Decompress::new(false),
            deflater: Compress::new(Compression::fast(), false),
            came: came.into(),
            ended: false,
            leaving: Vec::new(),
        }
    }

    /// Inflates what has come into the buffer, and gives how much that is.
    fn inflated(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (before, after) = (self.inflater.total_in(), self.inflater.total_out());
        let status = self.inflater.decompress(self.came.rest(), buffer, FlushDecompress::None);
        self.ended = status.map_err(|_| broken("it is no deflated data"))? == Status::StreamEnd;
        self.came.advance(step(before, self.inflater.total_in()));
        Ok(step(after, self.inflater.total_out()))
    }

    /// Deflates bytes to the end, and with a flush all that the other side needs to inflate them.
    fn deflated(&mut self, mut bytes: &[u8], flush: FlushCompress) -> io::Result<()> {
        loop {
            self.leaving.reserve(CHUNK);
            let before = self.deflater.total_in();
            self.deflater.compress_vec(bytes, &mut self.leaving, flush).map_err(io::Error::other)?;
            bytes = bytes.get(step(before, self.deflater.total_in())..).unwrap_or_default();
            if bytes.is_empty() && self.leaving.len() < self.leaving.capacity() {
                return Ok(());
            }
        }
    }
}

fn broken(what: &'static str) -> io::Error {
    io::Error::other(Error::from(ErrorKind::Compression { what }))
}

fn step(from: u64, to: u64) -> usize {
    usize::try_from(to - from).unwrap_or(usize::MAX)
}

impl Read for Deflate {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut idle = 0;
        while !self.ended && !buffer.is_empty() {
            let count = self.inflated(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            if self.ended {
                break;
            }
            if !self.came.rest().is_empty() || idle > IDLE_BYTES {
                return Err(broken("it says nothing, without end"));
            }
            match self.came.read(&mut self.stream, CHUNK)? {
                0 => return Ok(0),
                count => idle += count,
            }
        }
        Ok(0)
    }
}

impl Write for Deflate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.deflated(bytes, FlushCompress::None)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.deflated(&[], FlushCompress::Sync)?;
        self.stream.write_all(&self.leaving)?;
        self.leaving.clear();
        self.stream.flush()
    }
}

impl fmt::Debug for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deflate")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use std::io::{Read, Write};

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::{Deflate, Stream};

    /// What came along with the reply to COMPRESS, where nothing can come any more.
    fn come(bytes: &[u8]) -> Deflate {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.flush().unwrap();
        Deflate::new(Stream::Gone, encoder.get_ref().clone())
    }

    #[test]
    fn what_has_come_is_all_given_before_the_stream_is_asked_for_more() {
        let lines: Vec<u8> = (0..20_000).flat_map(|n| format!("* {n} EXISTS\r\n").into_bytes()).collect();
        for size in [1, 7, 4096, 32 << 10, 1 << 20] {
            let (mut deflate, mut read, mut buffer) = (come(&lines), Vec::new(), vec![0; size]);
            while read.len() < lines.len() {
                let count = deflate.read(&mut buffer).unwrap();
                assert!(count > 0);
                read.extend_from_slice(&buffer[..count]);
            }
            assert!(read == lines, "{size}");
            assert_eq!(deflate.read(&mut buffer).unwrap_err().kind(), std::io::ErrorKind::NotConnected);
        }
    }

    #[test]
    fn what_is_not_deflated_stays_an_error() {
        let mut deflate = Deflate::new(Stream::Gone, b"\xff\xff".to_vec());
        for _ in 0..2 {
            let error = deflate.read(&mut [0; 8]).unwrap_err();
            assert_eq!(error.to_string(), "what the server compressed can't be read: it is no deflated data");
        }
    }
}
