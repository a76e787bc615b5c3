use super::account::Account;
use super::asking::ask_and_look;
use super::gmail::fit;
use super::look::Seen;
use super::messages::MESSAGE_CAP;
use super::names::{NameSpec, script_name};
use super::overlay::Searched;
use super::query::{Ask, Query, Rest};
use super::report::named;
use super::rules::Filled;
use super::selection::Selection;
use super::template::Template;
use super::ticket::Ticket;
use super::world::{Event, Run};
use crate::error::{Error, Result};
use crate::imap::{Access, Session};
use crate::mail::UidSet;

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
    account.read_beside(move |session, run| {
        let shown = spec.shown();
        let asked = vec![Asked { query, templates: Vec::new() }];
        let sifted = find(session, run, of, spec, opened, asked).map_err(|error| error.in_mailbox(&shown))?;
        let mut uids = UidSet::new();
        let mut open = Vec::new();
        for (matches, of) in sifted.groups {
            match matches.into_iter().next().map(|first| first.rest) {
                Some(Rest::Open(ask)) => open.push((ask, of)),
                Some(Rest::Yes) => uids = uids.union(&of),
                Some(Rest::No) | None => {}
            }
        }
        Ok(Found { selection: sifted.selection.with_uids(uids), open })
    })
}

/// A query, and what is to be filled from each message that matches it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The query.
    pub query: Query,
    /// What is to be filled.
    pub templates: Vec<Option<Template>>,
}

/// A query that a message matches, or of which the script's functions decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// The query's number.
    pub query: usize,
    /// What is left to the script's functions.
    pub rest: Rest,
    /// The query's templates, filled; where there is none, as an empty text.
    pub filled: Vec<Filled>,
}

/// What several queries found in one mailbox.
#[derive(Clone, Debug)]
pub struct Sifted {
    /// The mailbox, and the messages that any of the queries may match.
    pub selection: Selection,
    /// Messages of which the same is known: which of the queries they match, in order.
    pub groups: Vec<(Vec<Match>, UidSet)>,
}

/// Asks several queries of a mailbox at once, and tells of each message which of them it matches.
pub fn sift(account: &Account, spec: NameSpec, opened: Option<Access>, asked: Vec<Asked>) -> Ticket<Sifted> {
    let of = account.clone();
    account.read_beside(move |session, run| {
        let shown = spec.shown();
        find(session, run, of, spec, opened, asked).map_err(|error| error.in_mailbox(&shown))
    })
}

/// Tells of messages that were not found for reasons that the user may want to know.
fn warn(run: &Run, seen: &Seen, mailbox: &str) {
    if !seen.too_large.is_empty() {
        run.world.tell(Event::Warning(format!(
            "{} of {mailbox} were not looked into: they are larger than {} MiB",
            named(&seen.too_large),
            MESSAGE_CAP >> 20
        )));
    }
    for (asked, uids) in &seen.contradictions {
        run.world.tell(Event::Warning(format!(
            "{} of {mailbox} left alone: the server found them for `{asked}`, and what it says of them is otherwise (or it \
             changed meanwhile)",
            named(uids)
        )));
    }
}

pub(super) fn find(
    session: &mut Session,
    run: &Run,
    account: Account,
    spec: NameSpec,
    opened: Option<Access>,
    mut asked: Vec<Asked>,
) -> Result<Sifted> {
    let _searching = run.progress.begin(account.label(), format!("searching {}", spec.shown()), None);
    let access = opened.unwrap_or(Access::Read);
    let name = spec.resolve(session, run)?;
    for each in &mut asked {
        let query = std::mem::replace(&mut each.query, Query::Any(Vec::new()));
        each.query = fit(session, query.without_deleted(), &name)?;
    }
    let cache = account.cache();
    let mut planned = Searched::find(session, run, &name)?;
    let now = run.now();
    let (sieve, mut groups, mut seen) = match &mut planned {
        Some(planned) => planned.ask(session, &asked, &now)?.look(session, None)?,
        None => ask_and_look(session, &name, access, &asked, &now, cache.as_ref())?,
    };
    // What a dry run has planned is counted where it matters.
    let (validity, exists) = if let Some(planned) = &planned {
        (planned.validity(), None)
    } else {
        let selected = session.selected();
        let selected = selected.ok_or_else(|| Error::protocol("no mailbox is open after a search"))?;
        (selected.validity, Some(selected.exists))
    };
    let shown = script_name(session, &name)?;
    let read_only = opened == Some(Access::Read);
    // Of several queries each has messages of its own, which are asked by that one again.
    let query = if sieve.is_one() { sieve.query().clone().answered() } else { Query::everything() };
    let uids = UidSet::new();
    let selection =
        Selection { account, spec, shown, name, validity, exists, uids, query, rule: None, read_only };
    if let Some(planned) = planned {
        let planned = planned.judge_planned(session, run, &selection, sieve, &mut groups)?;
        seen.too_large = seen.too_large.union(&planned);
    }
    warn(run, &seen, &format!("{} of {}", selection.spec.shown(), selection.account.label()));
    let groups: Vec<(_, UidSet)> =
        groups.into_iter().map(|(matches, uids)| (matches, uids.into_iter().collect())).collect();
    let uids = groups.iter().flat_map(|(_, uids)| uids.iter()).collect();
    Ok(Sifted { selection: selection.with_uids(uids), groups })
}
