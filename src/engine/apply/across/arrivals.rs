use std::collections::BTreeMap;

use super::there::digests;
use crate::engine::account::Account;
use crate::engine::identity::{Identity, Inquiry};
use crate::engine::journal::{Entry, Fate, Journal, Known, OpenAction, Target};
use crate::engine::world::Run;
use crate::error::{ErrorKind, Result};
use crate::imap::{Access, Session};
use crate::mail::{Headers, Uid, UidSet, UidValidity};

/// What was found, in the mailbox where a message was to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine::apply) enum Arrival {
    /// It is there, byte for byte.
    Here(UidValidity, Uid),
    /// It can't be told, and why.
    Maybe(&'static str),
}

/// Finds out which messages of an action have come to its target since, byte for byte; as many as there are of each.
/// Another mailbox is open afterwards. `account` is the target's, as the journal knows it.
pub(in crate::engine::apply) fn find(
    session: &mut Session,
    journal: &Journal,
    account: &str,
    target: &Target,
    entries: &[Entry],
) -> Result<BTreeMap<Uid, Arrival>> {
    let mut found = BTreeMap::new();
    for entry in entries {
        if let Some((validity, uid)) = entry.landed {
            found.insert(entry.uid, Arrival::Here(validity, uid));
        }
    }
    let wanted: Vec<&Entry> = entries.iter().filter(|entry| entry.landed.is_none()).collect();
    if wanted.is_empty() {
        return Ok(found);
    }
    let is = match session.open_mailbox(&target.mailbox, Access::Read) {
        Ok(open) => open.validity,
        Err(error) if matches!(*error.kind, ErrorKind::Refused { .. }) => {
            // A target that does not exist holds no copies; one that can't be looked into may.
            let there = session.list(&target.mailbox)?.iter().any(|entry| entry.name == target.mailbox);
            return if there { Err(error) } else { Ok(found) };
        }
        Err(error) => return Err(error),
    };
    // Where the target was rebuilt, old messages would pass for new ones.
    let since = target.next.zip(is).filter(|(_, is)| target.validity.is_none_or(|was| was == *is));
    let among = UidSet::range(since.map_or(Uid::MIN, |(next, _)| next), Uid::MAX);
    let mut there = Inquiry::new(session, None)?.ask(session, &among)?;
    if let Some((next, is)) = since {
        let known = journal.landed_since(account, &target.mailbox, is, next)?;
        there.retain(|uid, _| !known.contains(*uid));
    }
    let alike = |known: &Known, identity: &Identity| {
        let date = identity.date.map(|date| date.timestamp().as_second());
        identity.size == known.size && (known.date.is_none() || date == known.date)
    };
    let candidates = there
        .iter()
        .filter(|(_, identity)| wanted.iter().any(|entry| alike(&entry.known, identity)))
        .map(|(uid, _)| *uid)
        .collect();
    let mut digests = digests(session, &target.mailbox, candidates)?;
    for entry in &wanted {
        let is_it = |(uid, digest): (&Uid, &[u8; 32])| {
            let same = entry.known.digest.as_ref().is_some_and(|known| known == digest);
            let identity = there.get(uid).filter(|identity| same && alike(&entry.known, identity));
            identity.map(|_| *uid)
        };
        let Some(uid) = digests.iter().find_map(is_it) else { continue };
        digests.remove(&uid);
        there.remove(&uid);
        let arrival = match since {
            Some((_, validity)) => Arrival::Here(validity, uid),
            None => {
                Arrival::Maybe("the same is in the target, where old messages can't be told from new ones")
            }
        };
        found.insert(entry.uid, arrival);
    }
    for entry in wanted.iter().filter(|entry| entry.known.message_id.is_some()) {
        let id = |identity: &Identity| identity.headers.as_ref().and_then(Headers::message_id);
        let same_id = there.iter().find(|(_, identity)| id(identity) == entry.known.message_id);
        if !found.contains_key(&entry.uid)
            && let Some((&uid, _)) = same_id
        {
            there.remove(&uid);
            found.insert(entry.uid, Arrival::Maybe("one with its Message-ID is in the target, and differs"));
        }
    }
    Ok(found)
}

/// Notes what has come to an account by actions of other accounts that were cut, before anything is done to it there:
/// that a message was copied is known then, wherever the copy goes.
pub(in crate::engine::apply) fn note(
    session: &mut Session,
    run: &Run,
    account: &Account,
    journal: &Journal,
) -> Result<()> {
    let identity = &account.row().identity;
    for OpenAction { id, target, entries, .. } in journal.open_actions_into(identity)? {
        let open = |entry: &Entry| !matches!(entry.fate, Fate::Done | Fate::Left) && !entry.released;
        let entries: Vec<Entry> = entries.into_iter().filter(open).collect();
        let Some(target) = target.filter(|_| !journal.has_looked(id, true)) else { continue };
        let found = find(session, journal, identity, &target, &entries)?;
        let here = |(uid, arrival)| match arrival {
            Arrival::Here(validity, there) => Some((uid, validity, there)),
            Arrival::Maybe(_) => None,
        };
        journal.note_landed(id, &found.into_iter().filter_map(here).collect::<Vec<_>>())?;
        journal.note_look(id, true);
        if run.is_interrupted() {
            return Err(ErrorKind::Interrupted.into());
        }
    }
    Ok(())
}
