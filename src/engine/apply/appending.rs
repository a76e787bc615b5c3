use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::across::{Arrival, find_arrivals};
use super::planning;
use super::record::conclude;
use crate::engine::account::Account;
use crate::engine::gmail::is_gmail;
use crate::engine::journal::{Entry, Fate, Intent, Known, OpenAction, Outcome, Target};
use crate::engine::names::{NameSpec, script_name};
use crate::engine::overlay::Draft;
use crate::engine::permission::Permission;
use crate::engine::report::{Landing, Report, Verb};
use crate::engine::selection::Selection;
use crate::engine::ticket::Ticket;
use crate::engine::world::Run;
use crate::error::{Class, Error, ErrorKind, Result};
use crate::imap::{Code, NewMessage, Session};
use crate::mail::{Flag, Headers, InternalDate, MailboxName, Uid, UidSet, UidValidity};

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

    fn landed(&mut self, mailbox: MailboxName, validity: UidValidity, uid: Uid) {
        self.uid = Some(uid);
        let uids = UidSet::from(uid);
        self.report.landed.push(Landing { mailbox, validity, uids, pairs: vec![(ONLY, uid)] });
    }
}

/// What the journal calls the one message of an APPEND, which has no UID yet.
const ONLY: Uid = Uid::MIN;

/// A message to be added.
struct Addition {
    name: MailboxName,
    shown: String,
    message: NewMessage,
    digest: Vec<u8>,
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
    let of = account.clone();
    account.change(Permission::Copy, move |session, run| {
        let wanted = spec.shown();
        let go = || {
            refuse(session, &message, &flags)?;
            let name = spec.resolve(session, run)?;
            let shown = script_name(session, &name)?;
            let digest = Sha256::digest(&message).to_vec();
            add(
                session,
                run,
                &of,
                Addition { name, shown, message: NewMessage { raw: Arc::new(message), flags, date }, digest },
            )
        };
        go().map_err(|error| error.in_mailbox(&wanted))
    })
}

fn refuse(session: &Session, message: &[u8], flags: &[Flag]) -> Result<()> {
    if message.contains(&0) {
        let hint = "encode binary content (base64) before it becomes a message";
        return Err(Error::script("the message has a NUL character in it, which IMAP can't carry", hint));
    }
    if flags.contains(&Flag::Deleted) && is_gmail(session) {
        let hint = "Gmail takes the label of such a message away at once; leave the flag out";
        return Err(Error::script("no message is added to Gmail with the flag \\Deleted", hint));
    }
    Ok(())
}

fn add(session: &mut Session, run: &Run, account: &Account, new: Addition) -> Result<Appended> {
    let report = Report::new(Verb::Append, account.label(), &new.shown, None);
    let mut appended = Appended { report, uid: None };
    if let Some(overlay) = &run.overlay {
        let now = run.now();
        let NewMessage { raw, flags, date } = new.message;
        let date = date.or_else(|| InternalDate::from_timestamp(now.timestamp(), now.offset()));
        let draft = Draft::new(raw.to_vec(), flags, date);
        if overlay.existing(session, &new.name)?.is_none() {
            run.may_create(1, &new.shown)?;
            run.count_created();
        }
        appended.uid = planning::append(session, overlay, &mut appended.report, &new.name, draft)?;
        return Ok(appended);
    }
    let identity = &account.row().identity;
    let journal = run.journal()?;
    if let Some(credit) = journal.take_append_credit(identity, &new.name, &new.digest)? {
        appended.report.notes.push("it had been added by the run before, which failed".to_owned());
        if let Some((validity, uid)) = credit.landed {
            appended.landed(new.name, validity, uid);
        }
        return Ok(appended);
    }
    // What comes after this look has this UID or a higher one.
    let (validity, next) = match session.status(&new.name) {
        Ok(status) => (status.uid_validity, status.uid_next),
        Err(error) if matches!(*error.kind, ErrorKind::Refused { .. }) => (None, Some(Uid::MIN)),
        Err(error) => return Err(error),
    };
    let intent = Intent {
        verb: Verb::Append,
        rule: None,
        object: None,
        mailbox: new.name.clone(),
        shown: new.shown.clone(),
        validity,
        target: Some(Target {
            account: None,
            mailbox: new.name.clone(),
            shown: new.shown.clone(),
            validity,
            next,
        }),
        messages: vec![(ONLY, new.known())],
    };
    let noted = journal.intend(identity, &[intent])?;
    let ended = send(session, run, &mut appended, new);
    let uids = UidSet::from(ONLY);
    let outcome = match &ended {
        Ok(()) => {
            let landing = appended.report.landed.first();
            let at = landing.and_then(|landing| Some((landing.validity, landing.uids.first()?)));
            Outcome { done: vec![(ONLY, at)], ..Outcome::default() }
        }
        Err(error) if session.is_poisoned() => {
            Outcome { doubt: vec![(uids, error.to_string())], cut: true, ..Outcome::default() }
        }
        Err(_) => Outcome { left: uids, ..Outcome::default() },
    };
    conclude(run, &noted.into_iter().map(|id| (id, outcome.clone())).collect::<Vec<_>>());
    ended.map(|()| appended)
}

impl Addition {
    fn known(&self) -> Known {
        let headers = Headers::parse(&self.message.raw);
        Known {
            size: Some(self.message.raw.len() as u64),
            date: self.message.date.map(|date| date.timestamp().as_second()),
            message_id: headers.message_id(),
            gmail_id: None,
            flags: self.message.flags.clone(),
            subject: headers.subject(),
            digest: Some(self.digest.clone()),
        }
    }
}

/// Sends the message, and creates the mailbox where the server says that it is missing.
fn send(session: &mut Session, run: &Run, appended: &mut Appended, new: Addition) -> Result<()> {
    let append = |session: &mut Session| {
        session.append(&new.name, &new.message).map_err(|error| in_doubt(error, &new.shown))
    };
    let mut done = append(session)?;
    if done.has(&Code::TryCreate) {
        run.may_create(1, &new.shown)?;
        if session.create(&new.name)? {
            run.count_created();
            appended.report.notes.push(format!("created mailbox {}", new.shown));
        }
        done = append(session)?;
    }
    let line = done.ok()?;
    if let Some(Code::AppendUid(validity, uids)) = line.code
        && let [(first, last)] = uids.as_slice()
        && first == last
        && let Some(uid) = Uid::new(*first)
    {
        appended.landed(new.name, validity, uid);
    }
    Ok(())
}

/// Finds out whether messages of a cut run were added, by their bytes. Gives the report of it.
pub(super) fn settle(session: &mut Session, account: &Account, action: &OpenAction) -> Result<Report> {
    let mut report = Report::new(Verb::Append, account.label(), &action.shown, None);
    let Some(target) = &action.target else { return Ok(report) };
    let open = |entry: &&Entry| !matches!(entry.fate, Fate::Done | Fate::Left) && !entry.released;
    let entries: Vec<Entry> = action.entries.iter().filter(open).cloned().collect();
    let journal = account.run().journal()?;
    let found = find_arrivals(session, &journal, &account.row().identity, target, &entries)?;
    for (number, arrival) in found {
        match arrival {
            Arrival::Here(validity, uid) => {
                let (mailbox, uids) = (action.mailbox.clone(), UidSet::from(uid));
                report.land(Landing { mailbox, validity, uids, pairs: vec![(number, uid)] });
                report.done.insert(number);
            }
            Arrival::Maybe(why) => report.doubt(number.into(), why),
        }
    }
    Ok(report)
}
