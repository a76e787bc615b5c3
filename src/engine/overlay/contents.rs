use std::collections::BTreeMap;

use super::VIRTUAL;
use super::changes::{Arrival, Change};
use crate::mail::{Uid, UidSet};

/// What is planned for the messages of one mailbox.
#[derive(Debug, Default)]
pub(in crate::engine) struct Contents {
    /// Messages of the server's that are to leave.
    left: UidSet,
    /// How many of them the server counts as not seen.
    left_unseen: usize,
    /// Messages of the server's that are to be changed: what is planned, and whether they are seen now.
    changed: BTreeMap<Uid, (Change, bool)>,
    /// Messages that are to arrive.
    arrived: BTreeMap<Uid, Arrival>,
    /// Under which UIDs messages are here, by Gmail's identifier; `None` for those that are not.
    pub(super) gmail: BTreeMap<u64, Option<Uid>>,
    /// The last change on Gmail that was taken in.
    pub(super) gmail_version: u64,
    /// How many have arrived, those that left again included.
    given: u32,
}

/// Tells whether a UID is that of a message that is to arrive.
pub(super) fn is_virtual(uid: Uid) -> bool {
    uid.get() >= VIRTUAL
}

impl Contents {
    /// Gives those of the messages that would still be there.
    pub(super) fn still_there(&self, uids: &UidSet) -> UidSet {
        let there = |uid: &Uid| !is_virtual(*uid) || self.arrived.contains_key(uid);
        uids.difference(&self.left).iter().filter(there).collect()
    }

    /// Gives the messages of which the server's answer to a search says nothing.
    pub(super) fn beyond_the_server(&self) -> UidSet {
        self.left.union(&self.changed.keys().copied().collect())
    }

    /// Gives the messages that must be judged with what is planned for them.
    pub(super) fn touched(&self) -> UidSet {
        self.changed.keys().chain(self.arrived.keys()).copied().collect()
    }

    /// Gives a message that is to arrive.
    pub(in crate::engine) fn arrival(&self, uid: Uid) -> Option<&Arrival> {
        self.arrived.get(&uid)
    }

    /// Gives Gmail's identifier of a message, where something is planned for it.
    pub(super) fn gmail_id(&self, uid: Uid) -> Option<u64> {
        self.gmail.iter().find_map(|(id, here)| (*here == Some(uid)).then_some(*id))
    }

    /// Gives what is planned for a message of the server's that stays.
    pub(super) fn change(&self, uid: Uid) -> Option<&Change> {
        self.changed.get(&uid).map(|(change, _)| change)
    }

    /// Plans a change to a message; `seen` is what the server said of it last.
    pub(in crate::engine) fn plan_change(&mut self, uid: Uid, change: &Change, seen: bool) {
        if is_virtual(uid) {
            if let Some(arrival) = self.arrived.get_mut(&uid) {
                arrival.change.then(change);
            }
        } else if !self.left.contains(uid) {
            self.changed.entry(uid).or_insert_with(|| (Change::default(), seen)).0.then(change);
        }
    }

    /// Plans a change to a message in place of what was planned before.
    pub(super) fn replace_change(&mut self, uid: Uid, change: &Change, seen: bool) {
        if !is_virtual(uid) {
            self.changed.insert(uid, (change.clone(), seen));
        } else if let Some(arrival) = self.arrived.get_mut(&uid) {
            arrival.change = change.clone();
        }
    }

    /// Gives a message as one that an action brings somewhere else. `plain` is what it is on the server, without anything
    /// planned.
    pub(in crate::engine) fn copy_of(
        &self,
        uid: Uid,
        plain: Option<Arrival>,
        action: usize,
    ) -> Option<Arrival> {
        Some(match (self.arrived.get(&uid), self.changed.get(&uid)) {
            (Some(arrival), _) => Arrival { action, ..arrival.clone() },
            (None, Some((change, seen))) => Arrival { change: change.clone(), seen: *seen, ..plain? },
            (None, None) => plain?,
        })
    }

    /// Plans that a message leaves; `seen` is what the server said of it last.
    pub(in crate::engine) fn plan_leave(&mut self, uid: Uid, seen: bool) {
        if is_virtual(uid) {
            self.arrived.remove(&uid);
            return;
        }
        let seen = self.changed.remove(&uid).map_or(seen, |(_, seen)| seen);
        if !self.left.contains(uid) {
            self.left.insert(uid);
            self.left_unseen += usize::from(!seen);
        }
    }

    /// Plans that a message arrives, and gives the UID by which it is known. `None` where there are no more.
    pub(in crate::engine) fn plan_arrival(&mut self, arrival: Arrival) -> Option<Uid> {
        let uid = Uid::new(VIRTUAL.checked_add(self.given)?)?;
        self.given += 1;
        self.arrived.insert(uid, arrival);
        Some(uid)
    }

    /// Tells how many messages less and how many more there would be.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.left.len(), self.arrived.len())
    }

    /// Tells how many messages less and how many more would not be seen.
    pub(super) fn unseen(&self) -> (usize, usize) {
        let before = self.changed.values().filter(|(_, seen)| !seen).count();
        let after = self.changed.values().filter(|(change, seen)| !change.is_seen(*seen)).count();
        let arrived = self.arrived.values().filter(|arrival| !arrival.is_seen()).count();
        (self.left_unseen + before, after + arrived)
    }

    /// Tells how many messages would have arrived.
    pub(super) fn given(&self) -> u32 {
        self.given
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::{Arrival, Change, Origin};
    use super::Contents;
    use crate::imap::StoreMode;
    use crate::mail::{Flag, MailboxName, Uid, UidSet, UidValidity};

    #[test]
    fn what_leaves_arrives_and_changes_is_counted_once() {
        let uid = |number| Uid::new(number).unwrap();
        let (mut source, mut target) = (Contents::default(), Contents::default());
        source.plan_change(uid(1), &Change::flags(StoreMode::Add, &[Flag::Seen]), false);
        source.plan_change(uid(2), &Change::flags(StoreMode::Remove, &[Flag::Seen]), true);
        // One not seen less, and one more.
        assert_eq!((source.counts(), source.unseen()), ((0, 0), (1, 1)));
        let origin = Origin::Server {
            mailbox: MailboxName::inbox(),
            validity: UidValidity::new(1).unwrap(),
            uid: uid(1),
        };
        let arrival = source.copy_of(uid(1), Some(Arrival::of(origin, true, 0)), 0).unwrap();
        let new = target.plan_arrival(arrival).unwrap();
        for _ in 0..2 {
            source.plan_leave(uid(1), true);
        }
        assert_eq!((source.counts(), source.unseen()), ((1, 0), (1, 1)));
        assert_eq!((target.counts(), target.unseen()), ((0, 1), (0, 0)));
        target.plan_change(new, &Change::flags(StoreMode::Remove, &[Flag::Seen]), true);
        assert_eq!(target.unseen(), (0, 1));
        target.plan_leave(new, false);
        assert_eq!((target.counts(), target.unseen(), target.given()), ((0, 0), (0, 0), 1));
        assert_eq!(source.still_there(&UidSet::parse("1:3").unwrap()), UidSet::parse("2:3").unwrap());
        assert!(target.still_there(&UidSet::from(new)).is_empty());
    }
}
