use std::time::{Duration, Instant};

use super::carrier::Carrier;
use super::code::Code;
use super::encode::Command;
use super::response::{Response, Status, StatusLine};
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::Event;

/// How many bytes of commands may be under way at once. More could fill both sides' buffers while each
/// waits for the other to read.
const WINDOW: usize = 64 << 10;

/// How many of them must have been answered before a full window is filled again: commands that follow each reply
/// one by one would each cost a turn.
const REFILL: usize = WINDOW / 2;

/// The command after which the connection is compressed.
const COMPRESS: &str = "COMPRESS";

/// The end of one command.
#[derive(Clone, Debug)]
pub struct Done {
    /// The command's name.
    pub verb: &'static str,
    /// What the server said.
    pub line: StatusLine,
    /// How long the server was at it, as far as that shows from here: since the command before it ended; of the first of a
    /// flight, since that left, less the shortest turn that the session has seen.
    pub took: Duration,
}

impl Done {
    /// Gives the status line of a command that was answered OK, and an error for NO and BAD.
    pub fn ok(self) -> Result<StatusLine> {
        if self.line.status == Status::Ok {
            return Ok(self.line);
        }
        let kind = ErrorKind::Refused {
            command: self.verb.to_owned(),
            status: self.line.status.word(),
            text: self.line.text,
        };
        Err(Error::from(kind).in_command(self.verb))
    }

    /// Tells whether the command was answered OK.
    pub fn is_ok(&self) -> bool {
        self.line.status == Status::Ok
    }

    /// Tells whether the server does not do now what it may do later.
    pub fn may_pass(&self) -> bool {
        !self.is_ok() && self.line.code.as_ref().is_some_and(Code::may_pass)
    }

    /// Tells whether this is the given code.
    pub fn has(&self, code: &Code) -> bool {
        self.line.code.as_ref() == Some(code)
    }
}

/// A flight of commands whose replies are being taken in.
struct Flight<'a> {
    verbs: Vec<&'static str>,
    /// Tag and weight of each command that has been sent.
    sent: Vec<(String, usize)>,
    done: Vec<Option<Done>>,
    /// When it left, or its last command ended.
    since: Instant,
    each: &'a mut dyn FnMut(usize, Response) -> Result<()>,
    failed: Option<Error>,
}

impl Flight<'_> {
    /// Gives the first command without a reply: untagged data is taken to be its.
    fn front(&self) -> usize {
        self.done.iter().position(Option::is_none).unwrap_or(self.done.len())
    }

    /// Gives the command that a response is for: the one that it names, or else the first without a reply.
    fn asked_by(&self, response: &Response) -> usize {
        let named = match response {
            Response::Search(_, Some(tag)) => self.sent.iter().position(|(sent, _)| sent == tag),
            _ => None,
        };
        named.unwrap_or_else(|| self.front())
    }

    fn under_way(&self) -> usize {
        let open = self.sent.iter().zip(&self.done).filter(|(_, done)| done.is_none());
        open.map(|((_, weight), _)| weight).sum()
    }
}

impl Session {
    /// Sends commands and gives their ends, in order. NO and BAD are ends like OK.
    ///
    /// Untagged responses go to `each` with the number of the command they came for, as far as their
    /// order tells. Its error is kept and given at the end: the flight is always read to its end, so that
    /// the session stays in step. As many commands as the window allows leave in one write.
    pub fn run(
        &mut self,
        commands: &[Command],
        each: &mut dyn FnMut(usize, Response) -> Result<()>,
    ) -> Result<Vec<Done>> {
        let (ends, error) = self.run_through(commands, each);
        match error {
            Some(error) => Err(error),
            None => Ok(ends.into_iter().flatten().collect()),
        }
    }

    /// Does what [`Session::run`] does, and where the connection breaks half-way still gives the ends that
    /// came before: what is changing mail must know them. `None` is a command without a reply.
    pub fn run_through(
        &mut self,
        commands: &[Command],
        each: &mut dyn FnMut(usize, Response) -> Result<()>,
    ) -> (Vec<Option<Done>>, Option<Error>) {
        let compress = self.compress_after(commands);
        if self.errands.is_empty() && compress.is_none() {
            return self.run_flight(commands, each);
        }
        let mut all = std::mem::take(&mut self.errands);
        let before = all.len();
        all.extend_from_slice(commands);
        all.extend(compress);
        let (mut ends, error) = self.run_flight(&all, &mut |at, response| match at.checked_sub(before) {
            Some(at) if at < commands.len() => each(at, response),
            _ => Ok(()),
        });
        let mut own = ends.split_off(before);
        own.truncate(commands.len());
        (own, error)
    }

    /// Gives COMPRESS (RFC 4978), once a session: as the last of a flight it costs no turn, since nothing may be sent
    /// until its reply. Where it would not leave with the others it waits for another flight.
    fn compress_after(&mut self, commands: &[Command]) -> Option<Command> {
        let command = Command::new(COMPRESS).syntax("DEFLATE");
        let weight: usize = self.errands.iter().chain(commands).chain([&command]).map(Command::weight).sum();
        let fits = !commands.is_empty() && weight <= WINDOW;
        (fits && std::mem::take(&mut self.may_compress)).then_some(command)
    }

    fn run_flight(
        &mut self,
        commands: &[Command],
        each: &mut dyn FnMut(usize, Response) -> Result<()>,
    ) -> (Vec<Option<Done>>, Option<Error>) {
        if let Carrier::Shared(_) = &self.carrier {
            return self.run_shared(commands, each);
        }
        let mut flight = Flight {
            verbs: commands.iter().map(Command::verb).collect(),
            sent: Vec::new(),
            done: vec![None; commands.len()],
            since: Instant::now(),
            each,
            failed: None,
        };
        let flown = self.fly(commands, &mut flight);
        let error = match flown {
            Err(error) => {
                // Replies are still to come, which must never pass for those to later commands.
                self.poison();
                let verb = flight.verbs.get(flight.front()).copied().unwrap_or_default();
                Some(self.explain(error).in_command(verb))
            }
            Ok(()) => flight.failed,
        };
        (flight.done, error)
    }

