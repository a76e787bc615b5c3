//! A small HTTP server that answers as a test tells it to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

/// What a client has asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// With the query.
    pub(crate) path: String,
    pub(crate) body: String,
}

impl Asked {
    /// The path alone.
    pub(crate) fn place(&self) -> &str {
        self.path.split('?').next().unwrap()
    }

    /// A field of the form in the body, or else of the query.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let query = self.path.split_once('?').map_or("", |(_, query)| query);
        let pairs =
            |text: &str| url::form_urlencoded::parse(text.as_bytes()).into_owned().collect::<Vec<_>>();
        let all = pairs(&self.body).into_iter().chain(pairs(query));
        all.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// What it is answered: status, type, other headers and body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(text: &str) -> Self {
        Self { status: 200, kind: "application/json", headers: vec![], body: text.as_bytes().to_vec() }
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self { status: 302, headers: vec![("Location", to.to_owned())], ..Self::json("") }
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// A listening server, which ends with its value.
pub(crate) struct HttpServer {
    address: SocketAddr,
    ending: Arc<AtomicBool>,
}

impl HttpServer {
    /// Starts to listen on a loopback port.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let ending = Arc::<AtomicBool>::default();
        let (end, answer) = (Arc::clone(&ending), Arc::new(answer));
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if end.load(SeqCst) {
                    return;
                }
                let answer = Arc::clone(&answer);
                thread::spawn(move || serve(stream, &*answer));
            }
        });
        Self { address, ending }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.ending.store(true, SeqCst);
        TcpStream::connect(self.address).ok();
    }
}

/// Serves one request; the connection is closed after it.
fn serve(stream: TcpStream, answer: &dyn Fn(&Asked) -> Answer) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let asked = Asked { path, body: String::from_utf8_lossy(&body).into_owned() };
    let Answer { status, kind, headers, body } = answer(&asked);
    let more = headers.iter().fold(String::new(), |more, (name, value)| format!("{more}{name}: {value}\r\n"));
    let head = format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: {kind}\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = reader.into_inner();
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body).ok()
}
