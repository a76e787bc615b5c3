use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::thread;

use super::concealed::Concealed;
use super::frame::{Caps, Frame, Framer};
use super::socket::{Interrupt, Socket, Timeouts};
use super::socks::Proxy;
use super::stream::Stream;
use super::tls_settings::TlsSettings;
use super::transcript::Transcript;
use crate::error::{Error, Result};

mod line;
mod starttls;

use line::Line;

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
        let reach = || {
            let mut socket = Socket::connect(near, near_port, timeouts, interrupt)?;
            if let Some(proxy) = proxy {
                proxy.lead(&mut socket, host, port)?;
            }
            Ok::<_, Error>(socket)
        };
        // OpenSSL may have to read all of the system's authorities, which takes as long as a short way to the server.
        let (socket, connector) = thread::scope(|scope| {
            let connector = tls.map(|settings| scope.spawn(|| settings.connector()));
            let socket = reach();
            (socket, connector.map(|making| making.join().unwrap_or_else(|panic| resume_unwind(panic))))
        });
        let socket = socket?;
        let mood = socket.mood();
        if let Some(transcript) = &transcript {
            let by = proxy.map_or_else(String::new, |_| format!(" by the proxy {near} port {near_port}"));
            transcript.note(&format!("connected to {host} port {port}{by}"));
        }
        let stream = match tls.zip(connector) {
            Some((settings, connector)) => {
                Stream::Tls(Box::new(settings.handshake(&connector?, host, socket)?), host.to_owned())
            }
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
            compressing: None,
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

    /// Adds a line to the transcript, if there is one.
    pub fn note(&self, text: &str) {
        if let Some(transcript) = &self.line().transcript {
            transcript.note(text);
        }
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
        // Where nothing leaves there is nothing to look out for: it would cost three system calls a response, and pile
        // up what nobody has asked for yet.
        if line.outgoing.is_empty() { line.usable() } else { line.send() }
    }

    /// Looks at what came along with the last reply: a reply to a command that has not left must not answer it. It is
    /// refused before anybody makes plans for that command.
    pub fn look(&self) -> Result<()> {
        let mut line = self.line();
        let looked = line.queue_buffered();
        line.poisoned |= looked.is_err();
        looked
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

    /// Says that the last command is COMPRESS DEFLATE (RFC 4978): from its OK on both directions are deflated. Nothing
    /// may be written until its reply.
    pub fn compress(&self) {
        let mut line = self.line();
        line.compressing = Some(line.last_tag.clone());
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
