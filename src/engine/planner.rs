use std::fmt;
use std::time::Duration;

use super::cache::{Measure, OwnCache, Task};
use super::query::{Means, Program, Query};
use crate::error::Result;
use crate::imap::SearchKey;
use crate::mail::MailboxName;

/// What it takes here to look at a message that is known from before.
const HERE: Duration = Duration::from_micros(2);

/// Of how many messages all may be looked at: what a search may find has its bounds.
const MOST: u32 = 1_000_000;

/// The one choice there is: whether a server is asked for texts in header fields, or all is looked at here that it finds by
/// the rest of a query.
///
/// Header fields are compared here, decoded, in any case, so that the same is found. Of bodies the server's word is taken,
/// and what it would say of other messages could be otherwise: beside those nothing is left out.
pub(super) struct Planner {
    /// What the server is asked without the texts.
    less: Program,
    /// The names of the keys that it is asked with them: how long that takes does not hang on the texts.
    keys: String,
    /// What is fetched.
    items: String,
}

impl Planner {
    /// Makes it of a query, what a server is asked for it, and what is fetched to look at messages. `None` where there is
    /// nothing to choose.
    pub(super) fn of(
        query: &Query,
        asked: &Program,
        means: Means,
        items: Option<&str>,
    ) -> Result<Option<Self>> {
        // Gmail has an index.
        let Some(items) = items.filter(|_| query.can_be_judged_here() && !means.gmail) else {
            return Ok(None);
        };
        let less = query.program(Means { headers: false, ..means })?;
        if less == *asked {
            return Ok(None);
        }
        Ok(Some(Self { less, keys: names(&asked.key), items: items.to_owned() }))
    }

    /// Gives what the server is asked without the texts.
    pub(super) fn less(&self) -> &Program {
        &self.less
    }

    /// Gives what both ways cost in a mailbox, if that was measured; `turn` is what a turn takes.
    pub(super) fn costs(&self, cache: &OwnCache, mailbox: &MailboxName, turn: Duration) -> Option<Costs> {
        let searched = cache.measured(Task::Search(mailbox, &self.keys));
        let searched = searched.filter(|searched| searched.messages <= MOST)?;
        let fetched = cache.measured(Task::Fetch(&self.items))?;
        let mut costs = Costs { searched, fetched, known: searched.messages, turn };
        // To count them takes a while, too.
        if costs.leaves_out() {
            costs.known = cache.count(mailbox, &self.items);
        }
        Some(costs)
    }

    /// Keeps how long the server searched with the texts.
    pub(super) fn keep(&self, cache: &OwnCache, mailbox: &MailboxName, searched: Measure) {
        cache.keep_measure(Task::Search(mailbox, &self.keys), searched);
    }
}

/// Gives the words of a search that are not an argument.
fn names(key: &SearchKey) -> String {
    let shown = key.shown();
    let is_name = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let words = shown.split([' ', '(', ')']).filter(is_name);
    words.collect::<Vec<_>>().join(" ")
}

/// What both ways cost, by what was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs {
    /// How long the server searched the last time, with how many messages in the mailbox.
    searched: Measure,
    /// How long it took to fetch such items, of how many messages.
    fetched: Measure,
    /// Of how many messages they are known from before.
    known: u32,
    /// What a turn takes.
    turn: Duration,
}

impl Costs {
    /// Gives how long it would take to fetch what is not known, and to look at all, without the texts. One turn is for
    /// what has come since: mostly no text is in it, and nothing would be fetched.
    fn left_out(&self) -> Duration {
        let known = self.known.min(self.searched.messages);
        let each = self.fetched.time / self.fetched.messages.max(1);
        let fetched = each.saturating_mul(self.searched.messages - known);
        self.turn.saturating_add(fetched).saturating_add(HERE.saturating_mul(known))
    }

