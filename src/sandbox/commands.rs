use std::collections::BTreeSet;
use std::sync::Arc;

use imap_codec::imap_types::command::{Command, CommandBody};
use imap_codec::imap_types::extensions::binary::LiteralOrLiteral8;
use imap_codec::imap_types::flag::Flag as WireFlag;
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox as WireMailbox};
use imap_codec::imap_types::status::StatusDataItemName;
use jiff::{Timestamp, ZonedDateTime, tz::Offset, tz::TimeZone};

use super::connection::End;
use super::extension::Request;
use super::reply::{Reply, done};
use super::session::{Session, lock, name_of};
use super::view::View;
use super::{list, quote};
use crate::mail::{Flag, MailboxName};

/// What no mailbox can be called.
fn no_name() -> Reply {
    Reply::no("CANNOT", "That is no name of a mailbox")
}

/// Takes decoded flags as ours. `None` where a client may not set one.
pub(super) fn flags_of(flags: &[WireFlag<'_>]) -> Option<BTreeSet<Flag>> {
    let settable = |flag: &WireFlag<'_>| Flag::parse(&flag.to_string()).filter(|flag| *flag != Flag::Recent);
    flags.iter().map(settable).collect()
}

impl Session {
    /// Answers the commands of a client that is logged in (RFC 3501 §6.3); the others go on.
    pub(super) fn answer_logged_in(&mut self, tag: &str, request: Request) -> Result<Reply, End> {
        let Some(account) = self.account.clone() else { return Ok(Reply::bad("Log in first")) };
        let reply = match request.command.body {
            CommandBody::Enable { .. } => {
                // There is nothing here that has to be enabled.
                self.connection.line("* ENABLED");
                Reply::ok("Enabled what there is")
            }
            CommandBody::Namespace => {
                let (prefix, delimiter) = {
                    let account = lock(&account);
                    (account.prefix.clone(), account.delimiter)
                };
                let out = &mut self.connection.out;
                out.extend_from_slice(b"* NAMESPACE ((");
                quote::string(out, prefix.as_bytes());
                out.push(b' ');
                quote::string(out, delimiter.to_string().as_bytes());
                out.extend_from_slice(b")) NIL NIL\r\n");
                Reply::ok("Namespaces told")
            }
            CommandBody::Select { mailbox, parameters } if parameters.is_empty() => {
                self.select(&mailbox, false)
            }
            CommandBody::Examine { mailbox, parameters } if parameters.is_empty() => {
                self.select(&mailbox, true)
            }
            CommandBody::Create { mailbox } => match name_of(&mailbox) {
                Some(name) => done(lock(&account).create(&name), "Created"),
                None => no_name(),
            },
            CommandBody::Delete { mailbox } => self.delete(&mailbox),
            CommandBody::Rename { from, to } => match (name_of(&from), name_of(&to)) {
                (Some(from), Some(to)) => done(lock(&account).rename(&from, &to), "Renamed"),
                _ => no_name(),
            },
            CommandBody::Subscribe { mailbox } => match name_of(&mailbox) {
                Some(name) if lock(&account).mailboxes.contains_key(&name) => {
                    lock(&account).subscribed.insert(name);
                    Reply::ok("Subscribed")
                }
                _ => Reply::no("NONEXISTENT", "No such mailbox"),
            },
            CommandBody::Unsubscribe { mailbox } => match name_of(&mailbox) {
                Some(name) => {
                    lock(&account).subscribed.remove(&name);
                    Reply::ok("Unsubscribed")
                }
                None => no_name(),
            },
            CommandBody::List { reference, mailbox_wildcard } => {
                let (reference, pattern) = (reference_of(&reference), pattern_of(&mailbox_wildcard));
                let extended = request.list.as_ref();
                let (capabilities, out) = (&self.capabilities, &mut self.connection.out);
                match list::list(&lock(&account), capabilities, &reference, &pattern, extended, out) {
                    Some(()) => Reply::ok("Listed"),
                    None => Reply::bad("An option is not offered here"),
                }
            }
            CommandBody::Lsub { reference, mailbox_wildcard } => {
                let (reference, pattern) = (reference_of(&reference), pattern_of(&mailbox_wildcard));
                list::lsub(&lock(&account), &reference, &pattern, &mut self.connection.out);
                Reply::ok("Listed")
            }
            CommandBody::Status { mailbox, item_names } => self.status(&mailbox, &item_names),
            CommandBody::Append { .. } => self.append(request.command, request.further),
            _ if self.selected.is_none() => return Ok(Reply::bad("Select a mailbox first")),
            _ => return self.answer_selected(tag, request),
        };
        // LIST and STATUS speak of other mailboxes; changes in the selected one may be told as well.
        self.tell(true, false)?;
        Ok(reply)
    }

    fn select(&mut self, mailbox: &WireMailbox<'_>, read_only: bool) -> Reply {
        // A SELECT that fails leaves nothing selected (RFC 3501 §6.3.1).
        self.selected = None;
        let Some(account) = self.account.clone() else { return Reply::bad("Log in first") };
        let Some(name) = name_of(mailbox) else { return no_name() };
        let mut account = lock(&account);
        let Some(mailbox) = account.mailboxes.get_mut(&name) else {
            return Reply::no("NONEXISTENT", "No such mailbox");
        };
        let view = View::open(mailbox, read_only);
        let keywords =
            mailbox.keywords().iter().fold(String::new(), |all, keyword| all + " " + &keyword.to_string());
        let system = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";
        let mut line = |text: String| self.connection.line(&text);
        line(format!("* FLAGS ({system}{keywords})"));
        line(format!("* {} EXISTS", view.known.len()));
        line(format!("* {} RECENT", view.recent()));
        if let Some(at) = mailbox.messages.iter().position(|message| !message.flags.contains(&Flag::Seen)) {
            line(format!("* OK [UNSEEN {}] First unseen", at + 1));
        }
        line(format!("* OK [UIDVALIDITY {}] UIDs valid", mailbox.validity));
        line(format!("* OK [UIDNEXT {}] Next UID", mailbox.uid_next.min(u64::from(u32::MAX))));
        let permanent = if read_only { String::new() } else { format!("{system}{keywords} \\*") };
        line(format!("* OK [PERMANENTFLAGS ({permanent})] Flags kept"));
        self.selected = Some(view);
        let code = if read_only { "READ-ONLY" } else { "READ-WRITE" };
        Reply::ok("Opened").with_code(Some(code.to_owned()))
    }

    fn delete(&mut self, mailbox: &WireMailbox<'_>) -> Reply {
        let Some(account) = self.account.clone() else { return Reply::bad("Log in first") };
        let Some(name) = name_of(mailbox) else { return no_name() };
        let mut account = lock(&account);
        let validity = account.mailboxes.get(&name).map(|mailbox| mailbox.validity);
        let result = account.delete(&name);
        if result.is_ok() && self.selected.as_ref().map(|view| view.validity) == validity {
            self.selected = None;
        }
        done(result, "Deleted")
    }

    fn status(&mut self, mailbox: &WireMailbox<'_>, items: &[StatusDataItemName]) -> Reply {
        let Some(account) = self.account.clone() else { return Reply::bad("Log in first") };
        let Some(name) = name_of(mailbox) else { return no_name() };
        let account = lock(&account);
        let Some(mailbox) = account.mailboxes.get(&name) else {
            return Reply::no("NONEXISTENT", "No such mailbox");
        };
        let messages = &mailbox.messages;
        let value = |item: &StatusDataItemName| {
            Some(match item {
                StatusDataItemName::Messages => format!("MESSAGES {}", messages.len()),
                StatusDataItemName::Recent => {
                    let recent = messages.iter().filter(|m| u64::from(m.uid.get()) >= mailbox.recent_from);
                    format!("RECENT {}", recent.count())
                }
                StatusDataItemName::UidNext => {
                    format!("UIDNEXT {}", mailbox.uid_next.min(u64::from(u32::MAX)))
                }
                StatusDataItemName::UidValidity => format!("UIDVALIDITY {}", mailbox.validity),
                StatusDataItemName::Unseen => {
                    let unseen = messages.iter().filter(|message| !message.flags.contains(&Flag::Seen));
                    format!("UNSEEN {}", unseen.count())
                }
                _ => return None,
            })
        };
        let Some(values) = items.iter().map(value).collect::<Option<Vec<_>>>().filter(|v| !v.is_empty())
        else {
            return Reply::bad("An item is not offered here");
        };
        let out = &mut self.connection.out;
        out.extend_from_slice(b"* STATUS ");
        quote::astring(out, name.wire());
        out.extend_from_slice(format!(" ({})\r\n", values.join(" ")).as_bytes());
        Reply::ok("Status told")
    }

    /// Adds the messages of an APPEND: all of them or none (RFC 3502).
    fn append(&mut self, first: Command<'_>, further: Vec<Command<'_>>) -> Reply {
        let shared = Arc::clone(&self.shared);
        let mut target = None;
        let mut letters = Vec::new();
        for command in [first].into_iter().chain(further) {
            let CommandBody::Append { mailbox, flags, date, message } = command.body else {
                return Reply::bad("That is no APPEND");
            };
            let LiteralOrLiteral8::Literal(message) = message else {
                return Reply::no("UNKNOWN-CTE", "Binary literals are not offered here");
            };
            let Some(name) = name_of(&mailbox) else { return no_name() };
            let Some(flags) = flags_of(&flags) else { return Reply::bad("A flag can't be set") };
            let raw = message.into_inner().into_owned();
            if raw.is_empty() {
                return Reply::no("CANNOT", "A message has at least one byte");
            }
            let date = match date {
                None => shared.now().to_zoned_datetime(TimeZone::UTC),
                Some(date) => {
                    let offset = Offset::from_seconds(date.as_ref().offset().local_minus_utc());
                    let at = Timestamp::from_second(date.as_ref().timestamp());
                    let Some((at, offset)) = at.ok().zip(offset.ok()) else {
                        return Reply::bad("That date is out of reach");
                    };
                    ZonedDateTime::new(at, TimeZone::fixed(offset))
                }
            };
            target = Some(name);
            letters.push((raw, flags, date));
        }
        let (Some(account), Some(name)) = (self.account.clone(), target) else { return no_name() };
        match lock(&account).append_all(&name, letters) {
            Err(refusal) => refusal.into(),
            Ok((validity, uids)) => {
                let uids = uids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                let code = format!("APPENDUID {validity} {uids}");
                Reply::ok("Appended").with_code(self.capabilities.has("UIDPLUS").then_some(code))
            }
        }
    }
}

fn reference_of(reference: &WireMailbox<'_>) -> Vec<u8> {
    match reference {
        WireMailbox::Inbox => MailboxName::inbox().wire().to_vec(),
        WireMailbox::Other(other) => other.as_ref().to_vec(),
    }
}

fn pattern_of(pattern: &ListMailbox<'_>) -> Vec<u8> {
    match pattern {
        ListMailbox::Token(token) => token.as_ref().to_vec(),
        ListMailbox::String(string) => string.as_ref().to_vec(),
    }
}
