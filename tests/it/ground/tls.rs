//! A TLS client that trusts one authority.

use native_tls::{HandshakeError, TlsConnector, TlsStream};
use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::Path,
};

pub(crate) fn connector(ca_file: Option<&Path>) -> TlsConnector {
    let mut builder = TlsConnector::builder();
    let authority = fs::read(ca_file.unwrap()).unwrap();
    builder.add_root_certificate(native_tls::Certificate::from_pem(&authority).unwrap());
    builder.build().unwrap()
}

pub(crate) fn handshake(
    address: SocketAddr,
    ca_file: Option<&Path>,
) -> Result<TlsStream<TcpStream>, HandshakeError<TcpStream>> {
    connector(ca_file).connect("localhost", TcpStream::connect(address).unwrap())
}
