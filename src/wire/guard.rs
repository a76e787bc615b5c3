use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::rc::Rc;

use super::concealed::Concealed;
use super::frame::{Caps, Frame, Framer};
use super::socket::{Interrupt, Mood, Socket, Timeouts};
use super::socks::Proxy;
use super::stream::Stream;
use super::tls_settings::TlsSettings;
use super::transcript::Transcript;
use crate::error::{Error, ErrorKind, Result, visible};

mod starttls;

/// How much of a command with literals is held back at the most.
const HELD_BYTES: usize = 64 << 10;

/// One thing a server said, in the order it was said.
#[derive(Debug)]
pub enum Event {
    /// A `*` response.
    Untagged(Frame),
    /// The end of the command with this tag.
    Tagged(String, Frame),
    /// A `+` continuation request.
    Continuation(Frame),
}

/// The stream that the `imap` crate reads and writes, and that keeps server data away from it.
///
/// Server data is framed here, under caps, and queued whole for our own parser; the crate is told no
/// more than `aN OK`, `aN NO`, `aN BAD` or `+`. A tagged reply or continuation is refused unless its
/// command has left. After any error the connection is poisoned: every later use fails.
///
/// Clones are handles to the same connection, on the same thread.
#[derive(Clone)]
pub struct Guard(Rc<RefCell<Line>>);

#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own; no two exclude each other")]
struct Line {
    stream: Stream,
    mood: Mood,
    framer: Framer,
    transcript: Option<Transcript>,
    /// What the crate has written since its last flush: one command line, or one SASL response.
    written: Vec<u8>,
    /// Bytes that wait to leave.
    outgoing: Vec<u8>,
    /// Tags of commands that wait to leave with `outgoing`.
    leaving: Vec<String>,
    last_tag: String,
    /// Tags of commands that have left and have no reply yet.
    outstanding: VecDeque<String>,
    /// Flushes of the crate are held back, so that several commands leave in one write.
    holding: bool,
    /// A synchronising literal or a SASL exchange waits for `+`.
    awaiting_continuation: bool,
    /// What the crate flushes next is no answer to a challenge but ends the exchange.
    cancelling: bool,
    /// What is written is part of a login.
    secret: bool,
    /// What the server knows and nobody may see.
    concealed: Concealed,
    /// Events that were read before anybody asked for them.
    queue: VecDeque<Event>,
    /// What the crate will read next.
    for_crate: VecDeque<u8>,
    caps: Caps,
    /// Untagged responses since the last tagged one, as `Caps::responses` counts them.
    untagged: usize,
    poisoned: bool,
}

impl Guard {
    /// Connects, through the proxy if there is one, and, unless `tls` is `None`, does the TLS handshake at once
    /// (RFC 8314).
    pub fn connect(
        host: &str,
        port: u16,
        proxy: Option<&Proxy>,
        tls: Option<&TlsSettings>,
        timeouts: Timeouts,
        interrupt: Interrupt,
        transcript: Option<Transcript>,
    ) -> Result<Self> {
        let (near, near_port) = proxy.map_or((host, port), |proxy| (proxy.host.as_str(), proxy.port));
        let mut socket = Socket::connect(near, near_port, timeouts, interrupt)?;
        if let Some(proxy) = proxy {
            proxy.lead(&mut socket, host, port)?;
        }
        let mood = socket.mood();
        if let Some(transcript) = &transcript {
            let by = proxy.map_or_else(String::new, |_| format!(" by the proxy {near} port {near_port}"));
            transcript.note(&format!("connected to {host} port {port}{by}"));
        }
        let stream = match tls {
            Some(settings) => Stream::Tls(Box::new(settings.handshake(host, socket)?), host.to_owned()),
            None => Stream::Plain(socket),
        };
        let caps = Caps::default();
        Ok(Self(Rc::new(RefCell::new(Line {
            stream,
            mood,
            framer: Framer::new(caps),
            caps,
            untagged: 0,
            transcript,
            written: Vec::new(),
            outgoing: Vec::new(),
            leaving: Vec::new(),
            last_tag: String::new(),
            outstanding: VecDeque::new(),
            holding: false,
            awaiting_continuation: false,
            cancelling: false,
            secret: false,
            concealed: Concealed::default(),
            queue: VecDeque::new(),
            for_crate: VecDeque::new(),
            poisoned: false,
        }))))
    }

    /// Waits for the next thing the server says.
    pub fn next(&self) -> Result<Event> {
        self.line().next()
    }

    /// Gives the next thing the server has said, if there is one, without waiting for it.
    pub fn poll(&self) -> Result<Option<Event>> {
        let mut line = self.line();
        line.usable()?;
        let result = line.look_before_send();
        line.poisoned |= result.is_err();
        result.map(|()| line.queue.pop_front())
    }

    /// Waits for the first response, which is not looked at here.
    pub fn greeting(&self) -> Result<Frame> {
        let mut line = self.line();
        line.usable()?;
        let Line { framer, stream, .. } = &mut *line;
        let frame = framer.read(stream);
        line.poisoned |= frame.is_err();
        if let (Some(transcript), Ok(frame)) = (&line.transcript, &frame) {
            transcript.server(frame, false, &line.concealed);
        }
        frame
    }

