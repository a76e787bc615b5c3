//! Carries one connection through the gate.

use super::{
    fault::{Fault, Kind, Step},
    gate::{Pace, Shared},
    peer::{Peer, Unit, text},
};
use crate::observer::literal_length;
use std::{net::TcpStream, sync::Arc};

/// One connection on one thread: first what the client sent passes, then what the server says to it, so that every
/// run has the same steps in the same order.
pub(super) struct Carrier {
    client: Peer,
    server: Peer,
    shared: Arc<Shared>,
    /// Tag and verb of the command whose end has not come from the client yet.
    current: Option<(String, String)>,
    /// Complete commands that are not answered.
    waiting: Vec<Waiting>,
    /// The server has to speak before the client goes on: the greeting, and `+`.
    server_first: bool,
    /// What comes next from the client is no command, but what the server asked for.
    asked: bool,
    /// The current command is being refused, with this line.
    refusing: Option<String>,
    /// A tagged OK was swallowed.
    swallowed: bool,
}

/// A command that waits for its answer.
struct Waiting {
    tag: String,
    verb: String,
    /// The gate's own answer, which goes when it is its turn.
    refusal: Option<String>,
}

impl Carrier {
    pub(super) fn new(client: TcpStream, server: TcpStream, shared: Arc<Shared>) -> Self {
        Self {
            client: Peer::new(client),
            server: Peer::new(server),
            shared,
            current: None,
            waiting: vec![],
            server_first: true,
            asked: false,
            refusing: None,
            swallowed: false,
        }
    }

    /// Carries until the connection is over on both sides.
    pub(super) fn run(self) {
        let shared = Arc::clone(&self.shared);
        self.carry();
        shared.close();
    }

    fn carry(mut self) -> Option<()> {
        loop {
            while !self.must_listen()
                && let Some(unit) = self.client.unit()
            {
                self.up(unit)?;
            }
            if let Some(refusal) = self.waiting.first_mut().and_then(|first| first.refusal.take()) {
                self.waiting.remove(0);
                self.client.write(refusal.as_bytes())?;
                // What the client has sent by then may pass now.
                continue;
            }
            if self.server_first || !self.waiting.is_empty() && !self.asked {
                self.down()?;
                continue;
            }
            if self.swallowed && !self.asked {
                return None;
            }
            self.client.fill()?;
        }
    }

    /// Whether the server's word comes before the client's next.
    fn must_listen(&self) -> bool {
        let single = self.shared.pace == Pace::Single;
        self.server_first || !self.asked && single && !self.waiting.is_empty()
    }

    /// Passes on what the client sent.
    fn up(&mut self, unit: Unit) -> Option<()> {
        let (bytes, line) = match unit {
            Unit::Line(bytes) => (bytes, true),
            Unit::Literal(bytes) => (bytes, false),
        };
        let shown = text(&bytes).trim_end().to_owned();
        let begins = self.current.is_none() && !self.asked;
        let kind = if begins { Kind::Command } else { Kind::Rest };
        if begins {
            self.current = Some(tag_and_verb(&shown));
        }
        let step = Step { kind, text: if line { shown.clone() } else { format!("({} bytes)", bytes.len()) } };
        let fault = self.shared.reach(step);
        match fault {
            Some(Fault::No) => self.refusing = Some(self.answer("NO")),
            Some(Fault::Bad) => self.refusing = Some(self.answer("BAD")),
            _ => {}
        }
        let passes = fault.is_none_or(Fault::passes);
        if let Some(fault) = fault.filter(|_| !passes && self.refusing.is_none()) {
            return self.strike(fault);
        }
        let announces = line && literal_length(&shown).is_some();
        let synchronises = announces && !shown.ends_with("+}");
        let ends = line && !announces;
        if let Some(refusal) = self.refusing.take() {
            if synchronises {
                // The literal waits for a `+` that does not come.
                self.client.expect_no_literal();
            }
            if ends || synchronises {
                self.wait(Some(refusal));
            } else {
                self.refusing = Some(refusal);
            }
            return Some(());
        }
        if let Some(place) = fault.and_then(Fault::rebuilt_now) {
            self.shared.rebuild(place);
        }
        self.drip(fault);
        self.server.write(&bytes)?;
        self.asked = false;
        self.server_first = synchronises;
        if ends {
            self.wait(None);
        }
        match fault.filter(|fault| fault.strikes_after()) {
            Some(fault) => self.strike(fault),
            None => Some(()),
        }
    }

