//! One connection to the scripted server, from its first step to its last.

use crate::{
    observer::literal_length,
    responder::Responder,
    scripted::{Received, Scripted, Shared, Step},
};
use native_tls::{TlsAcceptor, TlsStream};
use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{Arc, atomic::Ordering::SeqCst},
    thread,
    time::Duration,
};

/// Plays the script to one client. A client that leaves early is for the test to judge, so errors end it quietly.
pub(crate) fn play(stream: TcpStream, script: Arc<Scripted>, shared: Arc<Shared>) {
    stream.set_nodelay(true).ok();
    let socket = stream.try_clone();
    let responder = Responder::new(&script.capabilities);
    let mut connection =
        Connection { stream: Stream::Plain(stream), tag: String::new(), responder, script, shared };
    connection.play().ok();
    // The server keeps another handle of the socket, so dropping ours would close nothing.
    socket.and_then(|socket| socket.shutdown(Shutdown::Both)).ok();
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Between the two.
    None,
}

impl Stream {
    fn both(&mut self) -> io::Result<&mut dyn ReadWrite> {
        match self {
            Self::Plain(stream) => Ok(stream),
            Self::Tls(stream) => Ok(stream.as_mut()),
            Self::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

struct Connection {
    stream: Stream,
    /// Of the command read last.
    tag: String,
    responder: Responder,
    script: Arc<Scripted>,
    shared: Arc<Shared>,
}

impl Connection {
    fn play(&mut self) -> io::Result<()> {
        let script = Arc::clone(&self.script);
        for step in &script.steps {
            match step {
                Step::Send { bytes, times } => {
                    let bytes = self.tagged(bytes);
                    for _ in 0..*times {
                        self.stream.both()?.write_all(&bytes)?;
                    }
                }
                Step::Trickle(bytes) => {
                    for byte in self.tagged(bytes) {
                        self.stream.both()?.write_all(&[byte])?;
                    }
                }
                Step::Expect { pattern, answer } => {
                    let command = self.command()?;
                    if !pattern.is_match(&command) {
                        let complaint = format!("expected a command like {pattern}, got {command}");
                        self.shared.complaints.lock().unwrap().push(complaint);
                        return Ok(());
                    }
                    let answer = self.tagged(answer.as_bytes());
                    self.stream.both()?.write_all(&answer)?;
                }
                Step::Handshake => self.handshake()?,
                Step::Serve { until } => self.serve(until.as_deref())?,
                Step::Stall => loop {
                    self.line()?;
                },
                Step::Pause => {
                    while !self.shared.going_on.load(SeqCst) && !self.shared.ending.load(SeqCst) {
                        thread::sleep(Duration::from_millis(5));
                    }
                }
            }
        }
        Ok(())
    }

    fn serve(&mut self, until: Option<&str>) -> io::Result<()> {
        let script = Arc::clone(&self.script);
        loop {
            let command = self.command()?;
            let (tag, verb, rest) = parts(&command);
            if until == Some(verb.as_str()) {
                return Ok(());
            }
            let overridden = script.overrides.iter().find(|(overridden, _)| *overridden == verb);
            let answer = if let Some((_, answer)) = overridden {
                if matches!(verb.as_str(), "SELECT" | "EXAMINE")
                    && answer.windows(8).any(|it| it == b"{tag} OK")
                {
                    // However it is told, the mailbox is open.
                    self.responder.answer(&tag, &verb, &rest);
                }
                self.tagged(answer)
            } else {
                if verb == "AUTHENTICATE" && rest.split(' ').count() < 2 {
                    self.stream.both()?.write_all(b"+ \r\n")?;
                    self.line()?;
                }
                self.responder.answer(&tag, &verb, &rest).into_bytes()
            };
            let answer = self.interrupted(&verb, &answer);
            self.stream.both()?.write_all(&answer)?;
            if verb == "STARTTLS" {
                self.handshake()?;
            }
        }
    }

    /// An answer with what the script interjects in it.
    fn interrupted(&self, verb: &str, answer: &[u8]) -> Vec<u8> {
        let concerned = |on: &Option<String>| on.as_deref().is_none_or(|on| on == verb);
        let said: Vec<u8> = (self.script.interjections.iter())
            .filter(|(on, _)| concerned(on))
            .flat_map(|(_, bytes)| self.tagged(bytes))
            .collect();
        // The end is the last line; some overrides have none.
        let end =
            answer.len() - answer.split_inclusive(|&byte| byte == b'\n').next_back().map_or(0, <[u8]>::len);
        [&said, &answer[..end], &said, &answer[end..]].concat()
    }

    fn handshake(&mut self) -> io::Result<()> {
        let mut acceptor = TlsAcceptor::builder(self.script.certificate.identity());
        acceptor.max_protocol_version(self.script.newest);
        let acceptor = acceptor.build().map_err(io::Error::other)?;
        if let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::None) {
            self.stream = Stream::Tls(Box::new(acceptor.accept(stream).map_err(io::Error::other)?));
        }
        let offered: Vec<&str> = self
            .responder
            .capabilities
            .split(' ')
            .filter(|word| *word != "STARTTLS" && *word != "LOGINDISABLED")
            .collect();
        self.responder.capabilities = offered.join(" ");
        Ok(())
    }

    /// Reads a command with its literals, asking for those that wait to be asked for, and records it.
    fn command(&mut self) -> io::Result<String> {
        let mut command = self.raw_line()?;
        while let Some(length) = literal_length(&command) {
            if !command.ends_with("+}") {
                self.stream.both()?.write_all(b"+ go on\r\n")?;
            }
            let mut literal = vec![0; length];
            self.stream.both()?.read_exact(&mut literal)?;
            command += "\r\n";
            command += &String::from_utf8_lossy(&literal);
            command += &self.raw_line()?;
        }
        self.record(&command);
        self.tag = parts(&command).0;
        Ok(command)
    }

    /// Reads and records one line, whatever it is.
    fn line(&mut self) -> io::Result<()> {
        let line = self.raw_line()?;
        self.record(&line);
        Ok(())
    }

    fn record(&self, text: &str) {
        let secure = matches!(self.stream, Stream::Tls(_));
        self.shared.received.lock().unwrap().push(Received { text: text.to_owned(), secure });
    }

    fn raw_line(&mut self) -> io::Result<String> {
        let mut line = vec![];
        let mut byte = [0];
        while !line.ends_with(b"\n") {
            self.stream.both()?.read_exact(&mut byte)?;
            line.extend(byte);
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Bytes with the tag in place of `{tag}`.
    fn tagged(&self, bytes: &[u8]) -> Vec<u8> {
        let place = b"{tag}";
        let mut filled = vec![];
        let mut rest = bytes;
        while let Some(at) = rest.windows(place.len()).position(|window| window == place) {
            filled.extend(&rest[..at]);
            filled.extend(self.tag.as_bytes());
            rest = &rest[at + place.len()..];
        }
        filled.extend(rest);
        filled
    }
}

/// A command's tag, verb in capitals and the rest; `UID FETCH` is one verb.
pub(crate) fn parts(command: &str) -> (String, String, String) {
    let mut words = command.splitn(3, ' ');
    let mut next = || words.next().unwrap_or_default().to_owned();
    let (tag, verb, rest) = (next(), next().to_uppercase(), next());
    if verb == "UID" {
        let (second, rest) = rest.split_once(' ').unwrap_or((&rest, ""));
        return (tag, format!("UID {}", second.to_uppercase()), rest.to_owned());
    }
    (tag, verb, rest)
}
