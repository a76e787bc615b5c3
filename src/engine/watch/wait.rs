use std::time::Duration;

use super::look::look;
use super::lookout::{POLL, RENEW, REST};
use crate::engine::account::Account;
use crate::engine::names::NameSpec;
use crate::engine::selection::Selection;
use crate::engine::ticket::Ticket;
use crate::engine::world::Run;
use crate::error::{ErrorKind, Result};
use crate::imap::{Access, Patience, Session};

/// How often it is looked whether the user wants an end, where the server tells nothing by itself.
const SLICE: Duration = Duration::from_millis(100);

/// Waits for messages that have come into a mailbox since the last wait of the run for it, and gives them. The first wait
/// gives all that are there, at once; after `time` there may be none.
pub fn wait(account: &Account, spec: NameSpec, time: Duration) -> Ticket<Selection> {
    let of = account.clone();
    account.read(move |session, run| {
        let shown = spec.shown();
        let end = run.context.clock.now().checked_add(time);
        wait_here(session, run, &of, &spec, end).map_err(|error| error.in_mailbox(&shown))
    })
}

fn wait_here(
    session: &mut Session,
    run: &Run,
    account: &Account,
    spec: &NameSpec,
    end: Option<Duration>,
) -> Result<Selection> {
    let name = spec.resolve(session, run)?;
    let clock = &*run.context.clock;
    let is_over = || end.is_some_and(|end| clock.now() >= end);
    let stop = || run.is_interrupted() || is_over();
    let mut woken = false;
    loop {
        let mark = account.marks().get(&name).copied();
        let news = look(session, run, account, spec, mark)?;
        account.marks().insert(name.clone(), news.mark);
        // In a dry run nothing comes.
        if mark.is_none() || !news.selection.uids.is_empty() || is_over() || run.overlay.is_some() {
            return Ok(news.selection);
        }
        if session.capabilities().has("IDLE") {
            // What wakes it is mostly new. Where it is not, the server may say it at once again.
            if mark.is_some_and(|before| before == news.mark) && woken {
                clock.sleep(REST);
            }
            let patience = Patience { clock, most: RENEW, stop: &stop };
            woken = session.idle(&name, Access::Read, patience, &|word| word == "EXISTS")?.is_some();
        } else {
            let next = clock.now() + POLL;
            while clock.now() < next && !stop() {
                clock.sleep(SLICE);
            }
        }
        if run.is_interrupted() {
            return Err(ErrorKind::Interrupted.into());
        }
    }
}
