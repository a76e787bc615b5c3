use crate::engine::account::Account;
use crate::engine::connection::Ticket;
use crate::engine::gmail::is_gmail;
use crate::engine::names::{NameSpec, script_name};
use crate::engine::permission::Permission;
use crate::engine::report::{Landing, Report, Verb};
use crate::engine::selection::Selection;
use crate::error::{Class, Error, ErrorKind, Result};
use crate::imap::{Code, Session};
use crate::mail::{Flag, InternalDate, MailboxName, Uid, UidSet};

/// A job on one mailbox whose name has been found: gives what was done, with the object of it.
fn on_mailbox(
    account: &Account,
    verb: Verb,
    spec: NameSpec,
    job: impl FnOnce(&mut Session, &MailboxName, &str) -> Result<Option<String>> + Send + 'static,
) -> Ticket<Report> {
    let label = account.label().to_owned();
    account.change(Permission::Mailboxes, move |session, _| {
        let wanted = spec.shown();
        let result = spec.resolve(session).and_then(|name| {
            let shown = script_name(session, &name)?;
            let object = job(session, &name, &shown)?;
            Ok(Report::new(verb, &label, &shown, object))
        });
        result.map_err(|error| error.in_mailbox(&wanted))
    })
}

/// Makes a mailbox. Error: it exists, or the server refuses.
pub fn create(account: &Account, spec: NameSpec) -> Ticket<Report> {
    on_mailbox(account, Verb::Create, spec, |session, name, shown| {
        if session.create(name)? {
            return Ok(None);
        }
        let text = format!("mailbox `{shown}` exists already");
        Err(ErrorKind::Refused { command: "CREATE".to_owned(), status: "NO", text }.into())
    })
}

/// Deletes a mailbox that is empty. Between the look and the deletion a message may still arrive: IMAP has no
/// command that does both at once.
pub fn delete(account: &Account, spec: NameSpec) -> Ticket<Report> {
    on_mailbox(account, Verb::Delete, spec, |session, name, shown| {
        if name.is_inbox() {
            return Err(Error::script("INBOX can't be deleted", "new mail arrives there"));
        }
        // Of an open mailbox STATUS may tell what was in it when it was opened (RFC 3501 §6.3.10).
        session.leave(name)?;
        let messages = session.status(name)?.messages;
        match messages {
            Some(0) => session.delete(name).map(|()| None),
            Some(messages) => Err(ErrorKind::NotEmpty { mailbox: shown.to_owned(), messages }.into()),
            None => Err(Error::protocol("a STATUS answer without the number of messages")),
        }
    })
}

/// Renames a mailbox. INBOX is refused: servers move its messages away instead (RFC 3501 §6.3.5).
pub fn rename(account: &Account, from: NameSpec, to: NameSpec) -> Ticket<Report> {
    on_mailbox(account, Verb::Rename, from, move |session, name, _| {
        if name.is_inbox() {
            let hint = "IMAP would move all its messages to the new mailbox; use `move` if that is meant";
            return Err(Error::script("INBOX can't be renamed", hint));
        }
        let target = to.resolve(session)?;
        session.rename(name, &target)?;
        Ok(Some(script_name(session, &target)?))
    })
}

/// Subscribes to a mailbox, or ends the subscription.
pub fn subscribe(account: &Account, spec: NameSpec, on: bool) -> Ticket<Report> {
    let verb = if on { Verb::Subscribe } else { Verb::Unsubscribe };
    on_mailbox(account, verb, spec, move |session, name, _| session.subscribe(name, on).map(|()| None))
}

/// What APPEND gave: the report, and the new message's UID where the server said it.
#[derive(Clone, Debug)]
pub struct Appended {
    /// What was done.
    pub report: Report,
    /// The message's UID in the mailbox.
    pub uid: Option<Uid>,
}

impl Appended {
    /// Gives the message as a selection, where the server said its UID.
    pub fn selection(&self, account: Account, spec: NameSpec) -> Option<Selection> {
        let landing = self.report.landed.first()?;
        Some(landing.selection(account, spec, self.report.mailbox.clone()))
    }
}

/// Makes the error of an APPEND that was cut off say what it may have done: who tries again might have the
/// message twice.
fn in_doubt(error: Error, mailbox: &str) -> Error {
    match error.kind.class() {
        Class::Connection => {
            let what = format!("the message may or may not be in {mailbox} now: {error}");
            Error { kind: Box::new(ErrorKind::Partial { what }), ..error }
        }
        _ => error,
    }
}

/// Adds a message to a mailbox, byte for byte. A mailbox that is missing is created, and that is said.
pub fn append(
    account: &Account,
    spec: NameSpec,
    message: Vec<u8>,
    flags: Vec<Flag>,
    date: Option<InternalDate>,
) -> Ticket<Appended> {
    let label = account.label().to_owned();
    account.change(Permission::Copy, move |session, _| {
        let wanted = spec.shown();
        let mut go = || -> Result<Appended> {
            if message.contains(&0) {
                let hint = "encode binary content (base64) before it becomes a message";
                return Err(Error::script(
                    "the message has a NUL character in it, which IMAP can't carry",
                    hint,
                ));
            }
            if flags.contains(&Flag::Deleted) && is_gmail(session) {
                let hint = "Gmail takes the label of such a message away at once; leave the flag out";
                return Err(Error::script("no message is added to Gmail with the flag \\Deleted", hint));
            }
            let name = spec.resolve(session)?;
            let shown = script_name(session, &name)?;
            let mut report = Report::new(Verb::Append, &label, &shown, None);
            let date = date.map(|date| date.to_string());
            let append = |session: &mut Session| {
                let done = session.append(&name, &flags, date.as_deref(), message.clone());
                done.map_err(|error| in_doubt(error, &shown))
            };
            let mut done = append(session)?;
            if done.has(&Code::TryCreate) {
                if session.create(&name)? {
                    report.notes.push(format!("created mailbox {shown}"));
                }
                done = append(session)?;
            }
            let line = done.ok()?;
            let mut uid = None;
            if let Some(Code::AppendUid(validity, uids)) = line.code
                && let [(first, last)] = uids.as_slice()
                && first == last
                && let Some(new) = Uid::new(*first)
            {
                uid = Some(new);
                report.landed.push(Landing { mailbox: name, validity, uids: UidSet::from(new) });
            }
            Ok(Appended { report, uid })
        };
        go().map_err(|error| error.in_mailbox(&wanted))
    })
}
