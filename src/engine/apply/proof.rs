use std::collections::BTreeMap;

use crate::engine::identity::{Identity, Inquiry, Likeness};
use crate::error::{ErrorKind, Result};
use crate::imap::{Access, CopyUid, Session};
use crate::mail::{MailboxName, Uid, UidSet, UidValidity};

/// The messages of which it is shown that they are in the target, with their UIDs there where known.
#[derive(Debug, Default)]
pub(super) struct Proof {
    pub(super) shown: UidSet,
    pub(super) landed: Vec<(UidValidity, UidSet)>,
}

impl Proof {
    /// Makes it of messages and where each is now, in any order.
    fn of(pairs: Vec<(Uid, UidValidity, Uid)>) -> Self {
        let mut landed: BTreeMap<UidValidity, Vec<Uid>> = BTreeMap::new();
        for (_, validity, target) in &pairs {
            landed.entry(*validity).or_default().push(*target);
        }
        Self {
            shown: pairs.into_iter().map(|(source, ..)| source).collect(),
            landed: landed
                .into_iter()
                .map(|(validity, uids)| (validity, uids.into_iter().collect()))
                .collect(),
        }
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

/// Looks in the target mailbox for copies of messages, among those that came at `since` or later and are not
/// `taken`: known to be copies of others.
///
/// Messages that are alike are matched by their number: two of three alike in the target show two. Another
/// mailbox is open afterwards.
pub(super) fn look_in_target(
    session: &mut Session,
    target: &MailboxName,
    since: Uid,
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
    let there = Inquiry::new(session, None)?.ask(session, &UidSet::range(since, Uid::MAX))?;
    let mut copies: BTreeMap<Likeness, Vec<Uid>> = BTreeMap::new();
    for (uid, identity) in there.iter().filter(|(uid, _)| !taken.contains(**uid)) {
        if let Some(likeness) = identity.likeness() {
            copies.entry(likeness).or_default().push(*uid);
        }
    }
    let mut pairs = Vec::new();
    for uid in wanted.iter() {
        let likeness = identities.get(&uid).and_then(Identity::likeness);
        if let Some(copy) = likeness.and_then(|likeness| copies.get_mut(&likeness)?.pop()) {
            pairs.push((uid, validity, copy));
        }
    }
    Ok(Proof::of(pairs))
}
