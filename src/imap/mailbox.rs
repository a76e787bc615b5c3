use super::code::Code;
use super::encode::Command;
use super::list::{ListEntry, MailboxStatus, QuotaRoot};
use super::pipeline::Done;
use super::response::Response;
use super::selected::{Access, Selected};
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::mail::MailboxName;

impl Session {
    /// Opens a mailbox with SELECT or EXAMINE (RFC 3501 §6.3.1-2), even if it is open already.
    pub fn open_mailbox(&mut self, name: &MailboxName, access: Access) -> Result<&Selected> {
        self.run_in(name, access, true, &[], &mut |_, _| Ok(()))?;
        self.selected.as_ref().ok_or_else(|| Error::protocol("no mailbox is open after SELECT"))
    }

    /// Runs commands in a mailbox, which is opened in the same flight unless it is open already with at
    /// least this access, and was opened not long ago. `fresh` opens it in any case.
    ///
    /// Error: it was open for long, and turns out to be another one: its UIDVALIDITY has changed, or is not told any more.
    ///
    /// Only for commands that change nothing: they travel before the mailbox's UIDVALIDITY is known. Where
    /// it can't be opened they are refused too, since then no mailbox is open.
    pub fn run_in(
        &mut self,
        name: &MailboxName,
        access: Access,
        fresh: bool,
        commands: &[Command],
        each: &mut dyn FnMut(usize, Response) -> Result<()>,
    ) -> Result<Vec<Done>> {
        self.run_hearing(name, access, fresh, commands, &mut |at, response| match at {
            Some(at) => each(at, response),
            None => Ok(()),
        })
    }

    /// Does the same, and gives what is said of the mailbox while it is opened as well, without a number.
    pub(super) fn run_hearing(
        &mut self,
        name: &MailboxName,
        access: Access,
        fresh: bool,
        commands: &[Command],
        each: &mut dyn FnMut(Option<usize>, Response) -> Result<()>,
    ) -> Result<Vec<Done>> {
        let open = self.selected.as_ref().filter(|open| open.name == *name && !fresh);
        let access = open.map_or(access, |open| open.access.max(access));
        let open = open.filter(|open| open.access == access);
        if open.is_some_and(|open| !open.is_old() || commands.is_empty()) {
            return self.run(commands, &mut |at, response| each(Some(at), response));
        }
        // Whoever goes on in an open mailbox may have UIDs of it.
        let was = open.and_then(|open| open.validity);
        let mut flight = vec![access.command().mailbox(name)];
        flight.extend_from_slice(commands);
        self.selected = Some(Selected::new(name.clone(), access));
        let ends = self.run(&flight, &mut |at, response| each(at.checked_sub(1), response));
        let opened = match ends {
            Ok(mut ends) if !ends.is_empty() => {
                let end = ends.remove(0);
                end.ok().map(|_| ends)
            }
            other => other,
        };
        if opened.is_err() {
            self.selected = None;
        }
        let ends = opened?;
        let mailbox = || name.text().to_owned();
        match (was, self.selected.as_ref().and_then(|open| open.validity)) {
            (Some(was), Some(is)) if was != is => {
                let kind = ErrorKind::UidValidityChanged { mailbox: mailbox(), was: was.get(), is: is.get() };
                Err(kind.into())
            }
            (Some(_), None) => Err(ErrorKind::NoUidValidity { mailbox: mailbox() }.into()),
            _ => Ok(ends),
        }
    }

    /// Closes the open mailbox without expunging anything: with UNSELECT (RFC 3691) where offered, else by
    /// opening INBOX for reading.
    pub fn unselect(&mut self) -> Result<()> {
        if self.selected.is_none() {
            return Ok(());
        }
        if self.capabilities.has("UNSELECT") {
            self.run_one(&Command::new("UNSELECT"), &mut |_| Ok(()))?;
            self.selected = None;
        } else {
            self.open_mailbox(&MailboxName::inbox(), Access::Read)?;
        }
        Ok(())
    }

    /// Lets the next command in a mailbox open it anew, in its own flight, so that it sees what came meanwhile.
    pub fn look_afresh(&mut self) {
        self.selected = None;
    }

    /// Closes the open mailbox if it is this one or may be beneath it, and would be renamed with it: its name
    /// would stand for another mailbox.
    pub fn leave(&mut self, name: &MailboxName) -> Result<()> {
        let open = self.selected.as_ref().is_some_and(|open| open.name.wire().starts_with(name.wire()));
        if open { self.unselect() } else { Ok(()) }
    }

