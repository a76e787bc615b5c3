//! A real server with capabilities taken away.
//!
//! The proxy stands before Dovecot's plain port, takes the words out of every capability list, and refuses what they
//! stand for, so that a client that uses one unasked is found out. It works alike for each version of Dovecot, which
//! has no setting to refuse a command.

use crate::observer::literal_length;
use regex::Regex;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, LazyLock, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

/// What can be taken away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Capability {
    Move,
    Uidplus,
    Esearch,
    LiteralPlus,
    Idle,
    Notify,
    Condstore,
    Qresync,
    /// Offered, and refused nevertheless.
    Vanished,
}

impl Capability {
    pub(crate) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Move => &["MOVE"],
            Self::Uidplus => &["UIDPLUS"],
            Self::Esearch => &["ESEARCH", "SEARCHRES"],
            Self::LiteralPlus => &["LITERAL+", "LITERAL-"],
            Self::Idle => &["IDLE"],
            Self::Notify => &["NOTIFY"],
            Self::Condstore => &["CONDSTORE", "QRESYNC"],
            Self::Qresync => &["QRESYNC"],
            Self::Vanished => &[],
        }
    }

    /// Whether a command's text, in capitals and without its tag, uses it.
    fn used_by(self, command: &str) -> bool {
        match self {
            Self::Move => command.starts_with("MOVE ") || command.starts_with("UID MOVE "),
            Self::Uidplus => command.starts_with("UID EXPUNGE "),
            Self::Esearch => command.contains("SEARCH RETURN "),
            Self::LiteralPlus => command.ends_with("+}"),
            Self::Idle => command == "IDLE",
            Self::Notify => command.starts_with("NOTIFY "),
            Self::Condstore => command.contains("CHANGEDSINCE ") || command.starts_with("ENABLE "),
            Self::Qresync => command == "ENABLE QRESYNC",
            Self::Vanished => command.ends_with(" VANISHED)"),
        }
    }
}

/// A listening proxy, which ends with its value.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub(crate) fn start(upstream: SocketAddr, hidden: &[Capability]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let sockets = Arc::new(Mutex::new(vec![]));
        let (hidden, open) = (hidden.to_vec(), Arc::clone(&sockets));
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                // The proxy's own goodbye: it connects to itself once its value is gone.
                if Arc::strong_count(&open) == 1 {
                    return;
                }
                let server = TcpStream::connect(upstream).unwrap();
                for stream in [&client, &server] {
                    stream.set_nodelay(true).unwrap();
                    open.lock().unwrap().push(stream.try_clone().unwrap());
                }
                join(client, server, &hidden);
            }
        });
        Self { address, sockets }
    }
}

impl Proxy {
    /// Breaks all connections.
    pub(crate) fn cut(&self) {
        for stream in self.sockets.lock().unwrap().drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.sockets = Arc::default();
        TcpStream::connect(self.address).ok();
    }
}

/// Carries one connection, a thread each way.
fn join(client: TcpStream, server: TcpStream, hidden: &[Capability]) {
    // Both threads write to the client, each a whole response at a time.
    let to_client = Arc::new(Mutex::new(client.try_clone().unwrap()));
    let to_server = server.try_clone().unwrap();
    let (gate, filter) = (hidden.to_vec(), hidden.to_vec());
    let answers = Arc::clone(&to_client);
    let (tell, told) = channel();
    thread::spawn(move || {
        let end = to_server.try_clone().unwrap();
        commands(BufReader::new(client), to_server, &answers, &gate, &told);
        end.shutdown(Shutdown::Both).ok();
    });
    thread::spawn(move || {
        responses(BufReader::new(server), &to_client, &filter, &tell);
        to_client.lock().unwrap().shutdown(Shutdown::Both).ok();
    });
}

