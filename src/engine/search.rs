use std::collections::BTreeMap;

use super::account::Account;
use super::connection::Ticket;
use super::identity::{Identity, Inquiry};
use super::messages::{BODY_BATCH_BYTES, MESSAGE_CAP};
use super::names::{NameSpec, script_name};
use super::query::{Query, Verdict};
use super::selection::Selection;
use crate::error::{Error, Result};
use crate::imap::{Access, Command, FetchItem, Response, Section, Session};
use crate::mail::{Message, Uid, UidSet};

/// Searches a mailbox. Messages marked `\Deleted` are found only where the query speaks of that.
///
/// The mailbox is opened in the same flight as the search: as the script did, or else for reading. What is
/// found in a mailbox that the script examined can't be changed.
pub fn search(account: &Account, spec: NameSpec, opened: Option<Access>, query: Query) -> Ticket<Selection> {
    let of = account.clone();
    account.read(move |session, _| {
        let shown = spec.shown();
        find(session, of, spec, opened, query).map_err(|error| error.in_mailbox(&shown))
    })
}

fn find(
    session: &mut Session,
    account: Account,
    spec: NameSpec,
    opened: Option<Access>,
    query: Query,
) -> Result<Selection> {
    let access = opened.unwrap_or(Access::Read);
    let query = query.without_deleted();
    let name = spec.resolve(session)?;
    let mut uids = session.uid_search(&name, access, &query.program()?)?;
    if query.needs().look {
        let mut told = Vec::new();
        for apart in query.to_be_asked_apart() {
            let holds = session.uid_search(&name, access, &apart.program()?)?;
            told.push((apart, holds));
        }
        uids = look(session, &uids, &query, &told)?;
    }
    let selected = session.selected().ok_or_else(|| Error::protocol("no mailbox is open after a search"))?;
    let validity = selected.validity;
    let shown = script_name(session, &name)?;
    let read_only = opened == Some(Access::Read);
    Ok(Selection { account, spec, shown, name, validity, uids, query, read_only })
}

/// Keeps of the server's answer, which may be wider than the query, what matches here.
///
/// Each message is judged when its answer comes and is forgotten then, so that memory does not grow with the
/// mailbox. Contents are fetched only of those that nothing else has decided.
fn look(session: &mut Session, hits: &UidSet, query: &Query, told: &[(Query, UidSet)]) -> Result<UidSet> {
    let inquiry = Inquiry::for_search(session, query)?;
    let mut open: BTreeMap<Uid, Identity> = BTreeMap::new();
    let mut kept = Vec::new();
    let mut undecided = Vec::new();
    let content = query.needs().content;
    let mut judge = |uid: Uid, identity: Identity| match identity.judge(uid, query, None, told) {
        Verdict::No => {}
        // The content will bring its header along.
        Verdict::Unknown if content => undecided.push((uid, Identity { headers: None, ..identity })),
        Verdict::Yes | Verdict::Unknown => kept.push(uid),
    };
    let ends = session.run(&inquiry.commands(hits), &mut |_, response| {
        let Response::Fetch(fetch) = &response else { return Ok(()) };
        let Some(uid) = fetch.uid else { return Ok(()) };
        inquiry.take(&mut open, hits, response);
        if open.get(&uid).is_some_and(|identity| inquiry.is_answered(identity))
            && let Some(identity) = open.remove(&uid)
        {
            judge(uid, identity);
        }
        Ok(())
    })?;
    for end in ends {
        end.ok()?;
    }
    // What the server told only in part is judged by that.
    for (uid, identity) in open {
        judge(uid, identity);
    }
    read_contents(session, &undecided, query, told, &mut kept)?;
    Ok(kept.into_iter().collect())
}

/// Decides by contents, which are fetched in batches bounded by bytes. A message too large to be loaded can't
/// be judged and is not found.
fn read_contents(
    session: &mut Session,
    undecided: &[(Uid, Identity)],
    query: &Query,
    told: &[(Query, UidSet)],
    kept: &mut Vec<Uid>,
) -> Result<()> {
    let mut rest = undecided;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |(_, identity): &&(Uid, Identity)| {
            bytes += identity.size.unwrap_or(0);
            bytes <= BODY_BATCH_BYTES
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (batch, after) = rest.split_at(count);
        rest = after;
        let loadable =
            batch.iter().filter(|(_, identity)| identity.size.is_some_and(|size| size <= MESSAGE_CAP));
        let set: UidSet = loadable.map(|(uid, _)| *uid).collect();
        let items = FetchItem::list(&[FetchItem::Section(Section::Whole)])?;
        let room = crate::imap::COMMAND_BYTES - 100;
        let commands: Vec<_> =
            set.split(room).iter().map(|part| Command::new("UID FETCH").uids(part).syntax(&items)).collect();
        let ends = session.run(&commands, &mut |_, response| {
            let Response::Fetch(mut fetch) = response else { return Ok(()) };
            let known = |uid: Uid| batch.iter().find(|(known, _)| *known == uid);
            if let (Some((uid, identity)), Some(raw)) =
                (fetch.uid.and_then(known), fetch.take_section(&Section::Whole))
                && identity.judge(*uid, query, Some(&Message::parse(raw)), told) != Verdict::No
            {
                kept.push(*uid);
            }
            Ok(())
        })?;
        for end in ends {
            end.ok()?;
        }
    }
    Ok(())
}
