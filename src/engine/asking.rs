use jiff::ZonedDateTime;
use jiff::tz::TimeZone;

use super::cache::OwnCache;
use super::gmail::is_gmail;
use super::query::{Means, Query};
use super::search::Asked;
use super::sieve::Sieve;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Access, SearchKey, SearchLimits, Session};
use crate::mail::{Flag, MailboxName, UidSet};

/// Asks a server for the messages that queries may match, and gives them with what tells which they do match.
///
/// A server may refuse a charset or a key, with BADCHARSET, NO or BAD. It is asked without then, at most twice, and what
/// it was not asked is judged here; a refused search is never taken for one that finds nothing. What it refused is
/// remembered as long as the session lasts.
///
/// Where something is known of the mailbox from before, it is asked for each flag of which the queries speak, too: a message
/// that is known need not be fetched for them.
///
/// Errors: the first refusal, where nothing can be left out, as of a script's own program.
pub(super) fn ask(
    session: &mut Session,
    name: &MailboxName,
    access: Access,
    asked: &[Asked],
    now: &ZonedDateTime,
    cache: Option<&OwnCache>,
) -> Result<(Sieve, UidSet)> {
    let limits = session.search_limits();
    let mut means = Means { charset: !limits.ascii_only, keys: limits.keys, gmail: is_gmail(session) };
    let flags = cache.is_some_and(|cache| cache.knows(name));
    let mut refused: Option<(Vec<SearchKey>, Error)> = None;
    loop {
        let mut plan = Plan::make(asked, now.time_zone(), means, flags)?;
        let is_new = refused.as_ref().is_none_or(|(keys, _)| *keys != plan.keys);
        let charset = plan.keys.iter().any(SearchKey::needs_charset);
        let again = refused.is_some();
        if is_new {
            match session.uid_search_each(name, access, &plan.keys) {
                Ok(answers) => {
                    session.limit_searches(SearchLimits { ascii_only: !means.charset, keys: means.keys });
                    let mut answers = answers.into_iter();
                    let hits = answers.next().unwrap_or_default();
                    plan.sieve.told = plan.apart.into_iter().zip(answers).collect();
                    let certain = plan.certain.into_iter().map(|query| (query, hits.clone()));
                    plan.sieve.told.extend(certain);
                    return Ok((plan.sieve, hits));
                }
                Err(error) if is_refusal(&error) => {
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
}

impl Plan {
    fn make(asked: &[Asked], zone: &TimeZone, means: Means, flags: bool) -> Result<Self> {
        let fit = |each: &Asked| Asked { query: each.query.clone().fit_for(means), ..each.clone() };
        let mut sieve = Sieve::new(asked.iter().map(fit).collect(), zone.clone());
        let program = sieve.query().program(means)?;
        sieve.take_program(&program);
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
            } else if flags && flag.exact && sieve.must_look() {
                apart.push(query.clone());
            }
        }
        let mut keys = vec![program.key];
        for query in &apart {
            keys.push(query.program(means)?.key);
        }
        Ok(Self { sieve, keys, apart, certain })
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Refused { command, .. } if command == "UID SEARCH")
}
