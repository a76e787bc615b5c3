use std::collections::BTreeMap;

use crate::engine::identity::{Identity, Inquiry, Likeness};
use crate::error::{ErrorKind, Result};
use crate::imap::{Access, CopyUid, SearchKey, Session};
use crate::mail::{MailboxName, Uid, UidSet, UidValidity};

/// The messages of which it is shown that they are in the target, and where: UID in the source, the target's
/// validity, UID there.
#[derive(Debug, Default)]
pub(super) struct Proof {
    pub(super) shown: UidSet,
    pub(super) landed: Vec<(Uid, UidValidity, Uid)>,
}

impl Proof {
    /// Makes it of messages and where each is now, in any order.
    pub(super) fn of(pairs: Vec<(Uid, UidValidity, Uid)>) -> Self {
        Self { shown: pairs.iter().map(|(source, ..)| *source).collect(), landed: pairs }
    }

    /// Takes what COPYUID shows of the named messages. A code whose two lists differ in length, or name a
    /// message twice, shows nothing.
    pub(super) fn from_codes(codes: &[CopyUid], named: &UidSet) -> Self {
        let each = |code: &CopyUid| {
            let validity = code.validity;
            let pairs = code.pairs().unwrap_or_default().into_iter();
            pairs.map(move |(source, target)| (source, validity, target))
        };
        Self::of(codes.iter().flat_map(each).filter(|(source, ..)| named.contains(*source)).collect())
    }
}

/// Finds messages in the target mailbox by Gmail's identifiers, which is open afterwards.
pub(super) fn find_by_gmail_id(session: &mut Session, target: &MailboxName, ids: &[u64]) -> Result<UidSet> {
    let mut found = UidSet::new();
    for some in ids.chunks(GMAIL_IDS) {
        let keys = some.iter().map(|&id| SearchKey::GmailMessageId(id)).collect();
        if let Some(key) = SearchKey::any(keys) {
            found = found.union(&session.uid_search(target, Access::Read, &key)?);
        }
    }
    Ok(found)
}

/// How many of Gmail's identifiers one search has room for.
const GMAIL_IDS: usize = 100;

/// Looks in the target mailbox for copies of messages, `among` those that can only be there by now as such, and
/// that are not `taken`: known to be copies of others.
///
/// Messages that are alike are matched by their number: two of three alike in the target show two. Another
/// mailbox is open afterwards.
pub(super) fn look_in_target(
    session: &mut Session,
    target: &MailboxName,
    among: &UidSet,
    taken: &UidSet,
    wanted: &UidSet,
    identities: &BTreeMap<Uid, Identity>,
) -> Result<Proof> {
    if wanted.is_empty() {
        return Ok(Proof::default());
    }
    let Some(validity) = session.open_mailbox(target, Access::Read)?.validity else {
        return Err(ErrorKind::NoUidValidity { mailbox: target.text().to_owned() }.into());
    };
    let mut copies = copies_among(session, among, taken)?;
    let mut pairs = Vec::new();
    for uid in wanted.iter() {
        let likeness = identities.get(&uid).and_then(Identity::likeness);
        if let Some(copy) = likeness.and_then(|likeness| copies.get_mut(&likeness)?.pop()) {
            pairs.push((uid, validity, copy));
        }
    }
    Ok(Proof::of(pairs))
}

/// Gives the messages of the open mailbox `among` these that are not `taken`, by what they have in common with those
/// whose copies they may be; the lowest UID last.
pub(super) fn copies_among(
    session: &mut Session,
    among: &UidSet,
    taken: &UidSet,
) -> Result<BTreeMap<Likeness, Vec<Uid>>> {
    let there = Inquiry::new(session, None)?.ask(session, among)?;
    let mut copies: BTreeMap<Likeness, Vec<Uid>> = BTreeMap::new();
    for (uid, identity) in there.iter().rev().filter(|(uid, _)| !taken.contains(**uid)) {
        if let Some(likeness) = identity.likeness() {
            copies.entry(likeness).or_default().push(*uid);
        }
    }
    Ok(copies)
}
