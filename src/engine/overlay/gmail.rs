//! What is planned on Gmail, where a message is in several mailboxes at once: it is planned for the message, by its
//! identifier, and each mailbox takes it in when it is looked at.

use std::collections::BTreeMap;

use super::{Arrival, Change, Key, Overlay};
use crate::engine::gmail::{is_gmail, own_label};
use crate::error::Result;
use crate::imap::{Access, FetchItem, SearchKey, Session, StoreMode};
use crate::mail::{Flag, Label, MailboxName, Uid, UidSet};

/// What a mailbox of Gmail's is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Spot {
    /// All Mail.
    All,
    /// A place of its own, whose messages are in no other mailbox: Trash or Spam.
    Aside(Label),
    /// The mailbox of a label.
    Label(Label),
}

/// A message for which something is planned.
#[derive(Clone, Debug)]
struct Known {
    /// Where it really is, and how it is there.
    arrival: Arrival,
    /// All its labels.
    labels: Vec<Label>,
    /// The place that it is in, if that is not All Mail.
    aside: Option<Label>,
    /// It is removed for good.
    gone: bool,
    /// The number of the last change to it.
    version: u64,
}

/// What is planned for the messages of one account.
#[derive(Debug, Default)]
pub(super) struct Gmail {
    messages: BTreeMap<u64, Known>,
    version: u64,
    spots: BTreeMap<Key, Spot>,
    drafts: u64,
}