/// Carries commands to the server and answers BAD to those that need what is hidden. `told` has the first words of
/// what the server said.
fn commands(
    mut client: BufReader<TcpStream>,
    mut server: TcpStream,
    answers: &Mutex<TcpStream>,
    hidden: &[Capability],
    told: &Receiver<String>,
) -> Option<()> {
    let mut inside_command = false;
    let mut refused = false;
    let mut current = String::new();
    loop {
        let line = read_line(&mut client)?;
        let text = String::from_utf8_lossy(&line).trim_end().to_uppercase();
        let (tag, command) = text.split_once(' ').unwrap_or((&text, ""));
        if !inside_command {
            tag.clone_into(&mut current);
        }
        let command = if inside_command { &text } else { command };
        let offence = hidden.iter().find(|capability| capability.used_by(command));
        if let Some(capability) = offence.filter(|_| !refused) {
            refused = true;
            let original_tag = &String::from_utf8_lossy(&line)[..tag.len()];
            let reply = format!("{original_tag} BAD {capability:?} was not offered\r\n");
            answers.lock().unwrap().write_all(reply.as_bytes()).ok()?;
            if *capability == Capability::LiteralPlus {
                // What follows can't be told from commands any more.
                return None;
            }
        }
        while told.try_recv().is_ok() {}
        if !refused {
            server.write_all(&line).ok()?;
        }
        let length = literal_length(text.as_str());
        let synchronises = length.is_some() && !text.ends_with("+}");
        // A refused command's synchronising literal is never sent, so the command has ended.
        inside_command = length.is_some() && !(synchronises && (refused || !invited(&current, told)?));
        if let Some(length) = length.filter(|_| inside_command) {
            let mut literal = vec![0; length];
            client.read_exact(&mut literal).ok()?;
            if !refused {
                server.write_all(&literal).ok()?;
            }
        }
        refused &= inside_command;
    }
}

/// Waits for what the server says to an announced literal: to go on, or that the command is refused.
fn invited(tag: &str, told: &Receiver<String>) -> Option<bool> {
    loop {
        match told.recv().ok()?.to_uppercase() {
            word if word == "+" => return Some(true),
            word if word == tag => return Some(false),
            _ => {}
        }
    }
}

/// Carries responses to the client, with capability lists and response codes rid of what is hidden.
fn responses(
    mut server: BufReader<TcpStream>,
    client: &Mutex<TcpStream>,
    hidden: &[Capability],
    tell: &Sender<String>,
) -> Option<()> {
    static CODES: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^(\S+ (?:OK|NO) )\[(?:COPYUID|APPENDUID) [^\]]*\] ?").unwrap());
    // The proxy can't follow into TLS.
    let words: Vec<&str> = hidden.iter().flat_map(|it| it.words()).copied().chain(["STARTTLS"]).collect();
    loop {
        let line = read_line(&mut server)?;
        let mut text = String::from_utf8_lossy(&line).into_owned();
        tell.send(text.split_whitespace().next().unwrap_or_default().to_owned()).ok();
        let mut response = line;
        if text.starts_with("* CAPABILITY ") || text.contains(" OK [CAPABILITY ") {
            text = without(&text, &words);
            response = text.clone().into_bytes();
        }
        if hidden.contains(&Capability::Uidplus) && CODES.is_match(&text) {
            response = CODES.replace(&text, "$1").into_owned().into_bytes();
        }
        let mut length = literal_length(text.trim_end());
        while let Some(expected) = length {
            let start = response.len();
            response.resize(start + expected, 0);
            server.read_exact(&mut response[start..]).ok()?;
            let more = read_line(&mut server)?;
            length = literal_length(String::from_utf8_lossy(&more).trim_end());
            response.extend(more);
        }
        client.lock().unwrap().write_all(&response).ok()?;
    }
}

/// A capability line without some of its words.
fn without(line: &str, words: &[&str]) -> String {
    words.iter().fold(line.to_owned(), |line, word| {
        [" ", "]", "\r"].iter().fold(line, |line, end| line.replace(&format!(" {word}{end}"), end))
    })
}

fn read_line(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut line = vec![];
    stream.read_until(b'\n', &mut line).ok()?;
    line.ends_with(b"\n").then_some(line)
}
