//! A small SOCKS5 proxy that leads everybody to one server, whatever they ask for.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A listening proxy.
pub(crate) struct SocksServer {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl SocksServer {
    /// Starts to listen; `login` is the name and password that it wants.
    pub(crate) fn start(upstream: SocketAddr, login: Option<(&'static str, &'static str)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || lead(client, upstream, login, &seen));
            }
        });
        Self { address, asked }
    }

    /// Where its clients wanted to go: `name host:port` where it was to find the name itself.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn bytes<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn text(stream: &mut TcpStream) -> io::Result<String> {
    let [length] = bytes(stream)?;
    let mut text = vec![0; usize::from(length)];
    stream.read_exact(&mut text)?;
    Ok(String::from_utf8(text).unwrap())
}

fn lead(
    mut client: TcpStream,
    upstream: SocketAddr,
    login: Option<(&str, &str)>,
    seen: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let [5, count] = bytes(&mut client)? else { return Ok(()) };
    let mut methods = vec![0; usize::from(count)];
    client.read_exact(&mut methods)?;
    let method = if login.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        return client.write_all(&[5, 255]);
    }
    client.write_all(&[5, method])?;
    if let Some((user, password)) = login {
        let [1] = bytes(&mut client)? else { return Ok(()) };
        let good = text(&mut client)? == user && text(&mut client)? == password;
        client.write_all(&[1, u8::from(!good)])?;
        if !good {
            return Ok(());
        }
    }
    let [5, 1, 0, kind] = bytes(&mut client)? else { return Ok(()) };
    let host = match kind {
        1 => Ipv4Addr::from(bytes::<4>(&mut client)?).to_string(),
        3 => format!("name {}", text(&mut client)?),
        _ => return client.write_all(&[5, 8, 0, 1, 0, 0, 0, 0, 0, 0]),
    };
    let port = u16::from_be_bytes(bytes(&mut client)?);
    seen.lock().unwrap().push(format!("{host}:{port}"));
    let server = TcpStream::connect(upstream)?;
    // The address that it uses may be told as a name, too.
    client.write_all(b"\x05\x00\x00\x03\x05proxy\x00\x00")?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        io::copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Write).ok();
    });
    let (mut from, mut to) = (server, client);
    io::copy(&mut from, &mut to).ok();
    to.shutdown(Shutdown::Both)
}
