//! Reads the actions of a plan, which anybody may have written: all of it is checked before anything is done.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::engine::apply::{Action, Likeness};
use crate::engine::names::NameSpec;
use crate::engine::overlay::{Plan, PlannedAction, PlannedMessage, bytes};
use crate::engine::permission::Permission;
use crate::engine::report::{Report, Verb};
use crate::error::{ErrorKind, Result, visible};
use crate::mail::{Flag, InternalDate, Label, MailboxName, Uid, UidValidity};

/// A plan's action, checked.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The account's identity, and what people call it.
    pub(super) account: (String, String),
    pub(super) verb: Verb,
    /// Target, flags or path, for people.
    pub(super) object: Option<String>,
    pub(super) rule: Option<String>,
    pub(super) mailbox: MailboxName,
    pub(super) shown: String,
    pub(super) validity: Option<UidValidity>,
    /// Where it puts messages.
    pub(super) target: Option<MailboxName>,
    /// The account that this is in, where it is another one.
    pub(super) elsewhere: Option<Elsewhere>,
    pub(super) what: What,
}

/// Another account that messages go to.
#[derive(Clone, Debug)]
pub(super) struct Elsewhere {
    /// Its identity, and what people call it.
    pub(super) account: (String, String),
    pub(super) accept_rewritten: bool,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// To messages, on the server.
    Messages(Action, Vec<Wanted>),
    /// To messages, beside the server.
    Outside(Outside, Vec<Wanted>),
    /// A message is added.
    Append(Addition),
    /// The messages of an mbox file are added: those of which the plan knows are listed.
    Restore(PathBuf, Vec<Wanted>),
    Create,
    Delete,
    /// With these messages and no others, which are archived first if a path is given.
    DeleteWhole(Vec<Wanted>, Option<PathBuf>),
    Rename(MailboxName),
    Subscribe(bool),
}

/// A message that is to be added.
#[derive(Clone, Debug)]
pub(super) struct Addition {
    pub(super) message: Vec<u8>,
    pub(super) flags: Vec<Flag>,
    pub(super) date: Option<InternalDate>,
    /// What the plan takes for Gmail's identifier of it.
    pub(super) gmail_id: Option<u64>,
}

/// What is done beside the server.
#[derive(Clone, Debug)]
pub(super) enum Outside {
    /// Attachments go to a directory.
    Save(PathBuf),
    /// A message goes to a file.
    SaveMessage(PathBuf),
    /// Messages go to an mbox file or a Maildir.
    Export(PathBuf),
}

/// A message of an action.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) uid: Uid,
    /// The number of the action that brings it here.
    pub(super) brought_by: Option<usize>,
    /// The UID by which the plan knows it in the target.
    pub(super) becomes: Option<Uid>,
    /// What the plan takes for Gmail's identifier of it there.
    pub(super) becomes_on_gmail: Option<u64>,
    pub(super) likeness: Option<Likeness>,
}

impl Order {
    /// Gives what a run must be allowed to do it.
    pub(super) fn permissions(&self) -> Vec<Permission> {
        match &self.what {
            What::Messages(action, _) => action.permissions(),
            What::Outside(..) => vec![Permission::Write],
            What::Append(_) | What::Restore(..) => vec![Permission::Copy],
            What::DeleteWhole(_, archive) => {
                let also = archive.as_ref().map(|_| Permission::Write);
                [Permission::Mailboxes, Permission::Purge].into_iter().chain(also).collect()
            }
            What::Create | What::Delete | What::Rename(_) | What::Subscribe(_) => {
                vec![Permission::Mailboxes]
            }
        }
    }

    /// Gives the accounts that it changes: their identities, and what people call them.
    pub(super) fn changed(&self) -> impl Iterator<Item = &(String, String)> {
        let here = (!matches!(self.what, What::Outside(..))).then_some(&self.account);
        here.into_iter().chain(self.elsewhere.as_ref().map(|elsewhere| &elsewhere.account))
    }

