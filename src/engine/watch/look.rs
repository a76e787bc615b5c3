use crate::engine::account::Account;
use crate::engine::names::NameSpec;
use crate::engine::query::Query;
use crate::engine::search::{Asked, find};
use crate::engine::selection::Selection;
use crate::engine::world::Run;
use crate::error::{Error, Result};
use crate::imap::Session;
use crate::mail::{Uid, UidSet, UidValidity};

/// Which messages of a mailbox are known: those below a UID, as long as UIDs mean what they did.
pub(in crate::engine) type Mark = (Option<UidValidity>, Uid);

/// What is new in a mailbox, and what is known from then on.
#[derive(Debug)]
pub struct News {
    /// The messages.
    pub selection: Selection,
    pub(super) mark: Mark,
}

/// Finds the messages of a mailbox that are not known.
pub(super) fn look(
    session: &mut Session,
    run: &Run,
    account: &Account,
    spec: &NameSpec,
    mark: Option<Mark>,
) -> Result<News> {
    let mut search = |mark: Option<Mark>| {
        session.look_afresh();
        let query =
            mark.map_or_else(Query::everything, |(_, next)| Query::Uids(UidSet::range(next, Uid::MAX)));
        let asked = vec![Asked { query, templates: Vec::new() }];
        let sifted = find(session, run, account.clone(), spec.clone(), None, asked)?;
        Ok::<_, Error>((sifted.selection, session.selected().and_then(|open| open.uid_next)))
    };
    let (mut selection, mut next) = search(mark)?;
    // Where UIDs mean something else than they did, all messages are new.
    if mark.is_some_and(|(validity, _)| validity != selection.validity) {
        (selection, next) = search(None)?;
    }
    let after = selection.uids.last().and_then(|last| last.get().checked_add(1)).and_then(Uid::new);
    let known = mark.filter(|(validity, _)| *validity == selection.validity).map(|(_, next)| next);
    let next = [next, after, known].into_iter().flatten().max().unwrap_or(Uid::MIN);
    Ok(News { mark: (selection.validity, next), selection })
}
