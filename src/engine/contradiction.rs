//! Where a server's answer to a search and what its messages say of themselves can't both be right.

use super::identity::Identity;
use super::query::{Query, Verdict};
use crate::imap::SearchKey;
use crate::mail::{Flag, Uid, UidSet};

/// What a server was asked for and a message's own UID, flags and size can contradict.
struct Condition {
    key: SearchKey,
    query: Query,
}

/// Collects the messages that a search found against what they say of themselves.
#[derive(Default)]
pub(super) struct Contradictions(Vec<(Condition, Vec<Uid>)>);

impl Contradictions {
    /// Makes it of the program that the server was asked.
    ///
    /// Header fields, bodies and days can't contradict: they are asked for in a wider sense than they are judged, and
    /// servers differ in what they take for a match.
    pub(super) fn to(program: &SearchKey) -> Self {
        let mut conditions = Vec::new();
        collect(program, &mut conditions);
        Self(conditions.into_iter().map(|condition| (condition, Vec::new())).collect())
    }

    /// Takes note of a message that the search found.
    pub(super) fn look_at(&mut self, uid: Uid, identity: &Identity) {
        let facts = identity.facts(uid, None, &[]);
        let denied = self.0.iter_mut().find(|(condition, _)| condition.query.judge(&facts) == Verdict::No);
        if let Some((_, uids)) = denied {
            uids.push(uid);
        }
    }

    /// Gives what was asked for, as IMAP has it, and the messages that contradict it.
    pub(super) fn finish(self) -> Vec<(String, UidSet)> {
        let met = self.0.into_iter().filter(|(_, uids)| !uids.is_empty());
        met.map(|(condition, uids)| (condition.key.shown(), uids.into_iter().collect())).collect()
    }
}

fn collect(program: &SearchKey, conditions: &mut Vec<Condition>) {
    match program {
        SearchKey::And(keys) => keys.iter().for_each(|key| collect(key, conditions)),
        key => conditions.extend(necessary(key, true).map(|query| Condition { key: key.clone(), query })),
    }
}

/// Gives a query that holds of every message for which the key holds, or does not hold. `None` where none can be judged
/// by UID, flags and size.
fn necessary(key: &SearchKey, holds: bool) -> Option<Query> {
    match key {
        // Whether a message is recent is another matter in each session.
        SearchKey::Has(Flag::Recent | Flag::Extension(_))
        | SearchKey::HasNot(Flag::Recent | Flag::Extension(_)) => None,
        SearchKey::Has(flag) => Some(Query::Flag(flag.clone(), holds)),
        SearchKey::HasNot(flag) => Some(Query::Flag(flag.clone(), !holds)),
        SearchKey::Larger(bytes) => Some(unless(holds, Query::Larger((*bytes).into()))),
        SearchKey::Smaller(bytes) => Some(unless(holds, Query::Smaller((*bytes).into()))),
        SearchKey::Uids(set) => Some(unless(holds, Query::Uids(set.clone()))),
        SearchKey::Not(key) => necessary(key, !holds),
        SearchKey::Or(a, b) if holds => Some(Query::Any(vec![necessary(a, true)?, necessary(b, true)?])),
        SearchKey::Or(a, b) => all([&**a, &**b].into_iter(), false),
        SearchKey::And(keys) if holds => all(keys.iter(), true),
        SearchKey::And(keys) => {
            Some(Query::Any(keys.iter().map(|key| necessary(key, false)).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// Gives what can be judged of several keys that all hold, or of which none does.
fn all<'a>(keys: impl Iterator<Item = &'a SearchKey>, holds: bool) -> Option<Query> {
    let known: Vec<_> = keys.filter_map(|key| necessary(key, holds)).collect();
    (!known.is_empty()).then_some(Query::All(known))
}

fn unless(holds: bool, query: Query) -> Query {
    if holds { query } else { Query::Not(Box::new(query)) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Contradictions, Flag, Identity, SearchKey, Uid};

    /// Tells what of the program a seen message of 100 bytes contradicts.
    fn denied(program: &SearchKey) -> Vec<String> {
        let mut met = Contradictions::to(program);
        let identity = Identity { flags: Some(vec![Flag::Seen]), size: Some(100), ..Identity::default() };
        met.look_at(Uid::new(5).unwrap(), &identity);
        met.finish().into_iter().map(|(asked, _)| asked).collect()
    }

    #[test]
    fn only_what_can_not_be_right_is_a_contradiction() {
        let from = || SearchKey::Contains("FROM", "ann".into());
        let unseen = || SearchKey::HasNot(Flag::Seen);
        let or = |a, b| SearchKey::Or(Box::new(a), Box::new(b));
        let not = |key| SearchKey::Not(Box::new(key));
        assert_eq!(denied(&unseen()), ["UNSEEN"]);
        assert_eq!(denied(&SearchKey::And(vec![from(), SearchKey::Larger(100)])), ["LARGER 100"]);
        assert_eq!(denied(&or(unseen(), SearchKey::Smaller(9))), ["OR UNSEEN SMALLER 9"]);
        assert_eq!(denied(&not(SearchKey::And(vec![SearchKey::Smaller(200)]))), ["NOT (SMALLER 200)"]);
        assert_eq!(denied(&not(or(from(), SearchKey::Has(Flag::Seen)))), ["NOT OR FROM \"ann\" SEEN"]);
        for fine in [
            SearchKey::Has(Flag::Seen),
            SearchKey::Has(Flag::Recent),
            or(unseen(), from()),
            not(SearchKey::And(vec![SearchKey::Has(Flag::Seen), from()])),
            not(or(from(), unseen())),
            from(),
        ] {
            assert!(denied(&fine).is_empty(), "{fine:?}");
        }
    }

    #[test]
    fn what_is_not_known_contradicts_nothing() {
        let mut met =
            Contradictions::to(&SearchKey::And(vec![SearchKey::HasNot(Flag::Seen), SearchKey::Larger(1)]));
        met.look_at(Uid::MIN, &Identity::default());
        assert!(met.finish().is_empty());
    }
}