    /// Lists mailboxes (RFC 3501 §6.3.8). `pattern` is in the server's own form: `*` matches anything, `%`
    /// anything up to the delimiter. Special uses come along where the server has them.
    pub fn list(&mut self, pattern: &MailboxName) -> Result<Vec<ListEntry>> {
        let mut command = Command::new("LIST").string(b"")?.mailbox(pattern);
        if self.capabilities.has("LIST-EXTENDED") && self.capabilities.has("SPECIAL-USE") {
            command = command.syntax("RETURN (SPECIAL-USE CHILDREN)");
        }
        self.collect_list(&command)
    }

    /// Lists subscribed mailboxes (RFC 3501 §6.3.9).
    pub fn lsub(&mut self, pattern: &MailboxName) -> Result<Vec<ListEntry>> {
        self.collect_list(&Command::new("LSUB").string(b"")?.mailbox(pattern))
    }

    fn collect_list(&mut self, command: &Command) -> Result<Vec<ListEntry>> {
        let mut entries: Vec<ListEntry> = Vec::new();
        self.run_one(command, &mut |response| {
            if let Response::List(entry) = response {
                entries.push(entry);
            }
            Ok(())
        })?;
        Ok(entries)
    }

    /// Asks how many messages a mailbox has, and more (RFC 3501 §6.3.10).
    pub fn status(&mut self, name: &MailboxName) -> Result<MailboxStatus> {
        let mut status = None;
        self.run_one(&status_of(name), &mut |response| {
            if let Response::MailboxStatus(found) = response {
                status = Some(found);
            }
            Ok(())
        })?;
        status.ok_or_else(|| Error::protocol("an OK to STATUS without its answer").in_command("STATUS"))
    }

    /// Does the same for several in one flight. `None` is one of which the server says nothing.
    pub fn status_all(&mut self, names: &[MailboxName]) -> Result<Vec<Option<MailboxStatus>>> {
        let commands: Vec<_> = names.iter().map(status_of).collect();
        let mut found: Vec<MailboxStatus> = Vec::new();
        self.run(&commands, &mut |_, response| {
            if let Response::MailboxStatus(status) = response {
                found.push(status);
            }
            Ok(())
        })?;
        let of = |name: &MailboxName| found.iter().find(|status| status.name == *name).cloned();
        Ok(names.iter().map(of).collect())
    }

    /// Makes a mailbox (RFC 3501 §6.3.3). Says `false` where it was there already and the server says so.
    pub fn create(&mut self, name: &MailboxName) -> Result<bool> {
        let lost = || Err(Error::protocol("no end of CREATE"));
        self.create_all(std::slice::from_ref(name)).pop().unwrap_or_else(lost)
    }

    /// Makes mailboxes in one flight, and gives for each what [`Session::create`] does.
    pub fn create_all(&mut self, names: &[MailboxName]) -> Vec<Result<bool>> {
        let commands: Vec<_> = names.iter().map(|name| Command::new("CREATE").mailbox(name)).collect();
        let (ends, error) = self.run_through(&commands, &mut |_, _| Ok(()));
        let cause = error.map(|error| error.to_string()).unwrap_or_default();
        let each = |end: Option<Done>| match end {
            Some(end) if end.has(&Code::AlreadyExists) => Ok(false),
            Some(end) => end.ok().map(|_| true),
            None => Err(ErrorKind::ConnectionLost { cause: cause.clone() }.into()),
        };
        ends.into_iter().map(each).collect()
    }

    /// Deletes a mailbox and whatever is in it (RFC 3501 §6.3.4). The engine decides when that may be.
    pub fn delete(&mut self, name: &MailboxName) -> Result<()> {
        self.leave(name)?;
        self.run_one(&Command::new("DELETE").mailbox(name), &mut |_| Ok(()))
    }

    /// Renames a mailbox (RFC 3501 §6.3.5).
    pub fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<()> {
        self.leave(from)?;
        self.run_one(&Command::new("RENAME").mailbox(from).mailbox(to), &mut |_| Ok(()))
    }

    /// Subscribes to a mailbox, or ends that (RFC 3501 §6.3.6-7).
    pub fn subscribe(&mut self, name: &MailboxName, on: bool) -> Result<()> {
        let verb = if on { "SUBSCRIBE" } else { "UNSUBSCRIBE" };
        self.run_one(&Command::new(verb).mailbox(name), &mut |_| Ok(()))
    }

    /// Asks for a mailbox's quota roots (RFC 2087).
    pub fn quota(&mut self, name: &MailboxName) -> Result<Vec<QuotaRoot>> {
        let mut roots = Vec::new();
        self.run_one(&Command::new("GETQUOTAROOT").mailbox(name), &mut |response| {
            if let Response::Quota(root) = response {
                roots.push(root);
            }
            Ok(())
        })?;
        Ok(roots)
    }
}

fn status_of(name: &MailboxName) -> Command {
    Command::new("STATUS").mailbox(name).syntax("(MESSAGES RECENT UNSEEN UIDNEXT UIDVALIDITY)")
}