    /// Gives a report of it that says nothing yet.
    pub(super) fn report(&self) -> Report {
        let object = self.object.clone();
        Report { rule: self.rule.clone(), ..Report::new(self.verb, &self.account.1, &self.shown, object) }
    }

    /// Gives its messages.
    pub(super) fn wanted(&self) -> &[Wanted] {
        match &self.what {
            What::Messages(_, wanted) | What::Outside(_, wanted) | What::DeleteWhole(wanted, _) => wanted,
            _ => &[],
        }
    }
}

impl Wanted {
    /// Gives Gmail's identifier.
    pub(super) fn gmail_id(&self) -> Option<u64> {
        match self.likeness {
            Some(Likeness::Gmail(id)) => Some(id),
            _ => None,
        }
    }
}

/// Reads all actions of a plan.
///
/// Errors name the action by its number and say what can't be meant.
pub(super) fn orders(plan: &Plan) -> Result<Vec<Order>> {
    plan.actions.iter().enumerate().map(|(at, action)| order(action, at)).collect()
}

fn order(action: &PlannedAction, at: usize) -> Result<Order> {
    let bad = |what: &str| {
        let what = format!("action {} of the plan ({}): {what}", at + 1, visible(&action.verb));
        let hint = "a plan is applied as `imapscript plan` has written it: plan again".to_owned();
        crate::error::Error::from(ErrorKind::Config { what, hint })
    };
    let name = |raw: &str| {
        bytes(raw)
            .and_then(|wire| MailboxName::from_wire(&wire))
            .ok_or_else(|| bad("no mailbox has this name"))
    };
    let verb = Verb::EACH
        .into_iter()
        .find(|verb| verb.plain() == action.verb)
        .ok_or_else(|| bad("there is no such action"))?;
    let validity = match action.uid_validity {
        None => None,
        Some(number) => Some(UidValidity::new(number).ok_or_else(|| bad("a UIDVALIDITY of 0"))?),
    };
    let target = || name(&action.target_raw);
    let to = || Ok::<_, crate::error::Error>(NameSpec::Raw(target()?.wire().to_vec()));
    let flags = || -> Result<Vec<Flag>> {
        let read = |text: &String| Flag::parse(text).filter(|flag| *flag != Flag::Recent);
        let flags: Option<Vec<Flag>> = action.flags.iter().map(read).collect();
        flags.ok_or_else(|| bad("a flag that is none"))
    };
    let some = |flags: Vec<Flag>| if flags.is_empty() { Err(bad("no flags")) } else { Ok(flags) };
    let labels = || -> Result<Vec<Label>> {
        let labels: Option<Vec<Label>> = action.flags.iter().map(|text| Label::new(text)).collect();
        labels.filter(|labels| !labels.is_empty()).ok_or_else(|| bad("a label that is none"))
    };
    let path = || {
        let path = bytes(&action.path).map(|path| PathBuf::from(OsString::from_vec(path)));
        let is_path = |path: &PathBuf| path.is_absolute() && !path.as_os_str().as_bytes().contains(&0);
        path.filter(is_path).ok_or_else(|| bad("no whole path"))
    };
    let listed = || listed(action, at).map_err(&bad);
    let wanted = || -> Result<Vec<Wanted>> {
        if validity.is_none() {
            return Err(bad("messages without the UIDVALIDITY of their mailbox"));
        }
        listed()
    };
    let on_messages = |action: Action| Ok::<_, crate::error::Error>(What::Messages(action, wanted()?));
    let what = match verb {
        Verb::Move => on_messages(Action::Move(to()?))?,
        Verb::Copy => on_messages(Action::Copy(to()?))?,
        Verb::Trash => on_messages(Action::Trash)?,
        Verb::Purge if action.path.is_empty() => on_messages(Action::Purge)?,
        Verb::Purge => on_messages(Action::PurgeArchived(path()?))?,
        Verb::Mark => on_messages(Action::Mark(some(flags()?)?))?,
        Verb::Unmark => on_messages(Action::Unmark(some(flags()?)?))?,
        Verb::Label => on_messages(Action::Label(labels()?))?,
        Verb::Unlabel => on_messages(Action::Unlabel(labels()?))?,
        Verb::Save if action.whole => What::Outside(Outside::SaveMessage(path()?), wanted()?),
        Verb::Save => What::Outside(Outside::Save(path()?), wanted()?),
        Verb::Export => What::Outside(Outside::Export(path()?), wanted()?),
        Verb::Pipe => return Err(bad("programs are run by scripts only, and not by a plan")),
        Verb::Restore => What::Restore(path()?, listed()?),
        Verb::Append => {
            let content = action.content.as_deref().ok_or_else(|| bad("no content"))?;
            let message = BASE64_STANDARD.decode(content).map_err(|_| bad("content that is not Base64"))?;
            let date = match &action.date {
                None => None,
                Some(date) => {
                    Some(InternalDate::from_rfc_3339(date).ok_or_else(|| bad("a date that is none"))?)
                }
            };
            let gmail_id = action.messages.first().and_then(|message| message.gmail_id);
            What::Append(Addition { message, flags: flags()?, date, gmail_id })
        }
        Verb::Create => What::Create,
        Verb::Delete if action.messages.is_empty() => What::Delete,
        Verb::Delete if action.path.is_empty() => What::DeleteWhole(wanted()?, None),
        Verb::Delete => What::DeleteWhole(wanted()?, Some(path()?)),
        Verb::Rename => What::Rename(target()?),
        Verb::Subscribe => What::Subscribe(true),
        Verb::Unsubscribe => What::Subscribe(false),
    };
    let elsewhere = match (verb, action.target_account_key.is_empty()) {
        (_, true) => None,
        (Verb::Move | Verb::Copy, false) => Some(Elsewhere {
            account: (action.target_account_key.clone(), action.target_account.clone()),
            accept_rewritten: action.accept_rewritten,
        }),
        _ => return Err(bad("it can't lead to another account")),
    };
    Ok(Order {
        elsewhere,
        account: (action.account_key.clone(), action.account.clone()),
        verb,
        object: action.object.clone(),
        rule: action.rule.clone(),
        mailbox: name(&action.mailbox_raw)?,
        shown: action.mailbox.clone(),
        validity,
        target: if action.target_raw.is_empty() { None } else { Some(name(&action.target_raw)?) },
        what,
    })
}

