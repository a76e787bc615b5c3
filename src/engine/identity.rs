use std::collections::BTreeMap;

use super::cache::Kept;
use super::gmail::is_gmail;
use super::query::{Facts, Needs, Query, Verdict};
use crate::error::{Error, Result};
use crate::imap::{Command, Fetch, FetchItem, Response, Section, Session};
use crate::mail::{BodyStructure, Flag, Headers, InternalDate, Label, Message, Uid, UidSet};

/// What tells a message from others before it is acted on, and shows that a copy is its copy.
#[derive(Clone, Debug, Default)]
pub(super) struct Identity {
    pub(super) flags: Option<Vec<Flag>>,
    pub(super) size: Option<u64>,
    pub(super) date: Option<InternalDate>,
    pub(super) gmail_id: Option<u64>,
    pub(super) headers: Option<Headers>,
    pub(super) structure: Option<BodyStructure>,
    pub(super) labels: Option<Vec<Label>>,
}

/// What two messages have in common if one is the other's copy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// Gmail's own identifier says it all.
    Gmail(u64),
    /// Message-ID, size in bytes and instant of arrival.
    Mail(Option<String>, u64, i64),
}

impl Identity {
    /// Gives what a copy must have in common with it; `None` where too little is known to tell it from any
    /// other message.
    pub(super) fn likeness(&self) -> Option<Likeness> {
        if let Some(id) = self.gmail_id {
            return Some(Likeness::Gmail(id));
        }
        self.mail_likeness()
    }

    /// Gives the same by what every server has, whatever Gmail's identifier says.
    pub(super) fn mail_likeness(&self) -> Option<Likeness> {
        let message_id = self.headers.as_ref().and_then(Headers::message_id);
        Some(Likeness::Mail(message_id, self.size?, self.date?.timestamp().as_second()))
    }

    /// Judges it by the query. A message without the date, the labels or the header that the query needs does not match,
    /// not even where the contrary is asked for: the server's own answer may be wider than the query.
    pub(super) fn judge(
        &self,
        uid: Uid,
        query: &Query,
        needs: &Needs,
        content: Option<&Message>,
        told: &[(Query, UidSet)],
    ) -> Verdict {
        if self.date.is_none() && needs.date
            || self.labels.is_none() && needs.labels
            || self.headers.is_none() && content.is_none() && (needs.header || !needs.fields.is_empty())
        {
            return Verdict::No;
        }
        query.judge(&self.facts(uid, content, told))
    }

    /// Gives what is known of it.
    pub(super) fn facts<'a>(
        &'a self,
        uid: Uid,
        content: Option<&'a Message>,
        told: &'a [(Query, UidSet)],
    ) -> Facts<'a> {
        Facts {
            uid: Some(uid),
            flags: self.flags.as_deref(),
            size: self.size,
            date: self.date,
            headers: content.map(Message::headers).or(self.headers.as_ref()),
            structure: self.structure.as_ref().or(content.map(Message::structure)),
            content,
            labels: self.labels.as_deref(),
            told,
        }
    }

    /// Takes in what one FETCH response says; a later one may say more.
    fn take(&mut self, mut fetch: Fetch, section: Option<&Section>) {
        let header = section.and_then(|section| fetch.section(section));
        self.headers = header.map(Headers::parse).or(self.headers.take());
        self.flags = fetch.flags.take().or(self.flags.take());
        self.size = fetch.size.or(self.size);
        self.date = fetch.internal_date.or(self.date);
        self.structure = fetch.structure.take().or(self.structure.take());
        self.labels = fetch.gmail_labels.take().or(self.labels.take());
        self.gmail_id = fetch.gmail_message_id.or(self.gmail_id);
    }
}

/// What is fetched to learn messages' identities.
pub(super) struct Inquiry {
    items: String,
    list: Vec<FetchItem>,
    section: Option<Section>,
    structure: bool,
    labels: bool,
}

impl Inquiry {
    /// Asks for what identity needs, and, before an action, for the subject and the header fields that the query needs
    /// to be judged here.
    pub(super) fn new(session: &Session, query: Option<&Query>) -> Result<Self> {
        let mut needs = query.map(Query::needs).unwrap_or_default();
        if query.is_some() {
            // What people know a message by, for the journal.
            needs.fields.insert("subject".to_owned());
        }
        Self::for_search(session, Needs { structure: false, ..needs })
    }

    /// Asks for what identity needs, and all that a query needs to be judged here, short of contents.
    pub(super) fn for_search(session: &Session, mut needs: Needs) -> Result<Self> {
        needs.fields.insert("message-id".to_owned());
        needs.date = true;
        Self::of(needs, is_gmail(session))
    }

