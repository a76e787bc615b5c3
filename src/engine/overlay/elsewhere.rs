use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::Overlay;
use crate::engine::account::Account;
use crate::engine::asking::{Along, Answer, ask};
use crate::engine::connection::Connection;
use crate::engine::opener::Opener;
use crate::engine::query::Query;
use crate::engine::search::Asked;
use crate::engine::world::Run;
use crate::error::Result;
use crate::imap::{Access, Fetch, FetchItem, Session};
use crate::mail::{MailboxName, UidSet, UidValidity};

/// Who reads an account for the overlays of others: on a connection of its own, which waits for nobody, so that no
/// two connections ever wait for one another. It connects when it is first needed.
pub(in crate::engine) struct Reader {
    identity: String,
    opener: Opener,
    /// Without its overlay, which keeps this.
    run: Run,
    connection: Mutex<Option<Connection>>,
}

impl Reader {
    fn new(account: &Account) -> Self {
        Self {
            identity: account.row().identity.clone(),
            opener: account.opener().clone(),
            run: Run { overlay: None, ..account.run().clone() },
            connection: Mutex::default(),
        }
    }

    /// Tells whether it reads the account with this identity.
    pub(super) fn is_of(&self, identity: &str) -> bool {
        self.identity == identity
    }

    /// Fetches items of messages, and tells what their UIDs are worth.
    pub(super) fn fetch(
        &self,
        mailbox: MailboxName,
        set: UidSet,
        items: Vec<FetchItem>,
    ) -> Result<(Vec<Fetch>, Option<UidValidity>)> {
        self.read(move |session, _| {
            let mut all = Vec::new();
            session.uid_fetch(&mailbox, Access::Read, &[(set, items)], &mut |fetch| {
                all.push(fetch);
                Ok(())
            })?;
            Ok((all, session.selected().and_then(|selected| selected.validity)))
        })
    }

    /// Finds the messages for which a query holds.
    pub(super) fn search(&self, mailbox: MailboxName, query: Query) -> Result<UidSet> {
        self.read(move |session, run| search(session, run, &mailbox, query))
    }

    fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Session, &Run) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match slot.take() {
            Some(connection) => connection,
            None => Connection::start(self.opener.clone(), self.run.clone())?,
        };
        let result = slot.insert(connection).submit(&self.run, false, job).wait();
        drop(slot);
        result
    }
}

/// Finds the messages of a mailbox for which a query holds, as the server has them.
pub(super) fn search(
    session: &mut Session,
    run: &Run,
    mailbox: &MailboxName,
    query: Query,
) -> Result<UidSet> {
    let asked = [Asked { query, templates: Vec::new() }];
    let Answer { sieve, hits, look, .. } =
        ask(session, mailbox, Access::Read, &asked, &run.now(), &Along::UnlessKnown(None))?;
    let Some(look) = look else { return Ok(hits) };
    let (groups, _) = look.at(session, &sieve, &hits, None)?;
    Ok(groups.into_values().flatten().collect())
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Overlay {
    /// Gives who reads an account for others.
    pub(in crate::engine) fn reader_of(&self, account: &Account) -> Arc<Reader> {
        let identity = &account.row().identity;
        self.shared(|shared| {
            let reader = shared.readers.entry(identity.clone());
            Arc::clone(reader.or_insert_with(|| Arc::new(Reader::new(account))))
        })
    }
}
