use std::collections::{BTreeMap, BTreeSet};

use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::core::Charset;
use imap_codec::imap_types::fetch::MacroOrMessageDataItemNames;
use imap_codec::imap_types::flag::{StoreResponse, StoreType};
use imap_codec::imap_types::mailbox::Mailbox as WireMailbox;
use imap_codec::imap_types::search::SearchKey;
use imap_codec::imap_types::sequence::SequenceSet;

use super::commands::flags_of;
use super::connection::End;
use super::extension::{Request, SearchReturn};
use super::fetch::Items;
use super::gmail::{GmailItem, GmailKey, GmailParts, Labels};
use super::message::StoredMessage;
use super::reply::Reply;
use super::search::{Candidate, Context, Test};
use super::session::{GONE, Session, lock, name_of};
use crate::mail::{Flag, Uid, UidSet};

pub(super) const READ_ONLY: (&str, &str) = ("READ-ONLY", "The mailbox is open for reading only");
pub(super) const BAD_SET: &str = "There is no message of that number";
const EXPUNGED: (&str, &str) = ("EXPUNGEISSUED", "Some of the messages are no more");

/// What a SEARCH asks for.
struct Program<'a> {
    charset: Option<&'a Charset<'a>>,
    keys: &'a [SearchKey<'a>],
    /// Gmail's keys, which were taken off.
    gmail: &'a [GmailKey],
}

/// A set of messages as a command names it.
pub(super) struct Named<'a> {
    pub(super) set: &'a SequenceSet,
    pub(super) uid: bool,
}

impl Session {
    /// Answers the commands on a selected mailbox (RFC 3501 §6.4).
    pub(super) fn answer_selected(&mut self, tag: &str, request: Request) -> Result<Reply, End> {
        let body = request.command.body;
        let (mut items, mut keys, mut labels) = (Vec::new(), Vec::new(), None);
        match request.gmail {
            Some(GmailParts::Fetch(found)) => items = found,
            Some(GmailParts::Search(found)) => keys = found,
            Some(GmailParts::Store(found)) => labels = Some(found),
            None => {}
        }
        // A command that works with sequence numbers must not have them change under it (§7.4.1).
        let (uid, mut expunge) = match &body {
            CommandBody::Search { uid, .. }
            | CommandBody::Fetch { uid, .. }
            | CommandBody::Store { uid, .. }
            | CommandBody::Copy { uid, .. } => (*uid, *uid),
            CommandBody::Move { uid, .. } => (*uid, true),
            CommandBody::ExpungeUid { .. } => (true, true),
            _ => (false, true),
        };
        let reply = match body {
            CommandBody::Check => Reply::ok("Checked"),
            CommandBody::Unselect => {
                self.selected = None;
                Reply::ok("Closed, nothing expunged")
            }
            CommandBody::Close => {
                if self.selected.as_ref().is_some_and(|view| !view.read_only) {
                    self.expunge(None)?;
                }
                self.selected = None;
                Reply::ok("Closed")
            }
            CommandBody::Expunge => self.expunge(None)?,
            CommandBody::ExpungeUid { sequence_set } => self.expunge(Some(&sequence_set))?,
            CommandBody::Search { charset, criteria, uid } => {
                let program = Program { charset: charset.as_ref(), keys: criteria.as_ref(), gmail: &keys };
                self.search(tag, &program, uid, request.search_return)?
            }
            CommandBody::Fetch { sequence_set, macro_or_item_names, uid, modifiers }
                if modifiers.is_empty() =>
            {
                self.fetch(&Named { set: &sequence_set, uid }, &macro_or_item_names, &items)?
            }
            CommandBody::Store { sequence_set, kind, response, flags, uid, modifiers }
                if modifiers.is_empty() =>
            {
                let (named, silent) = (Named { set: &sequence_set, uid }, response == StoreResponse::Silent);
                match (labels, flags_of(&flags)) {
                    (Some(labels), _) => {
                        // A label that is taken off may take the message out of the mailbox.
                        expunge = true;
                        self.store_labels(&named, kind, silent, &labels)?
                    }
                    (None, Some(flags)) => self.store(&named, kind, silent, &flags)?,
                    (None, None) => Reply::bad("A flag can't be set"),
                }
            }
            CommandBody::Copy { sequence_set, mailbox, uid } => {
                self.transfer(&Named { set: &sequence_set, uid }, &mailbox, false)?
            }
            CommandBody::Move { sequence_set, mailbox, uid } => {
                let reply = self.transfer(&Named { set: &sequence_set, uid }, &mailbox, true)?;
                expunge = true;
                reply
            }
            _ => Reply::bad("That is not offered here"),
        };
        self.tell(expunge, uid)?;
        Ok(reply)
    }

