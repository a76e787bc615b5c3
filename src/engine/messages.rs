use std::collections::BTreeMap;
use std::sync::Arc;

use super::cache::{Kept, Shelf};
use super::gmail::{is_gmail, own_label};
use super::known_flags::KnownFlags;
use super::selection::Selection;
use super::ticket::Ticket;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Access, Fetch, FetchItem, Section, Session, StillThere};
use crate::mail::{BodyStructure, Flag, Headers, InternalDate, Label, Uid, UidSet};

/// How many bytes of bodies are fetched at once, as far as messages are not larger by themselves.
pub const BODY_BATCH_BYTES: u64 = 6 << 20;

/// The largest message that is loaded; its size is known before it is asked for.
pub const MESSAGE_CAP: u64 = 64 << 20;

/// The header fields that a message has at hand without another fetch.
const FIELDS: [&str; 11] = [
    "date",
    "subject",
    "from",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "message-id",
    "in-reply-to",
    "references",
    "list-id",
];

/// What is loaded of a message before its content.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its UID.
    pub uid: Uid,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Its size in bytes, as the server says.
    pub size: u64,
    /// When it arrived.
    pub date: Option<InternalDate>,
    /// The common header fields and those that were asked for with them, or the whole header.
    pub headers: Headers,
    /// The names of the header fields that were asked for.
    pub fields: Arc<[String]>,
    /// `headers` is the whole header.
    pub whole_header: bool,
    /// The parts, where they were asked for and the server could describe them.
    pub structure: Option<BodyStructure>,
    /// What only Gmail has.
    pub gmail: Option<Gmail>,
}

/// What Gmail has of a message beyond other servers.
#[derive(Clone, Debug)]
pub struct Gmail {
    /// Its identifier, the same in every mailbox.
    pub message_id: Option<u64>,
    /// Its thread's identifier.
    pub thread_id: Option<u64>,
    /// All its labels, that of the mailbox included; `None` where they could not be read.
    pub labels: Option<Vec<Label>>,
}

/// What will be used of messages beside flags, size, date and the common header fields.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Header fields beside the common ones.
    pub fields: Vec<String>,
    /// The whole header.
    pub header: bool,
    /// The parts, as the server describes them.
    pub structure: bool,
    /// The content, in which header and parts are found too.
    pub content: bool,
}