    /// Tells whether the texts are left out. What would be fetched of those that the server finds by them counts for nothing:
    /// where in doubt, it is asked.
    pub(super) fn leaves_out(&self) -> bool {
        self.left_out() < self.searched.time
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.leaves_out() { "looked at here" } else { "searched by the server" };
        let Measure { time, messages } = self.searched;
        let (time, here) = (time.as_millis(), self.left_out().as_millis());
        write!(
            f,
            "header fields are {how}: the server took {time} ms for {messages} messages, here it is {here} ms"
        )
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Costs, Duration, Means, Measure, Planner, Query};
    use crate::engine::query::Pattern;
    use crate::mail::Flag;

    fn from(text: &str) -> Query {
        Query::Header("from".into(), Pattern::Contains(text.into()))
    }

    fn planner(query: &Query, means: Means) -> Option<Planner> {
        let asked = query.program(means).unwrap();
        Planner::of(query, &asked, means, Some("(FLAGS)")).unwrap()
    }

    #[test]
    fn there_is_a_choice_only_where_all_is_judged_here_in_any_case() {
        let means = Means::default();
        let flagged = || Query::Flag(Flag::Flagged, true);
        let found = planner(&Query::All(vec![flagged(), from("a")]), means).unwrap();
        assert_eq!(found.less().key, flagged().program(means).unwrap().key);
        assert_eq!(found.keys, "FLAGGED OR HEADER HEADER");
        for query in [
            flagged(),
            Query::All(vec![from("a"), Query::Body(Pattern::Contains("b".into()))]),
            Query::Any(vec![from("a"), Query::Text(Pattern::Contains("b".into()))]),
            Query::All(vec![from("a"), Query::Raw("UNKEYWORD x".into())]),
            Query::Not(Box::new(from("a"))),
        ] {
            assert!(planner(&query, means).is_none(), "{query:?}");
        }
        assert!(planner(&from("a"), Means { gmail: true, ..means }).is_none());
        let asked = from("a").program(means).unwrap();
        assert!(Planner::of(&from("a"), &asked, means, None).unwrap().is_none());
    }

    #[test]
    fn what_is_faster_is_done() {
        let micros = Duration::from_micros;
        let measure = |time, messages| Measure { time, messages };
        for (searched, fetched, known, turn, here, leaves_out) in [
            // Courier, on no line: it opens each file for both.
            (measure(micros(1_291_000), 10_000), measure(micros(517_000), 10_000), 0, 0, 517_000, true),
            (measure(micros(711_000), 10_000), measure(micros(517_000), 10_000), 9_900, 0, 24_970, true),
            // Where a megabyte takes a second, what is not known yet is left to it.
            (
                measure(micros(711_000), 10_000),
                measure(micros(1_500_000), 10_000),
                0,
                50_000,
                1_550_000,
                false,
            ),
            (
                measure(micros(711_000), 10_000),
                measure(micros(1_500_000), 10_000),
                9_000,
                50_000,
                218_000,
                true,
            ),
            // Dovecot, whose index has the fields.
            (measure(micros(18_000), 10_000), measure(micros(29_000), 10_000), 0, 0, 29_000, false),
            (measure(micros(18_000), 10_000), measure(micros(29_000), 10_000), 10_000, 50_000, 70_000, false),
            // Of more than there were.
            (measure(micros(1), 1), measure(micros(1), 1), u32::MAX, 0, 2, false),
            (measure(micros(1), u32::MAX), measure(Duration::MAX, 1), 0, 0, u64::MAX, false),
        ] {
            let costs = Costs { searched, fetched, known, turn: micros(turn) };
            let shown = u64::try_from(costs.left_out().as_micros()).unwrap_or(u64::MAX);
            assert_eq!((shown, costs.leaves_out()), (here, leaves_out), "{costs}");
        }
        let (searched, fetched) = (measure(micros(711_000), 10_000), measure(micros(517_000), 10_000));
        let costs = Costs { searched, fetched, known: 9_900, turn: micros(0) };
        assert_eq!(
            costs.to_string(),
            "header fields are looked at here: the server took 711 ms for 10000 messages, here it is 24 ms"
        );
    }
}
