//! A tiny IMAP client of its own, to seed and inspect mailboxes independently of the code under test.

use crate::{
    mail::Mail,
    snapshot::{Seen, Snapshot},
};
use regex::Regex;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::LazyLock,
    time::Duration,
};

/// One server response: its text with every literal's `{n}` left in, and the literals.
pub(crate) struct Response {
    pub(crate) text: String,
    literals: Vec<Vec<u8>>,
}

/// A session in plain text.
pub(crate) struct Observer {
    stream: BufReader<TcpStream>,
    tags: u32,
    /// The greeting's line.
    pub(crate) greeting: String,
}

impl Observer {
    /// Connects and reads the greeting.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut observer = Self { stream: BufReader::new(stream), tags: 0, greeting: String::new() };
        observer.greeting = observer.response().text;
        observer
    }

    /// Connects and logs in.
    pub(crate) fn login(address: SocketAddr, user: &str, password: &str) -> Self {
        let mut observer = Self::connect(address);
        observer.ok(&format!("LOGIN {} {}", quoted(user), quoted(password)));
        observer
    }

    /// Sends a command and gives all up to its tagged reply, which comes last.
    pub(crate) fn command(&mut self, command: &str) -> Vec<Response> {
        self.tags += 1;
        let tag = format!("o{}", self.tags);
        self.send(format!("{tag} {command}\r\n").as_bytes());
        self.until_done()
    }

    /// Sends the text of a literal that the last command announced, the command's last, and gives what comes then.
    pub(crate) fn command_after_literal(&mut self, literal: &str) -> Vec<Response> {
        self.send(format!("{literal}\r\n").as_bytes());
        self.until_done()
    }

    fn until_done(&mut self) -> Vec<Response> {
        let tag = format!("o{}", self.tags);
        let mut responses = vec![];
        loop {
            let response = self.response();
            let last = response.text.starts_with(&format!("{tag} ")) || response.text.starts_with('+');
            responses.push(response);
            if last {
                return responses;
            }
        }
    }

    /// Sends a command that must succeed.
    pub(crate) fn ok(&mut self, command: &str) -> Vec<Response> {
        let responses = self.command(command);
        let last = &responses.last().unwrap().text;
        assert!(last.contains(" OK ") || last.starts_with('+'), "{command}: {last}");
        responses
    }

    /// Makes a mailbox; its name is written as on the wire (modified UTF-7).
    pub(crate) fn create(&mut self, mailbox: &str) {
        self.ok(&format!("CREATE {}", quoted(mailbox)));
    }

    /// Makes a mailbox unless it is there.
    pub(crate) fn ensure(&mut self, mailbox: &str) {
        if !self.ok(&format!("LIST \"\" {}", quoted(mailbox))).iter().any(|it| listed(it).is_some()) {
            self.create(mailbox);
        }
    }

    pub(crate) fn append(&mut self, mailbox: &str, mail: &Mail) {
        self.append_raw(mailbox, &mail.raw(), &mail.flags.join(" "), &mail.date);
    }

    /// Appends bytes as they are; `flags` as `\Seen $Work`, `date` as `01-Mar-2024 10:00:00 +0000`.
    pub(crate) fn append_raw(&mut self, mailbox: &str, raw: &[u8], flags: &str, date: &str) {
        self.ok(&format!("APPEND {} ({flags}) {} {{{}}}", quoted(mailbox), quoted(date), raw.len()));
        self.send(raw);
        self.send(b"\r\n");
        let reply = self.response().text;
        assert!(reply.contains(" OK "), "APPEND: {reply}");
    }

    /// Appends many messages, a flight at a time. The server must offer LITERAL+.
    pub(crate) fn append_many(&mut self, mailbox: &str, messages: &[Mail]) {
        for flight in messages.chunks(200) {
            let mut bytes = vec![];
            for mail in flight {
                let (raw, flags) = (mail.raw(), mail.flags.join(" "));
                bytes
                    .extend(format!("m APPEND {} ({flags}) {{{}+}}\r\n", quoted(mailbox), raw.len()).bytes());
                bytes.extend(raw);
                bytes.extend(b"\r\n");
            }
            self.send(&bytes);
            for _ in flight {
                let reply = self.response().text;
                assert!(reply.starts_with("m OK "), "APPEND: {reply}");
            }
        }
    }

    /// All mailboxes with all their messages. Nothing is marked as read.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let names: Vec<String> = self.ok("LIST \"\" *").iter().filter_map(listed).collect();
        let mut snapshot = Snapshot::default();
        for name in names {
            let messages = self.messages(&name);
            snapshot.mailboxes.insert(name, messages);
        }
        snapshot
    }

    /// The messages of one mailbox, in an order of their contents.
    pub(crate) fn messages(&mut self, mailbox: &str) -> Vec<Seen> {
        self.ok(&format!("EXAMINE {}", quoted(mailbox)));
        let fetched = self.ok("UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])");
        let mut messages: Vec<Seen> = fetched.iter().filter_map(seen).collect();
        messages.sort();
        messages
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    fn response(&mut self) -> Response {
        let mut response = Response { text: String::new(), literals: vec![] };
        loop {
            let mut line = vec![];
            self.stream
                .read_until(b'\n', &mut line)
                .expect("the server answers the observer within a minute");
            assert!(line.ends_with(b"\n"), "the server hung up on the observer after {:?}", response.text);
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            response.text += &line;
            let Some(length) = literal_length(&line) else {
                return response;
            };
            let mut literal = vec![0; length];
            self.stream.read_exact(&mut literal).unwrap();
            response.literals.push(literal);
        }
    }
}

/// The `n` of a line that ends in `{n}` or `{n+}`.
pub(crate) fn literal_length(line: &str) -> Option<usize> {
    line.strip_suffix('}')?.rsplit_once('{')?.1.trim_end_matches('+').parse().ok()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The mailbox that a LIST response names, unless it can't be opened.
fn listed(response: &Response) -> Option<String> {
    static PARTS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"^\* LIST \(([^)]*)\) (?:NIL|"(?:[^"\\]|\\.)*") (.*)$"#).unwrap());
    static ESCAPED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\\(.)").unwrap());
    let found = PARTS.captures(&response.text)?;
    let (flags, name) = (found[1].to_lowercase(), &found[2]);
    if flags.contains("\\noselect") || flags.contains("\\nonexistent") {
        return None;
    }
    if literal_length(name).is_some() {
        return Some(String::from_utf8_lossy(&response.literals[0]).into_owned());
    }
    Some(match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => ESCAPED.replace_all(inner, "$1").into_owned(),
        None => name.to_owned(),
    })
}

/// The message that a FETCH response describes.
fn seen(response: &Response) -> Option<Seen> {
    static FETCH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\* \d+ FETCH \(").unwrap());
    static ITEMS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
        [r"RFC822\.SIZE (\d+)", r"FLAGS \(([^)]*)\)", "INTERNALDATE \"([^\"]*)\""]
            .map(|it| Regex::new(it).unwrap())
    });
    let text = &response.text;
    if !FETCH.is_match(text) {
        return None;
    }
    let item = |pattern: &Regex| {
        let found = pattern.captures(text);
        found.unwrap_or_else(|| panic!("no {pattern} in {text}"))[1].to_owned()
    };
    let [size, flags, date] = ITEMS.each_ref().map(item);
    let raw = response.literals.first().cloned().unwrap_or_default();
    Some(Seen::new(&raw, size.parse().unwrap(), &flags, &date))
}
