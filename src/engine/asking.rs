use std::time::Duration;

use jiff::ZonedDateTime;
use jiff::tz::TimeZone;

use super::cache::{Measure, OwnCache};
use super::gmail::is_gmail;
use super::look::{Look, Seen};
use super::planner::{Costs, Planner};
use super::query::{Means, Query};
use super::search::Asked;
use super::sieve::{Groups, Sieve};
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Access, Finds, SearchKey, SearchLimits, Session};
use crate::mail::{Flag, MailboxName, UidSet};

/// What a server said to queries.
pub(super) struct Answer {
    /// What tells which of the queries a message matches.
    pub(super) sieve: Sieve,
    /// The messages that may match.
    pub(super) hits: UidSet,
    /// What the sieve needs to look at them, where it must. It may have begun with that.
    pub(super) look: Option<Look>,
    /// The server was not asked for texts in header fields, so that more may be looked at than could match.
    pub(super) left_out: bool,
}

impl Answer {
    /// Looks at the messages, where it must, and gives what each matches.
    pub(super) fn look(
        self,
        session: &mut Session,
        cache: Option<&OwnCache>,
    ) -> Result<(Sieve, Groups, Seen)> {
        let Self { sieve, hits, look, .. } = self;
        let (groups, seen) = match look {
            _ if hits.is_empty() => (Groups::new(), Seen::default()),
            None => {
                let matches = sieve.by_the_servers_word().map(|matches| (matches, hits.iter().collect()));
                (matches.into_iter().collect(), Seen::default())
            }
            Some(look) => look.at(session, &sieve, &hits, cache)?,
        };
        Ok((sieve, groups, seen))
    }
}

/// Asks a server for the messages that queries may match, and looks at them. What is known from before is in the cache.
///
/// Errors: whatever the server refuses.
pub(super) fn ask_and_look(
    session: &mut Session,
    name: &MailboxName,
    access: Access,
    asked: &[Asked],
    now: &ZonedDateTime,
    cache: Option<&OwnCache>,
) -> Result<(Sieve, Groups, Seen)> {
    let answer = ask(session, name, access, asked, now, &Along::UnlessKnown(cache))?;
    let left_out = answer.left_out;
    match answer.look(session, cache) {
        // A message that the server can't give must not keep others from being found, unless it may match itself.
        Err(error) if left_out && is_refusal(&error, "UID FETCH") => {
            ask(session, name, access, asked, now, &Along::UnlessKnown(None))?.look(session, None)
        }
        looked => looked,
    }
}

/// Whether messages may be fetched along with the search that finds them.
pub(super) enum Along<'a> {
    /// Not all that is found is looked at.
    Never,
    /// Unless much of it may be known from before.
    UnlessKnown(Option<&'a OwnCache>),
}

/// Asks a server for the messages that queries may match.
///
/// A server may refuse a charset or a key, with BADCHARSET, NO or BAD. It is asked without then, at most twice, and what
/// it was not asked is judged here; a refused search is never taken for one that finds nothing. What it refused is
/// remembered as long as the session lasts.
///
/// What must be looked at comes along in the same flight, where the server can do that (RFC 5182). Not where something
/// is known of the mailbox from before: then the server is asked for each flag of which the queries speak, too, and a
/// message that is known need not be fetched for them.
///
/// Errors: the first refusal, where nothing can be left out, as of a script's own program.
pub(super) fn ask(
    session: &mut Session,
    name: &MailboxName,
    access: Access,
    asked: &[Asked],
    now: &ZonedDateTime,
    along: &Along<'_>,
) -> Result<Answer> {
    let limits = session.search_limits();
    let mut means =
        Means { charset: !limits.ascii_only, keys: limits.keys, gmail: is_gmail(session), headers: true };
    let mut saves_nothing = limits.saves_nothing;
    let mut refused: Option<(Vec<SearchKey>, Error)> = None;
    loop {
        let mut plan = Plan::make(asked, now.time_zone(), means, (name, session.shortest_turn()), along)?;
        plan.sieve.learn_delimiter(session)?;
        let is_new = refused.as_ref().is_none_or(|(keys, _)| *keys != plan.keys);
        let charset = plan.keys.iter().any(SearchKey::needs_charset);
        let again = refused.is_some();
        if is_new {
            if let Some(costs) = plan.costs {
                session.note(&costs.to_string());
            }
            let saves = !saves_nothing && plan.along && session.can_fetch_found(&plan.keys);
            let answers = if saves {
                plan.ask_along(session, name, access, along)
            } else {
                session.uid_search_each(name, access, &plan.keys).map(|found| (found, true))
            };
            match answers {
                Ok((finds, kept)) => {
                    plan.keep_measure(session, name, along, finds.took);
                    session.limit_searches(SearchLimits {
                        ascii_only: !means.charset,
                        keys: means.keys,
                        saves_nothing: saves_nothing || !kept,
                    });
                    return Ok(plan.answered(finds.sets));
                }
                Err(error) if is_refusal(&error, "UID SEARCH") && saves && !charset => {
                    // It may be no more than that it keeps no results, whatever it offers.
                    saves_nothing = true;
                    continue;
                }
                Err(error) if is_refusal(&error, "UID SEARCH") => {
                    let first = refused.map_or(error, |(_, first)| first);
                    refused = Some((plan.keys, first));
                }
                Err(error) => return Err(error),
            }
        }
        let less = means.without_the_refused(charset, again);
        match refused {
            Some((_, first)) if less == means => return Err(first),
            _ => means = less,
        }
    }
}

