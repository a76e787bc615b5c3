use jiff::ZonedDateTime;
use jiff::tz::TimeZone;

use super::gmail::is_gmail;
use super::query::{Means, Query};
use super::search::Asked;
use super::sieve::Sieve;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Access, SearchKey, SearchLimits, Session};
use crate::mail::{MailboxName, UidSet};

/// Asks a server for the messages that queries may match, and gives them with what tells which they do match.
///
/// A server may refuse a charset or a key, with BADCHARSET, NO or BAD. It is asked without then, at most twice, and what
/// it was not asked is judged here; a refused search is never taken for one that finds nothing. What it refused is
/// remembered as long as the session lasts.
///
/// Errors: the first refusal, where nothing can be left out, as of a script's own program.
pub(super) fn ask(
    session: &mut Session,
    name: &MailboxName,
    access: Access,
    asked: &[Asked],
    now: &ZonedDateTime,
) -> Result<(Sieve, UidSet)> {
    let limits = session.search_limits();
    let mut means = Means { charset: !limits.ascii_only, keys: limits.keys, gmail: is_gmail(session) };
    let mut refused: Option<(Vec<SearchKey>, Error)> = None;
    loop {
        let mut plan = Plan::make(asked, now.time_zone(), means)?;
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
    /// Conditions that only the server can answer, in the order of the keys after the first.
    apart: Vec<Query>,
}

impl Plan {
    fn make(asked: &[Asked], zone: &TimeZone, means: Means) -> Result<Self> {
        let fit = |each: &Asked| Asked { query: each.query.clone().fit_for(means), ..each.clone() };
        let mut sieve = Sieve::new(asked.iter().map(fit).collect(), zone.clone());
        let program = sieve.query().program(means)?;
        sieve.take_program(&program);
        let apart = if sieve.must_look() { sieve.query().to_be_asked_apart() } else { Vec::new() };
        let mut keys = vec![program.key];
        for query in &apart {
            keys.push(query.program(means)?.key);
        }
        Ok(Self { sieve, keys, apart })
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Refused { command, .. } if command == "UID SEARCH")
}
