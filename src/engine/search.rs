use std::collections::BTreeMap;

use super::account::Account;
use super::connection::Ticket;
use super::gmail::fit;
use super::identity::{Identity, Inquiry};
use super::messages::{BODY_BATCH_BYTES, MESSAGE_CAP};
use super::names::{NameSpec, script_name};
use super::query::{Ask, Facts, Query, Rest, Verdict};
use super::selection::Selection;
use crate::error::{Error, Result};
use crate::imap::{Access, Command, FetchItem, Response, Section, Session};
use crate::mail::{Message, Uid, UidSet};

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The messages that match.
    pub selection: Selection,
    /// The messages of which the script's functions decide.
    pub open: Vec<(Ask, UidSet)>,
}

/// Searches a mailbox. Messages marked `\Deleted` are found only where the query speaks of that.
///
/// The mailbox is opened in the same flight as the search: as the script did, or else for reading. What is
/// found in a mailbox that the script examined can't be changed.
pub fn search(account: &Account, spec: NameSpec, opened: Option<Access>, query: Query) -> Ticket<Found> {
    let of = account.clone();
    account.read(move |session, _| {
        let shown = spec.shown();
        let sifted =
            find(session, of, spec, opened, vec![query]).map_err(|error| error.in_mailbox(&shown))?;
        let mut uids = UidSet::new();
        let mut open = Vec::new();
        for (matches, of) in sifted.groups {
            match matches.into_iter().next() {
                Some((_, Rest::Open(ask))) => open.push((ask, of)),
                Some((_, Rest::Yes)) => uids = uids.union(&of),
                Some((_, Rest::No)) | None => {}
            }
        }
        Ok(Found { selection: sifted.selection.with_uids(uids), open })
    })
}

/// What several queries found in one mailbox.
#[derive(Clone, Debug)]
pub struct Sifted {
    /// The mailbox, and the messages that any of the queries may match.
    pub selection: Selection,
    /// Messages of which the same is known: the numbers of the queries that they match or that the script's
    /// functions decide, in order.
    pub groups: Vec<(Vec<(usize, Rest)>, UidSet)>,
}

/// Asks several queries of a mailbox at once, and tells of each message which of them it matches.
pub fn sift(
    account: &Account,
    spec: NameSpec,
    opened: Option<Access>,
    queries: Vec<Query>,
) -> Ticket<Sifted> {
    let of = account.clone();
    account.read(move |session, _| {
        let shown = spec.shown();
        find(session, of, spec, opened, queries).map_err(|error| error.in_mailbox(&shown))
    })
}

fn find(
    session: &mut Session,
    account: Account,
    spec: NameSpec,
    opened: Option<Access>,
    queries: Vec<Query>,
) -> Result<Sifted> {
    let access = opened.unwrap_or(Access::Read);
    let name = spec.resolve(session)?;
    let fit = |query: Query| fit(session, query.without_deleted(), &name);
    let mut queries = queries.into_iter().map(fit).collect::<Result<Vec<_>>>()?;
    let query = if queries.len() == 1 { queries.remove(0) } else { Query::Any(queries.clone()) };
    let hits = session.uid_search(&name, access, &query.program()?)?;
    let mut groups = Groups::new();
    if query.needs().look || !queries.is_empty() {
        let mut told = Vec::new();
        for apart in query.to_be_asked_apart() {
            let holds = session.uid_search(&name, access, &apart.program()?)?;
            told.push((apart, holds));
        }
        let sieve = Sieve { query: &query, queries: &queries, told };
        look(session, &hits, &sieve, &mut groups)?;
    } else if let rest @ (Rest::Yes | Rest::Open(_)) = query.rest(&Facts::default()) {
        groups.insert(vec![(0, rest)], hits.iter().collect());
    }
    let selected = session.selected().ok_or_else(|| Error::protocol("no mailbox is open after a search"))?;
    let validity = selected.validity;
    let shown = script_name(session, &name)?;
    let read_only = opened == Some(Access::Read);
    let groups: Vec<(_, UidSet)> =
        groups.into_iter().map(|(matches, uids)| (matches, uids.into_iter().collect())).collect();
    let uids = groups.iter().fold(UidSet::new(), |sum, (_, uids)| sum.union(uids));
    let selection =
        Selection { account, spec, shown, name, validity, uids, query: query.answered(), read_only };
    Ok(Sifted { selection, groups })
}

/// Messages by the queries that they match.
type Groups = BTreeMap<Vec<(usize, Rest)>, Vec<Uid>>;

/// Judges messages by one query, or by several at once.
struct Sieve<'a> {
    /// The one query, or all of them as alternatives.
    query: &'a Query,
    /// The queries where there is more than one.
    queries: &'a [Query],
    told: Vec<(Query, UidSet)>,
}

impl Sieve<'_> {
    fn each(&self) -> &[Query] {
        if self.queries.is_empty() { std::slice::from_ref(self.query) } else { self.queries }
    }

    /// Gives the queries that a message matches, or may match; `None` where its content must be read first.
    fn sift(&self, uid: Uid, identity: &Identity, content: Option<&Message>) -> Option<Vec<(usize, Rest)>> {
        let mut matches = Vec::new();
        for (at, query) in self.each().iter().enumerate() {
            let verdict = identity.judge(uid, query, content, &self.told);
            if verdict == Verdict::Unknown && content.is_none() && query.needs().content {
                return None;
            }
            if verdict == Verdict::No {
                continue;
            }
            match query.rest(&identity.facts(uid, content, &self.told)) {
                Rest::No => {}
                rest => matches.push((at, rest)),
            }
        }
        Some(matches)
    }
}

/// Keeps of the server's answer, which may be wider than the query, what matches here.
///
/// Each message is judged when its answer comes and is forgotten then, so that memory does not grow with the
/// mailbox. Contents are fetched only of those that nothing else has decided.
fn look(session: &mut Session, hits: &UidSet, sieve: &Sieve<'_>, groups: &mut Groups) -> Result<()> {
    let inquiry = Inquiry::for_search(session, sieve.query)?;
    let mut open: BTreeMap<Uid, Identity> = BTreeMap::new();
    let mut undecided = Vec::new();
    let mut judge = |uid: Uid, identity: Identity| match sieve.sift(uid, &identity, None) {
        Some(matches) if matches.is_empty() => {}
        Some(matches) => groups.entry(matches).or_default().push(uid),
        // The content will bring its header along.
        None => undecided.push((uid, Identity { headers: None, ..identity })),
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
    read_contents(session, &undecided, sieve, groups)
}

/// Decides by contents, which are fetched in batches bounded by bytes. A message too large to be loaded can't
/// be judged and is not found.
fn read_contents(
    session: &mut Session,
    undecided: &[(Uid, Identity)],
    sieve: &Sieve<'_>,
    groups: &mut Groups,
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
                && let Some(matches) = sieve.sift(*uid, identity, Some(&Message::parse(raw)))
                && !matches.is_empty()
            {
                groups.entry(matches).or_default().push(*uid);
            }
            Ok(())
        })?;
        for end in ends {
            end.ok()?;
        }
    }
    Ok(())
}
