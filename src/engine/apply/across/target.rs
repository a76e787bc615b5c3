use std::collections::BTreeMap;

use super::Across;
use super::copies::{Copy, Sent, find};
use super::essence::Essence;
use crate::engine::account::Account;
use crate::engine::apply::step::{cut, refusal};
use crate::engine::gmail::is_gmail;
use crate::engine::identity::{Identity, Inquiry};
use crate::engine::messages::MESSAGE_CAP;
use crate::engine::names::script_name;
use crate::engine::permission::Permission;
use crate::engine::ticket::Ticket;
use crate::error::{ErrorKind, Result};
use crate::imap::{Access, Added, FetchItem, NewMessage, SearchKey, Section, Session};
use crate::mail::{Flag, MailboxName, Uid, UidSet, UidValidity};

/// The mailbox of another account that messages are put into.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) account: Account,
    permission: Permission,
    pub(super) name: MailboxName,
    pub(super) shown: String,
    pub(super) gmail: bool,
    /// Whether it is there.
    pub(super) missing: bool,
    /// What its UIDs are worth, where that is known.
    pub(super) validity: Option<UidValidity>,
    /// What comes later has this UID or a higher one; `None` where the server does not say.
    pub(super) next: Option<Uid>,
    /// Messages there that are known to be copies.
    taken: UidSet,
    /// The largest message that the server takes (RFC 7889).
    pub(super) limit: Option<u64>,
    accept_rewritten: bool,
}

/// What became of messages that were sent, and of those that were sent before.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// What is seen of earlier messages.
    pub(super) seen: Vec<(Sent, Copy)>,
    /// Messages that are yet to be looked for.
    pub(super) pending: Vec<Sent>,
    /// Messages that the server refused.
    pub(super) refused: Vec<(Uid, String)>,
    /// What broke it off.
    pub(super) error: Option<String>,
    target: Option<(Option<Uid>, UidSet)>,
}

impl Target {
    /// Finds the mailbox and notes what is there, without changing anything.
    pub(super) fn find(across: &Across, permission: Permission) -> Ticket<Self> {
        let Across { account, spec, accept_rewritten } = across.clone();
        account.clone().change(permission, move |session, run| {
            let wanted = spec.shown();
            let mut go = || -> Result<Self> {
                let name = spec.resolve(session, run)?;
                let shown = script_name(session, &name)?;
                let status = match session.status(&name) {
                    Ok(status) => Some(status),
                    Err(error) if matches!(*error.kind, ErrorKind::Refused { .. }) => None,
                    Err(error) => return Err(error),
                };
                let limits = session.capabilities().iter();
                let limits = limits.filter_map(|word| word.strip_prefix("APPENDLIMIT=")?.parse().ok());
                Ok(Self {
                    account: account.clone(),
                    permission,
                    shown,
                    gmail: is_gmail(session),
                    missing: status.is_none(),
                    validity: status.as_ref().and_then(|status| status.uid_validity),
                    next: status.map_or(Some(Uid::MIN), |status| status.uid_next),
                    taken: UidSet::new(),
                    limit: limits.min(),
                    name,
                    accept_rewritten,
                })
            };
            go().map_err(|error| error.in_mailbox(&wanted))
        })
    }

    /// Makes it, and tells whether it was not there.
    pub(super) fn create(&self) -> Ticket<bool> {
        let (name, shown) = (self.name.clone(), self.shown.clone());
        self.account.change(self.permission, move |session, run| {
            run.may_create(1, &shown)?;
            let made = session.create(&name).map_err(|error| error.in_mailbox(&shown))?;
            if made {
                run.count_created();
            }
            Ok(made)
        })
    }

    /// Makes of a message what is sent.
    pub(super) fn message(
        &self,
        raw: Vec<u8>,
        flags: &[Flag],
        date: Option<crate::mail::InternalDate>,
    ) -> NewMessage {
        let carried = |flag: &&Flag| match flag {
            // No client can set these.
            Flag::Recent | Flag::Extension(_) => false,
            // Gmail takes the label of such a message away.
            Flag::Deleted => !self.gmail,
            _ => true,
        };
        NewMessage { raw: raw.into(), flags: flags.iter().filter(carried).cloned().collect(), date }
    }

    /// Sends messages, and looks for those that were sent before in the same flight where it is known where they
    /// are.
    pub(super) fn store(&mut self, pending: Vec<Sent>, batch: Vec<(Sent, NewMessage)>) -> Ticket<Stored> {
        let of = self.clone();
        self.account.change(self.permission, move |session, _| Ok(Work { of }.store(session, pending, batch)))
    }

    /// Takes in what the mailbox is now.
    pub(super) fn take(&mut self, stored: &mut Stored) {
        if let Some((next, taken)) = stored.target.take() {
            (self.next, self.taken) = (next, taken);
        }
    }

    pub(super) fn accepts_rewritten(&self) -> bool {
        self.accept_rewritten
    }
}

