use std::time::Duration;

use super::clock::Patience;
use super::encode::Command;
use super::pipeline::crate_error;
use super::response::Response;
use super::selected::Access;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::mail::MailboxName;
use crate::wire::{Event, Frame};

/// How often it is looked whether something happened.
pub(super) const SLICE: Duration = Duration::from_millis(100);

impl Session {
    /// Waits in a mailbox until the server tells something that is waited for (RFC 2177), and gives its word, such as
    /// `EXISTS`; or until it is to stop, and then gives nothing.
    ///
    /// The wait is begun anew whenever a server was left alone for long enough, so that the server does not take us for gone.
    pub fn idle(
        &mut self,
        name: &MailboxName,
        access: Access,
        patience: Patience<'_>,
        wakes: &dyn Fn(&str) -> bool,
    ) -> Result<Option<String>> {
        self.run_in(name, access, false, &[], &mut |_, _| Ok(()))?;
        loop {
            let woken = self.idle_once(patience, wakes);
            if woken.is_err() {
                self.poison();
            }
            match woken.map_err(|error| self.explain(error).in_command("IDLE"))? {
                None if !(patience.stop)() => {}
                woken => return Ok(woken),
            }
        }
    }

    fn idle_once(&mut self, patience: Patience<'_>, wakes: &dyn Fn(&str) -> bool) -> Result<Option<String>> {
        let start = patience.clock.now();
        let command = Command::new("IDLE");
        let guard = self.guard()?;
        guard.hold();
        self.inner()?.run_command(command.verb()).map_err(crate_error)?;
        let tag = guard.last_tag();
        guard.expect_continuation();
        guard.release()?;
        let (mut woken, mut begun) = (None, false);
        while !begun {
            match guard.next()? {
                Event::Continuation(_) => begun = true,
                Event::Untagged(frame) => self.hear_event(&frame, wakes, &mut woken)?,
                // Refused.
                Event::Tagged(_, frame) => {
                    let text = crate::error::visible(&String::from_utf8_lossy(frame.bytes()));
                    let kind = ErrorKind::Refused { command: "IDLE".to_owned(), status: "NO", text };
                    return Err(kind.into());
                }
            }
        }
        while woken.is_none() && patience.lasts(start) {
            match guard.poll()? {
                Some(Event::Untagged(frame)) => self.hear_event(&frame, wakes, &mut woken)?,
                Some(_) => return Err(Error::protocol("an end of IDLE that nobody asked for")),
                None if guard.has_ended() => {
                    return Err(ErrorKind::ConnectionLost { cause: "the server hung up".to_owned() }.into());
                }
                None => patience.clock.sleep(SLICE),
            }
        }
        guard.append(b"DONE\r\n", false)?;
        guard.release()?;
        loop {
            match guard.next()? {
                Event::Tagged(of, _) if of == tag => return Ok(woken),
                Event::Untagged(frame) => self.hear_event(&frame, wakes, &mut woken)?,
                Event::Tagged(..) | Event::Continuation(_) => {
                    return Err(Error::protocol("a reply to something else than IDLE"));
                }
            }
        }
    }

    /// Takes in what the server tells, and keeps the first word that is waited for.
    fn hear_event(
        &mut self,
        frame: &Frame,
        wakes: &dyn Fn(&str) -> bool,
        woken: &mut Option<String>,
    ) -> Result<()> {
        let word = match self.digest(frame)? {
            Response::Exists(_) => "EXISTS",
            Response::Recent(_) => "RECENT",
            Response::Expunge(_) | Response::Vanished { .. } => "EXPUNGE",
            Response::Fetch(_) => "FETCH",
            _ => "",
        };
        // Nothing more will come, even if the line stays open.
        if let Some(text) = self.bye.take() {
            return Err(ErrorKind::Bye { text }.into());
        }
        if woken.is_none() && !word.is_empty() && wakes(word) {
            *woken = Some(word.to_owned());
        }
        Ok(())
    }
}
