use std::io::{Read, Write};
use std::net::IpAddr;

use super::socket::Socket;
use crate::error::{Error, ErrorKind, Result};
use crate::mail::Secret;

/// A SOCKS5 proxy (RFC 1928) that connections go through. It resolves the server's name, too.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name and password, for a proxy that wants them (RFC 1929).
    pub login: Option<(String, Secret)>,
}

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

impl Proxy {
    /// Asks, on a connection to the proxy, for one to the server.
    ///
    /// The crates that speak SOCKS5 are asynchronous or know no time-outs; this runs on our own socket, which does.
    pub(super) fn lead(&self, socket: &mut Socket, host: &str, port: u16) -> Result<()> {
        let methods: &[u8] = if self.login.is_some() { &[NO_LOGIN, LOGIN] } else { &[NO_LOGIN] };
        let count = u8::try_from(methods.len()).unwrap_or_default();
        socket.write_all(&[&[VERSION, count], methods].concat())?;
        let [version, method] = read(socket)?;
        match method {
            _ if version != VERSION => return Err(self.failed("it does not speak SOCKS5")),
            NO_LOGIN => {}
            LOGIN if self.login.is_some() => self.log_in(socket)?,
            _ if self.login.is_some() => {
                return Err(self.failed("it takes no login with a name and a password"));
            }
            _ => return Err(self.failed("it wants a login: `socks5://user:password@…`")),
        }
        socket.write_all(&self.request(host, port)?)?;
        let [version, reply, _, kind] = read(socket)?;
        if version != VERSION {
            return Err(self.failed("it does not speak SOCKS5"));
        }
        if let Some(what) = refusal(reply) {
            return Err(self.failed(&format!("it can't connect to `{host}` port {port}: {what}")));
        }
        // The address that it uses towards the server is of no concern to us.
        let length = match kind {
            IPV4 => 4,
            IPV6 => 16,
            NAME => usize::from(read::<1>(socket)?[0]),
            _ => return Err(self.failed("its answer can't be understood")),
        };
        socket.read_exact(&mut vec![0; length + 2])?;
        Ok(())
    }

    fn log_in(&self, socket: &mut Socket) -> Result<()> {
        let Some((user, password)) = &self.login else { return Ok(()) };
        let mut bytes = vec![1];
        for part in [user.as_str(), password.expose()] {
            let long = |_| self.failed("name and password may have 255 bytes each");
            bytes.push(u8::try_from(part.len()).map_err(long)?);
            bytes.extend_from_slice(part.as_bytes());
        }
        let bytes = zeroize::Zeroizing::new(bytes);
        socket.write_all(&bytes)?;
        let [_, status] = read(socket)?;
        if status == 0 { Ok(()) } else { Err(ErrorKind::ProxyLogin { proxy: self.name() }.into()) }
    }

    fn request(&self, host: &str, port: u16) -> Result<Vec<u8>> {
        let mut bytes = vec![VERSION, CONNECT, 0];
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => {
                bytes.push(IPV4);
                bytes.extend(address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                bytes.push(IPV6);
                bytes.extend(address.octets());
            }
            Err(_) => {
                let long = |_| self.failed(&format!("the name `{host}` is too long for it"));
                bytes.extend([NAME, u8::try_from(host.len()).map_err(long)?]);
                bytes.extend_from_slice(host.as_bytes());
            }
        }
        bytes.extend(port.to_be_bytes());
        Ok(bytes)
    }

    fn failed(&self, what: &str) -> Error {
        ErrorKind::Proxy { proxy: self.name(), what: what.to_owned() }.into()
    }

    fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

fn read<const N: usize>(socket: &mut Socket) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    socket.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Tells what a reply other than success means (RFC 1928 §6).
fn refusal(reply: u8) -> Option<&'static str> {
    Some(match reply {
        0 => return None,
        2 => "its rules forbid it",
        3 => "the network can't be reached",
        4 => "the host can't be found or reached",
        5 => "the connection was refused",
        6 => "it took too long",
        8 => "it does not take this kind of address",
        _ => "it gives no reason",
    })
}