    /// Asks for what a query needs to be judged here, short of contents, and what can contradict a server's answer; not
    /// for identity, which would be most of what is sent.
    pub(super) fn for_look(needs: Needs) -> Result<Self> {
        Self::of(needs, false)
    }

    fn of(needs: Needs, gmail_id: bool) -> Result<Self> {
        let Needs { fields, header, date, structure, labels, .. } = needs;
        let section = match fields.is_empty() {
            _ if header => Some(Section::Header),
            false => Some(Section::with_fields(fields.into_iter().collect())),
            true => None,
        };
        let mut items = vec![FetchItem::Flags];
        if date {
            items.push(FetchItem::InternalDate);
        }
        items.push(FetchItem::Size);
        items.extend(section.clone().map(FetchItem::Section));
        if gmail_id {
            items.push(FetchItem::GmailMessageId);
        }
        if labels {
            items.push(FetchItem::GmailLabels);
        }
        if structure {
            items.push(FetchItem::BodyStructure);
        }
        Ok(Self { items: FetchItem::list(&items)?, list: items, section, structure, labels })
    }

    /// Gives what is fetched.
    pub(super) fn items(&self) -> &[FetchItem] {
        &self.list
    }

    /// Gives what it is called where it is kept from run to run: what is fetched. `None` where some of it can change, beside
    /// the flags, or is too much to be kept.
    pub(super) fn kept_as(&self) -> Option<&str> {
        Kept::holds(&self.list).then_some(&*self.items)
    }

    /// Gives what there is to keep of what a server told of a message, if that is all.
    pub(super) fn to_be_kept(&self, fetch: &Fetch) -> Option<Kept> {
        Kept::of(&self.list, fetch)
    }

    /// Gives what is known of a message of which something was kept: all but its flags.
    pub(super) fn identity_of(&self, kept: &Kept) -> Identity {
        let headers = self.section.is_some().then(|| Headers::parse(&kept.header));
        let structure = kept.structure.clone();
        Identity { size: Some(kept.size), date: kept.date, headers, structure, ..Identity::default() }
    }

    /// Gives the commands that fetch it for the set.
    pub(super) fn commands(&self, set: &UidSet) -> Vec<Command> {
        let room = crate::imap::COMMAND_BYTES.saturating_sub(self.items.len() + 60).max(100);
        let parts = set.split(room);
        parts.iter().map(|part| Command::new("UID FETCH").uids(part).syntax(&self.items)).collect()
    }

    /// Takes in one response, if it is about a message of the set.
    pub(super) fn take(&self, found: &mut BTreeMap<Uid, Identity>, set: &UidSet, response: Response) {
        if let Response::Fetch(fetch) = response {
            self.take_fetch(found, set, *fetch);
        }
    }

    /// Takes in what was told of one message, if it is of the set.
    pub(super) fn take_fetch(&self, found: &mut BTreeMap<Uid, Identity>, set: &UidSet, fetch: Fetch) {
        if let Some(uid) = fetch.uid.filter(|uid| set.contains(*uid)) {
            self.add(found.entry(uid).or_default(), fetch);
        }
    }

    /// Adds what was told of a message to what is known of it.
    pub(super) fn add(&self, identity: &mut Identity, fetch: Fetch) {
        identity.take(fetch, self.section.as_ref());
    }

    /// Tells whether all that was asked for is known of a message.
    pub(super) fn is_answered(&self, identity: &Identity) -> bool {
        let header = identity.headers.is_some() || self.section.is_none();
        let basic = identity.flags.is_some() && identity.size.is_some() && header;
        let structure = identity.structure.is_some() || !self.structure;
        basic && structure && (identity.labels.is_some() || !self.labels)
    }

    /// Fetches it for messages of the open mailbox. Messages that are gone are not among the result.
    pub(super) fn ask(&self, session: &mut Session, set: &UidSet) -> Result<BTreeMap<Uid, Identity>> {
        let mut found = BTreeMap::new();
        if set.is_empty() {
            return Ok(found);
        }
        let ends = session.run(&self.commands(set), &mut |_, response| {
            self.take(&mut found, set, response);
            Ok(())
        })?;
        for end in ends {
            end.ok()?;
        }
        if found.values().any(|identity| identity.flags.is_none()) {
            return Err(Error::protocol("FETCH answers without the flags that were asked for")
                .in_command("UID FETCH"));
        }
        Ok(found)
    }
}