    /// Removes the messages marked `\Deleted`, of the set only where one is given (RFC 4315 §2.1).
    fn expunge(&mut self, set: Option<&SequenceSet>) -> Result<Reply, End> {
        let (Some(account), Some(view)) = (&self.account, &self.selected) else { return Ok(unselected()) };
        if view.read_only {
            return Ok(READ_ONLY.into());
        }
        let named = set.and_then(|set| view.resolve(set, true)).map(|indices| view.uids(&indices));
        let mut account = lock(account);
        let deleted = account.by_validity(view.validity).ok_or(GONE)?.deleted();
        let doomed = named.map_or_else(|| deleted.clone(), |named| named.intersection(&deleted));
        if !doomed.is_empty() {
            account.remove(view.validity, &doomed);
        }
        Ok(Reply::ok("Expunged"))
    }

    fn search(
        &mut self,
        tag: &str,
        program: &Program<'_>,
        uid: bool,
        wanted: Option<SearchReturn>,
    ) -> Result<Reply, End> {
        let (Some(account), Some(view)) = (&self.account, &self.selected) else { return Ok(unselected()) };
        let known = ["UTF-8", "US-ASCII"];
        if program
            .charset
            .is_some_and(|charset| !known.iter().any(|k| k.eq_ignore_ascii_case(charset.as_ref())))
        {
            return Ok(Reply::no("BADCHARSET (UTF-8 US-ASCII)", "That charset is not known here"));
        }
        let (messages, last_uid) = view.largest();
        let within = self.capabilities.has("WITHIN");
        let context = Context { messages, last_uid, now: self.shared.now(), within, gmail: program.gmail };
        let Some(test) = Test::program(program.keys, &context) else {
            return Ok(Reply::bad("A search key is not offered here"));
        };
        let (mut labels, mut threads, no_labels) = (Labels::new(), BTreeMap::new(), BTreeSet::new());
        let candidates: Vec<_> = {
            let mut account = lock(account);
            if !program.gmail.is_empty() {
                labels = account.labels();
            }
            let mailbox = account.by_validity(view.validity).ok_or(GONE)?;
            let known = view.known.iter().zip(1u32..);
            let known =
                known.filter_map(|(known, n)| Some((n, known.recent, mailbox.get(known.uid)?.clone())));
            let candidates: Vec<_> = known.collect();
            if let Some(gmail) = account.gmail.as_ref().filter(|_| !program.gmail.is_empty()) {
                let id = |(_, _, message): &(_, _, StoredMessage)| message.gmail_id;
                threads = candidates.iter().map(id).map(|id| (id, gmail.thread(id))).collect();
            }
            candidates
        };
        let found = candidates.iter().filter_map(|(sequence, recent, message)| {
            let thread = threads.get(&message.gmail_id);
            let gmail = thread.map(|thread| (*thread, labels.get(&message.gmail_id).unwrap_or(&no_labels)));
            let candidate = Candidate { sequence: *sequence, recent: *recent, message, gmail };
            test.holds(&candidate).then_some(if uid { message.uid.get() } else { *sequence })
        });
        let found: Vec<u32> = found.collect();
        let line = match wanted {
            Some(wanted) => esearch(tag, &found, uid, wanted),
            None => found.iter().fold(String::from("* SEARCH"), |line, number| format!("{line} {number}")),
        };
        self.connection.line(&line);
        Ok(Reply::ok("Searched"))
    }

