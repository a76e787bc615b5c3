use std::collections::BTreeMap;

use crate::engine::identity::{Identity, Inquiry, Likeness};
use crate::error::Result;
use crate::imap::{Access, CopyUid, Session};
use crate::mail::{MailboxName, Uid, UidSet, UidValidity};

/// The messages of which it is shown that they are in the target, with their UIDs there where known.
#[derive(Debug, Default)]
pub(super) struct Proof {
    pub(super) shown: UidSet,
    pub(super) landed: Vec<(UidValidity, UidSet)>,
}

impl Proof {
    pub(super) fn land(&mut self, validity: UidValidity, uid: Uid) {
        match self.landed.iter_mut().find(|(known, _)| *known == validity) {
            Some((_, uids)) => uids.insert(uid),
            None => self.landed.push((validity, UidSet::from(uid))),
        }
    }

    /// Takes what COPYUID shows of the named messages. A code whose two lists differ in length shows
    /// nothing.
    pub(super) fn from_codes(codes: &[CopyUid], named: &UidSet) -> Self {
        let mut proof = Self::default();
        for code in codes {
            for (source, target) in code.pairs().unwrap_or_default() {
                if named.contains(source) {
                    proof.shown.insert(source);
                    proof.land(code.validity, target);
                }
            }
        }
        proof
    }
}

/// Looks in the target mailbox for copies of messages, among those that came after `since`.
///
/// Messages that are alike are matched by their number: two of three alike in the target show two. Another
/// mailbox is open afterwards.
pub(super) fn look_in_target(
    session: &mut Session,
    target: &MailboxName,
    since: Option<Uid>,
    wanted: &UidSet,
    identities: &BTreeMap<Uid, Identity>,
) -> Result<Proof> {
    let mut proof = Proof::default();
    if wanted.is_empty() {
        return Ok(proof);
    }
    let validity = session.open_mailbox(target, Access::Read)?.validity;
    let new = UidSet::range(since.unwrap_or(Uid::MIN), Uid::MAX);
    let there = Inquiry::new(session, None)?.ask(session, &new)?;
    let mut copies: BTreeMap<Likeness, Vec<Uid>> = BTreeMap::new();
    for (uid, identity) in &there {
        if let Some(likeness) = identity.likeness() {
            copies.entry(likeness).or_default().push(*uid);
        }
    }
    for uid in wanted.iter() {
        let likeness = identities.get(&uid).and_then(Identity::likeness);
        let copy = likeness.and_then(|likeness| copies.get_mut(&likeness)?.pop());
        if let Some(copy) = copy {
            proof.shown.insert(uid);
            if let Some(validity) = validity {
                proof.land(validity, copy);
            }
        }
    }
    Ok(proof)
}
