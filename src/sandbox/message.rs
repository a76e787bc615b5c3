use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use jiff::ZonedDateTime;

use super::mime::Part;
use crate::mail::{Flag, Uid};

/// A message's bytes, which never change, and their structure, found at first need.
#[derive(Debug)]
pub(super) struct Content {
    raw: Vec<u8>,
    root: OnceLock<Part>,
}

impl Content {
    pub(super) fn new(raw: Vec<u8>) -> Self {
        Self { raw, root: OnceLock::new() }
    }

    /// Gives the message's structure.
    pub(super) fn root(&self) -> &Part {
        self.root.get_or_init(|| Part::parse(&self.raw))
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }
}

/// One message of a mailbox. Cloning it is cheap: the bytes are shared.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    /// Its UID in its mailbox.
    pub uid: Uid,
    /// Its flags, `\Recent` apart.
    pub flags: BTreeSet<Flag>,
    /// Its INTERNALDATE, with the offset it came with.
    pub internal_date: ZonedDateTime,
    pub(super) content: Arc<Content>,
    /// The account's change counter when the flags last changed.
    pub(super) changed: u64,
    /// Gmail's identifier, which all its copies have; 0 elsewhere.
    pub(super) gmail_id: u64,
}

impl StoredMessage {
    /// Gives the message's bytes.
    pub fn raw(&self) -> &[u8] {
        self.content.raw()
    }

    /// Gives the flags in IMAP's spelling, parenthesised, `\Recent` among them if `recent`.
    pub(super) fn flags_text(&self, recent: bool) -> String {
        let mut names: Vec<String> = self.flags.iter().map(ToString::to_string).collect();
        if recent {
            names.push("\\Recent".to_owned());
        }
        format!("({})", names.join(" "))
    }
}