    /// Runs one command and fails unless it is answered OK.
    pub fn run_one(&mut self, command: &Command, each: &mut dyn FnMut(Response) -> Result<()>) -> Result<()> {
        let ends = self.run(std::slice::from_ref(command), &mut |_, response| each(response))?;
        for end in ends {
            end.ok()?;
        }
        Ok(())
    }

    fn fly(&mut self, commands: &[Command], flight: &mut Flight<'_>) -> Result<()> {
        let guard = self.guard()?;
        let mut waiting = commands.iter();
        let mut next = waiting.next();
        while next.is_some() || flight.front() < commands.len() {
            guard.hold();
            if flight.under_way() <= WINDOW - REFILL {
                while let Some(command) = next {
                    let under_way = flight.under_way();
                    if under_way > 0 && under_way + command.weight() > WINDOW {
                        break;
                    }
                    self.send(command, flight)?;
                    next = waiting.next();
                }
            }
            guard.release()?;
            if flight.front() < flight.sent.len() {
                let event = guard.next()?;
                self.take(event, flight)?;
            }
        }
        guard.look()
    }

    /// Writes one command; where a literal must wait for the server's `+`, takes in what comes before.
    fn send(&mut self, command: &Command, flight: &mut Flight<'_>) -> Result<()> {
        let guard = self.guard()?;
        let unsynchronised = self.capabilities.unsynchronised_literal();
        let pieces = command.pieces();
        let mut first = true;
        let at = flight.sent.len();
        for (text, literal) in pieces {
            let waits = literal.is_some_and(|literal| unsynchronised == 0 || literal.len() > unsynchronised);
            let announced = match literal {
                Some(literal) if waits => format!("{text}{{{}}}", literal.len()),
                Some(literal) => format!("{text}{{{}+}}", literal.len()),
                None => text.to_owned(),
            };
            if std::mem::take(&mut first) {
                self.inner()?.run_command(&announced).map_err(crate_error)?;
                flight.sent.push((guard.last_tag(), command.weight()));
                if command.verb() == COMPRESS {
                    guard.compress();
                }
            } else {
                guard.append(format!("{announced}\r\n").as_bytes(), false)?;
            }
            if waits {
                guard.release()?;
                // Not before: a `+` that was already there answers nothing of ours.
                guard.expect_continuation();
                loop {
                    match guard.next()? {
                        Event::Continuation(_) => break,
                        event => self.take(event, flight)?,
                    }
                    if flight.done.get(at).is_some_and(Option::is_some) {
                        // Refused before it was complete: the rest must not travel.
                        guard.hold();
                        return Ok(());
                    }
                }
                guard.hold();
            }
            if let Some(literal) = literal {
                guard.append(literal, true)?;
            }
        }
        Ok(())
    }

    /// Takes in one event of a flight.
    fn take(&mut self, event: Event, flight: &mut Flight<'_>) -> Result<()> {
        match event {
            Event::Untagged(frame) => {
                let response = self.digest(&frame)?;
                if flight.failed.is_none() {
                    let at = flight.asked_by(&response);
                    flight.failed = (flight.each)(at, response).err();
                }
                Ok(())
            }
            Event::Tagged(tag, frame) => {
                let rest = frame.bytes().get(tag.len() + 1..).unwrap_or_default();
                let line = StatusLine::parse(rest)
                    .ok_or_else(|| Error::protocol("a tagged reply without OK, NO or BAD"))?;
                let line = line.hiding(&self.guard()?);
                self.hear(&line);
                let at = flight.sent.iter().position(|(sent, _)| *sent == tag);
                let took = self.time(flight);
                if let Some((at, slot)) = at.and_then(|at| Some((at, flight.done.get_mut(at)?))) {
                    let verb = flight.verbs.get(at).copied().unwrap_or_default();
                    *slot = Some(Done { verb, line, took });
                }
                Ok(())
            }
            Event::Continuation(_) => Err(Error::protocol("a continuation request that nothing asked for")),
        }
    }

    /// Takes the time of a command that has ended now.
    fn time(&mut self, flight: &mut Flight<'_>) -> Duration {
        let waited = flight.since.elapsed();
        flight.since += waited;
        if flight.done.iter().any(Option::is_some) {
            return waited;
        }
        let turn = self.shortest_turn.map_or(waited, |turn| turn.min(waited));
        self.shortest_turn = Some(turn);
        waited.saturating_sub(turn)
    }

    /// Takes in what a tagged reply's code says of the session.
    pub(super) fn hear(&mut self, line: &StatusLine) {
        match &line.code {
            Some(Code::Capability(capabilities)) => self.capabilities = capabilities.clone(),
            Some(Code::Alert) => self.notices.push(super::session::Notice(line.text.clone())),
            Some(code) if line.status == Status::Ok => {
                if let Some(selected) = &mut self.selected {
                    selected.absorb_code(code);
                }
            }
            _ => {}
        }
    }
}

/// Takes our own error out of the crate's.
pub(super) fn crate_error(error: imap::Error) -> Error {
    match error {
        imap::Error::Io(error) => error.into(),
        imap::Error::ConnectionLost => {
            ErrorKind::ConnectionLost { cause: "the server hung up".to_owned() }.into()
        }
        other => Error::protocol(crate::error::visible(&other.to_string())),
    }
}