/// Reads the messages of the action with this number, none of them twice; errors are for people.
fn listed(action: &PlannedAction, at: usize) -> std::result::Result<Vec<Wanted>, &'static str> {
    let mut known = BTreeSet::new();
    let each = action.messages.iter().map(|message| {
        let wanted = read(message, at)?;
        if known.insert((wanted.uid, wanted.brought_by)) { Ok(wanted) } else { Err("a message twice") }
    });
    each.collect()
}

/// Reads a message of the action with this number; errors are for people.
fn read(message: &PlannedMessage, at: usize) -> std::result::Result<Wanted, &'static str> {
    let uid = Uid::new(message.uid).ok_or("a message with the UID 0")?;
    let becomes = match message.becomes {
        None => None,
        Some(number) => Some(Uid::new(number).ok_or("a message that becomes the UID 0")?),
    };
    if message.brought_by.is_some_and(|by| by >= at) {
        return Err("a message that a later action brings");
    }
    let date = match &message.date {
        None => None,
        Some(date) => Some(InternalDate::from_rfc_3339(date).ok_or("a message with a date that is none")?),
    };
    let mail = || {
        let seconds = date?.timestamp().as_second();
        Some(Likeness::Mail(message.message_id.clone(), message.size?, seconds))
    };
    let likeness = message.gmail_id.map(Likeness::Gmail).or_else(mail);
    let (brought_by, becomes_on_gmail) = (message.brought_by, message.becomes_on_gmail);
    Ok(Wanted { uid, brought_by, becomes, becomes_on_gmail, likeness })
}
