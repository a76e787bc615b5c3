use std::io::{self, Read, Write};

use native_tls::TlsStream;

use super::ahead::Ahead;
use super::deflate::Deflate;
use super::socket::Socket;
use super::tls::explained;

/// The bytes of one connection, in the clear or under TLS, and deflated or not.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Socket),
    /// With the host's name.
    Tls(Box<TlsStream<Ahead>>, String),
    Deflated(Box<Deflate>),
    /// Between two of them, or after a failed handshake: every use is an error.
    Gone,
}

fn gone<T>() -> io::Result<T> {
    Err(io::ErrorKind::NotConnected.into())
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream, host) => stream.read(buffer).map_err(|error| explained(host, error)),
            Self::Deflated(stream) => stream.read(buffer),
            Self::Gone => gone(),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream, _) => stream.write(bytes),
            Self::Deflated(stream) => stream.write(bytes),
            Self::Gone => gone(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream, _) => stream.flush(),
            Self::Deflated(stream) => stream.flush(),
            Self::Gone => gone(),
        }
    }
}