/// What is done on the target's own thread.
struct Work {
    of: Target,
}

impl Work {
    fn store(mut self, session: &mut Session, pending: Vec<Sent>, batch: Vec<(Sent, NewMessage)>) -> Stored {
        let mut stored = Stored::default();
        let pending = if pending.iter().all(|sent| sent.landed.is_some()) {
            pending
        } else {
            match self.look_around(session, &pending) {
                Ok(seen) => stored.seen = seen,
                Err(error) => {
                    stored.error = Some(error.to_string());
                    stored.pending = pending;
                    stored.refused = batch.iter().map(|(sent, _)| (sent.uid, not_begun(&error))).collect();
                    return stored;
                }
            }
            Vec::new()
        };
        self.fly(session, pending, batch, &mut stored);
        if stored.error.is_none() && self.of.accept_rewritten {
            self.accept(session, &mut stored);
        }
        stored.target = Some((self.of.next, self.of.taken));
        stored
    }

    /// Looks at what earlier messages became, and sends the next.
    fn fly(
        &mut self,
        session: &mut Session,
        pending: Vec<Sent>,
        batch: Vec<(Sent, NewMessage)>,
        stored: &mut Stored,
    ) {
        let (sent, messages): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let named: UidSet = pending.iter().filter_map(|sent| sent.landed).map(|(_, uid)| uid).collect();
        let mut there = BTreeMap::new();
        let flown = Inquiry::new(session, None).and_then(|inquiry| {
            let before = if named.is_empty() { Vec::new() } else { inquiry.commands(&named) };
            session.append_all(&self.of.name, &before, &messages, true, &mut |response| {
                inquiry.take(&mut there, &named, response);
                Ok(())
            })
        });
        let flown = match flown {
            Ok(flown) => flown,
            Err(error) => {
                stored.pending = pending;
                stored.refused.extend(sent.iter().map(|sent| (sent.uid, not_begun(&error))));
                return;
            }
        };
        let looked = flown.before.iter().all(|end| end.as_ref().is_some_and(crate::imap::Done::is_ok));
        let broken = flown.error.as_ref().map(ToString::to_string);
        if looked && broken.is_none() {
            let validity = session.selected().and_then(|open| open.validity);
            let seen = pending.into_iter().map(|sent| {
                let copy = self.judge(&sent, &there, validity);
                (sent, copy)
            });
            stored.seen.extend(seen);
        } else if broken.is_some() {
            stored.pending = pending;
        } else {
            // It can't be opened any more: nothing is seen of them.
            stored.seen.extend(pending.into_iter().map(|sent| (sent, Copy::Unseen)));
        }
        stored.error.clone_from(&broken);
        let ends: Vec<_> = sent.into_iter().zip(flown.added).zip(messages).collect();
        let mut again = Vec::new();
        for ((sent, added), message) in ends {
            match &added.done {
                Some(done) if !done.is_ok() && added.together && broken.is_none() => {
                    again.push((sent, message));
                }
                _ => self.settle(sent, added, broken.as_deref(), stored),
            }
        }
        if !again.is_empty() {
            self.one_by_one(session, again, stored);
        }
    }

    /// Notes how one message's command ended.
    fn settle(&mut self, mut sent: Sent, added: Added, broken: Option<&str>, stored: &mut Stored) {
        match added.done {
            Some(done) if done.is_ok() => {
                sent.landed = added.uid;
                if let Some((_, uid)) = added.uid {
                    sent.shared = self.of.taken.contains(uid);
                    self.of.taken.insert(uid);
                }
                stored.pending.push(sent);
            }
            Some(done) => stored.refused.push((sent.uid, refusal(&done))),
            None => {
                sent.cut = Some(cut(broken));
                stored.pending.push(sent);
            }
        }
    }

    /// Sends messages again, each by itself, of which some in one command were refused. All of such a command are
    /// added or none (RFC 3502 §6.3.11); what is there all the same is left to be looked for.
    fn one_by_one(&mut self, session: &mut Session, again: Vec<(Sent, NewMessage)>, stored: &mut Stored) {
        let there = match self.arrived(session) {
            Ok(there) => there,
            Err(error) => {
                let why = error.to_string();
                stored.pending.extend(again.into_iter().map(|(sent, _)| sent.in_doubt(&why)));
                stored.error = Some(why);
                return;
            }
        };
        let found = find(again.iter().map(|(sent, _)| sent), &there, &mut self.of.taken.clone());
        let (mut sent, mut messages) = (Vec::new(), Vec::new());
        for (each, message) in again {
            if found.contains_key(&each.uid) {
                stored.pending.push(each);
            } else {
                sent.push(each);
                messages.push(message);
            }
        }
        match session.append_all(&self.of.name, &[], &messages, false, &mut |_| Ok(())) {
            Ok(flown) => {
                let broken = flown.error.map(|error| error.to_string());
                for (sent, added) in sent.into_iter().zip(flown.added) {
                    self.settle(sent, added, broken.as_deref(), stored);
                }
                stored.error = broken;
            }
            Err(error) => {
                stored.refused.extend(sent.into_iter().map(|sent| (sent.uid, error.to_string())));
            }
        }
    }