    /// Gives the tag of the command that the crate wrote last.
    pub fn last_tag(&self) -> String {
        self.line().last_tag.clone()
    }

    /// Takes what was read while the crate waited for the end of its own commands.
    pub fn take_queued(&self) -> Vec<Event> {
        self.line().queue.drain(..).collect()
    }

    /// Holds the crate's flushes back until [`Guard::release`].
    pub fn hold(&self) {
        self.line().holding = true;
    }

    /// Sends everything that was held back in one write.
    pub fn release(&self) -> Result<()> {
        let mut line = self.line();
        line.holding = false;
        line.send()
    }

    /// Appends to the last command: a literal's contents, or what follows one. Of much, the beginning leaves at once:
    /// what is held back stays small, and what the server says meanwhile is taken in.
    pub fn append(&self, bytes: &[u8], literal: bool) -> Result<()> {
        let mut line = self.line();
        if let Some(transcript) = &line.transcript {
            if literal {
                transcript.client_literal(bytes, line.secret);
            } else {
                transcript.client(bytes, line.secret);
            }
        }
        for piece in bytes.chunks(HELD_BYTES) {
            line.outgoing.extend_from_slice(piece);
            if line.outgoing.len() >= HELD_BYTES {
                line.send()?;
            }
        }
        Ok(())
    }

    /// Says that the last command waits for `+` before it goes on.
    pub fn expect_continuation(&self) {
        self.line().awaiting_continuation = true;
    }

    /// While on, what is written and challenged is kept out of the transcript.
    pub fn set_secret(&self, on: bool) {
        self.line().secret = on;
    }

    /// Sends `*` in place of the answer that the crate is about to give to a challenge (RFC 3501 §6.2.2), and then
    /// gives the connection up.
    pub fn cancel_exchange(&self) {
        self.line().cancelling = true;
    }

    /// Keeps words out of the transcript and of what [`Guard::hide`] gives.
    pub fn conceal(&self, words: Concealed) {
        self.line().concealed = words;
    }

    /// Gives what a server said without what must not be shown.
    pub fn hide(&self, text: &str) -> String {
        self.line().concealed.hide(text)
    }

    /// While on, an interrupt doesn't end the wait for the server: mail is being changed.
    pub fn set_steadfast(&self, on: bool) {
        self.line().mood.set_steadfast(on);
    }

    /// Tells whether the connection can't be used any more.
    pub fn is_poisoned(&self) -> bool {
        self.line().poisoned
    }

    /// Tells whether the server has hung up, as far as that can be known without asking it anything.
    pub fn has_ended(&self) -> bool {
        self.line().has_ended()
    }

    /// Gives the connection up.
    pub fn poison(&self) {
        self.line().poisoned = true;
    }

    /// Does STARTTLS (RFC 3501 §6.2.1) after the greeting, before the crate sends anything.
    ///
    /// Nothing but the command's own reply is accepted, and no byte between that and the handshake.
    pub fn starttls(&self, host: &str, settings: &TlsSettings) -> Result<()> {
        let mut line = self.line();
        let result = line.starttls(host, settings);
        line.poisoned |= result.is_err();
        result
    }

    fn line(&self) -> RefMut<'_, Line> {
        self.0.borrow_mut()
    }
}

impl Line {
    fn usable(&self) -> Result<()> {
        if self.poisoned { Err(ErrorKind::Poisoned.into()) } else { Ok(()) }
    }

    fn next(&mut self) -> Result<Event> {
        if let Some(event) = self.queue.pop_front() {
            return Ok(event);
        }
        self.usable()?;
        let event = self.framer.read(&mut self.stream).and_then(|frame| self.classify(frame));
        self.poisoned |= event.is_err();
        event
    }

    /// Tells what a frame is, and refuses replies to what was never asked.
    fn classify(&mut self, frame: Frame) -> Result<Event> {
        if let Some(transcript) = &self.transcript {
            transcript.server(&frame, self.secret, &self.concealed);
        }
        let bytes = frame.bytes();
        if let Some(rest) = bytes.strip_prefix(b"* ") {
            self.untagged += if rest.first().is_some_and(u8::is_ascii_digit) { 1 } else { 20 };
            if self.untagged > self.caps.responses {
                return Err(Error::protocol("responses without end to one command"));
            }
            return Ok(Event::Untagged(frame));
        }
        self.untagged = 0;
        if bytes.starts_with(b"+") {
            if !std::mem::take(&mut self.awaiting_continuation) {
                return Err(Error::protocol("a continuation request that nothing asked for"));
            }
            return Ok(Event::Continuation(frame));
        }
        let tag = bytes.split(|&b| b == b' ').next().unwrap_or_default();
        let known = self.outstanding.iter().position(|known| known.as_bytes() == tag);
        let Some(tag) = known.and_then(|at| self.outstanding.remove(at)) else {
            let line = self.concealed.hide(&String::from_utf8_lossy(bytes));
            let line = visible(&line.chars().take(80).collect::<String>());
            return Err(Error::protocol(format!("a reply to no command of ours: `{line}`")));
        };
        let status = bytes.split(|&b| b == b' ').nth(1).unwrap_or_default();
        if ![&b"OK"[..], b"NO", b"BAD"].iter().any(|word| status.eq_ignore_ascii_case(word)) {
            return Err(Error::protocol("a tagged reply without OK, NO or BAD"));
        }
        if self.outstanding.is_empty() {
            self.awaiting_continuation = false;
        }
        Ok(Event::Tagged(tag, frame))
    }

