//! Searches combined with `+`, `*` and `-`, as imapfilter's configurations make them: a server is asked once for the
//! whole, and messages are looked into here only where nothing else decides.
//!
//! Unlike a [`Query`](super::Query) it takes the server at its word, finds messages marked `\Deleted` as well, and
//! looks at contents as they are on the wire.

mod known;
mod look;
mod question;

use std::sync::Arc;

use super::account::Account;
use super::names::{NameSpec, script_name};
use super::overlay::Still;
use super::query::Query;
use super::selection::Selection;
use super::ticket::Ticket;
use super::world::Run;
use crate::error::{Error, Result};
use crate::imap::{Access, SearchKey, Session};
use crate::mail::{MailboxName, UidSet};
use known::Known;
pub use look::field;
use question::Question;

/// Which messages of a mailbox are wanted.
#[derive(Clone, Debug)]
pub enum Sought {
    /// All must hold. Holds where there are none.
    All(Vec<Sought>),
    /// One must hold. Fails where there are none.
    Any(Vec<Sought>),
    /// Must not hold.
    Not(Box<Sought>),
    /// The server says so.
    Key(SearchKey),
    /// One of these messages.
    Uids(UidSet),
    /// What is on the wire passes a test.
    Match(Matcher),
}

/// Tells something of bytes. Where it can't, the search fails.
pub type Test = dyn Fn(&[u8]) -> Result<bool> + Send + Sync;

/// A test of a part of a message.
#[derive(Clone)]
pub struct Matcher {
    /// What is looked at.
    pub part: Part,
    /// The test.
    pub test: Arc<Test>,
}

impl std::fmt::Debug for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matcher").field("part", &self.part).finish_non_exhaustive()
    }
}

/// What a test looks at, the cheapest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All header fields of this name, as a server gives them for `HEADER.FIELDS`.
    Field(String),
    /// The whole header.
    Header,
    /// Everything after it.
    Text,
    /// Everything.
    Whole,
}

/// Looks for messages in a mailbox, once for each of several wishes, and gives a selection for each. What is held is not
/// found.
///
/// Errors: whatever the server refuses. A refused search is never taken for one that finds nothing.
pub fn seek(
    account: &Account,
    spec: NameSpec,
    access: Access,
    sought: Vec<Sought>,
) -> Ticket<Vec<Selection>> {
    let of = account.clone();
    account.read(move |session, run| {
        let shown = spec.shown();
        let name = spec.resolve(session, run)?;
        find(session, run, &of, (&spec, &name), access, &sought).map_err(|error| error.in_mailbox(&shown))
    })
}

/// Gives the messages of a selection's mailbox that nothing acts on. Who only searches makes no journal.
fn held(run: &Run, selection: &Selection) -> Result<UidSet> {
    let (Some(validity), Some(journal)) = (selection.validity, run.state.past()) else {
        return Ok(UidSet::new());
    };
    let held = journal.held(&selection.account.row().identity, &selection.name, validity)?;
    Ok(held.into_iter().map(|(_, uid, _)| uid).collect())
}

fn find(
    session: &mut Session,
    run: &Run,
    account: &Account,
    (spec, name): (&NameSpec, &MailboxName),
    access: Access,
    sought: &[Sought],
) -> Result<Vec<Selection>> {
    let still = Still::find(session, run, name)?;
    let shown = script_name(session, name)?;
    let mut empty = Selection {
        account: account.clone(),
        spec: spec.clone(),
        shown,
        name: name.clone(),
        validity: still.as_ref().and_then(Still::validity),
        exists: None,
        uids: UidSet::new(),
        // What was found is acted on whatever becomes of it meanwhile: a set is a set.
        query: Query::All(Vec::new()),
        rule: None,
        read_only: false,
    };
    let (real, access) = match &still {
        Some(still) => match still.real() {
            Some(real) => (real.clone(), Access::Read),
            None => return Ok(vec![empty; sought.len()]),
        },
        None => (name.clone(), access),
    };
    let mut asked: Vec<Question> = sought.iter().map(Question::new).collect();
    let keys: Vec<SearchKey> = asked.iter().flat_map(|question| question.keys().iter().cloned()).collect();
    if keys.is_empty() {
        session.run_in(&real, access, false, &[], &mut |_, _| Ok(()))?;
    }
    let mut answers = session.uid_search_each(&real, access, &keys)?.sets.into_iter();
    let selected = session.selected();
    let selected = selected.ok_or_else(|| Error::protocol("no mailbox is open after a search"))?;
    empty.validity = selected.validity;
    empty.exists = still.is_none().then_some(selected.exists);
    let held = held(run, &empty)?;
    let mut found = Vec::new();
    for question in &mut asked {
        let mut known: Known = question.take_answers(&mut answers);
        look::decide(session, run, (&real, &empty), access, &mut known)?;
        let mut uids = known.yes().difference(&held);
        if let Some(still) = &still {
            uids = still.there(&uids);
        }
        found.push(empty.with_uids(uids));
    }
    Ok(found)
}