    fn fetch(
        &mut self,
        named: &Named<'_>,
        asked: &MacroOrMessageDataItemNames<'_>,
        gmail: &[GmailItem],
    ) -> Result<Reply, End> {
        let (Some(account), Some(view)) = (&self.account, &mut self.selected) else {
            return Ok(unselected());
        };
        let Some(mut items) = Items::new(asked, named.uid) else {
            return Ok(Reply::bad("An item is not offered here"));
        };
        let Some(indices) = view.resolve(named.set, named.uid) else { return Ok(Reply::bad(BAD_SET)) };
        let mut rows = Vec::new();
        let mut changed_any = false;
        {
            let mut account = lock(account);
            let changed = account.next_change();
            let mailbox = account.by_validity(view.validity).ok_or(GONE)?;
            let mut seen = Vec::new();
            for &at in &indices {
                let Some(known) = view.known.get(at) else { continue };
                let Some(message) = mailbox.get(known.uid) else { continue };
                if items.set_seen() && !view.read_only && !message.flags.contains(&Flag::Seen) {
                    let mut flags = message.flags.clone();
                    flags.insert(Flag::Seen);
                    changed_any |= mailbox.set_flags(known.uid, flags, changed);
                    seen.push(known.uid);
                }
                let Some(message) = mailbox.get(known.uid) else { continue };
                rows.push((at, known.recent, message.clone(), Vec::new()));
            }
            account.settle_flags(view.validity, &seen.into_iter().collect());
            let labels = if gmail.contains(&GmailItem::Labels) { account.labels() } else { Labels::new() };
            for (_, _, message, extra) in &mut rows {
                *extra = account.gmail_items(gmail, message, &labels, view.validity);
            }
        }
        if changed_any {
            items.with_flags();
        }
        for (at, _, message, _) in rows.iter().filter(|_| items.has_flags()) {
            view.known.get_mut(*at).into_iter().for_each(|known| known.changed = message.changed);
        }
        let complete = rows.len() == indices.len();
        for (at, recent, message, extra) in rows {
            let sequence = u32::try_from(at + 1).unwrap_or(u32::MAX);
            items.write(&mut self.connection.out, sequence, &message, recent, &extra);
            self.connection.relieve()?;
        }
        Ok(if complete || named.uid { Reply::ok("Fetched") } else { EXPUNGED.into() })
    }

    fn store(
        &mut self,
        named: &Named<'_>,
        kind: StoreType,
        silent: bool,
        flags: &BTreeSet<Flag>,
    ) -> Result<Reply, End> {
        let (Some(account), Some(view)) = (&self.account, &mut self.selected) else {
            return Ok(unselected());
        };
        if view.read_only {
            return Ok(READ_ONLY.into());
        }
        let Some(indices) = view.resolve(named.set, named.uid) else { return Ok(Reply::bad(BAD_SET)) };
        let mut complete = true;
        let named_uids = view.uids(&indices);
        let mut account = lock(account);
        let changed = account.next_change();
        let mailbox = account.by_validity(view.validity).ok_or(GONE)?;
        for at in indices {
            let Some(known) = view.known.get_mut(at) else { continue };
            let Some(before) = mailbox.get(known.uid) else {
                complete = false;
                continue;
            };
            let up_to_date = before.changed == known.changed;
            let new = match kind {
                StoreType::Replace => flags.clone(),
                StoreType::Add => before.flags.union(flags).cloned().collect(),
                StoreType::Remove => before.flags.difference(flags).cloned().collect(),
            };
            mailbox.set_flags(known.uid, new, changed);
            let Some(after) = mailbox.get(known.uid) else { continue };
            if !silent {
                let text = after.flags_text(known.recent);
                let uid = if named.uid { format!("UID {} ", known.uid) } else { String::new() };
                self.connection.line(&format!("* {} FETCH ({uid}FLAGS {text})", at + 1));
            }
            // What another session changed has to be told, even if one's own change has not.
            if !silent || up_to_date {
                known.changed = after.changed;
            }
        }
        account.settle_flags(view.validity, &named_uids);
        Ok(if complete || named.uid { Reply::ok("Stored") } else { EXPUNGED.into() })
    }

