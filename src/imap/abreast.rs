use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle, scope};

use super::carrier::Carrier;
use super::encode::Command;
use super::pipeline::Done;
use super::response::Response;
use super::search::SearchLimits;
use super::selected::{Access, Selected};
use super::session::Session;
use crate::error::{Error, ErrorKind, Result, visible};

/// How many jobs go on side by side at the most.
const ABREAST: usize = 32;

/// How many responses are read ahead of the job that they are for.
const AHEAD: usize = 16;

/// A job that only reads, on a session that is its own as far as it can tell.
pub type Side<'a> = Box<dyn FnOnce(&mut Session) + Send + 'a>;

/// What a job has of the connection that it shares.
#[derive(Debug)]
pub(super) struct Share {
    asks: Sender<Vec<Command>>,
    told: Receiver<Told>,
}

/// What a job is told of its flight.
#[derive(Debug)]
enum Told {
    /// A response, and the number of the command that it came for.
    Response(usize, Response),
    /// How its commands ended.
    Ends(Vec<Option<Done>>, Option<Error>),
}

/// A job on its way, as the connection's owner sees it.
struct Runner<'scope> {
    asked: Receiver<Vec<Command>>,
    tell: SyncSender<Told>,
    /// Gives what searches must do without, if it has learnt that.
    thread: ScopedJoinHandle<'scope, Option<SearchLimits>>,
}

impl Runner<'_> {
    /// Waits until the job asks for something or ends, and takes in what searches must do without after its end.
    fn hear(self, limits: &mut SearchLimits) -> Option<(Self, Vec<Command>)> {
        if let Ok(commands) = self.asked.recv() {
            return Some((self, commands));
        }
        // A panic was told to whom the job was for.
        if let Ok(Some(learnt)) = self.thread.join() {
            *limits = learnt;
        }
        None
    }
}

/// Starts a job. `None` where the system has no thread for it: its promise is broken then.
fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    session: &Session,
    job: Side<'scope>,
) -> Option<Runner<'scope>> {
    let (asks, asked) = channel();
    let (tell, told) = sync_channel(AHEAD);
    let share = Share { asks, told };
    let (capabilities, limits) = (session.capabilities.clone(), session.search_limits());
    let (namespaces, own_prefix) = (session.namespaces.clone(), session.own_prefix.clone());
    let shortest_turn = session.shortest_turn;
    let work = move || {
        let carrier = Carrier::Shared(share);
        let mut session =
            Session { capabilities, namespaces, own_prefix, shortest_turn, ..Session::new(carrier) };
        session.limit_searches(limits);
        job(&mut session);
        Some(session.search_limits()).filter(|learnt| *learnt != limits)
    };
    let thread = Builder::new().name("abreast".to_owned()).spawn_scoped(scope, work).ok()?;
    Some(Runner { asked, tell, thread })
}

