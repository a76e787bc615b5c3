//! An account of a case's own, behind a gate.

use super::{
    action::{self, Action, Rung},
    fault::Place,
    gate::{Gate, Pace, Rebuild},
};
use crate::{
    dovecot::dovecot,
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
    sandbox: Option<(Arc<Sandbox>, Rebuild)>,
}

const DATE: &str = "%d-%b-%Y %H:%M:%S %z";

impl Stage {
    pub(crate) fn new(host: Host, rung: Rung, action: Action, pace: Pace) -> Self {
        match host {
            Host::Sandbox => Self::on_sandbox(rung, action, pace),
            Host::Dovecot => Self::on_dovecot(rung, pace),
        }
    }

    fn on_sandbox(rung: Rung, action: Action, pace: Pace) -> Self {
        let without = rung.hidden().iter().flat_map(|it| it.words()).map(ToString::to_string).collect();
        let sandbox = Arc::new(Sandbox::start(Options { without, ..Options::default() }).unwrap());
        let mut server = Server::at(sandbox.address(), Tls::None);
        let (kept, user) = (Arc::clone(&sandbox), server.user.clone());
        let rebuild: Rebuild = Arc::new(move |place| {
            let mailbox = if place == Place::Target { action.target() } else { "INBOX" };
            kept.rebuild(&user, mailbox).unwrap();
        });
        let gate = Gate::start(sandbox.address(), pace, Arc::clone(&rebuild));
        server.address = gate.address;
        for (mailbox, messages) in seed() {
            for message in messages {
                let flags: Vec<_> = message.flags.iter().map(|flag| Flag::parse(flag).unwrap()).collect();
                let date = ZonedDateTime::strptime(DATE, &message.date).unwrap();
                sandbox.deliver(&server.user, mailbox, &message.raw(), &flags, &date).unwrap();
            }
        }
        Self { server, gate, sandbox: Some((sandbox, rebuild)) }
    }

    fn on_dovecot(rung: Rung, pace: Pace) -> Self {
        let proxy = Proxy::start(dovecot().plain, rung.hidden());
        let gate = Gate::start(proxy.address, pace, Arc::new(|_| ()));
        let mut server = Server::at(gate.address, Tls::None);
        server.plain = dovecot().plain;
        server.keep = Some(Box::new(proxy));
        for (mailbox, messages) in seed() {
            server.seed(mailbox, &messages);
        }
        Self { server, gate, sandbox: None }
    }

    /// Numbers the messages of a mailbox anew, which only the sandbox does.
    pub(crate) fn rebuild(&self, place: Place) {
        if let Some((_, rebuild)) = &self.sandbox {
            rebuild(place);
        }
    }

    /// What is in the account now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let Some((sandbox, _)) = &self.sandbox else { return self.server.snapshot() };
        let mut snapshot = Snapshot::default();
        for (name, messages) in sandbox.mailboxes(&self.server.user) {
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

fn seed() -> [(&'static str, Vec<Mail>); 3] {
    [("INBOX", action::source()), ("Box", action::target()), ("Trash", action::target())]
}