impl Needs {
    /// Names what is fetched of the header.
    fn section(&self) -> Section {
        if self.header && !self.content {
            return Section::Header;
        }
        let mut names = FIELDS.map(str::to_owned).to_vec();
        for field in &self.fields {
            let name = field.to_ascii_lowercase();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Section::Fields(names)
    }
}

/// Fetches items of messages of a selection, in a mailbox whose UIDs still mean what they meant.
pub(super) fn fetch(
    session: &mut Session,
    selection: &Selection,
    uids: &UidSet,
    items: &[FetchItem],
    each: &mut dyn FnMut(Fetch) -> Result<()>,
) -> Result<()> {
    fetch_each(session, selection, &[(uids.clone(), items.to_vec())], each)
}

/// Does the same with items of each set of messages' own, in one flight.
pub(super) fn fetch_each(
    session: &mut Session,
    selection: &Selection,
    wanted: &[(UidSet, Vec<FetchItem>)],
    each: &mut dyn FnMut(Fetch) -> Result<()>,
) -> Result<()> {
    if wanted.iter().all(|(uids, _)| uids.is_empty()) {
        return Ok(());
    }
    let run = selection.account.run();
    let total = wanted.iter().map(|(uids, _)| uids.len()).sum();
    let what = format!("reading {}", selection.shown);
    let reading = run.progress.begin(selection.account.label(), what, Some(total));
    let each = &mut |fetch| {
        reading.count(1);
        each(fetch)
    };
    if let Some(overlay) = &run.overlay {
        return overlay.fetch_each(session, selection, wanted, each);
    }
    session.uid_fetch(&selection.name, Access::Read, wanted, each)?;
    check_validity(session, selection)
}

/// Does the same, and asks in the same flight which of the flags of more messages have changed since a mod-sequence.
/// Gives those of them that are there; what is not told of these is as it was.
fn fetch_since(
    session: &mut Session,
    selection: &Selection,
    wanted: &[(UidSet, Vec<FetchItem>)],
    (set, since): &(UidSet, u64),
    each: &mut dyn FnMut(Fetch) -> Result<()>,
) -> Result<StillThere> {
    let place = (&selection.name, Access::Read);
    if let Some(there) = session.uid_fetch_since(place, wanted, (set, *since), each)? {
        return check_validity(session, selection).map(|()| there);
    }
    fetch(session, selection, set, &[FetchItem::Flags], each).map(|()| StillThere::default())
}

fn check_validity(session: &Session, selection: &Selection) -> Result<()> {
    let is = session.selected().and_then(|selected| selected.validity);
    match (selection.validity, is) {
        (Some(was), Some(is)) if was != is => {
            let mailbox = selection.shown.clone();
            Err(ErrorKind::UidValidityChanged { mailbox, was: was.get(), is: is.get() }.into())
        }
        _ => Ok(()),
    }
}

/// Loads flags, size, date and what is needed of header and parts, lowest UID first. Messages that are gone are
/// left out.
///
/// Error: a name in `needs.fields` that no header field can have.
pub fn load_headers(selection: &Selection, uids: UidSet, needs: &Needs) -> Ticket<Vec<Loaded>> {
    let selection = selection.clone();
    let section = needs.section();
    let mut items =
        vec![FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::Section(section.clone())];
    items.extend((needs.structure && !needs.content).then_some(FetchItem::BodyStructure));
    selection.account.clone().read_beside(move |session, _| {
        let whole_header = section == Section::Header;
        let fields: Arc<[String]> = match &section {
            Section::Fields(names) => names.clone().into(),
            _ => Arc::default(),
        };
        let mut room = MESSAGE_CAP;
        let mut own = None;
        let gmail = is_gmail(session);
        if gmail {
            items.extend([FetchItem::GmailMessageId, FetchItem::GmailThreadId, FetchItem::GmailLabels]);
            // Gmail's own mailboxes are in `[Gmail]`, or `[Google Mail]`.
            own = own_label(session, &selection.name, selection.name.wire().starts_with(b"["))
                .map_err(|error| error.in_mailbox(&selection.shown))?;
        }
        let mut found: BTreeMap<Uid, (Option<Loaded>, Option<Vec<Flag>>)> = BTreeMap::new();
        let mut place = remembered(&selection, &items)?;
        let mut fresh = Vec::new();
        let known = place.as_ref().map(|place| {
            place.each(&uids, |uid, kept| {
                room = room.saturating_sub(kept.header.len() as u64);
                let loaded = Loaded {
                    uid,
                    flags: Vec::new(),
                    size: kept.size,
                    date: kept.date,
                    headers: Headers::parse(&kept.header),
                    fields: Arc::clone(&fields),
                    whole_header,
                    structure: kept.structure,
                    gmail: None,
                };
                found.insert(uid, (Some(loaded), None));
            })
        });
        let known = known.unwrap_or_default();
        let then = place.as_ref().and_then(|_| KnownFlags::find(session, &selection, &uids));
        let since = then.as_ref().and_then(|then| then.since(&known));
        let plain = since.as_ref().map_or_else(|| known.clone(), |(then, _)| known.difference(then));
        let wanted = [(plain, vec![FetchItem::Flags]), (uids.difference(&known), items.clone())];
        let each = &mut |mut fetch: Fetch| {
            let Some(uid) = fetch.uid else { return Ok(()) };
            if place.is_some() && !known.contains(uid) {
                fresh.extend(Kept::of(&items, &fetch).map(|kept| (uid, kept)));
            }
            let flags = fetch.flags.take();
            let labels = fetch.gmail_labels.take();
            let structure = fetch.structure.take();
            let entry = found.entry(uid).or_default();
            if let Some(block) = fetch.section(&section) {
                let flood = || Error::protocol("headers that together are larger than any message may be");
                room = room.checked_sub(block.len() as u64).ok_or_else(flood)?;
                let labels = labels.map(|mut labels| {
                    labels.extend(own.clone().filter(|own| !labels.contains(own)));
                    labels
                });
                entry.0 = Some(Loaded {
                    uid,
                    flags: Vec::new(),
                    size: fetch.size.unwrap_or(0),
                    date: fetch.internal_date,
                    headers: Headers::parse(block),
                    fields: Arc::clone(&fields),
                    whole_header,
                    structure,
                    gmail: gmail.then_some(Gmail {
                        message_id: fetch.gmail_message_id,
                        thread_id: fetch.gmail_thread_id,
                        labels,
                    }),
                });
            }
            // The last word on flags counts: they may change while we read.
            entry.1 = flags.or(entry.1.take());
            Ok(())
        };
        let still = match &since {
            Some(since) => fetch_since(session, &selection, &wanted, since, each),
            None => fetch_each(session, &selection, &wanted, each).map(|()| StillThere::default()),
        };
        let still = still.map_err(|error| error.in_mailbox(&selection.shown))?;
        if let Some(then) = then {
            then.fill(session, &still, found.iter_mut().map(|(uid, (_, flags))| (*uid, flags)));
        }
        // Only now it is known to be the mailbox that it was.
        if let Some(place) = &mut place {
            for (uid, kept) in fresh {
                place.keep(uid, &kept);
            }
        }
        let loaded = found
            .into_iter()
            // What is known and told nothing of is gone.
            .filter(|(uid, (_, flags))| flags.is_some() || !known.contains(*uid))
            .filter(|(uid, _)| !still.gone.contains(*uid))
            .map(|(_, found)| found)
            .filter_map(|(loaded, flags)| Some(Loaded { flags: flags.unwrap_or_default(), ..loaded? }));
        Ok(loaded.collect())
    })
}

/// Gives where that is kept from run to run which is fetched of a selection's messages; `None` where none of it can be.
fn remembered(selection: &Selection, items: &[FetchItem]) -> Result<Option<Shelf<Kept>>> {
    let Some((cache, validity)) = selection.account.cache().zip(selection.validity) else { return Ok(None) };
    if !Kept::holds(items) {
        return Ok(None);
    }
    Ok(cache.shelf(&selection.name, validity, &FetchItem::list(items)?))
}

/// Loads the whole content of messages that together are of a reasonable size. Messages that are gone are
/// left out.
pub fn load_bodies(selection: &Selection, uids: UidSet) -> Ticket<Vec<(Uid, Vec<u8>)>> {
    load_sections(selection, uids, Section::Whole)
}

/// Loads the content, or a section of it, of one message whose size the caller knows.
///
/// Errors: the message is larger than [`MESSAGE_CAP`], or gone.
pub fn load_body(selection: &Selection, uid: Uid, size: u64, section: Section) -> Ticket<Vec<u8>> {
    if size > MESSAGE_CAP {
        let kind = ErrorKind::TooLarge { uid: uid.get(), size, cap: MESSAGE_CAP };
        return Ticket::failed(Error::from(kind).in_mailbox(&selection.shown), selection.account.run());
    }
    let selection = selection.clone();
    selection.account.clone().read_beside(move |session, _| {
        let mut body = None;
        let items = [FetchItem::Section(section.clone())];
        let result = fetch(session, &selection, &UidSet::from(uid), &items, &mut |mut fetch| {
            body = fetch.take_section(&section).or(body.take());
            Ok(())
        });
        let body = result.and_then(|()| body.ok_or_else(|| ErrorKind::Gone { uid: uid.get() }.into()));
        body.map_err(|error| error.in_mailbox(&selection.shown))
    })
}

fn load_sections(selection: &Selection, uids: UidSet, section: Section) -> Ticket<Vec<(Uid, Vec<u8>)>> {
    let selection = selection.clone();
    selection.account.clone().read_beside(move |session, _| {
        let mut bodies = Vec::new();
        let mut room = MESSAGE_CAP + BODY_BATCH_BYTES;
        let items = [FetchItem::Section(section.clone())];
        let result = fetch(session, &selection, &uids, &items, &mut |mut fetch| {
            if let (Some(uid), Some(body)) = (fetch.uid, fetch.take_section(&section)) {
                let lie = || Error::protocol("much more content than the sizes it gave before add up to");
                room = room.checked_sub(body.len() as u64).ok_or_else(lie)?;
                bodies.push((uid, body));
            }
            Ok(())
        });
        result.map_err(|error| error.in_mailbox(&selection.shown))?;
        Ok(bodies)
    })
}
