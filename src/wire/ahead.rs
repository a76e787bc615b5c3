use std::io::{self, BufReader, Read, Write};

use super::socket::Socket;

/// A socket beneath TLS, read ahead. OpenSSL asks for the five bytes before each record and then for the record, of
/// which servers fill few to the brim; of the system it is asked at once for what there is.
#[derive(Debug)]
pub(super) struct Ahead(BufReader<Socket>);

/// As much as fits in a record (RFC 8446 §5.1).
const RECORD: usize = 16 << 10;

impl Ahead {
    pub(super) fn new(socket: Socket) -> Self {
        Self(BufReader::with_capacity(RECORD, socket))
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Ahead {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.get_mut().flush()
    }
}
