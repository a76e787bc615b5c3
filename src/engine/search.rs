use std::collections::BTreeMap;

use super::account::Account;
use super::connection::Ticket;
use super::identity::Inquiry;
use super::names::{NameSpec, script_name};
use super::query::{Query, Verdict};
use super::selection::Selection;
use crate::error::{Error, Result};
use crate::imap::{Access, Session};
use crate::mail::UidSet;

/// Searches a mailbox. Messages marked `\Deleted` are found only where the query speaks of that.
///
/// The mailbox is opened with `access`, in the same flight as the search.
pub fn search(account: &Account, spec: NameSpec, access: Access, query: Query) -> Ticket<Selection> {
    let of = account.clone();
    account.read(move |session, _| {
        let shown = spec.shown();
        find(session, of, spec, access, query).map_err(|error| error.in_mailbox(&shown))
    })
}

fn find(
    session: &mut Session,
    account: Account,
    spec: NameSpec,
    access: Access,
    query: Query,
) -> Result<Selection> {
    let query = query.without_deleted();
    let name = spec.resolve(session)?;
    let mut uids = session.uid_search(&name, access, &query.program()?)?;
    if query.needs().look {
        uids = look(session, &uids, &query)?;
    }
    let selected = session.selected().ok_or_else(|| Error::protocol("no mailbox is open after a search"))?;
    let validity = selected.validity;
    let shown = script_name(session, &name)?;
    Ok(Selection { account, spec, shown, name, validity, uids, query })
}

/// Keeps of the server's answer, which may be wider than the query, what matches here.
fn look(session: &mut Session, hits: &UidSet, query: &Query) -> Result<UidSet> {
    let inquiry = Inquiry::new(session, Some(query))?;
    let mut kept = UidSet::new();
    // In parts, so that the memory for it does not grow with the mailbox.
    for part in hits.chunks(5_000) {
        let found: BTreeMap<_, _> = inquiry.ask(session, &part)?;
        let matching = found.iter().filter(|(uid, identity)| identity.judge(**uid, query) != Verdict::No);
        kept = kept.union(&matching.map(|(uid, _)| *uid).collect());
    }
    Ok(kept)
}