    /// Looks at everything that came since the transfer began, for messages of which it was not said where they are.
    fn look_around(&mut self, session: &mut Session, pending: &[Sent]) -> Result<Vec<(Sent, Copy)>> {
        let mut there = self.arrived(session)?;
        let validity = session.selected().and_then(|open| open.validity);
        let seen_to = session.selected().and_then(|open| open.uid_next);
        let unnamed = pending.iter().filter(|sent| sent.landed.is_none());
        let mut found = find(unnamed.clone(), &there, &mut self.of.taken);
        let mut shared = UidSet::new();
        for sent in unnamed.filter(|_| self.of.gmail) {
            if !found.contains_key(&sent.uid)
                && let Some(uid) = self.folded(session, sent)?
            {
                found.insert(sent.uid, uid);
                if self.of.taken.contains(uid) {
                    shared.insert(sent.uid);
                }
                self.of.taken.insert(uid);
            }
        }
        let missing: UidSet = pending
            .iter()
            .filter_map(|sent| sent.landed.map(|(_, uid)| uid).or(found.get(&sent.uid).copied()))
            .filter(|uid| !there.contains_key(uid))
            .collect();
        there.extend(Inquiry::new(session, None)?.ask(session, &missing)?);
        let seen = pending.iter().map(|sent| {
            let landed = found.get(&sent.uid).and_then(|uid| Some((validity?, *uid)));
            let sent = sent.clone().found(landed, shared.contains(sent.uid));
            let copy = self.judge(&sent, &there, validity);
            (sent, copy)
        });
        let seen = seen.collect();
        // All before it has been seen, and nothing is on its way.
        self.of.next = seen_to.or(self.of.next);
        Ok(seen)
    }

    /// Gives what came to the mailbox since the transfer began. It is open afterwards.
    fn arrived(&self, session: &mut Session) -> Result<BTreeMap<Uid, Identity>> {
        session.open_mailbox(&self.of.name, Access::Read)?;
        match self.of.next {
            Some(next) => Inquiry::new(session, None)?.ask(session, &UidSet::range(next, Uid::MAX)),
            // New messages can't be told from old ones.
            None => Ok(BTreeMap::new()),
        }
    }

    /// Finds a message that Gmail took for the same, wherever it was before.
    fn folded(&self, session: &mut Session, sent: &Sent) -> Result<Option<Uid>> {
        let Some(id) = sent.message_id() else { return Ok(None) };
        let key = SearchKey::Header("Message-ID".to_owned(), id.to_owned());
        Ok(session.uid_search(&self.of.name, Access::Read, &key)?.last())
    }

    /// Tells what is seen of a message.
    fn judge(&self, sent: &Sent, there: &BTreeMap<Uid, Identity>, is: Option<UidValidity>) -> Copy {
        let Some((validity, uid)) = sent.landed.filter(|(validity, _)| Some(*validity) == is) else {
            return Copy::Unseen;
        };
        match there.get(&uid) {
            Some(found) => sent.compare(validity, uid, found, self.of.next, self.of.gmail),
            None => Copy::Unseen,
        }
    }

    /// Takes what the server has written anew for copies, where it says the same.
    fn accept(&self, session: &mut Session, stored: &mut Stored) {
        let mut essences = BTreeMap::new();
        let others = stored.seen.iter().filter_map(|(_, copy)| match copy {
            Copy::Other(_, uid, _) => Some(*uid),
            Copy::Same(..) | Copy::Unseen => None,
        });
        for uid in others {
            let items = [FetchItem::Size];
            let mut size = None;
            let asked = session.uid_fetch(
                &self.of.name,
                Access::Read,
                &[(UidSet::from(uid), items.to_vec())],
                &mut |fetch| {
                    size = fetch.size.or(size);
                    Ok(())
                },
            );
            if asked.is_err() || size.is_none_or(|size| size > MESSAGE_CAP) {
                continue;
            }
            let items = vec![FetchItem::Section(Section::Whole)];
            let mut body = None;
            let asked = session.uid_fetch(
                &self.of.name,
                Access::Read,
                &[(UidSet::from(uid), items)],
                &mut |mut fetch| {
                    body = fetch.take_section(&Section::Whole).or(body.take());
                    Ok(())
                },
            );
            if let (Ok(()), Some(body)) = (asked, body) {
                essences.insert(uid, Essence::of(body));
            }
        }
        for (sent, copy) in &mut stored.seen {
            if let Copy::Other(validity, uid, _) = copy
                && sent.essence.is_some()
                && sent.essence.as_ref() == essences.get(uid)
            {
                *copy = Copy::Same(*validity, *uid, Vec::new());
            }
        }
    }
}

fn not_begun(error: &crate::error::Error) -> String {
    format!("not begun: {error}")
}