    /// Sends what waits, after a look at what the server said before it could know of it.
    fn send(&mut self) -> Result<()> {
        self.usable()?;
        let result = self.look_before_send().and_then(|()| {
            let bytes = std::mem::take(&mut self.outgoing);
            self.stream.write_all(&bytes)?;
            self.stream.flush()?;
            self.outstanding.extend(self.leaving.drain(..));
            Ok(())
        });
        self.poisoned |= result.is_err();
        result
    }

    /// Queues what has already arrived: a reply among it answers a command that has not left.
    fn look_before_send(&mut self) -> Result<()> {
        self.take_in_arrived()?;
        while let Some(frame) = self.framer.buffered()? {
            let event = self.classify(frame)?;
            self.queue.push_back(event);
        }
        Ok(())
    }

    fn take_in_arrived(&mut self) -> Result<()> {
        self.mood.set_polling(true);
        let result = self.framer.fill(&mut self.stream);
        self.mood.set_polling(false);
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            // The end of the stream is told where it is waited for, after what was said before it.
            other => Ok(other.map(|_| ())?),
        }
    }

    /// Takes in what has arrived, until there is nothing more or the end.
    fn has_ended(&mut self) -> bool {
        self.mood.set_polling(true);
        let mut ended = self.poisoned;
        // What fills up faster than this has not ended.
        for _ in 0..64 {
            match self.framer.fill(&mut self.stream) {
                _ if ended => break,
                Ok(more) => ended = !more,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => ended = true,
            }
        }
        self.mood.set_polling(false);
        ended
    }

    /// Takes the line that the crate has flushed.
    fn crate_flushed(&mut self) -> Result<()> {
        let bytes = std::mem::take(&mut self.written);
        if bytes.is_empty() {
            return Ok(());
        }
        if std::mem::take(&mut self.cancelling) {
            self.outgoing.extend_from_slice(b"*\r\n");
            let sent = self.send();
            self.poisoned = true;
            return sent;
        }
        if let Some(transcript) = &self.transcript {
            transcript.client(&bytes, self.secret);
        }
        let mut words = bytes.split(|&b| b == b' ');
        let tag = words.next().unwrap_or_default();
        let challenged = if let Some(verb) = words.next() {
            self.last_tag = String::from_utf8_lossy(tag).into_owned();
            self.leaving.push(self.last_tag.clone());
            verb == b"AUTHENTICATE"
        } else {
            // A SASL response: the server may challenge again.
            true
        };
        self.outgoing.extend_from_slice(&bytes);
        if !self.holding {
            self.send()?;
            self.awaiting_continuation |= challenged;
        }
        Ok(())
    }

    /// Reads on until there is a word for the crate.
    fn pump_for_crate(&mut self) -> Result<()> {
        let mut kept = 0;
        while self.for_crate.is_empty() {
            self.usable()?;
            let frame = self.framer.read(&mut self.stream);
            kept += frame.as_ref().map_or(0, |frame| frame.bytes().len() + size_of::<Frame>());
            let most = self.caps.kept;
            let event = frame.and_then(|frame| self.classify(frame)).and_then(|event| {
                let endless =
                    || Error::protocol(format!("more than {most} bytes where a short reply was waited for"));
                if kept > most { Err(endless()) } else { Ok(event) }
            });
            self.poisoned |= event.is_err();
            let event = event?;
            match &event {
                Event::Untagged(_) => {}
                Event::Continuation(frame) if self.secret => {
                    self.for_crate.extend(frame.bytes());
                    self.for_crate.extend(b"\r\n");
                    continue;
                }
                Event::Continuation(_) => self.for_crate.extend(b"+ \r\n"),
                Event::Tagged(tag, frame) => {
                    let status = frame.bytes().split(|&b| b == b' ').nth(1).unwrap_or_default();
                    let word = if status.eq_ignore_ascii_case(b"OK") {
                        "OK"
                    } else if status.eq_ignore_ascii_case(b"NO") {
                        "NO"
                    } else {
                        "BAD"
                    };
                    self.for_crate.extend(format!("{tag} {word} \r\n").as_bytes());
                }
            }
            self.queue.push_back(event);
        }
        Ok(())
    }
}

impl Read for Guard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut line = self.line();
        line.pump_for_crate().map_err(io::Error::other)?;
        line.for_crate.read(buffer)
    }
}

impl Write for Guard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut line = self.line();
        line.usable().map_err(io::Error::other)?;
        line.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.line().crate_flushed().map_err(io::Error::other)
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}