/// What is done to a message.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) enum Effect<'a> {
    Flags(StoreMode, &'a [Flag]),
    Labels(StoreMode, &'a [Label]),
    Copy(&'a Spot),
    Move(&'a Spot),
    Purge,
}

impl Known {
    fn take(&mut self, source: &Spot, effect: Effect<'_>) {
        match effect {
            Effect::Flags(mode, flags) => {
                self.arrival.change.then(&Change::flags(mode, flags));
                if flags.contains(&Flag::Flagged) {
                    self.label(starred(), mode);
                }
            }
            Effect::Labels(mode, labels) => {
                for label in labels {
                    self.label(Some(label.clone()), mode);
                    if Some(label) == starred().as_ref() {
                        self.arrival.change.then(&Change::flags(mode, &[Flag::Flagged]));
                    }
                }
            }
            Effect::Copy(target) => self.enter(target),
            Effect::Move(target) => {
                if let Spot::Label(label) = source {
                    self.label(Some(label.clone()), StoreMode::Remove);
                }
                self.enter(target);
            }
            Effect::Purge => self.gone = true,
        }
    }

    fn enter(&mut self, target: &Spot) {
        self.aside = None;
        match target {
            Spot::All => {}
            Spot::Label(label) => self.label(Some(label.clone()), StoreMode::Add),
            Spot::Aside(place) => {
                self.aside = Some(place.clone());
                self.labels.clear();
            }
        }
    }

    fn label(&mut self, label: Option<Label>, mode: StoreMode) {
        let Some(label) = label else { return };
        self.labels.retain(|other| *other != label);
        self.labels.extend((mode == StoreMode::Add).then_some(label));
    }

    fn is_in(&self, spot: &Spot) -> bool {
        !self.gone
            && match spot {
                Spot::All => self.aside.is_none(),
                Spot::Aside(place) => self.aside.as_ref() == Some(place),
                Spot::Label(label) => self.aside.is_none() && self.labels.contains(label),
            }
    }

    /// Gives it as it is seen in a mailbox, whose own label is not told.
    fn seen_in(&self, spot: &Spot) -> Arrival {
        let mut arrival = self.arrival.clone();
        let own = |label: &&Label| matches!(spot, Spot::Label(own) if own == *label);
        let labels = self.labels.iter().filter(|label| !own(label)).cloned().collect();
        arrival.change.then(&Change::labels(labels));
        arrival
    }
}

fn starred() -> Option<Label> {
    Label::new("\\Starred")
}

impl Overlay {
    /// Tells what a mailbox of Gmail's is.
    pub(in crate::engine) fn spot(
        &self,
        session: &mut Session,
        name: &MailboxName,
        key: &Key,
    ) -> Result<Spot> {
        if let Some(spot) = self.planned(|planned| planned.gmail.spots.get(key).cloned()) {
            return Ok(spot);
        }
        let own = match key {
            Key::Server(real) => own_label(session, real, true)?,
            Key::New(_) => Label::from_wire(name.wire()),
        };
        let aside =
            |label: &Label| ["\\Trash", "\\Spam"].iter().any(|at| Label::new(at).as_ref() == Some(label));
        let spot = match own {
            None => Spot::All,
            Some(label) if aside(&label) => Spot::Aside(label),
            Some(label) => Spot::Label(label),
        };
        self.planned(|planned| planned.gmail.spots.insert(key.clone(), spot.clone()));
        Ok(spot)
    }

    /// Plans something for a message. `arrival` and `labels` say how it is on the server, if nothing was planned for it
    /// before.
    pub(in crate::engine) fn plan_on_gmail(
        &self,
        id: u64,
        (arrival, labels): (Arrival, Vec<Label>),
        source: &Spot,
        effect: Effect<'_>,
    ) {
        self.planned(|planned| {
            planned.gmail.version += 1;
            let (version, action) = (planned.gmail.version, arrival.action);
            let known = planned.gmail.messages.entry(id).or_insert_with(|| Known {
                aside: match source {
                    Spot::Aside(place) => Some(place.clone()),
                    Spot::All | Spot::Label(_) => None,
                },
                arrival,
                labels,
                gone: false,
                version,
            });
            known.version = version;
            if !matches!(effect, Effect::Flags(..)) {
                known.arrival.action = action;
            }
            known.take(source, effect);
        });
    }

    /// Gives an identifier for a message that Gmail has not given one.
    pub(in crate::engine) fn new_gmail_id(&self) -> u64 {
        self.planned(|planned| {
            planned.gmail.drafts += 1;
            u64::MAX - planned.gmail.drafts
        })
    }

    /// Has a mailbox take in what was planned for messages since it was looked at last.
    pub(in crate::engine) fn take_in(
        &self,
        session: &mut Session,
        name: &MailboxName,
        key: &Key,
    ) -> Result<()> {
        if !is_gmail(session) {
            return Ok(());
        }
        let taken = self.contents(key, |contents| contents.gmail_version);
        let (version, news) = self.planned(|planned| {
            let news = planned.gmail.messages.iter().filter(|(_, known)| known.version > taken);
            (planned.gmail.version, news.map(|(id, known)| (*id, known.clone())).collect::<Vec<_>>())
        });
        if news.is_empty() {
            return Ok(());
        }
        let spot = self.spot(session, name, key)?;
        let new = |id: &u64| self.contents(key, |contents| !contents.gmail.contains_key(id));
        let unknown: Vec<u64> = news.iter().map(|(id, _)| *id).filter(new).collect();
        let found = match key {
            Key::Server(real) => find(session, real, &unknown)?,
            Key::New(_) => BTreeMap::new(),
        };
        self.contents(key, |contents| {
            contents.gmail_version = version;
            for (id, known) in news {
                let here = contents.gmail.get(&id).copied().unwrap_or_else(|| found.get(&id).copied());
                let seen = known.arrival.seen;
                let there = match (here, known.is_in(&spot)) {
                    (Some(uid), true) => {
                        contents.replace_change(uid, &known.seen_in(&spot).change, seen);
                        Some(uid)
                    }
                    (Some(uid), false) => {
                        contents.plan_leave(uid, seen);
                        None
                    }
                    (None, true) => contents.plan_arrival(known.seen_in(&spot)),
                    (None, false) => None,
                };
                contents.gmail.insert(id, there);
            }
        });
        Ok(())
    }

    /// Finds under which UID a message would be in a mailbox that has taken in everything.
    pub(in crate::engine) fn on_gmail(&self, key: &Key, id: u64) -> Option<Uid> {
        self.contents(key, |contents| contents.gmail.get(&id).copied().flatten())
    }
}

/// How many of Gmail's identifiers one search has room for.
const IDS: usize = 100;

/// Finds messages in a mailbox by their identifiers.
pub(in crate::engine) fn find(
    session: &mut Session,
    mailbox: &MailboxName,
    ids: &[u64],
) -> Result<BTreeMap<u64, Uid>> {
    let mut uids = UidSet::new();
    for some in ids.chunks(IDS) {
        let keys = some.iter().map(|&id| SearchKey::GmailMessageId(id)).collect();
        if let Some(key) = SearchKey::any(keys) {
            uids = uids.union(&session.uid_search(mailbox, Access::Read, &key)?);
        }
    }
    let mut found = BTreeMap::new();
    session.uid_fetch(mailbox, Access::Read, &[(uids, vec![FetchItem::GmailMessageId])], &mut |fetch| {
        found.extend(fetch.gmail_message_id.zip(fetch.uid));
        Ok(())
    })?;
    Ok(found)
}
