use super::planning;
use super::record::{noted, on_a_mailbox};
use crate::engine::account::Account;
use crate::engine::names::{NameSpec, script_name};
use crate::engine::permission::Permission;
use crate::engine::report::{Report, Verb};
use crate::engine::ticket::Ticket;
use crate::engine::world::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::Session;
use crate::mail::MailboxName;

/// A job on one mailbox whose name has been found: gives what was done, with the object of it.
fn on_mailbox(
    account: &Account,
    verb: Verb,
    spec: NameSpec,
    to: Option<NameSpec>,
    job: impl FnOnce(&mut Session, &Run, &MailboxName, &str, Option<&MailboxName>) -> Result<()> + Send + 'static,
) -> Ticket<Report> {
    let of = account.clone();
    account.change(Permission::Mailboxes, move |session, run| {
        let wanted = spec.shown();
        let result = spec.resolve(session, run).and_then(|name| {
            let shown = script_name(session, &name)?;
            let target = match &to {
                None => None,
                Some(to) => {
                    let target = to.resolve(session, run)?;
                    let shown = script_name(session, &target)?;
                    Some((target, shown))
                }
            };
            let intent = on_a_mailbox(verb, (&name, &shown), target.as_ref());
            let job = || job(session, run, &name, &shown, target.as_ref().map(|(name, _)| name));
            if let Some(overlay) = &run.overlay {
                job()?;
                let (target, to) = target.unzip();
                let report = Report::new(verb, of.label(), &shown, to);
                return Ok(planning::on_mailbox(overlay, &name, target.as_ref(), report));
            }
            noted(run, &of, intent, job)?;
            Ok(Report::new(verb, of.label(), &shown, target.map(|(_, shown)| shown)))
        });
        result.map_err(|error| error.in_mailbox(&wanted))
    })
}

/// Makes a mailbox. Error: it exists, or the server refuses.
pub fn create(account: &Account, spec: NameSpec) -> Ticket<Report> {
    on_mailbox(account, Verb::Create, spec, None, |session, run, name, shown, _| {
        let made = match &run.overlay {
            Some(overlay) => planning::create(session, overlay, name)?,
            None => session.create(name)?,
        };
        if made {
            return Ok(());
        }
        let text = format!("mailbox `{shown}` exists already");
        Err(ErrorKind::Refused { command: "CREATE".to_owned(), status: "NO", text }.into())
    })
}

/// Refuses to delete INBOX.
pub(super) fn spare_inbox(name: &MailboxName) -> Result<()> {
    if name.is_inbox() {
        return Err(Error::script("INBOX can't be deleted", "new mail arrives there"));
    }
    Ok(())
}

/// Deletes a mailbox that is empty. Between the look and the deletion a message may still arrive: IMAP has no
/// command that does both at once.
pub fn delete(account: &Account, spec: NameSpec) -> Ticket<Report> {
    on_mailbox(account, Verb::Delete, spec, None, |session, run, name, shown, _| {
        spare_inbox(name)?;
        // Of an open mailbox STATUS may tell what was in it when it was opened (RFC 3501 §6.3.10).
        session.leave(name)?;
        let messages = run.status(session, name)?.messages;
        match (messages, &run.overlay) {
            (Some(0), Some(overlay)) => {
                planning::delete(overlay, name);
                Ok(())
            }
            (Some(0), None) => session.delete(name),
            (Some(messages), _) => Err(ErrorKind::NotEmpty { mailbox: shown.to_owned(), messages }.into()),
            (None, _) => Err(Error::protocol("a STATUS answer without the number of messages")),
        }
    })
}

/// Renames a mailbox. INBOX is refused: servers move its messages away instead (RFC 3501 §6.3.5).
pub fn rename(account: &Account, from: NameSpec, to: NameSpec) -> Ticket<Report> {
    on_mailbox(account, Verb::Rename, from, Some(to), |session, run, name, _, target| {
        if name.is_inbox() {
            let hint = "IMAP would move all its messages to the new mailbox; use `move` if that is meant";
            return Err(Error::script("INBOX can't be renamed", hint));
        }
        target.map_or(Ok(()), |target| match &run.overlay {
            Some(overlay) => planning::rename(session, overlay, name, target),
            None => session.rename(name, target),
        })
    })
}

/// Subscribes to a mailbox, or ends the subscription.
pub fn subscribe(account: &Account, spec: NameSpec, on: bool) -> Ticket<Report> {
    let verb = if on { Verb::Subscribe } else { Verb::Unsubscribe };
    on_mailbox(account, verb, spec, None, move |session, run, name, shown, _| match &run.overlay {
        Some(overlay) => planning::subscribe(session, overlay, name, shown, on),
        None => session.subscribe(name, on),
    })
}