    /// Copies or moves messages, all or none, in one step that no other session sees half done
    /// (RFC 3501 §6.4.7, RFC 6851 §3).
    fn transfer(&mut self, named: &Named<'_>, target: &WireMailbox<'_>, remove: bool) -> Result<Reply, End> {
        let (Some(account), Some(view)) = (&self.account, &self.selected) else { return Ok(unselected()) };
        if remove && view.read_only {
            return Ok(READ_ONLY.into());
        }
        let Some(target) = name_of(target) else {
            return Ok(Reply::no("CANNOT", "That is no name of a mailbox"));
        };
        let Some(indices) = view.resolve(named.set, named.uid) else { return Ok(Reply::bad(BAD_SET)) };
        let mut account = lock(account);
        let mailbox = account.by_validity(view.validity).ok_or(GONE)?;
        let all = view.uids(&indices);
        let uids: UidSet = all.iter().filter(|&uid| mailbox.get(uid).is_some()).collect();
        if uids.len() < all.len() && !named.uid {
            return Ok(EXPUNGED.into());
        }
        let (validity, pairs) = match account.copy(view.validity, &uids, &target) {
            Ok(copied) => copied,
            Err(refusal) => return Ok(refusal.into()),
        };
        let code = format!("COPYUID {validity} {uids} {}", in_order(&pairs));
        let code = (self.capabilities.has("UIDPLUS") && !uids.is_empty()).then_some(code);
        if !remove {
            return Ok(Reply::ok("Copied").with_code(code));
        }
        account.moved_away(view.validity, &uids);
        // Gmail gives the code at the end, as it does for a copy.
        if account.gmail.is_some() {
            return Ok(Reply::ok("Moved").with_code(code));
        }
        if code.is_some() {
            // Before the EXPUNGE responses, so that a client knows where the messages went (§4.3).
            self.connection.line(&Reply::ok("Moved").with_code(code).line("*"));
        }
        Ok(Reply::ok("Moved"))
    }
}

pub(super) fn unselected() -> Reply {
    Reply::bad("Select a mailbox first")
}

/// Writes the new UIDs in their messages' order: one that was there before may be lower than those before it.
fn in_order(pairs: &[(Uid, Uid)]) -> String {
    if pairs.is_sorted_by_key(|(_, new)| *new) {
        return pairs.iter().map(|(_, new)| *new).collect::<UidSet>().to_string();
    }
    pairs.iter().map(|(_, new)| new.to_string()).collect::<Vec<_>>().join(",")
}

/// Writes an ESEARCH response (RFC 4731 §3.1).
fn esearch(tag: &str, found: &[u32], uid: bool, wanted: SearchReturn) -> String {
    let mut line =
        format!("* ESEARCH (TAG \"{}\"){}", tag.replace('\\', "\\\\"), if uid { " UID" } else { "" });
    if let (Some(first), Some(last)) = (found.first(), found.last()) {
        if wanted.min {
            line = format!("{line} MIN {first}");
        }
        if wanted.max {
            line = format!("{line} MAX {last}");
        }
        if wanted.all {
            // A set of numbers is written as UIDs are, whichever they are.
            let set: UidSet = found.iter().copied().filter_map(Uid::new).collect();
            line = format!("{line} ALL {set}");
        }
    }
    if wanted.count {
        line = format!("{line} COUNT {}", found.len());
    }
    line
}
