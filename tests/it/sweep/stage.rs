//! An account of a case's own, behind a gate.

use super::{
    action::{self, Action, Rung},
    fault::Place,
    gate::{Gate, Pace, Rebuild},
};
use crate::{
    dovecot::dovecot,
    harness::Script,
    mail::Mail,
    proxy::Proxy,
    server::{Server, Tls},
    snapshot::{Seen, Snapshot},
};
use imapscript::{
    mail::Flag,
    sandbox::{Options, Sandbox},
};
use jiff::ZonedDateTime;
use std::sync::Arc;

/// Which server stands behind the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Host {
    Sandbox,
    Dovecot,
}

/// A seeded account.
pub(crate) struct Stage {
    /// As a script reaches it: through the gate.
    pub(crate) server: Server,
    pub(crate) gate: Gate,
    /// The other account of what goes from one to another, past the gate.
    other: Option<Server>,
    action: Action,
    sandbox: Option<(Arc<Sandbox>, Rebuild)>,
}

const DATE: &str = "%d-%b-%Y %H:%M:%S %z";

impl Stage {
    pub(crate) fn new(host: Host, rung: Rung, action: Action, pace: Pace) -> Self {
        match host {
            Host::Sandbox => Self::on_sandbox(rung, action, pace),
            Host::Dovecot => Self::on_dovecot(rung, action, pace),
        }
    }

    fn on_sandbox(rung: Rung, action: Action, pace: Pace) -> Self {
        let without = rung.hidden().iter().flat_map(|it| it.words()).map(ToString::to_string).collect();
        let sandbox = Arc::new(Sandbox::start(Options { without, ..Options::default() }).unwrap());
        let mut server = Server::at(sandbox.address(), Tls::None);
        let other = action.is_across().then(|| Server::at(sandbox.address(), Tls::None));
        let kept = Arc::clone(&sandbox);
        let users = sides(action, &server, other.as_ref()).map(|server| server.user.clone());
        let rebuild: Rebuild = Arc::new(move |place| {
            let [from, to] = &users;
            let (user, mailbox) =
                if place == Place::Target { (to, action.target()) } else { (from, "INBOX") };
            kept.rebuild(user, mailbox).unwrap();
        });
        let gate = Gate::start(sandbox.address(), pace, Arc::clone(&rebuild));
        server.address = gate.address;
        for (mailbox, messages) in seed() {
            let [from, to] = sides(action, &server, other.as_ref());
            let user = if mailbox == "INBOX" { &from.user } else { &to.user };
            for message in messages {
                let flags: Vec<_> = message.flags.iter().map(|flag| Flag::parse(flag).unwrap()).collect();
                let date = ZonedDateTime::strptime(DATE, &message.date).unwrap();
                sandbox.deliver(user, mailbox, &message.raw(), &flags, &date).unwrap();
            }
        }
        Self { server, gate, other, action, sandbox: Some((sandbox, rebuild)) }
    }

    fn on_dovecot(rung: Rung, action: Action, pace: Pace) -> Self {
        let proxy = Proxy::start(dovecot().plain, rung.hidden());
        let gate = Gate::start(proxy.address, pace, Arc::new(|_| ()));
        let mut server = Server::at(gate.address, Tls::None);
        server.plain = dovecot().plain;
        server.keep = Some(Box::new(proxy));
        let other = action.is_across().then(|| {
            let proxy = Proxy::start(dovecot().plain, rung.hidden());
            let mut other = Server::at(proxy.address, Tls::None);
            other.plain = dovecot().plain;
            other.keep = Some(Box::new(proxy));
            other
        });
        for (mailbox, messages) in seed() {
            let [from, to] = sides(action, &server, other.as_ref());
            if mailbox == "INBOX" { from } else { to }.seed(mailbox, &messages);
        }
        Self { server, gate, other, action, sandbox: None }
    }

    /// A script on the account, or on both.
    pub(crate) fn script(&self, source: &str) -> Script<'_> {
        let [from, to] = sides(self.action, &self.server, self.other.as_ref());
        let script = Script::new(source).on(from);
        if self.other.is_some() { script.and(to) } else { script }
    }

    /// A command on the account.
    pub(crate) fn command(&self, words: &[&str]) -> Script<'_> {
        Script::command(words).on(&self.server)
    }

    /// Numbers the messages of a mailbox anew, which only the sandbox does.
    pub(crate) fn rebuild(&self, place: Place) {
        if let Some((_, rebuild)) = &self.sandbox {
            rebuild(place);
        }
    }

    /// What is in the account now, or in both.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let [from, to] = sides(self.action, &self.server, self.other.as_ref());
        let mut snapshot = self.snapshot_of(from);
        if self.other.is_some() {
            for (name, messages) in self.snapshot_of(to).mailboxes {
                let name = if name == "INBOX" { "INBOX there".to_owned() } else { name };
                snapshot.mailboxes.entry(name).or_default().extend(messages);
            }
        }
        snapshot
    }

    fn snapshot_of(&self, server: &Server) -> Snapshot {
        let Some((sandbox, _)) = &self.sandbox else { return server.snapshot() };
        let mut snapshot = Snapshot::default();
        for (name, messages) in sandbox.mailboxes(&server.user) {
            let seen = messages.iter().map(|message| {
                let flags: Vec<_> = message.flags.iter().map(ToString::to_string).collect();
                let (raw, date) = (message.raw(), message.internal_date.strftime(DATE).to_string());
                Seen::new(raw, raw.len() as u64, &flags.join(" "), &date)
            });
            let mut seen: Vec<_> = seen.collect();
            seen.sort();
            snapshot.mailboxes.insert(name.text().to_owned(), seen);
        }
        snapshot
    }
}

/// The account that messages leave, and the one that they come to.
fn sides<'a>(action: Action, gated: &'a Server, other: Option<&'a Server>) -> [&'a Server; 2] {
    let other = other.unwrap_or(gated);
    if action.is_gated_at_target() { [other, gated] } else { [gated, other] }
}

fn seed() -> [(&'static str, Vec<Mail>); 3] {
    [("INBOX", action::source()), ("Box", action::target()), ("Trash", action::target())]
}
