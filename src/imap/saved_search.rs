use std::time::Duration;

use super::code::Code;
use super::encode::Command;
use super::fetch::{Fetch, FetchItem};
use super::message::{PROGRAM_BYTES, search, within_bounds};
use super::pipeline::Done;
use super::response::Response;
use super::search::SearchKey;
use super::selected::Access;
use super::session::Session;
use crate::error::{Error, Result};
use crate::mail::{MailboxName, UidSet, UidValidity};

/// What a server has answered to the searches of one flight.
#[derive(Clone, Debug)]
pub struct Answers {
    /// Whether the mailbox's UIDs still mean what they did; `None` where the server gives none.
    pub validity: Option<UidValidity>,
    /// What each key finds.
    pub found: Vec<UidSet>,
}

/// What searches of one flight have found.
#[derive(Clone, Debug, Default)]
pub struct Finds {
    /// What each key finds.
    pub sets: Vec<UidSet>,
    /// How long the server searched for the first key, as far as that shows from here.
    pub took: Duration,
}

impl Session {
    /// Tells whether [`Session::uid_search_fetch`] can be used for the keys.
    pub fn can_fetch_found(&self, keys: &[SearchKey]) -> bool {
        let has = |word| self.capabilities.has(word);
        let short = |key: &SearchKey| key.clone().split(PROGRAM_BYTES).len() == 1;
        has("ESEARCH") && has("SEARCHRES") && !self.search_limits().saves_nothing && keys.iter().all(short)
    }

    /// Searches a mailbox as [`Session::uid_search_each`] does, and in the same flight fetches items of what the first
    /// key finds: the server keeps its result as `$` (RFC 5182), and no UIDs go up. Gives what the keys find, and how the
    /// FETCH ended.
    ///
    /// A response goes to `each`, with all answers, if they came before it and the first of them names its message.
    /// Others are passed over: of what the search found there may be messages of which nothing is told. Nothing
    /// but a FETCH is ever said of `$`: what stands for messages without naming them must not change any.
    ///
    /// Errors: as [`Session::uid_search`].
    pub fn uid_search_fetch(
        &mut self,
        name: &MailboxName,
        access: Access,
        keys: &[SearchKey],
        items: &[FetchItem],
        each: &mut dyn FnMut(&Answers, Fetch) -> Result<()>,
    ) -> Result<(Finds, Option<Done>)> {
        // The one whose result is kept is the last, so that all is known when the first message comes.
        let order: Vec<usize> = (1..keys.len()).chain([0]).collect();
        let mut commands = Vec::new();
        for (at, key) in order.iter().filter_map(|at| Some((at, keys.get(*at)?))) {
            commands.push(search(key, Some(if *at == 0 { "RETURN (SAVE ALL)" } else { "RETURN (ALL)" }))?);
        }
        commands.push(Command::new("UID FETCH").syntax("$").syntax(&FetchItem::list(items)?));
        let validity = self.selected().filter(|open| open.name == *name).and_then(|open| open.validity);
        let mut answers = Answers { validity, found: vec![UidSet::new(); keys.len()] };
        let mut unanswered = order.clone();
        let mut told = false;
        let mut ends =
            self.run_hearing(name, access, false, &commands, &mut |at, response| match (at, response) {
                (_, Response::Status(line)) => {
                    if let Some(Code::UidValidity(validity)) = line.code {
                        answers.validity = validity;
                    }
                    Ok(())
                }
                (Some(at), Response::Search(set, _)) => {
                    if told {
                        return Err(Error::protocol("a search result after what was fetched by it"));
                    }
                    let number = order.get(at).or(order.last()).copied().unwrap_or_default();
                    unanswered.retain(|waiting| *waiting != number);
                    if let Some(found) = answers.found.get_mut(number) {
                        *found = if found.is_empty() { set } else { found.union(&set) };
                    }
                    Ok(())
                }
                (Some(_), Response::Fetch(fetch)) => {
                    let found = |uid| answers.found.first().is_some_and(|found| found.contains(uid));
                    if !unanswered.is_empty() || !fetch.uid.is_some_and(found) {
                        return Ok(());
                    }
                    told = true;
                    each(&answers, *fetch)
                }
                _ => Ok(()),
            })?;
        let fetched = ends.pop();
        let took = ends.last().map_or(Duration::ZERO, |end| end.took);
        for end in ends {
            end.ok()?;
        }
        Ok((Finds { sets: within_bounds(answers.found)?, took }, fetched))
    }
}
