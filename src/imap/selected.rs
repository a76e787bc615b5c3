use std::time::{Duration, Instant};

use super::code::Code;
use super::encode::Command;
use super::response::Response;
use crate::mail::{Flag, MailboxName, Uid, UidValidity};

/// How old a server's view of an open mailbox may be. It need not look what others have done before it answers
/// (RFC 3501 §5.2), and some tell what was when the command before ended, even if that was hours ago.
const FRESH: Duration = Duration::from_secs(5);

/// How a mailbox is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// With EXAMINE: nothing can be changed.
    Read,
    /// With SELECT.
    Write,
}

impl Access {
    /// Begins the command that opens a mailbox so.
    pub(super) fn command(self) -> Command {
        Command::new(if self == Self::Write { "SELECT" } else { "EXAMINE" })
    }
}

/// The open mailbox, kept up to date from whatever the server says of it (RFC 3501 §7.3).
#[derive(Clone, Debug)]
pub struct Selected {
    /// The mailbox.
    pub name: MailboxName,
    /// How it was opened.
    pub access: Access,
    /// The server allows no changes, whatever was asked for.
    pub read_only: bool,
    /// Whether UIDs still mean what they did; `None` where the server gives none.
    pub validity: Option<UidValidity>,
    /// The next message's UID, as it was when the mailbox was opened.
    pub uid_next: Option<Uid>,
    /// What was the highest mod-sequence when the mailbox was opened: a later change of flags has a higher one
    /// (RFC 7162 §3.1.2.1). `None` where the mailbox has none.
    pub mod_sequence: Option<u64>,
    /// Since when it is open.
    opened: Instant,
    /// How many messages there are.
    pub exists: u32,
    /// The flags that messages here may have.
    pub flags: Vec<Flag>,
    /// The flags that can be changed for good; `None` where the server did not say: then all can.
    pub permanent: Option<Vec<Flag>>,
    /// New keywords can be made.
    pub new_keywords: bool,
}

impl Selected {
    pub(super) fn new(name: MailboxName, access: Access) -> Self {
        Self {
            name,
            access,
            read_only: false,
            validity: None,
            uid_next: None,
            mod_sequence: None,
            opened: Instant::now(),
            exists: 0,
            flags: Vec::new(),
            permanent: None,
            new_keywords: false,
        }
    }

    /// Tells whether a flag stored here is still there tomorrow.
    pub fn keeps(&self, flag: &Flag) -> bool {
        match &self.permanent {
            None => true,
            Some(flags) => flags.contains(flag) || (flag.is_keyword() && self.new_keywords),
        }
    }

    /// Tells whether others may have changed something that the server has not looked for.
    pub(super) fn is_old(&self) -> bool {
        self.opened.elapsed() > FRESH
    }

    /// Takes in what the server said.
    pub(super) fn absorb(&mut self, response: &Response) {
        match response {
            Response::Exists(count) => self.exists = *count,
            Response::Expunge(_) => self.exists = self.exists.saturating_sub(1),
            Response::Vanished { uids, earlier: false } => {
                let gone = u32::try_from(uids.len()).unwrap_or(u32::MAX);
                self.exists = self.exists.saturating_sub(gone);
            }
            Response::Flags(flags) => self.flags.clone_from(flags),
            Response::Status(line) => {
                if let Some(code) = &line.code {
                    self.absorb_code(code);
                }
            }
            _ => {}
        }
    }

    pub(super) fn absorb_code(&mut self, code: &Code) {
        match code {
            Code::ReadOnly => self.read_only = true,
            Code::ReadWrite => self.read_only = false,
            Code::UidNext(uid) => self.uid_next = *uid,
            Code::HighestModSeq(highest) => self.mod_sequence = self.mod_sequence.or(*highest),
            Code::UidValidity(validity) => self.validity = *validity,
            Code::PermanentFlags(flags, new) => {
                self.permanent = Some(flags.clone());
                self.new_keywords = *new;
            }
            _ => {}
        }
    }
}