/// What is asked of a server, and what is left to be judged here.
struct Plan {
    sieve: Sieve,
    keys: Vec<SearchKey>,
    /// Conditions that only the server can answer, or that it is asked, in the order of the keys after the first.
    apart: Vec<Query>,
    /// Flags that whatever the first key finds has, or has not.
    certain: Vec<Query>,
    /// How messages are looked at, where they must be.
    look: Option<Look>,
    /// They may be fetched along with the search.
    along: bool,
    /// What it costs to ask for texts in header fields, and what not to.
    costs: Option<Costs>,
    /// What measures the search, where it asks for them.
    measured: Option<Planner>,
}

impl Plan {
    fn make(
        asked: &[Asked],
        zone: &TimeZone,
        means: Means,
        (name, turn): (&MailboxName, Duration),
        along: &Along<'_>,
    ) -> Result<Self> {
        let fit = |each: &Asked| Asked { query: each.query.clone().fit_for(means), ..each.clone() };
        let mut sieve = Sieve::new(asked.iter().map(fit).collect(), zone.clone());
        let mut program = sieve.query().program(means)?;
        sieve.take_program(&program);
        let mut look = if sieve.must_look() { Some(Look::with(&sieve)?) } else { None };
        let (mut costs, mut measured) = (None, None);
        if let Along::UnlessKnown(Some(cache)) = along
            && let Some(it) = &look
            && let Some(planner) = Planner::of(sieve.query(), &program, means, it.kept_as())?
        {
            costs = planner.costs(cache, name, turn);
            if costs.as_ref().is_some_and(Costs::leaves_out) {
                program = planner.less().clone();
                sieve.take_program(&program);
                look = Some(Look::with(&sieve)?);
            } else {
                measured = Some(planner);
            }
        }
        let known = match (along, &look) {
            (Along::UnlessKnown(Some(cache)), Some(look)) => look.is_known(cache, name),
            _ => false,
        };
        let along = matches!(along, Along::UnlessKnown(_)) && look.is_some() && !known;
        let mut apart = if sieve.must_look() { sieve.query().to_be_asked_apart() } else { Vec::new() };
        let mut certain = Vec::new();
        for query in sieve.query().flags() {
            // Whether a message is recent is another matter in each session, and what other such flags mean is the server's.
            if matches!(query, Query::Flag(Flag::Recent | Flag::Extension(_), _)) {
                continue;
            }
            let flag = query.program(means)?;
            if program.key.implies(&flag.key) {
                certain.push(query.clone());
            } else if known && flag.exact {
                apart.push(query.clone());
            }
        }
        let mut keys = vec![program.key];
        for query in &apart {
            keys.push(query.program(means)?.key);
        }
        Ok(Self { sieve, keys, apart, certain, look, along, costs, measured })
    }

    /// Searches, and looks at what is found as it comes. Gives what was found, and whether the server did fetch it.
    fn ask_along(
        &mut self,
        session: &mut Session,
        name: &MailboxName,
        access: Access,
        along: &Along<'_>,
    ) -> Result<(Finds, bool)> {
        let Self { sieve, keys, apart, certain, look, .. } = self;
        let Some(look) = look else { return Ok((Finds::default(), true)) };
        let items = look.items().to_vec();
        let mut begun = false;
        let answered = session.uid_search_fetch(name, access, keys, &items, &mut |answers, fetch| {
            if !std::mem::replace(&mut begun, true) {
                sieve.told = told(apart, certain, &answers.found);
                if let Along::UnlessKnown(Some(cache)) = along {
                    look.keep_in(cache, name, answers.validity);
                }
            }
            if let Some(hits) = answers.found.first() {
                look.take(sieve, hits, fetch);
            }
            Ok(())
        });
        let (finds, fetched) = answered?;
        let nothing = finds.sets.first().is_none_or(UidSet::is_empty);
        let fetched = nothing || fetched.is_some_and(|end| end.is_ok());
        look.end_answer(sieve, fetched);
        Ok((finds, fetched))
    }

    /// Keeps how long the server has searched for texts in header fields.
    fn keep_measure(&self, session: &Session, name: &MailboxName, along: &Along<'_>, time: Duration) {
        if let Along::UnlessKnown(Some(cache)) = along
            && let Some((planner, open)) = self.measured.as_ref().zip(session.selected())
        {
            planner.keep(cache, name, Measure { time, messages: open.exists });
        }
    }

    fn answered(mut self, found: Vec<UidSet>) -> Answer {
        if self.sieve.told.is_empty() {
            self.sieve.told = told(&self.apart, &self.certain, &found);
        }
        let hits = found.into_iter().next().unwrap_or_default();
        let left_out = self.costs.as_ref().is_some_and(Costs::leaves_out);
        Answer { sieve: self.sieve, hits, look: self.look, left_out }
    }
}

/// Gives what the server said of conditions, by what each key finds.
fn told(apart: &[Query], certain: &[Query], found: &[UidSet]) -> Vec<(Query, UidSet)> {
    let hits = found.first().cloned().unwrap_or_default();
    let apart = apart.iter().cloned().zip(found.iter().skip(1).cloned());
    apart.chain(certain.iter().map(|query| (query.clone(), hits.clone()))).collect()
}

fn is_refusal(error: &Error, of: &str) -> bool {
    matches!(&*error.kind, ErrorKind::Refused { command, .. } if command == of)
}
