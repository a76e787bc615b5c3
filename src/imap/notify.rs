use super::clock::Patience;
use super::code::Code;
use super::encode::Command;
use super::idle::SLICE;
use super::response::Response;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::mail::MailboxName;
use crate::wire::Event;

/// The server has more to tell than it wants to, and tells no more (RFC 5465 §5.8).
const OVERFLOW: &str = "NOTIFICATIONOVERFLOW";

impl Session {
    /// Asks the server to tell of messages that come into any of these mailboxes, from now on and by itself (NOTIFY,
    /// RFC 5465). No mailbox may be open. `false` where the server does not want to.
    pub fn notify(&mut self, names: &[MailboxName]) -> Result<bool> {
        let mut command = Command::new("NOTIFY").syntax("SET (mailboxes (");
        for (at, name) in names.iter().enumerate() {
            command = if at == 0 { command.mailbox_glued(name) } else { command.mailbox(name) };
        }
        let command = command.glued(") (MessageNew MessageExpunge))");
        let mut ends = self.run(std::slice::from_ref(&command), &mut |_, _| Ok(()))?;
        Ok(ends.pop().is_some_and(|end| end.is_ok()))
    }

    /// Waits until the server says something of mailboxes, and gives their names. When it was left alone for
    /// long enough, it is asked for a sign of life, and there may be none; so it is when the wait is to stop.
    ///
    /// Errors: those of the connection, and a server that has more to tell than it wants to
    /// (`NOTIFICATIONOVERFLOW`): it must be asked anew then.
    pub fn hear_news(&mut self, patience: Patience<'_>) -> Result<Vec<MailboxName>> {
        let start = patience.clock.now();
        let guard = self.guard()?;
        let mut names: Vec<MailboxName> = Vec::new();
        while names.is_empty() && patience.lasts(start) {
            match guard.poll()? {
                Some(Event::Untagged(frame)) => match self.digest(&frame)? {
                    Response::MailboxStatus(status) => names.push(status.name),
                    Response::Status(line) if line.code == Some(Code::Other(OVERFLOW.to_owned())) => {
                        guard.poison();
                        return Err(Error::protocol("the server has given up telling of mailboxes"));
                    }
                    _ => {}
                },
                Some(_) => return Err(Error::protocol("a reply to a command that was not sent")),
                None if guard.has_ended() => {
                    return Err(ErrorKind::ConnectionLost { cause: "the server hung up".to_owned() }.into());
                }
                None => patience.clock.sleep(SLICE),
            }
        }
        if names.is_empty() && !(patience.stop)() {
            self.run_one(&Command::new("NOOP"), &mut |response| {
                if let Response::MailboxStatus(status) = response {
                    names.push(status.name);
                }
                Ok(())
            })?;
        }
        Ok(names)
    }
}