    /// Passes on one response.
    fn down(&mut self) -> Option<()> {
        let bytes = self.server.response()?;
        let shown = text(&bytes).lines().next().unwrap_or_default().to_owned();
        let (tag, rest) = shown.split_once(' ').unwrap_or((&shown, ""));
        let (tag, ok) = (tag.to_owned(), rest.starts_with("OK"));
        let answered = self.take_answered(&tag);
        if tag == "+" {
            // Without a command that is incomplete it asks for more than a literal.
            self.asked = true;
            self.server_first = false;
        } else if self.server_first && self.current.is_none() {
            self.server_first = false;
        }
        let kind = if answered.is_some() && ok { Kind::Done } else { Kind::Response };
        let fault = self.shared.reach(Step { kind, text: shown });
        if fault == Some(Fault::Swallow) {
            self.swallowed = true;
            return Some(());
        }
        if let Some(fault) = fault.filter(|fault| !fault.passes()) {
            return self.strike(fault);
        }
        if let Some(place) = fault.and_then(Fault::rebuilt_now) {
            self.shared.rebuild(place);
        }
        self.drip(fault);
        let verb = answered.filter(|_| ok).map(|(_, verb)| verb);
        if let Some(verb) = &verb {
            self.shared.tell(verb);
        }
        if self.client.write(&bytes).is_none() {
            self.settle();
            return None;
        }
        match fault.filter(|fault| fault.strikes_after()) {
            Some(fault) => self.strike(fault),
            // The server hangs up now.
            None => (verb.as_deref() != Some("LOGOUT")).then_some(()),
        }
    }

    /// Takes it that the current command is complete.
    fn wait(&mut self, refusal: Option<String>) {
        self.waiting.extend(self.current.take().map(|(tag, verb)| Waiting { tag, verb, refusal }));
    }

    /// Takes a command that was answered off those that wait; its tag and verb.
    fn take_answered(&mut self, tag: &str) -> Option<(String, String)> {
        if let Some(at) = self.waiting.iter().position(|waiting| waiting.tag == tag) {
            let Waiting { tag, verb, .. } = self.waiting.remove(at);
            return Some((tag, verb));
        }
        let current = self.current.take_if(|(current, _)| current == tag)?;
        // Refused before it was complete.
        self.client.expect_no_literal();
        Some(current)
    }

    /// Ends the connection as the fault has it. Gives `None`.
    fn strike(&mut self, fault: Fault) -> Option<()> {
        if fault.kills() {
            self.shared.kill();
        }
        self.settle();
        if fault == Fault::Stall {
            self.client.drain();
        }
        None
    }

    /// Lets the server do what it was told.
    fn settle(&mut self) {
        self.server.be_patient();
        self.waiting.retain(|waiting| waiting.refusal.is_none());
        while !self.waiting.is_empty()
            && let Some(response) = self.server.response()
        {
            let tag = text(&response).split(' ').next().unwrap_or_default().to_owned();
            self.take_answered(&tag);
        }
    }

    fn drip(&mut self, fault: Option<Fault>) {
        if fault == Some(Fault::Drip) {
            self.client.drips = true;
            self.server.drips = true;
        }
    }

    /// The refusal of the current command.
    fn answer(&self, word: &str) -> String {
        let tag = self.current.as_ref().map_or("*", |(tag, _)| tag);
        format!("{tag} {word} the gate refuses it\r\n")
    }
}

/// A command's tag and its verb, such as `UID MOVE`, in capitals.
fn tag_and_verb(line: &str) -> (String, String) {
    let mut words = line.split(' ').map(str::to_uppercase);
    let tag = line.split(' ').next().unwrap_or_default().to_owned();
    let verb = words.nth(1).unwrap_or_default();
    let verb = if verb == "UID" { format!("UID {}", words.next().unwrap_or_default()) } else { verb };
    (tag, verb)
}
