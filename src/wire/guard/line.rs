use std::collections::VecDeque;
use std::io::{self, Write};

use super::Event;
use crate::error::{Error, ErrorKind, Result, visible};
use crate::wire::concealed::Concealed;
use crate::wire::deflate::Deflate;
use crate::wire::frame::{Caps, Frame, Framer};
use crate::wire::socket::Mood;
use crate::wire::stream::Stream;
use crate::wire::transcript::Transcript;

#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own; no two exclude each other")]
pub(super) struct Line {
    pub(super) stream: Stream,
    pub(super) mood: Mood,
    pub(super) framer: Framer,
    pub(super) transcript: Option<Transcript>,
    /// What the crate has written since its last flush: one command line, or one SASL response.
    pub(super) written: Vec<u8>,
    /// Bytes that wait to leave.
    pub(super) outgoing: Vec<u8>,
    /// Tags of commands that wait to leave with `outgoing`.
    pub(super) leaving: Vec<String>,
    pub(super) last_tag: String,
    /// Tags of commands that have left and have no reply yet.
    pub(super) outstanding: VecDeque<String>,
    /// The tag of the COMPRESS command that has no reply yet.
    pub(super) compressing: Option<String>,
    /// Flushes of the crate are held back, so that several commands leave in one write.
    pub(super) holding: bool,
    /// A synchronising literal or a SASL exchange waits for `+`.
    pub(super) awaiting_continuation: bool,
    /// What the crate flushes next is no answer to a challenge but ends the exchange.
    pub(super) cancelling: bool,
    /// What is written is part of a login.
    pub(super) secret: bool,
    /// What the server knows and nobody may see.
    pub(super) concealed: Concealed,
    /// Events that were read before anybody asked for them.
    pub(super) queue: VecDeque<Event>,
    /// What the crate will read next.
    pub(super) for_crate: VecDeque<u8>,
    pub(super) caps: Caps,
    /// Untagged responses since the last tagged one, as `Caps::responses` counts them.
    pub(super) untagged: usize,
    pub(super) poisoned: bool,
}

impl Line {
    pub(super) fn usable(&self) -> Result<()> {
        if self.poisoned { Err(ErrorKind::Poisoned.into()) } else { Ok(()) }
    }

    pub(super) fn next(&mut self) -> Result<Event> {
        if let Some(event) = self.queue.pop_front() {
            return Ok(event);
        }
        self.usable()?;
        let event = self.framer.read(&mut self.stream).and_then(|frame| self.classify(frame));
        self.poisoned |= event.is_err();
        event
    }

    /// Tells what a frame is, and refuses replies to what was never asked.
    pub(super) fn classify(&mut self, frame: Frame) -> Result<Event> {
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
        if self.compressing.take_if(|compressing| *compressing == tag).is_some()
            && status.eq_ignore_ascii_case(b"OK")
        {
            self.begin_to_deflate();
        }
        Ok(Event::Tagged(tag, frame))
    }

    /// Deflates what leaves and inflates what comes, also what came right behind the reply (RFC 4978 §3).
    fn begin_to_deflate(&mut self) {
        let plain = std::mem::replace(&mut self.stream, Stream::Gone);
        self.stream = Stream::Deflated(Box::new(Deflate::new(plain, self.framer.take_rest())));
        if let Some(transcript) = &self.transcript {
            transcript.note("compression is on");
        }
    }

    /// Sends what waits, after a look at what the server said before it could know of it.
    pub(super) fn send(&mut self) -> Result<()> {
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
    pub(super) fn look_before_send(&mut self) -> Result<()> {
        self.take_in_arrived()?;
        self.queue_buffered()
    }

    /// Queues what was read along with what was asked for, and refuses replies to what has not left.
    pub(super) fn queue_buffered(&mut self) -> Result<()> {
        while let Some(frame) = self.framer.buffered()? {
            let event = self.classify(frame)?;
            self.queue.push_back(event);
        }
        Ok(())
    }

    pub(super) fn take_in_arrived(&mut self) -> Result<()> {
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
    pub(super) fn has_ended(&mut self) -> bool {
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
    pub(super) fn crate_flushed(&mut self) -> Result<()> {
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
    pub(super) fn pump_for_crate(&mut self) -> Result<()> {
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
