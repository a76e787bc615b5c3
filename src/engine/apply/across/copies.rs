use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::essence::Essence;
use crate::engine::identity::{Identity, Likeness};
use crate::engine::journal::Known;
use crate::imap::NewMessage;
use crate::mail::{Flag, Headers, InternalDate, Uid, UidSet, UidValidity};

/// A message that was sent to the target.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// Its UID in the source.
    pub(super) uid: Uid,
    /// What the journal keeps of it.
    pub(super) known: Known,
    size: u64,
    date: Option<InternalDate>,
    flags: Vec<Flag>,
    /// What it says, where the target may write it anew.
    pub(super) essence: Option<Essence>,
    /// Where the server says that it is.
    pub(super) landed: Option<(UidValidity, Uid)>,
    /// The server named the same place for another message.
    pub(super) shared: bool,
    /// Why the server's answer to it is not known.
    pub(super) cut: Option<String>,
}

/// What is seen of a message in the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    /// Its copy, with the flags of it that are not kept there.
    Same(UidValidity, Uid, Vec<Flag>),
    /// A message that must be its copy, and in what it differs.
    Other(UidValidity, Uid, String),
    /// Nothing.
    Unseen,
}

impl Sent {
    /// Notes a message as it is sent.
    pub(super) fn new(uid: Uid, known: Known, message: &NewMessage, rewritten: bool) -> Self {
        let digest = Some(Sha256::digest(&*message.raw).to_vec());
        Self {
            uid,
            known: Known { digest, size: Some(message.raw.len() as u64), ..known },
            size: message.raw.len() as u64,
            date: message.date,
            flags: message.flags.clone(),
            essence: rewritten.then(|| Essence::of(message.raw.to_vec())),
            landed: None,
            shared: false,
            cut: None,
        }
    }

    /// Says that it is not known what the server made of it, and why.
    pub(super) fn in_doubt(mut self, why: &str) -> Self {
        self.cut = Some(why.to_owned());
        self
    }

    /// Notes where it was found, if the server did not say it.
    pub(super) fn found(mut self, landed: Option<(UidValidity, Uid)>, shared: bool) -> Self {
        self.landed = self.landed.or(landed);
        self.shared |= shared;
        self
    }

    pub(super) fn message_id(&self) -> Option<&str> {
        self.known.message_id.as_deref()
    }

    /// Gives what its copy has in common with it; `None` where too little is known to find it by that.
    fn likeness(&self) -> Option<Likeness> {
        Some(Likeness::Mail(self.known.message_id.clone(), self.size, self.date?.timestamp().as_second()))
    }

    /// Compares it with what is in the target. `next` is the UID from which on messages came after it was sent.
    pub(super) fn compare(
        &self,
        validity: UidValidity,
        uid: Uid,
        found: &Identity,
        next: Option<Uid>,
        gmail: bool,
    ) -> Copy {
        let other = |why: String| Copy::Other(validity, uid, why);
        let message_id = found.headers.as_ref().and_then(Headers::message_id);
        if gmail && next.is_some_and(|next| uid < next) {
            return other("Gmail put it together with a message that it had before".to_owned());
        }
        if self.shared {
            return other("the server put it together with another message".to_owned());
        }
        if message_id != self.known.message_id {
            return other("the server gives it another Message-ID".to_owned());
        }
        if let Some(size) = found.size.filter(|size| *size != self.size) {
            return other(format!("the server changed it: {size} bytes, not {}", self.size));
        }
        let instant = |date: Option<InternalDate>| date.map(|date| date.timestamp().as_second());
        if self.date.is_some() && instant(self.date) != instant(found.date) {
            let what = if gmail { "Gmail put it together with another, or gave" } else { "the server gave" };
            return other(format!("{what} it another date of arrival"));
        }
        if found.size.is_none() {
            return other("the server does not say its size".to_owned());
        }
        let there = found.flags.clone().unwrap_or_default();
        let lost = self.flags.iter().filter(|flag| !there.contains(flag)).cloned().collect();
        Copy::Same(validity, uid, lost)
    }
}

/// Finds for messages what is in the target among `there`, where it was not said: by all that a copy has in common
/// with its original, as many as there are of each, and then by the Message-ID alone. `taken` are copies of others.
pub(super) fn find<'a>(
    wanted: impl Iterator<Item = &'a Sent> + Clone,
    there: &BTreeMap<Uid, Identity>,
    taken: &mut UidSet,
) -> BTreeMap<Uid, Uid> {
    let mut alike: BTreeMap<Likeness, Vec<Uid>> = BTreeMap::new();
    let mut same_id: BTreeMap<String, Vec<Uid>> = BTreeMap::new();
    // Backwards, so that the earliest is the last of each list.
    for (uid, identity) in there.iter().rev().filter(|(uid, _)| !taken.contains(**uid)) {
        if let Some(likeness) = identity.mail_likeness() {
            alike.entry(likeness).or_default().push(*uid);
        }
        if let Some(id) = identity.headers.as_ref().and_then(Headers::message_id) {
            same_id.entry(id).or_default().push(*uid);
        }
    }
    let mut found = BTreeMap::new();
    for sent in wanted.clone() {
        if let Some(uid) = sent.likeness().and_then(|likeness| alike.get_mut(&likeness)?.pop()) {
            taken.insert(uid);
            found.insert(sent.uid, uid);
        }
    }
    for sent in wanted {
        if found.contains_key(&sent.uid) {
            continue;
        }
        let list = sent.message_id().and_then(|id| same_id.get_mut(id));
        let Some(list) = list else { continue };
        while let Some(uid) = list.pop() {
            if !taken.contains(uid) {
                taken.insert(uid);
                found.insert(sent.uid, uid);
                break;
            }
        }
    }
    found
}