impl Session {
    /// Does jobs that only read side by side, as if each had a session of its own: what they ask at a time leaves in one
    /// flight, and so they cost as many turns as the longest of them.
    ///
    /// Each waits for its replies on a thread of its own. Between two flights only one of them is at work, in the order
    /// in which they were given: what they do beside asking comes in the same order each time. None may hold a lock
    /// while it asks that another one waits for. Where a job has a mailbox open, it is opened again in each of its
    /// flights; a mailbox whose UIDs mean something else then is an error.
    pub fn abreast(&mut self, jobs: Vec<Side<'_>>) {
        // Each would ask for them. Who needs them and can't have them asks again, and hears why.
        let _ = self.namespaces();
        let mut learnt = self.search_limits();
        scope(|scope| {
            let mut waiting = jobs.into_iter();
            let mut live: Vec<(Runner<'_>, Vec<Command>)> = Vec::new();
            loop {
                while live.len() < ABREAST
                    && let Some(job) = waiting.next()
                {
                    live.extend(start(scope, self, job).and_then(|runner| runner.hear(&mut learnt)));
                }
                if live.is_empty() {
                    break;
                }
                let ends = self.fly_abreast(&live);
                let flown = std::mem::take(&mut live);
                for ((runner, _), (ends, error)) in flown.into_iter().zip(ends) {
                    // Who is gone needs no end.
                    let _ = runner.tell.send(Told::Ends(ends, error));
                    live.extend(runner.hear(&mut learnt));
                }
            }
        });
        self.limit_searches(learnt);
    }

    /// Sends the commands of all jobs in one flight, tells each its responses, and gives the ends of each.
    fn fly_abreast(
        &mut self,
        live: &[(Runner<'_>, Vec<Command>)],
    ) -> Vec<(Vec<Option<Done>>, Option<Error>)> {
        let commands: Vec<Command> = live.iter().flat_map(|(_, commands)| commands.iter().cloned()).collect();
        // Which mailbox is open changes with each job.
        self.selected = None;
        let (ends, error) = self.run_through(&commands, &mut |at, response| {
            let mut first = 0;
            for (runner, commands) in live {
                let number = at - first;
                first += commands.len();
                if at < first {
                    let _ = runner.tell.send(Told::Response(number, response));
                    break;
                }
            }
            Ok(())
        });
        let mut ends = ends.into_iter();
        let own = |(_, commands): &(Runner<'_>, Vec<Command>)| {
            let ends: Vec<_> = ends.by_ref().take(commands.len()).collect();
            let is_cut = ends.iter().any(Option::is_none);
            (ends, error.clone().filter(|_| is_cut))
        };
        live.iter().map(own).collect()
    }

    /// Does what [`Session::run_through`] does by the session that carries this one.
    pub(super) fn run_shared(
        &mut self,
        commands: &[Command],
        each: &mut dyn FnMut(usize, Response) -> Result<()>,
    ) -> (Vec<Option<Done>>, Option<Error>) {
        let mut flight = Vec::new();
        let is_open = |command: &Command| {
            [Access::Read, Access::Write].iter().any(|a| a.command().verb() == command.verb())
        };
        let in_mailbox = |command: &Command| command.verb().starts_with("UID ");
        let mut was = None;
        // Others have opened theirs meanwhile.
        if commands.iter().any(in_mailbox)
            && !commands.iter().any(is_open)
            && let Some(open) = self.selected.take()
        {
            flight.push(open.access.command().mailbox(&open.name));
            self.selected = Some(Selected::new(open.name.clone(), open.access));
            was = Some(open);
        }
        let before = flight.len();
        flight.extend_from_slice(commands);
        let sent = match &self.carrier {
            Carrier::Shared(share) => share.asks.send(flight).is_ok(),
            Carrier::Own(..) => false,
        };
        let mut failed = None;
        while sent && let Carrier::Shared(Share { told, .. }) = &self.carrier {
            match told.recv() {
                Ok(Told::Response(at, response)) => {
                    self.take_in(&response);
                    if failed.is_none()
                        && let Some(at) = at.checked_sub(before)
                    {
                        failed = self.check_reopened(was.as_ref()).and_then(|()| each(at, response)).err();
                    }
                }
                Ok(Told::Ends(mut ends, error)) => {
                    ends.iter().flatten().for_each(|end| self.hear(&end.line));
                    let own = ends.split_off(before.min(ends.len()));
                    let opened = ends.into_iter().flatten().try_for_each(|end| end.ok().map(drop));
                    if opened.is_err() {
                        self.selected = None;
                    }
                    let opened = opened.and_then(|()| self.check_reopened(was.as_ref()));
                    return (own, error.or(failed).or(opened.err()));
                }
                Err(_) => break,
            }
        }
        (vec![None; commands.len()], Some(ErrorKind::Poisoned.into()))
    }

    /// Refuses a mailbox that was opened again and whose UIDs mean something else than they did.
    fn check_reopened(&self, was: Option<&Selected>) -> Result<()> {
        let was = was.and_then(|was| Some((&was.name, was.validity?)));
        let is = self.selected.as_ref().and_then(|open| open.validity);
        match was.zip(is) {
            Some(((name, was), is)) if was != is => {
                let mailbox = visible(&String::from_utf8_lossy(name.wire()));
                Err(ErrorKind::UidValidityChanged { mailbox, was: was.get(), is: is.get() }.into())
            }
            _ => Ok(()),
        }
    }
}
