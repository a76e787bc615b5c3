use flate2::{Compress, Compression as Level, Decompress, FlushCompress, FlushDecompress, Status};

/// A connection's deflated streams, one each way (RFC 4978).
pub(super) struct Compression {
    from_client: Decompress,
    to_client: Compress,
}

/// How much room there is at a time for what comes out.
const ROOM: usize = 16 * 1024;

impl Compression {
    pub(super) fn new() -> Self {
        Self { from_client: Decompress::new(false), to_client: Compress::new(Level::fast(), false) }
    }

    /// Appends what the client deflated. `None` where that is nothing that was deflated.
    pub(super) fn inflate(&mut self, mut bytes: &[u8], into: &mut Vec<u8>) -> Option<()> {
        loop {
            into.reserve(ROOM);
            let before = self.from_client.total_in();
            let status = self.from_client.decompress_vec(bytes, into, FlushDecompress::None).ok()?;
            let used = usize::try_from(self.from_client.total_in() - before).ok()?;
            bytes = bytes.get(used..)?;
            if status == Status::StreamEnd || (bytes.is_empty() && into.len() < into.capacity()) {
                return Some(());
            }
        }
    }

    /// Deflates bytes so that the client can inflate all of them.
    pub(super) fn deflate(&mut self, mut bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        loop {
            out.reserve(ROOM);
            let before = self.to_client.total_in();
            self.to_client.compress_vec(bytes, &mut out, FlushCompress::Sync).ok()?;
            let used = usize::try_from(self.to_client.total_in() - before).ok()?;
            bytes = bytes.get(used..)?;
            if bytes.is_empty() && out.len() < out.capacity() {
                return Some(out);
            }
        }
    }
}
